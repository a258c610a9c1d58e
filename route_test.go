package perfmon_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/backend-prs/perfmon"
)

func TestWhoIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		work := perfmon.Hours{Days: []time.Weekday{time.Monday}, From: 9 * time.Hour, Until: 17 * time.Hour}
		b := start(t, // on a Sunday, at noon
			perfmon.WithNotifier("all", newFake()),
			perfmon.WithNotifier("critical", newFake(), perfmon.Route{Severity: perfmon.Critical}),
			perfmon.WithNotifier("work", newFake(), perfmon.Route{Hours: []perfmon.Hours{work}}),
			perfmon.WithNotifier("mixed", newFake(), perfmon.Route{Metrics: []string{"disk*"}}, perfmon.Route{Organizations: []string{"acme"}}),
			perfmon.WithNotifier("endpoints", newFake(), perfmon.Route{Scopes: []perfmon.ScopeKind{perfmon.ScopeEndpoint}, Endpoints: []string{"GET *"}}),
		)
		s, err := b.Silences().Add(perfmon.NewSilence{Metric: "fan", Until: b.Now().Add(30 * time.Hour), Reason: "r"}, "ann")
		if err != nil {
			t.Fatal(err)
		}
		nine := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
		for _, test := range []struct {
			name  string
			alert perfmon.AlertOutline
			want  []perfmon.Told
		}{
			{"a warning", perfmon.AlertOutline{Metric: "disk_full", Severity: perfmon.Warning}, []perfmon.Told{
				{Notifier: "all", Told: true, Why: "it has no routes, so it takes every alert"},
				{Notifier: "critical", Why: "it takes critical alerts only"},
				{Notifier: "work", Why: "a route matches, but not at this time", Later: nine},
				{Notifier: "mixed", Told: true, Why: "a route matches"},
				{Notifier: "endpoints", Why: `it takes no alerts of scope "service"`},
			}},
			{"silenced", perfmon.AlertOutline{Metric: "fan", Severity: perfmon.Critical, Scope: perfmon.Scope{Endpoint: "GET /a"}}, []perfmon.Told{
				{Notifier: "all", Why: "a silence holds it back until 2026-03-02T18:00:00Z", Silence: s.ID, Later: s.Until},
				{Notifier: "critical", Why: "a silence holds it back until 2026-03-02T18:00:00Z", Silence: s.ID, Later: s.Until},
				{Notifier: "work", Why: "a route matches, but not at this time", Later: nine.Add(7 * 24 * time.Hour)},
				{Notifier: "mixed", Why: "none of its routes matches"},
				{Notifier: "endpoints", Why: "a silence holds it back until 2026-03-02T18:00:00Z", Silence: s.ID, Later: s.Until},
			}},
		} {
			got, err := b.Notifications().WhoIsTold(test.alert, b.Now())
			if err != nil {
				t.Fatal(err)
			}
			check(t, test.want, got)
		}
		for _, wrong := range []perfmon.AlertOutline{{Metric: "", Severity: perfmon.Warning}, {Metric: "m"}, {Metric: "m", Severity: "bad"}} {
			var field *perfmon.FieldError
			if _, err := b.Notifications().WhoIsTold(wrong, b.Now()); !errors.As(err, &field) {
				t.Errorf("%+v: %v, want a FieldError", wrong, err)
			}
		}
	})
}

