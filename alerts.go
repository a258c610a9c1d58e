package perfmon

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"text/template"
	"time"

	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon/internal/lifecycle"
)

// AlertState is where an alert stands.
type AlertState string

const (
	AlertOpen         AlertState = "open"
	AlertAcknowledged AlertState = "acknowledged" // active, somebody is at it
	AlertDismissed    AlertState = "dismissed"    // off the active list until the value has recovered
	AlertResolved     AlertState = "resolved"
)

// AlertChange is what happened to an alert.
type AlertChange string

const (
	ChangeOpened       AlertChange = "opened"
	ChangeEscalated    AlertChange = "escalated"    // from warning to critical
	ChangeAcknowledged AlertChange = "acknowledged" // by hand
	ChangeDismissed    AlertChange = "dismissed"    // by hand
	ChangeResolved     AlertChange = "resolved"
	// ChangeReopened is a resolved alert that came back within its cooldown. It is
	// kept with the alert, and nobody is told.
	ChangeReopened AlertChange = "reopened"
	// ChangeAnnounced is a reopened alert still there when the cooldown is over: it
	// is told of as opened.
	ChangeAnnounced AlertChange = "announced"
)

// Alert is a metric in a scope that needs, or needed, somebody's attention.
type Alert struct {
	// ID is unique, sorts by time and is safe in a URL.
	ID        string
	Metric    string
	Scope     Scope
	Severity  Severity
	State     AlertState
	Unit      string  // of Value and Threshold
	Value     float64 // the latest until the alert was resolved
	Threshold float64 // the limit that the severity stands for; 0 for an alert of the host
	Message   string
	OpenedAt  time.Time
	UpdatedAt time.Time // of the last change
	UserID    string
	Metadata  map[string]any
	Reopened  int // how often it came back within its cooldown
	// Changes lists what happened to the alert, oldest first; past 100, the oldest
	// but the first are dropped.
	Changes []AlertTransition
}

// AlertTransition is one thing that happened to an alert.
type AlertTransition struct {
	Change   AlertChange `json:"change"`
	At       time.Time   `json:"at"`
	By       string      `json:"by"` // "monitor" where nobody did it by hand
	Severity Severity    `json:"severity"`
}

// ByMonitor is who did what nobody did by hand.
const ByMonitor = "monitor"

// Active reports whether the alert is open or acknowledged.
func (a Alert) Active() bool { return a.State == AlertOpen || a.State == AlertAcknowledged }

// MarshalJSON returns the fields in snake_case, absent ones as null.
func (a Alert) MarshalJSON() ([]byte, error) {
	optional := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	metadata := a.Metadata
	if metadata == nil {
		metadata = map[string]any{}
	}
	return json.Marshal(struct {
		ID           string            `json:"alert_id"`
		Metric       string            `json:"metric_name"`
		Scope        ScopeKind         `json:"scope"`
		Severity     Severity          `json:"severity"`
		State        AlertState        `json:"state"`
		Unit         string            `json:"unit"`
		Value        float64           `json:"current_value"`
		Threshold    float64           `json:"threshold_value"`
		Message      string            `json:"message"`
		Timestamp    time.Time         `json:"timestamp"`
		UpdatedAt    time.Time         `json:"updated_at"`
		Endpoint     *string           `json:"endpoint"`
		Organization *string           `json:"organization_id"`
		User         *string           `json:"user_id"`
		Metadata     map[string]any    `json:"metadata"`
		Reopened     int               `json:"reopened"`
		Changes      []AlertTransition `json:"changes"`
	}{
		a.ID, a.Metric, a.Scope.Kind(), a.Severity, a.State, a.Unit, a.Value, a.Threshold, a.Message, a.OpenedAt, a.UpdatedAt,
		optional(a.Scope.Endpoint), optional(a.Scope.Organization), optional(a.UserID), metadata, a.Reopened, a.Changes,
	})
}

// AlertEvent is told to those who asked with OnAlert.
type AlertEvent struct {
	// Change is opened, escalated, acknowledged, dismissed or resolved.
	Change AlertChange
	At     time.Time
	By     string
	Alert  Alert // as it was right after the change
}

// String is one line for a log.
func (e AlertEvent) String() string {
	if e.Change == ChangeResolved {
		return fmt.Sprintf("%s resolved after %v: %s of %s is %s", e.Alert.Severity,
			e.At.Sub(e.Alert.OpenedAt).Round(time.Second), e.Alert.Metric, e.Alert.Scope, withUnit(e.Alert.Value, e.Alert.Unit))
	}
	return fmt.Sprintf("%s %s: %s", e.Alert.Severity, e.Change, e.Alert.Message)
}

