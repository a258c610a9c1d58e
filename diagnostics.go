package perfmon

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon/internal/anomaly"
	"github.com/backend-prs/perfmon/internal/lifecycle"
	"github.com/backend-prs/perfmon/internal/traffic"
)

// Diagnostics tells why there is, or is not, a figure or an alert.
type Diagnostics struct {
	Time        time.Time
	Started     time.Time // zero: not yet
	Enabled     bool
	Closed      bool
	Step        time.Duration
	Interval    time.Duration
	Retention   time.Duration
	Points      int // held
	StepPanics  uint64
	Metrics     []MetricStatus
	Thresholds  []ThresholdStatus
	Collectors  []CollectorStatus
	Subscribers []SubscriberStatus
	Tables      []TableStatus
	Alerts      AlertCounts
	Missing     []Missing
}

// MetricStatus says whether a metric is fed.
type MetricStatus struct {
	Metric string
	Fed    bool          // it has a value in the latest sample
	By     string        // what feeds it, or what would have to
	Value  float64       // the latest; NaN: none in the history held
	Age    time.Duration // of that value
}

// ThresholdStatus says where a threshold stands in a scope.
type ThresholdStatus struct {
	Metric        string
	Scope         Scope
	Kind          ScopeKind // of the threshold
	Run           int       // violations in a row so far
	Needed        int       // to open an alert
	State         string    // of the alert: "clear", or an AlertState
	AlertID       string    // of the last alert, "" without any
	CooldownUntil time.Time // zero: no cooldown
	Why           string    // one sentence
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
	Dropped uint64 `json:"dropped"` // old ones, to make room
}

// Missing says what an analysis still lacks.
type Missing struct {
	Analysis string `json:"analysis"`
	Needs    string `json:"needs"`
	Has      string `json:"has"`
	Ready    bool   `json:"ready"`
}

// Diagnostics returns the state of everything. It costs about as much as a step.
func (m *Monitor) Diagnostics() Diagnostics {
	now := m.wall()
	d := Diagnostics{
		Time: now, Enabled: m.Recording(), Step: m.stepLength, Interval: m.interval,
		Retention: m.history.retention, StepPanics: m.panics.Load(),
	}
	m.mu.Lock()
	d.Started, d.Closed = m.started, m.closed
	m.mu.Unlock()
	m.collectors.mu.Lock()
	runners := slices.Clone(m.collectors.runners)
	m.collectors.mu.Unlock()
	for _, r := range runners {
		d.Collectors = append(d.Collectors, r.snapshot())
	}
	d.Metrics = m.metricStatus(now, d.Collectors)
	d.Thresholds = m.thresholdStatus(now)
	d.Subscribers = append(m.alertSubs.status(), m.sampleSubs.status()...)
	for _, t := range []struct {
		name  string
		names *traffic.Names
	}{{"endpoints", m.traffic.Endpoints}, {"organizations", m.traffic.Organizations}} {
		d.Tables = append(d.Tables, TableStatus{t.name, t.names.Used(), t.names.Limit(), t.names.Folded()})
	}
	d.Alerts = m.alerts.counts()
	m.history.mu.RLock()
	d.Points = m.history.ring.Len()
	m.history.mu.RUnlock()
	d.Missing = m.missing(d.Points)
	return d
}

// missing says what the analyses still lack.
func (m *Monitor) missing(points int) []Missing {
	s := m.History(Scope{}, 2*time.Hour)
	before := 0
	for _, t := range s.Times {
		if !t.After(m.wall().Add(-time.Hour)) {
			before++
		}
	}
	last := len(s.Times) - before
	list := []Missing{{
		Analysis: "trends",
		Needs:    fmt.Sprintf("%d points with a value in the last hour and as many in the one before", MinTrendPoints/2),
		Has:      fmt.Sprintf("%d and %d", last, before),
		Ready:    last >= MinTrendPoints/2 && before >= MinTrendPoints/2,
	}}
	needed := int(baselineCoverage * float64(DefaultBaseline/m.interval))
	baseline := Missing{
		Analysis: "baseline",
		Needs:    fmt.Sprintf("%d stable points in the last hour", needed),
		Has:      fmt.Sprintf("%d points", last),
		Ready:    last >= needed,
	}
	regressions := Missing{Analysis: "regressions", Needs: "a baseline of the last 7 days", Has: "none"}
	if established := m.Baselines(); len(established) > 0 {
		regressions.Has, regressions.Ready = "one of "+established[0].At.Format(time.RFC3339), true
	}
	anomalies := Missing{
		Analysis: "anomalies",
		Needs:    fmt.Sprintf("%d points to learn from", anomaly.Warmup),
		Has:      fmt.Sprintf("%d points", points),
		Ready:    points >= anomaly.Warmup,
	}
	return append(list, baseline, regressions, anomalies)
}