// An hour of the night is told by the clocks of the place, also on the days when they are
// set.
func TestHoursAcrossDST(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	night := perfmon.Hours{From: 22 * time.Hour, Until: 6 * time.Hour, Location: berlin}
	small := perfmon.Hours{Days: []time.Weekday{time.Sunday}, From: 2 * time.Hour, Until: 3 * time.Hour, Location: berlin}
	saturdayNight := perfmon.Hours{Days: []time.Weekday{time.Saturday}, From: 23 * time.Hour, Until: 2 * time.Hour, Location: berlin}
	b, err := perfmon.New(perfmon.WithoutSystemMetrics(),
		perfmon.WithNotifier("night", newFake(), perfmon.Route{Hours: []perfmon.Hours{night}}),
		perfmon.WithNotifier("small", newFake(), perfmon.Route{Hours: []perfmon.Hours{small}}),
		perfmon.WithNotifier("saturday", newFake(), perfmon.Route{Hours: []perfmon.Hours{saturdayNight}}))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		at   string
		want string // who is told
	}{
		{"2026-01-10T21:30:00Z", "night"},          // Saturday 22:30
		{"2026-01-10T22:30:00Z", "night saturday"}, // Saturday 23:30
		{"2026-01-11T00:30:00Z", "night saturday"}, // Sunday 1:30
		{"2026-01-11T01:30:00Z", "night small"},    // Sunday 2:30
		{"2026-01-11T05:00:00Z", ""},               // Sunday 6:00
		{"2026-03-29T00:59:00Z", "night saturday"}, // 1:59; a minute later it is 3:00
		{"2026-03-29T01:00:00Z", "night"},          // 3:00: there was no hour from 2 to 3
		{"2026-03-29T03:59:00Z", "night"},          // 5:59 summer time
		{"2026-03-29T04:00:00Z", ""},               // 6:00 summer time
		{"2026-10-25T00:30:00Z", "night small"},    // 2:30 summer time
		{"2026-10-25T01:30:00Z", "night small"},    // 2:30 again
		{"2026-10-25T02:00:00Z", "night"},          // 3:00
		{"2026-10-25T04:59:00Z", "night"},          // 5:59
		{"2026-10-25T05:00:00Z", ""},               // 6:00
	} {
		at, err := time.Parse(time.RFC3339, test.at)
		if err != nil {
			t.Fatal(err)
		}
		list, err := b.Notifications().WhoIsTold(perfmon.AlertOutline{Metric: "m", Severity: perfmon.Warning}, at)
		if err != nil {
			t.Fatal(err)
		}
		var who []string
		for _, told := range list {
			if told.Told {
				who = append(who, told.Notifier)
			}
		}
		if got := strings.Join(who, " "); got != test.want {
			t.Errorf("at %s, which is %v, it tells %q, want %q", test.at, at.In(berlin), got, test.want)
		}
	}
}

// An alert that comes outside of the hours of a route is told when they begin.
func TestAlertWaitsForHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		afternoon := perfmon.Hours{From: 14 * time.Hour, Until: 18 * time.Hour}
		clk := clock.NewMock()
		clk.Set(noon)
		store := &perfmon.MemoryStore{}
		opts := []perfmon.Option{perfmon.WithStore(store), perfmon.WithNotifier("office", f, perfmon.Route{Hours: []perfmon.Hours{afternoon}}), perfmon.WithReminders(0, 0)}
		b := life(t, clk, opts...)
		a := b.raise("disk", perfmon.Critical, perfmon.Scope{})
		gone := b.raise("fan", perfmon.Critical, perfmon.Scope{})
		b.pass(time.Hour)
		if _, err := b.Alerts().Resolve(gone.ID, "ann"); err != nil {
			t.Fatal(err)
		}
		b.pass(30 * time.Minute)
		if err := b.Close(); err != nil { // it waits across a restart, too
			t.Fatal(err)
		}
		b = life(t, clk, opts...)
		b.pass(29 * time.Minute)
		f.none(t)
		b.pass(time.Minute)
		check(t, []string{"alerts", "opened critical open disk of service"}, told(f.next(t)))
		b.pass(5 * time.Hour)
		// Its end is told at any time to whom it was told.
		if _, err := b.Alerts().Resolve(a.ID, "ann"); err != nil {
			t.Fatal(err)
		}
		b.pass(time.Minute)
		check(t, []string{"alerts", "resolved critical resolved disk of service"}, told(f.next(t)))
	})
}