// AlertQuery picks alerts; the zero value picks all.
type AlertQuery struct {
	Since    time.Time // updated at or after; zero: any
	Severity Severity
	Active   bool // open and acknowledged ones only
	Metric   string
	Endpoint string
	// Organization picks the alerts of this organization and of no other. With
	// WithService, those that are about no organization are picked, too.
	Organization string
	WithService  bool
	Before       string // IDs that sort before this one: the last ID of the page before
	Limit        int    // 0: no limit
}

func (q *AlertQuery) matches(a *Alert) bool {
	return (q.Since.IsZero() || a.Active() || !a.UpdatedAt.Before(q.Since)) &&
		(q.Severity == "" || a.Severity == q.Severity) &&
		(!q.Active || a.Active()) &&
		(q.Metric == "" || a.Metric == q.Metric) &&
		(q.Endpoint == "" || a.Scope.Endpoint == q.Endpoint) &&
		(q.Organization == "" || a.Scope.Organization == q.Organization || q.WithService && a.Scope.Organization == "") &&
		(q.Before == "" || a.ID < q.Before)
}

// Alerts returns the alerts that a query picks, newest first, and whether there are
// more behind the limit. An active alert is picked however long ago it was updated.
func (m *Monitor) Alerts(q AlertQuery) (alerts []Alert, more bool) { return m.alerts.query(q) }

// Alert returns an alert by its ID, or ErrNotFound.
func (m *Monitor) Alert(id string) (Alert, error) { return m.alerts.get(id) }

// Acknowledge says that somebody, named by, is at an alert: it stays active, and
// nobody is reminded of it. Acknowledging twice changes nothing. Errors: ErrNotFound,
// ErrNotActive.
func (m *Monitor) Acknowledge(id, by string) (Alert, error) {
	return m.actOn(id, by, lifecycle.Acknowledge)
}

// Dismiss takes an alert off the active list; it does not come back until the value
// has recovered. Errors: ErrNotFound, ErrNotActive.
func (m *Monitor) Dismiss(id, by string) (Alert, error) {
	return m.actOn(id, by, lifecycle.Dismiss)
}

// Escalate makes a warning critical. Escalating what is critical changes nothing.
// Errors: ErrNotFound, ErrNotActive.
func (m *Monitor) Escalate(id, by string) (Alert, error) {
	return m.actOn(id, by, lifecycle.Escalate)
}

// Resolve ends an alert that the host raised. One that a threshold opened opens again
// if the value stays bad. Errors: ErrNotFound, ErrNotActive.
func (m *Monitor) Resolve(id, by string) (Alert, error) {
	return m.actOn(id, by, lifecycle.Withdraw)
}

func (m *Monitor) actOn(id, by string, kind lifecycle.Kind) (Alert, error) {
	a, events, err := m.alerts.act(id, by, lifecycle.Event{Kind: kind, At: m.wall()})
	m.tell(events)
	if err != nil {
		return a, fmt.Errorf("perfmon: alert %q: %w", id, err)
	}
	return a, nil
}

// HostAlert is an alert that the host raises itself.
type HostAlert struct {
	// Metric names what is wrong: a metric, or any name of that form.
	Metric   string
	Severity Severity // Warning or Critical
	Message  string   // 1 to 1000 bytes
	Value    float64  // finite
	Scope    Scope
	UserID   string
	Metadata map[string]any // at most 50 entries that encoding/json can write, 16 KiB in all
}

// Raise opens an alert of the host's own. Where one is active for the same metric and
// scope already, that one is escalated if the new one is worse, and is returned; where
// one was resolved within the cooldown, it is reopened. Resolve ends it.
func (m *Monitor) Raise(h HostAlert) (Alert, error) {
	if err := h.validate(); err != nil {
		return Alert{}, fmt.Errorf("perfmon: alert: %w", err)
	}
	h.Metadata = cloneMetadata(h.Metadata)
	metric, _ := m.Metric(h.Metric)
	a, events, err := m.alerts.raise(h, metric.Unit, m.wall(), m.Settings())
	m.tell(events)
	if err != nil {
		return Alert{}, fmt.Errorf("perfmon: alert: %w", err)
	}
	return a, nil
}

