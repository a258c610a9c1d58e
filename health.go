package perfmon

import (
	"math"
	"time"
)

// HealthStatus is how a service is.
type HealthStatus string

const (
	Healthy        HealthStatus = "healthy"
	HealthWarning  HealthStatus = "warning"  // a warning is active
	HealthCritical HealthStatus = "critical" // a critical alert is active
	HealthUnknown  HealthStatus = "unknown"  // there is no fresh sample
)

// Health is how a service is, and why.
type Health struct {
	Status HealthStatus `json:"status"`
	Reason string       `json:"reason"`         // one sentence
	Since  time.Time    `json:"since,omitzero"` // of the alert that the status stands for
	// Targets are what the service should do. A missed one is no alarm.
	Targets []Target `json:"targets"`
	// Store says what is wrong with the store; empty while it works.
	Store string `json:"store,omitempty"`
	// Fleet says that this replica goes on alone or cannot reach the others; empty
	// otherwise.
	Fleet string `json:"fleet,omitempty"`
}

// Target is a goal that a service's figures are held against.
type Target struct {
	Metric     string     `json:"metric_name"`
	Comparison Comparison `json:"comparison"` // Less or Greater than Limit is good
	Limit      float64    `json:"target"`     // in the metric's unit
	Value      Value      `json:"value"`      // absent: not known
	Met        *bool      `json:"met"`        // nil: not known
	Over       string     `json:"over"`       // what the value is taken over
}

// met says whether the target is met.
func (t Target) met() Target {
	if v, ok := t.Value.Get(); ok {
		good := v > t.Limit
		if t.Comparison == Less {
			good = v < t.Limit
		}
		t.Met = &good
	}
	return t
}

// Health returns how the service is. Of its alerts, those that visible picks count.
func (m *Monitor) Health(visible AlertQuery) Health {
	h := Health{Targets: m.targets(), Store: m.journal.status().Failure}
	if s, ok := m.Fleet(); ok {
		h.Fleet = s.trouble()
		if m.parent != nil {
			h.Store = m.parent.journal.status().Failure
		}
	}
	if h.Status, h.Reason = HealthUnknown, m.noSample(); h.Reason != "" {
		return h
	}
	visible.Active, visible.Limit = true, 0
	active, _ := m.alerts.find(visible)
	h.Status, h.Reason, h.Since = verdict(active)
	return h
}

// noSample says why there is no fresh sample, "" when there is one.
func (m *Monitor) noSample() string {
	m.mu.Lock()
	started := !m.started.IsZero()
	m.mu.Unlock()
	sample, ok := m.Current()
	age := m.Now().Sub(sample.Time)
	switch {
	case m.isClosed():
		return "The monitor is closed."
	case !m.Recording():
		return "The monitor is disabled."
	case !started:
		return "The monitor has not started."
	case !ok:
		return "The first step has not ended yet."
	case age > staleSteps*m.stepLength:
		return "The latest sample is " + age.Round(time.Second).String() + " old."
	}
	return ""
}

// staleSteps is after how many steps without a sample the status is unknown.
const staleSteps = 3

// verdict is the worst of the active alerts, of equal ones the newest.
func verdict(active []*Alert) (status HealthStatus, reason string, since time.Time) {
	status, reason = Healthy, "No alert is active."
	for _, a := range active { // newest first
		switch {
		case a.Severity == Critical && status != HealthCritical:
			status, reason, since = HealthCritical, a.Message, a.OpenedAt
		case status == Healthy:
			status, reason, since = HealthWarning, a.Message, a.OpenedAt
		}
	}
	return status, reason, since
}

// Health targets of requests.
const (
	targetP95       = 2.0 // s
	targetErrorRate = 1.0 // %
)

// deriveTargets returns the health targets of the seed with their values.
func (m *Monitor) deriveTargets(now time.Time) []Target {
	day := m.day()
	worst, where := math.NaN(), "all endpoints, last hour"
	most, name := uint64(0), "" // of equal ones the busiest, as they are listed
	m.history.failures(now, m.History().window(time.Hour), func(endpoint string, requests, failed uint64) {
		if requests == 0 {
			return
		}
		v := 100 * float64(failed) / float64(requests)
		if !(v < worst) && (v != worst || requests > most || requests == most && endpoint < name) {
			worst, most, name = v, requests, endpoint
		}
	})
	if name != "" {
		where = name + ", the worst endpoint, last hour"
	}
	lastHour := func(metric string, mean float64) Value {
		if !math.IsNaN(mean) {
			return ValueOf(mean)
		}
		return m.latest(metric)
	}
	return []Target{
		{Metric: ResponseTimeP95, Comparison: Less, Limit: targetP95, Value: m.History().Requests(time.Hour).P95, Over: "all requests, last hour"},
		{Metric: ThroughputRPS, Comparison: Greater, Limit: 50, Value: ValueOf(day.busiestHour), Over: "busiest hour of the last 24"},
		{Metric: ErrorRate, Comparison: Less, Limit: targetErrorRate, Value: ValueOf(worst), Over: where},
		{Metric: CacheHitRate, Comparison: Greater, Limit: 80, Value: lastHour(CacheHitRate, day.cacheHits), Over: "last hour"},
		{Metric: MemoryUsagePercent, Comparison: Less, Limit: 70, Value: m.latest(MemoryUsagePercent), Over: "now"},
		{Metric: CPUUsagePercent, Comparison: Less, Limit: 60, Value: lastHour(CPUUsagePercent, day.busy), Over: "last hour"},
	}
}

// latest is a metric's value in the current sample.
func (m *Monitor) latest(metric string) Value {
	s, _ := m.Current()
	if v, ok := s.Value(metric); ok {
		return ValueOf(v)
	}
	return Value{}
}

// meanSince is the mean of a metric's points after t, NaN where there are none.
func meanSince(s Series, metric string, t time.Time) float64 {
	var kept []float64
	for i, v := range s.Metrics[metric].Values {
		if s.Times[i].After(t) {
			kept = append(kept, v)
		}
	}
	return meanOf(kept)
}

// meanOf is the mean of the values that are not NaN, NaN where there are none.
func meanOf(values []float64) float64 {
	sum, n := 0.0, 0
	for _, v := range values {
		if !math.IsNaN(v) {
			sum += v
			n++
		}
	}
	return sum / float64(n)
}

// busiestHour returns the highest mean of an hour by the clock, NaN where there is none.
func busiestHour(times []time.Time, values []float64) float64 {
	busiest := math.NaN()
	for i := 0; i < len(values); {
		j := i
		for j < len(values) && times[j].Truncate(time.Hour).Equal(times[i].Truncate(time.Hour)) {
			j++
		}
		if mean := meanOf(values[i:j]); !math.IsNaN(mean) && !(mean <= busiest) {
			busiest = mean
		}
		i = j
	}
	return busiest
}
