package perfmon_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
)

// fakeNotifier keeps what it is told, and answers what the test wants.
type fakeNotifier struct {
	got chan perfmon.Notification

	mu     sync.Mutex
	answer func(ctx context.Context, n perfmon.Notification) error // nil: takes everything; mu
}

func newFake() *fakeNotifier { return &fakeNotifier{got: make(chan perfmon.Notification, 10_000)} }

func (f *fakeNotifier) Notify(ctx context.Context, n perfmon.Notification) error {
	f.mu.Lock()
	answer := f.answer
	f.mu.Unlock()
	f.got <- n
	if answer != nil {
		return answer(ctx, n)
	}
	return nil
}

func (f *fakeNotifier) answers(answer func(ctx context.Context, n perfmon.Notification) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = answer
}

// next returns the next message.
func (f *fakeNotifier) next(t testing.TB) perfmon.Notification {
	t.Helper()
	select {
	case n := <-f.got:
		return n
	case <-time.After(30 * time.Second):
		t.Fatal("no message came")
		panic("unreachable")
	}
}

// none checks that no message has come.
func (f *fakeNotifier) none(t testing.TB) {
	t.Helper()
	select {
	case n := <-f.got:
		t.Fatalf("a message came: %s: %s", n.Title, n.Text)
	default:
	}
}

// told lists what a message says of alerts.
func told(n perfmon.Notification) []string {
	list := []string{string(n.Kind)}
	for _, a := range n.Alerts {
		list = append(list, fmt.Sprintf("%s %s %s %s", a.Change, a.Alert.Severity, a.Alert.State, a.Alert.Key()))
	}
	return list
}

// raise opens an alert of the host's own.
func (b *bench) raise(metric string, severity perfmon.Severity, scope perfmon.Scope) perfmon.Alert {
	b.t.Helper()
	a, err := b.Alerts().Raise(perfmon.HostAlert{Metric: metric, Severity: severity, Message: metric + " is bad", Scope: scope})
	if err != nil {
		b.t.Fatal(err)
	}
	return a
}

// pass lets time pass, second by second, in a bubble of synctest.
func (b *bench) pass(d time.Duration) {
	for ; d > 0; d -= time.Second {
		b.clock.Add(min(d, time.Second))
		synctest.Wait()
		for len(b.samples) > 0 {
			<-b.samples
			synctest.Wait()
		}
	}
}

func check(t testing.TB, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNotificationsAreGrouped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		b := start(t, perfmon.WithNotifier("chat", f), perfmon.WithReminders(0, 0))
		b.raise("disk", perfmon.Warning, perfmon.Scope{})
		b.pass(20 * time.Second)
		b.raise("fan", perfmon.Critical, perfmon.Scope{Endpoint: "GET /"})
		f.none(t)
		b.pass(10 * time.Second)
		n := f.next(t)
		check(t, []string{"alerts", "opened critical open fan of GET /", "opened warning open disk of service"}, told(n))
		if n.ID == "" || !n.Time.Equal(b.Now()) || !strings.Contains(n.Title, "2 alerts: 1 critical, 1 warning") || !strings.Contains(n.Text, "disk is bad") {
			t.Errorf("%+v", n)
		}
		b.pass(10 * time.Minute)
		f.none(t)
		for _, a := range b.active() {
			if _, err := b.Alerts().Resolve(a.ID, "ann"); err != nil {
				t.Fatal(err)
			}
		}
		b.pass(30 * time.Second)
		n = f.next(t)
		check(t, []string{"alerts", "resolved critical resolved fan of GET /", "resolved warning resolved disk of service"}, told(n))
		if !n.Resolved() || n.Alerts[0].By != "ann" {
			t.Errorf("%+v", n)
		}
	})
}

func TestReminders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		b := start(t, perfmon.WithNotifier("chat", f), perfmon.WithNotificationGrouping(0), perfmon.WithReminders(time.Hour, 0))
		b.raise("disk", perfmon.Warning, perfmon.Scope{})
		check(t, []string{"alerts", "opened warning open disk of service"}, told(f.next(t)))
		a := b.raise("fan", perfmon.Critical, perfmon.Scope{})
		check(t, []string{"alerts", "opened critical open fan of service"}, told(f.next(t)))
		b.pass(59 * time.Minute)
		f.none(t)
		for range 2 {
			b.pass(time.Hour)
			check(t, []string{"reminder", "opened critical open fan of service"}, told(f.next(t)))
			f.none(t)
		}
		if _, err := b.Alerts().Acknowledge(a.ID, "ann"); err != nil {
			t.Fatal(err)
		}
		check(t, []string{"alerts", "acknowledged critical acknowledged fan of service"}, told(f.next(t)))
		b.pass(3 * time.Hour)
		f.none(t)
	})
}