func (h HostAlert) validate() error {
	if !validName(h.Metric) {
		return &FieldError{"metric", h.Metric, "1 to 64 of a-z, 0-9 and _, a letter first"}
	}
	if h.Severity != Warning && h.Severity != Critical {
		return &FieldError{"severity", h.Severity, `"warning" or "critical"`}
	}
	if len(h.Message) == 0 || len(h.Message) > maxMessage {
		return &FieldError{"message", h.Message, "1 to 1000 bytes"}
	}
	if math.IsNaN(h.Value) || math.IsInf(h.Value, 0) {
		return &FieldError{"value", h.Value, "a finite number"}
	}
	for _, f := range []struct{ name, value string }{
		{"endpoint", h.Scope.Endpoint}, {"organization", h.Scope.Organization}, {"user", h.UserID},
	} {
		if len(f.value) > 256 {
			return &FieldError{f.name, f.value, "at most 256 bytes"}
		}
	}
	if len(h.Metadata) > 50 {
		return &FieldError{"metadata", len(h.Metadata), "at most 50 entries"}
	}
	data, err := json.Marshal(h.Metadata)
	if err != nil {
		return &FieldError{"metadata", err.Error(), "what encoding/json can write"}
	}
	if len(data) > 16<<10 {
		return &FieldError{"metadata", len(data), "at most 16 KiB of JSON"}
	}
	return nil
}

// cloneMetadata takes a copy that the host cannot change, through JSON.
func cloneMetadata(m map[string]any) map[string]any {
	if len(m) == 0 {
		return nil
	}
	data, err := json.Marshal(m)
	if err != nil {
		return nil
	}
	var clone map[string]any
	if err := json.Unmarshal(data, &clone); err != nil {
		return nil
	}
	return clone
}

// MessageData is what the template of WithAlertMessage is given.
type MessageData struct {
	Metric      Metric
	Severity    Severity
	Scope       Scope
	Value       string // with its unit, such as "2.41 s"
	Threshold   string // likewise
	Comparison  Comparison
	Consecutive int    // steps in a row that violated
	Baseline    string // of a regression: what Value was in the baseline; else empty
}

const (
	maxMessage     = 1000
	defaultMessage = `{{.Metric.Name}} of {{.Scope}} is {{.Value}}, {{if .Baseline}}worse than its baseline of {{.Baseline}}{{else}}past the {{.Severity}} limit of {{.Threshold}}{{end}}`
)

// parseMessage parses a template and tries it.
func parseMessage(text string) (*template.Template, error) {
	t, err := template.New("alert").Parse(text)
	if err != nil {
		return nil, err
	}
	for _, baseline := range []string{"", "4.1 s"} {
		message, err := renderMessage(t, MessageData{
			Metric: builtin[0], Severity: Critical, Value: "6.1 s", Threshold: "5 s", Comparison: Greater, Consecutive: 3, Baseline: baseline,
		})
		if err == nil && message == "" {
			err = errors.New("the text is empty")
		}
		if err != nil {
			return nil, err
		}
	}
	return t, nil
}

func renderMessage(t *template.Template, d MessageData) (string, error) {
	var b bytes.Buffer
	if err := t.Execute(&b, d); err != nil {
		return "", err
	}
	return truncate(b.String(), maxMessage), nil
}

// truncate cuts s to at most n bytes, between characters.
func truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}

// withUnit writes a value for people.
func withUnit(v float64, unit string) string {
	number := fmt.Sprintf("%.3g", v)
	if math.Abs(v) >= 1000 && math.Abs(v) < 1e15 {
		number = fmt.Sprintf("%.0f", v)
	}
	switch unit {
	case "", "count":
		return number
	case "%":
		return number + " %"
	}
	return number + " " + unit
}

// maxChanges bounds what an alert remembers of its own past.
const maxChanges = 100

func (a *Alert) changed(change AlertChange, at time.Time, by string) {
	if len(a.Changes) == maxChanges {
		a.Changes = slices.Delete(a.Changes, 1, 2)
	}
	a.UpdatedAt = at
	a.Changes = append(a.Changes, AlertTransition{change, at, by, a.Severity})
}

// clone returns a copy that shares nothing that changes.
func (a *Alert) clone() Alert {
	c := *a
	c.Changes = slices.Clone(a.Changes)
	c.Metadata = cloneMetadata(a.Metadata)
	return c
}
