package httpapi

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"net/http"
	"strings"
	"time"
)

// sessionLife is how long a cookie signs in.
const sessionLife = 12 * time.Hour

// clockSkew is how far the clocks of replicas may be apart: a cookie that one of them has
// just made counts at all of them.
const clockSkew = 5 * time.Minute

// cookies makes and checks cookies that sign in whoever has shown the bearer token. A
// cookie holds when it ends, a random number and a code over both (HMAC, RFC 2104) by a key
// that follows from the token (HKDF, RFC 5869). So nothing is kept on the server, a cookie
// outlives a restart with the same token, and one with another token ends it. The token
// cannot be read from a cookie.
type cookies struct {
	name string
	key  []byte
}

// What a cookie is made of, in bytes.
const (
	cookieTime  = 8 // the end, in seconds since 1970, big endian
	cookieNonce = 16
	cookieCode  = sha256.Size
	cookieSize  = cookieTime + cookieNonce + cookieCode
)

// newCookies returns the cookies of a token and a mount. Their name follows from both, so that
// services on different ports of one host, which share their cookies, do not sign each other
// out; and that a browser signs out of a mount below another one, to which it sends the
// cookies of both.
func newCookies(token, prefix string) (cookies, error) {
	key, err := hkdf.Key(sha256.New, []byte(token), nil, "perfmon session key 2 "+prefix, sha256.Size)
	if err != nil {
		return cookies{}, err
	}
	name, err := hkdf.Key(sha256.New, []byte(token), nil, "perfmon session name 2 "+prefix, 4)
	if err != nil {
		return cookies{}, err
	}
	return cookies{"perfmon_" + hex.EncodeToString(name), key}, nil
}

// make returns the value of a new cookie that ends at a time.
func (c cookies) make(ends time.Time) string {
	data := make([]byte, cookieTime+cookieNonce, cookieSize)
	binary.BigEndian.PutUint64(data, uint64(ends.Unix()))
	_, _ = rand.Read(data[cookieTime:]) // its error is always nil
	return base64.RawURLEncoding.EncodeToString(append(data, c.code(data)...))
}

func (c cookies) code(data []byte) []byte {
	h := hmac.New(sha256.New, c.key)
	h.Write(data)
	return h.Sum(nil)
}

// session is what a cookie holds. The zero session is none.
type session struct {
	ends  time.Time
	nonce [cookieNonce]byte // tells it from others
}

// check returns the session of a cookie, none for one that is over or not of this token.
func (c cookies) check(value string, now time.Time) (s session, ok bool) {
	data, err := base64.RawURLEncoding.Strict().DecodeString(value)
	if err != nil || len(data) != cookieSize {
		return session{}, false
	}
	data, code := data[:cookieTime+cookieNonce], data[cookieTime+cookieNonce:]
	if !hmac.Equal(code, c.code(data)) {
		return session{}, false
	}
	s.ends = time.Unix(int64(binary.BigEndian.Uint64(data)), 0).UTC()
	copy(s.nonce[:], data[cookieTime:])
	// A clock that is set back makes no cookie live much longer than a new one.
	if !now.Before(s.ends) || s.ends.After(now.Add(sessionLife+clockSkew)) {
		return session{}, false
	}
	return s, true
}

// find returns the session of a request, none where it has no cookie that counts.
func (c cookies) find(r *http.Request, now time.Time) (s session, ok bool) {
	for _, sent := range r.CookiesNamed(c.name) { // mounts below one another have one each
		if s, ok = c.check(sent.Value, now); ok {
			return s, true
		}
	}
	return session{}, false
}

// header returns the cookie for a browser; without a value it takes the cookie away. It has
// no path of its own: a browser then takes the path of the request up to its last slash
// (RFC 6265, section 5.1.4), which is the mount as the browser sees it, whatever a proxy
// has made of it.
func (c cookies) header(r *http.Request, value string, life time.Duration) string {
	cookie := http.Cookie{
		Name: c.name, Value: value, MaxAge: int(life.Seconds()), HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.TLS != nil || forwardedTLS(r),
	}
	if value == "" {
		cookie.MaxAge = -1
	}
	return cookie.String()
}

// forwardedTLS reports whether a proxy says that it was asked over TLS. Of several proxies
// the first in the list is the one that the client asked.
func forwardedTLS(r *http.Request) bool {
	first, _, _ := strings.Cut(r.Header.Get("X-Forwarded-Proto"), ",")
	return strings.EqualFold(strings.TrimSpace(first), "https")
}
