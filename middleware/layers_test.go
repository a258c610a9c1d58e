package middleware_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/httpapi"
	"github.com/backend-prs/perfmon/middleware"
)

// between puts a wrapper that only unwraps between two middlewares.
func between(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(wrapper{w}, r) })
}

func TestAppliedTwiceCountsOnce(t *testing.T) {
	for name, apply := range map[string]func(mw func(http.Handler) http.Handler, h http.Handler) http.Handler{
		"directly":                func(mw func(http.Handler) http.Handler, h http.Handler) http.Handler { return mw(mw(h)) },
		"around another writer":   func(mw func(http.Handler) http.Handler, h http.Handler) http.Handler { return mw(between(mw(h))) },
		"three times":             func(mw func(http.Handler) http.Handler, h http.Handler) http.Handler { return mw(mw(between(mw(h)))) },
		"once, and a new wrapper": func(mw func(http.Handler) http.Handler, h http.Handler) http.Handler { return between(mw(between(h))) },
	} {
		t.Run(name, func(t *testing.T) {
			m := watch(t)
			h := apply(middleware.New(m.Monitor), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(503) }))
			for range 3 {
				get(h, "GET", "/")
			}
			if diff := cmp.Diff([]string{"(unmatched) 3 3"}, m.endpoints()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			m.nothingPending()
		})
	}
}

// Each monitor counts, and what a handler says reaches all of them.
func TestTwoMonitors(t *testing.T) {
	outer, inner := watch(t), watch(t)
	h := middleware.New(outer.Monitor)(between(middleware.New(inner.Monitor)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch w := (wrapper{w}); r.URL.Path {
		case "/ignored":
			middleware.Ignore(w)
		case "/stream":
			middleware.MarkStream(w)
		case "/ann":
			middleware.Identify(w, middleware.Identity{Organization: "acme"})
		}
	}))))
	for _, path := range []string{"/", "/ignored", "/stream", "/ann"} {
		get(h, "GET", path)
	}
	for name, m := range map[string]*watched{"outer": outer, "inner": inner} {
		m.nothingPending()
		if n := m.History().Requests(0).Requests; n != 3 {
			t.Errorf("the %s one counts %d requests, want 3", name, n)
		}
		if n := len(m.History().Organizations(0)); n != 1 {
			t.Errorf("the %s one knows %d organizations, want 1", name, n)
		}
	}
}

// The API's own requests are not counted by any monitor, nor are they in flight while a
// client takes its time over the body.
func TestOwnRequestsAreNotCounted(t *testing.T) {
	m, another := watch(t), watch(t)
	api, err := httpapi.New(m.Monitor, httpapi.WithBearerToken("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	h := middleware.New(another.Monitor)(middleware.New(m.Monitor)(middleware.New(another.Monitor)(api)))
	asked := false
	body := readerFunc(func([]byte) (int, error) {
		asked = true
		m.nothingPending()
		another.nothingPending()
		return 0, io.EOF
	})
	r := httptest.NewRequest("POST", httpapi.DefaultPrefix+"alerts/", body)
	r.Header.Set("Authorization", "Bearer 0123456789abcdef")
	r.Header.Set("Content-Type", "application/json")
	h.ServeHTTP(httptest.NewRecorder(), r)
	if !asked {
		t.Error("the API did not read the body")
	}
	for _, m := range []*watched{m, another} {
		if got := m.endpoints(); len(got) != 0 {
			t.Errorf("counted %v", got)
		}
		m.nothingPending()
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// Ignoring a stream ends the open stream, once.
func TestIgnoredStream(t *testing.T) {
	m := watch(t)
	h := middleware.New(m.Monitor)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		middleware.MarkStream(w)
		if got := m.value(m.step(), perfmon.StreamsOpen); got != 1 {
			t.Errorf("%v streams open, want 1", got)
		}
		middleware.Ignore(w)
		middleware.Ignore(w)
		middleware.MarkStream(w)
		m.nothingPending()
	}))
	get(h, "GET", "/")
	m.nothingPending()
	if n := m.History().Requests(0).Requests; n != 0 {
		t.Errorf("%d requests counted, want none", n)
	}
}

// A slow function of the host is no response time, and it shows.
func TestSlowHooks(t *testing.T) {
	m := watch(t)
	h := middleware.New(m.Monitor,
		middleware.WithRoute(func(r *http.Request) string { m.clock.Add(300 * time.Millisecond); return "/" }),
		middleware.WithIdentity(func(r *http.Request) middleware.Identity {
			m.clock.Add(700 * time.Millisecond)
			return middleware.Identity{User: "ann"}
		}),
		middleware.WithTraceID(func(r *http.Request) string { m.clock.Add(200 * time.Millisecond); return "t" }),
	)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { m.clock.Add(time.Second) }))
	get(h, "GET", "/")
	if got := m.value(m.step(), perfmon.ResponseTimeP50); got > 1.01 {
		t.Errorf("a request of 1 s took %v s", got)
	}
	want := []perfmon.HookStatus{
		{Hook: perfmon.HookRoute, Timed: 1, Total: 300 * time.Millisecond, Slowest: 300 * time.Millisecond},
		{Hook: perfmon.HookIdentity, Timed: 1, Total: 700 * time.Millisecond, Slowest: 700 * time.Millisecond},
		{Hook: perfmon.HookSkip},
		{Hook: perfmon.HookTraceID, Timed: 1, Total: 200 * time.Millisecond, Slowest: 200 * time.Millisecond},
	}
	if diff := cmp.Diff(want, m.Hooks()); diff != "" {
		t.Errorf("hooks (-want +got):\n%s", diff)
	}
}

