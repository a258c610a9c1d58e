package httpapi

import (
	"net/http"
	"time"

	"github.com/backend-prs/perfmon"
)

// trendsAnswer is the answer of GET trends/.
type trendsAnswer struct {
	GeneratedAt time.Time       `json:"generated_at"`
	Hours       float64         `json:"hours"`
	Trends      []perfmon.Trend `json:"trends"`
	Series      perfmon.Series  `json:"series"` // of both windows
}

// trends compares the last window of each metric of the service with the one before it.
func (a *API) trends(r *request) (answer, error) {
	q := readParams(r)
	metrics := a.metric(q)
	window := q.hours("hours", time.Hour, a.retention()/2)
	points := q.int("points", defaultPoints, 1, maxPoints)
	if err := q.finish(); err != nil {
		return nil, err
	}
	h := a.m.History()
	s, err := h.Series(perfmon.Scope{}, 2*window, metrics...)
	if err != nil {
		return nil, err
	}
	out := trendsAnswer{a.m.Now(), window.Hours(), []perfmon.Trend{}, s.Downsample(points)}
	for _, metric := range a.m.Metrics().All() {
		if _, ok := s.Metrics[metric.Name]; !ok && len(metrics) == 0 || len(metrics) > 0 && metric.Name != metrics[0] {
			continue
		}
		t, err := h.Trend(metric.Name, perfmon.Scope{}, window)
		if err != nil {
			return nil, err
		}
		out.Trends = append(out.Trends, t)
	}
	return reply(http.StatusOK, out)
}
