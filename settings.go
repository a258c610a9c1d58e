package perfmon

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"sync/atomic"
	"time"
)

// Settings are what may be changed while the monitor runs.
type Settings struct {
	Enabled               bool          // false: nothing is recorded and nothing watched
	AlertCooldown         time.Duration // of thresholds that have none of their own; 0 to 30 days
	ConsecutiveViolations int           // of thresholds that do not set it; 1 to 1000
	RegressionSensitivity float64       // a share, more than 0, at most 10
	// Sensitivities are the regression sensitivities of metrics that have their own, by
	// metric.
	Sensitivities    map[string]float64
	Retention        time.Duration // how long points are kept: 1 to MaxPoints intervals
	CollectTimeout   time.Duration // how long a collector may take: more than 0, less than the step
	MaxEndpoints     int           // endpoints counted apart, 1 to 10,000
	MaxOrganizations int           // organizations counted apart, 1 to 10,000
	TrendAnalysis    bool          // false: no trends
	// AnomalyAlerts says that an anomaly of a watched metric of the service, towards what is
	// worse, is a warning and so opens an alert.
	AnomalyAlerts bool
	// BaselineRenewal is the age at which a baseline is renewed by itself: 0 for never, or 10
	// minutes to 7 days.
	BaselineRenewal time.Duration
}

const (
	maxCooldown   = 30 * 24 * time.Hour
	maxViolations = 1000
	maxTable      = 10_000
	minRenewal    = 10 * time.Minute
)

// validate checks what does not depend on the rest of the monitor.
func (s *Settings) validate() error {
	share := func(v float64) bool { return v > 0 && v <= 10 }
	switch {
	case s.AlertCooldown < 0 || s.AlertCooldown > maxCooldown:
		return &FieldError{"AlertCooldown", s.AlertCooldown, "0 to 30 days"}
	case s.ConsecutiveViolations < 1 || s.ConsecutiveViolations > maxViolations:
		return &FieldError{"ConsecutiveViolations", s.ConsecutiveViolations, "1 to 1000"}
	case !share(s.RegressionSensitivity):
		return &FieldError{"RegressionSensitivity", s.RegressionSensitivity, "more than 0, at most 10"}
	case s.MaxEndpoints < 1 || s.MaxEndpoints > maxTable:
		return &FieldError{"MaxEndpoints", s.MaxEndpoints, "1 to 10000"}
	case s.MaxOrganizations < 1 || s.MaxOrganizations > maxTable:
		return &FieldError{"MaxOrganizations", s.MaxOrganizations, "1 to 10000"}
	case s.BaselineRenewal != 0 && (s.BaselineRenewal < minRenewal || s.BaselineRenewal > BaselineRetention):
		return &FieldError{"BaselineRenewal", s.BaselineRenewal, "0, or 10 minutes to 7 days"}
	case len(s.Sensitivities) > MaxMetrics:
		return &FieldError{"Sensitivities", len(s.Sensitivities), fmt.Sprintf("at most %d", MaxMetrics)}
	}
	for metric, v := range s.Sensitivities {
		if !share(v) {
			return &FieldError{"Sensitivities of " + metric, v, "more than 0, at most 10"}
		}
	}
	return nil
}

// validateFor checks the rest: what depends on the interval, the step and the metrics.
func (s *Settings) validateFor(step, interval time.Duration, c *catalog) error {
	if n := s.Retention / interval; n < 1 || n > MaxPoints {
		return &FieldError{"Retention", s.Retention, fmt.Sprintf("1 to %d intervals of %v", MaxPoints, interval)}
	}
	if s.CollectTimeout <= 0 || s.CollectTimeout >= step {
		return &FieldError{"CollectTimeout", s.CollectTimeout, fmt.Sprintf("more than 0, less than the step of %v", step)}
	}
	for metric := range s.Sensitivities {
		if _, ok := c.find(metric); !ok {
			return &FieldError{"Sensitivities", metric, "the names of registered metrics"}
		}
	}
	return nil
}

// sensitivity returns by which share a metric has to be worse than its baseline.
func (s *Settings) sensitivity(metric string) float64 {
	if v, ok := s.Sensitivities[metric]; ok {
		return v
	}
	return s.RegressionSensitivity
}

// clone returns a copy that shares nothing.
func (s *Settings) clone() Settings {
	c := *s
	c.Sensitivities = maps.Clone(s.Sensitivities)
	return c
}

// SettingsUpdate names the settings to change; nil leaves one as it is.
type SettingsUpdate struct {
	Enabled               *bool
	AlertCooldown         *time.Duration
	ConsecutiveViolations *int
	RegressionSensitivity *float64
	// Sensitivities changes those of the metrics it names; 0 takes a metric's own
	// sensitivity away.
	Sensitivities    map[string]float64
	Retention        *time.Duration
	CollectTimeout   *time.Duration
	MaxEndpoints     *int
	MaxOrganizations *int
	TrendAnalysis    *bool
	AnomalyAlerts    *bool
	BaselineRenewal  *time.Duration
}

