package perfmon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/backend-prs/perfmon/internal/distinct"
	"github.com/backend-prs/perfmon/internal/striped"
	"github.com/backend-prs/perfmon/internal/traffic"
)

// Monitor watches one service. Make one with [New], begin with [Monitor.Start], and hear
// of alerts with [Monitor.OnAlert]. What it holds is read and changed through
// [Monitor.Alerts], [Monitor.Thresholds], [Monitor.Baselines], [Monitor.History],
// [Monitor.Metrics], [Monitor.Markers] and [Monitor.Config].
//
// All methods are safe for concurrent use. A process may have any number of monitors;
// they share nothing.
type Monitor struct {
	service       Service
	clock         clock.Clock
	realTime      bool // the clock is the real one
	readsRuntime  bool // runtime/metrics
	hasStore      bool
	epoch         time.Time
	watch         stopwatch
	log           *hostLog
	stepLength    time.Duration
	stepsPerPoint int
	interval      time.Duration
	lanes         [600]traffic.Lane // how a response is counted, by HTTP status
	enabled       atomic.Bool       // of the settings, for the request path

	// What the host records, any goroutine.
	traffic                *traffic.Traffic
	users, sessions        *distinct.Window
	cacheHits, cacheMisses striped.Counter
	caches                 atomic.Pointer[[]*Cache] // the named ones; replaced under metersMu
	queries                striped.Sum              // and their time in nanoseconds
	hooks                  hooks

	// What the step loop makes of it. Each owns its state.
	registry   *registry
	collectors collectors
	history    *history
	anomalies  *anomalies
	views      views
	current    atomic.Pointer[Sample]
	loop       loop
	stepPanics atomic.Uint64
	metersMu   sync.Mutex
	meters     []meter // metersMu

	// What changes by records: the journal makes every change, the owners apply it.
	journal    journal
	worker     worker
	settings   settingsOwner
	thresholds thresholdSet
	baselines  baselines
	markers    markers
	alerts     *alertBook
	events     eventLog
	alertSubs  subscribers[AlertEvent]
	sampleSubs subscribers[Sample]
	live       live
	companions []*companion
	silences   silenceList

	// Notifications.
	notify     notifySetup
	channels   []*channel
	chartSlots chan struct{} // one for each chart that is being drawn

	// Of a replica: what it is in its fleet, nil without one; and of a view of the fleet the
	// monitor that it belongs to, nil where this is no view, with its totals.
	fleet    *fleetMember
	parent   *Monitor
	totalsMu sync.Mutex
	totals   map[Scope]*traffic.Counts // totalsMu

	archiveReads   chan struct{} // one for each that reads from the store
	archiveFailed  atomic.Bool   // the latest could not
	archiveRefused atomic.Uint64 // that found no room

	mu      sync.Mutex // guards the five below
	started time.Time  // zero: not yet
	closed  bool
	ctx     context.Context // of the step loop; nil before the start
	cancel  context.CancelFunc
	begun   time.Duration // elapsed time at the start
	done    chan struct{} // closed when the step loop has ended, or will never begin
}

// Users and sessions count as active for so long, to a slice more.
const (
	activeWindow = 5 * time.Minute
	activeSlices = 10
)

