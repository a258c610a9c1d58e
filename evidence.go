package perfmon

import (
	"time"

	"github.com/backend-prs/perfmon/internal/traffic"
)

// evidenceSpan is over how much time the requests of a quiet scope are put together to
// be judged.
const evidenceSpan = 5 * time.Minute

// evidence puts the requests of steps together until they are enough to judge: one
// failed request of one says nothing, five of a hundred do. Only the step loop uses it.
type evidence struct {
	pools map[poolKey]*pool
}

type poolKey struct {
	scope Scope
	least int // requests that are enough
}

type pool struct {
	counts traffic.Counts
	began  time.Duration // elapsed time at which it began
}

// add returns the figures of a scope that rest on at least so many requests, once there
// are. A step with enough speaks for itself; others are put together. began is when the
// step began.
func (e *evidence) add(key poolKey, d *traffic.Counts, step requestFigures, began, elapsed time.Duration) (f requestFigures, requests uint64, ok bool) {
	p := e.pools[key]
	if p == nil && d.Responses >= uint64(key.least) {
		return step, d.Responses, true
	}
	if d.Responses == 0 {
		return f, 0, false
	}
	if p == nil {
		p = &pool{began: began}
		if e.pools == nil {
			e.pools = map[poolKey]*pool{}
		}
		e.pools[key] = p
	}
	if began+elapsed-p.began > max(evidenceSpan, elapsed) {
		p.counts.Reset()
		p.began = began
	}
	p.counts.Merge(d)
	if p.counts.Responses < uint64(key.least) {
		return f, 0, false
	}
	f, requests = deltaFigures(&p.counts, began+elapsed-p.began), p.counts.Responses
	delete(e.pools, key)
	return f, requests, true
}

// expire drops what was put together of scopes that went quiet.
func (e *evidence) expire(now time.Duration) {
	for key, p := range e.pools {
		if now-p.began > evidenceSpan {
			delete(e.pools, key)
		}
	}
}
