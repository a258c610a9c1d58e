package perfmon

import (
	"fmt"
	"sync"
	"time"

	"golang.org/x/exp/slices"
)

// Silence holds back what notifiers would tell of some alerts for a while, such as during
// maintenance. The alerts are there all the same, and callbacks get them. An alert that is
// still open when its silence is over is told then.
type Silence struct {
	// ID is unique, sorts by time and is safe in a URL.
	ID string `json:"silence_id"`
	// Which alerts: all of the four match, and an empty one matches everything. All but
	// Scope are patterns, where * stands for any text. With Endpoint, only alerts about an
	// endpoint match, with Organization only those about an organization.
	Metric       string    `json:"metric_name,omitempty"`
	Scope        ScopeKind `json:"scope,omitempty"`
	Endpoint     string    `json:"endpoint,omitempty"`
	Organization string    `json:"organization_id,omitempty"`
	From         time.Time `json:"from"`
	Until        time.Time `json:"until"`
	Reason       string    `json:"reason"`
	By           string    `json:"by"`
	At           time.Time `json:"at"`                // when it was made
	EndedAt      time.Time `json:"ended_at,omitzero"` // where somebody ended it early
	EndedBy      string    `json:"ended_by,omitempty"`
	// HeldBack is how many notifications it has held back: each change of an alert counts
	// once for each notifier.
	HeldBack uint64 `json:"held_back"`
}

// ActiveAt reports whether the silence holds at a time.
func (s Silence) ActiveAt(t time.Time) bool {
	return !t.Before(s.From) && t.Before(s.end())
}

// end is when it is over.
func (s Silence) end() time.Time {
	if !s.EndedAt.IsZero() && s.EndedAt.Before(s.Until) {
		return s.EndedAt
	}
	return s.Until
}

// Matches reports whether the silence is about a metric in a scope, whatever the time.
func (s Silence) Matches(k Key) bool {
	return matchPattern(s.Metric, k.Metric) && (s.Scope == "" || s.Scope == k.Kind()) &&
		(s.Endpoint == "" || k.Endpoint != "" && matchPattern(s.Endpoint, k.Endpoint)) &&
		(s.Organization == "" || k.Organization != "" && matchPattern(s.Organization, k.Organization))
}

// String is one line for a log.
func (s Silence) String() string {
	what := "all alerts"
	for _, part := range []string{s.Metric, string(s.Scope), s.Endpoint, s.Organization} {
		if part == "" {
			continue
		}
		if what == "all alerts" {
			what = part
		} else {
			what += " " + part
		}
	}
	return fmt.Sprintf("%s until %s, by %s: %s", what, s.end().Format(time.RFC3339), s.By, s.Reason)
}

// NewSilence is a silence that somebody adds; see Silence.
type NewSilence struct {
	Metric       string
	Scope        ScopeKind
	Endpoint     string
	Organization string
	From         time.Time // zero, or in the past: now
	Until        time.Time // after From and after now, at most MaxSilence after From
	Reason       string    // 1 to 500 bytes
}

const (
	// MaxSilence is how long a silence may be.
	MaxSilence = 366 * 24 * time.Hour
	// MaxSilences bounds how many silences there are that are not over.
	MaxSilences = 500
	// SilenceRetention is how long silences are kept that are over.
	SilenceRetention = 90 * 24 * time.Hour

	maxSilenceReason = 500
	maxOldSilences   = 1000
)

// Silences adds, ends and lists the silences of a monitor.
type Silences struct{ m *Monitor }

// Silences returns the silences of the monitor.
func (m *Monitor) Silences() Silences { return Silences{m} }

// Add adds a silence. by names who does it. Errors: *FieldError, ErrClosed, ErrStore.
func (ss Silences) Add(n NewSilence, by string) (made Silence, err error) {
	n.Reason = cleanText(n.Reason)
	if err := n.validate(); err != nil {
		return Silence{}, fmt.Errorf("perfmon: silence: %w", err)
	}
	err = ss.m.change(by, func(now moment) ([]Record, error) {
		from, until := n.From.Round(0).UTC(), n.Until.Round(0).UTC()
		if from.Before(now.wall) {
			from = now.wall
		}
		switch {
		case !until.After(from):
			return nil, fmt.Errorf("silence: %w", &FieldError{"Until", n.Until.Format(time.RFC3339), "a time after " + from.Format(time.RFC3339) + ", when it begins"})
		case until.Sub(from) > MaxSilence:
			return nil, fmt.Errorf("silence: %w", &FieldError{"Until", n.Until.Format(time.RFC3339), "at most 366 days after it begins"})
		case ss.m.silences.pending(now.wall) >= MaxSilences:
			return nil, fmt.Errorf("silence: there are %d already, which is the most: end one first", MaxSilences)
		}
		made = Silence{
			ID: ss.m.alerts.newID(now.wall), Metric: n.Metric, Scope: n.Scope, Endpoint: n.Endpoint, Organization: n.Organization,
			From: from, Until: until, Reason: n.Reason, By: author(by), At: now.wall,
		}
		committed := made
		return []Record{{Silence: &committed}}, nil
	})
	if err != nil {
		return Silence{}, err
	}
	return made, nil
}

