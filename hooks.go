package perfmon

import (
	"sync/atomic"
	"time"

	"golang.org/x/exp/slices"
)

// Hook is a function of the host that a middleware calls for each request.
type Hook string

const (
	HookRoute    Hook = "route"    // names the route of a request
	HookIdentity Hook = "identity" // says who made a request
	HookSkip     Hook = "skip"     // picks the requests that are not recorded
	HookTraceID  Hook = "trace_id" // says which trace a request belongs to
)

// HookStatus says how a hook behaves. A hook that is slow keeps a connection from its
// next request; one that panics leaves requests without a route, an identity or a trace.
type HookStatus struct {
	Hook    Hook          `json:"hook"`
	Panics  uint64        `json:"panics"`     // since the start, of all calls
	Timed   uint64        `json:"timed"`      // calls that were timed: a few of all
	Total   time.Duration `json:"total_ns"`   // of the timed calls
	Slowest time.Duration `json:"slowest_ns"` // of the timed calls
}

// hookNames is the order in which hooks are kept and listed.
var hookNames = [...]Hook{HookRoute, HookIdentity, HookSkip, HookTraceID}

// hooks counts what the hooks of all middlewares of a monitor did.
type hooks [len(hookNames)]struct {
	panics, timed  atomic.Uint64
	total, slowest atomic.Int64
}

// Hooks returns how each hook behaves, all four in a fixed order. It is safe for
// concurrent use.
func (m *Monitor) Hooks() []HookStatus {
	list := make([]HookStatus, len(hookNames))
	for i := range m.hooks {
		h := &m.hooks[i]
		list[i] = HookStatus{hookNames[i], h.panics.Load(), h.timed.Load(), time.Duration(h.total.Load()), time.Duration(h.slowest.Load())}
	}
	return list
}

// RecordHookPanic counts a panic of a hook. It is for those who write middleware, and
// safe for concurrent use. A hook that is not one of the four is ignored.
func (m *Monitor) RecordHookPanic(hook Hook) {
	if i := slices.Index(hookNames[:], hook); i >= 0 {
		m.hooks[i].panics.Add(1)
	}
}

// RecordHookTime records how long one call of a hook took. It writes to memory that all
// processors share, so time one call in many. It is safe for concurrent use. A hook that
// is not one of the four is ignored.
func (m *Monitor) RecordHookTime(hook Hook, d time.Duration) {
	i := slices.Index(hookNames[:], hook)
	if i < 0 {
		return
	}
	h := &m.hooks[i]
	h.timed.Add(1)
	h.total.Add(int64(d))
	for {
		slowest := h.slowest.Load()
		if int64(d) <= slowest || h.slowest.CompareAndSwap(slowest, int64(d)) {
			return
		}
	}
}
