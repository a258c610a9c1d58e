package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"sync"
	"time"

	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon"
)

// result is what a soak has seen.
type result struct {
	length    time.Duration
	faults    []string
	incidents int
	missed    int // incidents that did not open or resolve in time
	probes    int // good requests of the host's clients
	failed    int // those that were not answered as they should be
	probeTime []time.Duration

	served, counted           uint64
	samples                   uint64
	opened, resolved, early   int
	inStore, activeInStore    int
	toldGood                  int // incidents that the notifier told as over
	toldFaulty, waitFaulty    int
	noiseTold                 int
	heldBack                  uint64
	notifierFaults, dead      uint64
	points                    int
	oldest                    time.Duration
	wrongs                    uint64
	diagnostics               perfmon.Diagnostics
	store                     perfmon.StoreStatus
	heap                      []uint64 // after a collection, from the time that history is full
	goroutines                []uint64
	goroutinesBefore, atClose int
	closing                   error
}

// mostProbes bounds how many waiting times are held: the soak's own memory is flat, too.
const mostProbes = 1 << 17

// soak drives a service with faults for a while.
func soak(length time.Duration, chosen []fault, seed uint64) (*result, error) {
	r := &result{length: length, goroutinesBefore: runtime.NumGoroutine(), probeTime: make([]time.Duration, 0, mostProbes)}
	s, err := start()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), length)
	defer cancel()
	var wg sync.WaitGroup
	for i, f := range chosen {
		r.faults = append(r.faults, f.name)
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		wg.Go(func() { each(ctx, f.every, func() { f.do(ctx, s, random) }) })
	}
	wg.Go(func() { r.probe(ctx, s) })
	wg.Go(func() { r.incident(ctx, s) })
	wg.Go(func() { r.measure(ctx, length) })
	wg.Wait()
	s.settle()
	r.look(s)
	r.closing = s.close()
	http.DefaultClient.CloseIdleConnections()
	for wait := time.Now(); runtime.NumGoroutine() > r.goroutinesBefore && time.Since(wait) < 5*time.Second; {
		time.Sleep(10 * time.Millisecond)
	}
	r.atClose = runtime.NumGoroutine()
	return r, nil
}

// each does something again and again until ctx ends.
func each(ctx context.Context, every time.Duration, do func()) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			do()
		}
	}
}

// probe is the host's client: it sends good requests and looks at the answers.
func (r *result) probe(ctx context.Context, s *service) {
	each(ctx, 5*time.Millisecond, func() {
		request, err := http.NewRequest(http.MethodGet, fmt.Sprint(s.url, "/products/", r.probes), nil)
		if err != nil {
			panic(err) // of the soak itself
		}
		began := time.Now()
		r.probes++
		if send(request) != http.StatusOK {
			r.failed++
		}
		if len(r.probeTime) == mostProbes {
			r.probeTime = slices.Delete(r.probeTime, 0, mostProbes/2)
		}
		r.probeTime = append(r.probeTime, time.Since(began))
	})
}

// incident raises the pressure until there is an alert, and lowers it until that is over.
func (r *result) incident(ctx context.Context, s *service) {
	active := func() bool {
		list, _ := s.m.Alerts().List(perfmon.AlertQuery{Metric: pressure.Name, Active: true})
		return len(list) > 0
	}
	until := func(want bool) bool {
		for range 300 {
			if active() == want {
				return true
			}
			time.Sleep(step / 4)
		}
		return false
	}
	each(ctx, 5*time.Second, func() {
		r.incidents++
		s.pressure.Set(100)
		ok := until(true)
		s.pressure.Set(0)
		if !until(false) || !ok {
			r.missed++
		}
	})
}

// measure reads heap and goroutines up to 200 times, once history has been full for a while.
func (r *result) measure(ctx context.Context, length time.Duration) {
	began, warm := time.Now(), min(length/2, 3*retention)
	each(ctx, length/200, func() {
		if time.Since(began) < warm {
			return
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		r.heap = append(r.heap, m.HeapAlloc)
		r.goroutines = append(r.goroutines, uint64(runtime.NumGoroutine()))
	})
}

// settle waits until what was wrong has ended and its consequences, too.
func (s *service) settle() {
	s.wrong.end()
	for wait := time.Now(); time.Since(wait) < 30*time.Second; time.Sleep(step) {
		opened, resolved, _ := s.told.counts()
		if st := s.m.Diagnostics().Store; opened == resolved && st.PendingRecords == 0 && st.PendingPoints == 0 {
			break
		}
	}
	time.Sleep(5 * step)
}

// look notes what the monitor holds at the end.
func (r *result) look(s *service) {
	r.served, r.samples, r.wrongs = s.served.Load(), s.samples.Load(), s.wrong.happened.Load()
	if t, err := s.m.History().Totals(perfmon.Scope{}); err == nil {
		r.counted = t.Requests
	}
	r.opened, r.resolved, r.early = s.told.counts()
	for _, state := range s.store.alerts(pressure.Name) {
		r.inStore++
		if state != perfmon.AlertResolved {
			r.activeInStore++
		}
	}
	if series, err := s.m.History().Series(perfmon.Scope{}, 0); err == nil {
		if r.points = len(series.Times); r.points > 0 {
			r.oldest = s.m.Now().Sub(series.Times[0])
		}
	}
	r.lookAtNotifiers(s)
	r.diagnostics = s.m.Diagnostics()
	r.store = r.diagnostics.Store
}

// write prints the figures and what does not hold; ok is false where something does not.
func (r *result) write(w io.Writer) (ok bool) {
	ok = true
	fmt.Fprintf(w, "soak for %v with faults %v: %d faults of the host's code\n\n", r.length, r.faults, r.wrongs)
	for _, c := range r.checks() {
		mark := "ok    "
		if !c.holds {
			mark, ok = "FAILED", false
		}
		fmt.Fprintf(w, "%s  %-42s %s\n", mark, c.what, c.figures)
	}
	slices.Sort(r.probeTime)
	if n := len(r.probeTime); n > 0 {
		fmt.Fprintf(w, "\nthe host's clients waited %v in the middle, %v at the 99th percentile\n", r.probeTime[n/2], r.probeTime[n*99/100])
	}
	return ok
}
