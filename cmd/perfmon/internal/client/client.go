// Package client calls the API of a running service that perfmon monitors.
//
//	base, err := client.Parse("http://localhost:8080")
//	c, err := client.New(base, token, 30*time.Second)
//	health, err := c.Health(ctx)
//	fmt.Println(health.Body.Status, string(health.Raw))
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/backend-prs/perfmon/httpapi"
)

// Client calls the API of one service. It is safe for concurrent use.
type Client struct {
	base    *url.URL // ends with a slash
	token   string   // "" sends none
	timeout time.Duration
	http    *http.Client
}

// New returns a client of the API at a URL that Parse returned. token is its bearer token,
// which may be empty; timeout limits each call, but for streams and downloads, of which it
// limits the wait for the first byte.
func New(base *url.URL, token string, timeout time.Duration) (*Client, error) {
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("token: it has a space or a character that is no printable ASCII: want neither")
	}
	if timeout <= 0 {
		return nil, fmt.Errorf("timeout: %v is not valid: want more than 0, such as 30s", timeout)
	}
	return &Client{base, token, timeout, &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}}, nil
}

// Parse completes the URL of a service to that of its API: where it has no path, that is
// httpapi.DefaultPrefix.
func Parse(server string) (*url.URL, error) {
	const want = `an address such as "http://localhost:8080" or "https://shop.example.com/ops/performance/"`
	u, err := url.Parse(server)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("%q is not valid: want %s", server, want)
	case u.User != nil:
		return nil, errors.New("it has a user: want none; the token goes by --token, PERFMON_TOKEN or the configuration file")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("%q has a query or a fragment: want %s", server, want)
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = httpapi.DefaultPrefix
	}
	u.Path = strings.TrimSuffix(u.Path, "/") + "/"
	u.RawPath = ""
	return u, nil
}

// URL is where the API is.
func (c *Client) URL() string { return c.base.String() }

// Query are the parameters of a call. Those that are empty are not sent.
type Query map[string]string

// Answer is what came back of a call.
type Answer[T any] struct {
	Raw  []byte // as the API sent it
	Body T
}

// Error is an answer of the API that is no success. Its fields are those of
// application/problem+json.
type Error struct {
	Status     int      `json:"status"`
	Detail     string   `json:"detail"`
	Parameter  string   `json:"parameter"`
	Missing    []string `json:"missing"` // for a baseline
	Reference  string   `json:"reference"`
	SignIn     string   `json:"sign_in"`
	RetryAfter string   `json:"-"` // of the header

	call string
}

// Error says what the API said.
func (e *Error) Error() string {
	s := e.Detail
	if s == "" {
		s = fmt.Sprintf("the server answers %d %s to %s", e.Status, http.StatusText(e.Status), e.call)
	}
	if e.Status == http.StatusUnauthorized && e.SignIn == "token" {
		s += " Give its token by --token, PERFMON_TOKEN or the configuration file."
	}
	for _, m := range e.Missing {
		if !strings.Contains(s, m) {
			s += "\n  " + m
		}
	}
	if e.RetryAfter != "" {
		s += " Try again in " + e.RetryAfter + " s."
	}
	if e.Reference != "" {
		s += " The log of the service has it under " + e.Reference + "."
	}
	return s
}

// NotFound reports whether an error is a 404: a server that does not have the call, or
// not what it is about.
func NotFound(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == http.StatusNotFound
}

// maxAnswer bounds what is read of an answer that is no download.
const maxAnswer = 256 << 20

// Do makes a call and returns its body. path is relative to the API; a body that is not
// nil goes as JSON.
func (c *Client) Do(ctx context.Context, method, path string, q Query, body any) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	resp, err := c.open(ctx, method, path, q, body, nil)
	if err != nil {
		return nil, c.explain(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, c.explain(ctx, err)
	case len(data) > maxAnswer:
		return nil, fmt.Errorf("%s: the answer has more than %d MiB", path, maxAnswer>>20)
	}
	return data, nil
}

// explain says what a timeout means.
func (c *Client) explain(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("%s did not answer within %v", c.base.Host, c.timeout)
	}
	return err
}

// open makes a call and returns its response, which is a success.
func (c *Client) open(ctx context.Context, method, path string, q Query, body any, header http.Header) (*http.Response, error) {
	r, err := c.request(ctx, method, path, q, body)
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		r.Header[name] = values
	}
	resp, err := c.http.Do(r)
	if err != nil {
		var e *url.Error
		if errors.As(err, &e) {
			err = e.Err // its URL is long, and says nothing more
		}
		return nil, fmt.Errorf("%s cannot be reached: %w", c.base.Host, err)
	}
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return resp, nil
	}
	defer func() { _ = resp.Body.Close() }()
	e := &Error{call: method + " " + r.URL.Path, RetryAfter: resp.Header.Get("Retry-After")}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/problem+json") {
		_ = json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(e) // what is missing stays empty
	} else if resp.StatusCode == http.StatusNotFound {
		e.Detail = fmt.Sprintf("There is no perfmon API at %s.", c.base)
	}
	e.Status = resp.StatusCode
	return nil, e
}

func (c *Client) request(ctx context.Context, method, path string, q Query, body any) (*http.Request, error) {
	u, err := c.base.Parse("./" + path)
	if err != nil {
		return nil, fmt.Errorf("path: %q is not valid: %w", path, err)
	}
	values := u.Query()
	for name, value := range q {
		if value != "" {
			values.Set(name, value)
		}
	}
	u.RawQuery = values.Encode()
	var content io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(data)
	}
	r, err := http.NewRequestWithContext(ctx, method, u.String(), content)
	if err != nil {
		return nil, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	r.Header.Set("User-Agent", "perfmon")
	return r, nil
}

// ask makes a call and decodes its answer.
func ask[T any](ctx context.Context, c *Client, method, path string, q Query, body any) (a Answer[T], err error) {
	a.Raw, err = c.Do(ctx, method, path, q, body)
	if err != nil || len(a.Raw) == 0 {
		return a, err
	}
	if err := json.Unmarshal(a.Raw, &a.Body); err != nil {
		return a, fmt.Errorf("%s %s: the answer is not what this version of perfmon reads: %w", method, path, err)
	}
	return a, nil
}
