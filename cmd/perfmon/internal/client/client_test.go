package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/client"
)

func dial(t *testing.T, h http.HandlerFunc) *client.Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	base, err := client.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(base, "secret", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestParse(t *testing.T) {
	for server, want := range map[string]string{
		"http://localhost:8080":        "http://localhost:8080/api/monitoring/performance/",
		"https://a.example/":           "https://a.example/api/monitoring/performance/",
		"https://a.example/ops/perf":   "https://a.example/ops/perf/",
		"https://a.example/ops/perf//": "https://a.example/ops/perf//",
		"localhost:8080":               "", "": "", "ftp://a": "", "http://": "", "http://u@a": "", "http://a?b": "", "http://a#b": "", "http://a b": "",
	} {
		u, err := client.Parse(server)
		got := ""
		if err == nil {
			got = u.String()
		}
		if got != want {
			t.Errorf("%q is %q, want %q: %v", server, got, want, err)
		}
	}
}

// An error says what the API said, and how to do better.
func TestErrors(t *testing.T) {
	for want, answer := range map[string]struct {
		status int
		header http.Header
		body   string
	}{
		"hours: bad.": {400, nil, `{"detail":"hours: bad.","parameter":"hours"}`},
		"Who? Give its token by --token, PERFMON_TOKEN or the configuration file.": {401, nil, `{"detail":"Who?","sign_in":"token"}`},
		"Too few.\n  one more":                            {409, nil, `{"detail":"Too few.","missing":["one more"]}`},
		"Busy. Try again in 7 s.":                         {429, http.Header{"Retry-After": {"7"}}, `{"detail":"Busy."}`},
		"Broken. The log of the service has it under r1.": {500, nil, `{"detail":"Broken.","reference":"r1"}`},
		"the server answers 502 Bad Gateway to GET /api/monitoring/performance/health/": {502, http.Header{"Content-Type": {"text/html"}}, `<html>`},
	} {
		c := dial(t, func(w http.ResponseWriter, r *http.Request) {
			if got := r.Header.Get("Authorization"); got != "Bearer secret" {
				t.Errorf("it sends %q", got)
			}
			w.Header().Set("Content-Type", "application/problem+json")
			for k, v := range answer.header {
				w.Header()[k] = v
			}
			w.WriteHeader(answer.status)
			_, _ = io.WriteString(w, answer.body)
		})
		if _, err := c.Health(t.Context(), nil); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	c := dial(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) })
	if _, err := c.Health(t.Context(), nil); !client.NotFound(err) || !strings.Contains(err.Error(), "There is no perfmon API at http://127.0.0.1:") {
		t.Error(err)
	}
	c = dial(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "[1]") })
	if _, err := c.Health(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "GET health/: the answer is not what this version of perfmon reads") {
		t.Error(err)
	}
}

// A threshold keeps both what the library reads of it and what is inherited, and a metric
// its name.
func TestAnswers(t *testing.T) {
	var th client.Threshold
	if err := json.Unmarshal([]byte(`{"metric_name":"error_rate","scope":"service","warning_threshold":5,"critical_threshold":null,"comparison":"greater","enabled":false,"inherited":["min_requests"]}`), &th); err != nil {
		t.Fatal(err)
	}
	want := client.Threshold{
		Threshold: perfmon.Threshold{Metric: "error_rate", Scope: perfmon.ScopeService, Warning: perfmon.ValueOf(5), Comparison: perfmon.Greater, Disabled: true},
		Inherited: []string{"min_requests"},
	}
	if diff := cmp.Diff(want, th); diff != "" {
		t.Error(diff)
	}
	var m client.Metric
	if err := json.Unmarshal([]byte(`{"metric_name":"a","unit":"s","kind":"timing","worse_when":"higher","help":"h","builtin":true}`), &m); err != nil {
		t.Fatal(err)
	}
	if m.Name != "a" || m.Unit != "s" || m.Kind != perfmon.KindTiming || m.Worse != perfmon.HigherIsWorse || !m.BuiltIn {
		t.Errorf("%+v", m)
	}
}

// A report takes the name that the server gives, and never a folder.
func TestReportNames(t *testing.T) {
	for header, want := range map[string]string{
		`attachment; filename="a.csv"`:            "a.csv",
		`attachment; filename="../../etc/passwd"`: "passwd",
		`attachment; filename="..\\..\\boot.ini"`: "boot.ini",
		`attachment; filename=".."`:               "perfmon-report",
		`attachment`:                              "perfmon-report",
		``:                                        "perfmon-report",
	} {
		c := dial(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Disposition", header)
			_, _ = io.WriteString(w, "x")
		})
		var got string
		var body strings.Builder
		err := c.Report(t.Context(), nil, func(name string) (io.Writer, error) { got = name; return &body, nil })
		if err != nil || got != want || body.String() != "x" {
			t.Errorf("%q is %q, want %q: %v", header, got, want, err)
		}
	}
	c := dial(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		_, _ = io.WriteString(w, "half")
	})
	if err := c.Report(t.Context(), nil, func(string) (io.Writer, error) { return io.Discard, nil }); err == nil {
		t.Error("a report that breaks off is none")
	}
}

