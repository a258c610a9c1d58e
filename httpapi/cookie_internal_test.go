package httpapi

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
	"time"
)

func newTestCookies(tb testing.TB, token string) cookies {
	tb.Helper()
	c, err := newCookies(token, DefaultPrefix)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// Each byte of a cookie counts, and so do its end and the token.
func TestCookies(t *testing.T) {
	c := newTestCookies(t, "0123456789abcdef")
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	value := c.make(now.Add(sessionLife))
	first, ok := c.check(value, now)
	if !ok || !first.ends.Equal(now.Add(sessionLife)) || first.nonce == (session{}).nonce {
		t.Errorf("%v %v", first, ok)
	}
	if another, ok := c.check(c.make(now.Add(sessionLife)), now); !ok || another.nonce == first.nonce {
		t.Error("two sessions are the same")
	}
	data, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil {
		t.Fatal(err)
	}
	for i := range data {
		forged := bytes.Clone(data)
		forged[i] ^= 1
		if _, ok := c.check(base64.RawURLEncoding.EncodeToString(forged), now); ok {
			t.Errorf("byte %d does not count", i)
		}
	}
	for name, ends := range map[string]time.Time{"now": now, "before": now.Add(-time.Hour), "after 1970": time.Unix(0, 0), "too late": now.Add(sessionLife + clockSkew + time.Second)} {
		if _, ok := c.check(c.make(ends), now); ok {
			t.Errorf("a cookie that ends %s is taken", name)
		}
	}
	below, err := newCookies("0123456789abcdef", DefaultPrefix+"below/")
	if err != nil {
		t.Fatal(err)
	}
	for what, other := range map[string]cookies{"token": newTestCookies(t, "0123456789abcdeg"), "mount": below} {
		if _, ok := other.check(value, now); ok || other.name == c.name {
			t.Errorf("another %s: %v, its cookies are called %s", what, ok, other.name)
		}
	}
}

// Nothing is taken for a cookie but what was made as one.
func FuzzCookie(f *testing.F) {
	c := newTestCookies(f, "0123456789abcdef")
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	made := c.make(now.Add(time.Hour))
	for _, seed := range []string{"", "x", made[1:], made + "=", newTestCookies(f, "another token of it").make(now.Add(time.Hour))} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		value = strings.NewReplacer("\r", "", "\n", "").Replace(value) // no cookie has them; base64 skips them
		if _, ok := c.check(value, now); ok && value != made {
			t.Errorf("%q is taken", value)
		}
	})
}
