package httpapi

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"time"

	"github.com/backend-prs/perfmon"
)

const maxCooldownMinutes = 43200 // 30 days

// thresholdWire names the fields of a threshold.
var thresholdWire = wire{
	"Metric":                {name: "metric_name", want: "the name of a metric; GET metrics/ lists them", own: true},
	"Scope":                 {name: "scope", want: `"service", "endpoint" or "organization"`},
	"AppliesTo":             {name: "applies_to", want: `a pattern of names such as "GET /reports/*"`},
	"Warning":               {name: "warning_threshold", want: "a finite number or null; at least one of warning_threshold and critical_threshold is a number", own: true},
	"Critical":              {name: "critical_threshold", want: "a finite number or null"},
	"Comparison":            {name: "comparison", want: `"greater", "less" or "equal"`},
	"ConsecutiveViolations": {name: "consecutive_violations", want: "a whole number, 1 to 1000, or null for the setting of the monitor", own: true},
	"Cooldown":              {name: "cooldown_minutes", want: "minutes, 0 to 43200, or null for the setting of the monitor", unit: time.Minute, own: true},
	"MinRequests":           {name: "min_requests", want: "a whole number, 1 to 1000000, or 0 or null for the default"},
	"AbsentAfter":           {name: "absent_after_seconds", want: "seconds, 1 to 2592000, or null for never", unit: time.Second, own: true},
	"Enabled":               {name: "enabled", want: "true or false"},
	"Runbook":               {name: "runbook", want: "an absolute http or https URL of at most 2048 bytes, or null or \"\" for none", own: true},
}

// putThreshold changes a threshold, or makes it where there is none.
func (a *API) putThreshold(r *request) (answer, error) {
	if err := superAdmin(r.by, "thresholds"); err != nil {
		return nil, err
	}
	if err := readParams(r).finish(); err != nil {
		return nil, err
	}
	id, update, err := readThreshold(r)
	if err != nil {
		return nil, err
	}
	status := http.StatusOK
	t, err := a.m.Thresholds().Update(id, update, r.by.Name)
	if errors.Is(err, perfmon.ErrNotFound) {
		status = http.StatusCreated
		t, err = a.m.Thresholds().Set(update.Apply(perfmon.Threshold{Metric: id.Metric, Scope: id.Scope, AppliesTo: id.AppliesTo}), r.by.Name)
	}
	if err != nil {
		return nil, thresholdWire.translate(err)
	}
	return reply(status, thresholdAnswer{a.inForce(t)})
}

// readThreshold reads which threshold is to be changed, and how.
func readThreshold(r *request) (id perfmon.ThresholdID, u perfmon.ThresholdUpdate, err error) {
	body, err := readBody(r)
	if err != nil {
		return id, u, err
	}
	id = readThresholdID(body)
	updates := body.object("updates")
	if err := body.finish(); err != nil {
		return id, u, err
	}
	if updates == nil || len(updates.values) == 0 {
		return id, u, bad("updates", "nothing", "an object with at least one field to change")
	}
	u, err = readThresholdUpdate(updates)
	return id, u, err
}

// readThresholdID reads which threshold it is about.
func readThresholdID(body *object) (id perfmon.ThresholdID) {
	if metric := read(body, thresholdWire["Metric"], parseText); metric != nil {
		id.Metric = *metric
	}
	if scope := read(body, thresholdWire["Scope"], parseText); scope != nil {
		id.Scope = perfmon.ScopeKind(*scope)
		if !validScope(*scope) && body.err == nil {
			body.err = bad("scope", quote(*scope), thresholdWire["Scope"].want)
		}
	}
	if pattern := read(body, thresholdWire["AppliesTo"], parseText); pattern != nil {
		id.AppliesTo = *pattern
	}
	return id
}

// readThresholdUpdate reads how it is to be changed.
func readThresholdUpdate(updates *object) (u perfmon.ThresholdUpdate, err error) {
	u.Warning = read(updates, thresholdWire["Warning"], parseValue)
	u.Critical = read(updates, thresholdWire["Critical"], parseValue)
	u.Comparison = read(updates, thresholdWire["Comparison"], parseComparison)
	u.ConsecutiveViolations = read(updates, thresholdWire["ConsecutiveViolations"], parseCount)
	u.Cooldown = read(updates, thresholdWire["Cooldown"], parseCooldown)
	u.MinRequests = read(updates, thresholdWire["MinRequests"], parseMinRequests)
	u.AbsentAfter = read(updates, thresholdWire["AbsentAfter"], parseAbsentAfter)
	u.Enabled = read(updates, thresholdWire["Enabled"], parseBool)
	u.Runbook = read(updates, thresholdWire["Runbook"], parseTextOrNull)
	return u, updates.finish()
}

// parseTextOrNull takes null for the empty text.
func parseTextOrNull(raw json.RawMessage) (string, bool) {
	if isNull(raw) {
		return "", true
	}
	return parseText(raw)
}

func validScope(s string) bool {
	switch perfmon.ScopeKind(s) {
	case perfmon.ScopeService, perfmon.ScopeEndpoint, perfmon.ScopeOrganization:
		return true
	}
	return false
}

// parseValue takes null for no value.
func parseValue(raw json.RawMessage) (v perfmon.Value, ok bool) {
	return v, json.Unmarshal(raw, &v) == nil
}

func parseComparison(raw json.RawMessage) (perfmon.Comparison, bool) {
	s, ok := parseText(raw)
	switch c := perfmon.Comparison(s); c {
	case perfmon.Greater, perfmon.Less, perfmon.Equal:
		return c, ok
	}
	return "", false
}

// parseCount takes null for the setting.
func parseCount(raw json.RawMessage) (int, bool) {
	if isNull(raw) {
		return 0, true
	}
	n, ok := parseInt(raw)
	return n, ok && n > 0
}

// parseMinRequests takes null for the default, as 0 is.
func parseMinRequests(raw json.RawMessage) (int, bool) {
	if isNull(raw) {
		return 0, true
	}
	n, ok := parseInt(raw)
	return n, ok && n >= 0
}

// parseCooldown takes null for the setting and 0 for none.
func parseCooldown(raw json.RawMessage) (time.Duration, bool) {
	if isNull(raw) {
		return 0, true
	}
	v, ok := parseNumber(raw)
	if !ok || v < 0 || v > maxCooldownMinutes {
		return 0, false
	}
	if d := inUnits(v, time.Minute); d > 0 {
		return d, true
	}
	return perfmon.NoCooldown, true
}

// parseAbsentAfter takes null for never.
func parseAbsentAfter(raw json.RawMessage) (time.Duration, bool) {
	if isNull(raw) {
		return 0, true
	}
	v, ok := parseNumber(raw)
	if !ok || v < 1 || v > 60*maxCooldownMinutes {
		return 0, false
	}
	return inUnits(v, time.Second), true
}

// inUnits returns a number of units as a duration, to the nanosecond.
func inUnits(n float64, unit time.Duration) time.Duration {
	return time.Duration(math.Round(n * float64(unit)))
}
