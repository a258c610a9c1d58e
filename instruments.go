package perfmon

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/backend-prs/perfmon/internal/goruntime"
	"github.com/backend-prs/perfmon/sketch"
)

// Metrics reads, registers and feeds the metrics of a monitor.
type Metrics struct{ m *Monitor }

// Metrics returns the metrics of the monitor.
func (m *Monitor) Metrics() Metrics { return Metrics{m} }

// All returns every registered metric, in the order they are shown in.
func (ms Metrics) All() []Metric {
	return append([]Metric(nil), ms.m.registry.catalog().metrics...)
}

// Get returns a registered metric by its name.
func (ms Metrics) Get(name string) (metric Metric, ok bool) {
	return ms.m.registry.catalog().find(name)
}

// Gauge registers a metric that is set by hand, absent until then. A name that is fed
// already, or a metric that is not valid, is refused with a *FieldError. Other errors:
// ErrClosed.
func (ms Metrics) Gauge(metric Metric) (*Gauge, error) {
	metric.Kind = KindGauge
	g := &Gauge{}
	g.Clear()
	r, metrics, err := newRunner(funcCollector{metric, g.value})
	if err != nil {
		return nil, wrap(err)
	}
	r.name, r.status.Name = "gauge "+metric.Name, "gauge "+metric.Name
	if err := ms.m.addRunner(r, metrics); err != nil {
		return nil, wrap(err)
	}
	return g, nil
}

// Counter registers a metric that counts events: its value is how many there were per
// second. Errors are those of Gauge.
func (ms Metrics) Counter(metric Metric) (*Counter, error) {
	metric.Kind = KindCounter
	if metric.Unit == "" {
		metric.Unit = "1/s"
	}
	c := &Counter{}
	if err := ms.m.feed("counter "+metric.Name, metric); err != nil {
		return nil, err
	}
	ms.m.addMeter(c.meter(metric.Name, ms.m.position(metric.Name)))
	return c, nil
}

// Timer registers four metrics of durations in seconds, which are named after metric
// with _p50, _p95, _p99 and _avg behind. Errors are those of Gauge.
func (ms Metrics) Timer(metric Metric) (*Timer, error) {
	t := &Timer{}
	meter := &timerMeter{name: metric.Name, t: t}
	var metrics []Metric
	for _, suffix := range []string{"_p50", "_p95", "_p99", "_avg"} {
		metrics = append(metrics, Metric{metric.Name + suffix, "s", KindTiming, metric.Worse, metric.Help})
	}
	if err := ms.m.feed("timer "+metric.Name, metrics...); err != nil {
		return nil, err
	}
	for i, m := range metrics {
		meter.at[i] = ms.m.position(m.Name)
	}
	ms.m.addMeter(meter)
	return t, nil
}

// MetricTotal is what was counted for a metric since the monitor was made. It never goes
// down.
type MetricTotal struct {
	Metric string `json:"metric_name"` // of a Timer: the name it was registered with
	Count  uint64 `json:"count"`       // events, durations, lookups of a cache, or the whole of a Share
	// Hits are the lookups that hit, of cache_hit_rate; of a Share, the part.
	Hits uint64 `json:"hits,omitempty"`
	// Seconds is the sum of the durations; of timings alone. Of a Timer it is as exact
	// as its sketch.
	Seconds Value `json:"seconds"`
	// Times is the sketch of the durations in nanoseconds; of a Timer alone. It is the
	// caller's own.
	Times *sketch.Sketch `json:"times,omitempty"`
}

// Totals returns what was counted for metrics since the monitor was made: cache lookups,
// database queries, and the host's counters, timers, shares and means, in the order they
// were registered. [History.Totals] has those of requests.
func (ms Metrics) Totals() []MetricTotal {
	var list []MetricTotal
	for _, mt := range ms.m.allMeters() {
		switch mt := mt.(type) {
		case *pairMeter:
			if mt.total != nil {
				a, b := mt.totals()
				list = append(list, mt.total(mt.name, a, b))
			}
		case *counterMeter:
			if mt.name != "" {
				list = append(list, MetricTotal{Metric: mt.name, Count: mt.total()})
			}
		case *timerMeter:
			times := mt.t.Times()
			list = append(list, MetricTotal{Metric: mt.name, Count: times.Count(), Seconds: seconds(times), Times: times})
		}
	}
	return list
}

