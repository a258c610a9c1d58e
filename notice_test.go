package perfmon_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/backend-prs/perfmon"
)

// busyEndpoints makes steps with requests of endpoints of which some fail.
func (b *bench) busyEndpoints(steps int, failing ...string) {
	b.t.Helper()
	for range steps {
		for _, pattern := range []string{"/a", "/b", "/c"} {
			for i := range 200 {
				r := perfmon.Response{Method: "GET", Pattern: pattern, Status: 200}
				for _, f := range failing {
					if f == pattern && i < 150 {
						r.Status = 500
					}
				}
				b.rec.Record(10*time.Millisecond, &r)
			}
		}
		b.step()
		synctest.Wait()
	}
}

// An alert of the service stands for those of its endpoints in the same message, and names
// the worst; one that outlasts it is told then.
func TestServiceAlertNamesItsEndpoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		b := start(t, perfmon.WithNotifier("chat", f), perfmon.WithReminders(0, 0), perfmon.WithNotificationGrouping(time.Minute), perfmon.WithoutDefaultThresholds(),
			perfmon.WithThreshold(perfmon.Threshold{Metric: perfmon.ErrorRate, Critical: perfmon.ValueOf(30), ConsecutiveViolations: 3, Cooldown: perfmon.NoCooldown}),
			perfmon.WithThreshold(perfmon.Threshold{Metric: perfmon.ErrorRate, Scope: perfmon.ScopeEndpoint, Warning: perfmon.ValueOf(10), ConsecutiveViolations: 2, Cooldown: perfmon.NoCooldown}))
		b.busyEndpoints(3, "/a", "/b")
		b.pass(time.Minute)
		n := f.next(t)
		check(t, []string{"alerts", "opened critical open error_rate of service"}, told(n))
		if len(n.Alerts[0].Worst) < 2 || n.Alerts[0].Worst[0].Endpoint == "GET /c" || n.Alerts[0].Worst[1].Endpoint == "GET /c" {
			t.Errorf("the worst endpoints are %v", n.Alerts[0].Worst)
		}
		b.busyEndpoints(6, "/a") // the service has recovered
		b.pass(time.Minute)
		n = f.next(t)
		all := strings.Join(told(n), "\n")
		for len(f.got) > 0 {
			all += "\n" + strings.Join(told(f.next(t)), "\n")
		}
		if !strings.Contains(all, "resolved critical resolved error_rate of service") || !strings.Contains(all, "opened warning open error_rate of GET /a") || strings.Contains(all, "GET /b") {
			t.Errorf("when the service has recovered and /a has not, they are told:\n%s", all)
		}
	})
}

// A notification has the runbook of the threshold, links to the page, and charts.
func TestWhatANotificationHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		var drawn []perfmon.ChartData
		b := start(t, perfmon.WithNotifier("chat", f), perfmon.WithNotificationGrouping(0), perfmon.WithReminders(0, 0), perfmon.WithPageURL("https://shop.example.com/perf/"),
			perfmon.WithService(perfmon.Service{Name: "shop", Environment: "test"}),
			perfmon.WithThreshold(perfmon.Threshold{Metric: perfmon.ErrorRate, Critical: perfmon.ValueOf(30), Runbook: "https://wiki.example.com/errors"}),
			perfmon.WithNotificationCharts(func(_ context.Context, d perfmon.ChartData) (perfmon.Image, error) {
				drawn = append(drawn, d)
				return perfmon.Image{Name: "c.png", Data: []byte("png")}, nil
			}))
		for range 4 * 6 {
			b.errors(0)
		}
		for range 3 {
			b.errors(50)
		}
		n := f.next(t)
		a := n.Alerts[0]
		if n.Title != "shop (test): error_rate of service (critical)" || a.Runbook != "https://wiki.example.com/errors" || a.DedupKey != "perfmon-"+a.Alert.ID {
			t.Errorf("%q %+v", n.Title, a)
		}
		if want := "https://shop.example.com/perf/#/alerts/" + a.Alert.ID; a.Link != want || !strings.HasPrefix(n.Link, want+"?range=") || !strings.HasSuffix(n.Link, fmt.Sprintf("-%d", n.Time.Unix())) {
			t.Errorf("%s, %s", a.Link, n.Link)
		}
		if !strings.Contains(n.Text, "runbook: https://wiki.example.com/errors") {
			t.Error(n.Text)
		}
		if len(n.Charts) != 1 || len(drawn) != 1 || drawn[0].Metric.Name != perfmon.ErrorRate || drawn[0].Metric.Unit != "%" || len(drawn[0].Values) != len(drawn[0].Times) || len(drawn[0].Values) < 3 ||
			drawn[0].Limit != perfmon.ValueOf(30) || !drawn[0].Opened.Equal(a.Alert.OpenedAt) {
			t.Errorf("%v %+v", n.Charts, drawn)
		}
	})
}

