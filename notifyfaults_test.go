package perfmon_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/backend-prs/perfmon"
)

// An alert that the routes leave out since a restart keeps nobody from being reminded of the others.
func TestReminderBesideOneThatNoRouteTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clk := clock.NewMock()
		clk.Set(noon)
		store, f := &perfmon.MemoryStore{}, newFake()
		b := life(t, clk, perfmon.WithStore(store), perfmon.WithNotifier("chat", f))
		b.raise("disk", perfmon.Critical, perfmon.Scope{})
		b.raise("fan", perfmon.Critical, perfmon.Scope{})
		b.pass(30 * time.Second)
		f.next(t)
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		b = life(t, clk, perfmon.WithStore(store), perfmon.WithNotifier("chat", f, perfmon.Route{Metrics: []string{"disk"}}))
		for range 3 {
			b.pass(time.Hour + time.Second)
			check(t, []string{"reminder", "opened critical open disk of service"}, told(f.next(t)))
		}
	})
}

// A message that an earlier process could not deliver is not told as it was where more is known by now.
func TestOldMessageIsTrueWhenItIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clk := clock.NewMock()
		clk.Set(noon)
		store, f := &perfmon.MemoryStore{}, newFake()
		f.answers(func(context.Context, perfmon.Notification) error { return errors.New("down") })
		opts := []perfmon.Option{perfmon.WithStore(store), perfmon.WithReminders(0, 0)}
		with := append([]perfmon.Option{perfmon.WithNotifier("chat", f)}, opts...)
		b := life(t, clk, with...)
		disk := b.raise("disk", perfmon.Critical, perfmon.Scope{})
		b.pass(30 * time.Second)
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		for len(f.got) > 0 {
			<-f.got
		}
		f.answers(nil)
		b = life(t, clk, opts...) // a run without the notifier
		if _, err := b.Alerts().Resolve(disk.ID, "ann"); err != nil {
			t.Fatal(err)
		}
		b.pass(time.Minute)
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		b = life(t, clk, with...)
		b.pass(time.Minute)
		check(t, []string{"alerts", "resolved critical resolved disk of service"}, told(f.next(t)))
		f.none(t)
	})
}

// A message that waited over a weekend is not given up at the first failure.
func TestOldMessageIsTriedForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clk := clock.NewMock()
		clk.Set(noon)
		store, f := &perfmon.MemoryStore{}, newFake()
		f.answers(func(context.Context, perfmon.Notification) error { return errors.New("no network yet") })
		opts := []perfmon.Option{perfmon.WithStore(store), perfmon.WithNotifier("chat", f), perfmon.WithReminders(0, 0)}
		b := life(t, clk, opts...)
		b.raise("disk", perfmon.Critical, perfmon.Scope{})
		b.pass(30 * time.Second)
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		clk.Add(60 * time.Hour)
		b = life(t, clk, opts...)
		b.pass(5 * time.Minute)
		if st := b.Notifications().List()[0]; st.Dead != 0 || st.Sending == "" {
			t.Errorf("%+v", st)
		}
		b.pass(30 * time.Minute)
		if st := b.Notifications().List()[0]; st.Dead != 1 {
			t.Errorf("%+v", st)
		}
	})
}

// A clock that was a year ahead for a while costs no year of weekly reports.
func TestReportAfterAWrongClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clk := clock.NewMock()
		store, f := &perfmon.MemoryStore{}, newFake()
		opts := []perfmon.Option{perfmon.WithStore(store), perfmon.WithNotifier("mail", f), perfmon.WithWeeklyReport(time.Monday, 9, nil)}
		clk.Set(noon.Add(400 * 24 * time.Hour))
		b := life(t, clk, opts...)
		b.pass(10 * time.Second)
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		clk = clock.NewMock()
		clk.Set(noon)
		b = life(t, clk, opts...)
		b.pass(10 * time.Second)
		f.none(t)
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		clk = clock.NewMock()
		clk.Set(noon.Add(8 * 24 * time.Hour))
		b = life(t, clk, opts...)
		b.pass(10 * time.Second)
		check(t, []string{"report"}, told(f.next(t)))
		clk.Add(-2 * time.Minute) // by and by
		b.pass(10 * time.Minute)
		f.none(t)
	})
}

// What waits for a notifier that hangs for good is bounded by the alerts that are kept.
func TestWhatWaitsIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		release := make(chan struct{})
		defer close(release)
		f.answers(func(context.Context, perfmon.Notification) error { <-release; return nil })
		b := start(t, perfmon.WithNotifier("hangs", f), perfmon.WithNotificationGrouping(0), perfmon.WithNotificationDeadline(10*time.Millisecond))
		b.raise("first", perfmon.Critical, perfmon.Scope{})
		f.next(t)
		for i := range 25_000 {
			a := b.raise("queue", perfmon.Warning, perfmon.Scope{Endpoint: fmt.Sprint("GET /", i)})
			if _, err := b.Alerts().Resolve(a.ID, "ann"); err != nil {
				t.Fatal(err)
			}
		}
		held := b.Diagnostics().Alerts.Held
		if st := b.Notifications().List()[0]; st.Waiting > 2*held+1000 {
			t.Errorf("%d alerts wait, and %d are kept", st.Waiting, held)
		}
	})
}
