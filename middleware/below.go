package middleware

import (
	"bufio"
	"net"
	"net/http"
)

// below is what a writer unwraps to. It stands for the inner writer, and keeps a flush or
// a hijack from passing the writer by: a ResponseController that does not find one of them
// in the inner writer looks further down.
type below struct{ w *writer }

func (b below) Header() http.Header               { return b.w.Header() }
func (b below) WriteHeader(status int)            { b.w.WriteHeader(status) }
func (b below) Write(p []byte) (int, error)       { return b.w.Write(p) }
func (b below) WriteString(s string) (int, error) { return b.w.WriteString(s) }
func (b below) Unwrap() http.ResponseWriter       { return b.w.inner }

// The inner writer, or one further down, is a Flusher (F), a Hijacker (H), or both.
type (
	belowF  struct{ below }
	belowH  struct{ below }
	belowFH struct{ below }
)

func (b belowF) Flush()             { _ = b.flushError() }
func (b belowF) FlushError() error  { return b.flushError() }
func (b belowFH) Flush()            { _ = b.flushError() }
func (b belowFH) FlushError() error { return b.flushError() }

func (b belowH) Hijack() (net.Conn, *bufio.ReadWriter, error)  { return b.hijack() }
func (b belowFH) Hijack() (net.Conn, *bufio.ReadWriter, error) { return b.hijack() }

func (b below) flushError() error {
	b.w.note(http.StatusOK)
	return http.NewResponseController(b.w.inner).Flush()
}

func (b below) hijack() (net.Conn, *bufio.ReadWriter, error) {
	return b.w.hijacked(http.NewResponseController(b.w.inner).Hijack())
}

// maxDepth bounds a chain of writers: one that unwraps to itself must not hang a request.
const maxDepth = 100

// find returns the first of w and the writers below it that is a T.
func find[T any](w http.ResponseWriter) (found T, ok bool) {
	for range maxDepth {
		if found, ok = w.(T); ok {
			return found, true
		}
		u, unwraps := w.(interface{ Unwrap() http.ResponseWriter })
		if !unwraps {
			break
		}
		w = u.Unwrap()
	}
	return found, false
}
