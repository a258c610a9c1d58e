package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/backend-prs/perfmon"
)

func (a *api) listThresholds(r *http.Request, _ Principal) (int, any, error) {
	if err := readParams(r).finish(); err != nil {
		return 0, nil, err
	}
	thresholds := a.m.Thresholds()
	if thresholds == nil {
		thresholds = []perfmon.Threshold{}
	}
	return http.StatusOK, map[string]any{"thresholds": thresholds}, nil
}

// putThreshold changes a threshold, or makes one for a metric that has none.
func (a *api) putThreshold(r *http.Request, p Principal) (int, any, error) {
	if err := superAdmin(p, "thresholds"); err != nil {
		return 0, nil, err
	}
	if err := readParams(r).finish(); err != nil {
		return 0, nil, err
	}
	var body struct {
		Metric  string                     `json:"metric_name"`
		Scope   perfmon.ScopeKind          `json:"scope"`
		Updates map[string]json.RawMessage `json:"updates"`
	}
	if err := readJSON(r, &body); err != nil {
		return 0, nil, err
	}
	if _, ok := a.m.Metric(body.Metric); !ok {
		return 0, nil, bad("metric_name", body.Metric, "the name of a metric; GET diagnostics/ lists them")
	}
	if len(body.Updates) == 0 {
		return 0, nil, bad("updates", "{}", "at least one field to change")
	}
	update, err := readUpdate(body.Updates)
	if err != nil {
		return 0, nil, err
	}
	switch body.Scope {
	case "":
		body.Scope = perfmon.ScopeService
	case perfmon.ScopeService, perfmon.ScopeEndpoint, perfmon.ScopeOrganization:
	default:
		return 0, nil, bad("scope", body.Scope, `"service", "endpoint" or "organization"`)
	}
	t, err := a.m.UpdateThreshold(body.Metric, body.Scope, update)
	status := http.StatusOK
	if errors.Is(err, perfmon.ErrNotFound) {
		status = http.StatusCreated
		t, err = a.createThreshold(body.Metric, body.Scope, update)
	}
	if err != nil {
		return 0, nil, fromField(err)
	}
	return status, map[string]any{"threshold": t}, nil
}

// createThreshold makes a threshold of an update that has to name both limits.
func (a *api) createThreshold(metric string, scope perfmon.ScopeKind, u perfmon.ThresholdUpdate) (perfmon.Threshold, error) {
	const want = "a number: there is no threshold yet for this metric and scope, and a new one needs both limits"
	if u.Warning == nil {
		return perfmon.Threshold{}, bad("warning_threshold", nil, want)
	}
	if u.Critical == nil {
		return perfmon.Threshold{}, bad("critical_threshold", nil, want)
	}
	t := perfmon.Threshold{Metric: metric, Scope: scope}
	t, err := u.Apply(t)
	if err != nil {
		return t, err
	}
	if err := a.m.SetThreshold(t); err != nil {
		return t, err
	}
	return a.m.UpdateThreshold(metric, scope, perfmon.ThresholdUpdate{})
}

// readUpdate reads the fields to change.
func readUpdate(fields map[string]json.RawMessage) (u perfmon.ThresholdUpdate, err error) {
	var minutes *float64
	targets := map[string]struct {
		to   any
		want string
	}{
		"warning_threshold":      {&u.Warning, "a number"},
		"critical_threshold":     {&u.Critical, "a number"},
		"comparison":             {&u.Comparison, `"greater", "less" or "equal"`},
		"consecutive_violations": {&u.ConsecutiveViolations, "a whole number, 1 to 1000"},
		"cooldown_minutes":       {&minutes, "a number of minutes, 0 to 43200"},
		"enabled":                {&u.Enabled, "true or false"},
	}
	for _, name := range sortedKeys(fields) {
		target, ok := targets[name]
		if !ok {
			return u, bad(name, string(fields[name]), "no such field; there are: comparison, consecutive_violations, cooldown_minutes, critical_threshold, enabled, warning_threshold")
		}
		if string(fields[name]) == "null" || json.Unmarshal(fields[name], target.to) != nil {
			return u, bad(name, string(fields[name]), target.want)
		}
	}
	if minutes != nil {
		if !(*minutes >= 0 && *minutes <= 43200) {
			return u, bad("cooldown_minutes", *minutes, targets["cooldown_minutes"].want)
		}
		d := time.Duration(*minutes * float64(time.Minute))
		u.Cooldown = &d
	}
	return u, nil
}
