package httpapi

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"os"
	"strings"
)

// minToken keeps tokens from being guessed.
const minToken = 16

// WithBearerToken makes a super admin of whoever sends the header "Authorization:
// Bearer" with this token: at least 16 bytes of printable ASCII without spaces. White
// space around it, such as the end of the line that it was read from, is left out.
//
// The dashboard page takes the token once, and gets a cookie for it that scripts cannot
// read and other sites cannot use. It signs in for 12 h, and not longer than this token is
// the one of the API.
func WithBearerToken(token string) Option {
	token = strings.TrimSpace(token)
	if err := checkToken(token); err != nil {
		return func(*API) error { return err }
	}
	want := sha256.Sum256([]byte(token))
	right := func(sent string) bool {
		got := sha256.Sum256([]byte(sent))
		return subtle.ConstantTimeCompare(got[:], want[:]) == 1
	}
	return func(a *API) error {
		s := &signIn{m: a.m, guesses: newGuesses(a.m), right: right}
		s.mount = func(prefix string) (err error) {
			if s.cookies, err = newCookies(token, prefix); err != nil {
				return fmt.Errorf("bearer token: %w", err)
			}
			return nil
		}
		if err := WithAuthorizer(s.authorize)(a); err != nil {
			return err
		}
		a.signIn = s
		return nil
	}
}

// WithBearerTokenFromEnv is WithBearerToken with the token in an environment variable. An
// error names the variable.
func WithBearerTokenFromEnv(variable string) Option {
	token, ok := os.LookupEnv(variable)
	if !ok || strings.TrimSpace(token) == "" {
		err := fmt.Errorf("bearer token: the environment variable %s is not set: want a token of at least %d bytes; %s", variable, minToken, advice)
		return func(*API) error { return err }
	}
	option := WithBearerToken(token)
	return func(a *API) error {
		if err := option(a); err != nil {
			return fmt.Errorf("environment variable %s: %w", variable, err)
		}
		return nil
	}
}

// advice says where to get a token from.
const advice = "`openssl rand -hex 16` makes one"

// checkToken says what is wrong with a token, and not what it is.
func checkToken(token string) error {
	if token == "" {
		return fmt.Errorf("bearer token: it is empty: want at least %d bytes; if it comes from an environment variable, that may be unset; %s", minToken, advice)
	}
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("bearer token: it has a space or a character that is no printable ASCII inside: want neither; " + advice)
	}
	if len(token) < minToken {
		return fmt.Errorf("bearer token: it has %d bytes: want at least %d; %s", len(token), minToken, advice)
	}
	return nil
}
