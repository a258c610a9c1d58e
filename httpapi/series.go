package httpapi

import (
	"net/http"
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

// series answers with the points of the service, an endpoint or an organization.
func (a *API) series(r *request) (answer, error) {
	q := readParams(r)
	metrics := a.metric(q)
	scope := perfmon.Scope{
		Endpoint:     q.name("endpoint", maxScopeName, `a route pattern such as "GET /orders/{id}"`),
		Organization: q.name("organization", maxScopeName, "the name of an organization"),
	}
	now := a.m.Now()
	window := q.hours("hours", 24*time.Hour, a.reach())
	until := q.until(now, a.reach())
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
	if until.IsZero() {
		until = now
	}
	s, err := a.m.History().SeriesUntil(until, scope, window, metrics...)
	switch {
	case err != nil && scope.Organization != "":
		return nil, notFound("organization", scope.Organization)
	case err != nil && scope.Endpoint != "":
		return nil, notFound("endpoint", scope.Endpoint)
	case err != nil:
		return nil, err
	}
	return reply(http.StatusOK, seriesAnswer{now, window.Hours(), until, scope, s.Downsample(points)})
}

// metric reads the parameter that picks one metric; nil is all of them.
func (a *API) metric(q *params) []string {
	name, ok := q.text("metric")
	if !ok {
		return nil
	}
	if _, known := a.m.Metrics().Get(name); !known {
		q.fail("metric", name, "the name of a metric; GET metrics/ lists them")
	}
	return []string{name}
}
