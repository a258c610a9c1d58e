package main

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/internal/golden"
)

// busy is a shop with 70 minutes behind it, a baseline, and payments that fail now.
func busy(t testing.TB) *shop {
	t.Helper()
	s := openShop(t, perfmon.WithNotifier("chat", chat{}, perfmon.Route{Severity: perfmon.Critical}))
	s.trade(70*6, 0, 20*time.Millisecond)
	if _, err := s.Baselines().Establish(time.Hour, "ann"); err != nil {
		t.Fatal(err)
	}
	s.trade(6, 8, 20*time.Millisecond)
	for s.Notifications().List()[0].Waiting > 0 { // until it has seen that the alert is not for it
		runtime.Gosched()
	}
	return s
}

// chat is a notifier that takes everything but warnings of a broken room.
type chat struct{}

func (chat) Notify(_ context.Context, n perfmon.Notification) error {
	if n.Kind == perfmon.NotifyAlerts {
		return &perfmon.UndeliverableError{Err: errors.New("no such room")}
	}
	return nil
}

// Every verb that reads, as people see it at 80 columns. In JSON it is the API's own
// answer, byte for byte.
func TestVerbs(t *testing.T) {
	s := busy(t)
	for _, test := range []struct {
		name string
		args string // before --output-format
		json string // the call whose answer JSON is; "" is none of its own
		code int
	}{
		{"status", "status", "", exitWarning},
		{"health", "health", "health/", exitWarning},
		{"dashboard", "dashboard --hours=1", "dashboard/?hours=1&trends=true&alerts=true", exitWarning},
		{"dashboard-wide", "dashboard --wide", "dashboard/?trends=true&alerts=true", exitWarning},
		{"alerts", "alerts --hours=24", "alerts/?hours=24", exitWarning},
		{"alerts-wide", "alerts list --wide", "alerts/", exitWarning},
		{"alerts-critical", "alerts --severity=critical --active-only", "alerts/?severity=critical&active_only=true", exitFine},
		{"alerts-show", "alerts show FIRST", "alerts/FIRST/", exitWarning},
		{"thresholds", "thresholds", "thresholds/", exitFine},
		{"thresholds-wide", "thresholds list --wide", "thresholds/", exitFine},
		{"thresholds-metric", "thresholds --metric=error_rate", "thresholds/", exitFine},
		{"baseline", "baseline", "baseline/", exitFine},
		{"endpoints", "endpoints --hours 1", "endpoints/?hours=1", exitFine},
		{"endpoints-wide", "endpoints --wide", "endpoints/", exitFine},
		{"series", "series response_time_p95 --hours 2", "series/?metric=response_time_p95&hours=2", exitFine},
		{"series-all", "series --endpoint GET_/orders/{id}", "series/?endpoint=GET+%2Forders%2F%7Bid%7D", exitFine},
		{"trends", "trends --hours 0.5", "trends/?hours=0.5", exitFine},
		{"trends-metric", "trends --metric error_rate --hours 0.5", "trends/?metric=error_rate&hours=0.5", exitFine},
		{"metrics", "metrics", "metrics/", exitFine},
		{"events", "events", "events/", exitFine},
		{"silences-none", "silences", "silences/", exitFine},
		{"notify", "notify", "notifiers/", exitFine},
		{"notify-who", "notify who error_rate --at 2026-03-02T12:00:00Z", "notifiers/who/?metric=error_rate&at=2026-03-02T12:00:00Z", exitFine},
		{"notify-who-warning", "notify who error_rate --severity warning --at 2026-03-02T12:00:00Z --wide", "notifiers/who/?metric=error_rate&severity=warning&at=2026-03-02T12:00:00Z", exitFine},
		{"config", "config", "config/", exitFine},
		{"config-get", "config get retention_hours", "config/", exitFine},
		{"diagnostics", "diagnostics", "diagnostics/", exitFine},
		{"session", "session", "session", exitFine},
		{"test", "test", "", exitWarning},
		{"api", "api session", "session", exitFine},
	} {
		t.Run(test.name, func(t *testing.T) {
			var args []string
			for _, arg := range strings.Fields(strings.ReplaceAll(test.args, "FIRST", s.firstAlert())) {
				args = append(args, strings.ReplaceAll(arg, "GET_/", "GET /"))
			}
			got := s.run(args...)
			if got.code != test.code || got.err != "" {
				t.Errorf("exit code %d, want %d; %s", got.code, test.code, got.err)
			}
			golden.Text(t, test.name+".txt", []byte(got.out))
			if strings.Contains(got.out, "\x1b") {
				t.Error("it is coloured, though nobody looks")
			}
			if test.json == "" {
				return
			}
			want := s.get(strings.ReplaceAll(test.json, "FIRST", s.firstAlert()))
			got = s.run(append(args, "--output-format=json")...)
			if diff := cmp.Diff(want, got.out); diff != "" || got.code != test.code {
				t.Errorf("JSON, exit code %d (-API +perfmon):\n%s", got.code, diff)
			}
		})
	}
}