// New makes a monitor. It does nothing yet: Start does. An error names every option
// that is wrong.
func New(options ...Option) (*Monitor, error) {
	c := defaults()
	var errs []error
	for _, o := range options {
		if o == nil {
			errs = append(errs, &FieldError{"Option", nil, "an option"})
			continue
		}
		errs = append(errs, o(c))
	}
	if c.fromEnv {
		errs = append(errs, c.readEnvironment())
	}
	errs = append(errs, c.finish())
	registry := newRegistry()
	errs = append(errs, c.register(registry))
	if err := errors.Join(errs...); err != nil {
		return nil, wrap(err)
	}
	now := c.clock.Now()
	log := &hostLog{log: c.log}
	m := &Monitor{
		service:       c.service,
		clock:         c.clock,
		realTime:      c.realTime,
		readsRuntime:  !c.noSystem,
		hasStore:      c.store != nil,
		epoch:         now,
		watch:         stopwatch{read: c.clock.Now, last: now},
		log:           log,
		stepLength:    c.step,
		stepsPerPoint: int((c.interval + c.step/2) / c.step),
		interval:      c.interval,
		traffic:       traffic.New(c.settings.MaxEndpoints, c.settings.MaxOrganizations),
		users:         distinct.New(activeWindow, activeSlices, now),
		sessions:      distinct.New(activeWindow, activeSlices, now),
		registry:      registry,
		collectors:    collectors{clock: c.clock, log: log},
		history:       newHistory(int(c.settings.Retention / c.interval)),
		anomalies:     newAnomalies(),
		journal:       journal{log: log, mu: make(changeLock, 1)},
		alerts:        newAlertBook(c.message),
		alertSubs:     subscribers[AlertEvent]{to: "alerts", log: log},
		sampleSubs:    subscribers[Sample]{to: "samples", log: log},
		archiveReads:  make(chan struct{}, maxArchiveReads),
		done:          make(chan struct{}),
		notify:        c.notify,
		chartSlots:    make(chan struct{}, maxChartsAtOnce),
	}
	m.worker.failed = m.stepFailed
	m.live.m, m.live.subs.to, m.live.subs.log = m, "live", log
	m.loop.reader = m.traffic.NewReader()
	m.meters = []meter{m.cacheMeter(), m.queryMeter(), &selfMeter{m: m}}
	m.settings.current.Store(&SettingsRecord{c.settings, c.origins})
	m.enabled.Store(c.settings.Enabled)
	if err := m.setUp(c); err != nil {
		return nil, wrap(err)
	}
	return m, nil
}

// setUp takes over what the options hold, and restores what a store holds.
func (m *Monitor) setUp(c *config) error {
	if err := m.askErrorStatus(c.isError); err != nil {
		return err
	}
	if m.readsRuntime {
		m.addMeter(newRuntimeMeter())
	}
	for _, named := range c.runtime {
		m.addMeter(newNamedMeter(named, m.position))
	}
	m.companions = c.companions
	for _, n := range c.notify.notifiers {
		m.channels = append(m.channels, newChannel(m, n, &c.notify))
	}
	for _, r := range c.runners {
		m.startRunner(r)
	}
	for _, t := range c.thresholds {
		m.thresholds.apply(&ThresholdRecord{Threshold: t})
	}
	if c.fleet != nil {
		m.fleet = newFleetMember(m, c.fleet)
	}
	if c.store == nil {
		return nil
	}
	return m.restore(c.store)
}

// askErrorStatus fills the table that the request path reads.
func (m *Monitor) askErrorStatus(isError func(int) bool) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("WithErrorStatus: panic: %s", describe(p))
		}
	}()
	for status := 100; status < len(m.lanes); status++ {
		m.lanes[status] = traffic.LaneOf(status, isError(status))
	}
	for status := range 100 { // counts as 500, as all others do
		m.lanes[status] = m.lanes[500]
	}
	return nil
}

// restorePoint takes over a point of an earlier monitor.
func (m *Monitor) restorePoint(p Point) error {
	values := make(map[string]float64, len(p.Values))
	for name, v := range p.Values {
		values[name] = v.Float()
	}
	m.anomalies.look(p.Time, values)
	if err := m.history.restore(p, m.settings.get().Retention); err != nil {
		m.log.write(slog.LevelWarn, "a point in the store is damaged", "error", err.Error()) // the others are as good as ever
	}
	return nil
}

func (m *Monitor) addMeter(mt meter) {
	m.metersMu.Lock()
	defer m.metersMu.Unlock()
	m.meters = append(m.meters, mt)
}

func (m *Monitor) allMeters() []meter {
	m.metersMu.Lock()
	defer m.metersMu.Unlock()
	return m.meters[:len(m.meters):len(m.meters)]
}

// Start lets the monitor begin, until ctx ends or Close is called. Starting twice
// changes nothing. It returns ErrClosed when the monitor is closed. A version that did not
// run before is a marker; where there is a store, Start waits for it, at most 5 s.
func (m *Monitor) Start(ctx context.Context) error {
	loop, err := m.begin(ctx)
	if err != nil || loop == nil {
		return err
	}
	m.noteVersion()
	m.enrol()
	m.startChannels()
	go loop()
	return nil
}

