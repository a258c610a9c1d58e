package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/httpapi"
)

const token = "0123456789abcdef"

// noon is when the clock of a shop begins.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// shop is a monitored service on a mock clock, with its API on a port.
type shop struct {
	*perfmon.Monitor
	t       testing.TB
	clock   *clock.Mock
	rec     *perfmon.Recorder
	queue   *perfmon.Gauge
	samples chan perfmon.Sample
	api     *httpapi.API
	server  *httptest.Server
	env     map[string]string

	mu    sync.Mutex
	calls map[string]bool // that were made: "GET /alerts/"
	down  bool            // the server refuses connections with a 502, as a proxy does
}

func openShop(t testing.TB, opts ...perfmon.Option) *shop {
	t.Helper()
	s := &shop{t: t, clock: clock.NewMock(), samples: make(chan perfmon.Sample, 1), calls: map[string]bool{}}
	s.clock.Set(noon)
	named := perfmon.WithService(perfmon.Service{Name: "shop", Environment: "test", Instance: "i-1", Version: "v1.4.0"})
	m, err := perfmon.New(append([]perfmon.Option{perfmon.WithClock(s.clock), perfmon.WithoutSystemMetrics(), named}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	s.Monitor, s.rec = m, m.NewRecorder()
	if s.queue, err = m.Metrics().Gauge(perfmon.Metric{Name: "basket_mb", Unit: "MiB", Worse: perfmon.HigherIsWorse, Help: "What baskets weigh."}); err != nil {
		t.Fatal(err)
	}
	m.Subscribe(func(x perfmon.Sample) { s.samples <- x })
	if err := m.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	if s.api, err = httpapi.New(m, httpapi.WithBearerToken(token)); err != nil {
		t.Fatal(err)
	}
	s.server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(func() {
		_ = s.api.Close()
		s.server.Close()
		_ = m.Close()
	})
	s.env = map[string]string{"PERFMON_URL": s.server.URL, "PERFMON_TOKEN": token, "XDG_CONFIG_HOME": t.TempDir()}
	return s
}

// serve notes which calls are made.
func (s *shop) serve(w http.ResponseWriter, r *http.Request) {
	path := "/" + strings.TrimPrefix(r.URL.Path, httpapi.DefaultPrefix)
	s.mu.Lock()
	s.calls[r.Method+" "+path] = true
	down := s.down
	s.mu.Unlock()
	if down {
		http.Error(w, "bad gateway", http.StatusBadGateway)
		return
	}
	s.api.ServeHTTP(w, r)
}

func (s *shop) setDown(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

// step lets a step pass with 100 requests, of which some fail, that take about base.
func (s *shop) step(failing int, base time.Duration) {
	s.t.Helper()
	for i := range 100 {
		r := perfmon.Response{Method: "GET", Pattern: "/orders/{id}", Status: 200, Organization: "acme"}
		if i%4 == 0 {
			r = perfmon.Response{Method: "POST", Pattern: "/orders", Status: 201}
		}
		if i < failing {
			r = perfmon.Response{Method: "POST", Pattern: "/orders/{id}/pay", Status: 502}
		}
		s.rec.Record(base+time.Duration(i)*base/100, &r)
	}
	s.queue.Set(12.5)
	s.clock.Add(s.Step())
	select {
	case <-s.samples:
	case <-time.After(30 * time.Second):
		s.t.Fatal("no sample came of a step")
	}
}

// trade makes n steps.
func (s *shop) trade(n, failing int, base time.Duration) {
	s.t.Helper()
	for i := range n {
		s.step(failing, base+time.Duration(i/6*5%9)*base/20)
	}
}

// ran is what a run of the command left.
type ran struct {
	out, err string
	code     int
}

// run runs the command at 80 columns, with the environment of the shop.
func (s *shop) run(args ...string) ran { return s.runIn("", args...) }

// runIn does so with a standard input.
func (s *shop) runIn(in string, args ...string) ran {
	s.t.Helper()
	var out, errs bytes.Buffer
	a := s.app(in, &out, &errs)
	code := a.run(context.Background(), args)
	return ran{s.stable(out.String()), s.stable(errs.String()), code}
}

func (s *shop) app(in string, out, errs *bytes.Buffer) *app {
	return &app{
		in: strings.NewReader(in), out: out, err: errs, clock: s.clock, zone: time.UTC, width: 80,
		getenv: func(name string) string { return s.env[name] },
	}
}

// idForm is what the IDs of alerts and events look like.
var idForm = regexp.MustCompile(`\b01[0-9A-HJKMNP-TV-Z]{24}\b`)

// stable replaces what differs from run to run: the port, and IDs, which are numbered as
// they appear.
func (s *shop) stable(text string) string {
	seen := map[string]string{}
	text = idForm.ReplaceAllStringFunc(text, func(id string) string {
		if seen[id] == "" {
			seen[id] = fmt.Sprintf("ID%024d", len(seen)+1)
		}
		return seen[id]
	})
	text = strings.ReplaceAll(text, s.env["XDG_CONFIG_HOME"], "~/.config")
	return strings.ReplaceAll(text, s.server.URL, "http://127.0.0.1:8080")
}

// get asks the API itself.
func (s *shop) get(path string) string {
	s.t.Helper()
	r := httptest.NewRequest(http.MethodGet, httpapi.DefaultPrefix+path, nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	s.api.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		s.t.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	return s.stable(w.Body.String())
}

// firstAlert is the ID of the latest alert.
func (s *shop) firstAlert() string {
	s.t.Helper()
	list, _ := s.Alerts().List(perfmon.AlertQuery{Limit: 1})
	if len(list) == 0 {
		s.t.Fatal("there is no alert")
	}
	return list[0].ID
}
