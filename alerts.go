package perfmon

import (
	"encoding/json"
	"fmt"
	"time"

	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon/internal/lifecycle"
)

// AlertState is where an alert stands.
type AlertState string

const (
	AlertOpen         AlertState = "open"
	AlertAcknowledged AlertState = "acknowledged" // active, and somebody is at it
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
	// ChangeUpdated is an alert that stays, while what is wrong becomes another thing: a
	// metric that was past its limit has no value any more, or one that was absent is
	// back and past its limit.
	ChangeUpdated AlertChange = "updated"
	// ChangeReopened is a resolved alert that came back within its cooldown. It is
	// listed with the alert, and nobody is notified.
	ChangeReopened AlertChange = "reopened"
	// ChangeAnnounced is an alert of which nobody was notified when it came, and which is still
	// there when the reason to keep quiet is gone: the cooldown is over, or the alert of
	// the service that covered it. People are notified of it as opened.
	ChangeAnnounced AlertChange = "announced"
)

// ByMonitor is the author of what nobody did by hand.
const ByMonitor = "monitor"

// Alert is a metric in a scope that needs, or needed, somebody's attention. Severity,
// Value, Threshold and Message belong together. They say what is wrong, or was: the value
// at which an alert resolved is in its last transition.
type Alert struct {
	// ID is unique, sorts by time and is safe in a URL.
	ID     string `json:"alert_id"`
	Metric string `json:"metric_name"`
	Scope
	Severity  Severity   `json:"severity"`
	State     AlertState `json:"state"`
	Cause     Cause      `json:"cause"`
	Unit      string     `json:"unit"` // of Value and Threshold
	Value     Value      `json:"current_value"`
	Threshold Value      `json:"threshold_value"` // the limit that was passed; absent where there is none
	Message   string     `json:"message"`
	OpenedAt  time.Time  `json:"timestamp"`
	UpdatedAt time.Time  `json:"updated_at"` // of the latest change
	UserID    string     `json:"user_id,omitempty"`
	Metadata  Metadata   `json:"metadata"`
	Reopened  int        `json:"reopened"` // how often it came back within its cooldown
	// Quiet says that nobody was notified that it is there: it came back within its
	// cooldown, or an alert of the service for the same metric covers it.
	Quiet bool `json:"quiet"`
	// Record is the number of the latest change. It is never 0.
	Record uint64 `json:"record,omitzero"`
	// Changes lists what happened to the alert, oldest first; past 100, the oldest
	// but the first are dropped.
	Changes []AlertTransition `json:"changes"`
}

// AlertTransition is one thing that happened to an alert.
type AlertTransition struct {
	Change    AlertChange `json:"change"`
	At        time.Time   `json:"at"`
	By        string      `json:"by"` // ByMonitor where nobody did it by hand
	Severity  Severity    `json:"severity"`
	Value     Value       `json:"value"`
	Threshold Value       `json:"threshold"`
	Note      string      `json:"note,omitempty"` // why, where that is not plain
}

// Active reports whether the alert is open or acknowledged.
func (a Alert) Active() bool { return a.State == AlertOpen || a.State == AlertAcknowledged }

// since returns when the alert opened, or was reopened, for the last time.
func (a *Alert) since() time.Time {
	for i := len(a.Changes) - 1; i >= 0; i-- {
		if c := a.Changes[i].Change; c == ChangeOpened || c == ChangeReopened {
			return a.Changes[i].At
		}
	}
	return a.OpenedAt
}

// Key returns what the alert is open for.
func (a Alert) Key() Key { return Key{a.Metric, a.Scope} }

// String is one line for a log.
func (a Alert) String() string { return fmt.Sprintf("%s %s: %s", a.Severity, a.State, a.Message) }

// clone returns a copy that shares nothing that a caller can change.
func (a *Alert) clone() Alert {
	c := *a
	c.Changes = slices.Clone(a.Changes)
	return c
}

// maxChanges bounds what an alert remembers of its own past.
const maxChanges = 100

// changed returns the alert with a change noted in it.
func (a Alert) changed(change AlertChange, at time.Time, by, note string) Alert {
	changes := a.Changes
	if len(changes) == maxChanges {
		changes = append(slices.Clone(changes[:1]), changes[2:]...)
	}
	a.UpdatedAt = at
	a.Changes = append(slices.Clip(changes), AlertTransition{change, at, by, a.Severity, a.Value, a.Threshold, note})
	return a
}

