package perfmon

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// notifySetup is what options say about notifications.
type notifySetup struct {
	notifiers      []notifierSetup
	grouping       time.Duration
	remindCritical time.Duration
	remindWarning  time.Duration
	deadline       time.Duration
	charts         ChartMaker
	page           string
	weekly         *weeklySetup
}

type notifierSetup struct {
	name   string
	n      Notifier
	routes []Route

	batch   int           // how many alerts a notification has at most; 0: a long list is cut
	refresh time.Duration // 0: never
}

const (
	// MaxNotifiers bounds how many notifiers a monitor has.
	MaxNotifiers = 32

	defaultGrouping       = 30 * time.Second
	defaultNotifyDeadline = 30 * time.Second
	maxNotifierName       = 64
	maxBatch              = 200
	minRefresh            = 10 * time.Second
)

// WithNotifier has n told of the alerts that one of the routes matches; without routes, of
// all. The name is what people call it, such as "on-call": 1 to 64 of a-z, A-Z, 0-9, '-', '_'
// and '.'. It is also what a store knows it by. Each has its own queue and its own goroutine
// from Start on.
func WithNotifier(name string, n Notifier, routes ...Route) Option {
	return func(c *config) error {
		if !validNotifierName(name) {
			return &FieldError{"WithNotifier", name, "a name of 1 to 64 of a-z, A-Z, 0-9, '-', '_' and '.'"}
		}
		if n == nil {
			return &FieldError{"WithNotifier " + name, nil, "a notifier"}
		}
		if len(c.notify.notifiers) == MaxNotifiers {
			return &FieldError{"WithNotifier " + name, MaxNotifiers + 1, fmt.Sprintf("at most %d notifiers", MaxNotifiers)}
		}
		for _, other := range c.notify.notifiers {
			if other.name == name {
				return &FieldError{"WithNotifier", name, "a name that no other notifier has"}
			}
		}
		if len(routes) > maxRouteList {
			return &FieldError{"WithNotifier " + name, len(routes), fmt.Sprintf("at most %d routes", maxRouteList)}
		}
		own := notifierSetup{name: name, n: n}
		if err := own.ask(); err != nil {
			return err
		}
		for i, r := range routes {
			if err := r.validate(); err != nil {
				return fmt.Errorf("WithNotifier %s: route %d: %w", name, i+1, err)
			}
			own.routes = append(own.routes, r.own())
		}
		c.notify.notifiers = append(c.notify.notifiers, own)
		return nil
	}
}

// ask asks the notifier what it needs.
func (s *notifierSetup) ask() error {
	if b, ok := s.n.(BatchNotifier); ok {
		if s.batch = b.AlertsAtOnce(); s.batch < 1 || s.batch > maxBatch {
			return &FieldError{"WithNotifier " + s.name + ": AlertsAtOnce", s.batch, fmt.Sprintf("1 to %d", maxBatch)}
		}
	}
	if r, ok := s.n.(RefreshNotifier); ok {
		if s.refresh = r.RefreshEvery(); s.refresh < minRefresh || s.refresh > week {
			return &FieldError{"WithNotifier " + s.name + ": RefreshEvery", s.refresh, "10s to 168h"}
		}
	}
	return nil
}

func validNotifierName(name string) bool {
	for i := range len(name) {
		c := name[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return name != "" && len(name) <= maxNotifierName && name != "." && name != ".."
}

// WithNotificationGrouping sets how long a notifier waits after an alert for further ones,
// so that they are one message: 0 (not at all) to 10 min. Default: 30 s.
func WithNotificationGrouping(d time.Duration) Option {
	return func(c *config) error {
		if d < 0 || d > 10*time.Minute {
			return &FieldError{"WithNotificationGrouping", d, "0 to 10m"}
		}
		c.notify.grouping = d
		return nil
	}
}

// WithReminders sets how often people are reminded of a critical alert and of a warning
// that are open and not acknowledged: 1 min to 7 days each, 0 for never. Default: 1 h and
// 4 h.
func WithReminders(critical, warning time.Duration) Option {
	return func(c *config) error {
		for _, f := range []struct {
			what string
			d    time.Duration
		}{{"critical", critical}, {"warning", warning}} {
			if f.d != 0 && (f.d < time.Minute || f.d > 7*24*time.Hour) {
				return &FieldError{"WithReminders: " + f.what, f.d, "1m to 168h, or 0 for never"}
			}
		}
		c.notify.remindCritical, c.notify.remindWarning = critical, warning
		return nil
	}
}

// WithNotificationDeadline sets how long a notifier may take for one message, in real time:
// 10 ms to 5 min. Default: 30 s.
func WithNotificationDeadline(d time.Duration) Option {
	return func(c *config) error {
		if d < 10*time.Millisecond || d > 5*time.Minute {
			return &FieldError{"WithNotificationDeadline", d, "10ms to 5m"}
		}
		c.notify.deadline = d
		return nil
	}
}

// WithPageURL says at which URL people reach the dashboard page, such as
// "https://shop.example.com/api/monitoring/performance/", so that notifications link to it.
// Default: they have no links.
func WithPageURL(page string) Option {
	return func(c *config) error {
		if !validLink(page) || strings.ContainsAny(page, "?#") {
			return &FieldError{"WithPageURL", page, "an absolute http or https URL without query, fragment and user"}
		}
		c.notify.page = page
		return nil
	}
}

// validLink reports whether a text is a link that people can be given.
func validLink(link string) bool {
	if len(link) > maxLink || link != cleanText(link) || strings.ContainsRune(link, ' ') {
		return false
	}
	u, err := url.Parse(link)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil
}

// maxLink bounds a link, in bytes.
const maxLink = 2048

// finish checks what only all options together show.
func (n *notifySetup) finish() error {
	var errs []error
	if n.weekly != nil {
		for _, name := range n.weekly.to {
			if _, ok := n.find(name); !ok {
				errs = append(errs, &FieldError{"WithWeeklyReport", name, "the name of a notifier"})
			}
		}
	}
	return errors.Join(errs...)
}

func (n *notifySetup) find(name string) (notifierSetup, bool) {
	for _, s := range n.notifiers {
		if s.name == name {
			return s, true
		}
	}
	return notifierSetup{}, false
}
