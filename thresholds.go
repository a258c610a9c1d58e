package perfmon

import (
	"encoding/json"
	"fmt"
	"math"
	"sync"
	"time"

	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon/internal/lifecycle"
)

// Severity is how bad an alert is.
type Severity string

const (
	Warning  Severity = "warning"
	Critical Severity = "critical"
)

// Comparison says on which side of its limits a value violates a threshold.
type Comparison string

const (
	Greater Comparison = "greater" // than the limit
	Less    Comparison = "less"    // than the limit
	Equal   Comparison = "equal"   // to the limit, exactly
)

// NoCooldown is the Cooldown of a threshold whose alerts may open anew at once.
const NoCooldown time.Duration = -1

// Threshold says when a metric is worth an alert.
type Threshold struct {
	// Metric is its name. In the scopes of endpoints and organizations only the
	// metrics of requests have values: response times, throughput and error rate.
	Metric string
	// Scope is what each alert is about. The zero value is the service.
	Scope ScopeKind
	// Warning and Critical are the limits, in the metric's unit. A value equal to
	// them is good, except with Equal.
	Warning, Critical float64
	// Comparison is Greater, Less or Equal. The zero value is Less for a metric that
	// is worse when lower, else Greater.
	Comparison Comparison
	// ConsecutiveViolations is how many steps in a row have to violate to open an
	// alert, and to be good to resolve it: 1 to 1000. 0 takes the monitor's setting.
	ConsecutiveViolations int
	// Cooldown is how long after an alert opened no other one opens: up to 30 days.
	// 0 takes the monitor's setting, NoCooldown is none.
	Cooldown time.Duration
	// Disabled switches the threshold off; an open alert of it is resolved.
	Disabled bool
}

// DefaultThresholds returns the thresholds of a monitor that is told nothing else.
//
// The one for throughput needs the service to have had traffic above it since the
// start: an idle service pages nobody.
func DefaultThresholds() []Threshold {
	return []Threshold{
		{Metric: ResponseTimeP95, Warning: 2, Critical: 5, Comparison: Greater},
		{Metric: DatabaseQueryTimeAvg, Warning: 0.5, Critical: 2, Comparison: Greater},
		{Metric: MemoryUsagePercent, Warning: 80, Critical: 90, Comparison: Greater},
		{Metric: CPUUsagePercent, Warning: 80, Critical: 95, Comparison: Greater},
		{Metric: ErrorRate, Warning: 5, Critical: 10, Comparison: Greater},
		{Metric: CacheHitRate, Warning: 70, Critical: 50, Comparison: Less},
		{Metric: DatabasePoolUsage, Warning: 80, Critical: 95, Comparison: Greater},
		{Metric: ThroughputRPS, Warning: 10, Critical: 5, Comparison: Less},
	}
}

// level says how bad a value is.
func (t *Threshold) level(v float64) lifecycle.Level {
	violates := func(limit float64) bool {
		switch t.Comparison {
		case Greater:
			return v > limit
		case Less:
			return v < limit
		}
		return v == limit
	}
	switch {
	case violates(t.Critical):
		return lifecycle.Critical
	case violates(t.Warning):
		return lifecycle.Warning
	}
	return lifecycle.Good
}

// limit returns the limit of a severity.
func (t *Threshold) limit(s Severity) float64 {
	if s == Critical {
		return t.Critical
	}
	return t.Warning
}

// rule is what the alert's life goes by, with the monitor's settings filled in.
func (t *Threshold) rule(s Settings) lifecycle.Rule {
	r := lifecycle.Rule{
		Violations: t.ConsecutiveViolations,
		Cooldown:   t.Cooldown,
		Armed:      t.Metric == ThroughputRPS && t.Comparison == Less,
	}
	if r.Violations == 0 {
		r.Violations = s.ConsecutiveViolations
	}
	switch {
	case r.Cooldown == 0:
		r.Cooldown = s.AlertCooldown
	case r.Cooldown < 0:
		r.Cooldown = 0
	}
	return r
}