func (u SettingsUpdate) apply(s Settings) Settings {
	s = s.clone()
	set(&s.Enabled, u.Enabled)
	set(&s.AlertCooldown, u.AlertCooldown)
	set(&s.ConsecutiveViolations, u.ConsecutiveViolations)
	set(&s.RegressionSensitivity, u.RegressionSensitivity)
	set(&s.Retention, u.Retention)
	set(&s.CollectTimeout, u.CollectTimeout)
	set(&s.MaxEndpoints, u.MaxEndpoints)
	set(&s.MaxOrganizations, u.MaxOrganizations)
	set(&s.TrendAnalysis, u.TrendAnalysis)
	set(&s.AnomalyAlerts, u.AnomalyAlerts)
	set(&s.BaselineRenewal, u.BaselineRenewal)
	for metric, v := range u.Sensitivities {
		if v == 0 {
			delete(s.Sensitivities, metric)
			continue
		}
		if s.Sensitivities == nil {
			s.Sensitivities = map[string]float64{}
		}
		s.Sensitivities[metric] = v
	}
	return s
}

// Source says where the value of a setting comes from. Run time beats code, and code
// beats the environment.
type Source string

const (
	SourceDefault     Source = "default"
	SourceEnvironment Source = "environment"
	SourceCode        Source = "code"
	SourceRunTime     Source = "run time"
)

// Origin says where the value of a setting comes from.
type Origin struct {
	Source   Source    `json:"source"`
	Variable string    `json:"variable,omitempty"` // of SourceEnvironment
	By       string    `json:"by,omitempty"`       // of SourceRunTime: who changed it
	At       time.Time `json:"at,omitzero"`        // of SourceRunTime
}

// SettingsRecord is all settings and where they come from, by the name of the field.
type SettingsRecord struct {
	Settings Settings          `json:"settings"`
	Origins  map[string]Origin `json:"origins"`
}

// settingNames are the fields of Settings, each with a test for a difference and a copy.
var settingNames = []struct {
	name    string
	differs func(a, b *Settings) bool
	copy    func(to, from *Settings)
}{
	{"Enabled", func(a, b *Settings) bool { return a.Enabled != b.Enabled }, func(a, b *Settings) { a.Enabled = b.Enabled }},
	{"AlertCooldown", func(a, b *Settings) bool { return a.AlertCooldown != b.AlertCooldown }, func(a, b *Settings) { a.AlertCooldown = b.AlertCooldown }},
	{"ConsecutiveViolations", func(a, b *Settings) bool { return a.ConsecutiveViolations != b.ConsecutiveViolations }, func(a, b *Settings) { a.ConsecutiveViolations = b.ConsecutiveViolations }},
	{"RegressionSensitivity", func(a, b *Settings) bool { return a.RegressionSensitivity != b.RegressionSensitivity }, func(a, b *Settings) { a.RegressionSensitivity = b.RegressionSensitivity }},
	{"Sensitivities", func(a, b *Settings) bool { return !maps.Equal(a.Sensitivities, b.Sensitivities) }, func(a, b *Settings) { a.Sensitivities = maps.Clone(b.Sensitivities) }},
	{"Retention", func(a, b *Settings) bool { return a.Retention != b.Retention }, func(a, b *Settings) { a.Retention = b.Retention }},
	{"CollectTimeout", func(a, b *Settings) bool { return a.CollectTimeout != b.CollectTimeout }, func(a, b *Settings) { a.CollectTimeout = b.CollectTimeout }},
	{"MaxEndpoints", func(a, b *Settings) bool { return a.MaxEndpoints != b.MaxEndpoints }, func(a, b *Settings) { a.MaxEndpoints = b.MaxEndpoints }},
	{"MaxOrganizations", func(a, b *Settings) bool { return a.MaxOrganizations != b.MaxOrganizations }, func(a, b *Settings) { a.MaxOrganizations = b.MaxOrganizations }},
	{"TrendAnalysis", func(a, b *Settings) bool { return a.TrendAnalysis != b.TrendAnalysis }, func(a, b *Settings) { a.TrendAnalysis = b.TrendAnalysis }},
	{"AnomalyAlerts", func(a, b *Settings) bool { return a.AnomalyAlerts != b.AnomalyAlerts }, func(a, b *Settings) { a.AnomalyAlerts = b.AnomalyAlerts }},
	{"BaselineRenewal", func(a, b *Settings) bool { return a.BaselineRenewal != b.BaselineRenewal }, func(a, b *Settings) { a.BaselineRenewal = b.BaselineRenewal }},
}

// settingsOwner owns the settings in force. What it points to never changes.
type settingsOwner struct {
	current atomic.Pointer[SettingsRecord]
}

func (o *settingsOwner) get() *Settings { return &o.current.Load().Settings }

// Config reads and changes the settings of a monitor.
type Config struct{ m *Monitor }

