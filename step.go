package perfmon

import (
	"context"
	"log/slog"
	"math"
	"time"

	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon/internal/traffic"
)

// loop is what only the step loop touches.
type loop struct {
	reader   *traffic.Reader // live samples look on
	evidence evidence
	judging  judging

	paused bool          // nothing was read since the last step
	took   time.Duration // the step before
	step   time.Duration // elapsed time when the step began
	point  time.Duration // elapsed time when the interval began
	steps  int           // since the last point
	sums   []float64     // of the steps since the last point, by position in the catalog
	counts []int         // how many of them had a value

	// Kept from step to step for their memory.
	all      traffic.Counts
	scopes   []scopeStep
	patience patience
}

// scopeStep is what a scope did in a step.
type scopeStep struct {
	scope    Scope
	figures  requestFigures
	requests uint64
	elapsed  time.Duration         // that the step took
	judged   map[int]judgedFigures // by how many requests are enough
}

// judgedFigures rest on enough requests to be judged.
type judgedFigures struct {
	figures  requestFigures
	requests uint64
}

// begin opens the first step and the first interval.
func (l *loop) begin(now moment) { l.step, l.point = now.elapsed, now.elapsed }

// gapSteps is how many steps may be missed before what lies between is a gap, as it is
// when the machine was suspended.
const gapSteps = 10

// resume drops what was counted in a gap, and opens the first step after it.
func (m *Monitor) resume(now moment) {
	l := &m.loop
	nothing := func(string, *traffic.Counts) {}
	l.reader.Endpoints(new(traffic.Counts), nothing)
	l.reader.Organizations(nothing)
	m.history.forget(now.wall)
	ignore := func(int, float64) {}
	for _, meter := range m.allMeters() {
		meter.endStep(0, ignore)
		meter.endPoint(0, ignore)
	}
	l.evidence = evidence{}
	l.judging.resume(now)
	l.endPoint()
	l.begin(now)
	l.paused = false
}

// step does everything that is due at the end of a step, in the order of the picture in
// ARCHITECTURE.md: it reads every metric, adds to history, judges, and publishes. A
// subscriber that gets the sample finds the rest done.
//
// A panic in it, which would be a bug of this package, costs the step and not the host.
func (m *Monitor) step(ctx context.Context) {
	defer func() {
		if p := recover(); p != nil {
			m.stepFailed(p)
		}
	}()
	l := &m.loop
	now := m.watch.now()
	m.users.Advance(now.wall)
	m.sessions.Advance(now.wall)
	m.alerts.sweep(m.bookTime(now))
	m.silences.sweep(now.wall)
	if !m.enabled.Load() {
		l.paused = true
		return
	}
	if l.paused || now.elapsed-l.step > gapSteps*m.stepLength {
		m.resume(now)
		return
	}
	began := now.elapsed
	c := m.registry.catalog()
	values := absent(len(c.metrics))
	m.collectors.collect(ctx, m.settings.get().CollectTimeout, m.stepLength/collectShare, values)
	if ctx.Err() != nil {
		return
	}
	now = m.watch.now() // collectors took a while
	scopes := m.readRequests(now, values)
	elapsed := now.elapsed - l.step
	set := into(values)
	for _, meter := range m.allMeters() {
		meter.endStep(elapsed, set)
	}
	l.step = now.elapsed
	l.accumulate(values)
	l.steps++
	point := l.steps >= m.stepsPerPoint
	if point {
		m.closePoint(now, c)
	}
	sample := &Sample{Time: now.wall, catalog: c, values: values}
	m.current.Store(sample)
	if m.fleet == nil {
		m.evaluate(ctx, now, sample, scopes)
	} else {
		m.stepInFleet(ctx, now, elapsed, sample, scopes)
	}
	l.took = m.watch.now().elapsed - began // what follows is for those who ask later
	m.sampleSubs.publish(*sample)
	if point {
		m.refreshViews()
	}
	m.refreshTargets()
}

// stepFailed counts a panic in a step.
func (m *Monitor) stepFailed(p any) {
	m.stepPanics.Add(1)
	m.log.write(slog.LevelError, "a step failed", "panic", describe(p))
}

// collectShare is the part of a step that it waits for collectors at most: a twentieth.
const collectShare = 20

func into(values []float64) func(int, float64) {
	return func(at int, v float64) {
		if at < len(values) { // registered since the step began
			values[at] = v
		}
	}
}

