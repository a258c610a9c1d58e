package perfmon

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"time"
)

// Settings are what may be changed while the monitor runs.
type Settings struct {
	Enabled               bool          // false: nothing is recorded and nothing watched
	AlertCooldown         time.Duration // of thresholds that have none of their own; 0 to 30 days
	ConsecutiveViolations int           // of thresholds that do not say it; 1 to 1000
	RegressionSensitivity float64       // share, more than 0, at most 10
}

const (
	maxCooldown   = 30 * 24 * time.Hour
	maxViolations = 1000
)

func (s Settings) validate() error {
	switch {
	case s.AlertCooldown < 0 || s.AlertCooldown > maxCooldown:
		return &FieldError{"alert cooldown", s.AlertCooldown, "0 to 30 days"}
	case s.ConsecutiveViolations < 1 || s.ConsecutiveViolations > maxViolations:
		return &FieldError{"consecutive violations", s.ConsecutiveViolations, "1 to 1000"}
	case !(s.RegressionSensitivity > 0 && s.RegressionSensitivity <= 10):
		return &FieldError{"regression sensitivity", s.RegressionSensitivity, "more than 0, at most 10"}
	}
	return nil
}

// SettingsUpdate names the settings to change; nil leaves one as it is.
type SettingsUpdate struct {
	Enabled               *bool
	AlertCooldown         *time.Duration
	ConsecutiveViolations *int
	RegressionSensitivity *float64
}

// Settings returns the settings in force.
func (m *Monitor) Settings() Settings { return *m.settings.Load() }

// Configure changes settings at run time, all that are named or, with an error,
// none. It returns the settings in force afterwards.
func (m *Monitor) Configure(u SettingsUpdate) (Settings, error) {
	m.configure.Lock()
	defer m.configure.Unlock()
	s := *m.settings.Load()
	if u.Enabled != nil {
		s.Enabled = *u.Enabled
	}
	if u.AlertCooldown != nil {
		s.AlertCooldown = *u.AlertCooldown
	}
	if u.ConsecutiveViolations != nil {
		s.ConsecutiveViolations = *u.ConsecutiveViolations
	}
	if u.RegressionSensitivity != nil {
		s.RegressionSensitivity = *u.RegressionSensitivity
	}
	if err := s.validate(); err != nil {
		return m.Settings(), fmt.Errorf("perfmon: %w", err)
	}
	m.settings.Store(&s)
	m.enabled.Store(s.Enabled)
	return s, nil
}

// Environment variables that WithEnvironment reads.
const (
	envEnabled     = "ENHANCED_MONITORING_ENABLED"                // true or false
	envInterval    = "ENHANCED_MONITORING_INTERVAL"               // seconds
	envRetention   = "ENHANCED_MONITORING_RETENTION_HOURS"        // hours
	envSensitivity = "ENHANCED_MONITORING_REGRESSION_SENSITIVITY" // a share such as 0.15
	envCooldown    = "ENHANCED_MONITORING_ALERT_COOLDOWN"         // minutes
	envConsecutive = "ENHANCED_MONITORING_CONSECUTIVE_VIOLATIONS" // a count
)

// Variable describes an environment variable that WithEnvironment reads.
type Variable struct {
	Name string
	Want string // what it may be
}

// Environment lists the environment variables that WithEnvironment reads.
func Environment() []Variable {
	list := make([]Variable, len(variables))
	for i, v := range variables {
		list[i] = v.Variable
	}
	return list
}

var variables = []struct {
	Variable
	apply func(c *config, name, value string) error
}{
	{Variable{envEnabled, "true or false"}, func(c *config, _, value string) error {
		b, err := strconv.ParseBool(value)
		c.settings.Enabled = b
		return err
	}},
	{Variable{envInterval, "seconds, 0.1 to 3600"}, func(c *config, name, value string) error {
		d, err := parseUnits(value, time.Second)
		return errors.Join(err, c.setInterval(name, d))
	}},
	{Variable{envRetention, "hours, more than 0"}, func(c *config, name, value string) error {
		d, err := parseUnits(value, time.Hour)
		return errors.Join(err, c.setRetention(name, d))
	}},
	{Variable{envSensitivity, "a share, more than 0, at most 10, such as 0.15"}, func(c *config, _, value string) error {
		v, err := strconv.ParseFloat(value, 64)
		return errors.Join(err, c.change(func(s *Settings) { s.RegressionSensitivity = v }))
	}},
	{Variable{envCooldown, "minutes, 0 to 43200"}, func(c *config, _, value string) error {
		d, err := parseUnits(value, time.Minute)
		return errors.Join(err, c.change(func(s *Settings) { s.AlertCooldown = d }))
	}},
	{Variable{envConsecutive, "a whole number, 1 to 1000"}, func(c *config, _, value string) error {
		n, err := strconv.Atoi(value)
		return errors.Join(err, c.change(func(s *Settings) { s.ConsecutiveViolations = n }))
	}},
}

// readEnvironment applies the variables that are set and that no option overrules.
func (c *config) readEnvironment() error {
	var errs []error
	for _, v := range variables {
		value, ok := os.LookupEnv(v.Name)
		if !ok || c.set[v.Name] {
			continue
		}
		before := *c
		if err := v.apply(c, v.Name, value); err != nil {
			*c = before
			errs = append(errs, &FieldError{v.Name, value, v.Want})
		}
	}
	return errors.Join(errs...)
}

// parseUnits reads a number of units as a duration.
func parseUnits(s string, unit time.Duration) (time.Duration, error) {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, err
	}
	ns := v * float64(unit)
	if !(math.Abs(ns) < math.MaxInt64) {
		return 0, strconv.ErrRange
	}
	return time.Duration(math.Round(ns)), nil
}
