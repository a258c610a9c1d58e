package httpapi

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
)

// minToken keeps tokens from being guessed.
const minToken = 16

// WithBearerToken makes a super admin of whoever sends the header "Authorization:
// Bearer" with this token: at least 16 bytes of printable ASCII without spaces. White
// space around it, such as the end of the line that it was read from, is left out.
func WithBearerToken(token string) Option {
	token = strings.TrimSpace(token)
	if err := checkToken(token); err != nil {
		return func(*API) error { return err }
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
