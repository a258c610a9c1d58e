package perfmon_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/backend-prs/perfmon"
)

// A subscriber that hangs and one that panics harm neither the monitor nor the others,
// and what they missed is counted.
func TestSubscribersDoNotHarmEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := perfmon.New(perfmon.WithoutSystemMetrics())
		if err != nil {
			t.Fatal(err)
		}
		release := make(chan struct{})
		m.Subscribe(func(perfmon.Sample) { <-release })
		m.Subscribe(func(perfmon.Sample) { panic("boo") })
		var got []time.Duration
		began := time.Now()
		m.Subscribe(func(s perfmon.Sample) { got = append(got, s.Time.Sub(began)) })
		if err := m.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(205 * time.Second)
		synctest.Wait()
		want := []perfmon.SubscriberStatus{
			{To: "samples", Queued: 16, Delivered: 1, Dropped: 3, Running: true}, // one in hand, 16 in the queue
			{To: "samples", Delivered: 20, Panics: 20},
			{To: "samples", Delivered: 20},
		}
		if diff := cmp.Diff(want, m.Diagnostics().Subscribers, cmpopts.IgnoreFields(perfmon.SubscriberStatus{}, "Callback")); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		for i, at := range got {
			if at != time.Duration(i+1)*10*time.Second {
				t.Errorf("sample %d came of %v", i, at)
			}
		}
		close(release)
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestCancelIsFinal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := perfmon.New(perfmon.WithoutSystemMetrics())
		if err != nil {
			t.Fatal(err)
		}
		var n atomic.Int32
		var cancel func()
		cancel = m.Subscribe(func(perfmon.Sample) {
			if n.Add(1) == 2 {
				cancel() // from inside, and more than once
				cancel()
			}
		})
		if err := m.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(65 * time.Second)
		if n.Load() != 2 {
			t.Errorf("called %d times, want 2", n.Load())
		}
		if s := m.Diagnostics().Subscribers; len(s) != 0 {
			t.Errorf("a cancelled subscriber is still there: %+v", s)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
}

// What is queued when the monitor closes is still delivered: an alert is not lost on
// the way out.
func TestCloseDeliversWhatIsQueued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := perfmon.New(perfmon.WithoutSystemMetrics())
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		var n atomic.Int32
		m.OnAlert(func(perfmon.AlertEvent) { time.Sleep(10 * time.Millisecond); n.Add(1) })
		for _, metric := range []string{"a", "b", "c", "d"} {
			if _, err := m.Alerts().Raise(perfmon.HostAlert{Metric: metric, Severity: perfmon.Warning, Message: "m"}); err != nil {
				t.Fatal(err)
			}
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		if n.Load() != 4 {
			t.Errorf("%d of 4 alerts were delivered", n.Load())
		}
	})
}

func TestNilCallbacksFailLoudly(t *testing.T) {
	m, err := perfmon.New()
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]func(){
		"OnAlert": func() { m.OnAlert(nil) }, "Subscribe": func() { m.Subscribe(nil) }, "Watch": func() { m.Watch(nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s(nil) does not panic", name)
				}
			}()
			f()
		}()
	}
}
