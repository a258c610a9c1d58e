// Package middleware records the requests that an http.Handler serves.
//
// Wrap the handler of the server:
//
//	http.ListenAndServe(addr, middleware.New(m)(mux))
//
// Around http.ServeMux, an endpoint is named by the pattern that matched. For another
// router, say with [WithRoute] how it names its routes:
//
//	middleware.New(m, middleware.WithRoute(func(r *http.Request) string {
//		return chi.RouteContext(r.Context()).RoutePattern()
//	}))
//
// [WithIdentity] says who made a request, [WithTraceID] which trace it belongs to, and
// [WithSkip] leaves requests out. Inside a handler, [Identify], [Ignore] and [MarkStream] do the same for one request.
//
// # What it costs
//
// Recording a request takes no lock and writes two shared counters. It allocates 32 bytes:
// the response writer that the handler gets is never used again, so a handler that keeps
// it cannot reach the response to another request. Sixteen writers are allocated at a time.
// While any of them is in use, as by an open stream, up to fifteen others stay in memory,
// with what the server and the host's contexts hold of their requests. Each call of [Identify] allocates
// another 64 bytes.
package middleware

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/internal/mark"
)

// New returns a middleware that records into m. It panics if m or the handler to wrap is
// nil: both are mistakes in the host's code. The middleware is safe for concurrent use.
//
// Where it is applied twice with the same monitor, the outer one records the request and
// the inner one, with its options, does nothing. Different monitors each record it.
//
// A request counts with the first final status that was written, 200 if there is none. A
// panic counts as a 500 and continues, as does a handler that ends its goroutine. There is
// one exception: panic(http.ErrAbortHandler) after the client has hung up, as
// httputil.ReverseProxy does, counts with the status that was written, or as a 499.
//
// The response writer that the handler gets implements http.Flusher, http.Hijacker,
// http.Pusher, http.CloseNotifier and io.ReaderFrom exactly where the server's does, and
// unwraps for http.ResponseController. After the handler has returned, it still passes
// everything on to the server's writer, and nothing to the monitor.
//
// A response counts as a stream when its Content-Type is text/event-stream or
// multipart/x-mixed-replace, when the status 101 is written, when the connection is
// hijacked, and when the handler calls [MarkStream].
func New(m *perfmon.Monitor, opts ...Option) func(http.Handler) http.Handler {
	if m == nil {
		panic("middleware: New: the monitor is nil")
	}
	o := &options{}
	for _, opt := range opts {
		if opt != nil {
			opt(o)
		}
	}
	pool := &sync.Pool{New: func() any { return &pooled{origin: &origin{recorder: m.NewRecorder()}} }}
	return func(next http.Handler) http.Handler {
		if next == nil {
			panic("middleware: the handler to wrap is nil")
		}
		return &handler{monitor: m, options: o, hooked: o.route != nil || o.identity != nil || o.traceID != nil, next: next, pool: pool}
	}
}

type handler struct {
	monitor *perfmon.Monitor
	options *options
	hooked  bool // the host names routes, identities or traces
	next    http.Handler
	pool    *sync.Pool
}

// ServeHTTP serves and records one request.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !h.monitor.Recording() || h.options.skip != nil && h.skips(r) {
		h.next.ServeHTTP(w, r)
		return
	}
	p := h.pool.Get().(*pooled)
	kind := p.kind(w)
	if kind&unwraps != 0 && mark.CountedBy(w, h.monitor) {
		h.pool.Put(p)
		h.next.ServeHTTP(w, r)
		return
	}
	rw, recorder := p.newWriter(w), p.origin.recorder
	h.pool.Put(p) // before the handler runs: what is pooled is one a processor, and not one a request
	returned, began := false, recorder.Start()
	defer h.cut(&returned, rw, r, began)
	h.next.ServeHTTP(rw.wrapped(kind&^unwraps), r)
	returned = true
	state := rw.state.Add(isDone) // first: reading the clock waits for it, and hides what it takes
	took := recorder.Took(began)
	if status := int(state & statusMask); status != 0 && state&(isStream|isIgnored|isIdentified) == 0 && !h.hooked {
		recorder.EndRoute(took, r.Method, r.Pattern, status, false)
		return
	}
	h.end(rw, r, took, state)
}

// statusClientClosed is what nginx logs for a client that hung up before the response.
const statusClientClosed = 499

// cut ends the request of a handler that did not return. It recovers only from a panic that
// may say that the client has hung up, and lets it continue: the frames of the handler are
// still on the stack then, below those of cut.
func (h *handler) cut(returned *bool, w *writer, r *http.Request, began time.Duration) {
	if *returned {
		return
	}
	var panicked any
	status := http.StatusInternalServerError
	if r.Context().Err() == context.Canceled {
		if panicked = recover(); panicked == http.ErrAbortHandler {
			status = statusClientClosed
		}
	}
	took, state := w.recorder().Took(began), w.state.Add(isDone)
	if written := int(state & statusMask); status == statusClientClosed && written != 0 {
		status = written
	}
	h.count(w, r, took, state, status, state&isStream != 0)
	if panicked != nil {
		panic(panicked)
	}
}

// end ends the request of a handler that has returned.
func (h *handler) end(w *writer, r *http.Request, took time.Duration, state uint32) {
	status, stream := int(state&statusMask), state&isStream != 0
	if status == 0 {
		status = http.StatusOK
		// The header may have been written past this writer.
		stream = stream || state&headerAsked != 0 && hasStreamType(w.inner)
	}
	h.count(w, r, took, state, status, stream)
}

// count counts the response. The functions of the host run after the duration is taken.
func (h *handler) count(w *writer, r *http.Request, took time.Duration, state uint32, status int, stream bool) {
	if state&isIgnored != 0 {
		return
	}
	stream = stream && !h.options.streamTimes
	if h.hooked {
		h.countAfterHooks(w, r, took, state, status, stream)
		return
	}
	if state&isStream != 0 {
		w.recorder().CloseStream()
	}
	w.recorder().EndRoute(took, r.Method, r.Pattern, status, stream)
	w.endIdentity(took, status, stream)
}
