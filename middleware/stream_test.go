package middleware_test

import (
	"bufio"
	"bytes"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/middleware"
)

// A stream that stays open for long is no slow request.
func TestStreams(t *testing.T) {
	type test struct {
		name   string
		opts   []middleware.Option
		header http.Header // of the request
		inner  func(http.ResponseWriter) http.ResponseWriter
		handle func(w http.ResponseWriter, open func())
		timed  bool // the duration is a response time
	}
	unflushable := func(w http.ResponseWriter) http.ResponseWriter { return wrapper{w} }
	upgrade := http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}}
	// open checks that one stream is open; without it none should be while it lasts.
	tests := []test{
		{name: "event stream", handle: func(w http.ResponseWriter, open func()) {
			w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
			w.(http.Flusher).Flush()
			open()
		}},
		{name: "event stream in capitals", handle: func(w http.ResponseWriter, open func()) {
			w.Header().Set("Content-Type", "Text/Event-Stream;charset=utf-8")
			w.WriteHeader(200)
			open()
		}},
		{name: "multipart stream", handle: func(w http.ResponseWriter, open func()) {
			w.Header().Set("Content-Type", "multipart/x-mixed-replace; boundary=x")
			w.WriteHeader(200)
			open()
		}},
		{name: "never flushed", handle: func(w http.ResponseWriter, open func()) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "data: x\n\n")
			open()
		}},
		{name: "by a ResponseController", handle: func(w http.ResponseWriter, open func()) {
			w.Header().Set("Content-Type", "text/event-stream")
			flush(t, w)
			open()
		}},
		{name: "around a wrapper that only unwraps", inner: unflushable, handle: func(w http.ResponseWriter, open func()) {
			w.Header().Set("Content-Type", "text/event-stream")
			flush(t, w)
			open()
		}},
		{name: "inside a wrapper that only unwraps", handle: func(w http.ResponseWriter, open func()) {
			w = wrapper{w}
			w.Header().Set("Content-Type", "text/event-stream")
			flush(t, w)
			open()
		}},
		{name: "header only", handle: func(w http.ResponseWriter, open func()) {
			w.Header().Set("Content-Type", "text/event-stream")
		}},
		{name: "marked by hand", handle: func(w http.ResponseWriter, open func()) {
			middleware.MarkStream(w)
			middleware.MarkStream(w)
			open()
		}},
		{name: "switched protocols", header: upgrade, handle: func(w http.ResponseWriter, open func()) {
			w.WriteHeader(http.StatusSwitchingProtocols)
			open()
		}},
		{name: "timed by an option", opts: []middleware.Option{middleware.WithStreamTimes()}, handle: func(w http.ResponseWriter, open func()) {
			middleware.MarkStream(w)
			open()
		}, timed: true},
		{name: "a page that flushes is no stream", handle: func(w http.ResponseWriter, open func()) {
			w.Header().Set("Content-Type", "text/html")
			w.(http.Flusher).Flush()
		}, timed: true},
		{name: "a longer type is no stream", handle: func(w http.ResponseWriter, open func()) {
			w.Header().Set("Content-Type", "text/event-streamers")
			w.WriteHeader(200)
		}, timed: true},
		{name: "a type set too late is no stream", handle: func(w http.ResponseWriter, open func()) {
			w.WriteHeader(200)
			w.Header().Set("Content-Type", "text/event-stream")
		}, timed: true},
		{name: "a client that asks for an upgrade is no stream", header: upgrade, handle: func(http.ResponseWriter, func()) {}, timed: true},
		{name: "nor is one that gets a page", header: upgrade, handle: func(w http.ResponseWriter, open func()) { w.WriteHeader(200) }, timed: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			// One step is an hour, so that the stream is open at its end.
			m := watch(t, perfmon.WithInterval(time.Hour), perfmon.WithStep(time.Hour))
			checked := false
			hour := func(want float64) {
				checked = true
				m.clock.Add(time.Hour)
				if got := m.value(<-m.samples, perfmon.StreamsOpen); got != want {
					t.Errorf("%v streams open, want %v", got, want)
				}
			}
			h := middleware.New(m.Monitor, test.opts...)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				test.handle(w, func() { hour(1) })
				if !checked {
					hour(0)
				}
			}))
			r := httptest.NewRequest("GET", "/", nil)
			maps.Copy(r.Header, test.header)
			var w http.ResponseWriter = httptest.NewRecorder()
			if test.inner != nil {
				w = test.inner(w)
			}
			h.ServeHTTP(w, r)
			s := m.step()
			if got := m.value(s, perfmon.StreamsOpen) + m.value(s, perfmon.RequestsInFlight); got != 0 {
				t.Errorf("%v in flight or open at the end", got)
			}
			if v, timed := s.Value(perfmon.ResponseTimeP95); timed != test.timed {
				t.Errorf("p95 is %v", v)
			}
			if n := m.History().Requests(0).Requests; n != 1 {
				t.Errorf("%d responses, want 1", n)
			}
		})
	}
}

func flush(t testing.TB, w http.ResponseWriter) {
	t.Helper()
	if err := http.NewResponseController(w).Flush(); err != nil {
		t.Error(err)
	}
}

// A real connection is taken over, behind another middleware or not, and works on.
func TestHijack(t *testing.T) {
	for _, through := range []string{"directly", "by a ResponseController", "around a wrapper that only unwraps", "by unwrapping"} {
		t.Run(through, func(t *testing.T) {
			m := watch(t)
			h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var conn net.Conn
				var buf *bufio.ReadWriter
				var err error
				switch through {
				case "directly":
					conn, buf, err = w.(http.Hijacker).Hijack()
				case "by a ResponseController", "around a wrapper that only unwraps":
					conn, buf, err = http.NewResponseController(wrapper{w}).Hijack()
				default:
					inner := w.(interface{ Unwrap() http.ResponseWriter }).Unwrap()
					conn, buf, err = inner.(http.Hijacker).Hijack()
				}
				if err != nil {
					t.Error(err)
					return
				}
				defer func() { _ = conn.Close() }()
				_, _ = buf.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
				_ = buf.Flush()
				line, _ := buf.ReadString('\n')
				_, _ = buf.WriteString("echo " + line)
				_ = buf.Flush()
			})
			monitored := middleware.New(m.Monitor)(h)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if through == "around a wrapper that only unwraps" {
					w = wrapper{w}
				}
				monitored.ServeHTTP(w, r)
			}))
			defer server.Close()
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
			_, _ = io.WriteString(conn, "hello\n")
			all, err := io.ReadAll(conn)
			if err != nil || !bytes.Contains(all, []byte("echo hello")) {
				t.Errorf("%v: %s", err, all)
			}
			server.Close()
			for m.History().Requests(0).Requests == 0 { // the handler ends after the connection
				m.step()
			}
			s := m.step()
			if v, timed := s.Value(perfmon.ResponseTimeP95); timed {
				t.Errorf("an upgraded connection is a response of %v s", v)
			}
			if v, _ := s.Value(perfmon.RequestsInFlight); v != 0 {
				t.Errorf("%v in flight", v)
			}
		})
	}
}
