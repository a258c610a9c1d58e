//go:build !race

package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/middleware"
)

// The race detector makes sync.Pool forget at random, so this runs without it.

type nothing struct{ header http.Header }

func (n nothing) Header() http.Header       { return n.header }
func (nothing) Write(b []byte) (int, error) { return len(b), nil }
func (nothing) WriteHeader(int)             {}

func TestRequestPathDoesNotAllocate(t *testing.T) {
	m, err := perfmon.New()
	if err != nil {
		t.Fatal(err)
	}
	id := middleware.Identity{User: "ann", Session: "s", Organization: "acme"}
	for name, opts := range map[string][]middleware.Option{
		"plain":         nil,
		"with identity": {middleware.WithIdentity(func(*http.Request) middleware.Identity { return id })},
	} {
		h := middleware.New(m, opts...)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) }))
		r := httptest.NewRequest("GET", "/", nil)
		r.Pattern = "GET /"
		w := nothing{http.Header{}}
		for range 100 {
			h.ServeHTTP(w, r)
		}
		if n := testing.AllocsPerRun(1000, func() { h.ServeHTTP(w, r) }); n != 0 {
			t.Errorf("%s: a request allocates %v times", name, n)
		}
	}
}
