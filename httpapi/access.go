package httpapi

import (
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/backend-prs/perfmon"
)

// Principal is who makes a request. The zero value may do nothing.
type Principal struct {
	// Name is kept with what the principal changes.
	Name string
	// SuperAdmin sees and changes everything.
	SuperAdmin bool
	// Organization, for one who is no super admin, makes an organization admin: it sees
	// the figures of the service and of this organization, and acts on the alerts of
	// this organization.
	Organization string
}

// Authorizer says who makes a request. ErrUnauthenticated is answered by 401, any other
// error and a principal that may do nothing by 403, a panic by 500. The client is not
// shown the text of the error.
type Authorizer func(*http.Request) (Principal, error)

// ErrUnauthenticated is what an Authorizer returns when a request does not say, or
// cannot prove, who makes it.
var ErrUnauthenticated = errors.New("httpapi: not authenticated")

// WithAuthorizer sets who may do what. It is called for each request, also for those of
// calls that do not exist, and every 30 s again with the request of a stream, which ends
// when it is no longer admitted or its principal has changed. Without an authorizer every call is refused.
func WithAuthorizer(authorize Authorizer) Option {
	return func(a *API) error {
		switch {
		case authorize == nil:
			return wrong("authorizer", "nil", "a function")
		case a.authorize != nil:
			return errors.New("authorizer: there is one already: want one of WithAuthorizer and WithBearerToken, once")
		}
		a.authorize = authorize
		return nil
	}
}

// principal asks the authorizer.
func (a *API) principal(r *http.Request) (Principal, *problem) {
	if a.authorize == nil {
		return Principal{}, &problem{
			Status: http.StatusForbidden,
			Detail: "This API has no authorizer, so it refuses every call. Give httpapi.New one: WithBearerToken or WithAuthorizer.",
		}
	}
	p, err := a.authorize(r)
	var answered *problem // of our own authorizer
	switch {
	case errors.As(err, &answered):
		return Principal{}, answered
	case errors.Is(err, ErrUnauthenticated):
		return Principal{}, a.unauthenticated("The request does not say, or cannot prove, who makes it.")
	case err != nil || !p.SuperAdmin && p.Organization == "":
		return Principal{}, &problem{Status: http.StatusForbidden, Detail: "Only organization admins and super admins may use this API."}
	}
	return p, nil
}

// unauthenticated is a 401. It says whether a token can be taken for a cookie.
func (a *API) unauthenticated(detail string) *problem {
	p := &problem{Status: http.StatusUnauthorized, Detail: detail, header: http.Header{"Www-Authenticate": {`Bearer realm="perfmon"`}}}
	if a.signIn != nil {
		p.SignIn = "token"
	}
	return p
}

// owns reports whether an organization is the principal's own. Names that the monitor
// gives to what it folds together, and those that it had to alter, are nobody's.
func (p Principal) owns(organization string) bool {
	return organization != "" && organization == p.Organization &&
		!perfmon.ReservedName(organization) && !strings.ContainsRune(organization, utf8.RuneError)
}

// sees reports whether the principal sees what is about an organization, "" for what is
// about none.
func (p Principal) sees(organization string) bool {
	return p.SuperAdmin || organization == "" || p.owns(organization)
}

// changes reports whether the principal may act on what is about an organization.
func (p Principal) changes(organization string) bool { return p.SuperAdmin || p.owns(organization) }

// noOrganization is a name that the monitor gives to no organization.
const noOrganization = "\x00"

// alerts returns the query for all alerts that the principal sees.
func (p Principal) alerts() perfmon.AlertQuery {
	switch {
	case p.SuperAdmin:
		return perfmon.AlertQuery{}
	case !p.owns(p.Organization):
		return perfmon.AlertQuery{Organization: noOrganization, WithService: true}
	}
	return perfmon.AlertQuery{Organization: p.Organization, WithService: true}
}

// superAdmin refuses anyone else.
func superAdmin(p Principal, what string) error {
	if p.SuperAdmin {
		return nil
	}
	return &problem{Status: http.StatusForbidden, Detail: "Only super admins change " + what + "."}
}