// readRequests drains what the middleware counted since the last step. The first scope
// it returns is the service. They are good until the next step.
func (m *Monitor) readRequests(now moment, values []float64) []scopeStep {
	l := &m.loop
	began, elapsed := l.step, now.elapsed-l.step
	watch := l.judging.watch.in(&m.thresholds)
	enough, watched := watch.enoughRequests(), watch.watched()
	scopes := append(l.scopes[:0], scopeStep{})
	add := func(s *scopeStep, scope Scope, d *traffic.Counts) {
		*s = scopeStep{scope: scope, figures: deltaFigures(d, elapsed), requests: d.Responses, elapsed: elapsed}
		for _, least := range enough[scope.Kind()] {
			if f, n, ok := l.evidence.add(poolKey{scope, least}, d, s.figures, began, elapsed); ok {
				if s.judged == nil {
					s.judged = map[int]judgedFigures{}
				}
				s.judged[least] = judgedFigures{f, n}
			}
		}
	}
	read := func(scope Scope, d *traffic.Counts) {
		if d.Responses > 0 {
			m.history.count(scope, now.wall, d)
		} else if len(watched[scope.Kind()]) == 0 {
			return // nobody minds that it is quiet
		}
		if m.fleet != nil {
			m.fleet.count(scope, d)
		}
		scopes = append(scopes, scopeStep{})
		add(&scopes[len(scopes)-1], scope, d)
	}
	l.all.Reset()
	inFlight, streams := l.reader.Endpoints(&l.all, func(name string, d *traffic.Counts) { read(Scope{Endpoint: name}, d) })
	l.reader.Organizations(func(name string, d *traffic.Counts) { read(Scope{Organization: name}, d) })
	m.history.countAll(&l.all)
	l.evidence.expire(now.elapsed)
	add(&scopes[0], Scope{}, &l.all)
	l.scopes = scopes
	copy(values, scopes[0].figures[:])
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

// closePoint makes a point of history: of the whole interval for what is counted, of
// the mean of the steps for gauges.
func (m *Monitor) closePoint(now moment, c *catalog) {
	l := &m.loop
	elapsed := now.elapsed - l.point
	values := absent(len(c.metrics))
	for i, n := range l.counts {
		if n > 0 && i < len(values) {
			values[i] = l.sums[i] / float64(n)
		}
	}
	l.all.Reset()
	m.history.requests(&l.all)
	f := deltaFigures(&l.all, elapsed)
	copy(values, f[:])
	set := into(values)
	for _, meter := range m.allMeters() {
		meter.endPoint(elapsed, set)
	}
	retention := m.settings.get().Retention
	p := m.history.close(now.wall, elapsed, retention, c, values, m.journal.store != nil)
	m.releaseIdle(retention)
	m.compare()
	m.learn(now, c, values)
	m.worker.do(func() {
		m.find(now, func() []Record { return m.renewal(now) })
		if m.journal.store == nil {
			return
		}
		m.find(now, m.anomalies.records)
		m.journal.addPoint(p)
		m.rollUp(now.wall)
	})
	l.endPoint()
	l.point = now.elapsed
}

// endPoint empties what the steps since the last point were gathered in.
func (l *loop) endPoint() {
	l.steps = 0
	clear(l.sums)
	clear(l.counts)
}

// learn gives the point to the detectors of anomalies.
func (m *Monitor) learn(now moment, c *catalog, values []float64) {
	byName := make(map[string]float64, len(values))
	for i, v := range values {
		byName[c.metrics[i].Name] = v
	}
	m.anomalies.look(now.wall, byName)
}

// crowdedAfter is how long a name is idle before it makes room for a new one in a full
// table.
const crowdedAfter = time.Hour

// releaseIdle gives back the names of endpoints and organizations that were idle for
// long, with their history.
func (m *Monitor) releaseIdle(retention time.Duration) {
	idle, crowded := int(retention/m.stepLength), int(crowdedAfter/m.stepLength)
	var gone []Scope
	for _, name := range m.loop.reader.ReleaseEndpoints(idle, crowded) {
		gone = append(gone, Scope{Endpoint: name})
	}
	for _, name := range m.loop.reader.ReleaseOrganizations(idle, crowded) {
		gone = append(gone, Scope{Organization: name})
	}
	if len(gone) == 0 {
		return
	}
	m.history.release(gone)
	m.loop.judging.forget(func(s Scope) bool { return slices.Contains(gone, s) })
}
