package httpapi

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync/atomic"
)

// logger hands messages to the host's logger, which may be slow, hang or panic, each in
// a goroutine of its own and only a few at a time.
type logger struct {
	log     *slog.Logger
	slots   chan struct{}
	dropped *atomic.Uint64 // messages that found no slot
}

// logSlots is how many messages the host's logger may be at; more are dropped.
const logSlots = 16

func newLogger(log *slog.Logger) logger {
	return logger{log, make(chan struct{}, logSlots), new(atomic.Uint64)}
}

// error logs a message. The arguments must be plain strings.
func (l logger) error(message string, args ...any) {
	select {
	case l.slots <- struct{}{}:
	default:
		l.dropped.Add(1)
		return
	}
	go func() {
		defer func() {
			_ = recover()
			<-l.slots
		}()
		l.log.Log(context.Background(), slog.LevelError, "httpapi: "+message, args...)
	}()
}

// failure logs why a request has no answer and returns what the client is told: where to
// look, and nothing else.
func (a *API) failure(r *http.Request, cause any) *problem {
	reference := rand.Text()[:8]
	a.log.error("a request failed", "reference", reference, "method", cut(clean(r.Method)), "path", cut(clean(r.URL.Path)),
		"error", describe(cause), "stack", limit(string(debug.Stack()), 8<<10))
	return &problem{
		Status:    http.StatusInternalServerError,
		Detail:    "The answer could not be made. The log of the service says why, under the reference " + reference + ".",
		Reference: reference,
	}
}

// describe returns the text of a value of the host's, whose own methods may panic.
func describe(v any) (text string) {
	defer func() {
		if recover() != nil {
			text = fmt.Sprintf("%T, whose text cannot be read", v)
		}
	}()
	if err, ok := v.(error); ok {
		return limit(err.Error(), 1<<10)
	}
	return limit(fmt.Sprint(v), 1<<10)
}
