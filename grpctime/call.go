package grpctime

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/backend-prs/perfmon"
)

// call is one that is being handled.
type call struct {
	c        *Calls
	ctx      context.Context
	recorder *perfmon.Recorder
	method   string
	began    time.Duration
	stream   bool
	returned bool // the handler; or else it panics, or ends its goroutine
}

func (c *Calls) begin(ctx context.Context, method string) call {
	r := c.recorders.Get().(*perfmon.Recorder)
	return call{c: c, ctx: ctx, recorder: r, method: method, began: r.Start()}
}

// end counts a call. It is deferred, so one that panics counts as well.
func (l *call) end(err *error) {
	took := l.recorder.Took(l.began)
	status := l.c.statuses[codes.Internal]
	if l.returned {
		status = l.c.statusOf(*err)
	}
	var who Identity
	if l.c.identity != nil {
		who = l.c.identify(l.ctx)
	}
	if l.stream { // whose method is a new string each time
		l.recorder.CloseStream()
		l.recorder.EndAfter(took, &perfmon.Response{
			Method: "POST", Pattern: l.method, Status: status, Stream: true, User: who.User, Session: who.Session, Organization: who.Organization,
		})
	} else {
		l.recorder.EndRoute(took, "POST", l.method, status, false)
		l.recorder.EndIdentity(took, status, false, who.User, who.Session, who.Organization)
	}
	l.c.recorders.Put(l.recorder)
}

// identify asks the host's function, contained.
func (c *Calls) identify(ctx context.Context) (who Identity) {
	defer func() {
		if recover() != nil {
			c.m.RecordHookPanic(perfmon.HookIdentity)
			who = Identity{}
		}
	}()
	return c.identity(ctx)
}
