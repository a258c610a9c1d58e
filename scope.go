package perfmon

import (
	"strings"

	"github.com/backend-prs/perfmon/internal/traffic"
)

// Scope says what a value or an alert is about. The zero Scope is the whole service.
type Scope struct {
	Endpoint     string `json:"endpoint,omitempty"` // a route pattern such as "GET /orders/{id}"
	Organization string `json:"organization_id,omitempty"`
}

// ScopeKind is a kind of scope.
type ScopeKind string

const (
	ScopeService      ScopeKind = "service"      // the service as a whole
	ScopeEndpoint     ScopeKind = "endpoint"     // each endpoint on its own
	ScopeOrganization ScopeKind = "organization" // each organization on its own
)

// Kind returns the scope's kind. A scope with both an endpoint and an organization,
// which only alerts raised by the host have, is the organization's.
func (s Scope) Kind() ScopeKind {
	switch {
	case s.Organization != "":
		return ScopeOrganization
	case s.Endpoint != "":
		return ScopeEndpoint
	}
	return ScopeService
}

// String returns "service" or what the scope names.
func (s Scope) String() string {
	switch {
	case s.Organization != "" && s.Endpoint != "":
		return s.Endpoint + " of " + s.Organization
	case s.Organization != "":
		return "organization " + s.Organization
	case s.Endpoint != "":
		return s.Endpoint
	}
	return string(ScopeService)
}

// name is what a threshold's pattern is held against.
func (s Scope) name() string {
	if s.Organization != "" {
		return s.Organization
	}
	return s.Endpoint
}

// Key names what at most one alert is open for: a metric in a scope.
type Key struct {
	Metric string `json:"metric_name"`
	Scope
}

// String returns "metric of scope".
func (k Key) String() string { return k.Metric + " of " + k.Scope.String() }

// ReservedName reports whether a name is the monitor's own, so that no endpoint and no
// organization can have it: it begins with a parenthesis, as "(other)" does.
func ReservedName(name string) bool { return traffic.Reserved(name) }

// Matches reports whether a threshold is about a scope: it has the scope's kind, and
// AppliesTo matches its name. Another threshold that matches may be more specific.
func (t Threshold) Matches(s Scope) bool {
	return t.ID().Scope == s.Kind() && matchPattern(t.AppliesTo, s.name())
}

// matchPattern reports whether a name matches a pattern in which * stands for any text.
// The empty pattern matches every name.
func matchPattern(pattern, name string) bool {
	if pattern == "" {
		return true
	}
	first, rest, found := strings.Cut(pattern, "*")
	if !found {
		return pattern == name
	}
	name, ok := strings.CutPrefix(name, first)
	if !ok {
		return false
	}
	for {
		part, more, found := strings.Cut(rest, "*")
		if !found {
			return strings.HasSuffix(name, part)
		}
		at := strings.Index(name, part)
		if at < 0 {
			return false
		}
		name, rest = name[at+len(part):], more
	}
}

// specificity orders patterns that match the same name: a name spelt out goes first,
// then the pattern with the most letters.
func specificity(pattern string) int {
	n := len(pattern) - strings.Count(pattern, "*")
	if pattern != "" && !strings.Contains(pattern, "*") {
		n += 1 << 20
	}
	return n
}