// wouldFeed says what the host has to do for metrics that nothing feeds by itself.
var wouldFeed = map[string]string{
	ActiveUsers:          "nothing: give the middleware an identity (middleware.WithIdentity) or call RecordActivity",
	ActiveSessions:       "nothing: give the middleware an identity (middleware.WithIdentity) or call RecordActivity",
	CacheHitRate:         "nothing: call RecordCacheHit and RecordCacheMiss",
	DatabasePoolUsage:    "nothing: use WithDatabase",
	DatabaseQueryTimeAvg: "nothing: open the database through package sqltime or call RecordQuery",
	QueueSize:            "nothing: use WithQueueSize",
}

func (m *Monitor) metricStatus(now time.Time, collectors []CollectorStatus) []MetricStatus {
	sample, _ := m.Current()
	s := m.History(Scope{}, 0)
	var list []MetricStatus
	for _, metric := range m.Metrics() {
		st := MetricStatus{Metric: metric.Name, Value: math.NaN(), By: m.feeder(metric.Name, collectors)}
		if v, ok := sample.Value(metric.Name); ok {
			st.Fed, st.Value, st.Age = true, v, now.Sub(sample.Time)
			if why := wouldFeed[metric.Name]; st.By == why && why != "" {
				st.By = "the host"
			}
		} else {
			values := s.Values[metric.Name]
			for i := len(values) - 1; i >= 0; i-- {
				if !math.IsNaN(values[i]) {
					st.Value, st.Age = values[i], now.Sub(s.Times[i])
					break
				}
			}
		}
		list = append(list, st)
	}
	return list
}

// feeder names what feeds a metric, or what would.
func (m *Monitor) feeder(metric string, collectors []CollectorStatus) string {
	for _, c := range collectors {
		if slices.Contains(c.Metrics, metric) {
			return "collector " + c.Name
		}
	}
	if by := ownSources[metric]; by != "" {
		return by
	}
	if why := wouldFeed[metric]; why != "" {
		return why
	}
	if m.loop.runtime == nil {
		return "nothing: the monitor was made WithoutSystemMetrics"
	}
	if _, isBuiltin := builtinIndex[metric]; isBuiltin {
		return "runtime/metrics"
	}
	return "nothing"
}

// thresholdStatus lists every threshold, those of endpoints and organizations once for
// each that has been seen.
func (m *Monitor) thresholdStatus(now time.Time) []ThresholdStatus {
	settings := m.Settings()
	sample, sampled := m.Current()
	var list []ThresholdStatus
	for _, t := range m.thresholds.all() {
		scopes := []Scope{{}}
		if t.Scope != ScopeService {
			scopes = m.alerts.scopes(t.Metric, t.Scope)
		}
		for _, scope := range scopes {
			_, present := sample.Value(t.Metric)
			present = present || t.Scope != ScopeService
			list = append(list, m.thresholdIn(t, scope, now, settings, sampled, present))
		}
	}
	return list
}