// scripted is a server of streams: each connection gets the next script, and says what it
// resumed after.
type scripted struct {
	t       *testing.T
	events  chan client.Event
	resumed chan string
	clock   *clock.Mock
}

func follow(t *testing.T, scripts ...func(w http.ResponseWriter, r *http.Request)) *scripted {
	t.Helper()
	s := &scripted{t: t, events: make(chan client.Event), resumed: make(chan string, 10), clock: clock.NewMock()}
	next := make(chan func(http.ResponseWriter, *http.Request), len(scripts))
	for _, script := range scripts {
		next <- script
	}
	c := dial(t, func(w http.ResponseWriter, r *http.Request) {
		s.resumed <- r.Header.Get("Last-Event-ID")
		select {
		case script := <-next:
			script(w, r)
		default:
			<-r.Context().Done()
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.Follow(ctx, s.clock, func(e client.Event) {
			select {
			case s.events <- e:
			case <-ctx.Done():
			}
		})
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return s
}

// next returns the next event as a text.
func (s *scripted) next() string {
	s.t.Helper()
	select {
	case e := <-s.events:
		switch {
		case e.Connected:
			return "connected"
		case e.Lost != nil:
			return fmt.Sprintf("lost, %v: %v", e.Lost.Retry, e.Lost.Err)
		case e.Reset:
			return "reset"
		case e.Alert != nil:
			return fmt.Sprintf("alert %d %s", e.Alert.Number, e.Alert.Change)
		case e.Step != nil:
			v, _ := e.Step.Value("error_rate")
			return fmt.Sprintf("step %v", v)
		case e.Live != nil:
			v, _ := e.Live.Value("error_rate")
			return fmt.Sprintf("live %v", v)
		}
		return fmt.Sprintf("%+v", e)
	case <-time.After(30 * time.Second):
		s.t.Fatal("no event came")
		return ""
	}
}

func (s *scripted) want(events ...string) {
	s.t.Helper()
	for _, want := range events {
		if got := s.next(); got != want {
			s.t.Fatalf("%s, want %s", got, want)
		}
	}
}

func script(text string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
}

// A stream is read as the HTML standard has it, and resumed where it broke off.
func TestFollow(t *testing.T) {
	s := follow(t,
		script("retry: 2000\n\n: a comment\n\n"+
			"event: metrics\ndata: {\"timestamp\":\"2026-03-01T12:00:00Z\",\"error_rate\":5}\n\n"+
			"event: live\ndata: {\"timestamp\":\"2026-03-01T12:00:01Z\",\ndata: \"error_rate\":6}\n\n"+
			"event: alert\nid: 7-x\ndata: {\"number\":7,\"change\":\"opened\"}\n\n"+
			"event: of-a-later-version\ndata: {}\n\n"+
			"event: metrics\ndata: no JSON\n\n"+
			"id: 9-x\n\n"+
			"event: alert\nid: 10-x\ndata: {\"number\":10}"), // cut off: it does not count
		script("event: reset\ndata: {\"after\":9}\n\n"),
		func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "20")
			w.WriteHeader(http.StatusTooManyRequests)
		},
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) },
	)
	s.want("connected", "step 5", "live 6", "alert 7 opened", "lost, 2s: the server closed the stream")
	s.clock.Add(2 * time.Second)
	s.want("connected", "reset", "lost, 2s: the server closed the stream")
	s.clock.Add(2 * time.Second)
	s.want("lost, 20s: the server answers 429 Too Many Requests to GET /api/monitoring/performance/realtime/ Try again in 20 s.")
	s.clock.Add(20 * time.Second)
	s.want("lost, 30s: the server answers 400 Bad Request to GET /api/monitoring/performance/realtime/")
	s.clock.Add(30 * time.Second)
	for i, want := range []string{"", "9-x", "9-x", "9-x", ""} { // after a 400, from now on
		if got := <-s.resumed; got != want {
			t.Errorf("connection %d resumes after %q, want %q", i+1, got, want)
		}
	}
}

// A stream that is open and says nothing is given up.
func TestFollowSilence(t *testing.T) {
	s := follow(t, func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	s.want("connected")
	s.clock.Add(50 * time.Second)
	s.want("lost, 3s: nothing came for 50s")
}
