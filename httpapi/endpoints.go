package httpapi

import (
	"time"

	"github.com/backend-prs/perfmon"
)

const (
	defaultSparks = 60
	maxSparks     = 300
)

// endpointsAnswer is the answer of GET endpoints/.
type endpointsAnswer struct {
	GeneratedAt time.Time `json:"generated_at"`
	Hours       float64   `json:"hours"`
	perfmon.EndpointTable
}

type endpointsQuestion struct {
	window time.Duration
	points int
}

// listEndpoints has the figures of every endpoint, each with a series for a small chart.
func (a *API) listEndpoints(r *request) (answer, error) {
	q := readParams(r)
	a = a.of(q)
	window := q.hours("hours", 24*time.Hour, a.reach())
	points := q.int("points", defaultSparks, 1, maxSparks)
	if err := q.finish(); err != nil {
		return nil, err
	}
	return a.kept.answer(r, endpointsQuestion{window, points}, func() (any, error) {
		return endpointsAnswer{a.m.Now(), window.Hours(), a.m.History().EndpointTable(window, points)}, nil
	})
}
