package main

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/internal/golden"
)

// Every call that the description of the API lists is made by some verb. What one verb
// makes is what the server sees of it.
func TestEveryCallIsReachable(t *testing.T) {
	s := busy(t)
	file := filepath.Join(t.TempDir(), "report.json")
	made := map[string]string{} // the verb that makes a call
	silence, err := s.Silences().Add(perfmon.NewSilence{Metric: "fan", Until: s.Now().Add(time.Hour), Reason: "r"}, "ann")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Alerts().Raise(perfmon.HostAlert{Metric: "disk", Severity: perfmon.Critical, Message: "m"}); err != nil {
		t.Fatal(err)
	}
	var letters []perfmon.DeadLetter
	for len(letters) == 0 {
		s.clock.Add(time.Second) // grouping
		letters, _ = s.Notifications().DeadLetters("chat")
	}
	for _, args := range [][]string{
		{"status"}, {"dashboard"}, {"health"}, {"alerts"}, {"alerts", "show", s.firstAlert()}, {"alerts", "acknowledge", s.firstAlert()}, {"thresholds"},
		{"thresholds", "set", "error_rate", "--warning=4"}, {"thresholds", "backtest", "error_rate"}, {"thresholds", "remove", "error_rate"}, {"metrics"},
		{"endpoints"}, {"trends"}, {"anomalies"}, {"series"}, {"baseline"}, {"baseline", "set"}, {"events"}, {"events", "add", "--note=x"}, {"silences"}, {"silences", "add", "--for=2h", "--reason=r"}, {"silences", "end", silence.ID},
		{"notify"}, {"notify", "who", "error_rate"}, {"notify", "test", "chat"}, {"notify", "resend", "chat", letters[0].Notification.ID}, {"report", "-o", file},
		{"config"}, {"config", "set", "consecutive_violations=2"}, {"diagnostics"}, {"session"}, {"test"},
	} {
		s.noteCalls(made, strings.Join(args, " "), func() {
			if got := s.run(args...); got.err != "" && args[0] != "report" {
				t.Errorf("%q: %s", args, got.err)
			}
		})
	}
	s.noteCalls(made, "watch", func() {
		// Its first line ends it.
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		a := s.app("", nil, &bytes.Buffer{})
		a.out = writer(func(p []byte) { cancel() })
		a.run(ctx, []string{"watch", "--output-format=json"})
	})
	// Cookies are for browsers, so there is no verb for them but the one for any call.
	s.noteCalls(made, "api", func() {
		s.runIn(`{"token":"`+token+`"}`, "api", "POST", "session", "--input", "-")
		s.run("api", "DELETE", "session")
	})

	var description struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal([]byte(s.get("openapi.json")), &description); err != nil {
		t.Fatal(err)
	}
	for path, item := range description.Paths {
		form := regexp.MustCompile("^" + regexp.MustCompile(`\\\{[a-z_]+\\\}`).ReplaceAllString(regexp.QuoteMeta(path), "[^/]+") + "/?$")
		for method := range item {
			method = strings.ToUpper(method)
			if !slices.Contains(methods, method) {
				continue
			}
			found := false
			for call := range made {
				m, p, _ := strings.Cut(call, " ")
				found = found || m == method && form.MatchString(p) && (strings.Contains(path, "{") || strings.Trim(p, "/") == strings.Trim(path, "/"))
			}
			if !found {
				t.Errorf("no verb makes %s %s", method, path)
			}
		}
		if !slices.Contains(known, path) {
			t.Errorf("%s is not among those that \"perfmon test\" knows", path)
		}
	}
	for _, path := range known {
		if _, ok := description.Paths[path]; !ok {
			t.Errorf("the description has no %s, which \"perfmon test\" looks for", path)
		}
	}
}

// noteCalls notes the calls that the server sees while f runs.
func (s *shop) noteCalls(made map[string]string, verb string, f func()) {
	s.mu.Lock()
	s.calls = map[string]bool{}
	s.mu.Unlock()
	f()
	s.mu.Lock()
	defer s.mu.Unlock()
	for call := range s.calls {
		made[call] = verb
	}
}

type writer func(p []byte)

func (w writer) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

