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

// keeper is a notifier whose receiver keeps an incident for each alert.
type keeper struct {
	*fakeNotifier
	batch int
}

func (k keeper) AlertsAtOnce() int { return k.batch }

// forgetter is a notifier whose receiver forgets.
type forgetter struct {
	*fakeNotifier
	every time.Duration
}

func (f forgetter) RefreshEvery() time.Duration { return f.every }

// Of 1,003 alerts in a burst a receiver that keeps each on its own gets each, at its last state, in
// few messages, whatever it refuses meanwhile; a chat gets one.
func TestBurstToAPager(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pager, chat := keeper{newFake(), 200}, newFake()
		b := start(t, perfmon.WithNotifier("pager", pager), perfmon.WithNotifier("chat", chat), perfmon.WithReminders(time.Hour, time.Hour))
		incidents, refused := map[string]perfmon.AlertState{}, 0
		read := func() (messages int) {
			for len(pager.got) > 0 {
				n := pager.next(t)
				messages++
				if n.More != 0 || len(n.Alerts) > 200 {
					t.Errorf("a message of %d alerts leaves %d out", len(n.Alerts), n.More)
				}
				for _, a := range n.Alerts {
					incidents[a.DedupKey] = a.Alert.State
				}
			}
			return messages
		}
		in := func(state perfmon.AlertState) (n int) {
			for _, s := range incidents {
				if s == state {
					n++
				}
			}
			return n
		}
		pager.answers(func(context.Context, perfmon.Notification) error {
			if refused++; refused%3 == 1 {
				return errors.New("busy")
			}
			return nil
		})
		var ids []string
		for i := range 1003 {
			ids = append(ids, b.raise("queue", perfmon.Warning, perfmon.Scope{Endpoint: fmt.Sprint("GET /", i)}).ID)
		}
		b.pass(2 * time.Minute)
		if n := read(); n < 6 || n > 9 || in(perfmon.AlertOpen) != 1003 {
			t.Errorf("%d messages opened %d incidents", n, in(perfmon.AlertOpen))
		}
		if n := len(chat.got); n != 1 {
			t.Errorf("the chat got %d messages", n)
		}
		incidents = map[string]perfmon.AlertState{}
		b.pass(time.Hour)
		if n := read(); n < 6 || n > 9 || in(perfmon.AlertOpen) != 1003 {
			t.Errorf("%d messages reminded of %d alerts", n, in(perfmon.AlertOpen))
		}
		for _, id := range ids {
			if _, err := b.Alerts().Resolve(id, "ann"); err != nil {
				t.Fatal(err)
			}
		}
		b.pass(2 * time.Minute)
		if n := read(); n < 6 || n > 9 || in(perfmon.AlertResolved) != 1003 {
			t.Errorf("%d messages resolved %d incidents", n, in(perfmon.AlertResolved))
		}
		if st := b.Notifications().List()[0]; st.Waiting != 0 || st.Sending != "" {
			t.Errorf("%+v", st)
		}
	})
}

// A receiver that forgets hears of what is active until it is over: also of what is
// acknowledged, silenced or out of hours, and after a restart.
func TestRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clk := clock.NewMock()
		clk.Set(noon)
		f := forgetter{newFake(), 5 * time.Minute}
		day := perfmon.Route{Hours: []perfmon.Hours{{From: 12 * time.Hour, Until: 13 * time.Hour}}}
		opts := []perfmon.Option{perfmon.WithStore(&perfmon.MemoryStore{}), perfmon.WithNotifier("am", f, day), perfmon.WithReminders(time.Minute, time.Minute)}
		b := life(t, clk, opts...)
		disk := b.raise("disk", perfmon.Warning, perfmon.Scope{})
		b.pass(30 * time.Second)
		check(t, []string{"alerts", "opened warning open disk of service"}, told(f.next(t)))
		b.pass(time.Minute)
		fan := b.raise("fan", perfmon.Warning, perfmon.Scope{})
		b.pass(30 * time.Second)
		check(t, []string{"alerts", "opened warning open fan of service"}, told(f.next(t)))
		b.pass(3*time.Minute + 29*time.Second)
		f.none(t)
		b.pass(2 * time.Second)
		check(t, []string{"refresh", "opened warning open disk of service", "opened warning open fan of service"}, told(f.next(t)))
		if _, err := b.Alerts().Acknowledge(disk.ID, "ann"); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Alerts().Dismiss(fan.ID, "ann"); err != nil {
			t.Fatal(err)
		}
		b.pass(30 * time.Second)
		check(t, []string{"alerts", "acknowledged warning acknowledged disk of service", "dismissed warning dismissed fan of service"}, told(f.next(t)))
		if _, err := b.Silences().Add(perfmon.NewSilence{Until: b.Now().Add(48 * time.Hour), Reason: "works"}, "ann"); err != nil {
			t.Fatal(err)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		clk.Add(24 * time.Hour) // until 12:07 of the next day, and until 14:07
		clk.Add(2 * time.Hour)
		b = life(t, clk, opts...)
		check(t, []string{"refresh", "acknowledged warning acknowledged disk of service"}, told(f.next(t)))
		b.pass(6 * time.Minute)
		check(t, []string{"refresh", "acknowledged warning acknowledged disk of service"}, told(f.next(t)))
		if _, err := b.Alerts().Resolve(disk.ID, "ann"); err != nil {
			t.Fatal(err)
		}
		b.pass(30 * time.Second)
		check(t, []string{"alerts", "resolved warning resolved disk of service"}, told(f.next(t)))
		b.pass(time.Hour)
		f.none(t)
	})
}

func TestWrongBatches(t *testing.T) {
	for _, n := range []perfmon.Notifier{keeper{newFake(), 0}, keeper{newFake(), 201}, forgetter{newFake(), time.Second}, forgetter{newFake(), 200 * time.Hour}} {
		_, err := perfmon.New(perfmon.WithNotifier("n", n))
		var wrong *perfmon.FieldError
		if !errors.As(err, &wrong) {
			t.Errorf("%+v: %v", n, err)
		}
	}
}
