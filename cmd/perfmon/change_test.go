package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/internal/golden"
)

// What verbs change is what the monitor then has; people see the thing as it is now, and
// JSON is the answer of the API.
func TestChanges(t *testing.T) {
	s := busy(t)
	var all strings.Builder
	for _, test := range []struct {
		args []string
		code int
		want func() any
		is   any
	}{
		{[]string{"alerts", "acknowledge", "FIRST"}, 0, func() any { return s.alert().State }, perfmon.AlertAcknowledged},
		{[]string{"alerts", "escalate", "FIRST"}, 0, func() any { return s.alert().Severity }, perfmon.Critical},
		{[]string{"alerts", "escalate", "FIRST"}, 0, func() any { return s.alert().Severity }, perfmon.Critical},
		{[]string{"alerts", "dismiss", "FIRST", "01KNCV2NHTPR1QGF3G2QSXS4Q1"}, exitUnknown, func() any { return s.alert().State }, perfmon.AlertDismissed},
		{[]string{"alerts", "acknowledge", "FIRST"}, exitUnknown, func() any { return s.alert().State }, perfmon.AlertDismissed},
		{
			[]string{"thresholds", "set", "response_time_p95", "--scope", "endpoint", "--applies-to", "GET /orders/*", "--warning", "0.5", "--critical", "none", "--cooldown", "1h30m", "--in-a-row", "5", "--absent-after", "2m", "--min-requests", "20"},
			0, func() any { return s.threshold("response_time_p95", "GET /orders/*") },
			perfmon.Threshold{
				Metric: "response_time_p95", Scope: perfmon.ScopeEndpoint, AppliesTo: "GET /orders/*", Warning: perfmon.ValueOf(0.5), Comparison: perfmon.Greater,
				ConsecutiveViolations: 5, Cooldown: 90 * time.Minute, MinRequests: 20, AbsentAfter: 2 * time.Minute,
			},
		},
		{[]string{"thresholds", "set", "response_time_p95", "--cooldown", "default", "--warning", "1"}, 0, func() any { return s.threshold("response_time_p95", "").Warning }, perfmon.ValueOf(1)},
		{[]string{"thresholds", "disable", "response_time_p95", "--scope=endpoint", "--applies-to=GET /orders/*"}, 0, func() any { return s.threshold("response_time_p95", "GET /orders/*").Disabled }, true},
		{[]string{"thresholds", "enable", "response_time_p95", "--scope=endpoint", "--applies-to=GET /orders/*"}, 0, func() any { return s.threshold("response_time_p95", "GET /orders/*").Disabled }, false},
		{[]string{"thresholds", "remove", "response_time_p95", "--scope=endpoint", "--applies-to=GET /orders/*"}, 0, func() any { return len(s.Thresholds().All()) }, 8},
		{[]string{"thresholds", "backtest", "error_rate", "--hours", "1", "--warning", "3", "--in-a-row", "1"}, 0, func() any { return s.threshold("error_rate", "").Warning }, perfmon.ValueOf(5)},
		{[]string{"thresholds", "backtest", "response_time_p95"}, 0, func() any { return nil }, nil},
		{[]string{"config", "set", "alert_cooldown_minutes=5", "sensitivities.error_rate=0.3", "trend_analysis=false"}, 0, func() any { return s.Config().Settings().Sensitivities["error_rate"] }, 0.3},
		{[]string{"config", "set", "sensitivities.error_rate=null"}, 0, func() any { return len(s.Config().Settings().Sensitivities) }, 0},
		{[]string{"events", "add", "--version", "v1.5.0", "--title", "new checkout"}, 0, func() any { return s.History().Markers(0)[0].Version }, "v1.5.0"},
		{[]string{"events", "add", "--note", "cache cleared"}, 0, func() any { return s.History().Markers(0)[0].Title }, "cache cleared"},
		{[]string{"silences", "add", "--for", "90m", "--reason", "new disks", "--metric", "error_*"}, 0, func() any { return s.Silences().List()[0].Until.Sub(s.Silences().List()[0].From) }, 90 * time.Minute},
		{[]string{"silences", "--wide"}, 0, func() any { return nil }, nil},
		{[]string{"alerts", "acknowledge", "FIRST"}, exitUnknown, func() any { return s.alert().State }, perfmon.AlertDismissed},
		{[]string{"silences", "add", "--until", "2026-03-02T12:00:00Z", "--from", "2026-03-02T11:00:00Z", "--reason", "load test", "--scope", "endpoint", "--endpoint", "GET *"}, 0, func() any { return s.Silences().List()[0].Endpoint }, "GET *"},
		{[]string{"silences", "end", "SILENCE"}, 0, func() any { return s.Silences().List()[0].EndedAt.IsZero() }, false},
		{[]string{"silences"}, 0, func() any { return len(s.Silences().List()) }, 2},
		{[]string{"notify", "test", "chat"}, 0, func() any { return nil }, nil},
		{[]string{"thresholds", "set", "error_rate", "--runbook", "https://wiki.example.com/errors"}, 0, func() any { return s.threshold("error_rate", "").Runbook }, "https://wiki.example.com/errors"},
		{[]string{"thresholds", "set", "error_rate", "--runbook", "none"}, 0, func() any { return s.threshold("error_rate", "").Runbook }, ""},
		{[]string{"baseline", "set", "--baseline-duration", "30"}, 0, func() any { return s.Baselines().List()[0].DurationMinutes }, 30.0},
		{[]string{"baseline", "set"}, 0, func() any { return s.Baselines().List()[0].DurationMinutes }, 60.0},
	} {
		args := append([]string{}, test.args...)
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "FIRST", s.firstAlert())
			if list := s.Silences().List(); len(list) > 0 {
				args[i] = strings.ReplaceAll(args[i], "SILENCE", list[0].ID)
			}
		}
		got := s.run(args...)
		if got.code != test.code || got.err != "" {
			t.Errorf("%q: exit code %d, want %d: %s", test.args, got.code, test.code, got.err)
		}
		if diff := cmp.Diff(test.is, test.want()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", test.args, diff)
		}
		all.WriteString("$ perfmon " + strings.Join(test.args, " ") + "\n" + got.out + "\n")
	}
	golden.Text(t, "changes.txt", []byte(all.String()))
}

