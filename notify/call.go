package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/backend-prs/perfmon"
)

const (
	defaultTimeout = 10 * time.Second
	maxTimeout     = 5 * time.Minute
	maxAnswer      = 64 << 10       // of an answer's body, and of its header
	maxRetryAfter  = 24 * time.Hour // a receiver that asks for more is asked again a day later
)

// HTTP says how a channel calls its receiver. The zero value is right for most.
type HTTP struct {
	// Timeout is how long one call may take, up to 5 min; 0 is 10 s. An earlier deadline of
	// the context counts.
	Timeout time.Duration
	// TLS replaces the defaults, as for a private certificate authority; nil keeps them.
	TLS *tls.Config
	// Header is sent besides, as for a gateway that wants a token. Its values are never in
	// an error.
	Header map[string]string
}

// caller calls one receiver.
type caller struct {
	channel string // for errors
	client  *http.Client
	header  map[string]string
	secrets []string         // never in an error
	now     func() time.Time // what a Retry-After date is compared with
}

// newCaller checks o. secrets are what must not be in errors, besides the values of the header.
func newCaller(channel string, o HTTP, secrets ...string) (*caller, error) {
	if o.Timeout < 0 || o.Timeout > maxTimeout {
		return nil, &perfmon.FieldError{Field: "HTTP.Timeout", Value: o.Timeout, Want: "0 (10 s) to 5m0s"}
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	c := &caller{channel: channel, header: map[string]string{}, now: time.Now}
	for name, value := range o.Header {
		if !validHeader(name, value) {
			return nil, &perfmon.FieldError{Field: "HTTP.Header", Value: name, Want: "a name of letters, digits and -, and a value without control characters"}
		}
		c.header[name] = value
		secrets = append(append(secrets, value), strings.Fields(value)...) // "Bearer", and the token
	}
	for _, s := range secrets {
		if len(s) >= 6 && s != "Bearer" { // a shorter one is no secret, and would blot out words
			c.secrets = append(c.secrets, s)
		}
	}
	c.client = &http.Client{
		Timeout: o.Timeout,
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: o.TLS.Clone(), ForceAttemptHTTP2: true,
			MaxIdleConns: 2, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: o.Timeout, MaxResponseHeaderBytes: maxAnswer,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

func validHeader(name, value string) bool {
	for _, r := range name {
		if r != '-' && (r < '0' || r > '9' && r < 'A' || r > 'Z' && r < 'a' || r > 'z') {
			return false
		}
	}
	return name != "" && strings.IndexFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }) < 0
}

// answerError is an answer that is not a success.
type answerError struct {
	channel string
	code    int
	text    string // what the answer says, without secrets
}

func (e *answerError) Error() string {
	text := fmt.Sprintf("%s answers %d %s", e.channel, e.code, http.StatusText(e.code))
	if e.code/100 == 3 {
		text += ": redirects are not followed"
	}
	if e.text != "" {
		text += ": " + e.text
	}
	return text
}

// postJSON posts a value as JSON.
func (c *caller) postJSON(ctx context.Context, target string, value any) (answer string, err error) {
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false) // the texts count against limits
	if err := e.Encode(value); err != nil {
		return "", &perfmon.UndeliverableError{Err: fmt.Errorf("%s: %w", c.channel, err)}
	}
	return c.send(ctx, http.MethodPost, target, map[string]string{"Content-Type": "application/json"}, body.Bytes())
}

// send makes one call, and sorts what goes wrong by whether trying again helps. It returns the
// beginning of the answer's body.
func (c *caller) send(ctx context.Context, method, target string, header map[string]string, body []byte) (answer string, err error) {
	r, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return "", &perfmon.UndeliverableError{Err: fmt.Errorf("%s: the address cannot be called", c.channel)}
	}
	r.Header.Set("User-Agent", "perfmon")
	for _, fields := range []map[string]string{header, c.header} {
		for name, value := range fields {
			r.Header.Set(name, value)
		}
	}
	resp, err := c.client.Do(r)
	if err != nil {
		var e *url.Error
		if errors.As(err, &e) {
			err = e.Err // without the address
		}
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return "", &wrapped{c.channel + ": " + c.redact(err.Error()), err}
	}
	defer func() { _ = resp.Body.Close() }()
	data, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer)) // so that the connection serves again
	answer = string(data)
	if resp.StatusCode/100 == 2 {
		return answer, nil
	}
	return answer, c.judge(resp, answer)
}

// wrapped is an error with a text that was cleaned of secrets.
type wrapped struct {
	text string
	err  error
}

func (e *wrapped) Error() string { return e.text }
func (e *wrapped) Unwrap() error { return e.err }

// judge says what an answer that is no success means.
func (c *caller) judge(resp *http.Response, answer string) error {
	err := &answerError{c.channel, resp.StatusCode, clip(c.redact(line(answer)), 200)}
	switch code := resp.StatusCode; {
	case code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable:
		if after, ok := c.retryAfter(resp.Header); ok {
			return &perfmon.RetryError{After: after, Err: err}
		}
		return err
	case code == http.StatusRequestTimeout || code/100 != 4:
		return err
	}
	return &perfmon.UndeliverableError{Err: err}
}

// retryAfter reads Retry-After: seconds, or a date (RFC 9110, section 10.2.3). A date is
// compared with the receiver's own, where it says that, as clocks differ.
func (c *caller) retryAfter(h http.Header) (time.Duration, bool) {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseFloat(text, 64); err == nil { // some send fractions
		if !(seconds >= 0) {
			return 0, false
		}
		return time.Duration(min(seconds, maxRetryAfter.Seconds()) * float64(time.Second)), true
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0, false
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		now = c.now()
	}
	return min(max(at.Sub(now), 0), maxRetryAfter), true
}

// redact takes the secrets out of a text.
func (c *caller) redact(text string) string {
	for _, s := range c.secrets {
		text = strings.ReplaceAll(text, s, "…")
	}
	return text
}

// parseURL checks the address of a receiver. The error holds no more of it than its host, as
// the rest may be a secret. Where plain is false, http is for this machine alone.
func parseURL(field, address string, plain bool) (*url.URL, error) {
	wrong := func(shown, want string) error {
		return &perfmon.FieldError{Field: field, Value: shown, Want: want}
	}
	const want = "an absolute https URL"
	if address == "" {
		return nil, wrong("", want)
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, wrong(fmt.Sprintf("(%d bytes, not shown)", len(address)), want)
	}
	if host := u.Hostname(); u.Scheme == "http" && !plain && host != "localhost" && host != "127.0.0.1" && host != "::1" {
		return nil, wrong("http://"+u.Host, want+": the address is a secret")
	}
	return u, nil
}

// secretsOf is what of an address must not be in an error: all behind the host, its parts, and
// whoever is in front of it.
func secretsOf(u *url.URL) []string {
	list := []string{u.RequestURI(), u.Path, u.RawQuery}
	for part := range strings.SplitSeq(u.Path, "/") {
		if len(part) >= 8 {
			list = append(list, part)
		}
	}
	for _, values := range u.Query() {
		list = append(list, values...)
	}
	if password, ok := u.User.Password(); ok {
		list = append(list, password)
	}
	return list
}