// Every parameter of a call that reads has a flag of the verb that makes it.
func TestParametersHaveFlags(t *testing.T) {
	s := openShop(t)
	var description struct {
		Paths map[string]struct {
			Get struct {
				Parameters []struct {
					Name, In string
					Ref      string `json:"$ref"`
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(s.get("openapi.json")), &description); err != nil {
		t.Fatal(err)
	}
	a := s.app("", &bytes.Buffer{}, &bytes.Buffer{})
	root := a.root()
	for path, verb := range map[string]string{
		"/dashboard/": "dashboard", "/alerts/": "alerts list", "/endpoints/": "endpoints", "/trends/": "trends", "/series/": "series", "/health/": "health", "/anomalies/": "anomalies", "/baseline/": "baseline",
		"/events/": "events list", "/reports/": "report", "/silences/": "silences list", "/notifiers/who/": "notify who",
	} {
		cmd, _, err := root.Find(strings.Fields(verb))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range description.Paths[path].Get.Parameters {
			if p.Ref == "#/components/parameters/Instance" {
				p.In, p.Name = "query", "instance"
			}
			always := path == "/dashboard/" && (p.Name == "trends" || p.Name == "alerts") || p.Name == "metric" && path == "/notifiers/who/"
			if p.In == "query" && !always && cmd.Flag(strings.ReplaceAll(p.Name, "_", "-")) == nil {
				t.Errorf("%s has no --%s", verb, p.Name)
			}
		}
	}
}

// Every verb says what it does, with an example that names it.
func TestHelp(t *testing.T) {
	s := openShop(t)
	a := s.app("", &bytes.Buffer{}, &bytes.Buffer{})
	for _, cmd := range a.root().Commands() {
		if cmd.Hidden {
			continue
		}
		for _, cmd := range append(cmd.Commands(), cmd) {
			if cmd.Short == "" || cmd.Long == "" || !strings.Contains(cmd.Example, cmd.CommandPath()) {
				t.Errorf("%s: %q\n%q\n%q", cmd.CommandPath(), cmd.Short, cmd.Long, cmd.Example)
			}
			args := append(strings.Fields(cmd.CommandPath())[1:], "--help")
			if got := s.run(args...); got.code != exitFine || !strings.Contains(got.out, "Examples:") {
				t.Errorf("%q: %+v", args, got)
			} else if wide := widest(got.out); len(wide) > helpWidth {
				t.Errorf("%q: %q is wider than %d", args, wide, helpWidth)
			}
		}
	}
	golden.Text(t, "help.txt", []byte(s.run("--help").out))
}

// widest returns the longest line that is no example.
func widest(text string) (line string) {
	for _, l := range strings.Split(text, "\n") {
		if len(l) > len(line) && !strings.Contains(l, "perfmon ") {
			line = l
		}
	}
	return line
}

func TestVersion(t *testing.T) {
	s := openShop(t)
	if got := s.run("--version"); got.code != 0 || !regexp.MustCompile(`^perfmon \S+.* go1\.\S+\n$`).MatchString(got.out) {
		t.Errorf("%+v", got)
	}
}

// Completion knows verbs, and the metrics of the server.
func TestCompletion(t *testing.T) {
	s := openShop(t)
	for shell, want := range map[string]string{"bash": "__start_perfmon", "zsh": "#compdef perfmon", "fish": "complete -c perfmon", "powershell": "Register-ArgumentCompleter"} {
		if got := s.run("completion", shell); got.code != 0 || !strings.Contains(got.out, want) {
			t.Errorf("%s: %d %.200s", shell, got.code, got.out)
		}
	}
	for want, args := range map[string][]string{
		"dashboard\tEverything for a first look": {"__complete", "da"},
		"basket_mb\tWhat baskets weigh.":         {"__complete", "series", "--metric", ""},
		"endpoint\n":                             {"__complete", "thresholds", "set", "error_rate", "--scope", ""},
		"critical\n":                             {"__complete", "alerts", "--severity", ""},
	} {
		if got := s.run(args...); !strings.Contains(got.out, want) {
			t.Errorf("%q: %+v", args, got)
		}
	}
}

func TestMan(t *testing.T) {
	s := openShop(t)
	s.env["SOURCE_DATE_EPOCH"] = "1772366400"
	got := s.run("man")
	for _, want := range []string{`.TH "PERFMON" "1" "Mar 2026" "perfmon"`, "perfmon-check(1)", `\fB--output-format\fP`, "production:"} {
		if !strings.Contains(got.out, want) {
			t.Errorf("there is no %q in %s", want, got.out)
		}
	}
	dir := t.TempDir()
	if got := s.run("man", "--dir", dir); got.code != 0 {
		t.Error(got.err)
	}
	pages, err := filepath.Glob(filepath.Join(dir, "perfmon-thresholds*.1"))
	if err != nil || len(pages) != 7 {
		t.Errorf("%q %v", pages, err)
	}
	s.env["SOURCE_DATE_EPOCH"] = "never"
	if got := s.run("man"); got.code != exitUnknown || !strings.Contains(got.err, `SOURCE_DATE_EPOCH: "never" is not valid`) {
		t.Errorf("%+v", got)
	}
}

// A report goes to the standard output, to a file, or into a folder under the server's
// name; one that fails leaves nothing.
func TestReport(t *testing.T) {
	s := busy(t)
	want := s.get("reports/?type=detailed&hours=1&format=csv")
	if diff := cmp.Diff(want, s.run("report", "--type=detailed", "--hours=1", "--output-format=csv").out); diff != "" {
		t.Error(diff)
	}
	dir := t.TempDir()
	if got := s.run("report", "--format=html", "-o", dir); got.code != 0 || !strings.HasSuffix(got.err, "perfmon-shop-summary-2026-03-01T1311Z.html\n") {
		t.Errorf("%+v", got)
	}
	if got := s.run("report", "--format=pdf", "-o", filepath.Join(dir, "x")); got.code != exitUnknown {
		t.Errorf("%+v", got)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 {
		t.Errorf("%q %v", files, err)
	}
}

// Colours are for a terminal, without NO_COLOR.
func TestColours(t *testing.T) {
	s := busy(t)
	for _, test := range []struct {
		terminal bool
		env      map[string]string
		want     bool
	}{{true, nil, true}, {false, nil, false}, {true, map[string]string{"NO_COLOR": "1"}, false}, {true, map[string]string{"TERM": "dumb"}, false}} {
		var out bytes.Buffer
		a := s.app("", &out, &bytes.Buffer{})
		a.terminal = test.terminal
		getenv := a.getenv
		a.getenv = func(name string) string {
			if v, ok := test.env[name]; ok {
				return v
			}
			return getenv(name)
		}
		a.run(context.Background(), []string{"status"})
		if got := strings.Contains(out.String(), "\x1b[33mwarning\x1b[0m: error_rate"); got != test.want || strings.Contains(out.String(), "\x1b") != test.want {
			t.Errorf("%+v: %q", test, out.String())
		}
	}
}
