package middleware_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/middleware"
)

// watched is a monitor on a mock clock.
type watched struct {
	*perfmon.Monitor
	t       *testing.T
	clock   *clock.Mock
	samples chan perfmon.Sample
}

func watch(t *testing.T, opts ...perfmon.Option) *watched {
	t.Helper()
	w := &watched{t: t, clock: clock.NewMock(), samples: make(chan perfmon.Sample, 1)}
	m, err := perfmon.New(append(opts, perfmon.WithClock(w.clock), perfmon.WithoutSystemMetrics())...)
	if err != nil {
		t.Fatal(err)
	}
	w.Monitor = m
	m.Subscribe(func(s perfmon.Sample) { w.samples <- s })
	if err := m.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *watched) step() perfmon.Sample {
	w.t.Helper()
	w.clock.Add(w.Step())
	select {
	case s := <-w.samples:
		return s
	case <-time.After(30 * time.Second):
		w.t.Fatal("no sample came of a step")
		panic("unreachable")
	}
}

// endpoints returns "name requests errors" of every endpoint.
func (w *watched) endpoints() []string {
	w.t.Helper()
	w.step()
	list := []string{}
	for _, e := range w.Endpoints(0) {
		list = append(list, fmt.Sprint(e.Scope.Endpoint, " ", e.Requests, " ", e.Errors))
	}
	return list
}

func get(h http.Handler, method, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, target, nil))
	return w
}

func TestEndpointsAreNamedByTheirRoute(t *testing.T) {
	m := watch(t)
	mux := http.NewServeMux()
	ok := func(w http.ResponseWriter, r *http.Request) {}
	mux.HandleFunc("GET /orders/{id}", ok)
	mux.HandleFunc("/any", ok)
	h := middleware.New(m.Monitor)(mux)
	for i := range 5 {
		get(h, "GET", fmt.Sprintf("/orders/%d", i))
	}
	for range 4 {
		get(h, "HEAD", "/orders/1")
	}
	for range 3 {
		get(h, "POST", "/any")
	}
	get(h, "BREW", "/any")
	get(h, "PROPFIND", "/any")
	get(h, "GET", "/nowhere/"+strings.Repeat("x", 1000))
	want := []string{"GET /orders/{id} 9 0", "POST /any 3 0", "OTHER /any 2 0", "(unmatched) 1 0"}
	if diff := cmp.Diff(want, m.endpoints()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRoutesOfOtherRouters(t *testing.T) {
	m := watch(t)
	// As a router does that keeps the route in the request's context.
	type key struct{}
	name := new(string)
	h := middleware.New(m.Monitor, middleware.WithRoute(func(r *http.Request) string {
		if s, ok := r.Context().Value(key{}).(*string); ok {
			return *s
		}
		panic("no route")
	}))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { *name = "/users/{name}" }))
	for range 2 {
		r := httptest.NewRequest("PATCH", "/users/ann", nil)
		h.ServeHTTP(httptest.NewRecorder(), r.WithContext(context.WithValue(r.Context(), key{}, name)))
	}
	get(h, "GET", "/users/ann") // the function panics
	if diff := cmp.Diff([]string{"PATCH /users/{name} 2 0", "(unmatched) 1 0"}, m.endpoints()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestStatuses(t *testing.T) {
	tests := []struct {
		name   string
		h      http.HandlerFunc
		errors int
	}{
		{"nothing written is a 200", func(w http.ResponseWriter, r *http.Request) {}, 0},
		{"a body is a 200", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("x")) }, 0},
		{"404 is no error", http.NotFound, 0},
		{"500 is", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500) }, 1},
		{"the first status counts", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(503); w.WriteHeader(200) }, 1},
		{"1xx is not final", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(103); w.WriteHeader(502) }, 1},
		{"a status after the body comes too late", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "x"); w.WriteHeader(500) }, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := watch(t)
			server := httptest.NewUnstartedServer(middleware.New(m.Monitor)(test.h))
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			server.Start()
			defer server.Close()
			resp, err := http.Get(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			server.Close() // waits for the handler
			if diff := cmp.Diff([]string{fmt.Sprint("(unmatched) 1 ", test.errors)}, m.endpoints()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A panic counts as a 500 and goes on up, whole.
func TestPanicGoesOnUp(t *testing.T) {
	m := watch(t)
	asked := 0
	h := middleware.New(m.Monitor,
		middleware.WithIdentity(func(*http.Request) middleware.Identity { asked++; panic("in the identity") }),
		middleware.WithRoute(func(*http.Request) string { return "/boom" }),
	)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(200)
		panic(http.ErrAbortHandler)
	}))
	func() {
		defer func() {
			if p := recover(); p != http.ErrAbortHandler {
				t.Errorf("what came up is %v", p)
			}
		}()
		get(h, "GET", "/boom")
	}()
	if asked != 1 {
		t.Errorf("the identity was asked for %d times", asked)
	}
	if diff := cmp.Diff([]string{"GET /boom 1 1"}, m.endpoints()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDurationsByTheClock(t *testing.T) {
	m := watch(t)
	h := middleware.New(m.Monitor)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { m.clock.Add(1500 * time.Millisecond) }))
	get(h, "GET", "/")
	if got, _ := m.step().Value(perfmon.ResponseTimeP50); math.Abs(got-1.5) > 0.015 {
		t.Errorf("a request of 1.5 s took %v s", got)
	}
}

