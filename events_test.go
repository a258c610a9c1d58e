package perfmon_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
)

// raiseOwn opens an alert of the host's own in an endpoint of that name.
func raiseOwn(t testing.TB, m *perfmon.Monitor, name string, metadata map[string]any) perfmon.Alert {
	t.Helper()
	a, err := m.Alerts().Raise(perfmon.HostAlert{
		Metric: "own", Severity: perfmon.Warning, Message: "m", Scope: perfmon.Scope{Endpoint: name}, Metadata: metadata,
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func numbers(e perfmon.Events) (list []uint64) {
	for _, e := range e.List {
		list = append(list, e.Number)
	}
	return list
}

// Events follow any number, without those that people are not notified of.
func TestEventsAfterANumber(t *testing.T) {
	b := start(t)
	if e := b.Alerts().Events(0, 0); !e.Complete || len(e.List) != 0 || e.Last != 0 {
		t.Errorf("at first: %+v", e)
	}
	var all []uint64
	for i := range 3 {
		a := raiseOwn(t, b.Monitor, fmt.Sprint(i), nil)
		all = append(all, a.Record)
		if _, err := b.Thresholds().Set(perfmon.Threshold{Metric: perfmon.ErrorRate, Warning: perfmon.ValueOf(float64(i + 1))}, "ann"); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		after    uint64
		limit    int
		want     []uint64
		complete bool
	}{
		"all":                 {0, 0, all, true},
		"after the first":     {all[0], 0, all[1:], true},
		"after no event":      {all[0] + 1, 0, all[1:], true},
		"one of them":         {all[0], 1, all[1:2], true},
		"a limit never met":   {all[0], 9, all[1:], true},
		"after the last":      {all[2], 0, nil, true},
		"past what there was": {all[2] + 1, 0, all, false},
	} {
		e := b.Alerts().Events(test.after, test.limit)
		if diff := cmp.Diff(test.want, numbers(e)); diff != "" || e.Complete != test.complete || e.Last != all[2] || e.From != 0 {
			t.Errorf("%s: complete %v, last %d, from %d (-want +got):\n%s", name, e.Complete, e.Last, e.From, diff)
		}
	}
}

// Callers may change what they get.
func TestEventsAreTheCallersOwn(t *testing.T) {
	b := start(t)
	raiseOwn(t, b.Monitor, "a", nil)
	b.Alerts().Events(0, 0).List[0].Alert.Changes[0].By = "somebody"
	if by := b.Alerts().Events(0, 0).List[0].Alert.Changes[0].By; by != perfmon.ByMonitor {
		t.Errorf("the event now says %q", by)
	}
}

// The log holds 4,096 events, or 8 MiB of them, and says where they begin.
func TestEventsAreBounded(t *testing.T) {
	for name, test := range map[string]struct {
		raised   int
		metadata map[string]any
		atLeast  int
		atMost   int
	}{
		"small ones": {4500, nil, 4096, 4096},
		"large ones": {1500, map[string]any{"x": strings.Repeat("x", 10_000)}, 700, 839},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := perfmon.New(perfmon.WithoutSystemMetrics())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = m.Close() }()
			for i := range test.raised / 2 {
				a := raiseOwn(t, m, fmt.Sprint(i), test.metadata)
				if _, err := m.Alerts().Resolve(a.ID, "ann"); err != nil {
					t.Fatal(err)
				}
			}
			e := m.Alerts().Events(0, 0)
			if n := len(e.List); n < test.atLeast || n > test.atMost || e.Complete {
				t.Errorf("%d events are held, complete is %v", n, e.Complete)
			}
			if e.From+1 != e.List[0].Number || e.Last != e.List[len(e.List)-1].Number {
				t.Errorf("they begin past %d with %d and end at %d", e.From, e.List[0].Number, e.Last)
			}
			if again := m.Alerts().Events(e.From, 0); !again.Complete || len(again.List) != len(e.List) {
				t.Errorf("from where they begin: %d, complete is %v", len(again.List), again.Complete)
			}
		})
	}
}

// A restored monitor goes on with the numbers and says that it has no earlier events.
func TestEventsOfARestoredMonitor(t *testing.T) {
	store := &perfmon.MemoryStore{}
	old := start(t, perfmon.WithStore(store))
	first := raiseOwn(t, old.Monitor, "a", nil)
	last := raiseOwn(t, old.Monitor, "b", nil)
	b := start(t, perfmon.WithStore(store))
	if e := b.Alerts().Events(first.Record, 0); e.Complete || len(e.List) != 0 || e.From != last.Record || e.Last != last.Record {
		t.Errorf("after an old event: %+v", e)
	}
	next := raiseOwn(t, b.Monitor, "c", nil)
	if e := b.Alerts().Events(last.Record, 0); !e.Complete || len(e.List) != 1 || e.List[0].Number != next.Record || next.Record <= last.Record {
		t.Errorf("after the last one: %+v", e)
	}
}

// A follower that is slower than OnAlert's backlog gets every event once, in order.
func TestFollowingEvents(t *testing.T) {
	b := start(t)
	got, release := make(chan uint64, 2000), make(chan struct{})
	last := uint64(0)
	b.OnAlert(func(perfmon.AlertEvent) {
		<-release
		for _, e := range b.Alerts().Events(last, 0).List {
			last = e.Number
			got <- e.Number
		}
	})
	const n = 1000
	for i := range n {
		raiseOwn(t, b.Monitor, fmt.Sprint(i), nil)
	}
	close(release)
	for want := range uint64(n) {
		select {
		case number := <-got:
			if number != want+1 {
				t.Fatalf("event %d comes where %d is due", number, want+1)
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("event %d does not come", want+1)
		}
	}
}

// Whoever waits for the end of a monitor that never started hears of it.
func TestDoneWithoutAStart(t *testing.T) {
	m, err := perfmon.New(perfmon.WithoutSystemMetrics())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
	select {
	case <-m.Done():
	default:
		t.Error("it is not done")
	}
}
