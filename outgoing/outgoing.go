// Package outgoing times the HTTP requests that a service makes, by host.
//
//	calls, err := outgoing.New(m)
//	...
//	client := &http.Client{Transport: calls.Transport(nil)}
//
// It feeds the metrics outgoing_time_p50, _p95, _p99 and _avg, in seconds, and
// outgoing_error_rate, in percent, of all hosts together; and for each host that was called
// outgoing_HOST_time_p50 and so on and outgoing_HOST_error_rate, HOST being the name with _
// for what is no letter or digit. They are absent while nobody calls.
//
// A request is timed from when it is handed to the transport to when the headers of the
// answer are there. Reading the body is not part of it: bodies pass untouched, so that
// streams, upgraded connections and what a body can do beside being read are as without this
// package. Redirects are requests of their own. An error is no answer, or a status of 500 or
// more. A request that the caller cancelled counts as nothing.
package outgoing

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/backend-prs/perfmon"
)

// Bounds of WithMaxHosts. A host takes five metrics of the perfmon.MaxMetrics there are.
const (
	DefaultMaxHosts = 10
	MaxHosts        = 50
)

// Option sets up Calls.
type Option func(*Calls) error

// WithMaxHosts sets how many hosts are timed apart, 0 to MaxHosts: those that are called
// first. The others are timed together, as outgoing_other. Default: DefaultMaxHosts.
func WithMaxHosts(n int) Option {
	return func(c *Calls) error {
		if n < 0 || n > MaxHosts {
			return &perfmon.FieldError{Field: "WithMaxHosts", Value: n, Want: fmt.Sprintf("0 to %d", MaxHosts)}
		}
		c.maxHosts = n
		return nil
	}
}

// Calls times the requests of any number of transports. It is safe for concurrent use.
type Calls struct {
	m        *perfmon.Monitor
	maxHosts int
	all      *host

	hosts atomic.Pointer[map[string]*host] // replaced, never changed; read without a lock
	mu    sync.Mutex                       // of who replaces it
	names map[string]bool                  // of hosts in metrics; mu
	other atomic.Pointer[host]             // made when it is needed, under mu
}

// host is what is counted for a host.
type host struct {
	times  *perfmon.Timer
	errors *perfmon.Share
}

// New registers the metrics of all hosts. A nil monitor, one that has them already and an
// option out of its range are refused with a *perfmon.FieldError.
func New(m *perfmon.Monitor, opts ...Option) (*Calls, error) {
	if m == nil {
		return nil, fmt.Errorf("outgoing: %w", &perfmon.FieldError{Field: "monitor", Value: nil, Want: "a *perfmon.Monitor"})
	}
	c := &Calls{m: m, maxHosts: DefaultMaxHosts, names: map[string]bool{"other": true}}
	for _, o := range opts {
		if err := o(c); err != nil {
			return nil, fmt.Errorf("outgoing: %w", err)
		}
	}
	all, err := c.newHost("outgoing", "all hosts")
	if err != nil {
		return nil, fmt.Errorf("outgoing: %w", err)
	}
	c.all = all
	c.hosts.Store(&map[string]*host{})
	return c, nil
}

func (c *Calls) newHost(prefix, of string) (*host, error) {
	times, err := c.m.Metrics().Timer(perfmon.Metric{
		Name: prefix + "_time", Worse: perfmon.HigherIsWorse, Help: "Time of requests to " + of + " until the headers of the answer.",
	})
	if err != nil {
		return nil, err
	}
	share, err := c.m.Metrics().Share(perfmon.Metric{
		Name: prefix + "_error_rate", Worse: perfmon.HigherIsWorse, Help: "Share of requests to " + of + " without an answer, or with a status of 500 or more.",
	})
	return &host{times, share}, err
}

// Transport returns a transport that times what base sends; nil is http.DefaultTransport.
// One that times for these Calls already is returned as it is.
func (c *Calls) Transport(base http.RoundTripper) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	if t, ok := base.(*transport); ok && t.c == c {
		return t // or each request would count twice
	}
	return &transport{base, c}
}

type transport struct {
	base http.RoundTripper
	c    *Calls
}

// Unwrap returns the transport that sends.
func (t *transport) Unwrap() http.RoundTripper { return t.base }

// CloseIdleConnections does so where the transport that sends can, as http.Client expects.
func (t *transport) CloseIdleConnections() {
	if c, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

func (t *transport) RoundTrip(r *http.Request) (answer *http.Response, err error) {
	if !t.c.m.Recording() {
		return t.base.RoundTrip(r)
	}
	began := t.c.m.Elapsed()
	ended := false
	name := "" // before the transport has the request: it is its own from then on
	if r.URL != nil {
		name = r.URL.Host
	}
	defer func() { // a transport that panics has failed as well
		if ended && errors.Is(err, context.Canceled) {
			return
		}
		took := t.c.m.Elapsed() - began
		failed := uint64(0)
		if !ended || err != nil || answer != nil && answer.StatusCode >= 500 {
			failed = 1
		}
		for _, h := range [...]*host{t.c.all, t.c.host(name)} {
			if h != nil {
				h.times.Record(took)
				h.errors.Add(failed, 1)
			}
		}
	}()
	answer, err = t.base.RoundTrip(r)
	ended = true
	return answer, err
}