func TestIdentity(t *testing.T) {
	m := watch(t)
	h := middleware.New(m.Monitor, middleware.WithIdentity(func(r *http.Request) middleware.Identity {
		return middleware.Identity{User: r.Header.Get("User"), Organization: "acme"}
	}))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/inside" { // a handler that knows more, through another wrapper
			middleware.Identify(wrapper{w}, middleware.Identity{User: "cyd", Session: "s1", Organization: "globex"})
		}
	}))
	for _, user := range []string{"ann", "bob", "ann", ""} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("User", user)
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	get(h, "GET", "/inside")
	s := m.step()
	users, _ := s.Value(perfmon.ActiveUsers)
	sessions, _ := s.Value(perfmon.ActiveSessions)
	if users != 3 || sessions != 1 {
		t.Errorf("%v users and %v sessions, want 3 and 1", users, sessions)
	}
	var orgs []string
	for _, o := range m.Organizations(0) {
		orgs = append(orgs, fmt.Sprint(o.Scope.Organization, " ", o.Requests))
	}
	if diff := cmp.Diff([]string{"acme 4", "globex 1"}, orgs); diff != "" {
		t.Errorf("organizations (-want +got):\n%s", diff)
	}
}

// wrapper is another middleware's writer.
type wrapper struct{ http.ResponseWriter }

func (w wrapper) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func TestWhatIsNotCounted(t *testing.T) {
	m := watch(t)
	h := middleware.New(m.Monitor, middleware.WithSkip(func(r *http.Request) bool { return r.URL.Path == "/healthz" }))(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/ignored" {
				middleware.Ignore(wrapper{w})
			}
		}))
	get(h, "GET", "/healthz")
	get(h, "GET", "/ignored")
	if got := m.endpoints(); len(got) != 0 {
		t.Errorf("counted %v", got)
	}
	if v, _ := m.step().Value(perfmon.RequestsInFlight); v != 0 {
		t.Errorf("%v in flight", v)
	}
	h = middleware.New(m.Monitor, middleware.WithSkip(func(*http.Request) bool { panic("boo") }))(http.NotFoundHandler())
	get(h, "GET", "/")
	if diff := cmp.Diff([]string{"(unmatched) 1 0"}, m.endpoints()); diff != "" {
		t.Errorf("a panic in skip (-want +got):\n%s", diff)
	}
	no := false
	if _, err := m.Configure(perfmon.SettingsUpdate{Enabled: &no}); err != nil {
		t.Fatal(err)
	}
	get(h, "GET", "/")
	if n := m.Requests(0).Requests; n != 1 {
		t.Errorf("a disabled monitor counted %d requests", n-1)
	}
	// Outside of any middleware these do nothing.
	w := httptest.NewRecorder()
	middleware.Ignore(w)
	middleware.MarkStream(w)
	middleware.Identify(w, middleware.Identity{User: "ann"})
}

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

