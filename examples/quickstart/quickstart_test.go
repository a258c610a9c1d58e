package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/backend-prs/perfmon/httpapi"
)

const testToken = "0123456789abcdef"

// quickstart is the program, run as main does, on a port of its own.
type quickstart struct {
	t     *testing.T
	link  string // that it prints
	base  string
	lines chan string // what it prints
	stop  func()
}

func launch(t *testing.T, c config) *quickstart {
	t.Helper()
	c.addr, c.token = "127.0.0.1:0", testToken
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, c, w)
		_ = w.Close()
		ended <- err
	}()
	q := &quickstart{t: t, lines: make(chan string, 1000)}
	go func() {
		for s := bufio.NewScanner(r); s.Scan(); {
			q.lines <- s.Text()
		}
		close(q.lines)
	}()
	stopped := false
	q.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(q.stop)
	first := <-q.lines
	var ok bool
	q.link, ok = strings.CutPrefix(first, "dashboard  ")
	q.base, _, _ = strings.Cut(q.link, httpapi.DefaultPrefix)
	if !ok || !strings.HasPrefix(q.base, "http://127.0.0.1:") {
		t.Fatalf("it prints %q first", first)
	}
	return q
}

// The link that it prints first opens the dashboard page, and has the token that signs in
// where no server sees it. What the page then shows has begun with a deploy.
func TestLink(t *testing.T) {
	q := launch(t, config{step: time.Second, interval: 10 * time.Second})
	link, err := url.Parse(q.link)
	if err != nil {
		t.Fatal(err)
	}
	token, err := url.ParseQuery(link.Fragment)
	if err != nil || token.Get("token") != testToken || link.RawQuery != "" {
		t.Fatalf("%s: %v, %v", q.link, token, err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := http.Client{Jar: jar}
	ask := func(method, path, body string, want int) string {
		t.Helper()
		to, err := link.Parse(path)
		if err != nil {
			t.Fatal(err)
		}
		to.Fragment = ""
		r, err := http.NewRequest(method, to.String(), strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		resp, err := browser.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		text, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != want {
			t.Fatalf("%s %s: %d, want %d: %s", method, to, resp.StatusCode, want, text)
		}
		return string(text)
	}
	if page := ask("GET", "", "", 200); !strings.Contains(page, "<!doctype html>") {
		t.Errorf("the link opens %.200s", page)
	}
	ask("GET", "dashboard/", "", 401)
	ask("POST", "session", `{"token":"`+token.Get("token")+`"}`, 201)
	if d := ask("GET", "dashboard/", "", 200); !strings.Contains(d, `"kind":"deploy","version":"v1.4.0"`) {
		t.Errorf("no deploy: %.300s", d)
	}
}

// The files of the page are those of a folder where one is given.
func TestPageOfAFolder(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "index.html"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	q := launch(t, config{step: time.Second, interval: 10 * time.Second, page: folder})
	resp, err := http.Get(q.base + httpapi.DefaultPrefix)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if text, err := io.ReadAll(resp.Body); err != nil || string(text) != "mine" {
		t.Errorf("%s %v", text, err)
	}
}

// get calls the API.
func (q *quickstart) get(path string, v any) {
	q.t.Helper()
	r, err := http.NewRequest("GET", q.base+httpapi.DefaultPrefix+path, nil)
	if err != nil {
		q.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+testToken)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		q.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(resp.Body).Decode(v); err != nil || resp.StatusCode != 200 {
		q.t.Fatalf("%s: %d, %v", path, resp.StatusCode, err)
	}
}

// await reads what is printed until a line has all parts, within a time.
func (q *quickstart) await(within time.Duration, parts ...string) string {
	q.t.Helper()
	timeout := time.After(within)
	for {
		select {
		case line, ok := <-q.lines:
			if !ok {
				q.t.Fatalf("it ended before it printed %q", parts)
			}
			if !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(line, p) }) {
				return line
			}
		case <-timeout:
			q.t.Fatalf("nothing with %q was printed within %v", parts, within)
		}
	}
}

type dashboard struct {
	Service struct{ Name string }
	Current map[string]any
	Health  struct{ Status string }
	Series  struct {
		Metrics map[string]struct{ Values []*float64 }
	}
	Endpoints []struct {
		Endpoint string
		Requests int
		P50      float64 `json:"response_time_p50"`
		P95      float64 `json:"response_time_p95"`
		P99      float64 `json:"response_time_p99"`
	}
}

// With traffic, all that there is has figures within 15 s, and an alert is opened,
// becomes critical and is resolved within two minutes, as the callback and the API say.
// The endpoint that fails has an alert as well.
func TestTraffic(t *testing.T) {
	q := launch(t, config{traffic: true, step: time.Second, interval: 10 * time.Second})
	began := time.Now()
	var d dashboard
	missing := []string{""}
	for len(missing) > 0 {
		if time.Since(began) > 15*time.Second {
			t.Fatalf("after 15 s there is no %v", missing)
		}
		time.Sleep(200 * time.Millisecond) // between two looks
		q.get("dashboard/?hours=0.1", &d)
		missing = missing[:0]
		for _, metric := range []string{
			"response_time_p50", "response_time_p95", "response_time_p99", "response_time_avg", "throughput_rps", "error_rate",
			"requests_in_flight", "active_users", "active_sessions", "cache_hit_rate", "database_pool_usage", "database_query_time_avg",
			"queue_size", "memory_usage_mb", "memory_usage_percent", "cpu_usage_percent", "process_cpu_percent", "goroutines", "heap_mb",
		} {
			if d.Current[metric] == nil {
				missing = append(missing, metric)
			}
		}
		if len(d.Endpoints) < 7 {
			missing = append(missing, "endpoints")
		}
	}
	if d.Service.Name != "shop" {
		t.Errorf("the service is %q", d.Service.Name)
	}
	if rps := d.Current["throughput_rps"].(float64); rps < 20 {
		t.Errorf("throughput %v", rps)
	}

	q.await(time.Minute, "warning opened", "error_rate of service")
	var alerts struct {
		Alerts []struct {
			ID       string `json:"alert_id"`
			Metric   string `json:"metric_name"`
			Endpoint string // "" for an alert of the service
			Severity string
			State    string
			Changes  []struct{ Change, Severity string }
		}
	}
	q.get("alerts/?active_only=true&metric=error_rate", &alerts)
	if len(alerts.Alerts) == 0 {
		t.Error("the API has no active alert")
	}
	q.await(time.Minute, "critical escalated", "error_rate of service")
	q.get("health/", &d.Health)
	if d.Health.Status != "critical" {
		t.Errorf("health is %s", d.Health.Status)
	}
	q.await(time.Minute, "critical resolved", "error_rate of service")
	if took := time.Since(began); took > 2*time.Minute {
		t.Errorf("it took %v", took)
	}
	q.get("alerts/?metric=error_rate", &alerts)
	var life []string
	paying := false
	for _, a := range alerts.Alerts {
		paying = paying || a.Endpoint == "POST /orders/{id}/pay"
		if a.Endpoint == "" && life == nil {
			for _, c := range a.Changes {
				life = append(life, c.Change)
			}
		}
	}
	if got := strings.Join(life, " "); got != "opened escalated resolved" {
		t.Errorf("the API says %q", got)
	}
	if !paying {
		t.Error("the endpoint that fails has no alert of its own")
	}
	q.stop()
	q.await(time.Second, "shutting down")
}

func TestBadFlags(t *testing.T) {
	for want, c := range map[string]config{
		"WithStep":     {addr: "127.0.0.1:0", step: -1, interval: 10 * time.Second},
		"WithInterval": {addr: "127.0.0.1:0", step: time.Second, interval: 0},
		"listen":       {addr: "nowhere:-1", step: time.Second, interval: time.Second},
		"page files":   {addr: "127.0.0.1:0", step: time.Second, interval: time.Second, page: t.TempDir()},
		"-token: want at least 16 bytes, it has 5":  {addr: "127.0.0.1:0", step: time.Second, interval: time.Second, token: "short"},
		"-token: want at least 16 bytes, it has 15": {addr: "127.0.0.1:0", step: time.Second, interval: time.Second, token: testToken[1:]},
	} {
		if err := run(t.Context(), c, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