func (n NewSilence) validate() error {
	switch n.Scope {
	case "", ScopeService, ScopeEndpoint, ScopeOrganization:
	default:
		return &FieldError{"Scope", n.Scope, `"service", "endpoint", "organization" or nothing`}
	}
	for _, f := range []struct{ name, pattern string }{{"Metric", n.Metric}, {"Endpoint", n.Endpoint}, {"Organization", n.Organization}} {
		if len(f.pattern) > maxPattern || f.pattern != cleanText(f.pattern) {
			return &FieldError{f.name, f.pattern, fmt.Sprintf("a pattern of at most %d bytes of printable text", maxPattern)}
		}
	}
	if n.Reason == "" || len(n.Reason) > maxSilenceReason {
		return &FieldError{"Reason", n.Reason, "1 to 500 bytes that say why"}
	}
	if n.Until.IsZero() {
		return &FieldError{"Until", "nothing", "a time"}
	}
	return nil
}

// End ends a silence now, or takes back one that has not begun. Ending one that is over
// changes nothing. by names who does it. Errors: ErrNotFound, ErrClosed, ErrStore.
func (ss Silences) End(id, by string) (ended Silence, err error) {
	err = ss.m.change(by, func(now moment) ([]Record, error) {
		s, ok := ss.m.silences.get(id)
		if !ok {
			return nil, fmt.Errorf("silence %q: %w", truncate(id, 40), ErrNotFound)
		}
		if ended = s; !now.wall.Before(s.end()) {
			return nil, nil
		}
		ended.EndedAt, ended.EndedBy = now.wall, author(by)
		committed := ended
		return []Record{{Silence: &committed}}, nil
	})
	if err != nil {
		return Silence{}, err
	}
	return ended, nil
}

// List returns the silences, the newest first. Those that are over are kept for 90 days.
func (ss Silences) List() []Silence { return ss.m.silences.all() }

// Get returns a silence, or ErrNotFound.
func (ss Silences) Get(id string) (Silence, error) {
	if s, ok := ss.m.silences.get(id); ok {
		return s, nil
	}
	return Silence{}, fmt.Errorf("perfmon: silence %q: %w", truncate(id, 40), ErrNotFound)
}

// Of returns the silence that holds back alerts of a metric in a scope at a time: of
// several the one that ends last.
func (ss Silences) Of(k Key, at time.Time) (Silence, bool) { return ss.m.silences.of(k, at) }

// silenceList owns the silences. It is safe for concurrent use.
type silenceList struct {
	mu   sync.RWMutex
	list []Silence // by ID, so the oldest first; mu
}

// apply takes over a record.
func (l *silenceList) apply(s *Silence) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.IndexFunc(l.list, func(o Silence) bool { return o.ID == s.ID }); i >= 0 {
		l.list[i] = *s
		return
	}
	l.list = append(l.list, *s)
	sortFunc(l.list, func(a, b Silence) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
}

// sweep forgets silences that have been over for long, and the oldest of too many.
func (l *silenceList) sweep(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	over := 0
	for _, s := range l.list {
		if !now.Before(s.end()) {
			over++
		}
	}
	l.list = slices.DeleteFunc(l.list, func(s Silence) bool {
		if now.Before(s.end()) || now.Sub(s.end()) <= SilenceRetention && over <= maxOldSilences {
			return false
		}
		over--
		return true
	})
}

func (l *silenceList) get(id string) (Silence, bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, s := range l.list {
		if s.ID == id {
			return s, true
		}
	}
	return Silence{}, false
}

// pending returns how many silences are not over.
func (l *silenceList) pending(now time.Time) (n int) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, s := range l.list {
		if now.Before(s.end()) {
			n++
		}
	}
	return n
}

func (l *silenceList) all() []Silence {
	l.mu.RLock()
	defer l.mu.RUnlock()
	list := make([]Silence, 0, len(l.list))
	for i := len(l.list) - 1; i >= 0; i-- {
		list = append(list, l.list[i])
	}
	return list
}

func (l *silenceList) of(k Key, at time.Time) (found Silence, ok bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, s := range l.list {
		if s.ActiveAt(at) && s.Matches(k) && (!ok || s.end().After(found.end())) {
			found, ok = s, true
		}
	}
	return found, ok
}