func TestHooksThatPanic(t *testing.T) {
	m := watch(t)
	h := middleware.New(m.Monitor,
		middleware.WithRoute(func(*http.Request) string { panic("route") }),
		middleware.WithIdentity(func(*http.Request) middleware.Identity { panic("identity") }),
		middleware.WithSkip(func(*http.Request) bool { panic("skip") }),
	)(http.NotFoundHandler())
	for range 4 {
		get(h, "GET", "/")
	}
	panics := map[perfmon.Hook]uint64{}
	for _, hook := range m.Hooks() {
		panics[hook.Hook] = hook.Panics
	}
	want := map[perfmon.Hook]uint64{perfmon.HookRoute: 4, perfmon.HookIdentity: 4, perfmon.HookSkip: 4, perfmon.HookTraceID: 0}
	if diff := cmp.Diff(want, panics); diff != "" {
		t.Errorf("panics (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"(unmatched) 4 0"}, m.endpoints()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	m.nothingPending()
}

// A hook that ends the goroutine loses no request.
func TestHookThatEndsTheGoroutine(t *testing.T) {
	m := watch(t)
	done := make(chan bool)
	go func() {
		defer close(done)
		h := middleware.New(m.Monitor, middleware.WithIdentity(func(*http.Request) middleware.Identity {
			runtime.Goexit()
			panic("unreachable")
		}))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { middleware.MarkStream(w) }))
		get(h, "GET", "/")
	}()
	<-done
	m.nothingPending()
	if n := m.History().Requests(0).Requests; n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func TestNil(t *testing.T) {
	m := watch(t)
	refused := func(name string, f func()) {
		t.Helper()
		defer func() {
			if p, ok := recover().(string); !ok || !strings.HasPrefix(p, "middleware: ") {
				t.Errorf("%s: the panic is %v", name, p)
			}
		}()
		f()
	}
	refused("nil monitor", func() { middleware.New(nil) })
	refused("nil handler", func() { middleware.New(m.Monitor)(nil) })
	h := middleware.New(m.Monitor, nil, middleware.WithRoute(nil), middleware.WithIdentity(nil), middleware.WithSkip(nil))(http.NotFoundHandler())
	get(h, "GET", "/")
	if diff := cmp.Diff([]string{"(unmatched) 1 0"}, m.endpoints()); diff != "" {
		t.Errorf("nil options (-want +got):\n%s", diff)
	}
}