// seconds returns the sum of durations.
func seconds(times *sketch.Sketch) Value {
	if times.Count() == 0 {
		return ValueOf(0)
	}
	return ValueOf(times.Mean() * float64(times.Count()) / float64(time.Second))
}

// AddCollector adds a collector, now or at run time. A collector without a name, or
// with a metric that is not valid or fed already, is refused whole. Errors are those of
// Gauge.
func (ms Metrics) AddCollector(c Collector) error {
	r, metrics, err := newRunner(c)
	if err == nil {
		err = ms.m.addRunner(r, metrics)
	}
	return wrap(err)
}

// feed registers metrics that by feeds.
func (m *Monitor) feed(by string, metrics ...Metric) error {
	if m.isClosed() {
		return wrap(ErrClosed)
	}
	return wrap(m.registry.feed(by, metrics...))
}

func (m *Monitor) addRunner(r *runner, metrics []Metric) error {
	if m.isClosed() {
		return ErrClosed
	}
	if err := r.register(m.registry, metrics); err != nil {
		return err
	}
	m.startRunner(r)
	return nil
}

// metered is a collector of this package with metrics that are counted: meters read those.
type metered interface {
	meters(position func(metric string) int) []meter
}

// startRunner adds a runner whose metrics are registered.
func (m *Monitor) startRunner(r *runner) {
	if c, ok := r.c.(metered); ok {
		for _, mt := range c.meters(m.position) {
			m.addMeter(mt)
		}
	}
	m.collectors.add(r)
}

// position returns where in the catalog a registered metric is.
func (m *Monitor) position(metric string) int { return m.registry.catalog().index[metric] }

// Gauge is a metric that the host sets by hand. It is safe for concurrent use.
type Gauge struct {
	bits atomic.Uint64 // of the value; NaN: absent
}

// Set gives the metric a value, which it keeps. NaN and infinities make it absent.
func (g *Gauge) Set(v float64) {
	if math.IsInf(v, 0) {
		v = math.NaN()
	}
	g.bits.Store(math.Float64bits(v))
}

// Clear makes the metric absent.
func (g *Gauge) Clear() { g.Set(math.NaN()) }

func (g *Gauge) value() float64 { return math.Float64frombits(g.bits.Load()) }

// Counter counts events for the host. It is safe for concurrent use.
type Counter struct {
	n       atomic.Uint64
	follows following
}

// Add counts n more events.
func (c *Counter) Add(n uint64) { c.n.Add(n) }

// Follow takes over a total that something else counts, such as a driver: it counts what the
// total has grown by since the last call. The first call counts nothing, nor does one after a
// pause of the monitor, or with a total that has fallen.
func (c *Counter) Follow(total uint64) {
	more, _ := c.follows.grown(total, 0)
	c.Add(more)
}

// Total returns how many events were counted.
func (c *Counter) Total() uint64 { return c.n.Load() }

// Timer records durations for the host. It is safe for concurrent use.
type Timer struct{ times sketch.Atomic }

// Record counts a duration; a negative one counts as 0.
func (t *Timer) Record(d time.Duration) { t.times.Add(uint64(max(d, 0))) }

// Times returns the sketch of all durations in nanoseconds. It is the caller's own.
func (t *Timer) Times() *sketch.Sketch {
	var all sketch.Cursor
	s := &sketch.Sketch{}
	t.times.Drain(&all, s)
	return s
}

// gaugeMeter reads a gauge that is part of something that has meters.
type gaugeMeter struct {
	at int
	g  *Gauge
}

func (m gaugeMeter) endStep(_ time.Duration, set func(int, float64)) { set(m.at, m.g.value()) }

// endPoint leaves it at the mean of the steps.
func (m gaugeMeter) endPoint(time.Duration, func(int, float64)) {}

