package perfmon

import (
	"fmt"
	"time"

	"github.com/backend-prs/perfmon/analyze"
	"github.com/backend-prs/perfmon/internal/lifecycle"
	"github.com/backend-prs/perfmon/internal/traffic"
)

// Diagnostics says why there is, or is not, a figure or an alert.
type Diagnostics struct {
	Time            time.Time          `json:"generated_at"`
	Started         time.Time          `json:"started_at,omitzero"` // zero: not yet
	Enabled         bool               `json:"enabled"`
	Closed          bool               `json:"closed"`
	StepSeconds     float64            `json:"step_seconds"`
	IntervalSeconds float64            `json:"interval_seconds"`
	RetentionHours  float64            `json:"retention_hours"`
	Points          int                `json:"points_held"`
	StepPanics      uint64             `json:"step_panics"`
	StepsDropped    uint64             `json:"steps_dropped"` // whose findings or points the store was too slow for
	LogDropped      uint64             `json:"log_dropped"`   // messages that the logger was too slow for
	Metrics         []MetricStatus     `json:"metrics"`
	Thresholds      []ThresholdStatus  `json:"thresholds"`
	Collectors      []CollectorStatus  `json:"collectors"`
	Subscribers     []SubscriberStatus `json:"subscribers"`
	Hooks           []HookStatus       `json:"hooks"`
	Tables          []TableStatus      `json:"tables"`
	Alerts          AlertCounts        `json:"alerts"`
	Store           StoreStatus        `json:"store"`
	Analyses        []AnalysisStatus   `json:"analyses"`
	Notifiers       []NotifierStatus   `json:"notifiers"`
	// Limits says how far everything has grown that is bounded, and how often it found no room.
	Limits []LimitStatus `json:"limits"`
}

// MetricStatus says whether a metric is fed.
type MetricStatus struct {
	Metric     string `json:"metric_name"`
	Fed        bool   `json:"fed"`         // it has a value in the latest sample
	By         string `json:"by"`          // what feeds it, or what would have to
	Value      Value  `json:"value"`       // the latest; absent: none in the history held
	AgeSeconds Value  `json:"age_seconds"` // of that value
}

// ThresholdStatus says where a threshold stands in a scope.
type ThresholdStatus struct {
	Metric string    `json:"metric_name"`
	Kind   ScopeKind `json:"scope"` // of the threshold
	Scope
	AppliesTo     string    `json:"applies_to,omitempty"`
	Run           int       `json:"violations_in_a_row"` // so far, up to Needed
	Needed        int       `json:"needed"`              // to open an alert
	State         string    `json:"state"`               // of the alert: "clear", or an AlertState
	AlertID       string    `json:"alert_id,omitempty"`  // of the last alert
	CooldownUntil time.Time `json:"cooldown_until,omitzero"`
	Why           string    `json:"why"` // one sentence
}

// String names the threshold, the scope and what holds it back.
func (s ThresholdStatus) String() string {
	return fmt.Sprintf("%s of %v: %s: %s", s.Metric, s.Scope, s.State, s.Why)
}

// TableStatus says how full a table of bounded size is.
type TableStatus struct {
	Table  string `json:"table"` // "endpoints" or "organizations"
	Used   int    `json:"used"`
	Limit  int    `json:"limit"`
	Folded uint64 `json:"folded"` // responses counted as "(other)", up to the latest step
}

// AlertCounts says how many alerts are held.
type AlertCounts struct {
	Held    int    `json:"held"`
	Active  int    `json:"active"`
	Limit   int    `json:"limit"`
	Bytes   int    `json:"bytes"`   // of messages and metadata
	Dropped uint64 `json:"dropped"` // old ones, to make room
}

// AnalysisStatus says what an analysis still lacks.
type AnalysisStatus struct {
	Analysis string `json:"analysis"`
	Needs    string `json:"needs"`
	Has      string `json:"has"`
	Ready    bool   `json:"ready"`
}

