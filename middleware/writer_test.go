package middleware_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/backend-prs/perfmon/middleware"
)

// The optional interfaces are there exactly where the server's writer has them, and reach
// it.
func TestOptionalInterfaces(t *testing.T) {
	optional := []struct {
		name string
		call func(w http.ResponseWriter) bool // false: w does not implement it
	}{
		{"Flush", func(w http.ResponseWriter) bool {
			f, ok := w.(http.Flusher)
			if ok {
				f.Flush()
			}
			return ok
		}},
		{"Hijack", func(w http.ResponseWriter) bool {
			h, ok := w.(http.Hijacker)
			if ok {
				_, _, _ = h.Hijack()
			}
			return ok
		}},
		{"ReadFrom", func(w http.ResponseWriter) bool {
			r, ok := w.(io.ReaderFrom)
			if ok {
				_, _ = r.ReadFrom(strings.NewReader(""))
			}
			return ok
		}},
		{"Push", func(w http.ResponseWriter) bool {
			p, ok := w.(http.Pusher)
			if ok {
				_ = p.Push("", nil)
			}
			return ok
		}},
		{"CloseNotify", func(w http.ResponseWriter) bool {
			c, ok := w.(interface{ CloseNotify() <-chan bool })
			if ok {
				c.CloseNotify()
			}
			return ok
		}},
	}
	m, another := watch(t), watch(t)
	for kind := range 1 << len(optional) {
		// The server's writer is one of another monitor, which has that combination.
		server := &witness{}
		inner := middleware.Combination(another.Monitor, server, kind)
		middleware.New(m.Monitor)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for bit, o := range optional {
				want := kind>>bit&1 != 0
				if got := o.call(inner); got != want {
					t.Fatalf("combination %d: the server's writer has %s: %v, want %v", kind, o.name, got, want)
				}
				before := server.calls.String()
				if got := o.call(w); got != want {
					t.Errorf("combination %d: the handler's writer has %s: %v, want %v", kind, o.name, got, want)
				}
				if want && server.calls.String() != before+o.name+";" {
					t.Errorf("combination %d: %s does not reach the server's writer", kind, o.name)
				}
			}
			_, got := w.(interface{ FlushError() error })
			if _, want := inner.(interface{ FlushError() error }); got != want {
				t.Errorf("combination %d: the handler's writer has FlushError: %v, want %v", kind, got, want)
			}
		})).ServeHTTP(inner, httptest.NewRequest("GET", "/", nil))
	}
}

// gin's Context.Stream asserts http.CloseNotifier.
func TestCloseNotifier(t *testing.T) {
	m := watch(t)
	server := httptest.NewServer(middleware.New(m.Monitor)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := w.(interface{ CloseNotify() <-chan bool }); !ok {
			t.Error("the writer is no http.CloseNotifier")
		}
	})))
	defer server.Close()
	resp, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
}

// What a writer unwraps to offers a flush and a hijack exactly where something below does.
func TestUnwrap(t *testing.T) {
	m := watch(t)
	plain := struct{ http.ResponseWriter }{httptest.NewRecorder()}
	tests := []struct {
		name          string
		inner         http.ResponseWriter
		flush, hijack bool
	}{
		{"neither", plain, false, false},
		{"flusher", httptest.NewRecorder(), true, false},
		{"flusher further down", wrapper{httptest.NewRecorder()}, true, false},
		{"hijacker", struct {
			http.ResponseWriter
			http.Hijacker
		}{plain, &witness{}}, false, true},
		{"both further down", wrapper{wrapper{&witness{header: http.Header{}}}}, true, true},
		{"unwraps to itself", loop{plain}, false, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			middleware.New(m.Monitor)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				below := w.(interface{ Unwrap() http.ResponseWriter }).Unwrap()
				_, flush := below.(http.Flusher)
				_, hijack := below.(http.Hijacker)
				if flush != test.flush || hijack != test.hijack {
					t.Errorf("flusher %v, hijacker %v, want %v and %v", flush, hijack, test.flush, test.hijack)
				}
				if below != test.inner {
					inner := below.(interface{ Unwrap() http.ResponseWriter }).Unwrap()
					if inner != test.inner {
						t.Errorf("it unwraps to %T, want %T", inner, test.inner)
					}
				}
				_, _ = io.WriteString(below, "x")
			})).ServeHTTP(test.inner, httptest.NewRequest("GET", "/", nil))
		})
	}
}

// loop is a broken writer.
type loop struct{ http.ResponseWriter }

func (l loop) Unwrap() http.ResponseWriter { return l }

// Deadlines of a ResponseController reach the real connection.
func TestResponseController(t *testing.T) {
	m := watch(t)
	server := httptest.NewServer(middleware.New(m.Monitor)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		for name, err := range map[string]error{
			"SetReadDeadline":  rc.SetReadDeadline(time.Now().Add(time.Hour)),
			"SetWriteDeadline": rc.SetWriteDeadline(time.Now().Add(time.Hour)),
			"EnableFullDuplex": rc.EnableFullDuplex(),
			"Flush":            rc.Flush(),
		} {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})))
	defer server.Close()
	resp, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
}
