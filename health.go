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
	Status HealthStatus
	Reason string // one sentence
	// Targets are what the service should do. A missed one is no alarm.
	Targets []Target
}

// Target is a goal that a service's figures are held against.
type Target struct {
	Metric     string
	Comparison Comparison // Less or Greater than Limit is good
	Limit      float64    // in the metric's unit
	Value      float64    // NaN: unknown
	Over       string     // what the value is taken over
}

// Met reports whether the target is met; known is false where there is no value.
func (t Target) Met() (met, known bool) {
	if math.IsNaN(t.Value) {
		return false, false
	}
	if t.Comparison == Less {
		return t.Value < t.Limit, true
	}
	return t.Value > t.Limit, true
}

// Health returns how the service is. Of its alerts, those that visible picks count.
func (m *Monitor) Health(visible AlertQuery) Health {
	h := Health{Targets: m.targets()}
	sample, ok := m.Current()
	m.mu.Lock()
	started, closed := !m.started.IsZero(), m.closed
	m.mu.Unlock()
	switch {
	case closed:
		h.Status, h.Reason = HealthUnknown, "The monitor is closed."
		return h
	case !m.Recording():
		h.Status, h.Reason = HealthUnknown, "The monitor is disabled."
		return h
	case !started:
		h.Status, h.Reason = HealthUnknown, "The monitor is not started."
		return h
	case !ok:
		h.Status, h.Reason = HealthUnknown, "The first step has not ended yet."
		return h
	case m.wall().Sub(sample.Time) > 3*m.stepLength:
		h.Status, h.Reason = HealthUnknown, "The latest sample is "+m.wall().Sub(sample.Time).Round(time.Second).String()+" old."
		return h
	}
	visible.Active, visible.Limit = true, 0
	active, _ := m.Alerts(visible)
	h.Status, h.Reason = Healthy, "No alert is active."
	for _, a := range active {
		if a.Severity == Critical && h.Status != HealthCritical {
			h.Status, h.Reason = HealthCritical, a.Message
		}
		if h.Status == Healthy {
			h.Status, h.Reason = HealthWarning, a.Message
		}
	}
	return h
}

// targets are the system health targets with their values.
func (m *Monitor) targets() []Target {
	s := m.History(Scope{}, 24*time.Hour, ThroughputRPS, CPUUsagePercent, CacheHitRate)
	hourAgo := m.wall().Add(-time.Hour)
	lastHour := func(metric string) float64 {
		var kept []float64
		for i, v := range s.Values[metric] {
			if s.Times[i].After(hourAgo) {
				kept = append(kept, v)
			}
		}
		if mean := meanOf(kept); !math.IsNaN(mean) {
			return mean
		}
		return m.latest(metric)
	}
	worst, where := math.NaN(), "all endpoints, last hour"
	for _, e := range m.Endpoints(time.Hour) {
		if !(e.ErrorRate <= worst) {
			worst, where = e.ErrorRate, e.Scope.Endpoint+", the worst endpoint, last hour"
		}
	}
	return []Target{
		{ResponseTimeP95, Less, 2, m.Requests(time.Hour).P95, "all requests, last hour"},
		{ThroughputRPS, Greater, 50, busiestHour(s.Times, s.Values[ThroughputRPS]), "busiest hour of the last 24"},
		{ErrorRate, Less, 1, worst, where},
		{CacheHitRate, Greater, 80, lastHour(CacheHitRate), "last hour"},
		{MemoryUsagePercent, Less, 70, m.latest(MemoryUsagePercent), "now"},
		{CPUUsagePercent, Less, 60, lastHour(CPUUsagePercent), "last hour"},
	}
}

// latest is a metric's value in the current sample, NaN where it is absent.
func (m *Monitor) latest(metric string) float64 {
	if s, ok := m.Current(); ok {
		if v, ok := s.Value(metric); ok {
			return v
		}
	}
	return math.NaN()
}

func meanOf(values []float64) float64 {
	sum, n := 0.0, 0
	for _, v := range values {
		if !math.IsNaN(v) {
			sum += v
			n++
		}
	}
	if n == 0 {
		return math.NaN()
	}
	return sum / float64(n)
}

// busiestHour returns the highest mean of an hour by the clock.
func busiestHour(times []time.Time, values []float64) float64 {
	busiest := math.NaN()
	for i := 0; i < len(values); {
		j := i
		for j < len(values) && times[j].Truncate(time.Hour).Equal(times[i].Truncate(time.Hour)) {
			j++
		}
		if mean := meanOf(values[i:j]); !(mean <= busiest) && !math.IsNaN(mean) {
			busiest = mean
		}
		i = j
	}
	return busiest
}