// The four optional interfaces are there exactly where the server's writer has them.
func TestOptionalInterfaces(t *testing.T) {
	var base struct{ http.ResponseWriter }
	base.ResponseWriter = httptest.NewRecorder()
	type plain struct{ http.ResponseWriter }
	f, h, rf, p := flusher{}, hijacker{}, readerFrom{}, pusher{}
	writers := []http.ResponseWriter{
		plain{base},
		struct {
			plain
			flusher
		}{plain{base}, f},
		struct {
			plain
			hijacker
		}{plain{base}, h},
		struct {
			plain
			flusher
			hijacker
		}{plain{base}, f, h},
		struct {
			plain
			readerFrom
		}{plain{base}, rf},
		struct {
			plain
			flusher
			readerFrom
		}{plain{base}, f, rf},
		struct {
			plain
			hijacker
			readerFrom
		}{plain{base}, h, rf},
		struct {
			plain
			flusher
			hijacker
			readerFrom
		}{plain{base}, f, h, rf},
		struct {
			plain
			pusher
		}{plain{base}, p},
		struct {
			plain
			flusher
			pusher
		}{plain{base}, f, p},
		struct {
			plain
			hijacker
			pusher
		}{plain{base}, h, p},
		struct {
			plain
			flusher
			hijacker
			pusher
		}{plain{base}, f, h, p},
		struct {
			plain
			readerFrom
			pusher
		}{plain{base}, rf, p},
		struct {
			plain
			flusher
			readerFrom
			pusher
		}{plain{base}, f, rf, p},
		struct {
			plain
			hijacker
			readerFrom
			pusher
		}{plain{base}, h, rf, p},
		struct {
			plain
			flusher
			hijacker
			readerFrom
			pusher
		}{plain{base}, f, h, rf, p},
	}
	has := func(w http.ResponseWriter) (list [4]bool) {
		_, list[0] = w.(http.Flusher)
		_, list[1] = w.(http.Hijacker)
		_, list[2] = w.(io.ReaderFrom)
		_, list[3] = w.(http.Pusher)
		return list
	}
	m := watch(t)
	for i, inner := range writers {
		called = ""
		want := has(inner)
		if want != [4]bool{i&1 != 0, i&2 != 0, i&4 != 0, i&8 != 0} {
			t.Fatalf("writer %d is %v", i, want)
		}
		middleware.New(m.Monitor)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if got := has(w); got != want {
				t.Errorf("writer %d: flusher, hijacker, readerFrom, pusher are %v, want %v", i, got, want)
				return
			}
			if w, ok := w.(http.Flusher); ok {
				w.Flush()
			}
			if w, ok := w.(io.ReaderFrom); ok {
				_, _ = w.ReadFrom(strings.NewReader(""))
			}
			if w, ok := w.(http.Pusher); ok {
				_ = w.Push("", nil)
			}
			if w, ok := w.(http.Hijacker); ok {
				_, _, _ = w.Hijack()
			}
		})).ServeHTTP(inner, httptest.NewRequest("GET", "/", nil))
		wantCalls := ""
		for bit, letter := range map[int]string{1: "F", 4: "R", 8: "P", 2: "H"} {
			if i&bit != 0 && !strings.Contains(called, letter) {
				wantCalls += letter
			}
		}
		if wantCalls != "" {
			t.Errorf("writer %d: %s did not reach the inner writer", i, wantCalls)
		}
	}
}

var called string

type (
	flusher    struct{}
	hijacker   struct{}
	readerFrom struct{}
	pusher     struct{}
)

func (flusher) Flush() { called += "F" }
func (hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	called += "H"
	return nil, nil, errors.New("not here")
}
func (readerFrom) ReadFrom(io.Reader) (int64, error) { called += "R"; return 0, nil }
func (pusher) Push(string, *http.PushOptions) error  { called += "P"; return nil }

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

func TestNilMonitorFailsLoudly(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("New(nil) does not panic")
		}
	}()
	middleware.New(nil)
}
