package client

import (
	"encoding/json"
	"time"

	"github.com/backend-prs/perfmon"
)

// Health is the answer of GET health/.
type Health struct {
	GeneratedAt time.Time `json:"generated_at"`
	perfmon.Health
}

// Alerts is the answer of GET alerts/.
type Alerts struct {
	Alerts     []perfmon.Alert `json:"alerts"`
	NextCursor *string         `json:"next_cursor"`
	// Silenced are the active ones that a silence holds back, by ID.
	Silenced map[string]Silenced `json:"silenced"`
}

// Silenced says what holds back notifications of an alert.
type Silenced struct {
	ID    string    `json:"silence_id"`
	Until time.Time `json:"until"`
}

// Alert is the answer of GET alerts/{id}/.
type Alert struct {
	Alert    perfmon.Alert `json:"alert"`
	Silenced *Silenced     `json:"silenced"`
}

// Acted is the answer of POST alerts/.
type Acted struct {
	Action  string `json:"action"`
	Results []struct {
		ID     string         `json:"alert_id"`
		Result string         `json:"result"`
		Detail string         `json:"detail"`
		Alert  *perfmon.Alert `json:"alert"`
	} `json:"results"`
}

// Threshold is one as GET thresholds/ has it: with the values in force.
type Threshold struct {
	perfmon.Threshold
	Inherited []string // which of them come from the settings or defaults
}

// UnmarshalJSON reads the fields of both.
func (t *Threshold) UnmarshalJSON(data []byte) error {
	var more struct {
		Inherited []string `json:"inherited"`
	}
	if err := json.Unmarshal(data, &more); err != nil {
		return err
	}
	t.Inherited = more.Inherited
	return json.Unmarshal(data, &t.Threshold)
}

// Thresholds is the answer of GET thresholds/.
type Thresholds struct {
	Thresholds []Threshold `json:"thresholds"`
}

// ThresholdSet is the answer of PUT thresholds/.
type ThresholdSet struct {
	Threshold Threshold `json:"threshold"`
}

// ThresholdChange is the body of PUT thresholds/ and POST thresholds/backtest/.
type ThresholdChange struct {
	Metric    string         `json:"metric_name"`
	Scope     string         `json:"scope,omitempty"`
	AppliesTo string         `json:"applies_to,omitempty"`
	Hours     *float64       `json:"hours,omitempty"`   // of a back-test
	Updates   map[string]any `json:"updates,omitempty"` // by the name of the field
}

// BackTest is the answer of POST thresholds/backtest/.
type BackTest struct {
	GeneratedAt time.Time        `json:"generated_at"`
	Hours       float64          `json:"hours"`
	Firings     []perfmon.Firing `json:"firings"`
}

// Metrics is the answer of GET metrics/.
type Metrics struct {
	Metrics []Metric `json:"metrics"`
}

// Metric is one as GET metrics/ has it.
type Metric struct {
	Name string `json:"metric_name"`
	perfmon.Metric
	BuiltIn bool `json:"builtin"`
}

// Endpoints is the answer of GET endpoints/.
type Endpoints struct {
	GeneratedAt time.Time `json:"generated_at"`
	Hours       float64   `json:"hours"`
	perfmon.EndpointTable
}

// Trends is the answer of GET trends/.
type Trends struct {
	GeneratedAt time.Time       `json:"generated_at"`
	Hours       float64         `json:"hours"`
	Trends      []perfmon.Trend `json:"trends"`
	Series      perfmon.Series  `json:"series"`
}

// Series is the answer of GET series/.
type Series struct {
	GeneratedAt time.Time `json:"generated_at"`
	Hours       float64   `json:"hours"`
	Until       time.Time `json:"until"`
	perfmon.Scope
	Series perfmon.Series `json:"series"`
}

// Anomalies is the answer of GET anomalies/.
type Anomalies struct {
	GeneratedAt time.Time `json:"generated_at"`
	Hours       float64   `json:"hours"`
	perfmon.Scope
	Anomalies []perfmon.Anomaly `json:"anomalies"`
}

// Baselines is the answer of GET baseline/.
type Baselines struct {
	Current     *perfmon.Baseline    `json:"current"`
	History     []perfmon.Baseline   `json:"history"`
	Regressions []perfmon.Regression `json:"regressions"`
}

// BaselineSet is the answer of POST baseline/.
type BaselineSet struct {
	Baseline perfmon.Baseline `json:"baseline"`
}

// Events is the answer of GET events/.
type Events struct {
	Events     []perfmon.Marker `json:"events"`
	NextCursor *string          `json:"next_cursor"`
}

// EventAdded is the answer of POST events/.
type EventAdded struct {
	Event perfmon.Marker `json:"event"`
}

// NewEvent is the body of POST events/.
type NewEvent struct {
	Kind    string `json:"kind"`
	Version string `json:"version,omitempty"`
	Title   string `json:"title,omitempty"`
}

// Silence is a silence, and whether it holds now.
type Silence struct {
	perfmon.Silence
	Active bool `json:"active"`
}

// Silences is the answer of GET silences/.
type Silences struct {
	Silences []Silence `json:"silences"`
}

// SilenceChanged is the answer of POST silences/ and DELETE silences/{id}/.
type SilenceChanged struct {
	Silence Silence `json:"silence"`
}

// NewSilence is the body of POST silences/.
type NewSilence struct {
	Metric       string   `json:"metric_name,omitempty"`
	Scope        string   `json:"scope,omitempty"`
	Endpoint     string   `json:"endpoint,omitempty"`
	Organization string   `json:"organization_id,omitempty"`
	From         string   `json:"from,omitempty"`
	Until        string   `json:"until,omitempty"`
	Minutes      *float64 `json:"minutes,omitempty"`
	Reason       string   `json:"reason"`
}

// Notifiers is the answer of GET notifiers/.
type Notifiers struct {
	Notifiers []perfmon.NotifierStatus `json:"notifiers"`
}

// NotifierTest is the answer of POST notifiers/test/.
type NotifierTest struct {
	Notifier  string `json:"notifier"`
	Delivered bool   `json:"delivered"`
	Error     string `json:"error"`
}

// Resent is the answer of POST notifiers/resend/.
type Resent struct {
	Notifier string `json:"notifier"`
	ID       string `json:"id"`
}

// WhoIsTold is the answer of GET notifiers/who/.
type WhoIsTold struct {
	At        time.Time        `json:"at"`
	Metric    string           `json:"metric_name"`
	Severity  perfmon.Severity `json:"severity"`
	Notifiers []perfmon.Told   `json:"notifiers"`
}

// Config is the answer of GET and PUT config/.
type Config struct {
	Settings perfmon.Settings          `json:"settings"`
	Origins  map[string]perfmon.Origin `json:"origins"`
}

// Session is the answer of GET session.
type Session struct {
	Name         string    `json:"name"`
	SuperAdmin   bool      `json:"super_admin"`
	Organization string    `json:"organization_id"`
	CanChange    bool      `json:"can_change"`
	SignsIn      bool      `json:"signs_in"`
	ExpiresAt    time.Time `json:"expires_at"`
}

// Description is what the command reads of GET openapi.json.
type Description struct {
	Paths map[string]map[string]json.RawMessage `json:"paths"` // by path and method
}
