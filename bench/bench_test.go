package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/backend-prs/perfmon"
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
