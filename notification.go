package perfmon

import (
	"context"
	"fmt"
	"time"
)

// Notifier tells people through one channel, such as a chat or a pager. Package notify has
// the usual ones. A monitor calls it from one goroutine at a time, never on the path of a
// request or of a sample; a slow one delays no other. It gives up on a call that takes longer
// than its deadline, and contains a panic.
type Notifier interface {
	// Notify delivers n. An error means that it may not have arrived: it is called again
	// with the same notification, later each time, unless the error is an
	// UndeliverableError. A RetryError says when.
	Notify(ctx context.Context, n Notification) error
}

// BatchNotifier is a Notifier whose receiver keeps each alert on its own, as a pager does:
// its notifications leave no alert out. What is too much for one comes in several.
type BatchNotifier interface {
	Notifier
	// AlertsAtOnce is how many alerts one notification has at most: 1 to 200. WithNotifier
	// asks once.
	AlertsAtOnce() int
}

// RefreshNotifier is a Notifier whose receiver ends alerts of which it hears nothing for a
// while, as Alertmanager does. It gets notifications of kind NotifyRefresh, also of
// acknowledged alerts, outside of the hours of its routes and during silences, as an alert
// that ends there would be taken for one that is over. It gets no reminders besides.
type RefreshNotifier interface {
	Notifier
	// RefreshEvery is how long it goes at most without hearing of an alert that it was told
	// of and that is active: 10 s to 168 h. WithNotifier asks once.
	RefreshEvery() time.Duration
}

// NotificationKind is what a notification is about.
type NotificationKind string

const (
	NotifyAlerts   NotificationKind = "alerts"   // something happened to alerts
	NotifyReminder NotificationKind = "reminder" // alerts are still open, and nobody has acknowledged them
	NotifyRefresh  NotificationKind = "refresh"  // alerts are still active, for a RefreshNotifier alone
	NotifyReport   NotificationKind = "report"   // how the last week was
	NotifyTest     NotificationKind = "test"     // somebody asks whether the channel works
)

// Notification is one message to people. It and what it points to never change. Its texts hold
// no control characters; they are not escaped for any markup.
type Notification struct {
	// ID names the notification. It is the same each time it is tried, so that a receiver
	// can drop what it has seen.
	ID      string           `json:"id"`
	Kind    NotificationKind `json:"kind"`
	Time    time.Time        `json:"time"` // when it was made
	Service Service          `json:"service"`
	// Title is one line that says what, how bad and where.
	Title string `json:"title"`
	// Text says the same in plain lines, for channels without markup.
	Text string `json:"text"`
	// Alerts are the alerts it is about, each as of its latest change, the worst first. A
	// long list is cut, but for a BatchNotifier: More says how many are left out.
	Alerts []AlertNotice `json:"alerts,omitempty"`
	More   int           `json:"more,omitempty"`
	// Report is what a report is about; nil for other kinds.
	Report *WeeklyReport `json:"report,omitempty"`
	// Link leads to the page at that moment; empty where nobody said at which URL it is.
	Link string `json:"link,omitempty"`
	// Charts show the metrics of the first alerts; empty where there is nothing to draw, or
	// nothing to draw it with.
	Charts []Image `json:"charts,omitempty"`
}

// Severity is the worst severity of the alerts that are not over, or empty.
func (n Notification) Severity() (worst Severity) {
	for _, a := range n.Alerts {
		if a.Alert.State != AlertResolved && (worst == "" || a.Alert.Severity == Critical) {
			worst = a.Alert.Severity
		}
	}
	return worst
}

// Resolved reports whether all of its alerts are over.
func (n Notification) Resolved() bool {
	for _, a := range n.Alerts {
		if a.Alert.State != AlertResolved {
			return false
		}
	}
	return len(n.Alerts) > 0
}

// AlertNotice is one alert in a notification.
type AlertNotice struct {
	AlertEvent                // the latest change, and the alert as of it
	DedupKey   string         `json:"dedup_key"` // the same for all that happens to the alert, and for no other alert
	Worst      []RequestStats `json:"worst_endpoints,omitempty"`
	Runbook    string         `json:"runbook,omitempty"` // the link that its threshold has
	Link       string         `json:"link,omitempty"`    // to the alert on the page
}

// Image is a picture for people.
type Image struct {
	Name        string `json:"name"`         // a file name, such as "response_time_p95.png"
	Alt         string `json:"alt"`          // what it shows, for those who cannot see it
	ContentType string `json:"content_type"` // "image/png"
	Data        []byte `json:"data"`
}

// RetryError is returned by a Notifier whose receiver says when to try again.
type RetryError struct {
	After time.Duration // from now
	Err   error
}

func (e *RetryError) Error() string { return fmt.Sprintf("%v; again in %v", e.Err, e.After) }

// Unwrap returns what went wrong.
func (e *RetryError) Unwrap() error { return e.Err }

// UndeliverableError is returned by a Notifier when trying again would not help, as where
// the receiver says that the request is wrong.
type UndeliverableError struct{ Err error }

func (e *UndeliverableError) Error() string { return fmt.Sprintf("undeliverable: %v", e.Err) }

// Unwrap returns what went wrong.
func (e *UndeliverableError) Unwrap() error { return e.Err }

// WeeklyReport is how a service did over a week, beside the week before.
type WeeklyReport struct {
	From           time.Time      `json:"from"`
	Until          time.Time      `json:"until"`
	Requests       RequestStats   `json:"requests"` // of the whole service
	Worse          []WeeklyChange `json:"worse"`    // the most first
	Better         []WeeklyChange `json:"better"`
	Alerts         []ReportAlert  `json:"alerts"`
	WorstEndpoints []RequestStats `json:"worst_endpoints"` // at most five
	Deploys        []Marker       `json:"deploys"`
}

// WeeklyChange is a metric whose mean differs from that of the week before.
type WeeklyChange struct {
	Metric  string `json:"metric_name"`
	Unit    string `json:"unit"`
	Before  Value  `json:"before"`
	After   Value  `json:"after"`
	Percent Value  `json:"percent"` // of Before; absent where that is 0
}