// A chart that cannot be drawn keeps no notification back.
func TestBadCharts(t *testing.T) {
	for name, draw := range map[string]perfmon.ChartMaker{
		"fails": func(context.Context, perfmon.ChartData) (perfmon.Image, error) {
			return perfmon.Image{}, errors.New("no ink")
		},
		"panics": func(context.Context, perfmon.ChartData) (perfmon.Image, error) { panic("oh") },
		"exits":  func(context.Context, perfmon.ChartData) (perfmon.Image, error) { exit(); return perfmon.Image{}, nil },
		"hangs": func(ctx context.Context, _ perfmon.ChartData) (perfmon.Image, error) {
			<-ctx.Done()
			time.Sleep(time.Second)
			return perfmon.Image{Data: []byte("late")}, nil
		},
		"is huge": func(context.Context, perfmon.ChartData) (perfmon.Image, error) {
			return perfmon.Image{Data: make([]byte, 2<<20)}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				b := start(t, perfmon.WithNotifier("chat", f), perfmon.WithNotificationGrouping(0), perfmon.WithNotificationCharts(draw))
				for range 3 * 6 {
					b.errors(0)
				}
				for range 3 {
					b.errors(50)
				}
				if n := f.next(t); len(n.Charts) != 0 || len(n.Alerts) != 1 {
					t.Errorf("%+v", n)
				}
				time.Sleep(time.Minute) // made up: what hangs comes to its end
			})
		})
	}
}

// What is told is true: of a message that failed, only what has not changed since goes on.
func TestMessageThatIsNoLongerTrue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.answers(func(context.Context, perfmon.Notification) error {
			return &perfmon.RetryError{After: 10 * time.Minute, Err: errors.New("busy")}
		})
		b := start(t, perfmon.WithNotifier("chat", f), perfmon.WithReminders(0, 0))
		b.raise("disk", perfmon.Warning, perfmon.Scope{})
		fan := b.raise("fan", perfmon.Warning, perfmon.Scope{})
		b.pass(30 * time.Second)
		first := f.next(t)
		if _, err := b.Alerts().Resolve(fan.ID, "ann"); err != nil {
			t.Fatal(err)
		}
		f.answers(nil)
		b.pass(15 * time.Minute)
		n := f.next(t)
		check(t, []string{"alerts", "opened warning open disk of service"}, told(n))
		if n.ID != first.ID {
			t.Errorf("its ID is %s, and was %s", n.ID, first.ID)
		}
		check(t, []string{"alerts", "resolved warning resolved fan of service"}, told(f.next(t)))
		b.pass(time.Hour)
		f.none(t)
	})
}

func TestTestMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		b := start(t, perfmon.WithNotifier("chat", f), perfmon.WithNotificationDeadline(time.Second))
		ns := b.Notifications()
		if err := ns.Test(t.Context(), "chat", "ann"); err != nil {
			t.Error(err)
		}
		if n := f.next(t); n.Kind != perfmon.NotifyTest || !strings.Contains(n.Text, "ann asked") || n.ID == "" || n.Severity() != "" {
			t.Errorf("%+v", n)
		}
		f.answers(func(context.Context, perfmon.Notification) error { return errors.New("refused") })
		if err := ns.Test(t.Context(), "chat", "ann"); err == nil || err.Error() != "perfmon: refused" {
			t.Error(err)
		}
		f.answers(func(context.Context, perfmon.Notification) error { panic("oh") })
		if err := ns.Test(t.Context(), "chat", "ann"); err == nil || !strings.Contains(err.Error(), "panic: oh") {
			t.Error(err)
		}
		release := make(chan struct{})
		f.answers(func(context.Context, perfmon.Notification) error { <-release; return nil })
		if err := ns.Test(t.Context(), "chat", "ann"); err == nil || !strings.Contains(err.Error(), "no answer within 1s") {
			t.Error(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := ns.Test(ctx, "chat", "ann"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v: want a test to wait for the call that hangs", err)
		}
		close(release)
		if err := ns.Test(t.Context(), "nobody", "ann"); !errors.Is(err, perfmon.ErrNotFound) {
			t.Error(err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if err := ns.Test(t.Context(), "chat", "ann"); !errors.Is(err, perfmon.ErrClosed) {
			t.Error(err)
		}
	})
}

// The report of a week is sent once, whatever happens to the process, and only the latest
// of several that were missed.
func TestWeeklyReport(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	synctest.Test(t, func(t *testing.T) {
		clk := clock.NewMock()
		clk.Set(time.Date(2026, 3, 18, 12, 0, 0, 0, time.UTC)) // a Wednesday; clocks are set on Sunday 29 March
		store := &perfmon.MemoryStore{}
		mail, chat := newFake(), newFake()
		opts := []perfmon.Option{
			perfmon.WithStore(store), perfmon.WithNotifier("mail", mail), perfmon.WithNotifier("chat", chat, perfmon.Route{Metrics: []string{"nothing"}}), perfmon.WithReminders(0, 0),
			perfmon.WithInterval(time.Hour), perfmon.WithStep(time.Hour), perfmon.WithRetention(30 * 24 * time.Hour),
			perfmon.WithWeeklyReport(time.Monday, 8, berlin, "mail"), perfmon.WithService(perfmon.Service{Name: "shop", Version: "v7"}),
		}
		b := life(t, clk, opts...)
		wait := func(until time.Time, took time.Duration) {
			t.Helper()
			rec := b.NewRecorder()
			for clk.Now().Before(until) {
				for range 200 {
					rec.Record(took, &perfmon.Response{Method: "GET", Pattern: "/a", Status: 200})
				}
				clk.Add(min(time.Hour, until.Sub(clk.Now())))
				synctest.Wait()
			}
		}
		for range 2 { // the reports of 23 March, and of the 30th with a day of 23 hours in its week
			monday := time.Date(2026, 3, 23, 8, 0, 0, 0, berlin)
			if !clk.Now().Before(monday) {
				monday = time.Date(2026, 3, 30, 8, 0, 0, 0, berlin)
				a := b.raise("disk", perfmon.Warning, perfmon.Scope{})
				wait(clk.Now().Add(2*time.Hour), 300*time.Millisecond)
				if _, err := b.Alerts().Resolve(a.ID, "ann"); err != nil {
					t.Fatal(err)
				}
			}
			wait(monday.Add(-time.Minute), time.Duration(monday.Day()*monday.Day())*time.Millisecond)
			for len(mail.got) > 0 {
				if n := mail.next(t); n.Kind == perfmon.NotifyReport {
					t.Fatalf("a report comes at %v", b.Now())
				}
			}
			wait(monday, 10*time.Millisecond)
			n := mail.next(t)
			if n.Kind != perfmon.NotifyReport || n.Report == nil || !n.Time.Equal(monday) {
				t.Fatalf("%+v", n)
			}
			r := n.Report
			if r.Requests.Requests == 0 || len(r.WorstEndpoints) != 1 || r.Until.Sub(r.From) != 7*24*time.Hour {
				t.Errorf("%+v", r)
			}
			if monday.Day() == 30 {
				if len(r.Worse) == 0 || r.Worse[0].Percent.Float() < 50 || !strings.HasPrefix(r.Worse[0].Metric, "response_time") {
					t.Errorf("got worse: %v; better: %v", r.Worse, r.Better)
				}
				if len(r.Alerts) != 1 || r.Alerts[0].DurationSeconds != 7200 {
					t.Errorf("alerts: %v", r.Alerts)
				}
				if !strings.Contains(n.Text, "Got worse:") || !strings.Contains(n.Text, "disk is bad") {
					t.Error(n.Text)
				}
			} else if len(r.Deploys) != 1 || r.Deploys[0].Version != "v7" {
				t.Errorf("deploys: %v", r.Deploys)
			}
			if err := b.Close(); err != nil { // right after it was sent
				t.Fatal(err)
			}
			b = life(t, clk, opts...)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		clk.Add(24 * 24 * time.Hour) // three reports are missed
		b = life(t, clk, opts...)
		if n := mail.next(t); n.Kind != perfmon.NotifyReport || !n.Time.Equal(b.Now()) {
			t.Errorf("%+v", n)
		}
		wait(clk.Now().Add(48*time.Hour), time.Millisecond)
		mail.none(t)
		chat.none(t)
	})
}

// A notifier that is new hears of what is active already, and not of what is over.
func TestNewNotifier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clk := clock.NewMock()
		clk.Set(noon)
		store := &perfmon.MemoryStore{}
		b := life(t, clk, perfmon.WithStore(store))
		b.raise("disk", perfmon.Critical, perfmon.Scope{})
		if _, err := b.Alerts().Resolve(b.raise("fan", perfmon.Critical, perfmon.Scope{}).ID, "ann"); err != nil {
			t.Fatal(err)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		f := newFake()
		b = life(t, clk, perfmon.WithStore(store), perfmon.WithNotifier("chat", f))
		b.pass(time.Minute)
		check(t, []string{"alerts", "opened critical open disk of service"}, told(f.next(t)))
		f.none(t)
	})
}

