package main

import (
	"runtime"
	"slices"
	"sync"
	"time"
)

// contender is one of those that are compared. Each worker has what make returns: it does
// so many operations, one after the other.
type contender struct {
	name string
	make func() (operations func(n int))
}

// figure is what many slices say of a contender.
type figure struct {
	ns        float64 // an operation: the median of all slices
	ratio     float64 // to the first contender: the median over the rounds
	low, high float64 // quartiles of that ratio
}

// compare runs slices of all contenders in turn, round after round, on so many processors,
// and compares each with the first of the same round. A machine that slows down for a
// while slows all of a round, so the ratios stay.
func compare(list []contender, processors, rounds int, slice time.Duration) []figure {
	runs := make([]*workers, len(list))
	counts := make([]int, len(list))
	for i, c := range list {
		runs[i] = newWorkers(c, processors)
		defer runs[i].stop()
		counts[i] = calibrate(runs[i], slice)
	}
	ns := make([][]float64, len(list))
	warm := rounds / 3 // until the heap has its size, and its pages were touched
	for round := range warm + rounds {
		for j := range list {
			i := (j + round) % len(list) // none always follows the same one
			took := runs[i].run(counts[i])
			if round >= warm {
				ns[i] = append(ns[i], took)
			}
		}
	}
	figures := make([]figure, len(list))
	for i := range list {
		ratios := make([]float64, rounds)
		for round := range ratios {
			ratios[round] = ns[i][round] / ns[0][round]
		}
		figures[i] = figure{median(ns[i]), median(ratios), quantile(ratios, 0.25), quantile(ratios, 0.75)}
	}
	return figures
}

// calibrate returns how many operations take about a slice. It goes by the fastest of some
// runs: one that the machine has held up would make slices so short that they measure how
// workers are woken up.
func calibrate(w *workers, slice time.Duration) int {
	for n := 64; ; n *= 2 {
		fastest := w.run(n)
		for range 4 {
			fastest = min(fastest, w.run(n))
		}
		if took := time.Duration(fastest * float64(n) * float64(w.n)); took >= slice || n > 1<<28 {
			return n
		}
	}
}

// workers run a contender's operations in goroutines of their own.
type workers struct {
	n     int
	start []chan int
	done  sync.WaitGroup
}

func newWorkers(c contender, n int) *workers {
	w := &workers{n: n}
	for range n {
		start, operations := make(chan int), c.make()
		w.start = append(w.start, start)
		go func() {
			for n := range start {
				operations(n)
				w.done.Done()
			}
		}()
	}
	return w
}

// run lets each worker do n operations and returns the nanoseconds of one: of the time
// that all took, divided by all operations.
func (w *workers) run(n int) float64 {
	w.done.Add(w.n)
	begin := time.Now()
	for _, start := range w.start {
		start <- n
	}
	w.done.Wait()
	return float64(time.Since(begin).Nanoseconds()) / float64(n*w.n)
}

func (w *workers) stop() {
	for _, start := range w.start {
		close(start)
	}
}

// allocated returns the bytes and the allocations of an operation.
func allocated(c contender) (bytes, mallocs float64) {
	const n = 48_000
	operations := c.make()
	operations(1000)
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	operations(n)
	runtime.ReadMemStats(&after)
	return float64(after.TotalAlloc-before.TotalAlloc) / n, float64(after.Mallocs-before.Mallocs) / n
}

func median(values []float64) float64 { return quantile(values, 0.5) }

func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	return sorted[int(q*float64(len(sorted)-1)+0.5)]
}
