package httpapi

import (
	"net/http"
	"time"

	"github.com/backend-prs/perfmon"
)

type health struct {
	Status  perfmon.HealthStatus `json:"status"`
	Reason  string               `json:"reason"`
	Targets []target             `json:"targets"`
}

type target struct {
	Metric     string             `json:"metric_name"`
	Comparison perfmon.Comparison `json:"comparison"`
	Limit      float64            `json:"target"`
	Value      number             `json:"value"`
	Met        *bool              `json:"met"` // null: not known
	Over       string             `json:"over"`
}

// healthFor is the health that a principal sees: alerts it does not see do not count.
func (a *api) healthFor(p Principal) health {
	h := a.m.Health(p.alerts())
	out := health{Status: h.Status, Reason: h.Reason}
	for _, t := range h.Targets {
		item := target{t.Metric, t.Comparison, t.Limit, number(t.Value), nil, t.Over}
		if met, known := t.Met(); known {
			item.Met = &met
		}
		out.Targets = append(out.Targets, item)
	}
	return out
}

// health answers 200 whatever the status is, so that no probe takes a service that is
// merely slow out of its load balancer.
func (a *api) health(r *http.Request, p Principal) (int, any, error) {
	if err := readParams(r).finish(); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, struct {
		GeneratedAt time.Time `json:"generated_at"`
		health
	}{a.m.Now(), a.healthFor(p)}, nil
}

// diagnostics leaves out what is about organizations that the principal does not see.
func (a *api) diagnostics(r *http.Request, p Principal) (int, any, error) {
	if err := readParams(r).finish(); err != nil {
		return 0, nil, err
	}
	d := a.m.Diagnostics()
	kept := d.Thresholds[:0]
	for _, t := range d.Thresholds {
		if p.sees(t.Scope.Organization) {
			kept = append(kept, t)
		}
	}
	d.Thresholds = kept
	return http.StatusOK, d, nil
}
