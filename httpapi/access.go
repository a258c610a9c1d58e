package httpapi

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"strings"

	"github.com/backend-prs/perfmon"
)

// Principal is who makes a call. The zero value may do nothing.
type Principal struct {
	// Name is kept with what the principal does to alerts.
	Name string
	// SuperAdmin sees and changes everything.
	SuperAdmin bool
	// Organization makes an organization admin of who is no super admin: it sees the
	// figures of the service and of this organization, and acts on this organization's
	// alerts.
	Organization string
}

// sees reports whether what is about an organization, or about none, may be seen.
func (p Principal) sees(organization string) bool {
	return p.SuperAdmin || organization == "" || organization == p.Organization
}

// alerts returns the query for all alerts that may be seen.
func (p Principal) alerts() perfmon.AlertQuery {
	if p.SuperAdmin {
		return perfmon.AlertQuery{}
	}
	return perfmon.AlertQuery{Organization: p.Organization, WithService: true}
}

// Authorizer says who makes a request. ErrUnauthenticated answers 401, any other error
// and a principal that may do nothing 403, a panic 500; the error's text is not shown.
type Authorizer func(*http.Request) (Principal, error)

// ErrUnauthenticated is what an Authorizer returns when a request does not say, or not
// believably, who makes it.
var ErrUnauthenticated = errors.New("httpapi: not authenticated")

// WithAuthorizer sets who may do what. Without one, every call is refused.
func WithAuthorizer(authorize Authorizer) Option {
	return func(a *api) error {
		if authorize == nil {
			return &perfmon.FieldError{Field: "authorizer", Value: nil, Want: "a function"}
		}
		a.authorize = authorize
		return nil
	}
}

// minToken keeps tokens from being guessed.
const minToken = 16

// WithBearerToken makes a super admin of whoever sends the header
// "Authorization: Bearer" with this token, which has at least 16 bytes.
func WithBearerToken(token string) Option {
	if len(token) < minToken {
		return func(*api) error {
			return &perfmon.FieldError{Field: "bearer token", Value: strings.Repeat("*", len(token)), Want: "at least 16 bytes"}
		}
	}
	want := sha256.Sum256([]byte(token))
	return WithAuthorizer(func(r *http.Request) (Principal, error) {
		scheme, sent, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		got := sha256.Sum256([]byte(strings.TrimSpace(sent)))
		if !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			return Principal{}, ErrUnauthenticated
		}
		return Principal{Name: "token", SuperAdmin: true}, nil
	})
}

// principal asks the authorizer.
func (a *api) principal(w http.ResponseWriter, r *http.Request) (p Principal, err error) {
	if a.authorize == nil {
		return p, &problem{
			Status: http.StatusForbidden,
			Detail: "This API has no authorizer, so it refuses every call. Give httpapi.New one: WithBearerToken or WithAuthorizer.",
		}
	}
	p, err = a.authorize(r)
	switch {
	case errors.Is(err, ErrUnauthenticated):
		w.Header().Set("WWW-Authenticate", `Bearer realm="perfmon"`)
		return p, &problem{Status: http.StatusUnauthorized, Detail: "The request does not say who makes it, or not believably."}
	case err != nil || !p.SuperAdmin && p.Organization == "":
		return p, &problem{Status: http.StatusForbidden, Detail: "Only organization admins and super admins may use this API."}
	}
	return p, nil
}

// superAdmin refuses anyone else.
func superAdmin(p Principal, what string) error {
	if p.SuperAdmin {
		return nil
	}
	return &problem{Status: http.StatusForbidden, Detail: "Only super admins change " + what + "."}
}
