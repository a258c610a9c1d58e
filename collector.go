package perfmon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/benbjohnson/clock"

	"golang.org/x/exp/slices"
)

// Collector reads metrics when asked: once a step, beside all other collectors, each
// in a goroutine of its own and never in two at once.
type Collector interface {
	// Name identifies the collector in diagnostics. It is called once.
	Name() string
	// Metrics describes what Collect feeds. It is called once; the names must be new, or
	// those of metrics that nothing else feeds.
	Metrics() []Metric
	// Collect calls set for each metric it has a value for; NaN, infinities and what it
	// leaves out are absent. It should return when ctx ends, at the collect timeout:
	// what it sets after that is dropped, and it is not called again until it returns. An
	// error is shown in diagnostics; values set before it count. A panic is contained
	// and counts as an error, and so does a metric that Metrics does not name. set is safe for concurrent use.
	Collect(ctx context.Context, set func(metric string, value float64)) error
}

// CollectorStatus is how a collector has fared since it was added.
type CollectorStatus struct {
	Name        string   `json:"name"`
	Metrics     []string `json:"metrics"`
	Runs        uint64   `json:"runs"`
	Failures    uint64   `json:"failures"` // errors, panics and ended goroutines
	Panics      uint64   `json:"panics"`   // panics and ended goroutines
	Timeouts    uint64   `json:"timeouts"`
	Skipped     uint64   `json:"skipped"` // steps at which it was still at an earlier one
	LastError   string   `json:"last_error,omitempty"`
	LastSeconds float64  `json:"last_seconds"` // how long the last run took
	Running     bool     `json:"running"`
}

// runner runs one collector.
type runner struct {
	c       Collector
	name    string
	metrics map[string]int // position in the catalog
	log     *hostLog

	busy    atomic.Bool
	running sync.WaitGroup

	mu      sync.Mutex
	status  CollectorStatus // mu
	failing bool            // the last run; mu
	set     map[int]float64 // by the last run that ended, and not taken yet; mu
}

// newRunner asks a collector what it is. Its methods are the host's, so a panic in
// them is an error here.
func newRunner(c Collector) (r *runner, metrics []Metric, err error) {
	if c == nil {
		return nil, nil, &FieldError{"Collector", nil, "a collector"}
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("collector %T: panic: %s", c, describe(p))
		}
	}()
	if c, ok := c.(interface{ check() error }); ok { // one of this package's
		if err := c.check(); err != nil {
			return nil, nil, err
		}
	}
	name := c.Name()
	if name == "" || len(name) > 100 {
		return nil, nil, &FieldError{"Collector.Name", name, "1 to 100 bytes"}
	}
	metrics = slices.Clone(c.Metrics())
	if len(metrics) == 0 {
		return nil, nil, &FieldError{"Collector.Metrics of " + name, metrics, "at least one metric"}
	}
	r = &runner{c: c, name: cleanText(name), metrics: map[string]int{}}
	r.status.Name = r.name
	for _, m := range metrics {
		r.status.Metrics = append(r.status.Metrics, m.Name)
	}
	return r, metrics, nil
}

// register registers the metrics that the collector feeds.
func (r *runner) register(to *registry, metrics []Metric) error {
	if err := to.feed(r.name, metrics...); err != nil {
		return fmt.Errorf("collector %s: %w", r.name, err)
	}
	for _, metric := range metrics {
		r.metrics[metric.Name] = to.catalog().index[metric.Name]
	}
	return nil
}

// note counts what came of a run. A failure is logged when it follows a success, so
// that a collector that always fails does not fill the log. text must be plain.
func (r *runner) note(text string, count func(*CollectorStatus)) {
	r.mu.Lock()
	count(&r.status)
	begins := text != "" && !r.failing
	if text != "" {
		r.status.LastError = text
	}
	r.failing = text != ""
	r.mu.Unlock()
	if begins {
		r.log.write(slog.LevelWarn, "a collector failed", "collector", r.name, "error", text)
	}
}