// Diagnostics returns the state of everything. It costs about as much as a step.
func (m *Monitor) Diagnostics() Diagnostics {
	now := m.watch.now()
	settings := m.settings.get()
	d := Diagnostics{
		Time: now.wall, Enabled: m.Recording(), StepSeconds: m.stepLength.Seconds(), IntervalSeconds: m.interval.Seconds(),
		RetentionHours: settings.Retention.Hours(), Points: m.history.len(), StepPanics: m.stepPanics.Load(),
		StepsDropped: m.worker.dropped.Load(), LogDropped: m.log.dropped.Load(), Hooks: m.Hooks(), Alerts: m.alerts.counts(), Store: m.journal.status(),
		Collectors: []CollectorStatus{},
	}
	m.mu.Lock()
	d.Started = m.started
	m.mu.Unlock()
	d.Closed = m.isClosed()
	for _, r := range m.collectors.all() {
		d.Collectors = append(d.Collectors, r.snapshot())
	}
	d.Metrics = m.metricStatus(now.wall)
	d.Thresholds = m.thresholdStatus(now, settings)
	d.Subscribers = append(append(m.alertSubs.status(), m.sampleSubs.status()...), m.live.subs.status()...)
	for _, t := range []struct {
		name  string
		names *traffic.Names
	}{{"endpoints", m.traffic.Endpoints}, {"organizations", m.traffic.Organizations}} {
		d.Tables = append(d.Tables, TableStatus{t.name, t.names.Used(), t.names.Limit(), t.names.Folded()})
	}
	d.Analyses = m.analyses(now.wall)
	d.Notifiers = m.Notifications().List()
	d.Limits = m.limits()
	return d
}

// analyses says what they still lack.
func (m *Monitor) analyses(now time.Time) []AnalysisStatus {
	last := m.history.since(now.Add(-time.Hour))
	before := m.history.since(now.Add(-2*time.Hour)) - last
	half := analyze.MinTrendPoints / 2
	needed := int(baselineCoverage * float64(DefaultBaseline/m.interval))
	held := m.history.len()
	trends := AnalysisStatus{
		Analysis: "trends",
		Needs:    fmt.Sprintf("%d points with a value in the last hour and as many in the one before", half),
		Has:      fmt.Sprintf("%d and %d", last, before),
		Ready:    last >= half && before >= half,
	}
	if !m.settings.get().TrendAnalysis {
		trends.Has, trends.Ready = "trend analysis is switched off", false
	}
	baseline := AnalysisStatus{
		Analysis: "baseline",
		Needs:    fmt.Sprintf("%d stable points in the last hour", needed),
		Has:      fmt.Sprintf("%d points", last),
		Ready:    last >= needed,
	}
	regressions := AnalysisStatus{Analysis: "regressions", Needs: "a baseline of the last 7 days", Has: "none"}
	if b, ok := m.Baselines().Current(); ok {
		regressions.Has, regressions.Ready = "one of "+b.At.Format(time.RFC3339), true
	}
	anomalies := AnalysisStatus{
		Analysis: "anomalies",
		Needs:    fmt.Sprintf("%d points to learn from", analyze.DetectorWarmup),
		Has:      fmt.Sprintf("%d points", held),
		Ready:    held >= analyze.DetectorWarmup,
	}
	return []AnalysisStatus{trends, baseline, regressions, anomalies}
}

func (m *Monitor) metricStatus(now time.Time) []MetricStatus {
	sample, _ := m.Current()
	var list []MetricStatus
	for _, metric := range m.registry.catalog().metrics {
		st := MetricStatus{Metric: metric.Name}
		if v, ok := sample.Value(metric.Name); ok {
			st.Fed, st.Value, st.AgeSeconds = true, ValueOf(v), ValueOf(now.Sub(sample.Time).Seconds())
		} else {
			if at, v, ok := m.history.last(metric.Name); ok {
				st.Value, st.AgeSeconds = ValueOf(v), ValueOf(now.Sub(at).Seconds())
			}
		}
		st.By = m.feeder(metric.Name, st.Fed)
		list = append(list, st)
	}
	return list
}

// feeder names what feeds a metric, or what would have to.
func (m *Monitor) feeder(metric string, fed bool) string {
	if by := m.registry.by(metric); by != "" {
		return by
	}
	i, ok := builtinIndex[metric]
	switch {
	case fed && ok && builtin[i].from == fromSelf:
		return selfFeeder
	case fed:
		return "the host"
	case !ok:
		return "nothing: feed it by Metrics.Gauge, Metrics.Counter or a collector"
	case builtin[i].hint != "":
		return "nothing: " + builtin[i].hint
	}
	return "nothing: the monitor was made WithoutSystemMetrics"
}

