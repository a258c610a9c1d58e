// Package middleware records the requests that an http.Handler serves.
//
//	http.ListenAndServe(addr, middleware.New(m)(mux))
//
// Around http.ServeMux, endpoints are named by the pattern that matched. For other
// routers, say with [WithRoute] how they name theirs:
//
//	middleware.New(m, middleware.WithRoute(func(r *http.Request) string {
//		return chi.RouteContext(r.Context()).RoutePattern()
//	}))
//
// Recording a request allocates nothing, takes no lock and touches two counters.
package middleware

import (
	"net/http"
	"strings"
	"sync"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/internal/mark"
)

// Identity says who made a request. Each part may be empty.
type Identity struct {
	User, Session, Organization string
}

// Option sets up the middleware.
type Option func(*options)

type options struct {
	route       func(*http.Request) string
	identity    func(*http.Request) Identity
	skip        func(*http.Request) bool
	streamTimes bool
}

// WithRoute says how to find the name of the route that served a request: a pattern
// such as "/orders/{id}", with or without a method before it, never the raw path. It is
// asked after the handler has returned; "" counts as "(unmatched)". Default: the
// request's Pattern, which http.ServeMux sets.
//
// A router below a middleware that copies the request, with WithContext or Clone, sets
// the pattern of the copy. Put this middleware inside that one.
func WithRoute(route func(*http.Request) string) Option {
	return func(o *options) { o.route = route }
}

// WithIdentity says who made a request, for the counts of active users and sessions
// and the figures of organizations. It is asked after the handler has returned, about
// the request as it came in; a handler that knows more calls Identify. A panic in it
// means that nobody is known.
func WithIdentity(identity func(*http.Request) Identity) Option {
	return func(o *options) { o.identity = identity }
}

// WithSkip leaves out the requests that skip picks, such as health probes. It is asked
// before the handler; a panic in it means no.
func WithSkip(skip func(*http.Request) bool) Option {
	return func(o *options) { o.skip = skip }
}

// WithStreamTimes counts the duration of event streams and upgraded connections among
// the response times. By default it is left out: a stream is not a slow request.
// Either way they count as responses when they end, and as open streams before.
func WithStreamTimes() Option {
	return func(o *options) { o.streamTimes = true }
}

// New returns a middleware that records into m. A panic in the handler counts as a 500
// and goes on up.
//
// The response writer given to the handler implements http.Flusher, http.Hijacker,
// http.Pusher and io.ReaderFrom exactly where the server's does, and unwraps for
// http.ResponseController. It must not be used after the handler has returned.
func New(m *perfmon.Monitor, opts ...Option) func(http.Handler) http.Handler {
	if m == nil {
		panic("middleware: New: the monitor is nil")
	}
	o := &options{}
	for _, opt := range opts {
		opt(o)
	}
	pool := &sync.Pool{New: func() any { return &writer{recorder: m.NewRecorder()} }}
	return func(next http.Handler) http.Handler {
		return &handler{monitor: m, options: o, next: next, pool: pool}
	}
}

type handler struct {
	monitor *perfmon.Monitor
	options *options
	next    http.Handler
	pool    *sync.Pool
}

// ServeHTTP serves and records one request.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !h.monitor.Recording() || h.options.skip != nil && h.skips(r) {
		h.next.ServeHTTP(w, r)
		return
	}
	rw := h.pool.Get().(*writer)
	rw.begin(w)
	defer h.end(rw, r)
	h.next.ServeHTTP(rw.wrapped(), r)
	rw.returned = true
}

// end records what came of the request. It does not recover from the handler's panic,
// so that its stack stays whole.
func (h *handler) end(rw *writer, r *http.Request) {
	if rw.ignored {
		rw.recorder.Discard()
	} else {
		h.finish(rw, r)
		rw.recorder.End(&rw.response)
	}
	rw.inner = nil
	if !rw.hijacked {
		// The server's writer of a hijacked connection may still be about; this one
		// must not come to serve another request then.
		h.pool.Put(rw)
	}
}

// finish fills in the response what is only known at the end.
func (h *handler) finish(rw *writer, r *http.Request) {
	response := &rw.response
	response.Method, response.Pattern = r.Method, h.route(r)
	switch {
	case !rw.returned:
		response.Status = http.StatusInternalServerError
	case response.Status != 0:
	case asksUpgrade(r):
		// The connection was taken over behind this writer's back.
		rw.PerfmonStream()
		response.Status = http.StatusSwitchingProtocols
	default:
		response.Status = http.StatusOK
	}
	response.Stream = rw.stream && !h.options.streamTimes
	if h.options.identity != nil {
		h.identify(response, r)
	}
}

// skips asks the host; a panic in its function means no.
func (h *handler) skips(r *http.Request) bool {
	defer func() { _ = recover() }()
	return h.options.skip(r)
}

// route names the request's route; a panic in the host's function means none.
func (h *handler) route(r *http.Request) (pattern string) {
	if h.options.route == nil {
		return r.Pattern
	}
	defer func() { _ = recover() }()
	return h.options.route(r)
}

// identify asks the host who it was; what a handler has said goes before.
func (h *handler) identify(response *perfmon.Response, r *http.Request) {
	defer func() { _ = recover() }()
	id := h.options.identity(r)
	if response.User == "" {
		response.User = id.User
	}
	if response.Session == "" {
		response.Session = id.Session
	}
	if response.Organization == "" {
		response.Organization = id.Organization
	}
}

func asksUpgrade(r *http.Request) bool {
	if len(r.Header) == 0 {
		return false
	}
	return r.Header.Get("Upgrade") != "" && strings.Contains(strings.ToLower(r.Header.Get("Connection")), "upgrade")
}

// Ignore keeps the request that w answers from being counted. It finds the middleware
// through other wrappers that have an Unwrap method.
func Ignore(w http.ResponseWriter) {
	if r := mark.Of(w); r != nil {
		r.PerfmonIgnore()
	}
}

// MarkStream says that w answers with a stream, so that its duration is no response
// time. Event streams, multipart streams and upgraded connections are found without it.
func MarkStream(w http.ResponseWriter) {
	if r := mark.Of(w); r != nil {
		r.PerfmonStream()
	}
}

// Identify says who made the request that w answers, from inside a handler. Empty parts
// change nothing.
func Identify(w http.ResponseWriter, id Identity) {
	if r := mark.Of(w); r != nil {
		r.PerfmonIdentify(id.User, id.Session, id.Organization)
	}
}
