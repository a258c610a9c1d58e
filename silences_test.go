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

func TestSilences(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		b := start(t, perfmon.WithNotifier("chat", f), perfmon.WithReminders(0, 0))
		s, err := b.Silences().Add(perfmon.NewSilence{Metric: "di*", Until: b.Now().Add(time.Hour), Reason: "new disks"}, "ann")
		if err != nil {
			t.Fatal(err)
		}
		disk := b.raise("disk", perfmon.Critical, perfmon.Scope{})
		gone := b.raise("dirt", perfmon.Critical, perfmon.Scope{})
		b.raise("fan", perfmon.Warning, perfmon.Scope{})
		b.pass(30 * time.Second)
		check(t, []string{"alerts", "opened warning open fan of service"}, told(f.next(t)))
		if got, ok := b.Silences().Of(disk.Key(), b.Now()); !ok || got.ID != s.ID || got.HeldBack != 2 {
			t.Errorf("%+v, %v", got, ok)
		}
		if _, err := b.Alerts().Resolve(gone.ID, "ann"); err != nil {
			t.Fatal(err)
		}
		b.pass(59 * time.Minute)
		f.none(t)
		b.pass(time.Minute)
		check(t, []string{"alerts", "opened critical open disk of service"}, told(f.next(t)))
		if got, err := b.Silences().Get(s.ID); err != nil || got.HeldBack != 3 || got.ActiveAt(b.Now()) {
			t.Errorf("%+v, %v: want the openings of two alerts held back, and the end of one", got, err)
		}
		b.pass(time.Hour)
		f.none(t)
	})
}

// What was told before a silence began is told to its end: an incident must not stay open
// for ever.
func TestSilenceThatBeginsLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		b := start(t, perfmon.WithNotifier("chat", f), perfmon.WithNotificationGrouping(0))
		a := b.raise("disk", perfmon.Critical, perfmon.Scope{})
		check(t, []string{"alerts", "opened critical open disk of service"}, told(f.next(t)))
		s, err := b.Silences().Add(perfmon.NewSilence{Until: b.Now().Add(5 * time.Hour), Reason: "work"}, "ann")
		if err != nil {
			t.Fatal(err)
		}
		b.pass(3 * time.Hour)
		f.none(t) // no reminders
		if _, err := b.Silences().End(s.ID, "bob"); err != nil {
			t.Fatal(err)
		}
		check(t, []string{"reminder", "opened critical open disk of service"}, told(f.next(t)))
		if ended, err := b.Silences().End(s.ID, "cyd"); err != nil || ended.EndedBy != "bob" {
			t.Errorf("%+v, %v: want the first to end it", ended, err)
		}
		if _, err := b.Silences().Add(perfmon.NewSilence{Until: b.Now().Add(5 * time.Hour), Reason: "work"}, "ann"); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Alerts().Resolve(a.ID, "ann"); err != nil {
			t.Fatal(err)
		}
		check(t, []string{"alerts", "resolved critical resolved disk of service"}, told(f.next(t)))
	})
}

func TestSilencesMatch(t *testing.T) {
	get, org := perfmon.Scope{Endpoint: "GET /a"}, perfmon.Scope{Organization: "acme"}
	for _, test := range []struct {
		name    string
		silence perfmon.Silence
		key     perfmon.Key
		want    bool
	}{
		{"everything", perfmon.Silence{}, perfmon.Key{Metric: "m", Scope: org}, true},
		{"metric", perfmon.Silence{Metric: "response_*"}, perfmon.Key{Metric: "response_time_p95"}, true},
		{"other metric", perfmon.Silence{Metric: "response_*"}, perfmon.Key{Metric: "error_rate"}, false},
		{"scope", perfmon.Silence{Scope: perfmon.ScopeService}, perfmon.Key{Metric: "m", Scope: get}, false},
		{"endpoint", perfmon.Silence{Endpoint: "GET *"}, perfmon.Key{Metric: "m", Scope: get}, true},
		{"endpoint of the service", perfmon.Silence{Endpoint: "*"}, perfmon.Key{Metric: "m"}, false},
		{"organization", perfmon.Silence{Organization: "acme"}, perfmon.Key{Metric: "m", Scope: org}, true},
		{"other organization", perfmon.Silence{Organization: "acme"}, perfmon.Key{Metric: "m", Scope: perfmon.Scope{Organization: "acme2"}}, false},
		{"organization of the service", perfmon.Silence{Organization: "acme"}, perfmon.Key{Metric: "m"}, false},
	} {
		if got := test.silence.Matches(test.key); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func TestWrongSilences(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		later := b.Now().Add(time.Hour)
		for _, test := range []struct {
			field string
			n     perfmon.NewSilence
		}{
			{"Reason", perfmon.NewSilence{Until: later}},
			{"Reason", perfmon.NewSilence{Until: later, Reason: strings.Repeat("x", 501)}},
			{"Until", perfmon.NewSilence{Reason: "r"}},
			{"Until", perfmon.NewSilence{Reason: "r", Until: b.Now()}},
			{"Until", perfmon.NewSilence{Reason: "r", From: later.Add(time.Hour), Until: later}},
			{"Until", perfmon.NewSilence{Reason: "r", Until: b.Now().Add(perfmon.MaxSilence + 1)}},
			{"Scope", perfmon.NewSilence{Reason: "r", Until: later, Scope: "galaxy"}},
			{"Metric", perfmon.NewSilence{Reason: "r", Until: later, Metric: "a\nb"}},
			{"Endpoint", perfmon.NewSilence{Reason: "r", Until: later, Endpoint: strings.Repeat("x", 257)}},
		} {
			_, err := b.Silences().Add(test.n, "ann")
			var field *perfmon.FieldError
			if !errors.As(err, &field) || field.Field != test.field {
				t.Errorf("%+v: %v, want an error of %s", test.n, err, test.field)
			}
		}
		if _, err := b.Silences().End("x", "ann"); !errors.Is(err, perfmon.ErrNotFound) {
			t.Errorf("%v, want ErrNotFound", err)
		}
		check(t, 0, len(b.Silences().List()))
	})
}

func TestSilencesOutliveTheMonitor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clk := clock.NewMock()
		clk.Set(noon)
		store := &perfmon.MemoryStore{}
		b := life(t, clk, perfmon.WithStore(store))
		want, err := b.Silences().Add(perfmon.NewSilence{Metric: "disk", Until: b.Now().Add(time.Hour), Reason: "new disks"}, "ann")
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		f := newFake()
		b = life(t, clk, perfmon.WithStore(store), perfmon.WithNotifier("chat", f), perfmon.WithNotificationGrouping(0))
		check(t, []perfmon.Silence{want}, b.Silences().List())
		b.raise("disk", perfmon.Critical, perfmon.Scope{})
		b.pass(time.Minute)
		f.none(t)
	})
}
