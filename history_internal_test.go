package perfmon

import (
	"testing"
	"time"

	"github.com/backend-prs/perfmon/sketch"
)

// What is kept of a scope goes when it is older than the retention: its figures one by
// one, and then the scope.
func TestHistoryForgetsScopes(t *testing.T) {
	const retention = 2 * time.Hour
	m, _ := resting(t)
	h, c := m.history, m.registry.catalog()
	old, busy := Scope{Endpoint: "GET /old"}, Scope{Endpoint: "GET /busy"}
	point := func(d time.Duration, scopes ...Scope) {
		for _, s := range scopes {
			h.count(s, epoch.Add(d), counts(10, 1))
		}
		h.close(epoch.Add(d), time.Minute, retention, c, nil, false)
	}
	point(time.Minute, old, busy)
	point(time.Hour, busy)
	held := func(s Scope) uint64 {
		if !h.has(s) {
			return 0
		}
		return h.scopes[s].digests.Since(time.Time{}, &sketch.Sketch{}).Responses
	}
	if held(old) != 10 || held(busy) != 20 {
		t.Errorf("%d and %d responses are held, want 10 and 20", held(old), held(busy))
	}
	point(time.Minute + retention)
	if !h.has(old) || held(old) != 0 || held(busy) != 10 {
		t.Errorf("after the retention: %v, %d and %d", h.has(old), held(old), held(busy))
	}
	point(time.Minute + retention + 1)
	if h.has(old) || !h.has(busy) {
		t.Errorf("after more than the retention: %v and %v are held", h.has(old), h.has(busy))
	}
	h.release([]Scope{busy, {Endpoint: "never there"}})
	if h.has(busy) {
		t.Error("a scope whose name was given back is held")
	}
}
