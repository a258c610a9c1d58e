package prom_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/prom"
)

// bench is a monitor on a mock clock, with a registry that has a collector over it.
type bench struct {
	*perfmon.Monitor
	t       testing.TB
	clock   *clock.Mock
	rec     *perfmon.Recorder
	samples chan perfmon.Sample
	handler http.Handler
}

func start(t testing.TB, monitor []perfmon.Option, options ...prom.Option) *bench {
	t.Helper()
	b := &bench{t: t, clock: clock.NewMock(), samples: make(chan perfmon.Sample, 1)}
	b.clock.Set(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	m, err := perfmon.New(append([]perfmon.Option{perfmon.WithClock(b.clock), perfmon.WithoutSystemMetrics()}, monitor...)...)
	if err != nil {
		t.Fatal(err)
	}
	b.Monitor, b.rec = m, m.NewRecorder()
	over := make(chan struct{})
	m.Subscribe(func(s perfmon.Sample) {
		select {
		case b.samples <- s:
		case <-over:
		}
	})
	if err := m.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		close(over)
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	c, err := prom.New(m, options...)
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(c)
	b.handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true})
	return b
}

// step lets one step pass.
func (b *bench) step() {
	b.t.Helper()
	b.clock.Add(b.Step())
	select {
	case <-b.samples:
	case <-time.After(30 * time.Second):
		b.t.Fatal("no sample came of a step")
	}
}

func (b *bench) request(d time.Duration, method, pattern string, status int) {
	b.rec.Record(d, &perfmon.Response{Method: method, Pattern: pattern, Status: status})
}

// scrape returns what a scrape in text form shows.
func (b *bench) scrape() string {
	b.t.Helper()
	return b.scrapeAs("")
}

// scrapeAs does so in a form that is asked for.
func (b *bench) scrapeAs(accept string) string {
	b.t.Helper()
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/metrics", nil)
	r.Header.Set("Accept", accept)
	b.handler.ServeHTTP(w, r)
	body, err := io.ReadAll(w.Body)
	if err != nil || w.Code != http.StatusOK {
		b.t.Fatalf("%d %v\n%s", w.Code, err, body)
	}
	return string(body)
}

// lines returns the samples of a scrape that begin with one of some prefixes.
func lines(scrape string, prefixes ...string) string {
	var b strings.Builder
	for line := range strings.Lines(scrape) {
		for _, p := range prefixes {
			if strings.HasPrefix(line, p) {
				b.WriteString(line)
				break
			}
		}
	}
	return b.String()
}
