package perfmon

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/exp/slices"
)

// judging is what the step loop remembers from step to step for the judges.
type judging struct {
	mu    sync.Mutex
	heard map[Key]time.Duration // elapsed time at the latest finding about a key; mu
	since time.Duration         // elapsed time at which judging began

	seen  map[Key]time.Duration // elapsed time at the latest value of a key that may be missed
	slow  map[Key]*slowPool     // of throughput that is low, where one step says too little
	watch watcher

	// Kept from step to step for their memory.
	observed []observed
	findings []finding
}

// hear notes which keys there are findings about.
func (j *judging) hear(findings []finding, now moment) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := range findings {
		set1(&j.heard, findings[i].key, now.elapsed)
	}
}

// heardOf returns the elapsed time at the latest finding about a key.
func (j *judging) heardOf(k Key) time.Duration {
	j.mu.Lock()
	defer j.mu.Unlock()
	return max(j.heard[k], j.since)
}

// resume goes on after a gap: what was not seen in it was not absent.
func (j *judging) resume(now moment) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, m := range []map[Key]time.Duration{j.heard, j.seen} {
		for key := range m {
			m[key] = now.elapsed
		}
	}
	j.slow = nil
}

// forget drops what is about a scope that was given back.
func (j *judging) forget(gone func(Scope) bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, m := range []map[Key]time.Duration{j.heard, j.seen} {
		for key := range m {
			if gone(key.Scope) {
				delete(m, key)
			}
		}
	}
	for key := range j.slow {
		if gone(key.Scope) {
			delete(j.slow, key)
		}
	}
	for key := range j.watch.found {
		if gone(key.Scope) {
			delete(j.watch.found, key)
		}
	}
}

type slowPool struct {
	requests float64
	elapsed  time.Duration
}

// enoughRequests returns, by kind of scope, how many requests its thresholds ask for.
func enoughRequests(list []Threshold) map[ScopeKind][]int {
	enough := map[ScopeKind][]int{}
	for i := range list {
		t := &list[i]
		if t.Disabled || requestMetric(t.Metric) < 0 || t.Metric == ThroughputRPS {
			continue
		}
		if least := t.leastRequests(); !slices.Contains(enough[t.Scope], least) {
			enough[t.Scope] = append(enough[t.Scope], least)
		}
	}
	return enough
}

func (t *Threshold) leastRequests() int {
	if t.MinRequests == 0 {
		return DefaultMinRequests
	}
	return t.MinRequests
}

// evaluate lets the judges look at a step, and the alert book draw its conclusions.
func (m *Monitor) evaluate(ctx context.Context, now moment, sample *Sample, scopes []scopeStep) {
	j, settings := &m.loop.judging, m.settings.get()
	watch := j.watch.in(&m.thresholds)
	findings := j.findings[:0]
	for _, o := range m.observe(now, watch, sample, scopes) {
		if f, ok := judgeThreshold(watch.of(o.key), settings, o); ok {
			findings = append(findings, f)
		}
	}
	findings = m.withRegressions(findings, watch, settings, sample)
	findings = m.withAnomalies(findings, watch, settings, sample)
	j.hear(findings, now)
	baseline, compared := m.Baselines().Current()
	list := watch.all()
	judged := func(k Key) bool {
		if watching(list, k) != nil {
			return true
		}
		if k.Scope != (Scope{}) {
			return false
		}
		described, known := sample.catalog.find(k.Metric)
		return compared && inBaseline(baseline, k.Metric, sample.catalog) || settings.AnomalyAlerts && known && watched(described)
	}
	done := m.worker.do(func() {
		m.find(now, func() []Record { return m.alerts.judge(now, findings, judged, j.heardOf) })
	})
	// A sample does not wait long for a slow store.
	j.findings = nil
	if m.loop.patience.wait(ctx, done, m.clock, m.stepLength/collectShare) {
		j.findings = findings // nobody looks at them any more
	}
}

// set1 sets an entry of a map that may be nil.
func set1[K comparable, V any](m *map[K]V, k K, v V) {
	if *m == nil {
		*m = map[K]V{}
	}
	(*m)[k] = v
}

func inBaseline(b Baseline, metric string, c *catalog) bool {
	_, ok := b.Metrics[metric]
	described, _ := c.find(metric)
	return ok && watched(described)
}

// withRegressions adds what the comparison with the baseline found. Where a threshold
// watches the same metric and had no value to judge, only what is bad counts: an absent
// value does not end an alert.
func (m *Monitor) withRegressions(findings []finding, watch *watcher, s *Settings, sample *Sample) []finding {
	baseline, ok := m.Baselines().Current()
	if !ok {
		return findings
	}
	return m.withJudged(findings, watch, s, sample, regressionFindings(sample.catalog, s, baseline, m.baselines.found()))
}

