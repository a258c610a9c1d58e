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

	"github.com/backend-prs/perfmon/internal/distinct"
	"github.com/backend-prs/perfmon/internal/striped"
	"github.com/backend-prs/perfmon/internal/traffic"
)

// Monitor watches one service. Its methods are safe for concurrent use. A process may
// have any number of monitors; they share nothing.
type Monitor struct {
	service       Service
	clock         clock.Clock
	realTime      bool // the clock is the real one
	epoch         time.Time
	log           *slog.Logger
	stepLength    time.Duration
	stepsPerPoint int
	interval      time.Duration
	failed        [600]bool          // by HTTP status: counts as an error
	sensitivities map[string]float64 // to regressions, of metrics that have their own

	settings  atomic.Pointer[Settings]
	enabled   atomic.Bool // of the settings, for the request path
	configure sync.Mutex  // one change of settings or thresholds at a time

	// What the host records, any goroutine.
	traffic                *traffic.Traffic
	users, sessions        *distinct.Window
	cacheHits, cacheMisses striped.Counter
	queries                striped.Sum
	hooks                  hooks

	// What the step loop makes of it, each with a lock of its own.
	registry   *registry
	collectors collectors
	history    *history
	thresholds *thresholdSet
	alerts     *alertBook
	baselines  baselines
	anomalies  anomalies
	current    atomic.Pointer[Sample]
	alertSubs  subscribers[AlertEvent]
	sampleSubs subscribers[Sample]
	loop       loop
	panics     atomic.Uint64 // in steps

	mu      sync.Mutex // guards the four below
	started time.Time  // zero: not yet
	closed  bool
	cancel  context.CancelFunc
	done    chan struct{} // closed when the step loop has ended
}

// New makes a monitor. It does nothing yet: Start does. An error names every option
// that is wrong.
func New(options ...Option) (*Monitor, error) {
	c := defaults()
	var errs []error
	for _, o := range options {
		if o == nil {
			errs = append(errs, &FieldError{"option", nil, "an Option"})
			continue
		}
		errs = append(errs, o(c))
	}
	err := errors.Join(errs...)
	if err == nil && c.fromEnv {
		err = c.readEnvironment()
	}
	if err == nil {
		err = c.finish()
	}
	if err != nil {
		return nil, fmt.Errorf("perfmon: %w", err)
	}
	now := c.clock.Now()
	points := int(c.retention / c.interval)
	m := &Monitor{
		service:       c.service,
		clock:         c.clock,
		realTime:      c.realTime,
		epoch:         now,
		log:           c.log,
		stepLength:    c.step,
		stepsPerPoint: int((c.interval + c.step/2) / c.step),
		interval:      c.interval,
		sensitivities: c.sensitivities,
		traffic:       traffic.New(c.maxEndpoints, c.maxOrgs),
		users:         distinct.New(activeWindow, activeSlices, now),
		sessions:      distinct.New(activeWindow, activeSlices, now),
		registry:      newRegistry(),
		collectors:    collectors{clock: c.clock, log: c.log, timeout: c.timeout},
		history:       newHistory(points, c.retention),
		thresholds:    &thresholdSet{},
		alerts:        newAlertBook(c.message),
		alertSubs:     subscribers[AlertEvent]{kind: "alerts", queue: alertQueue, log: c.log},
		sampleSubs:    subscribers[Sample]{kind: "samples", queue: sampleQueue, log: c.log},
		done:          make(chan struct{}),
	}
	m.settings.Store(&c.settings)
	m.enabled.Store(c.settings.Enabled)
	m.loop.init(m, c)
	if err := m.setUp(c); err != nil {
		return nil, fmt.Errorf("perfmon: %w", err)
	}
	return m, nil
}

// Users and sessions count as active for so long, to a slice more.
const (
	activeWindow = 5 * time.Minute
	activeSlices = 10
)

// setUp runs what options hold of the host's own code.
func (m *Monitor) setUp(c *config) (err error) {
	if err := m.askErrorStatus(c.isError); err != nil {
		return err
	}
	if !c.noSystem {
		s, err := newSystemCollector(m.clock)
		if err != nil {
			m.log.Warn("perfmon: no figures of the system", "error", err)
		} else if err := m.addCollector(s); err != nil {
			return err
		}
	}
	var errs []error
	for _, cl := range c.collectors {
		errs = append(errs, m.addCollector(cl))
	}
	if !c.noDefaults {
		for _, t := range DefaultThresholds() {
			errs = append(errs, m.setThreshold(t))
		}
	}
	for _, t := range c.thresholds {
		errs = append(errs, m.setThreshold(t))
	}
	return errors.Join(errs...)
}

// askErrorStatus fills the table that the request path reads.
func (m *Monitor) askErrorStatus(isError func(int) bool) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("error status: panic: %v", p)
		}
	}()
	for status := 100; status < len(m.failed); status++ {
		m.failed[status] = isError(status)
	}
	return nil
}

// AddCollector adds a collector, now or at run time. A collector without a name, or
// with a metric that is not valid or fed already, is refused whole.
func (m *Monitor) AddCollector(c Collector) error {
	if err := m.addCollector(c); err != nil {
		return fmt.Errorf("perfmon: %w", err)
	}
	return nil
}

func (m *Monitor) addCollector(c Collector) error {
	r, metrics, err := newRunner(c)
	if err != nil {
		return err
	}
	return m.addRunner(r, metrics)
}

