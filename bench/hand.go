package main

import (
	"context"
	"fmt"
	"log"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/backend-prs/perfmon"
)

// handClock is a clock that is moved by hand. Unlike a mock's, its ticker waits for
// nobody: what is measured is the step alone. It embeds a mock, which never moves, for
// what it does not do itself.
type handClock struct {
	*clock.Mock
	mu   sync.Mutex
	now  time.Time
	tick chan time.Time
}

func newHandClock() *handClock {
	return &handClock{Mock: clock.NewMock(), now: time.Unix(1_800_000_000, 0), tick: make(chan time.Time)}
}

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *handClock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

func (c *handClock) Ticker(d time.Duration) *clock.Ticker {
	t := c.Mock.Ticker(d)
	t.C = c.tick
	return t
}

// Timers and deadlines, which end a wait that is too long, are the real clock's: those of a mock
// allocate more.
func (c *handClock) Timer(d time.Duration) *clock.Timer { return clock.New().Timer(d) }

func (c *handClock) WithTimeout(parent context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(parent, d)
}

// stepped is a monitor whose steps come when they are asked for.
type stepped struct {
	*perfmon.Monitor
	clock     *handClock
	samples   chan perfmon.Sample
	recorders []*perfmon.Recorder
	patterns  []string
	rng       *rand.Rand
}

func newStepped(endpoints int, opts ...perfmon.Option) *stepped {
	s := &stepped{clock: newHandClock(), samples: make(chan perfmon.Sample), rng: rand.New(rand.NewPCG(1, 1))}
	s.Monitor = newMonitor(append(opts, perfmon.WithClock(s.clock), perfmon.WithMaxEndpoints(endpoints+10))...)
	s.Subscribe(func(sample perfmon.Sample) { s.samples <- sample })
	if err := s.Start(background); err != nil {
		log.Fatal(err)
	}
	for range runtime.GOMAXPROCS(0) {
		s.recorders = append(s.recorders, s.NewRecorder())
	}
	for i := range endpoints {
		s.patterns = append(s.patterns, fmt.Sprintf("GET /api/v1/resource%d/{id}", i))
	}
	return s
}

func (s *stepped) close() {
	if err := s.Close(); err != nil {
		log.Fatal(err)
	}
}

// step lets a step pass.
func (s *stepped) step() {
	s.clock.mu.Lock()
	s.clock.now = s.clock.now.Add(s.Step())
	now := s.clock.now
	s.clock.mu.Unlock()
	s.clock.tick <- now
	<-s.samples
}

// serve records n requests of each endpoint, lognormal around 5 to 50 ms, one in a
// thousand failed.
func (s *stepped) serve(n int) {
	for i, pattern := range s.patterns {
		scale := float64(5+i%45) * 1e6
		for j := range n {
			status := 200
			if s.rng.IntN(1000) == 0 {
				status = 500
			}
			d := time.Duration(math.Exp(s.rng.NormFloat64()*0.7) * scale)
			s.recorders[j%len(s.recorders)].Record(d, &perfmon.Response{Method: "GET", Pattern: pattern, Status: status})
		}
	}
}

// run is what several runs took, in milliseconds, and what one allocates.
type run struct{ ms, fastest, bytes, mallocs float64 }

func took(runs int, prepare, do func()) run {
	var times, sizes, numbers []float64
	for range runs {
		prepare()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		begin := time.Now()
		do()
		times = append(times, float64(time.Since(begin).Nanoseconds())/1e6)
		runtime.ReadMemStats(&after)
		sizes = append(sizes, float64(after.TotalAlloc-before.TotalAlloc))
		numbers = append(numbers, float64(after.Mallocs-before.Mallocs))
	}
	return run{median(times), quantile(times, 0), median(sizes), median(numbers)}
}

// held returns the bytes of the heap that are in use.
func held() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
