package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/middleware"
)

// inFlight returns the bytes of the heap that each of n requests holds while it is in flight.
func inFlight(n int, wrap func(http.Handler) http.Handler) float64 {
	var entered, left sync.WaitGroup
	leave := make(chan struct{})
	entered.Add(n)
	h := wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		entered.Done()
		<-leave
	}))
	r, w := requests(1)[0], &concurrent{}
	before := held()
	for range n {
		left.Go(func() { h.ServeHTTP(w, r) })
	}
	entered.Wait()
	bytes := (held() - before) / float64(n)
	close(leave)
	left.Wait()
	return bytes
}

// concurrent is a writer that any number of requests may share.
type concurrent struct{ writer }

var noHeader = http.Header{}

func (*concurrent) Header() http.Header { return noHeader }

// firstHits returns how long the first request of an endpoint takes when a thousand are
// known: the mean, the 99th percentile and the longest, in microseconds.
func firstHits() (mean, p99, worst float64) {
	const known, fresh = 1000, 1000
	m := newMonitor(perfmon.WithMaxEndpoints(known + fresh))
	h := middleware.New(m)(answer)
	r, w := requests(1)[0], &writer{http.Header{}}
	var times []float64
	list := make([]string, known+fresh)
	for i := range list {
		list[i] = fmt.Sprintf("GET /tenant%d/{id}", i)
	}
	for i, name := range list {
		r.Pattern = name
		begin := time.Now()
		h.ServeHTTP(w, r)
		if i >= known {
			times = append(times, float64(time.Since(begin).Nanoseconds())/1e3)
		}
	}
	sum := 0.0
	for _, t := range times {
		sum += t
	}
	return sum / fresh, quantile(times, 0.99), slices.Max(times)
}

// sizes tells what requests and endpoints cost beside time.
func sizes(quick bool) string {
	n := 10_000
	if quick {
		n = 500
	}
	var b strings.Builder
	b.WriteString("| | |\n| --- | ---: |\n")
	inFlight(n, func(h http.Handler) http.Handler { return h }) // goroutines are kept from now on
	bare := inFlight(n, func(h http.Handler) http.Handler { return h })
	with := inFlight(n, middleware.New(newMonitor()))
	fmt.Fprintf(&b, "| bytes of heap for each request in flight | %.0f |\n", with-bare)
	var means, high, worst []float64
	for range 9 {
		a, p, w := firstHits()
		means, high, worst = append(means, a), append(high, p), append(worst, w)
	}
	fmt.Fprintf(&b, "| first request of an endpoint, 1,000 known: mean | %.2f µs |\n", median(means))
	fmt.Fprintf(&b, "| the same, 99th percentile; longest of 1,000, its median over 9 runs | %.1f; %.0f µs |\n", median(high), median(worst))
	return b.String()
}
