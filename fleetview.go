package perfmon

import (
	"time"

	"github.com/backend-prs/perfmon/internal/distinct"
	"github.com/backend-prs/perfmon/internal/traffic"
	"github.com/backend-prs/perfmon/sketch"
)

// A view is a monitor that nobody records to: its steps are those of the fleet, or of
// another replica. It has history, anomalies and what follows from them of its own, shares
// the alerts of its parent, and follows its parent's thresholds, settings, baselines and
// markers. Whatever changes one of them goes to the parent.

// newView makes a view.
func (m *Monitor) newView(service Service) *Monitor {
	now := m.clock.Now()
	settings := m.settings.get()
	v := &Monitor{
		parent: m, service: service, clock: m.clock, realTime: m.realTime, epoch: now, watch: stopwatch{read: m.clock.Now, last: now},
		log: m.log, stepLength: m.stepLength, stepsPerPoint: m.stepsPerPoint, interval: m.interval, lanes: m.lanes,
		traffic:    traffic.New(settings.MaxEndpoints, settings.MaxOrganizations),
		users:      distinct.New(activeWindow, activeSlices, now),
		sessions:   distinct.New(activeWindow, activeSlices, now),
		registry:   m.registry,
		collectors: collectors{clock: m.clock, log: m.log},
		history:    newHistory(int(settings.Retention / m.interval)),
		anomalies:  newAnomalies(), journal: journal{log: m.log, mu: make(changeLock, 1)}, alerts: m.alerts,
		alertSubs: subscribers[AlertEvent]{to: "alerts", log: m.log}, sampleSubs: subscribers[Sample]{to: "samples", log: m.log},
		archiveReads: make(chan struct{}, maxArchiveReads), done: make(chan struct{}),
		totals: map[Scope]*traffic.Counts{}, notify: m.notify,
	}
	v.worker.failed = m.stepFailed
	v.live.m, v.live.subs.to, v.live.subs.log = v, "live", m.log
	v.loop.reader = v.traffic.NewReader()
	v.settings.current.Store(m.settings.current.Load())
	v.enabled.Store(true)
	v.meters = []meter{&viewMeter{v: v}}
	for _, t := range m.thresholds.all() {
		v.thresholds.apply(&ThresholdRecord{Threshold: t})
	}
	return v
}

// mirror lets a view follow what its parent applies; alerts they share.
func (v *Monitor) mirror(r Record) {
	switch {
	case r.Threshold != nil:
		v.thresholds.apply(r.Threshold)
	case r.Settings != nil:
		v.settings.current.Store(r.Settings)
		v.history.setRetention(r.Settings.Settings.Retention, v.interval)
	case r.Baseline != nil:
		v.baselines.apply(*r.Baseline)
	case r.Marker != nil:
		v.markers.apply(r.Marker)
	}
}

// beginView begins at the time of the first step.
func (v *Monitor) beginView(now moment, span time.Duration) {
	v.mu.Lock()
	begun := v.started.IsZero()
	if begun {
		v.started, v.begun = now.wall.Add(-span), v.watch.now().elapsed
	}
	v.mu.Unlock()
	if begun {
		v.history.begin(now.wall.Add(-span))
		v.loop.begin(moment{now.wall, now.elapsed - span})
		v.loop.judging.since = now.elapsed
	}
}

// stepView takes a step of the fleet over, as step does for a process: it adds to history,
// judges and publishes.
func (v *Monitor) stepView(now moment, s *fleetStep) {
	if s.late != nil {
		v.beginView(now, 0)
		v.countView(now, s.late)
		v.meters[0].(*viewMeter).add(s.late)
	}
	if s.now == nil {
		return
	}
	l := &v.loop
	v.beginView(now, s.now.span())
	c := v.registry.catalog()
	values := absent(len(c.metrics))
	for i, metric := range c.metrics {
		if spread, ok := s.now.values[metric.Name]; ok {
			values[i], _ = spread.value(metric)
		}
	}
	v.meters[0].(*viewMeter).add(s.now)
	setCounted(c, s.now, values)
	scopes := v.scopesOf(now, s.now)
	copy(values, scopes[0].figures[:])
	l.step = now.elapsed
	l.accumulate(values)
	l.steps++
	point := l.steps >= v.stepsPerPoint
	if point {
		v.closePoint(now, c)
	}
	sample := &Sample{Time: now.wall, catalog: c, values: values}
	v.current.Store(sample)
	v.evaluate(v.parent.ctx, now, sample, scopes)
	v.sampleSubs.publish(*sample)
	if point {
		v.refreshViews()
	}
}

// countView adds what was counted to history and to the totals.
func (v *Monitor) countView(now moment, s *fleetState) {
	v.totalsMu.Lock()
	defer v.totalsMu.Unlock()
	for scope, d := range s.scopes {
		v.history.count(scope, now.wall, d)
		v.total(scope).Merge(d)
		if scope.Kind() == ScopeEndpoint {
			v.total(Scope{}).Merge(d)
		}
	}
}

// allTotals returns the totals of all scopes together with what a step adds.
func (v *Monitor) allTotals(step *fleetStep) *fleetState {
	v.totalsMu.Lock()
	defer v.totalsMu.Unlock()
	all := newFleetState()
	all.replicas = 1
	for scope, d := range v.totals {
		all.count(scope, d)
	}
	for _, s := range []*fleetState{step.now, step.late} {
		if s == nil {
			continue
		}
		for scope, d := range s.scopes {
			all.count(scope, d)
			if scope.Kind() == ScopeEndpoint {
				all.count(Scope{}, d)
			}
		}
	}
	return all
}

