package perfmon

// Scope says what a value or an alert is about. The zero value is the whole service.
type Scope struct {
	Endpoint     string // a route pattern such as "GET /orders/{id}"
	Organization string
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
	return "service"
}