// CSV has a head, a line for each row, and numbers with all their digits.
func TestCSV(t *testing.T) {
	s := busy(t)
	for name, args := range map[string]string{
		"alerts": "alerts", "thresholds": "thresholds", "baseline": "baseline show", "endpoints": "endpoints", "series": "series error_rate --hours 0.2",
		"trends": "trends --hours 0.5", "metrics": "metrics", "events": "events list", "config": "config get", "health": "health",
		"backtest": "thresholds backtest error_rate --warning 3",
	} {
		t.Run(name, func(t *testing.T) {
			got := s.run(append(strings.Fields(args), "--output-format", "csv")...)
			if got.err != "" {
				t.Error(got.err)
			}
			golden.Text(t, name+".csv", []byte(got.out))
		})
	}
	for _, args := range []string{"status", "dashboard", "test", "alerts show X", "thresholds enable error_rate", "thresholds --metric=error_rate --disable", "baseline --baseline-duration=60"} {
		before := s.Diagnostics().Store.Record
		got := s.run(append(strings.Fields(args), "--output-format=csv")...)
		if got.code != exitUnknown || !strings.Contains(got.err, "csv is not valid here") || got.out != "" || s.Diagnostics().Store.Record != before {
			t.Errorf("%s: %+v", args, got)
		}
	}
}

// The flags of the command that this one follows, under their names, with --action too.
func TestSeedFlags(t *testing.T) {
	s := busy(t)
	for _, args := range [][]string{
		{"status"}, {"dashboard", "--hours=24"}, {"alerts", "--hours=24"}, {"alerts", "--severity=critical", "--active-only"}, {"thresholds"},
		{"baseline"}, {"health"}, {"test"}, {"config", "--output-format=json"}, {"status", "--output-format=json"},
	} {
		plain := s.run(args...)
		for _, action := range [][]string{
			append([]string{"--action=" + args[0]}, args[1:]...),
			append([]string{"--action", args[0]}, args[1:]...),
			append(append([]string{}, args[1:]...), "--action="+args[0]),
		} {
			if diff := cmp.Diff(plain, s.run(action...), cmp.AllowUnexported(ran{})); diff != "" || plain.out == "" {
				t.Errorf("%q (-%q +got):\n%s", action, args, diff)
			}
		}
	}
	threshold := func(metric string) perfmon.Threshold {
		th, err := s.Thresholds().Get(perfmon.ThresholdID{Metric: metric})
		if err != nil {
			t.Fatal(err)
		}
		return th
	}
	if got := s.run("--action=thresholds", "--metric=response_time_p95", "--threshold-type=warning", "--threshold-value=1.5"); got.code != 0 || threshold("response_time_p95").Warning != perfmon.ValueOf(1.5) {
		t.Errorf("%+v %+v", got, threshold("response_time_p95"))
	}
	if got := s.run("--action=thresholds", "--metric=error_rate", "--disable"); got.code != 0 || !threshold("error_rate").Disabled {
		t.Errorf("%+v %+v", got, threshold("error_rate"))
	}
	if got := s.run("thresholds", "--metric=error_rate", "--enable"); got.code != 0 || threshold("error_rate").Disabled {
		t.Errorf("%+v %+v", got, threshold("error_rate"))
	}
	if got := s.run("--action=baseline", "--baseline-duration=30"); got.code != exitFine && !strings.Contains(got.err, "no baseline") {
		t.Errorf("%+v", got)
	}
}