// setTotals takes the totals of the fleet over.
func (v *Monitor) setTotals(s *fleetState) {
	v.totalsMu.Lock()
	defer v.totalsMu.Unlock()
	v.totals = s.scopes
}

// total returns the total of a scope; totalsMu is held.
func (v *Monitor) total(scope Scope) *traffic.Counts {
	if v.totals[scope] == nil {
		v.totals[scope] = &traffic.Counts{}
	}
	return v.totals[scope]
}

// scopesOf returns what each scope did in a step, the service first.
func (v *Monitor) scopesOf(now moment, s *fleetState) []scopeStep {
	l, span := &v.loop, s.span()
	began := now.elapsed - span
	enough := enoughRequests(v.thresholds.all())
	scopes := append(l.scopes[:0], scopeStep{})
	add := func(scope Scope, d *traffic.Counts) scopeStep {
		step := scopeStep{scope: scope, figures: deltaFigures(d, span), requests: d.Responses, elapsed: span}
		for _, least := range enough[scope.Kind()] {
			if f, n, ok := l.evidence.add(poolKey{scope, least}, d, step.figures, began, span); ok {
				if step.judged == nil {
					step.judged = map[int]judgedFigures{}
				}
				step.judged[least] = judgedFigures{f, n}
			}
		}
		return step
	}
	v.countView(now, s)
	l.all.Reset()
	for _, scope := range v.history.known() {
		d := s.scopes[scope]
		if d == nil {
			d = &traffic.Counts{}
		}
		if scope.Kind() == ScopeEndpoint {
			l.all.Merge(d)
		}
		scopes = append(scopes, add(scope, d))
	}
	l.evidence.expire(now.elapsed)
	scopes[0] = add(Scope{}, &l.all)
	l.scopes = scopes
	return scopes
}

// known returns the scopes that there is anything of.
func (h *history) known() []Scope {
	h.mu.RLock()
	defer h.mu.RUnlock()
	scopes := make([]Scope, 0, len(h.scopes))
	for scope := range h.scopes {
		scopes = append(scopes, scope)
	}
	return scopes
}

// setCounted sets the metrics that follow from what a state counts.
func setCounted(c *catalog, s *fleetState, values []float64) {
	set := func(name string, v float64) {
		if i, ok := c.index[name]; ok && i < len(values) {
			values[i] = v
		}
	}
	if lookups := s.lookups[0] + s.lookups[1]; lookups > 0 {
		set(CacheHitRate, 100*float64(s.lookups[0])/float64(lookups))
	}
	if n := s.queries[0]; n > 0 {
		set(DatabaseQueryTimeAvg, float64(s.queries[1])/float64(n)/float64(time.Second))
	}
	for i, name := range []string{ActiveUsers, ActiveSessions} {
		if s.active[i] != nil {
			set(name, float64(s.active[i].Count()))
		}
	}
	for name, times := range s.timers {
		f := figures(times, 0, 0, 0)
		for i, suffix := range []string{"_p50", "_p95", "_p99", "_avg"} {
			set(name+suffix, f[i])
		}
	}
}

// viewMeter gathers what a view's states count over an interval.
type viewMeter struct {
	v     *Monitor
	point *fleetState
}

func (m *viewMeter) add(s *fleetState) {
	if m.point == nil {
		m.point = newFleetState()
	}
	for i := range m.point.lookups {
		m.point.lookups[i] += s.lookups[i]
		m.point.queries[i] += s.queries[i]
	}
	for name, times := range s.timers {
		if m.point.timers[name] == nil {
			m.point.timers[name] = &sketch.Sketch{}
		}
		m.point.timers[name].Merge(times)
	}
}

func (m *viewMeter) endStep(time.Duration, func(int, float64)) {}

func (m *viewMeter) endPoint(_ time.Duration, set func(int, float64)) {
	if m.point == nil {
		return
	}
	c := m.v.registry.catalog()
	values := absent(len(c.metrics))
	setCounted(c, m.point, values)
	m.point = nil
	for i, v := range values {
		if v == v {
			set(i, v)
		}
	}
}

func cloneSketch(s *sketch.Sketch) *sketch.Sketch {
	c := &sketch.Sketch{}
	c.Merge(s)
	return c
}

// stepReplica takes over the metrics of another replica: its view knows nothing else.
func (v *Monitor) stepReplica(now moment, byName map[string]float64) {
	l := &v.loop
	v.beginView(now, v.stepLength)
	c := v.registry.catalog()
	values := absent(len(c.metrics))
	for name, value := range byName {
		if i, ok := c.index[name]; ok {
			values[i] = value
		}
	}
	l.step = now.elapsed
	l.accumulate(values)
	if l.steps++; l.steps >= v.stepsPerPoint {
		for i, n := range l.counts {
			if n > 0 && i < len(c.metrics) {
				byName[c.metrics[i].Name] = l.sums[i] / float64(n)
			}
		}
		means := absent(len(c.metrics))
		for name, value := range byName {
			if i, ok := c.index[name]; ok {
				means[i] = value
			}
		}
		v.history.close(now.wall, now.elapsed-l.point, v.settings.get().Retention, c, means, false)
		l.endPoint()
		l.point = now.elapsed
	}
	v.current.Store(&Sample{Time: now.wall, catalog: c, values: values})
}
