package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/backend-prs/perfmon"
)

// sessionAnswer is the answer of GET and POST session.
type sessionAnswer struct {
	Name         string `json:"name"`
	SuperAdmin   bool   `json:"super_admin"`
	Organization string `json:"organization_id,omitempty"`
	// CanChange reports whether the principal changes more than alerts of its own
	// organization.
	CanChange bool `json:"can_change"`
	// SignsIn reports whether this API takes a bearer token for a cookie.
	SignsIn   bool      `json:"signs_in"`
	ExpiresAt time.Time `json:"expires_at,omitzero"` // of the cookie
}

// signIn is what an API with a bearer token has to do with cookies.
type signIn struct {
	m       *perfmon.Monitor
	cookies cookies
	guesses *guesses
	right   func(token string) bool   // compares in constant time
	mount   func(prefix string) error // makes the cookies, once the prefix is known
}

// byToken is who has the token.
var byToken = Principal{Name: "token", SuperAdmin: true}

// authorize takes the token as a header, else a cookie. A header of another scheme may be
// that of a proxy. A *problem says that too many wrong tokens were sent.
func (s *signIn) authorize(r *http.Request) (Principal, error) {
	if token, sent := bearer(r); sent {
		if s.right(token) {
			return byToken, nil
		}
		if tooMany := s.guesses.wrong(r); tooMany != nil {
			return Principal{}, tooMany
		}
		return Principal{}, ErrUnauthenticated
	}
	if _, ok := s.cookies.find(r, s.m.Now()); !ok {
		return Principal{}, ErrUnauthenticated
	}
	return byToken, nil
}

// session returns the session that a request is made in, none where the token comes with
// it.
func (s *signIn) session(r *http.Request) (in session) {
	if _, sent := bearer(r); !sent {
		in, _ = s.cookies.find(r, s.m.Now())
	}
	return in
}

// bearer returns the token that a request sends as a header.
func bearer(r *http.Request) (token string, sent bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(token), strings.EqualFold(scheme, "Bearer")
}

// sessionOf describes a principal.
func (a *API) sessionOf(p Principal, expires time.Time) sessionAnswer {
	return sessionAnswer{p.Name, p.SuperAdmin, p.Organization, p.SuperAdmin, a.signIn != nil, expires}
}

// getSession says who makes the request.
func (a *API) getSession(r *request) (answer, error) {
	if err := readParams(r).finish(); err != nil {
		return nil, err
	}
	var s session
	if a.signIn != nil {
		s = a.signIn.session(r.Request)
	}
	return reply(http.StatusOK, a.sessionOf(r.by, s.ends))
}

// postSession takes the bearer token and gives a cookie.
func (a *API) postSession(r *request) (answer, error) {
	if to, ok := withoutSlash(r.Request); ok {
		return redirect(to), nil
	}
	if err := readParams(r).finish(); err != nil {
		return nil, err
	}
	token, err := readToken(r)
	if err != nil {
		return nil, err
	}
	s := a.signIn
	if s == nil {
		return nil, noSignIn
	}
	if !s.right(token) {
		if tooMany := s.guesses.wrong(r.Request); tooMany != nil {
			return nil, tooMany
		}
		wrong := a.unauthenticated("token: it is not the token of this API.")
		wrong.Parameter = "token"
		return nil, wrong
	}
	expires := a.m.Now().Add(sessionLife).Truncate(time.Second)
	out, err := reply(http.StatusCreated, a.sessionOf(byToken, expires))
	return withCookie{out, s.cookies.header(r.Request, s.cookies.make(expires), sessionLife)}, err
}

// deleteSession takes the cookie away.
func (a *API) deleteSession(r *request) (answer, error) {
	if to, ok := withoutSlash(r.Request); ok {
		return redirect(to), nil
	}
	if err := readParams(r).finish(); err != nil {
		return nil, err
	}
	if a.signIn == nil {
		return nil, noSignIn
	}
	return withCookie{statusAnswer(http.StatusNoContent), a.signIn.cookies.header(r.Request, "", 0)}, nil
}

var noSignIn = &problem{
	Status: http.StatusNotFound, Detail: "This API gives no sessions: the service that it is part of says who is signed in.",
}

// readToken reads the body of POST session. No error repeats anything of it but the names
// of its fields.
func readToken(r *request) (string, error) {
	const want = `want a JSON object such as {"token": "..."}`
	body, err := readBody(r)
	var p *problem
	if errors.As(err, &p) && p.Status == http.StatusBadRequest && p.Parameter == "body" {
		return "", &problem{Status: p.Status, Detail: "body: " + want, Parameter: p.Parameter}
	}
	if err != nil {
		return "", err
	}
	raw := read(body, field{name: "token"}, func(raw json.RawMessage) (json.RawMessage, bool) { return raw, true })
	if err := body.finish(); err != nil {
		return "", err
	}
	if raw != nil {
		if token, ok := parseText(*raw); ok {
			return strings.TrimSpace(token), nil
		}
	}
	return "", &problem{Status: http.StatusBadRequest, Detail: "token: it is missing or no string: " + want, Parameter: "token"}
}

// withoutSlash returns where a call is for a client that put a slash at its end, relative
// to what the client sent. The path of the request is to be that of the cookie.
func withoutSlash(r *http.Request) (to string, slash bool) {
	sent, err := url.ParseRequestURI(r.RequestURI)
	if err != nil {
		sent = r.URL
	}
	return "../session", strings.HasSuffix(sent.Path, "/")
}

// withCookie is an answer with a cookie.
type withCookie struct {
	answer
	cookie string
}

func (c withCookie) write(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Set-Cookie", c.cookie)
	c.answer.write(w, r)
}