// complete fills in defaults and checks the whole of it.
func (t Threshold) complete(c *catalog) (Threshold, error) {
	i, ok := c.index[t.Metric]
	if !ok {
		return t, &FieldError{"metric_name", t.Metric, "the name of a registered metric"}
	}
	if t.Scope == "" {
		t.Scope = ScopeService
	}
	switch t.Scope {
	case ScopeService:
	case ScopeEndpoint, ScopeOrganization:
		if requestMetric(t.Metric) < 0 {
			return t, &FieldError{"scope", t.Scope, fmt.Sprintf("%q, as %s has no value for each %s", ScopeService, t.Metric, t.Scope)}
		}
	default:
		return t, &FieldError{"scope", t.Scope, `"service", "endpoint" or "organization"`}
	}
	if t.Comparison == "" {
		t.Comparison = Greater
		if c.metrics[i].Worse == LowerIsWorse {
			t.Comparison = Less
		}
	}
	for _, limit := range []struct {
		name  string
		value float64
	}{{"warning_threshold", t.Warning}, {"critical_threshold", t.Critical}} {
		if math.IsNaN(limit.value) || math.IsInf(limit.value, 0) {
			return t, &FieldError{limit.name, limit.value, "a finite number"}
		}
	}
	switch t.Comparison {
	case Greater:
		if t.Critical < t.Warning {
			return t, &FieldError{"critical_threshold", t.Critical, fmt.Sprintf("at least the warning_threshold of %v", t.Warning)}
		}
	case Less:
		if t.Critical > t.Warning {
			return t, &FieldError{"critical_threshold", t.Critical, fmt.Sprintf("at most the warning_threshold of %v", t.Warning)}
		}
	case Equal:
	default:
		return t, &FieldError{"comparison", t.Comparison, `"greater", "less" or "equal"`}
	}
	if t.ConsecutiveViolations < 0 || t.ConsecutiveViolations > maxViolations {
		return t, &FieldError{"consecutive_violations", t.ConsecutiveViolations, "1 to 1000"}
	}
	if t.Cooldown > maxCooldown || t.Cooldown < 0 && t.Cooldown != NoCooldown {
		return t, &FieldError{"cooldown_minutes", t.Cooldown.Minutes(), "0 to 43200"}
	}
	return t, nil
}

// ThresholdUpdate names the fields of a threshold to change; nil leaves one as it is.
type ThresholdUpdate struct {
	Warning               *float64
	Critical              *float64
	Comparison            *Comparison
	ConsecutiveViolations *int           // 1 to 1000
	Cooldown              *time.Duration // 0 is none
	Enabled               *bool
}

// Apply returns t with the named fields changed. It checks these fields alone; SetThreshold
// checks the whole.
func (u ThresholdUpdate) Apply(t Threshold) (Threshold, error) {
	if u.Warning != nil {
		t.Warning = *u.Warning
	}
	if u.Critical != nil {
		t.Critical = *u.Critical
	}
	if u.Comparison != nil {
		if *u.Comparison == "" {
			return t, &FieldError{"comparison", *u.Comparison, `"greater", "less" or "equal"`}
		}
		t.Comparison = *u.Comparison
	}
	if u.ConsecutiveViolations != nil {
		if *u.ConsecutiveViolations < 1 {
			return t, &FieldError{"consecutive_violations", *u.ConsecutiveViolations, "1 to 1000"}
		}
		t.ConsecutiveViolations = *u.ConsecutiveViolations
	}
	if u.Cooldown != nil {
		if *u.Cooldown < 0 {
			return t, &FieldError{"cooldown_minutes", u.Cooldown.Minutes(), "0 to 43200"}
		}
		if t.Cooldown = *u.Cooldown; t.Cooldown == 0 {
			t.Cooldown = NoCooldown
		}
	}
	if u.Enabled != nil {
		t.Disabled = !*u.Enabled
	}
	return t, nil
}

// thresholdSet owns the thresholds in force. A threshold in it is never changed,
// only replaced.
type thresholdSet struct {
	mu   sync.Mutex
	list []*Threshold // in the order they were added; mu
}

func (ts *thresholdSet) all() []*Threshold {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return slices.Clone(ts.list)
}

