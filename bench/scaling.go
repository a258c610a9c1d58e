package main

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"

	"github.com/backend-prs/perfmon"
)

// What a locked addition takes where the processor has the cache line already, and where
// it has to fetch it from another one, in nanoseconds, as on servers of one to two sockets.
const ownLine, otherLine = 5.0, 100.0

// contention simulates processors that serve requests one after the other, to 50 endpoints
// by chance. Each request takes the time of its handler, and two locked additions: to the
// counter of its stripe, and to a bucket of the endpoint in one of so many cells. A cache
// line is at one processor at a time; others wait for it. It returns how many nanoseconds
// the additions of a request take.
func contention(processors, stripes, cells int, handler float64) float64 {
	const requests = 200_000
	type line struct {
		free  float64 // when it can be had
		owner int
	}
	starts, buckets := make([]line, stripes), make([]line, cells*routes)
	rng := rand.New(rand.NewPCG(1, uint64(processors)))
	queue := &turns{}
	for p := range processors {
		heap.Push(queue, turn{rng.Float64() * (handler + 100), p, 0})
	}
	spent := 0.0
	for range 2 * requests {
		t := heap.Pop(queue).(turn)
		stripe := t.processor % stripes
		l := &starts[stripe]
		gap := handler + 50 // two readings of the clock
		if t.part == 1 {
			l = &buckets[rng.IntN(routes)*cells+stripe%cells]
			gap = 50 * (0.5 + rng.Float64()) // until the next request
		}
		cost := ownLine
		if l.owner != t.processor {
			cost = otherLine
		}
		end := max(t.at, l.free) + cost
		l.free, l.owner = end, t.processor
		spent += end - t.at
		heap.Push(queue, turn{end + gap, t.processor, 1 - t.part})
	}
	return spent / requests
}

// turn is when a processor does its next addition: at the start or the end of a request.
type turn struct {
	at        float64
	processor int
	part      int
}

type turns []turn

func (t turns) Len() int           { return len(t) }
func (t turns) Less(i, j int) bool { return t[i].at < t[j].at }
func (t turns) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }
func (t *turns) Push(v any)        { *t = append(*t, v.(turn)) }
func (t *turns) Pop() any {
	old := *t
	last := old[len(old)-1]
	*t = old[:len(old)-1]
	return last
}

// scaling tells how recording behaves on many processors.
func scaling(quick bool) string {
	var b strings.Builder
	b.WriteString("| processors | hot endpoints, handlers of 0 ns | 1 µs | 10 µs | endpoints that are not hot, 10 µs | one counter for all, 1 µs | MiB of 500 endpoints, 100 of them hot |\n")
	b.WriteString("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n")
	for _, p := range []int{1, 2, 8, 32, 64, 128} {
		stripes := min(2*p, 256) // as package traffic has them
		shared := min(stripes, 8)
		fmt.Fprintf(&b, "| %d | %.0f | %.0f | %.0f | %.0f | %.0f | %.1f |\n", p,
			contention(p, stripes, stripes, 0), contention(p, stripes, stripes, 1000), contention(p, stripes, stripes, 10_000),
			contention(p, stripes, shared, 10_000), contention(p, 1, 1, 1000), manyProcessors(p, quick))
		if quick {
			break
		}
	}
	return b.String()
}

// manyProcessors returns the MiB that 500 busy endpoints take when each of so many
// processors serves all of them.
func manyProcessors(n int, quick bool) float64 {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(n))
	requests := max(100*n, 6000) // enough to be hot
	if quick {
		requests = 100
	}
	before := held()
	s := newStepped(500, perfmon.WithInterval(perfmon.DefaultInterval), perfmon.WithoutSystemMetrics())
	for range 2 {
		s.serve(requests)
		s.step()
	}
	mib := (held() - before) / (1 << 20)
	s.close()
	return mib
}
