package middleware_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/middleware"
)

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
	// Some routers keep the route in the context of the request.
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
		{"404 is not an error", http.NotFound, 0},
		{"500 is an error", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500) }, 1},
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

// A panic counts as a 500 and continues, even if a hook panics meanwhile.
func TestPanicContinues(t *testing.T) {
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
				t.Errorf("the panic continues with %v", p)
			}
		}()
		get(h, "GET", "/boom")
	}()
	if asked != 1 {
		t.Errorf("the identity function ran %d times", asked)
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
	for _, o := range m.History().Organizations(0) {
		orgs = append(orgs, fmt.Sprint(o.Scope.Organization, " ", o.Requests))
	}
	if diff := cmp.Diff([]string{"acme 4", "globex 1"}, orgs); diff != "" {
		t.Errorf("organizations (-want +got):\n%s", diff)
	}
}

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
	if _, err := m.Config().Update(perfmon.SettingsUpdate{Enabled: &no}, "test"); err != nil {
		t.Fatal(err)
	}
	get(h, "GET", "/")
	if n := m.History().Requests(0).Requests; n != 1 {
		t.Errorf("a disabled monitor counted %d requests", n-1)
	}
	// Outside of any middleware these do nothing.
	w := httptest.NewRecorder()
	middleware.Ignore(w)
	middleware.MarkStream(w)
	middleware.Identify(w, middleware.Identity{User: "ann"})
}
