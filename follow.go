package perfmon

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Share is a share in percent of what is counted, such as the lookups of a cache that hit.
// It is absent while nothing is counted. It is safe for concurrent use.
type Share struct {
	part, whole atomic.Uint64
	follows     following
}

// Share registers a metric that is a share in percent of what is counted. Its unit is %.
// Errors are those of Gauge.
func (ms Metrics) Share(metric Metric) (*Share, error) {
	metric.Kind, metric.Unit = KindCounter, "%"
	s := &Share{}
	if err := ms.m.feed("share "+metric.Name, metric); err != nil {
		return nil, err
	}
	ms.m.addMeter(s.meter(metric.Name, ms.m.position(metric.Name)))
	return s, nil
}

// Add counts whole more, of which part are those whose share the metric is. part is at most
// whole.
func (s *Share) Add(part, whole uint64) {
	s.whole.Add(whole) // first: who reads finds no part without its whole
	s.part.Add(part)
}

// Follow takes over two totals that something else counts; see [Counter.Follow].
func (s *Share) Follow(part, whole uint64) { s.Add(s.follows.grown(part, whole)) }

func (s *Share) totals() (part, whole uint64) {
	part = s.part.Load() // first; see Add
	return part, s.whole.Load()
}

func (s *Share) meter(name string, at int) meter {
	m := newPairMeter(name, at, s.totals, percent)
	m.restart, m.total = s.follows.restart, shareTotal
	return m
}

func percent(part, whole uint64) float64 {
	if whole == 0 {
		return math.NaN()
	}
	return min(100*float64(part)/float64(whole), 100) // a part may be read a step after its whole
}

func shareTotal(name string, part, whole uint64) MetricTotal {
	return MetricTotal{Metric: name, Count: whole, Hits: part}
}

// Mean is the mean of durations that something else counts and adds up, such as the waits
// for a connection of a pool. It is absent while there are none. It is safe for concurrent
// use. For durations that the host measures itself take a Timer, which has percentiles.
type Mean struct {
	mu      sync.Mutex
	n       uint64        // mu
	sum     time.Duration // mu
	follows following
}

// Mean registers a metric that is the mean of durations, in seconds. Errors are those of
// Gauge.
func (ms Metrics) Mean(metric Metric) (*Mean, error) {
	metric.Kind, metric.Unit = KindTiming, "s"
	mean := &Mean{}
	if err := ms.m.feed("mean "+metric.Name, metric); err != nil {
		return nil, err
	}
	ms.m.addMeter(mean.meter(metric.Name, ms.m.position(metric.Name)))
	return mean, nil
}

// Follow takes over how many durations there were and their sum, as something else counts
// them; see [Counter.Follow].
func (m *Mean) Follow(n uint64, sum time.Duration) {
	more, took := m.follows.grown(n, uint64(max(sum, 0)))
	m.mu.Lock()
	defer m.mu.Unlock()
	m.n += more
	m.sum += time.Duration(took)
}

func (m *Mean) totals() (n, nanoseconds uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.n, uint64(m.sum)
}

func (m *Mean) meter(name string, at int) meter {
	mt := newPairMeter(name, at, m.totals, meanSeconds)
	mt.restart, mt.total = m.follows.restart, meanTotal
	return mt
}

func meanSeconds(n, nanoseconds uint64) float64 {
	if n == 0 {
		return math.NaN() // whatever time a query that is not counted yet has left
	}
	return float64(nanoseconds) / float64(n) / float64(time.Second)
}

func meanTotal(name string, n, nanoseconds uint64) MetricTotal {
	return MetricTotal{Metric: name, Count: n, Seconds: ValueOf(float64(nanoseconds) / float64(time.Second))}
}

// following remembers the totals that were followed last.
type following struct {
	mu    sync.Mutex
	known bool      // mu
	last  [2]uint64 // mu
}

// grown returns by how much two totals have grown: nothing where there is nothing to compare
// with, and where one of them has fallen, as totals do when what counts them begins anew.
func (f *following) grown(a, b uint64) (moreA, moreB uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.known && a >= f.last[0] && b >= f.last[1] {
		moreA, moreB = a-f.last[0], b-f.last[1]
	}
	f.known, f.last = true, [2]uint64{a, b}
	return moreA, moreB
}

// restart forgets the totals: what they grow by while the monitor is paused counts nowhere.
func (f *following) restart() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.known = false
}

// pairMeter reads two totals that make one value, such as hits and misses.
type pairMeter struct {
	name        string // of a metric that the host registered, or of a built-in one
	at          int
	totals      func() (a, b uint64)
	value       func(a, b uint64) float64 // of what came since; NaN where that says nothing
	total       func(name string, a, b uint64) MetricTotal
	restart     func() // what is followed; nil where nothing is
	step, point [2]uint64
}

func newPairMeter(name string, at int, totals func() (a, b uint64), value func(a, b uint64) float64) *pairMeter {
	m := &pairMeter{name: name, at: at, totals: totals, value: value}
	m.step[0], m.step[1] = totals()
	m.point = m.step
	return m
}

func (m *pairMeter) endStep(elapsed time.Duration, set func(int, float64)) {
	if elapsed == 0 && m.restart != nil { // a gap ends
		m.restart()
	}
	m.step = m.end(m.step, set)
}

func (m *pairMeter) endPoint(_ time.Duration, set func(int, float64)) { m.point = m.end(m.point, set) }

func (m *pairMeter) end(begun [2]uint64, set func(int, float64)) [2]uint64 {
	a, b := m.totals()
	if v := m.value(a-begun[0], b-begun[1]); !math.IsNaN(v) {
		set(m.at, v)
	}
	return [2]uint64{a, b}
}
