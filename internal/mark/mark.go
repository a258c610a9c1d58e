// Package mark lets a handler reach the response writers that perfmon's middleware put
// around it, however many others lie between.
package mark

import (
	"iter"
	"net/http"
)

// Layer is the response writer of one middleware. Its methods are safe for concurrent
// use, and do nothing once the request has ended.
type Layer interface {
	http.ResponseWriter
	// PerfmonIgnore keeps the request from being counted.
	PerfmonIgnore()
	// PerfmonStream says that the response is a stream.
	PerfmonStream()
	// PerfmonIdentify says who made the request; an empty part changes nothing.
	PerfmonIdentify(user, session, organization string)
	// PerfmonMonitor returns the monitor that counts the request.
	PerfmonMonitor() any
}

// Ignore keeps the request that w answers from being counted by any monitor.
func Ignore(w http.ResponseWriter) {
	for l := range layers(w) {
		l.PerfmonIgnore()
	}
}

// Stream tells every monitor that w answers with a stream.
func Stream(w http.ResponseWriter) {
	for l := range layers(w) {
		l.PerfmonStream()
	}
}

// Identify tells every monitor who made the request that w answers.
func Identify(w http.ResponseWriter, user, session, organization string) {
	for l := range layers(w) {
		l.PerfmonIdentify(user, session, organization)
	}
}

// CountedBy reports whether the monitor already counts the request that w answers.
func CountedBy(w http.ResponseWriter, monitor any) bool {
	for l := range layers(w) {
		if l.PerfmonMonitor() == monitor {
			return true
		}
	}
	return false
}

// maxDepth bounds the chain, so that a writer that unwraps to itself cannot hang a
// request.
const maxDepth = 100

// layers returns the layers of w, the nearest first.
func layers(w http.ResponseWriter) iter.Seq[Layer] {
	return func(yield func(Layer) bool) {
		for range maxDepth {
			if l, ok := w.(Layer); ok && !yield(l) {
				return
			}
			u, ok := w.(interface{ Unwrap() http.ResponseWriter })
			if !ok {
				return
			}
			w = u.Unwrap()
		}
	}
}
