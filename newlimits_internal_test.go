package perfmon

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
)

// Baselines are bounded in bytes, too, a hundred times past the limit.
func TestBaselineBytes(t *testing.T) {
	bs := &baselines{}
	metrics := map[string]BaselineMetric{}
	for i := range MaxMetrics {
		metrics[fmt.Sprint("m", i)] = BaselineMetric{}
	}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	bs.apply(Baseline{At: at})
	each := (&Baseline{Metrics: metrics}).size()
	for i := range 100 * maxBaselineBytes / each {
		bs.apply(Baseline{Name: "n", At: at.Add(time.Duration(i) * time.Millisecond), Metrics: metrics})
		if bs.bytes > maxBaselineBytes {
			t.Fatalf("%d bytes after %d", bs.bytes, i)
		}
	}
	sum := 0
	for _, b := range bs.all(at) {
		sum += b.size()
	}
	if sum != bs.bytes || bs.dropped == 0 {
		t.Errorf("%d bytes counted, %d held, %d dropped", bs.bytes, sum, bs.dropped)
	}
	if bs.all(at.Add(2 * BaselineRetention)); bs.bytes != 0 {
		t.Errorf("%d bytes counted when all are too old", bs.bytes)
	}
}

// A message that has no room in a notifier's queue is refused and counted.
func TestFullQueueOfNotifier(t *testing.T) {
	m, err := New(WithClock(clock.NewMock()), WithoutSystemMetrics(), WithNotifier("chat", nobody{}))
	if err != nil {
		t.Fatal(err)
	}
	c := m.channels[0]
	c.state.Store(&OutboxRecord{Notifier: "chat", Queue: make([]OutboxMessage, maxQueued)})
	c.dead.Store(&DeadLettersRecord{Notifier: "chat", Letters: []DeadLetter{{Notification: Notification{ID: "1"}}}})
	if err := m.Notifications().Resend("chat", "1", "ann"); err == nil {
		t.Error("it was taken")
	}
	for _, l := range m.limits() {
		if l.Limit == "notifier_messages" && (l.Used != maxQueued || l.Hit != 1) {
			t.Errorf("%+v", l)
		}
	}
	if len(c.dead.Load().Letters) != 1 {
		t.Error("the dead letter is gone")
	}
}

type nobody struct{}

func (nobody) Notify(context.Context, Notification) error { return nil }

// Instances that come and go, as with each deploy, leave room for those that come later; too
// many at once are counted.
func TestReplicasComeAndGo(t *testing.T) {
	clk := clock.NewMock()
	clk.Set(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	many := &manyReplicas{}
	m, err := New(WithClock(clk), WithoutSystemMetrics(), WithFleet(many))
	if err != nil {
		t.Fatal(err)
	}
	m.ctx = context.Background()
	f := m.fleet
	f.token.Store(1)
	step := func(d time.Duration, names ...string) {
		many.pulled = nil
		for _, name := range names {
			s := newFleetState()
			s.replicas, s.elapsed = 1, 10*time.Second
			s.set(MemoryUsageMB, name, 100)
			many.pulled = append(many.pulled, FleetPull{FleetReplica: FleetReplica{name, name, "v1"}, States: [][]byte{s.appendTo(nil)}})
		}
		clk.Add(d)
		if err := f.leadStep(m.ctx); err != nil {
			t.Fatal(err)
		}
	}
	limit := func() LimitStatus { return m.fleetLimits()[0] }
	for i := range 300 {
		name := fmt.Sprint("pod-", i)
		step(time.Minute, name)
		if _, ok := f.viewOf(name); !ok {
			t.Fatalf("%s has no history: %+v", name, limit())
		}
	}
	if l := limit(); l.Used > 62 || l.Hit != 0 {
		t.Errorf("%+v: those that have been gone for an hour are dropped", l)
	}
	var names []string
	for i := range 150 {
		names = append(names, fmt.Sprint("big-", i))
	}
	for range 2 {
		step(10*time.Second, names...)
	}
	if l := limit(); l.Used != l.Most || l.Hit == 0 {
		t.Errorf("%+v", l)
	}
}
