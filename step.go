package perfmon

import (
	"context"
	"math"
	"time"

	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon/internal/goruntime"
	"github.com/backend-prs/perfmon/internal/traffic"
)

// loop is what only the step loop touches.
type loop struct {
	reader  *traffic.Reader
	runtime *goruntime.Reader // nil: left out

	paused      bool // no step was made of the time since the last
	step, point window
	steps       int       // since the last point
	sums        []float64 // of the steps since the last point, by position in the catalog
	counts      []int     // how many of them had a value

	standIns map[string]*Threshold // of metrics that have regressed, and may have no threshold
}

// window is a span of time over which the monitor's own counters are read. A step's
// ends at each step, a point's at each point.
type window struct {
	start              time.Time
	hits, misses       uint64
	queries, queryTime uint64
	requests           traffic.Delta
	runtime            goruntime.Window
}

func (l *loop) init(m *Monitor, c *config) {
	l.reader = m.traffic.NewReader()
	l.standIns = map[string]*Threshold{}
	if !c.noSystem {
		l.runtime = goruntime.NewReader()
	}
}

// begin opens the first step and the first point.
func (l *loop) begin(now time.Time) {
	l.step.start, l.point.start = now, now
	if l.runtime != nil {
		l.runtime.Read()
		l.runtime.Since(&l.step.runtime, 0)
		l.runtime.Since(&l.point.runtime, 0)
	}
}

// resume forgets what was left of the time before a pause and opens the first step
// after it.
func (m *Monitor) resume(now time.Time) {
	l := &m.loop
	l.reader.Endpoints(func(string, *traffic.Delta) {})
	l.reader.Organizations(func(string, *traffic.Delta) {})
	l.step.requests.Reset()
	m.history.forget()
	l.endPoint()
	l.begin(now)
	scratch := absent(len(builtin))
	m.readOwn(&l.step, now, scratch)
	m.readOwn(&l.point, now, scratch)
	l.paused = false
}

// scopeValues are a scope's values of requestMetrics in one step.
type scopeValues struct {
	scope  Scope
	values [len(requestMetrics)]float64
}

// step does all that is due at the end of a step: it reads every metric, adds to
// history, evaluates thresholds and publishes, in this order, so that whoever gets
// the sample finds the rest done.
//
// A panic in it, which would be a bug of this package, costs the step and not the host.
func (m *Monitor) step(ctx context.Context) {
	defer func() {
		if p := recover(); p != nil {
			m.panics.Add(1)
			quietly(func() { m.log.Error("perfmon: a step failed", "panic", p) })
		}
	}()
	l := &m.loop
	now := m.clock.Now()
	at := now.Round(0).UTC()
	m.users.Advance(now)
	m.sessions.Advance(now)
	if !m.enabled.Load() {
		l.paused = true
		return
	}
	if l.paused {
		m.resume(now)
		return
	}
	c := m.registry.catalog()
	values := absent(len(c.metrics))
	scopes := m.readRequests(values, now)
	if l.runtime != nil {
		l.runtime.Read()
	}
	m.readOwn(&l.step, now, values)
	m.collectors.collect(ctx, values)
	if ctx.Err() != nil {
		return
	}

	sample := &Sample{Time: at, catalog: c, values: values}
	l.accumulate(values)
	if l.steps++; l.steps >= m.stepsPerPoint {
		m.closePoint(c, now, at)
	}
	m.current.Store(sample)
	m.evaluate(at, sample, scopes)
	m.sampleSubs.publish(*sample)
}

// readRequests drains what the middleware counted since the last step.
func (m *Monitor) readRequests(values []float64, now time.Time) []scopeValues {
	l := &m.loop
	elapsed := now.Sub(l.step.start)
	l.step.requests.Reset()
	var scopes []scopeValues
	add := func(scope Scope, d *traffic.Delta) {
		if d.Responses > 0 {
			m.history.count(scope, d)
		} else if !m.history.has(scope) {
			return // it never had a request
		}
		scopes = append(scopes, scopeValues{scope, requestValues(d, elapsed)})
	}
	inFlight, streams := l.reader.Endpoints(func(name string, d *traffic.Delta) {
		l.step.requests.Merge(d)
		add(Scope{Endpoint: name}, d)
	})
	l.reader.Organizations(func(name string, d *traffic.Delta) { add(Scope{Organization: name}, d) })
	l.point.requests.Merge(&l.step.requests)
	values[builtinIndex[RequestsInFlight]] = float64(inFlight)
	values[builtinIndex[StreamsOpen]] = float64(streams)
	if m.users.Used() {
		values[builtinIndex[ActiveUsers]] = float64(m.users.Count())
	}
	if m.sessions.Used() {
		values[builtinIndex[ActiveSessions]] = float64(m.sessions.Count())
	}
	return scopes
}