// A message has its ID at each try, and nothing else is told meanwhile.
func TestRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.answers(func(context.Context, perfmon.Notification) error { return errors.New("refused") })
		b := start(t, perfmon.WithNotifier("chat", f), perfmon.WithNotificationGrouping(0))
		b.raise("disk", perfmon.Warning, perfmon.Scope{})
		first := f.next(t)
		synctest.Wait()
		for range 3 {
			b.pass(time.Minute)
		}
		tries := len(f.got)
		if tries < 3 || tries > 12 {
			t.Errorf("%d tries in 3 minutes, want about 5", tries)
		}
		for range tries {
			if n := f.next(t); n.ID != first.ID {
				t.Errorf("a try has the ID %s, the first had %s", n.ID, first.ID)
			}
		}
		if st := b.Notifications().List()[0]; st.Tries != tries+1 || st.LastError != "refused" || st.Sending != first.ID {
			t.Errorf("%+v", st)
		}
		f.answers(func(context.Context, perfmon.Notification) error {
			return &perfmon.RetryError{After: time.Hour, Err: errors.New("too many")}
		})
		b.pass(10 * time.Minute)
		for len(f.got) > 0 {
			<-f.got
		}
		b.pass(45 * time.Minute)
		f.none(t)
		f.answers(nil)
		b.pass(20 * time.Minute)
		if n := f.next(t); n.ID != first.ID {
			t.Errorf("the message that arrived has the ID %s, want %s", n.ID, first.ID)
		}
		synctest.Wait()
		if st := b.Notifications().List()[0]; st.Delivered != 1 || st.Sending != "" || st.Waiting != 0 || st.Dead != 0 {
			t.Errorf("%+v", st)
		}
	})
}

func TestDeadLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.answers(func(context.Context, perfmon.Notification) error {
			return fmt.Errorf("chat: %w", &perfmon.UndeliverableError{Err: errors.New("no such room")})
		})
		b := start(t, perfmon.WithNotifier("chat", f), perfmon.WithNotificationGrouping(0))
		b.raise("disk", perfmon.Warning, perfmon.Scope{})
		id := f.next(t).ID
		synctest.Wait()
		st := b.Notifications().List()[0]
		if st.Dead != 1 || len(st.DeadLetters) != 1 || st.DeadLetters[0].ID != id || !strings.Contains(st.DeadLetters[0].Error, "no such room") || st.Sending != "" {
			t.Errorf("%+v", st)
		}
		if err := b.Notifications().Resend("chat", "x", "ann"); !errors.Is(err, perfmon.ErrNotFound) {
			t.Errorf("%v, want ErrNotFound", err)
		}
		f.answers(nil)
		if err := b.Notifications().Resend("chat", id, "ann"); err != nil {
			t.Fatal(err)
		}
		if n := f.next(t); n.ID != id {
			t.Errorf("sent again as %s, want %s", n.ID, id)
		}
		synctest.Wait()
		if st := b.Notifications().List()[0]; st.Dead != 1 || len(st.DeadLetters) != 0 || st.Delivered != 1 {
			t.Errorf("%+v", st)
		}
	})
}

