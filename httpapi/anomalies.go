package httpapi

import (
	"time"

	"github.com/backend-prs/perfmon"
)

// anomaliesAnswer is the answer of GET anomalies/.
type anomaliesAnswer struct {
	GeneratedAt time.Time `json:"generated_at"`
	Hours       float64   `json:"hours"`
	perfmon.Scope
	Anomalies []perfmon.Anomaly `json:"anomalies"` // newest first
}

type anomaliesQuestion struct {
	metric string // "": all
	scope  perfmon.Scope
	window time.Duration
}

// anomalies answers with the points of the service, an endpoint or an organization that do
// not fit their own past. Those of endpoints and organizations are looked for when asked.
func (a *API) anomalies(r *request) (answer, error) {
	q := readParams(r)
	what := anomaliesQuestion{a.metric(q), q.scope(), q.hours("hours", 24*time.Hour, a.retention())}
	if err := q.finish(); err != nil {
		return nil, err
	}
	if !r.by.sees(what.scope.Organization) {
		return nil, notFound("organization", what.scope.Organization)
	}
	return a.kept.answer(r, what, func() (any, error) {
		list, err := a.m.History().AnomaliesOf(what.metric, what.scope, what.window)
		if err != nil {
			return nil, noScope(what.scope, err)
		}
		return anomaliesAnswer{a.m.Now(), what.window.Hours(), what.scope, list}, nil
	})
}
