package fleet_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
)

// mailbox is where the notifiers of all replicas send to.
type mailbox struct {
	mu       sync.Mutex
	messages []perfmon.Notification // mu
	by       []string               // who sent each; mu
	down     bool                   // mu
	failed   int                    // mu
	taken    func(by string)        // called when a message is taken; mu
}

// options has a replica tell people through the mailbox, at once.
func (b *mailbox) options(by string) []perfmon.Option {
	return []perfmon.Option{perfmon.WithNotifier("chat", sender{b, by}), perfmon.WithNotificationGrouping(0), perfmon.WithReminders(0, 0)}
}

type sender struct {
	box *mailbox
	by  string
}

func (s sender) Notify(_ context.Context, n perfmon.Notification) error {
	b := s.box
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down {
		b.failed++
		return errors.New("down")
	}
	b.messages, b.by = append(b.messages, n), append(b.by, s.by)
	if b.taken != nil {
		b.taken(s.by)
	}
	return nil
}

func (b *mailbox) with(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}

// told counts what alerts were told of, over all messages.
func (b *mailbox) told() map[perfmon.AlertChange]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := map[perfmon.AlertChange]int{}
	for _, m := range b.messages {
		for _, a := range m.Alerts {
			n[a.Change]++
		}
	}
	return n
}

// toldByID is told of messages as receivers know them, by their IDs; again is how many came
// with an ID that came before.
func (b *mailbox) toldByID() (told map[perfmon.AlertChange]int, again int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	told, known := map[perfmon.AlertChange]int{}, map[string]bool{}
	for _, m := range b.messages {
		if known[m.ID] {
			again++
			continue
		}
		known[m.ID] = true
		for _, a := range m.Alerts {
			told[a.Change]++
		}
	}
	return told, again
}

func (b *mailbox) count() (n int) {
	b.with(func() { n = len(b.messages) })
	return n
}

// crowd starts replicas whose notifiers share a mailbox.
func crowd(t *testing.T, s *server, box *mailbox, names ...string) (all []*replica) {
	for i, name := range names {
		all = append(all, join(t, s, name, time.Duration(i)*time.Minute, box.options(name)...))
	}
	return all
}

// serveAll lets all replicas serve, so many of 100 requests failed, and take a step.
func serveAll(failed int, all ...*replica) {
	for _, r := range all {
		r.serve("/orders", 100, failed, 10*time.Millisecond)
	}
	step(all...)
}

// until steps until something holds that notifiers, in goroutines of their own, bring about.
func until(t *testing.T, failed int, what string, holds func() bool, all ...*replica) {
	t.Helper()
	for range 60 {
		serveAll(failed, all...)
		for range 50 {
			if holds() {
				return
			}
			time.Sleep(time.Millisecond)
		}
	}
	t.Fatalf("waited for %s in vain: %+v", what, all[0].Notifications().List())
}

// bad is how many of 100 requests fail in an incident: enough for a warning.
const bad = 7

var once = map[perfmon.AlertChange]int{perfmon.ChangeOpened: 1, perfmon.ChangeResolved: 1}

func TestEachNotifierIsToldOnce(t *testing.T) {
	for _, names := range [][]string{{"a", "b"}, {"a", "b", "c"}} {
		s, box := startServer(t), &mailbox{}
		all := crowd(t, s, box, names...)
		for range 3 {
			serveAll(0, all...)
		}
		until(t, bad, "the message that it is open", func() bool { return box.count() >= 1 }, all...)
		for range 5 {
			serveAll(bad, all...)
		}
		until(t, 0, "the message that it is over", func() bool { return box.told()[perfmon.ChangeResolved] >= 1 }, all...)
		for range 5 {
			serveAll(0, all...)
		}
		if diff := cmp.Diff(once, box.told()); diff != "" {
			t.Errorf("%d replicas told (-want +got)\n%s", len(names), diff)
		}
		for _, m := range box.messages {
			if m.Service.Instance != "" {
				t.Errorf("the message is about %q, want the whole service", m.Service.Instance)
			}
		}
	}
}

// A leader that is killed has told what its record says, and the next one goes on from there.
func TestNextLeaderGoesOnTelling(t *testing.T) {
	s, box := startServer(t), &mailbox{}
	all := crowd(t, s, box, "a", "b", "c")
	for range 3 {
		serveAll(0, all...)
	}
	until(t, bad, "the message that it is open", func() bool { return box.count() >= 1 }, all...)
	serveAll(bad, all...)
	all[0].proxy.part() // without a farewell
	all[0].close()
	rest := all[1:]
	for range 5 {
		serveAll(bad, rest...)
	}
	until(t, 0, "the message that it is over", func() bool { return box.told()[perfmon.ChangeResolved] >= 1 }, rest...)
	for range 5 {
		serveAll(0, rest...)
	}
	if diff := cmp.Diff(once, box.told()); diff != "" {
		t.Errorf("told (-want +got)\n%s", diff)
	}
	if box.by[0] != "a" || box.by[1] == "a" {
		t.Errorf("told by %v, want a and then another", box.by)
	}
}

