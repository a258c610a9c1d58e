package perfmon_test

import (
	"context"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/backend-prs/perfmon"
)

// bench is a monitor on a mock clock. It reads nothing of the machine, so that tests
// see what they put in alone.
type bench struct {
	*perfmon.Monitor
	t       testing.TB
	clock   *clock.Mock
	rec     *perfmon.Recorder
	samples chan perfmon.Sample
	events  chan perfmon.AlertEvent
}

// noon is when the clock of a bench begins.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// start makes and starts a monitor.
func start(t testing.TB, opts ...perfmon.Option) *bench {
	t.Helper()
	b := &bench{t: t, clock: clock.NewMock(), samples: make(chan perfmon.Sample, 1), events: make(chan perfmon.AlertEvent, 1000)}
	b.clock.Set(noon)
	opts = append([]perfmon.Option{perfmon.WithClock(b.clock), perfmon.WithoutSystemMetrics()}, opts...)
	m, err := perfmon.New(opts...)
	if err != nil {
		t.Fatal(err)
	}
	b.Monitor = m
	b.rec = m.NewRecorder()
	over := make(chan struct{})
	m.Subscribe(func(s perfmon.Sample) {
		select {
		case b.samples <- s:
		case <-over:
		}
	})
	m.OnAlert(func(e perfmon.AlertEvent) {
		select {
		case b.events <- e:
		case <-over:
		}
	})
	if err := m.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		close(over)
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// step lets one step pass and returns its sample.
func (b *bench) step() perfmon.Sample {
	b.t.Helper()
	b.clock.Add(b.Step())
	select {
	case s := <-b.samples:
		if now := b.Now(); !s.Time.Equal(now) {
			b.t.Fatalf("the sample of a step is of %v, and it is %v", s.Time, now)
		}
		return s
	case <-time.After(30 * time.Second):
		b.t.Fatal("no sample came of a step")
		panic("unreachable")
	}
}

// request records one that is over.
func (b *bench) request(d time.Duration, status int) {
	b.rec.Record(d, &perfmon.Response{Method: "GET", Pattern: "/", Status: status})
}

// errors makes a step in which a share of 100 requests fails.
func (b *bench) errors(percent int) perfmon.Sample {
	b.t.Helper()
	for i := range 100 {
		status := 200
		if i < percent {
			status = 500
		}
		b.request(10*time.Millisecond, status)
	}
	return b.step()
}

// value returns a metric of a sample that has to have it.
func (b *bench) value(s perfmon.Sample, metric string) float64 {
	b.t.Helper()
	v, ok := s.Value(metric)
	if !ok {
		b.t.Fatalf("%s has no value", metric)
	}
	return v
}

// event returns the next alert event.
func (b *bench) event() perfmon.AlertEvent {
	b.t.Helper()
	select {
	case e := <-b.events:
		return e
	case <-time.After(30 * time.Second):
		b.t.Fatal("no alert event came")
		panic("unreachable")
	}
}

// active returns the alerts that are active.
func (b *bench) active() []perfmon.Alert {
	alerts, _ := b.Alerts().List(perfmon.AlertQuery{Active: true})
	return alerts
}

// series returns points that have to be there.
func series(t testing.TB, m *perfmon.Monitor, scope perfmon.Scope, window time.Duration, metrics ...string) perfmon.Series {
	t.Helper()
	s, err := m.History().Series(scope, window, metrics...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
