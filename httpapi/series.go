package httpapi

import (
	"time"

	"github.com/backend-prs/perfmon"
)

// seriesAnswer is the answer of GET series/.
type seriesAnswer struct {
	GeneratedAt time.Time `json:"generated_at"`
	Hours       float64   `json:"hours"`
	Until       time.Time `json:"until"` // when the window ends
	perfmon.Scope
	Series perfmon.Series `json:"series"`
}

type seriesQuestion struct {
	metric string // "": all
	scope  perfmon.Scope
	window time.Duration
	until  time.Time // zero: now
	points int
}

// series answers with the points of the service, an endpoint or an organization.
func (a *API) series(r *request) (answer, error) {
	q := readParams(r)
	a = a.of(q)
	metric := a.metric(q)
	scope := perfmon.Scope{
		Endpoint:     q.name("endpoint", maxScopeName, `a route pattern such as "GET /orders/{id}"`),
		Organization: q.name("organization", maxScopeName, "the name of an organization"),
	}
	window := q.hours("hours", 24*time.Hour, a.reach())
	until := q.until(a.m.Now(), a.reach())
	points := q.int("points", defaultPoints, 1, maxPoints)
	if scope.Endpoint != "" && scope.Organization != "" {
		q.fail("organization", scope.Organization, "an endpoint or an organization, not both")
	}
	if err := q.finish(); err != nil {
		return nil, err
	}
	if !r.by.sees(scope.Organization) {
		return nil, notFound("organization", scope.Organization)
	}
	what := seriesQuestion{metric, scope, window, until, points}
	return a.kept.answer(r, what, func() (any, error) { return a.seriesOf(what) })
}

func (a *API) seriesOf(q seriesQuestion) (any, error) {
	now := a.m.Now()
	if q.until.IsZero() {
		q.until = now
	}
	s, err := a.m.History().SeriesUntil(q.until, q.scope, q.window, one(q.metric)...)
	switch {
	case err != nil && q.scope.Organization != "":
		return nil, notFound("organization", q.scope.Organization)
	case err != nil && q.scope.Endpoint != "":
		return nil, notFound("endpoint", q.scope.Endpoint)
	case err != nil:
		return nil, err
	}
	return seriesAnswer{now, q.window.Hours(), q.until, q.scope, s.Downsample(q.points)}, nil
}

// metric reads the parameter that picks one metric; "" is all of them.
func (a *API) metric(q *params) string {
	name, ok := q.text("metric")
	if _, known := a.m.Metrics().Get(name); ok && !known {
		q.fail("metric", name, "the name of a metric; GET metrics/ lists them")
	}
	return name
}

// one is the list of one metric, empty for all of them.
func one(metric string) []string {
	if metric == "" {
		return nil
	}
	return []string{metric}
}