func (m *Monitor) addRunner(r *runner, metrics []Metric) error {
	cs := &m.collectors
	cs.mu.Lock()
	defer cs.mu.Unlock()
	var fresh []Metric
	for i, metric := range metrics {
		for _, other := range metrics[:i] {
			if other.Name == metric.Name {
				return fmt.Errorf("collector %s: %w", r.status.Name, &FieldError{"metric name", metric.Name, "each metric once"})
			}
		}
		at, isBuiltin := builtinIndex[metric.Name]
		if !isBuiltin {
			fresh = append(fresh, metric)
			continue
		}
		if by := m.fedBy(at); by != "" {
			return fmt.Errorf("collector %s: %w", r.status.Name, &FieldError{"metric name", metric.Name, "a metric that is not fed by " + by})
		}
	}
	if err := m.registry.add(fresh...); err != nil {
		return fmt.Errorf("collector %s: %w", r.status.Name, err)
	}
	c := m.registry.catalog()
	for _, metric := range metrics {
		r.metrics[metric.Name] = c.index[metric.Name]
	}
	cs.runners = append(cs.runners, r)
	return nil
}

// fedBy names what feeds a metric, "" when nothing does that a collector could not
// take the place of; cs.mu is held.
func (m *Monitor) fedBy(position int) string {
	if by, own := ownSources[builtin[position].Name]; own {
		return by
	}
	for _, r := range m.collectors.runners {
		for _, at := range r.metrics {
			if at == position {
				return r.status.Name
			}
		}
	}
	return ""
}

// ownSources are the metrics that the monitor itself always feeds, and from what.
var ownSources = map[string]string{
	ResponseTimeP50: "middleware", ResponseTimeP95: "middleware", ResponseTimeP99: "middleware",
	ResponseTimeAvg: "middleware", ThroughputRPS: "middleware", ErrorRate: "middleware",
	RequestsInFlight: "middleware", StreamsOpen: "middleware",
}

// Start lets the monitor begin, until ctx ends or Close is called. Starting twice
// changes nothing. It returns ErrClosed when the monitor is closed.
func (m *Monitor) Start(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrClosed
	}
	if !m.started.IsZero() {
		return nil
	}
	m.started = m.wall()
	ctx, m.cancel = context.WithCancel(ctx)
	ticker := m.clock.Ticker(m.stepLength)
	m.loop.begin(m.clock.Now())
	go m.run(ctx, ticker)
	return nil
}

func (m *Monitor) run(ctx context.Context, ticker *clock.Ticker) {
	defer close(m.done)
	defer m.closeSubscribers()
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			m.mu.Lock()
			m.closed = true
			m.mu.Unlock()
			return
		case <-ticker.C:
			m.step(ctx)
		}
	}
}

// closeGrace is how long Close waits for the host's collectors and callbacks.
const closeGrace = 5 * time.Second

// Close ends the monitor and waits for all its goroutines: subscribers first get what
// is queued for them. A collector or callback that does not return within 5 s is left
// behind and named in the error. Closing twice changes nothing.
//
// A callback must not call Close, which would wait for that callback.
func (m *Monitor) Close() error {
	m.mu.Lock()
	started := !m.started.IsZero()
	m.closed = true
	if m.cancel != nil {
		m.cancel()
	}
	m.mu.Unlock()
	if started {
		<-m.done
	} else {
		m.closeSubscribers()
	}
	var errs []error
	grace, cancel := m.clock.WithTimeout(context.Background(), closeGrace)
	defer cancel()
	for _, w := range []struct {
		what string
		wg   *sync.WaitGroup
	}{
		{"a collector", &m.collectors.running},
		{"an alert callback", &m.alertSubs.running},
		{"a sample callback", &m.sampleSubs.running},
	} {
		if !wait(grace, w.wg) {
			errs = append(errs, fmt.Errorf("perfmon: close: %s has not returned after %v", w.what, closeGrace))
		}
	}
	return errors.Join(errs...)
}

func (m *Monitor) closeSubscribers() {
	m.alertSubs.close()
	m.sampleSubs.close()
}

// wall is the time of day, without a monotonic reading, in UTC.
func (m *Monitor) wall() time.Time { return m.clock.Now().Round(0).UTC() }

func (m *Monitor) startedAt() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.started
}

// Service returns which process the figures are of.
func (m *Monitor) Service() Service { return m.service }

// Uptime returns how long ago the monitor started, 0 before it did.
func (m *Monitor) Uptime() time.Duration {
	if up := m.startedAt(); !up.IsZero() {
		return m.wall().Sub(up)
	}
	return 0
}

// Now returns the time of the monitor's clock, in UTC.
func (m *Monitor) Now() time.Time { return m.wall() }

// Step returns how often metrics are read and thresholds evaluated.
func (m *Monitor) Step() time.Duration { return m.stepLength }

// Interval returns how much time a point stands for.
func (m *Monitor) Interval() time.Duration { return m.interval }

// Retention returns how long points are kept.
func (m *Monitor) Retention() time.Duration { return m.history.retention }

// Metrics returns every registered metric, in the order they are shown in.
func (m *Monitor) Metrics() []Metric {
	return append([]Metric(nil), m.registry.catalog().metrics...)
}

// Metric returns a registered metric by its name.
func (m *Monitor) Metric(name string) (metric Metric, ok bool) {
	c := m.registry.catalog()
	i, ok := c.index[name]
	if !ok {
		return Metric{}, false
	}
	return c.metrics[i], true
}

// Current returns the latest sample; ok is false before the first step has ended.
func (m *Monitor) Current() (s Sample, ok bool) {
	if p := m.current.Load(); p != nil {
		return *p, true
	}
	return Sample{}, false
}

// tell hands alert events to those who asked.
func (m *Monitor) tell(events []AlertEvent) {
	for _, e := range events {
		m.alertSubs.publish(e)
	}
}

// absent returns n absent values.
func absent(n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = math.NaN()
	}
	return v
}