// Config returns the configuration of the monitor.
func (m *Monitor) Config() Config { return Config{m} }

// Settings returns the settings in force.
func (c Config) Settings() Settings { return c.m.settings.get().clone() }

// Origins returns where each setting comes from, by the name of the field.
func (c Config) Origins() map[string]Origin { return maps.Clone(c.m.settings.current.Load().Origins) }

// Update changes settings, all that are named or, with an error, none, and returns
// those in force afterwards. by names who does it. Setting what is set already changes
// nothing. Errors: *FieldError, ErrClosed, ErrStore.
func (c Config) Update(u SettingsUpdate, by string) (Settings, error) {
	m := c.m
	err := m.change(by, func(now moment) ([]Record, error) {
		old := m.settings.current.Load()
		next := SettingsRecord{u.apply(old.Settings), maps.Clone(old.Origins)}
		if err := next.Settings.validate(); err != nil {
			return nil, err
		}
		if err := next.Settings.validateFor(m.stepLength, m.interval, m.registry.catalog()); err != nil {
			return nil, err
		}
		changed := false
		for _, s := range settingNames {
			if s.differs(&old.Settings, &next.Settings) {
				next.Origins[s.name] = Origin{Source: SourceRunTime, By: author(by), At: now.wall}
				changed = true
			}
		}
		if !changed {
			return nil, nil
		}
		return []Record{{Settings: &next}}, nil
	})
	return c.Settings(), err
}

// applySettings takes over a record and what follows from it.
func (m *Monitor) applySettings(r *SettingsRecord) {
	m.settings.current.Store(r)
	s := &r.Settings
	m.enabled.Store(s.Enabled)
	m.traffic.SetLimits(s.MaxEndpoints, s.MaxOrganizations)
	m.history.setRetention(s.Retention, m.interval)
}

// restoreSettings takes over what was changed at run time. Code and the environment may
// have changed since, so the other settings stay as they are now, and so does one that is
// not valid any more.
func (m *Monitor) restoreSettings(r *SettingsRecord) {
	now := m.settings.current.Load()
	next := SettingsRecord{now.Settings.clone(), maps.Clone(now.Origins)}
	for _, s := range settingNames {
		if r.Origins[s.name].Source != SourceRunTime {
			continue
		}
		changed := next.Settings.clone()
		s.copy(&changed, &r.Settings)
		err := changed.validate()
		if err == nil {
			err = changed.validateFor(m.stepLength, m.interval, m.registry.catalog())
		}
		if err != nil {
			m.log.write(slog.LevelWarn, "a setting in the store is not valid any more", "error", err.Error())
			continue
		}
		next.Settings, next.Origins[s.name] = changed, r.Origins[s.name]
	}
	m.applySettings(&next)
}

// settingsJSON is Settings in JSON, in the units of the seed.
type settingsJSON struct {
	Enabled               bool               `json:"enabled"`
	AlertCooldownMinutes  float64            `json:"alert_cooldown_minutes"`
	ConsecutiveViolations int                `json:"consecutive_violations"`
	RegressionSensitivity float64            `json:"regression_sensitivity"`
	Sensitivities         map[string]float64 `json:"sensitivities"`
	RetentionHours        float64            `json:"retention_hours"`
	CollectTimeoutSeconds float64            `json:"collect_timeout_seconds"`
	MaxEndpoints          int                `json:"max_endpoints"`
	MaxOrganizations      int                `json:"max_organizations"`
	TrendAnalysis         bool               `json:"trend_analysis"`
	AnomalyAlerts         bool               `json:"anomaly_alerts"`
	BaselineRenewalHours  float64            `json:"baseline_renewal_hours"`
}

// MarshalJSON returns the fields in snake_case, durations in the unit that the name
// says.
func (s Settings) MarshalJSON() ([]byte, error) {
	out := settingsJSON{
		s.Enabled, s.AlertCooldown.Minutes(), s.ConsecutiveViolations, s.RegressionSensitivity, s.Sensitivities,
		s.Retention.Hours(), s.CollectTimeout.Seconds(), s.MaxEndpoints, s.MaxOrganizations, s.TrendAnalysis,
		s.AnomalyAlerts, s.BaselineRenewal.Hours(),
	}
	if out.Sensitivities == nil {
		out.Sensitivities = map[string]float64{}
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (s *Settings) UnmarshalJSON(data []byte) error {
	var in settingsJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*s = Settings{
		in.Enabled, inUnits(in.AlertCooldownMinutes, time.Minute), in.ConsecutiveViolations, in.RegressionSensitivity, in.Sensitivities,
		inUnits(in.RetentionHours, time.Hour), inUnits(in.CollectTimeoutSeconds, time.Second), in.MaxEndpoints, in.MaxOrganizations, in.TrendAnalysis,
		in.AnomalyAlerts, inUnits(in.BaselineRenewalHours, time.Hour),
	}
	if len(s.Sensitivities) == 0 {
		s.Sensitivities = nil
	}
	return nil
}