// Close lets a call that is going on come to its end, and what it has delivered is not
// delivered again.
func TestCloseDuringACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clk := clock.NewMock()
		clk.Set(noon)
		store := &perfmon.MemoryStore{}
		f := newFake()
		f.answers(func(context.Context, perfmon.Notification) error { time.Sleep(time.Second); return nil })
		opts := []perfmon.Option{perfmon.WithStore(store), perfmon.WithNotifier("chat", f), perfmon.WithNotificationGrouping(0), perfmon.WithReminders(0, 0)}
		b := life(t, clk, opts...)
		b.raise("disk", perfmon.Critical, perfmon.Scope{})
		f.next(t)
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		b = life(t, clk, opts...)
		b.pass(time.Hour)
		f.none(t)
		f.answers(func(context.Context, perfmon.Notification) error { time.Sleep(time.Hour); return nil })
		b.raise("fan", perfmon.Critical, perfmon.Scope{})
		f.next(t)
		if err := b.Close(); err == nil || !strings.Contains(err.Error(), "notifier chat has not returned") {
			t.Errorf("%v", err)
		}
		time.Sleep(2 * time.Hour) // made up: it comes to its end
	})
}

// fullDisk is a store that fails while told to.
type fullDisk struct {
	perfmon.MemoryStore
	fails atomic.Bool
}

func (s *fullDisk) Append(ctx context.Context, after uint64, records []perfmon.Record) error {
	if s.fails.Load() {
		return errors.New("the disk is full")
	}
	return s.MemoryStore.Append(ctx, after, records)
}

// People are told while the store fails, what waits for it does not grow with messages, and
// a restart after it has recovered tells nothing again.
func TestNotificationsWhileTheStoreFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clk := clock.NewMock()
		clk.Set(noon)
		store, f := &fullDisk{}, newFake()
		opts := []perfmon.Option{
			perfmon.WithStore(store), perfmon.WithNotifier("chat", f), perfmon.WithNotificationGrouping(0), perfmon.WithReminders(time.Minute, 0),
			perfmon.WithThreshold(perfmon.Threshold{Metric: "level", Critical: perfmon.ValueOf(1), ConsecutiveViolations: 1}),
			perfmon.WithMetricFunc(perfmon.Metric{Name: "level"}, func() float64 { return 2 }),
		}
		b := life(t, clk, opts...)
		store.fails.Store(true)
		b.pass(10 * time.Second)
		check(t, []string{"alerts", "opened critical open level of service"}, told(f.next(t)))
		b.pass(100 * time.Minute) // reminders
		if n := len(f.got); n < 90 {
			t.Errorf("%d reminders in 100 minutes", n)
		}
		if st := b.Diagnostics().Store; st.Failure == "" || st.PendingRecords > 30 {
			t.Errorf("%+v", st)
		}
		store.fails.Store(false)
		b.pass(time.Minute)
		for len(f.got) > 0 {
			<-f.got
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		b = life(t, clk, opts...)
		b.pass(30 * time.Second)
		f.none(t)
	})
}

// A clock that is set back delays nothing: neither a message, nor a retry, nor a reminder.
func TestNotificationsWhenTheClockIsSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clk := &wallClock{Mock: clock.NewMock()}
		clk.Set(noon)
		f := newFake()
		m, err := perfmon.New(perfmon.WithClock(clk), perfmon.WithoutSystemMetrics(), perfmon.WithNotifier("chat", f), perfmon.WithReminders(0, time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		b := &bench{Monitor: m, t: t, clock: clk.Mock}
		back := func() { clk.offset.Add(int64(-time.Hour)) }
		f.answers(func(context.Context, perfmon.Notification) error { return errors.New("refused") })
		b.raise("disk", perfmon.Warning, perfmon.Scope{})
		b.pass(10 * time.Second)
		back()
		b.pass(20 * time.Second)
		first := f.next(t)
		back()
		f.answers(nil)
		b.pass(10 * time.Second)
		if n := f.next(t); n.ID != first.ID {
			t.Errorf("another message came: %s", n.Title)
		}
		back()
		b.pass(time.Hour)
		if n := f.next(t); n.Kind != perfmon.NotifyReminder {
			t.Errorf("%+v", n)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
}