// thresholdStatus lists every threshold, those of endpoints and organizations once for
// each key that they watch and that remembers something.
func (m *Monitor) thresholdStatus(now moment, settings *Settings) []ThresholdStatus {
	sample, sampled := m.Current()
	all := m.thresholds.all()
	keys := m.alerts.allKeys()
	order := sortedKeys(keys)
	list := []ThresholdStatus{}
	for i := range all {
		t := &all[i]
		if t.Scope == ScopeService {
			key := Key{Metric: t.Metric}
			_, present := sample.Value(t.Metric)
			list = append(list, m.thresholdIn(t, key, keys[key], now, settings, sampled, present))
			continue
		}
		before := len(list)
		for _, key := range order {
			if w := watching(all, key); w == t {
				list = append(list, m.thresholdIn(t, key, keys[key], now, settings, sampled, true))
			}
		}
		if len(list) == before {
			list = append(list, m.thresholdOfNone(t, settings))
		}
	}
	return list
}

// thresholdOfNone is the status of a threshold that nothing violates.
func (m *Monitor) thresholdOfNone(t *Threshold, settings *Settings) ThresholdStatus {
	st := ThresholdStatus{Metric: t.Metric, Kind: t.Scope, AppliesTo: t.AppliesTo, Needed: t.life(settings).Violations, State: "clear"}
	switch {
	case t.Disabled:
		st.Why = "It is disabled."
	case t.Metric == ThroughputRPS:
		st.Why = fmt.Sprintf("No %s that it watches has fallen below it.", t.Scope)
	default:
		st.Why = fmt.Sprintf("No %s that it watches violates it with at least %d requests within %g minutes.", t.Scope, t.leastRequests(), evidenceSpan.Minutes())
	}
	return st
}

func (m *Monitor) thresholdIn(t *Threshold, key Key, k KeyState, now moment, settings *Settings, sampled, present bool) ThresholdStatus {
	life := t.life(settings)
	st := ThresholdStatus{
		Metric: t.Metric, Kind: t.Scope, Scope: key.Scope, AppliesTo: t.AppliesTo, Run: k.Life.Violating, Needed: life.Violations,
		State: "clear", AlertID: k.AlertID,
	}
	until, cooling := k.Life.Cooling(life, now.elapsed)
	if cooling {
		st.CooldownUntil = now.wall.Add(until - now.elapsed)
	}
	switch k.Life.Status {
	case lifecycle.Open:
		st.State = string(AlertOpen)
	case lifecycle.Acknowledged:
		st.State = string(AlertAcknowledged)
	case lifecycle.Dismissed:
		st.State = string(AlertDismissed)
	}
	switch {
	case t.Disabled:
		st.Why = "It is disabled."
	case !m.Recording():
		st.Why = "The monitor is disabled."
	case !sampled:
		st.Why = "The first step has not ended yet."
	case k.Life.Status == lifecycle.Dismissed:
		st.Why = fmt.Sprintf("Its alert was dismissed and may come back after %d good values in a row.", life.Violations)
	case k.Life.Status != lifecycle.Clear:
		st.Why = fmt.Sprintf("Its alert is active and resolves after %d good values in a row; so far %d.", life.Violations, k.Life.Recovering)
	case !present:
		st.Why = "The metric has no value now, which neither violates nor ends a run."
	case st.Run > 0:
		st.Why = fmt.Sprintf("%d of the %d violations in a row that it needs.", st.Run, life.Violations)
	case m.lowButQuiet(t, key):
		st.Why = "The value is below the limit, but it has not fallen there within minutes, to less than a twentieth: a quiet service raises no alarm."
	case m.tooFew(t, key):
		st.Why = fmt.Sprintf("There are too few requests to judge: %d are needed within %g minutes.", t.leastRequests(), evidenceSpan.Minutes())
	case cooling:
		st.Why = "The value is good. A new run of violations would reopen the last alert without notifying anyone until the cooldown ends."
	default:
		st.Why = "The value is good."
	}
	return st
}

// lowButQuiet reports whether a threshold of throughput is violated, but by no fall.
func (m *Monitor) lowButQuiet(t *Threshold, key Key) bool {
	v, ok := m.latest(t.Metric).Get()
	return t.Metric == ThroughputRPS && t.Comparison == Less && key.Scope == Scope{} && ok && t.severity(v) != ""
}

// tooFew reports whether a violation of a service's metric is not judged for want of
// requests.
func (m *Monitor) tooFew(t *Threshold, key Key) bool {
	v, ok := m.latest(t.Metric).Get()
	return requestMetric(t.Metric) >= 0 && t.Metric != ThroughputRPS && key.Scope == Scope{} && ok && t.severity(v) != ""
}

func (b *alertBook) counts() AlertCounts {
	b.mu.RLock()
	defer b.mu.RUnlock()
	c := AlertCounts{Held: len(b.log), Limit: maxAlerts, Bytes: b.bytes, Dropped: b.dropped}
	for _, a := range b.log {
		if a.Active() {
			c.Active++
		}
	}
	return c
}