// find returns the place of a threshold, -1 when there is none; mu is held.
func (ts *thresholdSet) find(metric string, scope ScopeKind) int {
	return slices.IndexFunc(ts.list, func(t *Threshold) bool { return t.Metric == metric && t.Scope == scope })
}

// put replaces a threshold or adds one.
func (ts *thresholdSet) put(t Threshold) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if i := ts.find(t.Metric, t.Scope); i >= 0 {
		ts.list[i] = &t
		return
	}
	ts.list = append(ts.list, &t)
}

// Thresholds returns all thresholds, with the monitor's settings filled in where
// they take them.
func (m *Monitor) Thresholds() []Threshold {
	s := m.Settings()
	var list []Threshold
	for _, t := range m.thresholds.all() {
		list = append(list, t.effective(s))
	}
	return list
}

// effective shows the settings that hold.
func (t Threshold) effective(s Settings) Threshold {
	r := t.rule(s)
	t.ConsecutiveViolations = r.Violations
	if t.Cooldown = r.Cooldown; t.Cooldown == 0 {
		t.Cooldown = NoCooldown
	}
	return t
}

// SetThreshold adds a threshold or replaces the one for the same metric and scope. An
// invalid one is refused with a *FieldError and changes nothing.
func (m *Monitor) SetThreshold(t Threshold) error {
	if err := m.setThreshold(t); err != nil {
		return fmt.Errorf("perfmon: %w", err)
	}
	return nil
}

func (m *Monitor) setThreshold(t Threshold) error {
	m.configure.Lock()
	defer m.configure.Unlock()
	t, err := t.complete(m.registry.catalog())
	if err != nil {
		return fmt.Errorf("threshold of %s: %w", t.Metric, err)
	}
	m.thresholds.put(t)
	return nil
}

// UpdateThreshold changes the fields of a threshold that are named, all of them or,
// with a *FieldError, none. The zero scope is the service. It returns the threshold as
// it is now, and ErrNotFound when there is none.
func (m *Monitor) UpdateThreshold(metric string, scope ScopeKind, u ThresholdUpdate) (Threshold, error) {
	m.configure.Lock()
	defer m.configure.Unlock()
	if scope == "" {
		scope = ScopeService
	}
	list := m.thresholds.all()
	i := slices.IndexFunc(list, func(t *Threshold) bool { return t.Metric == metric && t.Scope == scope })
	if i < 0 {
		return Threshold{}, fmt.Errorf("perfmon: threshold of %s for %s: %w", metric, scope, ErrNotFound)
	}
	t, err := u.Apply(*list[i])
	if err == nil {
		t, err = t.complete(m.registry.catalog())
	}
	if err != nil {
		return Threshold{}, fmt.Errorf("perfmon: threshold of %s: %w", metric, err)
	}
	m.thresholds.put(t)
	return t.effective(m.Settings()), nil
}

// RemoveThreshold takes a threshold away; an open alert of it is resolved.
func (m *Monitor) RemoveThreshold(metric string, scope ScopeKind) error {
	if scope == "" {
		scope = ScopeService
	}
	m.thresholds.mu.Lock()
	defer m.thresholds.mu.Unlock()
	i := m.thresholds.find(metric, scope)
	if i < 0 {
		return fmt.Errorf("perfmon: threshold of %s for %s: %w", metric, scope, ErrNotFound)
	}
	m.thresholds.list = slices.Delete(m.thresholds.list, i, i+1)
	return nil
}

// MarshalJSON returns the fields in snake_case, the cooldown in minutes.
func (t Threshold) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Metric                string     `json:"metric_name"`
		Scope                 ScopeKind  `json:"scope"`
		Warning               float64    `json:"warning_threshold"`
		Critical              float64    `json:"critical_threshold"`
		Comparison            Comparison `json:"comparison"`
		ConsecutiveViolations int        `json:"consecutive_violations"`
		CooldownMinutes       float64    `json:"cooldown_minutes"`
		Enabled               bool       `json:"enabled"`
	}{
		t.Metric, t.Scope, t.Warning, t.Critical, t.Comparison,
		t.ConsecutiveViolations, max(t.Cooldown, 0).Minutes(), !t.Disabled,
	})
}
