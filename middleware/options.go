package middleware

import "net/http"

// Identity says who made a request. Each part may be empty.
type Identity struct {
	User, Session, Organization string
}

// Option sets up the middleware. A nil Option changes nothing.
type Option func(*options)

// The functions of an option run in the goroutine of the request and must be safe for
// concurrent use. A panic in one of them is contained. [perfmon.Monitor.Hooks] counts the
// panics and shows how long the functions take.

type options struct {
	route       func(*http.Request) string
	identity    func(*http.Request) Identity
	skip        func(*http.Request) bool
	traceID     func(*http.Request) string
	streamTimes bool
}

// WithRoute says how to find the name of the route that served a request: a pattern such
// as "/orders/{id}", with or without a method before it, never the raw path. "" counts as
// "(unmatched)", and so does a panic. Default, and with nil: the request's Pattern, which
// http.ServeMux sets.
//
// The function runs after the handler has returned, in the goroutine of the request. Its
// time is not part of the response time, but the connection's next request waits for it.
// [perfmon.Monitor.Hooks] shows how long it takes and how often it panics.
//
// A router below a middleware that copies the request, with WithContext or Clone, sets
// the pattern of the copy. Put this middleware inside that one.
func WithRoute(route func(*http.Request) string) Option {
	return func(o *options) { o.route = route }
}

// WithIdentity says who made a request, for the counts of active users and sessions and
// the figures of organizations. The function gets the request as it came in. What a
// handler says with [Identify] goes before what the function says; a panic in the
// function means that it knows nobody. Default, and with nil: nobody.
//
// Like the function of [WithRoute], it runs after the handler has returned, and its time
// is not part of the response time.
func WithIdentity(identity func(*http.Request) Identity) Option {
	return func(o *options) { o.identity = identity }
}

// WithSkip leaves out the requests that skip picks, such as health probes. The function
// runs before the handler; a panic in it means no. Default, and with nil: no request is
// left out.
func WithSkip(skip func(*http.Request) bool) Option {
	return func(o *options) { o.skip = skip }
}

// WithTraceID says which trace a request belongs to, so that a slow bucket of a histogram
// leads to a trace: the first request of each step, endpoint, class of status and magnitude
// of duration becomes an exemplar, which the exporters prom and otlp hand on. "" means that
// there is no trace, or none that is kept; so does a panic, and an ID that is not 1 to 64 of
// 0-9, a-z, A-Z and -. The function gets the request as it came in: [TraceParent] reads the
// header of W3C, and a tracing middleware that this one is inside of has put its span into
// the context. Default, and with nil: no exemplars.
//
// Like the function of [WithRoute], it runs after the handler has returned, and its time
// is not part of the response time.
func WithTraceID(traceID func(*http.Request) string) Option {
	return func(o *options) { o.traceID = traceID }
}

// WithStreamTimes counts the duration of event streams and upgraded connections among
// the response times. By default it is left out: a stream is not a slow request. Either
// way a stream counts as an open stream until it ends, and then as a response.
func WithStreamTimes() Option {
	return func(o *options) { o.streamTimes = true }
}