func (m *Monitor) thresholdIn(t *Threshold, scope Scope, now time.Time, settings Settings, sampled, present bool) ThresholdStatus {
	rule := t.rule(settings)
	st := ThresholdStatus{Metric: t.Metric, Scope: scope, Kind: t.Scope, Needed: rule.Violations, State: "clear"}
	k, _ := m.alerts.status(t.Metric, scope)
	st.Run = k.state.Violating
	if k.alert != nil {
		st.AlertID = k.alert.ID
	}
	if until, cooling := k.state.Cooling(rule, now); cooling {
		st.CooldownUntil = until
	}
	switch k.state.Status {
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
	case k.state.Status == lifecycle.Dismissed:
		st.Why = fmt.Sprintf("Its alert was dismissed and may come back after %d good values in a row.", rule.Violations)
	case k.state.Status != lifecycle.Clear:
		st.Why = fmt.Sprintf("Its alert is active and resolves after %d good values in a row; so far %d.", rule.Violations, k.state.Recovering)
	case !present:
		st.Why = "The metric has no value now, which neither violates nor ends a run."
	case rule.Armed && !k.state.SeenGood:
		st.Why = "There has been no traffic above it since the start, so that an idle service raises no alarm."
	case st.Run > 0:
		st.Why = fmt.Sprintf("%d of the %d violations in a row that it needs.", st.Run, rule.Violations)
	case !st.CooldownUntil.IsZero():
		st.Why = "The value is good. A new run of violations would reopen the last alert without telling anyone until the cooldown ends."
	default:
		st.Why = "The value is good."
	}
	return st
}

func (b *alertBook) counts() AlertCounts {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := AlertCounts{Held: len(b.log), Limit: maxAlerts, Dropped: b.dropped}
	for _, a := range b.log {
		if a.Active() {
			c.Active++
		}
	}
	return c
}

// MarshalJSON returns the fields in snake_case, durations in seconds, and null for what
// is absent.
func (d Diagnostics) MarshalJSON() ([]byte, error) {
	type metric struct {
		Name  string   `json:"metric_name"`
		Fed   bool     `json:"fed"`
		By    string   `json:"by"`
		Value *float64 `json:"value"`
		Age   *float64 `json:"age_seconds"`
	}
	type threshold struct {
		Metric        string     `json:"metric_name"`
		Kind          ScopeKind  `json:"scope"`
		Endpoint      string     `json:"endpoint,omitempty"`
		Organization  string     `json:"organization_id,omitempty"`
		Run           int        `json:"violations_in_a_row"`
		Needed        int        `json:"needed"`
		State         string     `json:"state"`
		AlertID       string     `json:"alert_id,omitempty"`
		CooldownUntil *time.Time `json:"cooldown_until"`
		Why           string     `json:"why"`
	}
	type collector struct {
		CollectorStatus
		LastSeconds float64 `json:"last_seconds"`
	}
	orNil := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	metrics, thresholds, collectors := []metric{}, []threshold{}, []collector{}
	for _, s := range d.Metrics {
		out := metric{Name: s.Metric, Fed: s.Fed, By: s.By}
		if !math.IsNaN(s.Value) {
			age := s.Age.Seconds()
			out.Value, out.Age = &s.Value, &age
		}
		metrics = append(metrics, out)
	}
	for _, s := range d.Thresholds {
		thresholds = append(thresholds, threshold{
			s.Metric, s.Kind, s.Scope.Endpoint, s.Scope.Organization, s.Run, s.Needed, s.State, s.AlertID, orNil(s.CooldownUntil), s.Why,
		})
	}
	for _, s := range d.Collectors {
		collectors = append(collectors, collector{s, s.LastDuration.Seconds()})
	}
	return json.Marshal(struct {
		Time        time.Time          `json:"generated_at"`
		Started     *time.Time         `json:"started_at"`
		Enabled     bool               `json:"enabled"`
		Closed      bool               `json:"closed"`
		Step        float64            `json:"step_seconds"`
		Interval    float64            `json:"interval_seconds"`
		Retention   float64            `json:"retention_hours"`
		Points      int                `json:"points_held"`
		StepPanics  uint64             `json:"step_panics"`
		Metrics     []metric           `json:"metrics"`
		Thresholds  []threshold        `json:"thresholds"`
		Collectors  []collector        `json:"collectors"`
		Subscribers []SubscriberStatus `json:"subscribers"`
		Tables      []TableStatus      `json:"tables"`
		Alerts      AlertCounts        `json:"alerts"`
		Missing     []Missing          `json:"analyses"`
	}{
		d.Time, orNil(d.Started), d.Enabled, d.Closed, d.Step.Seconds(), d.Interval.Seconds(), d.Retention.Hours(), d.Points,
		d.StepPanics, metrics, thresholds, collectors, d.Subscribers, d.Tables, d.Alerts, d.Missing,
	})
}
