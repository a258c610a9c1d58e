package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every table can be measured and has its place in the document.
func TestTables(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a minute")
	}
	data, err := os.ReadFile("../docs/benchmarks.md")
	if err != nil {
		t.Fatal(err)
	}
	document := filepath.Join(t.TempDir(), "benchmarks.md")
	if err := os.WriteFile(document, data, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, s := range sections {
		t.Run(s.name, func(t *testing.T) {
			table := s.make(true)
			if strings.Count(table, "\n") < 3 {
				t.Errorf("the table is\n%s", table)
			}
			if err := replace(document, s.name, table); err != nil {
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
