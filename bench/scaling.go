package main

import (
	"container/heap"
	"fmt"
	"runtime"
	"strings"

	"github.com/backend-prs/perfmon"
)

// What a locked addition takes where the processor has the cache line already, and where
// it has to fetch it from another one, in nanoseconds, as on servers of one to two sockets.
const ownLine, otherLine = 5.0, 100.0

// contention simulates processors that serve requests one after the other. Each request
// takes the time of its handler, and two locked additions on cache lines that processors of
// the same stripe share: the counter of requests begun, and, where two serve the same
// endpoint, a bucket. A line is at one processor at a time; others wait for it. It returns
// how many nanoseconds the additions of a request take.
func contention(processors, stripes int, handler float64) float64 {
	const requests = 200_000
	type line struct {
		free  float64 // when it can be had
		owner int
	}
	starts, buckets := make([]line, stripes), make([]line, stripes)
	queue := &turns{}
	for p := range processors {
		heap.Push(queue, turn{float64(p) * (handler + 100) / float64(processors), p, 0})
	}
	spent := 0.0
	for n := 0; n < 2*requests; n++ {
		t := heap.Pop(queue).(turn)
		lines := starts
		if t.part == 1 {
			lines = buckets
		}
		l := &lines[t.processor%stripes]
		cost := ownLine
		if l.owner != t.processor {
			cost = otherLine
		}
		begin := max(t.at, l.free)
		end := begin + cost
		l.free, l.owner = end, t.processor
		spent += end - t.at
		gap := handler + 50 // two readings of the clock
		if t.part == 1 {
			gap = 50 // until the next request
		}
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
func scaling(bool) string {
	var b strings.Builder
	b.WriteString("| processors | stripes | handlers of 0 ns | 1 µs | 10 µs | one counter for all, 1 µs | MiB of 500 endpoints |\n")
	b.WriteString("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n")
	for _, p := range []int{1, 2, 8, 32, 64, 128} {
		stripes := min(2*p, 32)
		fmt.Fprintf(&b, "| %d | %d | %.0f | %.0f | %.0f | %.0f | %.1f |\n", p, stripes,
			contention(p, stripes, 0), contention(p, stripes, 1000), contention(p, stripes, 10_000), contention(p, 1, 1000), manyProcessors(p))
	}
	return b.String()
}

// manyProcessors returns the MiB that 500 busy endpoints take when each of so many
// processors has served all of them.
func manyProcessors(n int) float64 {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(n))
	before := held()
	m := newMonitor(perfmon.WithoutSystemMetrics())
	all := make([]*perfmon.Recorder, n)
	for i := range all {
		all[i] = m.NewRecorder()
	}
	for e := range 500 {
		r := perfmon.Response{Method: "GET", Pattern: fmt.Sprintf("GET /api/v1/resource%d/{id}", e), Status: 200}
		for i, rec := range all {
			for j := range 200 {
				rec.Record(durations[(e*31+i*211+j)&(len(durations)-1)], &r)
			}
		}
	}
	mib := (held() - before) / (1 << 20)
	runtime.KeepAlive(all)
	_ = m.Close()
	return mib
}
