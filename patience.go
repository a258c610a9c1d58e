package perfmon

import (
	"context"
	"time"

	"github.com/benbjohnson/clock"
)

// patience waits with a limit, again and again, by one timer. It belongs to one goroutine.
// The zero value is ready.
type patience struct{ timer *clock.Timer }

// wait waits until done is closed, at most for so long, and not longer than ctx lasts. It
// reports whether done is closed.
func (p *patience) wait(ctx context.Context, done <-chan struct{}, clk clock.Clock, limit time.Duration) (closed bool) {
	if p.timer == nil {
		p.timer = clk.Timer(limit)
	} else {
		p.timer.Reset(limit)
	}
	select {
	case <-done:
		closed = true
	case <-p.timer.C:
		return false
	case <-ctx.Done():
	}
	if !p.timer.Stop() {
		select {
		case <-p.timer.C: // it went off meanwhile
		default:
		}
	}
	return closed
}
