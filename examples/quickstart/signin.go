package main

import (
	"crypto/rand"
	"net/http"
	"regexp"
	"sync"

	"github.com/backend-prs/perfmon/middleware"
)

// user is who is signed in.
type user struct {
	name, organization string
}

// sessions are the users by the value of their cookie.
type sessions struct {
	mu    sync.RWMutex
	users map[string]user
}

const cookie = "session"

// maxSessions bounds them; a real shop would let them expire.
const maxSessions = 10_000

var name = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)

// login takes anybody at their word: this shop has nothing to lose.
func (s *shop) login(w http.ResponseWriter, r *http.Request) {
	u := user{r.FormValue("user"), r.FormValue("organization")}
	if !name.MatchString(u.name) || !name.MatchString(u.organization) {
		http.Error(w, "user, organization: want 1 to 32 of a-z, 0-9 and -", http.StatusBadRequest)
		return
	}
	id := rand.Text()
	s.sessions.mu.Lock()
	full := len(s.sessions.users) >= maxSessions
	if !full {
		s.sessions.users[id] = u
	}
	s.sessions.mu.Unlock()
	if full {
		http.Error(w, "too many people are signed in", http.StatusServiceUnavailable)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: cookie, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
	w.WriteHeader(http.StatusNoContent)
}

func (s *shop) find(r *http.Request) (id string, u user, ok bool) {
	c, err := r.Cookie(cookie)
	if err != nil {
		return "", user{}, false
	}
	s.sessions.mu.RLock()
	defer s.sessions.mu.RUnlock()
	u, ok = s.sessions.users[c.Value]
	return c.Value, u, ok
}

// signedIn answers requests of nobody.
func (s *shop) signedIn(w http.ResponseWriter, r *http.Request) (user, bool) {
	_, u, ok := s.find(r)
	if !ok {
		http.Error(w, "sign in first: POST /login", http.StatusUnauthorized)
	}
	return u, ok
}

// identity tells the monitor who made a request.
func (s *shop) identity(r *http.Request) middleware.Identity {
	id, u, ok := s.find(r)
	if !ok {
		return middleware.Identity{}
	}
	return middleware.Identity{User: u.name, Session: id, Organization: u.organization}
}
