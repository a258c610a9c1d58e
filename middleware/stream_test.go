package middleware_test

import (
	"bufio"
	"bytes"
	"io"
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
	open := func(m *watched, w http.ResponseWriter) float64 {
		m.clock.Add(time.Hour) // the steps pile up; the last tells
		s := <-m.samples
		v, _ := s.Value(perfmon.StreamsOpen)
		return v
	}
	tests := []struct {
		name   string
		opts   []middleware.Option
		handle func(m *watched, w http.ResponseWriter) float64
		timed  bool
	}{
		{"event stream", nil, func(m *watched, w http.ResponseWriter) float64 {
			w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
			w.(http.Flusher).Flush()
			return open(m, w)
		}, false},
		{"through a ResponseController", nil, func(m *watched, w http.ResponseWriter) float64 {
			w.Header().Set("Content-Type", "text/event-stream")
			if err := http.NewResponseController(w).Flush(); err != nil {
				m.t.Error(err)
			}
			return open(m, w)
		}, false},
		{"marked by hand", nil, func(m *watched, w http.ResponseWriter) float64 {
			middleware.MarkStream(w)
			middleware.MarkStream(w)
			return open(m, w)
		}, false},
		{"counted on demand", []middleware.Option{middleware.WithStreamTimes()}, func(m *watched, w http.ResponseWriter) float64 {
			middleware.MarkStream(w)
			return open(m, w)
		}, true},
		{"a response that flushes is none", nil, func(m *watched, w http.ResponseWriter) float64 {
			w.Header().Set("Content-Type", "text/html")
			w.(http.Flusher).Flush()
			m.clock.Add(time.Hour)
			<-m.samples
			return 1
		}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			// One step is an hour, so that the stream is open at its end.
			m := watch(t, perfmon.WithInterval(time.Hour), perfmon.WithStep(time.Hour))
			h := middleware.New(m.Monitor, test.opts...)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if got := test.handle(m, w); got != 1 {
					t.Errorf("%v streams open, want 1", got)
				}
			}))
			get(h, "GET", "/")
			s := m.step()
			if v, _ := s.Value(perfmon.StreamsOpen); v != 0 {
				t.Errorf("%v streams open at the end", v)
			}
			if v, timed := s.Value(perfmon.ResponseTimeP95); timed != test.timed {
				t.Errorf("p95 is %v", v)
			}
			if n := m.Requests(0).Requests; n != 1 {
				t.Errorf("%d responses, want 1", n)
			}
		})
	}
}

// A real connection is taken over, behind another middleware or not, and works on.
func TestHijack(t *testing.T) {
	for _, through := range []string{"directly", "by a ResponseController", "behind its back"} {
		t.Run(through, func(t *testing.T) {
			m := watch(t)
			h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var conn net.Conn
				var buf *bufio.ReadWriter
				var err error
				switch through {
				case "directly":
					conn, buf, err = w.(http.Hijacker).Hijack()
				case "by a ResponseController":
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
			server := httptest.NewServer(middleware.New(m.Monitor)(h))
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
			for m.Requests(0).Requests == 0 { // the handler ends after the connection
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