// In JSON, changes print the answer of the API.
func TestChangesInJSON(t *testing.T) {
	s := busy(t)
	for _, args := range [][]string{
		{"alerts", "acknowledge", s.firstAlert()}, {"thresholds", "set", "error_rate", "--warning", "4"}, {"thresholds", "disable", "error_rate"},
		{"thresholds", "remove", "error_rate"}, {"thresholds", "backtest", "cache_hit_rate"}, {"config", "set", "consecutive_violations=2"},
		{"events", "add", "--note", "x"}, {"baseline", "set", "--baseline-duration=20"},
	} {
		got := s.run(append(args, "--output-format=json")...)
		if got.code != 0 || got.err != "" || !json.Valid([]byte(got.out)) || !strings.HasPrefix(got.out, "{") || !strings.HasSuffix(got.out, "}\n") {
			t.Errorf("%q: %+v", args, got)
		}
	}
}

// A wrong value is an error that names it, with exit code 3, and changes nothing.
func TestWrongUse(t *testing.T) {
	s := busy(t)
	before := s.Diagnostics().Store.Record
	var all strings.Builder
	for _, args := range [][]string{
		{"nothing"},
		{"--action=nothing"},
		{"alerts", "nothing"},
		{"status", "extra"},
		{"status", "--nothing"},
		{"status", "--output-format=xml"},
		{"status", "--url", "localhost:8080"},
		{"status", "--url", "http://user:secret@localhost/"},
		{"status", "--timeout", "0s"},
		{"status", "--token", "has space"},
		{"status", "--env", "nowhere"},
		{"dashboard", "--hours=49"},
		{"alerts", "--severity=bad"},
		{"alerts", "show", "X"},
		{"alerts", "acknowledge"},
		{"thresholds", "--threshold-type=warning"},
		{"thresholds", "--metric=error_rate", "--threshold-type=mild", "--threshold-value=1"},
		{"thresholds", "--enable"},
		{"thresholds", "--metric=error_rate", "--enable", "--disable"},
		{"thresholds", "set", "error_rate"},
		{"thresholds", "set", "error_rate", "--warning", "much"},
		{"thresholds", "set", "error_rate", "--cooldown", "5"},
		{"thresholds", "set", "error_rate", "--warning", "20"},
		{"thresholds", "set", "nothing", "--warning", "20"},
		{"thresholds", "remove", "nothing"},
		{"baseline", "--baseline-duration=0"},
		{"baseline", "set", "--baseline-duration", "600"},
		{"config", "get", "nothing"},
		{"config", "set", "alert_cooldown_minutes"},
		{"config", "set", "alert_cooldown_minutes=5", "alert_cooldown_minutes=6"},
		{"config", "set", "alert_cooldown_minutes=-1"},
		{"config", "set", "nothing=1"},
		{"events", "add"},
		{"events", "add", "--note", "x", "--version", "v1"},
		{"silences", "add", "--reason", "x"},
		{"silences", "add", "--reason", "x", "--for", "0s"},
		{"silences", "add", "--for", "1h"},
		{"silences", "add", "--reason", "x", "--for", "1h", "--scope", "galaxy"},
		{"silences", "end", "X"},
		{"notify", "test", "nobody"},
		{"notify", "who"},
		{"notify", "who", "Error"},
		{"notify", "resend", "chat", "X"},
		{"thresholds", "set", "error_rate", "--runbook", "wiki"},
		{"series", "nothing"},
		{"report", "--type=long"},
		{"report", "--format=pdf"},
		{"api", "nothing/"},
		{"api", "health/", "x"},
		{"api", "PUT", "config/", "--input", "-"},
		{"check", "error_rate"},
		{"check", "error_rate<x"},
		{"check", "--health", "good"},
		{"check", "--minutes", "0"},
		{"check", "--tolerate", "101"},
		{"check", "--wait", "0", "nothing<1"},
		{"watch"},
		{"completion", "csh"},
		{"analyze"},
		{"analyze", "testdata/nothing.csv"},
		{"analyze", "-", "--worse", "up"},
		{"analyze", "-", "--zone", "Nowhere"},
		{"analyze", "-"},
		{"compare", "-", "-"},
		{"compare", "-", "-", "--tolerance", "-1"},
	} {
		got := s.run(args...)
		if got.code != exitUnknown || got.out != "" || !strings.HasPrefix(got.err, "perfmon: ") {
			t.Errorf("%q: %+v", args, got)
		}
		all.WriteString("$ perfmon " + strings.Join(args, " ") + "\n" + got.err + "\n")
	}
	if after := s.Diagnostics().Store.Record; after != before {
		t.Errorf("%d records, and there were %d", after, before)
	}
	golden.Text(t, "wrong.txt", []byte(all.String()))
}

func (s *shop) alert() perfmon.Alert {
	s.t.Helper()
	a, err := s.Alerts().Get(s.firstAlert())
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

func (s *shop) threshold(metric, pattern string) perfmon.Threshold {
	s.t.Helper()
	id := perfmon.ThresholdID{Metric: metric, AppliesTo: pattern}
	if pattern != "" {
		id.Scope = perfmon.ScopeEndpoint
	}
	th, err := s.Thresholds().Get(id)
	if err != nil {
		s.t.Fatal(err)
	}
	return th
}