// reading is what one run has set so far.
type reading struct {
	r      *runner
	mu     sync.Mutex
	closed bool // its time is over
	values map[int]float64
	alien  string // a metric that was set and is not the collector's
}

func (v *reading) set(metric string, value float64) {
	i, ok := v.r.metrics[metric]
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case v.closed:
	case !ok:
		v.alien = cleanText(truncate(metric, 100))
	case !math.IsInf(value, 0):
		v.values[i] = value
	}
}

// close ends the reading and returns what was set, and what is wrong with it.
func (v *reading) close() (values map[int]float64, text string, was bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	was, v.closed = v.closed, true
	if v.alien != "" {
		text = fmt.Sprintf("it set the metric %q, which its method Metrics does not name", v.alien)
	}
	return v.values, text, was
}

const lateText = "it came back after its timeout"

// run collects once, in a goroutine of its own.
func (r *runner) run(ctx context.Context, clk clock.Clock, v *reading) {
	start := clk.Now()
	finish := func(text string, panicked bool) {
		took := clk.Since(start)
		values, wrong, late := v.close()
		switch {
		case text != "":
		case late:
			text = lateText
		default:
			text = wrong
		}
		r.note(text, func(s *CollectorStatus) {
			s.Runs++
			s.LastSeconds = took.Seconds()
			if text != "" && text != lateText {
				s.Failures++
			}
			if panicked {
				s.Panics++
			}
			if !late {
				r.set = values
			}
		})
	}
	text, panicked := contain(func() error { return r.c.Collect(ctx, v.set) }, func(text string) { finish(text, true) })
	finish(text, panicked)
}

func (r *runner) snapshot() CollectorStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.status
	s.Metrics = slices.Clone(s.Metrics)
	s.Running = r.busy.Load()
	return s
}

// take stores what the collector has set since it was last asked for.
func (r *runner) take(values []float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, v := range r.set {
		if i < len(values) {
			values[i] = v
		}
	}
	r.set = nil
}

// collectors runs all of them.
type collectors struct {
	clock    clock.Clock
	log      *hostLog
	patience patience // the step loop's

	mu      sync.Mutex
	runners []*runner // mu
}

func (cs *collectors) add(r *runner) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	r.log = cs.log
	cs.runners = append(cs.runners, r)
}

func (cs *collectors) all() []*runner {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return cs.runners[:len(cs.runners):len(cs.runners)]
}

// collect asks every collector that is not still at an earlier step, each for at most
// timeout, and waits for them for at most grace. What a slower one sets within its
// timeout is part of the next step: a sample waits for nobody.
func (cs *collectors) collect(ctx context.Context, timeout, grace time.Duration, values []float64) {
	runners := cs.all()
	if len(runners) == 0 {
		return
	}
	done := make(chan struct{})
	left := int64(0)
	var waiting atomic.Int64
	for _, r := range runners {
		r.take(values)
		if !r.busy.CompareAndSwap(false, true) {
			r.mu.Lock()
			r.status.Skipped++
			r.mu.Unlock()
			continue
		}
		left++
		cs.start(ctx, r, timeout, func() {
			if waiting.Add(-1) == 0 {
				close(done)
			}
		})
	}
	if waiting.Add(left) > 0 {
		cs.patience.wait(ctx, done, cs.clock, grace)
	}
	for _, r := range runners {
		r.take(values)
	}
}

// start runs a collector with a timeout; ended is called when it has returned.
func (cs *collectors) start(ctx context.Context, r *runner, timeout time.Duration, ended func()) {
	v := &reading{r: r, values: map[int]float64{}}
	ctx, cancel := cs.clock.WithTimeout(ctx, timeout)
	stop := context.AfterFunc(ctx, func() {
		if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return
		}
		if values, _, was := v.close(); !was {
			r.note(fmt.Sprintf("no answer within %v", timeout), func(s *CollectorStatus) {
				s.Timeouts++
				r.set = values
			})
		}
	})
	r.running.Add(1)
	go func() {
		defer r.running.Done()
		defer ended()
		defer r.busy.Store(false)
		defer cancel()
		defer stop()
		r.run(ctx, cs.clock, v)
	}()
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