// withJudged adds findings about metrics of the service that no threshold made.
func (m *Monitor) withJudged(findings []finding, watch *watcher, s *Settings, sample *Sample, more []finding) []finding {
	heard := make(map[Key]bool, len(findings))
	for i := range findings {
		heard[findings[i].key] = true
	}
	for _, f := range more {
		if _, ok := sample.Value(f.key.Metric); !ok {
			continue
		}
		if t := watch.of(f.key); t != nil {
			if f.severity == "" && !heard[f.key] {
				continue
			}
			f.threshold, f.life = t, t.life(s)
		}
		findings = append(findings, f)
	}
	return findings
}

// observe returns what there is to judge by thresholds: for each key that one watches. It is
// good until the next step.
func (m *Monitor) observe(now moment, watch *watcher, sample *Sample, scopes []scopeStep) []observed {
	byKind := watch.watched()
	all := m.loop.judging.observed[:0]
	for i := range scopes {
		s := &scopes[i]
		for _, name := range byKind[s.scope.Kind()] {
			metric, ok := sample.catalog.find(name)
			key := Key{name, s.scope}
			t := watch.of(key)
			if !ok || t == nil {
				continue
			}
			o := observed{key: key, metric: metric}
			m.value(now, t, s, sample, &o)
			m.notePresence(now, t, s, sample, &o)
			if s.scope == (Scope{}) {
				if v, present := o.value.Get(); present && t.severity(v) != "" {
					o.worst = worstEndpoints(t, metric, scopes)
					if m.parent != nil && requestMetric(name) < 0 {
						o.worst = m.parent.fleet.worstReplicas(t, metric)
					}
				}
			}
			all = append(all, o)
		}
	}
	m.loop.judging.observed = all
	return all
}

// value sets the value of a key that is to be judged, absent where there is none or too
// little evidence for it.
func (m *Monitor) value(now moment, t *Threshold, s *scopeStep, sample *Sample, o *observed) {
	at := requestMetric(t.Metric)
	switch {
	case at < 0:
		if v, ok := sample.Value(t.Metric); ok {
			o.value = ValueOf(v)
		}
	case at == throughputFigure && t.Comparison == Less:
		m.throughput(now, t, s, o)
	case at == throughputFigure:
		o.value = ValueOf(s.figures[at])
	default:
		if j, ok := s.judged[t.leastRequests()]; ok {
			o.value, o.requests = ValueOf(j.figures[at]), j.requests
		}
	}
}

// throughput sets throughput, and what it was before it fell. Where so few requests are
// to be expected that none may be chance, steps are put together.
func (m *Monitor) throughput(now moment, t *Threshold, s *scopeStep, o *observed) {
	v := s.figures[throughputFigure]
	o.value, o.requests = ValueOf(v), s.requests
	pools := &m.loop.judging.slow
	if t.severity(v) == "" {
		delete(*pools, o.key)
		return
	}
	o.before = m.throughputBefore(now, o.key)
	before, known := o.before.Get()
	if !known || before <= t.mildest() {
		delete(*pools, o.key)
		return
	}
	p := (*pools)[o.key]
	if p == nil {
		p = &slowPool{}
		set1(pools, o.key, p)
	}
	p.requests += float64(s.requests)
	p.elapsed += s.elapsed
	if before*p.elapsed.Seconds() < float64(t.leastRequests()) && p.elapsed < evidenceSpan {
		o.value = Value{}
		return
	}
	o.value = ValueOf(p.requests / p.elapsed.Seconds())
	delete(*pools, o.key)
}

// What throughput was before is the median of so much of the past, of at least so many
// points. After so long, a fall is how things are.
const (
	beforeSpan   = 15 * time.Minute
	beforePoints = 5
	fallMemory   = 24 * time.Hour
)

// throughputBefore returns what throughput was before the run of violations that goes
// on, or before now.
func (m *Monitor) throughputBefore(now moment, key Key) Value {
	end := now.wall
	if k, _ := m.alerts.key(key); !k.Since.IsZero() {
		end = k.Since
	}
	ago := now.wall.Sub(end)
	if ago > fallMemory {
		return Value{}
	}
	span := max(beforeSpan, 2*beforePoints*m.interval)
	s, ok := m.history.series(key.Scope, end.Add(-span), time.Time{}, m.registry.catalog(), []string{ThroughputRPS})
	if !ok {
		return Value{}
	}
	before := slidingMedian{times: s.Times, values: s.Metrics[ThroughputRPS].Values, span: span}
	return before.at(end)
}

// notePresence sets for how long the metric has had no value, where that may be an alert.
func (m *Monitor) notePresence(now moment, t *Threshold, s *scopeStep, sample *Sample, o *observed) {
	if t.AbsentAfter == 0 {
		return
	}
	seen := &m.loop.judging.seen
	present := s.requests > 0
	if requestMetric(t.Metric) < 0 {
		_, present = sample.Value(t.Metric)
	}
	if present {
		set1(seen, o.key, now.elapsed)
		return
	}
	last, ok := (*seen)[o.key]
	if !ok {
		if last, ok = m.lastSeen(now, o.key); !ok {
			o.absentFor = -1
			return
		}
		set1(seen, o.key, last)
	}
	o.absentFor = now.elapsed - last
}

