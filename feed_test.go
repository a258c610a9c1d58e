package perfmon_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backend-prs/perfmon"
)

// A burst of 1,003 alerts reaches a callback that takes 1 ms: each of them, critical ones
// first, and in the end each one's end.
func TestBurstReachesASlowCallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := perfmon.New(perfmon.WithoutSystemMetrics())
		if err != nil {
			t.Fatal(err)
		}
		h := newHearing(t)
		m.OnAlert(func(e perfmon.AlertEvent) {
			time.Sleep(time.Millisecond)
			h.hear(e)
		})
		var ids []string
		for i := range 1003 {
			severity := perfmon.Warning
			if i%2 == 1 {
				severity = perfmon.Critical
			}
			a, err := m.Alerts().Raise(perfmon.HostAlert{Metric: "burst", Severity: severity, Message: "m", Scope: perfmon.Scope{Endpoint: fmt.Sprint(i)}})
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, a.ID)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		h.mu.Lock()
		if len(h.last) != 1003 {
			t.Errorf("heard of %d alerts", len(h.last))
		}
		// Some warnings came before anything piled up.
		warnings := 0
		for i, e := range h.events[:502] {
			if e.Alert.Severity == perfmon.Warning {
				if warnings++; warnings > 10 {
					t.Errorf("event %d is still a warning", i)
					break
				}
			}
		}
		h.mu.Unlock()
		for _, id := range ids {
			if _, err := m.Alerts().Resolve(id, "test"); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(2 * time.Second)
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		h.checkEnds(m)
	})
}

// hearing checks what a subscriber is told, alert by alert.
type hearing struct {
	t      *testing.T
	mu     sync.Mutex
	events []perfmon.AlertEvent
	last   map[string]perfmon.AlertEvent
}

func newHearing(t *testing.T) *hearing {
	return &hearing{t: t, last: map[string]perfmon.AlertEvent{}}
}

func (h *hearing) hear(e perfmon.AlertEvent) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before, known := h.last[e.Alert.ID]
	switch {
	case !known && e.Change != perfmon.ChangeOpened:
		h.t.Errorf("%s of %s is heard before its opening", e.Change, e.Alert.ID)
	case known && e.Number < before.Number:
		h.t.Errorf("record %d of %s is heard after %d", e.Number, e.Alert.ID, before.Number)
	case known && before.Change == perfmon.ChangeResolved && e.Change != perfmon.ChangeOpened:
		h.t.Errorf("%s of %s is heard after its end", e.Change, e.Alert.ID)
	}
	h.events = append(h.events, e)
	h.last[e.Alert.ID] = e
}

// checkEnds compares the last thing heard of each alert with what it is.
func (h *hearing) checkEnds(m *perfmon.Monitor) {
	h.mu.Lock()
	defer h.mu.Unlock()
	alerts, _ := m.Alerts().List(perfmon.AlertQuery{})
	for _, a := range alerts {
		e, ok := h.last[a.ID]
		if !ok {
			if !a.Quiet {
				h.t.Errorf("%s was never heard of", a.ID)
			}
			continue
		}
		if e.Alert.State != a.State && a.State == perfmon.AlertResolved {
			h.t.Errorf("%s is %s, heard was %s", a.ID, a.State, e.Alert.State)
		}
	}
}

// Six goroutines act at once: nobody misses an alert's end, and nobody hears of its end
// before its beginning, however slow the callback.
func TestSixGoroutinesActAtOnce(t *testing.T) {
	m, err := perfmon.New(perfmon.WithoutSystemMetrics(), perfmon.WithAlertCooldown(0))
	if err != nil {
		t.Fatal(err)
	}
	fast, slow := newHearing(t), newHearing(t)
	m.OnAlert(fast.hear)
	m.OnAlert(func(e perfmon.AlertEvent) {
		if e.Number%64 == 0 {
			time.Sleep(time.Millisecond) // a load, not a wait
		}
		slow.hear(e)
	})
	var wg sync.WaitGroup
	for g := range 6 {
		wg.Go(func() {
			for i := range 900 {
				scope := perfmon.Scope{Endpoint: fmt.Sprint(g, "/", i%7)}
				a, err := m.Alerts().Raise(perfmon.HostAlert{Metric: "m", Severity: perfmon.Warning, Message: "m", Scope: scope})
				if err != nil {
					t.Error(err)
					return
				}
				switch i % 3 {
				case 1:
					_, _ = m.Alerts().Escalate(a.ID, "g")
				case 2:
					_, _ = m.Alerts().Acknowledge(a.ID, "g")
				}
				if _, err := m.Alerts().Resolve(a.ID, "g"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	fast.checkEnds(m)
	slow.checkEnds(m)
	if len(fast.last) != 5400 || len(slow.last) != 5400 {
		t.Errorf("heard of %d and %d alerts, want 5400", len(fast.last), len(slow.last))
	}
}

// What one callback does to an alert does not reach another.
func TestEventsShareNothing(t *testing.T) {
	b := start(t)
	other := make(chan perfmon.AlertEvent, 10)
	b.OnAlert(func(e perfmon.AlertEvent) { e.Alert.Changes[0].By = "changed"; e.Alert.Metadata.Map()["x"] = 1 })
	b.OnAlert(func(e perfmon.AlertEvent) { other <- e })
	h := perfmon.HostAlert{Metric: "m", Severity: perfmon.Warning, Message: "m", Metadata: map[string]any{"x": "y"}}
	a, err := b.Alerts().Raise(h)
	if err != nil {
		t.Fatal(err)
	}
	e := <-other
	if e.Alert.Changes[0].By != perfmon.ByMonitor || e.Alert.Metadata.Map()["x"] != "y" {
		t.Errorf("it got %+v", e.Alert)
	}
	a.Changes[0].By = "changed"
	if got, err := b.Alerts().Get(a.ID); err != nil || got.Changes[0].By != perfmon.ByMonitor {
		t.Errorf("%v, %+v", err, got)
	}
}

// A callback that panics or ends its goroutine is called again.
func TestCallbacksThatEndTheirGoroutine(t *testing.T) {
	b := start(t)
	got := make(chan string, 10)
	b.OnAlert(func(e perfmon.AlertEvent) {
		got <- e.Alert.Metric
		if e.Alert.Metric == "first" {
			exit()
		}
		panic(e)
	})
	for _, metric := range []string{"first", "second", "third"} {
		if _, err := b.Alerts().Raise(perfmon.HostAlert{Metric: metric, Severity: perfmon.Warning, Message: "m"}); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"first", "second", "third"} {
		if metric := <-got; metric != want {
			t.Errorf("called for %s, want %s", metric, want)
		}
	}
}