// Metadata is what an alert carries besides: a JSON object that never changes. The zero
// Metadata is empty.
type Metadata struct{ object string }

// maxMetadata bounds the metadata of one alert, in bytes of JSON.
const maxMetadata = 16 << 10

// newMetadata takes a copy of m. Its values may be of the host's types.
func newMetadata(m map[string]any) (md Metadata, err error) {
	if len(m) == 0 {
		return Metadata{}, nil
	}
	if len(m) > 50 {
		return md, &FieldError{"Metadata", len(m), "at most 50 entries"}
	}
	defer func() {
		if p := recover(); p != nil {
			err = &FieldError{"Metadata", describe(p), "values that encoding/json can write without a panic"}
		}
	}()
	data, err := json.Marshal(m)
	if err != nil {
		return md, &FieldError{"Metadata", describe(err), "values that encoding/json can write"}
	}
	if len(data) > maxMetadata {
		return md, &FieldError{"Metadata", len(data), "at most 16384 bytes of JSON"}
	}
	return Metadata{string(data)}, nil
}

// Map returns the metadata as a map of the caller's own.
func (md Metadata) Map() map[string]any {
	m := map[string]any{}
	if md.object != "" {
		_ = json.Unmarshal([]byte(md.object), &m) // checked when it was made
	}
	return m
}

// Equal reports whether both hold the same.
func (md Metadata) Equal(o Metadata) bool { return md == o }

// MarshalJSON returns the object.
func (md Metadata) MarshalJSON() ([]byte, error) {
	if md.object == "" {
		return []byte("{}"), nil
	}
	return []byte(md.object), nil
}

// UnmarshalJSON takes any JSON object.
func (md *Metadata) UnmarshalJSON(data []byte) error {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(data, &m); err != nil {
		return err
	}
	if md.object = ""; len(m) > 0 {
		compact, err := json.Marshal(m)
		if err != nil {
			return err
		}
		md.object = string(compact)
	}
	return nil
}

// AlertQuery picks alerts; the zero value picks all.
type AlertQuery struct {
	Since    time.Time // updated at or after; zero: any
	Until    time.Time // opened at or before; zero: any
	Severity Severity
	Active   bool // open and acknowledged ones only
	Metric   string
	Endpoint string
	// Organization picks the alerts of this organization and of no other. With
	// WithService, those that are about no organization are picked as well.
	Organization string
	WithService  bool
	Before       string // IDs that sort before this one: the last ID of the page before
	Limit        int    // 0: no limit
}

func (q *AlertQuery) matches(a *Alert) bool {
	return (q.Since.IsZero() || a.Active() || !a.UpdatedAt.Before(q.Since)) &&
		(q.Until.IsZero() || !a.OpenedAt.After(q.Until)) &&
		(q.Severity == "" || a.Severity == q.Severity) &&
		(!q.Active || a.Active()) &&
		(q.Metric == "" || a.Metric == q.Metric) &&
		(q.Endpoint == "" || a.Endpoint == q.Endpoint) &&
		(q.Organization == "" || a.Organization == q.Organization || q.WithService && a.Organization == "") &&
		(q.Before == "" || a.ID < q.Before)
}

// Alerts reads and changes the alerts of a monitor. Changes by hand name who makes
// them. Errors of all of them: ErrNotFound, ErrNotActive, ErrClosed, ErrStore.
type Alerts struct{ m *Monitor }

// Alerts returns the alerts of the monitor.
func (m *Monitor) Alerts() Alerts { return Alerts{m} }

// List returns the alerts that a query picks, newest first, and whether there are
// more behind the limit. An active alert is picked however long ago it was updated.
func (as Alerts) List(q AlertQuery) (alerts []Alert, more bool) {
	found, more := as.m.alerts.find(q)
	alerts = make([]Alert, len(found))
	for i, a := range found {
		alerts[i] = a.clone()
	}
	return alerts, more
}

// Get returns an alert by its ID, or ErrNotFound.
func (as Alerts) Get(id string) (Alert, error) {
	if a := as.m.alerts.get(id); a != nil {
		return a.clone(), nil
	}
	return Alert{}, fmt.Errorf("perfmon: alert %q: %w", truncate(id, 40), ErrNotFound)
}

