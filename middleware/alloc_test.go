//go:build !race

package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/middleware"
)

// The race detector makes sync.Pool forget at random, so this runs without it.

// A request allocates its part of a slab of writers and nothing else.
func TestRequestPathAllocations(t *testing.T) {
	const maxBytes, maxAllocations = 48, 0.1
	m, err := perfmon.New()
	if err != nil {
		t.Fatal(err)
	}
	id := middleware.Identity{User: "ann", Session: "s", Organization: "acme"}
	for name, opts := range map[string][]middleware.Option{
		"plain":         nil,
		"with identity": {middleware.WithIdentity(func(*http.Request) middleware.Identity { return id })},
		"with trace":    {middleware.WithTraceID(middleware.TraceParent)},
		"with route":    {middleware.WithRoute(func(*http.Request) string { return "/" })},
	} {
		t.Run(name, func(t *testing.T) {
			h := middleware.New(m, opts...)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header()
				w.WriteHeader(204)
			}))
			r := httptest.NewRequest("GET", "/", nil)
			r.Pattern = "GET /"
			r.Header.Set("Traceparent", "00-"+parent+"-01")
			var w http.ResponseWriter = nothing{http.Header{}}
			serve := func(n int) {
				for range n {
					h.ServeHTTP(w, r)
				}
			}
			serve(1000)
			const n = 100_000
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			serve(n)
			runtime.ReadMemStats(&after)
			bytes := float64(after.TotalAlloc-before.TotalAlloc) / n
			allocations := float64(after.Mallocs-before.Mallocs) / n
			if bytes > maxBytes || allocations > maxAllocations {
				t.Errorf("a request allocates %.1f bytes in %.3f allocations, want at most %d in %v", bytes, allocations, maxBytes, maxAllocations)
			}
		})
	}
}