func TestWrongNotifiers(t *testing.T) {
	hours := func(h perfmon.Hours) perfmon.Option {
		return perfmon.WithNotifier("n", newFake(), perfmon.Route{Hours: []perfmon.Hours{h}})
	}
	for want, o := range map[string]perfmon.Option{
		`WithNotifier: "a b" is not valid: want a name`:      perfmon.WithNotifier("a b", newFake()),
		`WithNotifier: "" is not valid`:                      perfmon.WithNotifier("", newFake()),
		`WithNotifier n: nil is not valid: want a notifier`:  perfmon.WithNotifier("n", nil),
		`route 1: Severity: "bad"`:                           perfmon.WithNotifier("n", newFake(), perfmon.Route{Severity: "bad"}),
		`route 2: Scopes: "galaxy"`:                          perfmon.WithNotifier("n", newFake(), perfmon.Route{}, perfmon.Route{Scopes: []perfmon.ScopeKind{"galaxy"}}),
		`route 1: Metrics: "" is not valid`:                  perfmon.WithNotifier("n", newFake(), perfmon.Route{Metrics: []string{""}}),
		`Days: 7 is not valid`:                               hours(perfmon.Hours{Days: []time.Weekday{7}}),
		`From: 25h0m0s is not valid`:                         hours(perfmon.Hours{From: 25 * time.Hour}),
		`Until: 1m1s is not valid`:                           hours(perfmon.Hours{Until: 61 * time.Second}),
		`Until: 9h0m0s is not valid: want another time than`: hours(perfmon.Hours{From: 9 * time.Hour, Until: 9 * time.Hour}),
		`WithNotificationGrouping: 11m0s is not valid`:       perfmon.WithNotificationGrouping(11 * time.Minute),
		`WithReminders: critical: 1s is not valid`:           perfmon.WithReminders(time.Second, 0),
		`WithReminders: warning: -1s is not valid`:           perfmon.WithReminders(0, -time.Second),
		`WithNotificationDeadline: 0s is not valid`:          perfmon.WithNotificationDeadline(0),
		`WithPageURL: "/perf" is not valid`:                  perfmon.WithPageURL("/perf"),
		`WithPageURL: "https://a/?x=1" is not valid`:         perfmon.WithPageURL("https://a/?x=1"),
		`WithPageURL: "javascript:alert(1)" is not valid`:    perfmon.WithPageURL("javascript:alert(1)"),
		`WithNotificationCharts: nil is not valid`:           perfmon.WithNotificationCharts(nil),
		`WithWeeklyReport: "nobody" is not valid`:            perfmon.WithWeeklyReport(time.Monday, 8, nil, "nobody"),
		`WithWeeklyReport: hour: 24 is not valid`:            perfmon.WithWeeklyReport(time.Monday, 24, nil),
		`WithWeeklyReport: day: 9 is not valid`:              perfmon.WithWeeklyReport(9, 1, nil),
		`Runbook: "ftp://a/b" is not valid`:                  perfmon.WithThreshold(perfmon.Threshold{Metric: perfmon.ErrorRate, Warning: perfmon.ValueOf(1), Runbook: "ftp://a/b"}),
	} {
		if _, err := perfmon.New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	twice := []perfmon.Option{perfmon.WithNotifier("n", newFake()), perfmon.WithNotifier("n", newFake())}
	if _, err := perfmon.New(twice...); err == nil || !strings.Contains(err.Error(), "a name that no other notifier has") {
		t.Errorf("%v", err)
	}
	var many []perfmon.Option
	for i := range perfmon.MaxNotifiers + 1 {
		many = append(many, perfmon.WithNotifier("n"+strings.Repeat("x", i), newFake()))
	}
	if _, err := perfmon.New(many...); err == nil || !strings.Contains(err.Error(), "at most 32 notifiers") {
		t.Errorf("%v", err)
	}
}
