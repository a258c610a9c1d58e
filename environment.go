package perfmon

import (
	"errors"
	"math"
	"os"
	"strconv"
	"strings"
	"time"
)

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
	Name string `json:"name"`
	Want string `json:"want"` // what it may be
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
	setting string // the field of Settings; "" for the interval
	apply   func(c *config, value string) error
}{
	{Variable{envEnabled, "true or false"}, "Enabled", func(c *config, value string) error {
		b, err := strconv.ParseBool(value)
		c.settings.Enabled = b
		return err
	}},
	{Variable{envInterval, "seconds, 0.1 to 3600"}, "", func(c *config, value string) error {
		d, err := parseUnits(value, time.Second)
		return errors.Join(err, c.setInterval(d))
	}},
	{Variable{envRetention, "hours, at least one interval and at most 100000 of them"}, "Retention", func(c *config, value string) error {
		d, err := parseUnits(value, time.Hour)
		return errors.Join(err, c.setRetention(d))
	}},
	{Variable{envSensitivity, "a share, more than 0, at most 10, such as 0.15"}, "RegressionSensitivity", func(c *config, value string) error {
		v, err := parseNumber(value)
		return errors.Join(err, c.change(func(s *Settings) { s.RegressionSensitivity = v }))
	}},
	{Variable{envCooldown, "minutes, 0 to 43200"}, "AlertCooldown", func(c *config, value string) error {
		d, err := parseUnits(value, time.Minute)
		return errors.Join(err, c.change(func(s *Settings) { s.AlertCooldown = d }))
	}},
	{Variable{envConsecutive, "a whole number, 1 to 1000"}, "ConsecutiveViolations", func(c *config, value string) error {
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
		if err := v.apply(c, value); err != nil {
			*c = before
			errs = append(errs, &FieldError{v.Name, value, v.Want})
			continue
		}
		c.fromVariable[v.Name] = value
		if v.setting != "" {
			c.origins[v.setting] = Origin{Source: SourceEnvironment, Variable: v.Name}
		}
	}
	return errors.Join(errs...)
}

// parseNumber reads a number as people write one: not hexadecimal, no underscores, no names.
func parseNumber(s string) (float64, error) {
	if strings.Trim(s, "+-.0123456789eE") != "" {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseFloat(s, 64)
}

// parseUnits reads a number of units as a duration.
func parseUnits(s string, unit time.Duration) (time.Duration, error) {
	v, err := parseNumber(s)
	if err != nil {
		return 0, err
	}
	ns := v * float64(unit)
	if !(math.Abs(ns) < math.MaxInt64) {
		return 0, strconv.ErrRange
	}
	return time.Duration(math.Round(ns)), nil
}
