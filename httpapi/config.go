package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/backend-prs/perfmon"
)

// configAnswer is the answer of GET and PUT config/.
type configAnswer struct {
	Settings perfmon.Settings          `json:"settings"`
	Origins  map[string]perfmon.Origin `json:"origins"` // by the name of the setting
}

// settingsWire names the settings.
func (a *API) settingsWire() wire {
	const share = "a share such as 0.15: more than 0, at most 10"
	least, most := a.m.Interval().Hours(), perfmon.MaxPoints*a.m.Interval().Hours()
	return wire{
		"Enabled":               {name: "enabled", want: "true or false"},
		"AlertCooldown":         {name: "alert_cooldown_minutes", want: "minutes, 0 to 43200", unit: time.Minute, own: true},
		"ConsecutiveViolations": {name: "consecutive_violations", want: "a whole number, 1 to 1000", own: true},
		"RegressionSensitivity": {name: "regression_sensitivity", want: share, own: true},
		"Sensitivities":         {name: "sensitivities", want: "the names of metrics, each with " + share + ", or null to take it away", own: true},
		"Retention":             {name: "retention_hours", want: fmt.Sprintf("hours, %.6g to %g", least, most), unit: time.Hour, own: true},
		"CollectTimeout":        {name: "collect_timeout_seconds", want: fmt.Sprintf("seconds, more than 0, less than the step of %g", a.m.Step().Seconds()), unit: time.Second, own: true},
		"MaxEndpoints":          {name: "max_endpoints", want: "a whole number, 1 to 10000", own: true},
		"MaxOrganizations":      {name: "max_organizations", want: "a whole number, 1 to 10000", own: true},
		"TrendAnalysis":         {name: "trend_analysis", want: "true or false"},
		"AnomalyAlerts":         {name: "anomaly_alerts", want: "true or false"},
		"BaselineRenewal":       {name: "baseline_renewal_hours", want: "hours: 0 for never, or 1/6 to 168", unit: time.Hour, own: true},
	}
}

func (a *API) getConfig(r *request) (answer, error) {
	if err := readParams(r).finish(); err != nil {
		return nil, err
	}
	return a.config(r.by)
}

// config is for a principal: only super admins change settings, and only they learn who
// did.
func (a *API) config(by Principal) (answer, error) {
	names := a.settingsWire()
	out := configAnswer{a.m.Config().Settings(), map[string]perfmon.Origin{}}
	for goName, origin := range a.m.Config().Origins() {
		if !by.SuperAdmin {
			origin.By = ""
		}
		out.Origins[names[goName].name] = origin
	}
	return reply(http.StatusOK, out)
}

// putConfig changes settings, all that are named or none.
func (a *API) putConfig(r *request) (answer, error) {
	if err := superAdmin(r.by, "settings"); err != nil {
		return nil, err
	}
	if err := readParams(r).finish(); err != nil {
		return nil, err
	}
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	updates := body.object("updates")
	if err := body.finish(); err != nil {
		return nil, err
	}
	if updates == nil || len(updates.values) == 0 {
		return nil, bad("updates", "nothing", "an object with at least one setting to change")
	}
	names := a.settingsWire()
	u, err := readSettings(updates, names)
	if err != nil {
		return nil, err
	}
	if _, err := a.m.Config().Update(u, r.by.Name); err != nil {
		return nil, names.translate(err)
	}
	return a.config(r.by)
}

func readSettings(o *object, names wire) (u perfmon.SettingsUpdate, err error) {
	u.Enabled = read(o, names["Enabled"], parseBool)
	u.AlertCooldown = read(o, names["AlertCooldown"], durationIn(time.Minute))
	u.ConsecutiveViolations = read(o, names["ConsecutiveViolations"], parseInt)
	u.RegressionSensitivity = read(o, names["RegressionSensitivity"], parseNumber)
	if s := read(o, names["Sensitivities"], parseSensitivities); s != nil {
		u.Sensitivities = *s
	}
	u.Retention = read(o, names["Retention"], durationIn(time.Hour))
	u.CollectTimeout = read(o, names["CollectTimeout"], durationIn(time.Second))
	u.MaxEndpoints = read(o, names["MaxEndpoints"], parseInt)
	u.MaxOrganizations = read(o, names["MaxOrganizations"], parseInt)
	u.TrendAnalysis = read(o, names["TrendAnalysis"], parseBool)
	u.AnomalyAlerts = read(o, names["AnomalyAlerts"], parseBool)
	u.BaselineRenewal = read(o, names["BaselineRenewal"], durationIn(time.Hour))
	return u, o.finish()
}

// durationIn reads a number of units that is not negative.
func durationIn(unit time.Duration) func(json.RawMessage) (time.Duration, bool) {
	const most = 1 << 62
	return func(raw json.RawMessage) (time.Duration, bool) {
		v, ok := parseNumber(raw)
		if !ok || v < 0 || v*float64(unit) >= most {
			return 0, false
		}
		return inUnits(v, unit), true
	}
}

// parseSensitivities takes null for a sensitivity that is to be taken away.
func parseSensitivities(raw json.RawMessage) (map[string]float64, bool) {
	o, err := readObject("sensitivities", raw)
	if err != nil {
		return nil, false
	}
	list := make(map[string]float64, len(o.values))
	for metric, raw := range o.values {
		if isNull(raw) {
			list[metric] = 0
			continue
		}
		v, ok := parseNumber(raw)
		if !ok || v <= 0 {
			return nil, false
		}
		list[metric] = v
	}
	return list, true
}
