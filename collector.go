package perfmon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/benbjohnson/clock"
)

// Collector reads metrics when asked: once a step, beside all other collectors, each
// in a goroutine of its own and never in two at once.
type Collector interface {
	// Name tells collectors apart in diagnostics. It is asked once.
	Name() string
	// Metrics describes what Collect feeds. It is asked once; the names must be new,
	// or those of built-in metrics that nothing else feeds.
	Metrics() []Metric
	// Collect calls set for each metric it has a value for; NaN and what it leaves
	// out is absent. It should return when ctx ends, at the collection timeout: what
	// it sets after that is dropped, and until it returns it is not asked again. An
	// error is shown in diagnostics; values set before it count. A panic is
	// contained and counts as an error. set is safe for concurrent use.
	Collect(ctx context.Context, set func(metric string, value float64)) error
}

// CollectorStatus is how a collector has fared since it was added.
type CollectorStatus struct {
	Name         string        `json:"name"`
	Metrics      []string      `json:"metrics"`
	Runs         uint64        `json:"runs"`
	Failures     uint64        `json:"failures"` // errors and panics
	Panics       uint64        `json:"panics"`
	Timeouts     uint64        `json:"timeouts"`
	Skipped      uint64        `json:"skipped"` // steps at which it was still at an earlier one
	LastError    string        `json:"last_error,omitempty"`
	LastDuration time.Duration `json:"-"`
}

// runner runs one collector.
type runner struct {
	c       Collector
	metrics map[string]int // position in the catalog
	busy    atomic.Bool

	mu      sync.Mutex
	status  CollectorStatus // mu
	failing bool            // the last run; mu
}

// note counts what came of a run. A failure is logged when it follows on a success, so
// that a collector that always fails does not fill the log.
func (r *runner) note(log *slog.Logger, err error, count func(*CollectorStatus)) {
	r.mu.Lock()
	count(&r.status)
	begins := err != nil && !r.failing
	if err != nil {
		r.status.LastError = err.Error()
	}
	r.failing = err != nil
	name := r.status.Name
	r.mu.Unlock()
	if begins {
		quietly(func() { log.Warn("perfmon: a collector failed", "collector", name, "error", err) })
	}
}

// quietly calls the host's logger: what goes wrong in it must not go up.
func quietly(log func()) {
	defer func() { _ = recover() }()
	log()
}

var errLate = errors.New("it came back too late")

// reading is what one run has set so far.
type reading struct {
	r      *runner
	mu     sync.Mutex
	closed bool
	values map[int]float64
}

func (v *reading) set(metric string, value float64) {
	i, ok := v.r.metrics[metric]
	if !ok || math.IsInf(value, 0) {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.closed {
		v.values[i] = value
	}
}

func (v *reading) isClosed() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.closed
}

// close ends the reading; what is set later is dropped.
func (v *reading) close() map[int]float64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
	return v.values
}

// newRunner asks a collector what it is. Its methods are the host's, so a panic in
// them is an error here.
func newRunner(c Collector) (r *runner, metrics []Metric, err error) {
	if c == nil {
		return nil, nil, &FieldError{"collector", nil, "a collector"}
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("collector %T: panic: %v", c, p)
		}
	}()
	name := c.Name()
	if name == "" || len(name) > 100 {
		return nil, nil, &FieldError{"collector name", name, "1 to 100 bytes"}
	}
	metrics = c.Metrics()
	if len(metrics) == 0 {
		return nil, nil, &FieldError{"metrics of collector " + name, metrics, "at least one metric"}
	}
	r = &runner{c: c, metrics: map[string]int{}}
	r.status.Name = name
	for _, m := range metrics {
		r.status.Metrics = append(r.status.Metrics, m.Name)
	}
	return r, metrics, nil
}

// run collects once. It is called in a goroutine of its own.
func (r *runner) run(ctx context.Context, clk clock.Clock, log *slog.Logger, v *reading) {
	start := clk.Now()
	panicked, err := r.collect(ctx, v)
	took := clk.Since(start)
	if err == nil && v.isClosed() {
		err = errLate
	}
	r.note(log, err, func(s *CollectorStatus) {
		s.Runs++
		s.LastDuration = took
		if err != nil && err != errLate {
			s.Failures++
		}
		if panicked {
			s.Panics++
		}
	})
}

func (r *runner) collect(ctx context.Context, v *reading) (panicked bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			panicked, err = true, fmt.Errorf("panic: %v\n%s", p, firstLines(debug.Stack(), 16))
		}
	}()
	return false, r.c.Collect(ctx, v.set)
}

// firstLines keeps an error of a deep stack short.
func firstLines(b []byte, n int) []byte {
	for i, c := range b {
		if c == '\n' {
			if n--; n == 0 {
				return b[:i]
			}
		}
	}
	return b
}

func (r *runner) snapshot() CollectorStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status
}

// collectors runs all of them.
type collectors struct {
	clock   clock.Clock
	log     *slog.Logger
	timeout time.Duration

	mu      sync.Mutex
	runners []*runner // mu
	running sync.WaitGroup
}

// collect asks every collector that is not still at an earlier step and stores what
// they set until the timeout.
func (cs *collectors) collect(ctx context.Context, values []float64) {
	cs.mu.Lock()
	runners := cs.runners[:len(cs.runners):len(cs.runners)]
	cs.mu.Unlock()

	ctx, cancel := cs.clock.WithTimeout(ctx, cs.timeout)
	defer cancel()
	readings := make([]*reading, 0, len(runners))
	done := make(chan struct{}, len(runners))
	for _, r := range runners {
		if !r.busy.CompareAndSwap(false, true) {
			r.mu.Lock()
			r.status.Skipped++
			r.mu.Unlock()
			continue
		}
		v := &reading{r: r, values: map[int]float64{}}
		readings = append(readings, v)
		cs.running.Add(1)
		go func() {
			defer cs.running.Done()
			defer func() { r.busy.Store(false); done <- struct{}{} }()
			r.run(ctx, cs.clock, cs.log, v)
		}()
	}
	for range readings {
		select {
		case <-done:
			continue
		case <-ctx.Done():
		}
		break
	}
	for _, v := range readings {
		if v.r.busy.Load() && errors.Is(ctx.Err(), context.DeadlineExceeded) {
			v.r.note(cs.log, fmt.Errorf("no answer within %v", cs.timeout), func(s *CollectorStatus) { s.Timeouts++ })
		}
		for i, value := range v.close() {
			if i < len(values) {
				values[i] = value
			}
		}
	}
}

// funcCollector is a collector of one metric made of a function.
type funcCollector struct {
	metric Metric
	read   func() float64
}

func (f funcCollector) Name() string      { return "func " + f.metric.Name }
func (f funcCollector) Metrics() []Metric { return []Metric{f.metric} }
func (f funcCollector) Collect(_ context.Context, set func(string, float64)) error {
	set(f.metric.Name, f.read())
	return nil
}
