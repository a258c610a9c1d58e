package perfmon

import (
	"fmt"
	"time"

	"golang.org/x/exp/slices"
)

// Route says which alerts a notifier is told of: those that all of its fields match. The
// zero Route matches every alert at any time.
type Route struct {
	// Severity is the least that is told: Critical leaves out warnings. Empty: all.
	Severity Severity
	// Scopes are the kinds of scope. Empty: all.
	Scopes []ScopeKind
	// Metrics, Endpoints and Organizations are patterns of names, where * stands for any
	// text; one that matches is enough. Empty: all. With Endpoints, only alerts about an
	// endpoint match, with Organizations only those about an organization.
	Metrics, Endpoints, Organizations []string
	// Hours are when alerts are told; one that matches is enough. Empty: always. An alert
	// that comes outside of them and is still open when they begin is told then.
	Hours []Hours
}

// Hours is a time of the week.
type Hours struct {
	Days []time.Weekday // on which From lies; empty: every day
	// From and Until are times of day on the clocks of Location, in whole minutes, 0 to 24 h.
	// Where Until is not after From, it is that of the next day: from 22 h until 6 h is a
	// night. Both 0 is the whole day.
	From, Until time.Duration
	Location    *time.Location // nil: UTC
}

// The most that a route may list.
const maxRouteList = 100

func (r Route) validate() error {
	if r.Severity != "" && r.Severity != Warning && r.Severity != Critical {
		return &FieldError{"Severity", r.Severity, `"warning", "critical" or nothing`}
	}
	for _, kind := range r.Scopes {
		if kind != ScopeService && kind != ScopeEndpoint && kind != ScopeOrganization {
			return &FieldError{"Scopes", kind, `"service", "endpoint" or "organization"`}
		}
	}
	for _, list := range []struct {
		name     string
		patterns []string
	}{{"Metrics", r.Metrics}, {"Endpoints", r.Endpoints}, {"Organizations", r.Organizations}} {
		if len(list.patterns) > maxRouteList {
			return &FieldError{list.name, len(list.patterns), fmt.Sprintf("at most %d patterns", maxRouteList)}
		}
		for _, p := range list.patterns {
			if p == "" || len(p) > maxPattern || p != cleanText(p) {
				return &FieldError{list.name, p, fmt.Sprintf("patterns of 1 to %d bytes of printable text", maxPattern)}
			}
		}
	}
	if len(r.Hours) > maxRouteList {
		return &FieldError{"Hours", len(r.Hours), fmt.Sprintf("at most %d", maxRouteList)}
	}
	for _, h := range r.Hours {
		if err := h.validate(); err != nil {
			return err
		}
	}
	return nil
}

func (h Hours) validate() error {
	const day = 24 * time.Hour
	for _, d := range h.Days {
		if d < time.Sunday || d > time.Saturday {
			return &FieldError{"Days", int(d), "time.Sunday to time.Saturday"}
		}
	}
	for _, f := range []struct {
		name string
		at   time.Duration
	}{{"From", h.From}, {"Until", h.Until}} {
		if f.at < 0 || f.at > day || f.at%time.Minute != 0 {
			return &FieldError{f.name, f.at, "a time of day in whole minutes, 0 to 24h"}
		}
	}
	if h.From == h.Until && h.From != 0 {
		return &FieldError{"Until", h.Until, "another time than From, or both 0 for the whole day"}
	}
	return nil
}

// own returns a copy that shares nothing with the caller.
func (r Route) own() Route {
	r.Scopes, r.Metrics = slices.Clone(r.Scopes), slices.Clone(r.Metrics)
	r.Endpoints, r.Organizations = slices.Clone(r.Endpoints), slices.Clone(r.Organizations)
	r.Hours = slices.Clone(r.Hours)
	for i := range r.Hours {
		r.Hours[i].Days = slices.Clone(r.Hours[i].Days)
	}
	return r
}

// includes reports whether t lies in the hours. It goes by what clocks at the location
// show: on the day that they are set forward, an hour that does not exist is never reached,
// and on the day that they are set back, an hour that comes twice counts twice.
func (h Hours) includes(t time.Time) bool {
	location := h.Location
	if location == nil {
		location = time.UTC
	}
	t = t.In(location)
	hour, minute, second := t.Clock()
	at := time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second
	today := h.on(t.Weekday())
	yesterday := h.on((t.Weekday() + 6) % 7)
	if h.From == 0 && h.Until == 0 {
		return today
	}
	if h.From < h.Until {
		return today && at >= h.From && at < h.Until
	}
	return today && at >= h.From || yesterday && at < h.Until
}

func (h Hours) on(d time.Weekday) bool { return len(h.Days) == 0 || slices.Contains(h.Days, d) }

// about says why a route is not for an alert whatever the time, "" where it is.
func (r *Route) about(key Key, severity Severity) string {
	switch {
	case r.Severity == Critical && severity != Critical:
		return "it takes critical alerts only"
	case len(r.Scopes) > 0 && !slices.Contains(r.Scopes, key.Kind()):
		return fmt.Sprintf("it takes no alerts of scope %q", key.Kind())
	case !anyPattern(r.Metrics, key.Metric):
		return "it takes other metrics only"
	case len(r.Endpoints) > 0 && (key.Endpoint == "" || !anyPattern(r.Endpoints, key.Endpoint)):
		return "it takes other endpoints only"
	case len(r.Organizations) > 0 && (key.Organization == "" || !anyPattern(r.Organizations, key.Organization)):
		return "it takes other organizations only"
	}
	return ""
}

// open reports whether it is time to tell.
func (r *Route) open(at time.Time) bool {
	if len(r.Hours) == 0 {
		return true
	}
	return slices.ContainsFunc(r.Hours, func(h Hours) bool { return h.includes(at) })
}

// anyPattern reports whether one of the patterns matches, or there is none.
func anyPattern(patterns []string, name string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool { return matchPattern(p, name) })
}
