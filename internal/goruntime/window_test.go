package goruntime

import (
	"math"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestP99(t *testing.T) {
	inf := math.Inf(1)
	ends := []float64{0, 1, 2, 3, inf}
	for _, test := range []struct {
		name         string
		counts, seen []uint64
		want         float64
	}{
		{"nothing", []uint64{0, 0, 0, 0}, []uint64{0, 0, 0, 0}, math.NaN()},
		{"nothing new", []uint64{5, 6, 7, 8}, []uint64{5, 6, 7, 8}, math.NaN()},
		{"one value: the upper end of its bucket", []uint64{0, 1, 0, 0}, []uint64{0, 0, 0, 0}, 2},
		{"99 of 100 at or below", []uint64{99, 0, 1, 0}, []uint64{0, 0, 0, 0}, 1},
		{"98 of 100 are not enough", []uint64{98, 0, 2, 0}, []uint64{0, 0, 0, 0}, 3},
		{"99 of 101 are not either", []uint64{99, 2, 0, 0}, []uint64{0, 0, 0, 0}, 2},
		{"only what is new counts", []uint64{1000, 0, 1, 0}, []uint64{1000, 0, 0, 0}, 3},
		{"in every bucket", []uint64{199, 10, 11, 0}, []uint64{100, 10, 10, 0}, 1},
		{"the last bucket has no upper end", []uint64{0, 0, 0, 3}, []uint64{0, 0, 0, 0}, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := p99Since(&metrics.Float64Histogram{Counts: test.counts, Buckets: ends}, test.seen)
			if diff := cmp.Diff(test.want, got, cmpopts.EquateNaNs()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// The share and the rate are those of the window alone.
func TestWindow(t *testing.T) {
	r := NewReader()
	r.Read()
	gc, total := r.number(cpuGC), r.number(cpuTotal)
	bytes := r.samples[allocs].Value.Uint64()
	nan := math.NaN()
	type figures struct{ GCCPUPercent, AllocRateMB float64 }
	for _, test := range []struct {
		name    string
		w       Window
		elapsed time.Duration
		want    figures
	}{
		{"a quarter of 8 s of processor time", Window{cpuGC: gc - 2, cpuTotal: total - 8, allocs: bytes}, time.Second, figures{25, 0}},
		{"the runtime has not counted since", Window{cpuGC: gc - 1, cpuTotal: total, allocs: bytes}, time.Second, figures{nan, 0}},
		{"it went back", Window{cpuGC: gc, cpuTotal: total + 1, allocs: bytes}, time.Second, figures{nan, 0}},
		{"no time has passed", Window{cpuGC: gc, cpuTotal: total, allocs: bytes - 1}, 0, figures{nan, nan}},
		{"hardly any has", Window{cpuGC: gc, cpuTotal: total, allocs: bytes}, 1, figures{nan, 0}},
		{"clocks that go back", Window{cpuGC: gc, cpuTotal: total, allocs: bytes - 1}, -1, figures{nan, nan}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := r.Since(&test.w, test.elapsed)
			got := figures{s.GCCPUPercent, s.AllocRateMB}
			if diff := cmp.Diff(test.want, got, cmpopts.EquateNaNs(), cmpopts.EquateApprox(1e-6, 1e-6)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if test.w.cpuGC != gc || test.w.cpuTotal != total || test.w.allocs != bytes {
				t.Error("the next window does not begin at the reading")
			}
		})
	}
}