// What a leader could not deliver before it was killed, the next one delivers.
func TestNextLeaderSendsWhatWaits(t *testing.T) {
	s, box := startServer(t), &mailbox{down: true}
	all := crowd(t, s, box, "a", "b", "c")
	for range 3 {
		serveAll(0, all...)
	}
	failed := func() (n int) { box.with(func() { n = box.failed }); return n }
	until(t, bad, "a try", func() bool { return failed() >= 1 }, all...)
	all[0].proxy.part()
	all[0].close()
	box.with(func() { box.down = false })
	rest := all[1:]
	until(t, bad, "the message that it is open", func() bool { return box.count() >= 1 }, rest...)
	until(t, 0, "the message that it is over", func() bool { return box.told()[perfmon.ChangeResolved] >= 1 }, rest...)
	if diff := cmp.Diff(once, box.told()); diff != "" {
		t.Errorf("told (-want +got)\n%s", diff)
	}
}

// A leader that loses the Redis just when it has delivered notes that when it is back, and
// nothing is sent again.
func TestDeliveryIsNotedWhenTheRedisIsBack(t *testing.T) {
	s, box := startServer(t), &mailbox{}
	all := crowd(t, s, box, "a", "b", "c")
	for range 3 {
		serveAll(0, all...)
	}
	box.with(func() { box.taken = func(string) { s.pause() } })
	for range 30 {
		for _, r := range all {
			r.serve("/orders", 100, bad, 10*time.Millisecond)
		}
		step(all...)
		if box.count() > 0 {
			break
		}
	}
	all[0].wait("the message", func() bool { return box.count() > 0 })
	box.with(func() { box.taken = nil })
	serveAll(bad, all...)
	s.resume()
	until(t, 0, "the message that it is over", func() bool { return box.told()[perfmon.ChangeResolved] >= 1 }, all...)
	for range 3 {
		serveAll(0, all...)
	}
	if diff := cmp.Diff(once, box.told()); diff != "" {
		t.Errorf("told (-want +got)\n%s", diff)
	}
}

// A silence is a record of all: whoever leads keeps quiet, and who takes over, too.
func TestSilenceMadeAtOneReplicaHoldsForAll(t *testing.T) {
	s, box := startServer(t), &mailbox{}
	all := crowd(t, s, box, "a", "b", "c")
	for range 3 {
		serveAll(0, all...)
	}
	c := all[2]
	made, err := c.Silences().Add(perfmon.NewSilence{Metric: perfmon.ErrorRate, Until: c.whole().Now().Add(24 * time.Hour), Reason: "a test"}, "ann")
	if err != nil {
		t.Fatal(err)
	}
	held := func(r *replica) uint64 {
		s, err := r.Silences().Get(made.ID)
		if err != nil {
			t.Fatal(err)
		}
		return s.HeldBack
	}
	until(t, bad, "a message that is held back, at all replicas", func() bool { return held(all[0]) >= 1 && held(all[1]) >= 1 && held(c) >= 1 }, all...)
	all[0].proxy.part()
	all[0].close()
	rest := all[1:]
	for range 5 {
		serveAll(bad, rest...)
	}
	if n := box.count(); n != 0 {
		t.Errorf("%d messages in spite of a silence", n)
	}
	if _, err := rest[0].Silences().End(made.ID, "ann"); err != nil {
		t.Fatal(err)
	}
	until(t, bad, "the message that it is open", func() bool { return box.count() >= 1 }, rest...)
	if list := rest[1].whole().Silences().List(); len(list) != 1 || list[0].EndedBy != "ann" {
		t.Errorf("the other replica does not know that the silence was ended: %+v", list)
	}
}

// Alone, each replica tells of its own alerts. When the fleet is back, the one that goes on
// is told to be over once, and nothing is told again.
func TestAloneEachReplicaTellsAndNothingIsToldAgain(t *testing.T) {
	s, box := startServer(t), &mailbox{}
	all := crowd(t, s, box, "a", "b")
	for range 3 {
		serveAll(0, all...)
	}
	s.kill()
	for range 8 {
		serveAll(0, all...)
	}
	until(t, bad, "a message of each", func() bool { return box.told()[perfmon.ChangeOpened] >= 2 }, all...)
	s.start()
	for range 6 {
		serveAll(bad, all...)
	}
	until(t, 0, "the message that both are over", func() bool { return box.told()[perfmon.ChangeResolved] >= 2 }, all...)
	for range 5 {
		serveAll(0, all...)
	}
	told := map[string]int{}
	for _, m := range box.messages {
		for _, a := range m.Alerts {
			told[a.Alert.ID+" "+string(a.Change)]++
		}
	}
	if len(told) != 4 {
		t.Errorf("told %v, want two alerts opened and resolved", told)
	}
	for what, n := range told {
		if n != 1 {
			t.Errorf("%s was told %d times", what, n)
		}
	}
}

// An alert that the fleet has told of is no news when the Redis is gone, and its end is told
// once when it is back.
func TestAlertOfTheFleetWaitsForTheFleet(t *testing.T) {
	s, box := startServer(t), &mailbox{}
	all := crowd(t, s, box, "a", "b", "c")
	for range 3 {
		serveAll(0, all...)
	}
	until(t, bad, "the message that it is open", func() bool { return box.count() >= 1 }, all...)
	serveAll(bad, all...)
	s.kill()
	for range 15 {
		serveAll(bad, all...)
	}
	s.start()
	until(t, 0, "the message that it is over", func() bool { return box.told()[perfmon.ChangeResolved] >= 1 }, all...)
	for range 5 {
		serveAll(0, all...)
	}
	if diff := cmp.Diff(once, box.told()); diff != "" {
		t.Errorf("told (-want +got)\n%s", diff)
	}
}
