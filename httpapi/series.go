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
	scope := q.scope()
	window := q.hours("hours", 24*time.Hour, a.reach())
	until := q.until(a.m.Now(), a.reach())
	points := q.int("points", defaultPoints, 1, maxPoints)
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
	if err != nil {
		return nil, noScope(q.scope, err)
	}
	return seriesAnswer{now, q.window.Hours(), q.until, q.scope, s.Downsample(q.points)}, nil
}

// scope reads the parameters that pick an endpoint or an organization; without them it is
// the service.
func (p *params) scope() perfmon.Scope {
	s := perfmon.Scope{
		Endpoint:     p.name("endpoint", maxScopeName, `a route pattern such as "GET /orders/{id}"`),
		Organization: p.name("organization", maxScopeName, "the name of an organization"),
	}
	if s.Endpoint != "" && s.Organization != "" {
		p.fail("organization", s.Organization, "an endpoint or an organization, not both")
	}
	return s
}

// noScope is the error about a scope that the monitor does not know.
func noScope(s perfmon.Scope, err error) error {
	switch {
	case s.Organization != "":
		return notFound("organization", s.Organization)
	case s.Endpoint != "":
		return notFound("endpoint", s.Endpoint)
	}
	return err
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
