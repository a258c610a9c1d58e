// Package goruntime reads what runtime/metrics knows about this process, without
// stopping the world.
package goruntime

import (
	"math"
	"runtime/metrics"
	"time"
)

// Stats are the figures over a window of time. NaN is absent.
type Stats struct {
	Goroutines      float64
	HeapMB          float64 // live and not yet swept objects, MiB
	HeapGoalMB      float64 // heap size the next collection aims at, MiB
	AllocRateMB     float64 // allocated per second, MiB
	GCPauseP99      float64 // seconds; absent without a pause in the window
	GCCPUPercent    float64 // of the processors' time
	SchedLatencyP99 float64 // seconds a goroutine waited to run; absent when none did
}

const (
	goroutines = iota
	heapObjects
	heapGoal
	allocs
	gcPauses
	schedLatencies
	cpuGC
	cpuTotal
	numSamples
)

var names = [numSamples]string{
	goroutines:     "/sched/goroutines:goroutines",
	heapObjects:    "/memory/classes/heap/objects:bytes",
	heapGoal:       "/gc/heap/goal:bytes",
	allocs:         "/gc/heap/allocs:bytes",
	gcPauses:       "/sched/pauses/total/gc:seconds",
	schedLatencies: "/sched/latencies:seconds",
	cpuGC:          "/cpu/classes/gc/total:cpu-seconds",
	cpuTotal:       "/cpu/classes/total:cpu-seconds",
}

// Reader reads over windows that follow each other. It belongs to one goroutine.
type Reader struct {
	samples [numSamples]metrics.Sample
}

// NewReader returns a reader.
func NewReader() *Reader {
	r := &Reader{}
	for i, name := range names {
		r.samples[i].Name = name
	}
	return r
}

// Read takes the runtime's figures as they are now.
func (r *Reader) Read() { metrics.Read(r.samples[:]) }

// Window is where a window of time began. The zero value is the process's start.
type Window struct {
	allocs          uint64
	cpuGC, cpuTotal float64
	pauses, sched   []uint64
}

// Since returns the figures of the window that began at w and lasted for elapsed,
// and lets the next one begin where the last Read was.
func (r *Reader) Since(w *Window, elapsed time.Duration) Stats {
	const mib = 1 << 20
	s := Stats{
		Goroutines:  r.number(goroutines),
		HeapMB:      r.number(heapObjects) / mib,
		HeapGoalMB:  r.number(heapGoal) / mib,
		AllocRateMB: math.NaN(),
	}
	if v := r.samples[allocs].Value; v.Kind() == metrics.KindUint64 {
		if elapsed > 0 {
			s.AllocRateMB = float64(v.Uint64()-w.allocs) / mib / elapsed.Seconds()
		}
		w.allocs = v.Uint64()
	}
	// The runtime brings these two up to date at each collection only.
	gc, total := r.number(cpuGC), r.number(cpuTotal)
	s.GCCPUPercent = math.NaN()
	if total > w.cpuTotal {
		s.GCCPUPercent = 100 * (gc - w.cpuGC) / (total - w.cpuTotal)
	}
	w.cpuGC, w.cpuTotal = gc, total
	s.GCPauseP99 = r.p99(gcPauses, &w.pauses)
	s.SchedLatencyP99 = r.p99(schedLatencies, &w.sched)
	return s
}

// number returns a sample's value, NaN where this Go release does not have it.
func (r *Reader) number(i int) float64 {
	switch v := r.samples[i].Value; v.Kind() {
	case metrics.KindUint64:
		return float64(v.Uint64())
	case metrics.KindFloat64:
		return v.Float64()
	}
	return math.NaN()
}

// p99 returns the 99th percentile of what a cumulative histogram counted since seen,
// and moves seen on.
func (r *Reader) p99(i int, seen *[]uint64) float64 {
	v := r.samples[i].Value
	if v.Kind() != metrics.KindFloat64Histogram {
		return math.NaN()
	}
	h := v.Float64Histogram()
	if len(*seen) != len(h.Counts) {
		*seen = make([]uint64, len(h.Counts))
	}
	result := p99Since(h, *seen)
	*seen = append((*seen)[:0], h.Counts...)
	return result
}

// p99Since returns the 99th percentile of what h has counted beyond seen.
func p99Since(h *metrics.Float64Histogram, seen []uint64) float64 {
	return quantileSince(h, seen, 0.99)
}

// quantileSince returns a quantile of what h has counted beyond seen, by nearest rank, NaN
// when that is nothing. Within a bucket it takes the upper end, and in the last one, which
// has none, the lower.
func quantileSince(h *metrics.Float64Histogram, seen []uint64, q float64) float64 {
	var total uint64
	for i, n := range h.Counts {
		total += n - seen[i]
	}
	if total == 0 {
		return math.NaN()
	}
	rank := uint64(math.Ceil(q * float64(total)))
	var sum uint64
	for i, n := range h.Counts {
		if sum += n - seen[i]; sum >= rank {
			if math.IsInf(h.Buckets[i+1], 1) {
				return h.Buckets[i]
			}
			return h.Buckets[i+1]
		}
	}
	return math.NaN()
}
