package httpapi

import (
	"time"

	"github.com/backend-prs/perfmon"
)

// healthAnswer is the answer of GET health/.
type healthAnswer struct {
	GeneratedAt time.Time `json:"generated_at"`
	perfmon.Health
}

type healthQuestion struct{}

// health answers 200 whatever the status is, so that no probe takes a service that is
// merely slow out of its load balancer.
func (a *API) health(r *request) (answer, error) {
	q := readParams(r)
	a = a.of(q)
	if err := q.finish(); err != nil {
		return nil, err
	}
	return a.kept.answer(r, healthQuestion{}, func() (any, error) {
		return healthAnswer{a.m.Now(), r.by.health(a.m.Health(r.by.alerts()))}, nil
	})
}

// storeFailed stands for the text of a store's error, which may hold anything.
const storeFailed = "The store fails."

// health leaves out what only super admins may read.
func (p Principal) health(h perfmon.Health) perfmon.Health {
	if !p.SuperAdmin && h.Store != "" {
		h.Store = storeFailed
	}
	if !p.SuperAdmin && h.Fleet != "" {
		h.Fleet = fleetFailed
	}
	return h
}