// A meter turns what is counted all the time into values: of a step, and of the interval
// that a point stands for. Only the step loop calls it.
type meter interface {
	// endStep sets the values of the step that ends now, and begins the next.
	endStep(elapsed time.Duration, set func(at int, v float64))
	// endPoint sets the values of the interval that ends now, and begins the next. The
	// step has ended before.
	endPoint(elapsed time.Duration, set func(at int, v float64))
}

// counterMeter reads a total that only grows.
type counterMeter struct {
	name        string // "" where Totals has it as a part of something else
	at          int
	total       func() uint64
	restart     func() // what is followed; nil where nothing is
	step, point uint64 // the total when they began
}

func (c *Counter) meter(name string, at int) meter {
	return &counterMeter{name: name, at: at, total: c.Total, restart: c.follows.restart, step: c.Total(), point: c.Total()}
}

func (m *counterMeter) endStep(elapsed time.Duration, set func(int, float64)) {
	if elapsed == 0 && m.restart != nil { // a gap ends
		m.restart()
	}
	m.step = m.end(m.step, elapsed, set)
}

func (m *counterMeter) endPoint(elapsed time.Duration, set func(int, float64)) {
	m.point = m.end(m.point, elapsed, set)
}

func (m *counterMeter) end(begun uint64, elapsed time.Duration, set func(int, float64)) uint64 {
	now := m.total()
	if elapsed > 0 {
		set(m.at, float64(now-begun)/elapsed.Seconds())
	}
	return now
}

type timerMeter struct {
	name        string
	at          [4]int
	t           *Timer
	cursor      sketch.Cursor
	step, point sketch.Sketch
}

func (m *timerMeter) endStep(_ time.Duration, set func(int, float64)) {
	m.step.Reset()
	m.t.times.Drain(&m.cursor, &m.step)
	m.point.Merge(&m.step)
	m.values(&m.step, set)
}

func (m *timerMeter) endPoint(_ time.Duration, set func(int, float64)) {
	m.values(&m.point, set)
	m.point.Reset()
}

func (m *timerMeter) values(times *sketch.Sketch, set func(int, float64)) {
	f := figures(times, 0, 0, 0)
	for i, at := range m.at {
		set(at, f[i])
	}
}

// cacheMeter reads what RecordCacheHit and RecordCacheMiss count, and all caches.
func (m *Monitor) cacheMeter() *pairMeter {
	mt := newPairMeter(CacheHitRate, builtinIndex[CacheHitRate], m.cacheLookups, percent)
	mt.total = shareTotal
	return mt
}

// queryMeter reads what RecordQuery counts.
func (m *Monitor) queryMeter() *pairMeter {
	mt := newPairMeter(DatabaseQueryTimeAvg, builtinIndex[DatabaseQueryTimeAvg], m.queries.Load, meanSeconds)
	mt.total = meanTotal
	return mt
}

// runtimeMeter reads runtime/metrics.
type runtimeMeter struct {
	reader      *goruntime.Reader
	step, point goruntime.Window
}

func newRuntimeMeter() *runtimeMeter {
	m := &runtimeMeter{reader: goruntime.NewReader()}
	m.reader.Read()
	m.reader.Since(&m.step, 0)
	m.reader.Since(&m.point, 0)
	return m
}

func (m *runtimeMeter) endStep(elapsed time.Duration, set func(int, float64)) {
	m.reader.Read()
	runtimeValues(m.reader.Since(&m.step, elapsed), set)
}

func (m *runtimeMeter) endPoint(elapsed time.Duration, set func(int, float64)) {
	runtimeValues(m.reader.Since(&m.point, elapsed), set)
}

func runtimeValues(s goruntime.Stats, set func(int, float64)) {
	set(builtinIndex[Goroutines], s.Goroutines)
	set(builtinIndex[HeapMB], s.HeapMB)
	set(builtinIndex[HeapGoalMB], s.HeapGoalMB)
	set(builtinIndex[AllocRateMB], s.AllocRateMB)
	set(builtinIndex[GCPauseP99], s.GCPauseP99)
	set(builtinIndex[GCCPUPercent], s.GCCPUPercent)
	set(builtinIndex[SchedLatencyP99], s.SchedLatencyP99)
}
