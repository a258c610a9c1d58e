// Package paired measures what something adds to an operation, for benchmarks. The operation
// with it and without it take turns in short slices, so that a slow moment of the machine
// slows both.
package paired

import (
	"math"
	"slices"
	"testing"
	"time"
)

const slice = 500 * time.Microsecond

// Compare reports the medians of what bare takes (bare-ns/op) and of what with takes beyond
// it (added-ns/op), and how many allocations it adds (added-allocs/op). One round of the
// benchmark is a slice of each.
func Compare(b *testing.B, bare, with func()) {
	b.Helper()
	n := calls(with) // which takes the longer
	var base, added []float64
	for round := 0; b.Loop(); round++ {
		var without, took float64
		if round%2 == 0 {
			without, took = run(n, bare), run(n, with)
		} else {
			took, without = run(n, with), run(n, bare)
		}
		base, added = append(base, without), append(added, took-without)
	}
	b.ReportMetric(0, "ns/op") // of a round, which says nothing
	b.ReportMetric(median(base), "bare-ns/op")
	b.ReportMetric(median(added), "added-ns/op")
	b.ReportMetric(testing.AllocsPerRun(100, with)-testing.AllocsPerRun(100, bare), "added-allocs/op")
}

// calls returns how many calls fill a slice.
func calls(f func()) int {
	for n := 1; ; n *= 2 {
		if took := run(n, f) * float64(n); took >= float64(slice) || n >= 1<<20 {
			return n
		}
	}
}

// run returns how many nanoseconds each of n calls takes.
func run(n int, f func()) float64 {
	began := time.Now()
	for range n {
		f()
	}
	return float64(time.Since(began)) / float64(n)
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	slices.Sort(v)
	return v[len(v)/2]
}
