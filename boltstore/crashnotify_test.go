package boltstore_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/boltstore"
)

var notifyKills = flag.Int("notifykills", 60, "how often TestKillNotifier kills its child")

// receiver is a notifier that says what it has taken, and refuses some.
type receiver struct{ refuse bool }

// AlertsAtOnce has no alert left out, however many wait.
func (r receiver) AlertsAtOnce() int { return 200 }

func (r receiver) Notify(_ context.Context, n perfmon.Notification) error {
	switch {
	case r.refuse && rand.IntN(4) == 0:
		return errors.New("refused")
	case r.refuse && rand.IntN(4) == 0:
		return &perfmon.RetryError{After: time.Millisecond, Err: errors.New("too many")}
	}
	var b strings.Builder
	for _, a := range n.Alerts {
		fmt.Fprintf(&b, " %s:%d:%s", a.Alert.ID, a.Alert.Record, a.Alert.State)
	}
	told("took %s %d%s", n.ID, n.More, b.String())
	return nil
}

func notifyOptions(path string, n perfmon.Notifier) []perfmon.Option {
	return []perfmon.Option{
		perfmon.WithoutSystemMetrics(), perfmon.WithoutDefaultThresholds(), perfmon.WithStore(boltstore.At(path)), perfmon.WithAlertCooldown(0),
		perfmon.WithNotifier("receiver", n), perfmon.WithNotificationGrouping(5 * time.Millisecond), perfmon.WithReminders(0, 0),
	}
}

// notifyChild raises alerts and resolves them, and says what it was acknowledged and what
// its notifier has taken.
func notifyChild(path string) error {
	m, err := perfmon.New(notifyOptions(path, receiver{refuse: true})...)
	if err != nil {
		return err
	}
	if err := m.Start(context.Background()); err != nil {
		return err
	}
	told("started")
	for {
		metric := fmt.Sprint("own", rand.IntN(20))
		a, err := m.Alerts().Raise(perfmon.HostAlert{Metric: metric, Severity: perfmon.Warning, Message: "m"})
		if err == nil && rand.IntN(2) == 0 {
			a, err = m.Alerts().Resolve(a.ID, "ann")
		}
		if err != nil {
			return err
		}
		told("alert %s %d %s", a.ID, a.Record, a.State)
		time.Sleep(time.Duration(rand.IntN(3)) * time.Millisecond)
	}
}

// taken is what receivers have taken of one file's monitors.
type taken struct {
	messages map[string]string // what a message says, by its ID
	under    map[string]string // the message that told a state of an alert
	latest   map[string]uint64 // the record of the latest state that was told, by alert
	acked    map[string]ackedAlert
	again    int // messages that came again with their ID
}

func (w *taken) note(t *testing.T, line string) {
	t.Helper()
	f := strings.Fields(line)
	switch {
	case len(f) == 1 && f[0] == "started":
	case len(f) == 4 && f[0] == "alert":
		w.acked[f[1]] = ackedAlert{uint64(number(t, f[2])), perfmon.AlertState(f[3])}
	case len(f) >= 4 && f[0] == "took":
		id, said := f[1], strings.Join(f[3:], " ")
		if before, ok := w.messages[id]; ok {
			w.again++
			for _, state := range f[3:] {
				if !strings.Contains(before, state) {
					t.Errorf("message %s said %s, and came again with %s", id, before, said)
				}
			}
			return
		}
		w.messages[id] = said
		for _, state := range f[3:] {
			if other, ok := w.under[state]; ok {
				t.Errorf("%s was told by message %s and again by %s", state, other, id)
			}
			w.under[state] = id
			part := strings.Split(state, ":")
			record := uint64(number(t, part[1]))
			if record < w.latest[part[0]] {
				t.Errorf("%s was told after record %d of the alert", state, w.latest[part[0]])
			}
			w.latest[part[0]] = record
		}
		if f[2] != "0" {
			t.Errorf("message %s leaves out %s alerts: this test does not follow those", id, f[2])
		}
	default:
		t.Errorf("the child says %q", line)
	}
}

// collector hands what it takes to a function.
type collector func(line string)

// AlertsAtOnce is as that of a receiver.
func (c collector) AlertsAtOnce() int { return 200 }

func (c collector) Notify(_ context.Context, n perfmon.Notification) error {
	line := fmt.Sprintf("took %s %d", n.ID, n.More)
	for _, a := range n.Alerts {
		line += fmt.Sprintf(" %s:%d:%s", a.Alert.ID, a.Alert.Record, a.Alert.State)
	}
	c(line)
	return nil
}

// Whenever the process is killed, people are told of the last state of each alert in the
// end; no state is told twice but by a message that has the same ID; and the states of an
// alert come in their order.
func TestKillNotifier(t *testing.T) {
	path := filepath.Join(t.TempDir(), "perfmon.db")
	w := &taken{messages: map[string]string{}, under: map[string]string{}, latest: map[string]uint64{}, acked: map[string]ackedAlert{}}
	for i := range *notifyKills {
		runAndKill(t, "notify", path, time.Duration(rand.IntN(120))*time.Millisecond, w.note)
		if t.Failed() {
			t.Fatalf("after %d kills", i+1)
		}
	}
	lines := make(chan string, 10_000)
	m, err := perfmon.New(notifyOptions(path, collector(func(line string) { lines <- line }))...)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if st := m.Notifications().List()[0]; st.Waiting == 0 && st.Sending == "" && st.Queued == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("it is not at rest: %+v", m.Notifications().List()[0])
		}
	}
	err = m.Close()
	close(lines)
	if err != nil {
		t.Error(err)
	}
	for line := range lines {
		w.note(t, line)
	}
	list, _ := m.Alerts().List(perfmon.AlertQuery{})
	held := map[string]perfmon.Alert{}
	for _, a := range list {
		held[a.ID] = a
		// An alert that came and went between two messages may be told as resolved alone.
		if w.latest[a.ID] != a.Record {
			t.Errorf("alert %s is %s by record %d, and the latest that was told is %d", a.ID, a.State, a.Record, w.latest[a.ID])
		}
	}
	for id, acked := range w.acked {
		if held[id].Record < acked.record {
			t.Errorf("alert %s is lost: %s by record %d was acknowledged", id, acked.state, acked.record)
		}
	}
	if len(w.messages) < *notifyKills/2 {
		t.Errorf("only %d messages in %d kills: the child told too little", len(w.messages), *notifyKills)
	}
	t.Logf("%d kills, %d alerts, %d messages, %d of them came again with their ID", *notifyKills, len(list), len(w.messages), w.again)
}
