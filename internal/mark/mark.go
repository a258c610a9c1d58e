// Package mark lets a handler reach the response writer that a middleware wrapped
// around it, however many others lie between.
package mark

import "net/http"

// Request is what such a writer offers.
type Request interface {
	http.ResponseWriter
	// PerfmonIgnore keeps the request from being counted.
	PerfmonIgnore()
	// PerfmonStream says that the response is a stream.
	PerfmonStream()
	// PerfmonIdentify says who made the request; an empty part changes nothing.
	PerfmonIdentify(user, session, organization string)
}

// Of returns the nearest one below w, nil when there is none.
func Of(w http.ResponseWriter) Request {
	for range 100 { // a writer that unwraps to itself must not hang a request
		if r, ok := w.(Request); ok {
			return r
		}
		u, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return nil
		}
		w = u.Unwrap()
	}
	return nil
}
