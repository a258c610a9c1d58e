package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/httpapi"
)

// Every table can be measured and has its place in the document.
func TestTables(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a minute")
	}
	dir := t.TempDir()
	for _, name := range []string{"benchmarks.md", "faults.md"} {
		data, err := os.ReadFile(filepath.Join("../docs", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	document := filepath.Join(dir, "benchmarks.md")
	for _, s := range sections {
		t.Run(s.name, func(t *testing.T) {
			table := s.make(true)
			if strings.Count(table, "\n") < 3 {
				t.Errorf("the table is\n%s", table)
			}
			if err := replace(placeOf(document, s.name), s.name, table); err != nil {
				t.Error(err)
			}
		})
	}
	if err := replace(document, "nothing", ""); err == nil {
		t.Error("a table without a place is written")
	}
}

// BenchmarkRequest runs each contender of the request path by itself, for profiles.
func BenchmarkRequest(b *testing.B) {
	for _, c := range requestPath() {
		b.Run(c.name, func(b *testing.B) {
			operations := c.make()
			operations(1000)
			b.ReportAllocs()
			b.ResetTimer()
			operations(b.N)
		})
	}
}

// BenchmarkStep measures a step of 500 endpoints with 600 requests each, without the
// recording and without the waiting of a mock clock. Every sixth step has a point.
func BenchmarkStep(b *testing.B) {
	s := newStepped(500, perfmon.WithInterval(perfmon.DefaultInterval), perfmon.WithoutSystemMetrics())
	for range 12 {
		s.serve(600)
		s.step()
	}
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		s.serve(600)
		b.StartTimer()
		s.step()
	}
	s.close()
}

// BenchmarkQuietStep measures a step of 500 endpoints that have no request.
func BenchmarkQuietStep(b *testing.B) {
	s := newStepped(500, perfmon.WithInterval(perfmon.DefaultInterval), perfmon.WithoutSystemMetrics())
	s.serve(1)
	for range 12 {
		s.step()
	}
	b.ReportAllocs()
	for b.Loop() {
		s.step()
	}
	s.close()
}

// BenchmarkAfterPoint asks for what watches a service, each time right after a point, with
// 48 h and 100 endpoints held.
func BenchmarkAfterPoint(b *testing.B) {
	s, _ := twoDays(48, 100)
	defer s.close()
	a := newAsker(s.Monitor)
	for _, call := range []string{"health/", "diagnostics/"} {
		b.Run(call, func(b *testing.B) {
			b.ReportAllocs()
			a.ask(call)
			for b.Loop() {
				b.StopTimer()
				s.minute()
				time.Sleep(20 * time.Millisecond) // what is derived after a point is there
				b.StartTimer()
				a.ask(call)
			}
		})
	}
}

// BenchmarkSystemStep measures a step with the figures of the system and the runtime.
func BenchmarkSystemStep(b *testing.B) {
	s := newStepped(1, perfmon.WithInterval(perfmon.DefaultInterval))
	for range 12 {
		s.step()
	}
	b.ReportAllocs()
	for b.Loop() {
		s.step()
	}
	s.close()
}

// BenchmarkUnchanged asks for a dashboard that the client still holds: a 304, without making
// the request.
func BenchmarkUnchanged(b *testing.B) {
	s, _ := twoDays(2, 100)
	defer s.close()
	a := newAsker(s.Monitor)
	const call = "dashboard/?hours=48&trends=true&alerts=true"
	r := httptest.NewRequest("GET", httpapi.DefaultPrefix+call, nil)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("If-None-Match", a.ask(call).Header().Get("ETag"))
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		if a.api.ServeHTTP(w, r); w.Code != http.StatusNotModified {
			b.Fatal(w.Code)
		}
	}
}