// begin starts the clocks and returns the step loop, nil where it runs already.
func (m *Monitor) begin(ctx context.Context) (loop func(), err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed || m.ctx != nil && m.ctx.Err() != nil {
		return nil, wrap(ErrClosed)
	}
	if !m.started.IsZero() {
		return nil, nil
	}
	now := m.watch.now()
	m.started, m.begun = now.wall, now.elapsed
	m.history.begin(now.wall)
	if len(m.baselines.all(now.wall)) > 0 {
		m.compare() // of restored points
	}
	ctx, m.cancel = context.WithCancel(ctx)
	m.ctx = ctx
	ticker := m.clock.Ticker(m.stepLength)
	m.loop.begin(now)
	m.live.begin(ctx)
	m.startCompanions(ctx)
	if f := m.fleet; f != nil {
		f.lastGood.Store(int64(now.elapsed))
		f.running.Add(1)
		go f.run(ctx)
	}
	return func() { m.run(ctx, ticker) }, nil
}

func (m *Monitor) run(ctx context.Context, ticker *clock.Ticker) {
	defer close(m.done)
	defer m.worker.do(m.closeSubscribers) // what was found before is told before
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			m.step(ctx)
		}
	}
}

// closeGrace is how long Close waits for code of the host.
const closeGrace = 5 * time.Second

// Close ends the monitor and waits for its goroutines; callbacks first get what waits
// for them. Code of the host (a collector, a callback, the logger) that does not return
// within 5 s of real time is left behind and named in the error; no callback is called
// after that. Closing twice changes nothing.
//
// A callback must not call Close, which would wait for that callback.
func (m *Monitor) Close() error {
	m.mu.Lock()
	started := !m.started.IsZero()
	if !started && !m.closed {
		close(m.done) // there will be no step
	}
	m.closed = true
	if m.cancel != nil {
		m.cancel()
	}
	m.mu.Unlock()
	if started {
		<-m.done
	}
	m.live.end()
	if m.fleet != nil {
		m.fleet.running.Wait() // its calls have deadlines
	}
	m.worker.wait(closeGrace)
	m.waitForChannels()
	var storeErr error
	m.worker.do(func() { storeErr = m.journal.close() })
	alertSubs, sampleSubs := m.alertSubs.close(), append(m.sampleSubs.close(), m.live.subs.close()...)
	var all []leaving
	for _, r := range m.collectors.all() {
		all = append(all, leaving{"collector " + r.name, &r.running})
	}
	for _, s := range alertSubs {
		all = append(all, leaving{"alert callback " + s.name, &s.done})
	}
	for _, s := range sampleSubs {
		all = append(all, leaving{"sample callback " + s.name, &s.done})
	}
	for _, c := range m.channels {
		all = append(all, leaving{"notifier " + c.name, &c.running})
	}
	for _, c := range m.companions {
		all = append(all, leaving{c.name, &c.running})
	}
	all = append(all, leaving{"the store", &m.worker.idle})
	if err := waitFor(append(all, leaving{"the logger", &m.log.idle})); err != nil {
		m.alertSubs.abandon()
		m.sampleSubs.abandon()
		m.live.subs.abandon()
		return err
	}
	return wrap(storeErr)
}

func (m *Monitor) closeSubscribers() {
	m.alertSubs.close()
	m.sampleSubs.close()
	m.live.subs.close()
}

func (m *Monitor) isClosed() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.closed || m.ctx != nil && m.ctx.Err() != nil
}

// Done returns a channel that is closed when the monitor has taken its last step, or was
// closed before it started.
func (m *Monitor) Done() <-chan struct{} { return m.done }

// Service returns which process the figures are of.
func (m *Monitor) Service() Service { return m.service }

// Uptime returns how long ago the monitor started, 0 before it did. Changes of the
// clock on the wall do not count.
func (m *Monitor) Uptime() time.Duration {
	m.mu.Lock()
	started, begun := m.started, m.begun
	m.mu.Unlock()
	if started.IsZero() {
		return 0
	}
	return m.watch.now().elapsed - begun
}

// Now returns the time of the monitor's clock, in UTC.
func (m *Monitor) Now() time.Time {
	if m.parent != nil { // the clock of the fleet
		return m.parent.fleet.time(m.parent.watch.now()).wall
	}
	return m.clock.Now().Round(0).UTC()
}

// Clock returns the clock that the monitor goes by.
func (m *Monitor) Clock() clock.Clock { return m.clock }

// Step returns how often metrics are read and thresholds evaluated.
func (m *Monitor) Step() time.Duration { return m.stepLength }

// Interval returns how much time a point stands for.
func (m *Monitor) Interval() time.Duration { return m.interval }

// Current returns the latest sample; ok is false before the first step has ended.
func (m *Monitor) Current() (s Sample, ok bool) {
	if p := m.current.Load(); p != nil {
		return *p, true
	}
	return Sample{}, false
}