// A notifier that hangs or panics stops no other, and no step.
func TestBadNotifiersHarmNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs, panics, exits, good := newFake(), newFake(), newFake(), newFake()
		release := make(chan struct{})
		hangs.answers(func(context.Context, perfmon.Notification) error { <-release; return nil })
		panics.answers(func(context.Context, perfmon.Notification) error { panic("oh") })
		exits.answers(func(context.Context, perfmon.Notification) error { exit(); return nil })
		b := start(t, perfmon.WithNotifier("hangs", hangs), perfmon.WithNotifier("panics", panics), perfmon.WithNotifier("exits", exits), perfmon.WithNotifier("good", good),
			perfmon.WithNotificationGrouping(0), perfmon.WithNotificationDeadline(20*time.Millisecond))
		for i := range 5 {
			b.raise(fmt.Sprint("m", i), perfmon.Warning, perfmon.Scope{})
			good.next(t)
			b.step()
		}
		if n := len(hangs.got); n != 1 {
			t.Errorf("a notifier that hangs was called %d times", n)
		}
		for _, st := range b.Notifications().List() {
			switch st.Name {
			case "panics", "exits":
				if st.Panics == 0 || st.LastError == "" {
					t.Errorf("%+v", st)
				}
			case "good":
				if st.LastError != "" {
					t.Errorf("%+v", st)
				}
			}
		}
		close(release)
	})
}

// monitor makes a monitor like a bench's, for one life of several.
func life(t testing.TB, clk *clock.Mock, opts ...perfmon.Option) *bench {
	t.Helper()
	b := &bench{t: t, clock: clk}
	m, err := perfmon.New(append([]perfmon.Option{perfmon.WithClock(clk), perfmon.WithoutSystemMetrics()}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	b.Monitor = m
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return b
}

// What waits in an outbox is told by the next monitor, once, with the ID that it had.
func TestNotificationsAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clk := clock.NewMock()
		clk.Set(noon)
		store := &perfmon.MemoryStore{}
		f := newFake()
		f.answers(func(context.Context, perfmon.Notification) error { return errors.New("refused") })
		opts := []perfmon.Option{perfmon.WithStore(store), perfmon.WithNotifier("chat", f), perfmon.WithReminders(0, 0)}
		b := life(t, clk, opts...)
		b.raise("disk", perfmon.Warning, perfmon.Scope{})
		b.pass(30 * time.Second)
		id := f.next(t).ID
		b.raise("fan", perfmon.Critical, perfmon.Scope{}) // waits
		synctest.Wait()
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		for len(f.got) > 0 {
			<-f.got
		}
		f.answers(nil)
		clk.Add(time.Hour)
		b = life(t, clk, opts...)
		if n := f.next(t); n.ID != id {
			t.Errorf("after the restart the message has the ID %s, want %s", n.ID, id)
		}
		check(t, []string{"alerts", "opened critical open fan of service"}, told(f.next(t)))
		synctest.Wait()
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		b = life(t, clk, opts...)
		b.pass(time.Hour)
		f.none(t)
		for _, a := range b.active() {
			if _, err := b.Alerts().Resolve(a.ID, "ann"); err != nil {
				t.Fatal(err)
			}
		}
		b.pass(30 * time.Second)
		check(t, []string{"alerts", "resolved critical resolved fan of service", "resolved warning resolved disk of service"}, told(f.next(t)))
	})
}

// A burst to a channel that takes one message a second is few messages, and in the end each
// alert's last state was told.
func TestBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		b := start(t, perfmon.WithNotifier("pager", f), perfmon.WithReminders(0, 0))
		var last time.Time
		f.answers(func(context.Context, perfmon.Notification) error {
			now := b.Now()
			if now.Sub(last) < time.Second {
				return &perfmon.RetryError{After: time.Second - now.Sub(last), Err: errors.New("429")}
			}
			last = now
			return nil
		})
		var ids []string
		for i := range 1003 {
			ids = append(ids, b.raise("queue", perfmon.Warning, perfmon.Scope{Endpoint: fmt.Sprint("GET /", i)}).ID)
		}
		b.pass(30 * time.Second)
		for _, id := range ids[3:] {
			if _, err := b.Alerts().Resolve(id, "ann"); err != nil {
				t.Fatal(err)
			}
		}
		b.pass(time.Minute)
		total := 0
		messages := len(f.got)
		if messages == 0 || messages > 4 {
			t.Errorf("%d messages, want few", messages)
		}
		for range messages {
			n := f.next(t)
			total += len(n.Alerts) + n.More
		}
		t.Logf("%d messages about %d changes", messages, total)
		if total < 2003 {
			t.Errorf("the messages are about %d changes, want 1,003 openings and 1,000 ends", total)
		}
		if st := b.Notifications().List()[0]; st.Waiting != 0 || st.Sending != "" {
			t.Errorf("%+v", st)
		}
	})
}