// Acknowledge says that somebody, named by, is at an alert. It stays active.
// Acknowledging twice changes nothing.
func (as Alerts) Acknowledge(id, by string) (Alert, error) {
	return as.act(id, by, lifecycle.Acknowledge)
}

// Dismiss takes an alert off the active list; it does not come back until the value
// has recovered.
func (as Alerts) Dismiss(id, by string) (Alert, error) { return as.act(id, by, lifecycle.Dismiss) }

// Escalate makes a warning critical. Escalating a critical alert changes nothing.
func (as Alerts) Escalate(id, by string) (Alert, error) { return as.act(id, by, lifecycle.Escalate) }

// Resolve ends an alert that the host raised. One that a threshold opened opens again
// if the value stays bad.
func (as Alerts) Resolve(id, by string) (Alert, error) { return as.act(id, by, lifecycle.Withdraw) }

func (as Alerts) act(id, by string, kind lifecycle.Kind) (after Alert, err error) {
	err = as.m.change(by, func(now moment) ([]Record, error) {
		records, a, err := as.m.alerts.act(now, id, author(by), kind)
		if a != nil {
			after = a.clone()
		}
		if err != nil {
			return nil, fmt.Errorf("alert %q: %w", truncate(id, 40), err)
		}
		return records, nil
	})
	if err == nil {
		// As committed: with the number of its record.
		if a := as.m.alerts.get(id); a != nil {
			after = a.clone()
		}
	}
	return after, err
}

// HostAlert is an alert that the host raises itself.
type HostAlert struct {
	// Metric names what is wrong: a metric, or any name of that form.
	Metric   string
	Severity Severity // Warning or Critical
	Message  string   // 1 to 1000 bytes
	Value    Value
	Scope    Scope
	UserID   string
	Metadata map[string]any // at most 50 entries that encoding/json can write, 16 KiB in all
}

// Raise opens an alert of the host's own. Where one is active for the same metric and
// scope already, that one is escalated if the new one is worse, and is returned; where
// one was resolved within the cooldown, it is reopened. Resolve ends it. Errors:
// *FieldError, also for an organization with a ReservedName, ErrClosed, ErrStore.
func (as Alerts) Raise(h HostAlert) (Alert, error) {
	if err := h.validate(); err != nil {
		return Alert{}, fmt.Errorf("perfmon: alert: %w", err)
	}
	metadata, err := newMetadata(h.Metadata) // runs code of the host
	if err != nil {
		return Alert{}, fmt.Errorf("perfmon: alert: %w", err)
	}
	h.Message = cleanText(h.Message)
	h.Scope = Scope{cleanText(h.Scope.Endpoint), cleanText(h.Scope.Organization)}
	metric, _ := as.m.registry.catalog().find(h.Metric)
	var id string
	err = as.m.change(ByMonitor, func(now moment) (records []Record, err error) {
		records, id, err = as.m.alerts.raise(now, h, metadata, metric.Unit, as.m.settings.get())
		if err != nil {
			return nil, fmt.Errorf("alert: %w", err)
		}
		return records, nil
	})
	if err != nil {
		return Alert{}, err
	}
	return as.Get(id)
}

func (h HostAlert) validate() error {
	if !validName(h.Metric) {
		return &FieldError{"Metric", h.Metric, "1 to 64 of a-z, 0-9 and _, a letter first"}
	}
	if h.Severity != Warning && h.Severity != Critical {
		return &FieldError{"Severity", h.Severity, `"warning" or "critical"`}
	}
	if len(h.Message) == 0 || len(h.Message) > maxMessage {
		return &FieldError{"Message", h.Message, "1 to 1000 bytes"}
	}
	for _, f := range []struct{ name, value string }{
		{"Scope.Endpoint", h.Scope.Endpoint}, {"Scope.Organization", h.Scope.Organization}, {"UserID", h.UserID},
	} {
		if len(f.value) > 256 {
			return &FieldError{f.name, f.value, "at most 256 bytes"}
		}
	}
	if ReservedName(h.Scope.Organization) {
		return &FieldError{"Scope.Organization", h.Scope.Organization, "a name that does not begin with a parenthesis: those are the monitor's own"}
	}
	return nil
}

// author names who changes something.
func author(by string) string {
	if by == "" {
		return "unknown"
	}
	return truncate(cleanText(by), 200)
}