// lastSeen returns when history last had a value of a key, in elapsed time.
func (m *Monitor) lastSeen(now moment, key Key) (time.Duration, bool) {
	s, ok := m.history.series(key.Scope, time.Time{}, time.Time{}, m.registry.catalog(), []string{key.Metric})
	if !ok {
		return 0, false
	}
	values := s.Metrics[key.Metric].Values
	for i := len(values) - 1; i >= 0; i-- {
		if v := values[i]; v == v {
			return now.elapsed - now.wall.Sub(s.Times[i]), true
		}
	}
	return 0, false
}

// worstNamed is how many endpoints an alert of the service names.
const worstNamed = 3

// worstEndpoints names the endpoints with the worst values of a metric of requests, of
// those that are past the limits themselves.
func worstEndpoints(t *Threshold, metric Metric, scopes []scopeStep) []string {
	at := requestMetric(metric.Name)
	if at < 0 || at == throughputFigure {
		return nil
	}
	var list []*scopeStep
	for i := range scopes {
		s := &scopes[i]
		if v := s.figures[at]; s.scope.Kind() == ScopeEndpoint && v == v && t.severity(v) != "" {
			list = append(list, s)
		}
	}
	sortFunc(list, func(a, b *scopeStep) int {
		switch x, y := a.figures[at], b.figures[at]; {
		case x > y, x == y && a.scope.Endpoint < b.scope.Endpoint:
			return -1
		}
		return 1
	})
	var names []string
	for _, s := range list[:min(len(list), worstNamed)] {
		names = append(names, fmt.Sprintf("%s (%s)", s.scope.Endpoint, withUnit(s.figures[at], metric.Unit)))
	}
	return names
}

// observed is what the judge of thresholds sees of a key.
type observed struct {
	key    Key
	metric Metric
	value  Value // absent: there is none, or not enough requests for one
	// requests is how many requests the value rests on; 0 for metrics of other kinds.
	requests uint64
	// before is what throughput was before the run of low values that goes on, or
	// before now; absent where it is not known.
	before Value
	// absentFor is how long the metric has had no value; negative: it never had one.
	absentFor time.Duration
	// worst names the endpoints with the worst values; nil where that says nothing.
	worst []string
}

// judgeThreshold holds what was observed of a key against the threshold that watches
// it. ok is false where there is nothing to say.
func judgeThreshold(t *Threshold, s *Settings, o observed) (f finding, ok bool) {
	f = finding{key: o.key, unit: o.metric.Unit, value: o.value, cause: CauseThreshold, life: t.life(s), threshold: t}
	f.message = MessageData{Metric: o.metric, Scope: o.key.Scope, Cause: CauseThreshold, Comparison: t.Comparison, Consecutive: f.life.Violations, Worst: o.worst}
	v, present := o.value.Get()
	if !present {
		return f.absence(t, o)
	}
	f.message.Value = withUnit(v, o.metric.Unit)
	f.severity = t.severity(v)
	if t.Metric == ThroughputRPS && t.Comparison == Less && f.severity != "" {
		before, known := o.before.Get()
		if !known || before <= t.mildest() || v > fallShare*before {
			f.severity = ""
			return f, true
		}
		f.message.Before = withUnit(before, o.metric.Unit)
	}
	if f.severity == "" {
		return f, true
	}
	f.limit = t.limit(f.severity)
	f.evidence = map[string]any{"cause": CauseThreshold, "comparison": t.Comparison, "consecutive_violations": f.life.Violations}
	if o.requests > 0 {
		f.evidence["requests"] = o.requests
	}
	if f.message.Before != "" {
		f.evidence["before"] = o.before
	}
	if len(o.worst) > 0 {
		named := "worst_endpoints"
		if requestMetric(o.key.Metric) < 0 {
			named = "worst_replicas"
		}
		f.evidence[named] = o.worst
	}
	if t.AppliesTo != "" {
		f.evidence["applies_to"] = t.AppliesTo
	}
	return f, true
}

// fallShare is the share of what it was to which throughput has to fall.
const fallShare = 0.05

// absence finds that a metric is gone.
func (f finding) absence(t *Threshold, o observed) (finding, bool) {
	if t.AbsentAfter == 0 || o.absentFor < t.AbsentAfter {
		return f, false
	}
	f.cause, f.atOnce, f.severity = CauseAbsence, true, Warning
	if !t.Critical.IsAbsent() {
		f.severity = Critical
	}
	f.message.Cause = CauseAbsence
	f.message.Absent = o.absentFor.Round(time.Second).String()
	f.evidence = map[string]any{"cause": CauseAbsence, "absent_after_seconds": t.AbsentAfter.Seconds()}
	return f, true
}
