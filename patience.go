package perfmon

import (
	"context"
	"time"

	"github.com/benbjohnson/clock"
)

// patience waits with a limit, again and again, by one timer as long as that never goes off.
// It belongs to one goroutine. The zero value is ready.
type patience struct {
	timer *clock.Timer // stopped; nil: to be made
	over  chan struct{}
}

// wait waits until done is closed, at most for so long, and not longer than ctx lasts. It
// reports whether done is closed.
func (p *patience) wait(ctx context.Context, done <-chan struct{}, clk clock.Clock, limit time.Duration) (closed bool) {
	if p.timer == nil {
		over := make(chan struct{})
		p.over = over
		// A mock's Timer, unlike its AfterFunc, lets a ticker tick twice.
		p.timer = clk.AfterFunc(limit, func() { close(over) })
	} else {
		p.timer.Reset(limit)
	}
	select {
	case <-done:
		closed = true
	case <-p.over:
	case <-ctx.Done():
	}
	if !p.timer.Stop() {
		p.timer = nil // it went off
	}
	return closed
}
