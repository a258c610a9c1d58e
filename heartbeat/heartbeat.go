// Package heartbeat tells a dead-man's switch that a monitored service is alive. A monitor
// inside a process cannot tell that the process died: the switch does, when the pings stop.
//
//	m, err := perfmon.New(heartbeat.WithHeartbeat("https://hc-ping.com/4f1c…", time.Minute))
//
// Give the switch a period of every, and a grace of a minute or more.
package heartbeat

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/backend-prs/perfmon"
)

const (
	// MinEvery and MaxEvery bound how often a switch is pinged.
	MinEvery = time.Second
	MaxEvery = 24 * time.Hour

	timeout = 5 * time.Second // of one try, by real time: it protects the host
	tries   = 3               // of one ping
	pause   = time.Second     // before the second try, and twice that before the third
	maxRead = 4 << 10         // of an answer
)

// WithHeartbeat pings a dead-man's switch when the monitor starts, and then every so often,
// MinEvery to MaxEvery, by the monitor's clock. The path of the URL says which of two forms
// the switch has:
//
//   - that of healthchecks.io, unless the path says otherwise: a GET of URL/start at the
//     start, of URL/fail while health is critical, and of the URL itself else;
//   - that of Uptime Kuma's push monitors, where the path has /api/push/: a GET of the URL
//     with status (up, or down while health is critical), msg (why) and ping (the p95 of the
//     response times in milliseconds, where there is one).
//
// Where health turns critical or back, that is told by the next ping. A ping that fails is
// tried three times in all, 5 s each, and then left to the next. Nothing waits for it. The
// log has the first failure of a series. The address holds a secret: errors leave it out.
func WithHeartbeat(address string, every time.Duration) perfmon.Option {
	return perfmon.WithCompanion("heartbeat", &heart{address: address, every: every})
}

// heart pings a switch.
type heart struct {
	address string
	every   time.Duration
	url     *url.URL
	client  *http.Client
}

// Validate implements perfmon.Companion.
func (h *heart) Validate() error {
	u, err := url.Parse(h.address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return &perfmon.FieldError{Field: "URL", Value: h.address, Want: "an absolute http or https URL"}
	}
	if h.every < MinEvery || h.every > MaxEvery {
		return &perfmon.FieldError{Field: "Every", Value: h.every, Want: fmt.Sprintf("%v to %v", MinEvery, MaxEvery)}
	}
	h.url = u
	// A connection of its own: neither the host's default client nor its proxies' state is
	// touched, and an answer that leads elsewhere is none.
	h.client = &http.Client{
		Timeout:       timeout,
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConns: 1, IdleConnTimeout: time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return nil
}

// Run implements perfmon.Companion.
func (h *heart) Run(ctx context.Context, m *perfmon.Monitor, report func(error)) {
	defer h.client.CloseIdleConnections()
	ticker := m.Clock().Ticker(h.every)
	defer ticker.Stop()
	report(h.ping(ctx, m.Clock(), h.target(m, true)))
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			report(h.ping(ctx, m.Clock(), h.target(m, false)))
		}
	}
}

// target returns what to get.
func (h *heart) target(m *perfmon.Monitor, start bool) string {
	u := *h.url
	health := m.Health(perfmon.AlertQuery{})
	critical := health.Status == perfmon.HealthCritical
	if strings.Contains(u.Path, "/api/push/") {
		q := u.Query()
		q.Set("status", "up")
		if critical {
			q.Set("status", "down")
		}
		q.Set("msg", health.Reason)
		q.Del("ping")
		if s, ok := m.Current(); ok {
			if p95, ok := s.Value(perfmon.ResponseTimeP95); ok {
				q.Set("ping", strconv.FormatFloat(1000*p95, 'f', 1, 64))
			}
		}
		u.RawQuery = q.Encode()
		return u.String()
	}
	switch {
	case critical:
		u = *u.JoinPath("fail")
	case start:
		u = *u.JoinPath("start")
	}
	return u.String()
}

// ping gets a target, and tries again where that fails.
func (h *heart) ping(ctx context.Context, clk clock.Clock, target string) (err error) {
	for try := range tries {
		if try > 0 {
			timer := clk.Timer(pause << (try - 1))
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
				return nil // the monitor is closed: that is no failure
			}
		}
		if err = h.get(ctx, target); err == nil || ctx.Err() != nil {
			return nil
		}
	}
	return fmt.Errorf("%d tries: %w", tries, err)
}

func (h *heart) get(ctx context.Context, target string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return errors.New("the address cannot be asked")
	}
	r.Header.Set("User-Agent", "perfmon")
	resp, err := h.client.Do(r)
	if err != nil {
		var e *url.Error
		if errors.As(err, &e) {
			err = e.Err // without the address
		}
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxRead)) // so that the connection serves again
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("the answer is %s", resp.Status)
	}
	return nil
}
