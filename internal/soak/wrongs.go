package main

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/backend-prs/perfmon"
)

// wrong is what code of the host does.
type wrong int32

const (
	fine wrong = iota
	panics
	hangs // until hung is over
	ends  // its goroutine
	fails
	late     // comes back after its time
	nonsense // values that mean nothing
	wrongKinds
)

// wrongs is what goes wrong now with each kind of the host's code. It is safe for
// concurrent use.
type wrongs struct {
	collector, callbacks, log, stores, notifiers atomic.Int32
	happened                                     atomic.Uint64

	mu      sync.Mutex
	release chan struct{} // closed when what hangs comes back; mu
	ended   bool          // mu
}

func newWrongs() *wrongs { return &wrongs{release: make(chan struct{})} }

// free lets what hangs come back.
func (w *wrongs) free() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.ended {
		close(w.release)
		w.release = make(chan struct{})
	}
}

// end makes all of it fine for good.
func (w *wrongs) end() {
	for _, v := range []*atomic.Int32{&w.collector, &w.callbacks, &w.log, &w.stores, &w.notifiers} {
		v.Store(int32(fine))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.ended {
		w.ended = true
		close(w.release)
	}
}

var errWrong = errors.New("the host's own error\nwith a line that looks like a log's")

// typedNil is what a function returns that forgets to return a plain nil.
type typedNil struct{ text string }

func (e *typedNil) Error() string { return e.text }

// do does what is wrong.
func (w *wrongs) do(what wrong, longest time.Duration) error {
	if what != fine {
		w.happened.Add(1)
	}
	switch what {
	case panics:
		panic(errWrong)
	case hangs:
		w.mu.Lock()
		release := w.release
		w.mu.Unlock()
		<-release
	case ends:
		runtime.Goexit()
	case fails:
		var e *typedNil
		if w.happened.Load()%2 == 0 {
			return e
		}
		return errWrong
	case late:
		time.Sleep(longest)
	}
	return nil
}

func (w *wrongs) callback() { _ = w.do(wrong(w.callbacks.Load()), 2*step) }

// wrongCollector feeds one metric.
type wrongCollector struct {
	w      *wrongs
	metric perfmon.Metric
}

func (w *wrongs) collectors() (list []perfmon.Collector) {
	for _, name := range []string{"first", "second", "third"} {
		list = append(list, &wrongCollector{w, perfmon.Metric{Name: name, Unit: "count", Help: "Of a collector with faults."}})
	}
	return list
}

func (c *wrongCollector) Name() string              { return c.metric.Name }
func (c *wrongCollector) Metrics() []perfmon.Metric { return []perfmon.Metric{c.metric} }

func (c *wrongCollector) Collect(_ context.Context, set func(string, float64)) error {
	what := wrong(c.w.collector.Load())
	set(c.metric.Name, 1)
	if what == nonsense {
		set(c.metric.Name, math.Inf(-1))
		set("a metric\nof nobody", math.NaN())
	}
	return c.w.do(what, 2*step)
}

// logger is a handler of log records that does what is wrong.
func (w *wrongs) logger() slog.Handler { return wrongHandler{w} }

type wrongHandler struct{ w *wrongs }

func (h wrongHandler) Enabled(context.Context, slog.Level) bool { return true }
func (h wrongHandler) WithAttrs([]slog.Attr) slog.Handler       { return h }
func (h wrongHandler) WithGroup(string) slog.Handler            { return h }
func (h wrongHandler) Handle(context.Context, slog.Record) error {
	return h.w.do(wrong(h.w.log.Load()), 2*step)
}

// store keeps records, and the points of the retention, in memory; it fails as it is told.
type store struct {
	wrong *wrongs

	mu      sync.Mutex
	number  uint64                    // mu
	records map[string]perfmon.Record // mu
	points  uint64                    // that were added; mu
}

func (s *store) Append(_ context.Context, after uint64, records []perfmon.Record) error {
	if err := s.wrong.do(wrong(s.wrong.stores.Load()), time.Second); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if after != s.number {
		return perfmon.ErrConflict
	}
	for _, r := range records {
		if r.Outbox != nil || r.Alert != nil && r.Alert.Alert != nil && r.Alert.Alert.Metric == pressure.Name {
			s.records[r.Identity()] = r // what is looked at in the end: the soak's own memory is flat, too
		}
		s.number = r.Number
	}
	return nil
}

func (s *store) AddPoint(context.Context, perfmon.Point) error {
	if err := s.wrong.do(wrong(s.wrong.stores.Load()), time.Second); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.points++
	return nil
}

// Load has nothing: each soak begins anew.
func (s *store) Load(context.Context, func(perfmon.Record) error, func(perfmon.Point) error) error {
	return nil
}

// alerts returns the state in which the store has each alert about the metric.
func (s *store) alerts(metric string) map[string]perfmon.AlertState {
	s.mu.Lock()
	defer s.mu.Unlock()
	states := map[string]perfmon.AlertState{}
	for _, r := range s.records {
		if r.Alert != nil && r.Alert.Alert != nil && r.Alert.Alert.Metric == metric {
			states[r.Alert.Alert.ID] = r.Alert.Alert.State
		}
	}
	return states
}

// witness hears of alerts as a good callback does.
type witness struct {
	mu               sync.Mutex
	opened, resolved map[string]bool // by ID; mu
	early            int             // told resolved before opened; mu
}

func newWitness() *witness { return &witness{opened: map[string]bool{}, resolved: map[string]bool{}} }

func (w *witness) hear(e perfmon.AlertEvent) {
	if e.Alert.Metric != pressure.Name {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e.Change {
	case perfmon.ChangeOpened:
		w.opened[e.Alert.ID] = true
	case perfmon.ChangeResolved:
		if !w.opened[e.Alert.ID] {
			w.early++
		}
		w.resolved[e.Alert.ID] = true
	}
}

func (w *witness) counts() (opened, resolved, early int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.opened), len(w.resolved), w.early
}