// readOwn sets the metrics that the monitor counts itself and that have to be read
// over the whole window, not as a mean of its steps, and opens the next window.
func (m *Monitor) readOwn(w *window, now time.Time, values []float64) {
	elapsed := now.Sub(w.start)
	for i, v := range requestValues(&w.requests, elapsed) {
		values[builtinIndex[requestMetrics[i]]] = v
	}
	hits, misses := m.cacheHits.Load(), m.cacheMisses.Load()
	if n := hits - w.hits + misses - w.misses; n > 0 {
		values[builtinIndex[CacheHitRate]] = 100 * float64(hits-w.hits) / float64(n)
	}
	queries, queryTime := m.queries.Load()
	if n := queries - w.queries; n > 0 {
		values[builtinIndex[DatabaseQueryTimeAvg]] = float64(queryTime-w.queryTime) / float64(n) / float64(time.Second)
	}
	w.start, w.hits, w.misses, w.queries, w.queryTime = now, hits, misses, queries, queryTime
	if r := m.loop.runtime; r != nil {
		s := r.Since(&w.runtime, elapsed)
		for name, v := range map[string]float64{
			Goroutines: s.Goroutines, HeapMB: s.HeapMB, HeapGoalMB: s.HeapGoalMB, AllocRateMB: s.AllocRateMB,
			GCPauseP99: s.GCPauseP99, GCCPUPercent: s.GCCPUPercent, SchedLatencyP99: s.SchedLatencyP99,
		} {
			values[builtinIndex[name]] = v
		}
	}
}

func (l *loop) accumulate(values []float64) {
	for len(l.sums) < len(values) {
		l.sums = append(l.sums, 0)
		l.counts = append(l.counts, 0)
	}
	for i, v := range values {
		if !math.IsNaN(v) {
			l.sums[i] += v
			l.counts[i]++
		}
	}
}

// closePoint makes a point of history: of the whole interval for what the monitor
// counts itself, of the mean of the steps for the rest.
func (m *Monitor) closePoint(c *catalog, now, at time.Time) {
	l := &m.loop
	values := absent(len(c.metrics))
	for i, n := range l.counts {
		if n > 0 {
			values[i] = l.sums[i] / float64(n)
		}
	}
	elapsed := now.Sub(l.point.start)
	m.readOwn(&l.point, now, values)
	m.history.close(at, elapsed, c, values)
	m.compare()
	m.anomalies.look(at, c, values)
	l.endPoint()
}

// endPoint empties what the steps since the last point were gathered in.
func (l *loop) endPoint() {
	l.point.requests.Reset()
	l.steps = 0
	clear(l.sums)
	clear(l.counts)
}

// evaluate holds the step's values against the thresholds and tells what came of it.
func (m *Monitor) evaluate(at time.Time, sample *Sample, scopes []scopeValues) {
	regressions := map[string]*Regression{}
	for _, r := range m.Regressions() {
		regressions[r.Metric] = &r
	}
	inForce := m.loop.withStandIns(m.thresholds.all(), regressions)
	var values []observation
	for _, t := range inForce {
		if t.Disabled {
			continue
		}
		metric := sample.catalog.metrics[sample.catalog.index[t.Metric]]
		if t.Scope == ScopeService {
			if v, ok := sample.Value(t.Metric); ok {
				values = append(values, observation{t, metric, Scope{}, v, regressions[t.Metric]})
			}
			continue
		}
		i := requestMetric(t.Metric)
		for _, s := range scopes {
			if v := s.values[i]; s.scope.Kind() == t.Scope && !math.IsNaN(v) {
				values = append(values, observation{t, metric, s.scope, v, nil})
			}
		}
	}
	m.tell(m.alerts.observe(at, inForce, values, m.Settings()))
}

// withStandIns adds a threshold without limits for each metric that has regressed and has
// none, so that its regression has something to violate. It stays when the regression
// is over: that is what resolves the alert.
func (l *loop) withStandIns(list []*Threshold, regressions map[string]*Regression) []*Threshold {
	for metric := range regressions {
		if l.standIns[metric] == nil {
			nan := math.NaN()
			l.standIns[metric] = &Threshold{Metric: metric, Scope: ScopeService, Warning: nan, Critical: nan}
		}
	}
	for metric, t := range l.standIns {
		if !slices.ContainsFunc(list, func(t *Threshold) bool {
			return t.Metric == metric && t.Scope == ScopeService && !t.Disabled
		}) {
			list = append(list, t)
		}
	}
	return list
}
