package perfmon_test

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon"
)

// watch returns the live samples of a monitor.
func (b *bench) watch() (samples chan perfmon.Sample, cancel func()) {
	samples = make(chan perfmon.Sample, 100)
	return samples, b.Watch(func(s perfmon.Sample) { samples <- s })
}

// second lets a second pass and returns its live sample.
func (b *bench) second(samples chan perfmon.Sample) perfmon.Sample {
	b.t.Helper()
	b.clock.Add(time.Second)
	return b.next(samples)
}

func (b *bench) next(samples chan perfmon.Sample) perfmon.Sample {
	b.t.Helper()
	select {
	case s := <-samples:
		return s
	case <-time.After(30 * time.Second):
		b.t.Fatal("no sample came")
		panic("unreachable")
	}
}

// figures are what a sample has.
func figures(s perfmon.Sample) map[string]float64 {
	got := map[string]float64{}
	for m, v := range s.All() {
		if !math.IsNaN(v) {
			got[m.Name] = v
		}
	}
	return got
}

// A live sample is of the requests of its second. The figures of the step and its
// thresholds are the same as if nobody watched.
func TestLiveSamples(t *testing.T) {
	watched, alone := start(t), start(t)
	for _, b := range []*bench{watched, alone} {
		b.request(time.Hour, 500) // before somebody watches
		b.RecordCacheHit()
	}
	samples, _ := watched.watch()
	for round := range 2 {
		for second := range 10 {
			for _, b := range []*bench{watched, alone} {
				for i := range 10 * second {
					status := 200
					if i < second {
						status = 500
					}
					b.request(time.Duration(second)*time.Millisecond, status)
				}
				if second == 5 {
					b.RecordCacheHit()
					b.RecordCacheMiss()
					b.RecordQuery(20 * time.Millisecond)
				}
				if second == 9 {
					b.rec.Start()
				}
			}
			s := watched.second(samples)
			alone.clock.Add(time.Second)
			if !s.Time.Equal(watched.Now()) {
				t.Errorf("it is %v, and the sample of %v", watched.Now(), s.Time)
			}
			want := map[string]float64{perfmon.ThroughputRPS: float64(10 * second), perfmon.RequestsInFlight: float64(round), perfmon.StreamsOpen: 0}
			if second > 0 {
				want[perfmon.ErrorRate] = 10
				for _, name := range []string{perfmon.ResponseTimeP50, perfmon.ResponseTimeP95, perfmon.ResponseTimeP99, perfmon.ResponseTimeAvg} {
					want[name] = float64(second) / 1000
				}
			}
			if second == 5 {
				want[perfmon.CacheHitRate], want[perfmon.DatabaseQueryTimeAvg] = 50, 0.02
			}
			if second == 9 {
				want[perfmon.RequestsInFlight]++
			}
			if diff := cmp.Diff(want, figures(s), cmpopts.EquateApprox(0.008, 0)); diff != "" {
				t.Errorf("round %d, second %d (-want +got):\n%s", round, second, diff)
			}
		}
		if diff := cmp.Diff(figures(alone.next(alone.samples)), figures(watched.next(watched.samples))); diff != "" {
			t.Errorf("the step (-alone +watched):\n%s", diff)
		}
	}
}

// A live sample has what costs nothing to read, and leaves collectors alone.
func TestLiveSamplesAskNoCollector(t *testing.T) {
	calls := 0
	b := start(t, perfmon.WithMetricFunc(perfmon.Metric{Name: "g"}, func() float64 { calls++; return 1 }),
		perfmon.WithMetricFunc(perfmon.Metric{Name: perfmon.CacheHitRate, Kind: perfmon.KindCounter}, func() float64 { return 90 }))
	samples, _ := b.watch()
	for range 9 {
		s := b.second(samples)
		var names []string
		for m := range s.All() {
			names = append(names, m.Name)
		}
		want := []string{
			perfmon.ResponseTimeP50, perfmon.ResponseTimeP95, perfmon.ResponseTimeP99, perfmon.ResponseTimeAvg,
			perfmon.ThroughputRPS, perfmon.ErrorRate, perfmon.RequestsInFlight, perfmon.StreamsOpen, perfmon.DatabaseQueryTimeAvg,
		}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	}
	if calls != 0 {
		t.Errorf("the collector was asked %d times", calls)
	}
}

// Watchers come and go: while there is one there are samples, and each is of the time
// since the one before.
func TestWatchersComeAndGo(t *testing.T) {
	b := start(t)
	first, leave := b.watch()
	b.second(first)
	second, leaveToo := b.watch()
	b.request(time.Millisecond, 200)
	if a, z := b.second(first), b.next(second); !cmp.Equal(figures(a), figures(z)) || b.value(a, perfmon.ThroughputRPS) != 1 {
		t.Errorf("one gets %v, another %v", figures(a), figures(z))
	}
	leave()
	leave()
	b.request(time.Millisecond, 200)
	if v := b.value(b.second(second), perfmon.ThroughputRPS); v != 1 {
		t.Errorf("throughput is %v", v)
	}
	leaveToo()
	b.clock.Add(3 * time.Second)
	b.request(time.Millisecond, 200)
	if n := len(first) + len(second); n != 0 || len(b.Diagnostics().Subscribers) != 2 { // those of the bench
		t.Errorf("%d samples after all have left, and %v", n, b.Diagnostics().Subscribers)
	}
	again, _ := b.watch()
	if v := b.value(b.second(again), perfmon.ThroughputRPS); v != 0 {
		t.Errorf("the first sample has a throughput of %v, of a time when nobody watched", v)
	}
	if list := b.Diagnostics().Subscribers; !slices.ContainsFunc(list, func(s perfmon.SubscriberStatus) bool { return s.To == "live" && s.Delivered == 1 }) {
		t.Errorf("%+v", list)
	}
}

// There are no live samples while the monitor is not enabled, and none of that time.
func TestLiveSamplesOfAMonitorThatIsPaused(t *testing.T) {
	b := start(t)
	samples, _ := b.watch()
	b.second(samples)
	set := func(on bool) {
		if _, err := b.Config().Update(perfmon.SettingsUpdate{Enabled: &on}, "test"); err != nil {
			t.Fatal(err)
		}
	}
	set(false)
	b.clock.Add(time.Second)
	b.request(time.Millisecond, 200)
	b.clock.Add(time.Second)
	set(true)
	b.clock.Add(time.Second)
	b.request(time.Millisecond, 200)
	s := b.second(samples)
	if v := b.value(s, perfmon.ThroughputRPS); v != 1 || len(samples) != 0 {
		t.Errorf("throughput is %v at %v, and %d more samples came", v, s.Time, len(samples))
	}
}

// Live samples begin with the monitor and end with it. Before, after and without watchers
// there is no goroutine, which synctest would find.
func TestLiveSamplesBeginAndEndWithTheMonitor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := perfmon.New() // with the metrics of the runtime
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		m.Watch(func(s perfmon.Sample) {
			n++
			if _, ok := s.Value(perfmon.Goroutines); !ok {
				t.Error("goroutines has no value")
			}
		})
		hung := make(chan struct{})
		m.Watch(func(perfmon.Sample) { <-hung })
		m.Watch(func(perfmon.Sample) { panic("boo") })
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if n != 0 {
			t.Errorf("%d samples before the start", n)
		}
		if err := m.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(60*time.Second + 500*time.Millisecond)
		synctest.Wait()
		if n != 60 {
			t.Errorf("%d samples in a minute", n)
		}
		close(hung)
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		m.Watch(func(perfmon.Sample) { t.Error("a sample after the end") })
		time.Sleep(10 * time.Second)
	})
}
