package perfmon_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/backend-prs/perfmon"
)

// stored are the options of a monitor whose host feeds it the same way each time.
func stored(store perfmon.Store, clk clock.Clock, lag *atomic.Int64) []perfmon.Option {
	return []perfmon.Option{
		perfmon.WithClock(clk), perfmon.WithStore(store), perfmon.WithInterval(10 * time.Second), perfmon.WithAlertCooldown(4 * time.Minute),
		perfmon.WithMetricFunc(perfmon.Metric{Name: "lag", Unit: "s", Worse: perfmon.HigherIsWorse}, func() float64 { return float64(lag.Load()) / 7 }),
		perfmon.WithThreshold(perfmon.Threshold{Metric: "lag", Warning: perfmon.ValueOf(5), Critical: perfmon.ValueOf(10), AbsentAfter: time.Minute}),
		perfmon.WithThreshold(perfmon.Threshold{Metric: perfmon.ErrorRate, Scope: perfmon.ScopeEndpoint, Warning: perfmon.ValueOf(20), MinRequests: 5}),
	}
}

// act lets somebody do something at random.
func act(b *bench, rng *rand.Rand) {
	one := func(err error) {
		b.t.Helper()
		if err != nil && !errors.Is(err, perfmon.ErrNotActive) && !errors.Is(err, perfmon.ErrNotFound) {
			var notReady *perfmon.NotReadyError
			if !errors.As(err, &notReady) {
				b.t.Error(err)
			}
		}
	}
	alerts, _ := b.Alerts().List(perfmon.AlertQuery{})
	if len(alerts) > 0 {
		id := alerts[rng.IntN(len(alerts))].ID
		one(second([]func(string, string) (perfmon.Alert, error){b.Alerts().Acknowledge, b.Alerts().Dismiss, b.Alerts().Escalate, b.Alerts().Resolve}[rng.IntN(4)](id, "ann")))
	}
	switch rng.IntN(6) {
	case 0:
		warning := perfmon.ValueOf(float64(1 + rng.IntN(9)))
		one(second(b.Thresholds().Update(perfmon.ThresholdID{Metric: perfmon.ErrorRate}, perfmon.ThresholdUpdate{Warning: &warning}, "bob")))
	case 1:
		n := 2 + rng.IntN(3)
		one(second(b.Config().Update(perfmon.SettingsUpdate{ConsecutiveViolations: &n, Sensitivities: map[string]float64{"lag": 0.1 * float64(n)}}, "cyd")))
	case 2:
		one(second(b.Baselines().Establish(15*time.Minute, "ann")))
		one(second(b.Markers().Add(perfmon.NewMarker{Kind: perfmon.MarkerDeploy, Version: fmt.Sprint("v", len(alerts)), Title: "t"}, "cyd")))
	case 3:
		one(second(b.Alerts().Raise(perfmon.HostAlert{Metric: "own", Severity: perfmon.Warning, Message: "m", Metadata: map[string]any{"n": rng.IntN(9)}})))
	case 4:
		pattern := fmt.Sprintf("GET /%d", rng.IntN(4))
		one(second(b.Thresholds().Set(perfmon.Threshold{Metric: perfmon.ErrorRate, Scope: perfmon.ScopeEndpoint, AppliesTo: pattern, Warning: perfmon.ValueOf(60)}, "bob")))
	case 5:
		id := perfmon.ThresholdID{Metric: perfmon.ErrorRate, Scope: perfmon.ScopeEndpoint, AppliesTo: fmt.Sprintf("GET /%d", rng.IntN(4))}
		one(b.Thresholds().Remove(id, "bob"))
	}
}

// A monitor that is restored from its store answers every question as the old one did:
// history, alerts, runs, cooldowns, thresholds, settings, baselines, what is learnt.
func TestRestoredMonitorEqualsTheOldOne(t *testing.T) {
	for seed := range uint64(4) {
		store, clk, lag := &perfmon.MemoryStore{}, clock.NewMock(), &atomic.Int64{}
		clk.Set(noon)
		b := start(t, stored(store, clk, lag)...)
		b.clock = clk
		rng := rand.New(rand.NewPCG(seed, 3))
		failing := [4]int{}
		const hour, stable, worse = 360, 120, 100 // steps, a point each
		for i := range hour + stable + worse + int(seed) {
			switch {
			case i == hour+stable:
				if _, err := b.Baselines().Establish(15*time.Minute, "ann"); err != nil {
					t.Fatal(err)
				}
			case i == hour+10:
				lag.Store(1_000_000) // nothing like it was before
			case i > hour+stable:
				lag.Store(int64(14 + rng.IntN(3)))
			case i > hour:
				failing = [4]int{}
				lag.Store(int64(7 + rng.IntN(3)))
			case rng.IntN(5) == 0:
				lag.Store(int64(rng.IntN(100)))
				failing[rng.IntN(4)] = rng.IntN(100)
			}
			for range 20 + rng.IntN(100) {
				at := rng.IntN(4)
				r := perfmon.Response{Method: "GET", Pattern: fmt.Sprint("/", at), Status: 200, Organization: fmt.Sprint("org", at%2)}
				if rng.IntN(100) < failing[at] {
					r.Status = 500
				}
				b.rec.Record(time.Duration(rng.ExpFloat64()*2e7), &r)
			}
			b.step()
			if i < hour && rng.IntN(6) == 0 {
				act(b, rng)
			}
		}
		before := answers(b.Monitor)
		for _, what := range []string{"alerts", "baselines", "regressions", "anomalies", "endpoints", "runs"} {
			if reflect.ValueOf(before[what]).Len() == 0 {
				t.Errorf("seed %d: there are no %s to restore", seed, what)
			}
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		next, err := perfmon.New(append(stored(store, clk, lag), perfmon.WithoutSystemMetrics())...)
		if err != nil {
			t.Fatal(err)
		}
		if err := next.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, answers(next), cmpopts.EquateNaNs(), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("seed %d (-old +restored):\n%.6000s", seed, diff)
		}
		if err := next.Close(); err != nil {
			t.Error(err)
		}
	}
}

// answers asks a monitor everything that outlives a process.
func answers(m *perfmon.Monitor) map[string]any {
	alerts, _ := m.Alerts().List(perfmon.AlertQuery{})
	h := m.History()
	got := map[string]any{
		"alerts": alerts, "thresholds": m.Thresholds().All(), "settings": m.Config().Settings(), "origins": m.Config().Origins(),
		"baselines": m.Baselines().List(), "regressions": m.Baselines().Regressions(), "anomalies": h.Anomalies(0), "markers": h.Markers(0), "last markers": h.Markers(10 * time.Minute),
		"endpoints": h.Endpoints(0), "hour": h.Endpoints(time.Hour), "organizations": h.Organizations(0), "requests": h.Requests(10 * time.Minute),
	}
	for _, scope := range []perfmon.Scope{{}, {Endpoint: "GET /0"}, {Endpoint: "GET /3"}, {Organization: "org1"}} {
		s, err := h.Series(scope, 0)
		got["series of "+scope.String()] = []any{s, err}
	}
	for _, metric := range []string{"lag", perfmon.ErrorRate, perfmon.ResponseTimeP95} {
		trend, err := h.Trend(metric, perfmon.Scope{}, 20*time.Minute)
		got["trend of "+metric] = []any{trend, err}
	}
	d := m.Diagnostics()
	var runs []string
	for _, t := range d.Thresholds {
		runs = append(runs, fmt.Sprint(t.Metric, " ", t.Scope, " ", t.AppliesTo, ": run ", t.Run, " of ", t.Needed, ", ", t.State, " ", t.AlertID, " until ", t.CooldownUntil))
	}
	got["runs"], got["points"], got["record"] = runs, d.Points, d.Store.Record
	return got
}

// It goes on as the old one would have, too: the same future brings the same alerts.
func TestRestoredMonitorGoesOn(t *testing.T) {
	future := func(restart bool) []string {
		store, clk, lag := &perfmon.MemoryStore{}, clock.NewMock(), &atomic.Int64{}
		clk.Set(noon)
		b := start(t, stored(store, clk, lag)...)
		b.clock = clk
		step := func(v int64) {
			lag.Store(v * 7)
			b.step()
		}
		for _, v := range []int64{1, 1, 6, 6, 6, 6, 1, 1, 1, 6, 6, 1} { // opened, resolved, a run of two ended
			step(v)
		}
		for _, v := range []int64{1, 6, 6} { // two of three, at the end of a point
			step(v)
		}
		if restart {
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			b = start(t, stored(store, clk, lag)...)
			b.clock = clk
		}
		for _, v := range []int64{6, 11, 11, 11, 1, 1, 1} { // reopened, escalated, resolved
			step(v)
		}
		for range 30 {
			step(1)
		}
		for range 3 {
			step(7)
		}
		var got []string
		alerts, _ := b.Alerts().List(perfmon.AlertQuery{Metric: "lag"})
		for _, a := range alerts {
			for _, c := range a.Changes {
				got = append(got, fmt.Sprint(c.At.Sub(noon), " ", c.Change, " ", c.Severity, " ", c.Value))
			}
		}
		return got
	}
	if diff := cmp.Diff(future(false), future(true)); diff != "" {
		t.Errorf("(-went on +was restored):\n%s", diff)
	}
}

// brokenStore fails as it is told to.
type brokenStore struct {
	perfmon.MemoryStore
	fail    atomic.Bool
	hang    atomic.Bool
	release chan struct{}
}

func (s *brokenStore) Append(ctx context.Context, after uint64, records []perfmon.Record) error {
	if s.hang.Load() {
		<-s.release
	}
	if s.fail.Load() {
		return errors.New("disk full")
	}
	return s.MemoryStore.Append(ctx, after, records)
}

// While a store fails or hangs, what people do is refused and has not happened; what the
// monitor finds takes effect, is told, and is written when the store is back.
func TestStoreThatFails(t *testing.T) {
	for _, name := range []string{"fails", "hangs"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &brokenStore{release: make(chan struct{})}
				var value, told atomic.Int64
				m, err := perfmon.New(perfmon.WithoutSystemMetrics(), perfmon.WithStore(store),
					perfmon.WithMetricFunc(metric("x"), func() float64 { return float64(value.Load()) }),
					perfmon.WithThreshold(perfmon.Threshold{Metric: "x", Warning: perfmon.ValueOf(1)}))
				if err != nil {
					t.Fatal(err)
				}
				m.OnAlert(func(perfmon.AlertEvent) { told.Add(1) })
				if err := m.Start(t.Context()); err != nil {
					t.Fatal(err)
				}
				time.Sleep(15 * time.Second)
				if name == "fails" {
					store.fail.Store(true)
				} else {
					store.hang.Store(true)
				}
				value.Store(2)
				time.Sleep(60 * time.Second)
				if told.Load() != 1 {
					t.Errorf("told %d times while the store was broken", told.Load())
				}
				before := m.Thresholds().All()
				began := time.Now()
				m.Diagnostics()
				if took := time.Since(began); took != 0 {
					t.Errorf("diagnostics waited %v for the store", took)
				}
				if _, err := m.Thresholds().Set(perfmon.Threshold{Metric: "x", Warning: perfmon.ValueOf(5)}, "ann"); !errors.Is(err, perfmon.ErrStore) {
					t.Errorf("a change that cannot be kept: %v", err)
				}
				if diff := cmp.Diff(before, m.Thresholds().All()); diff != "" {
					t.Errorf("it has happened all the same:\n%s", diff)
				}
				if h := m.Health(perfmon.AlertQuery{}); h.Store == "" {
					t.Error("health does not say that the store fails")
				}
				store.fail.Store(false)
				store.hang.Store(false)
				if name == "hangs" {
					close(store.release)
				}
				time.Sleep(60 * time.Second)
				value.Store(0)
				time.Sleep(60 * time.Second)
				if s := m.Diagnostics().Store; s.Failure != "" || s.PendingRecords != 0 || s.PendingPoints != 0 || s.Lost != 0 {
					t.Errorf("after it was back: %+v", s)
				}
				alerts, _ := m.Alerts().List(perfmon.AlertQuery{})
				if err := m.Close(); err != nil {
					t.Error(err)
				}
				again, err := perfmon.New(perfmon.WithoutSystemMetrics(), perfmon.WithStore(store), perfmon.WithMetricFunc(metric("x"), func() float64 { return math.NaN() }))
				if err != nil {
					t.Fatal(err)
				}
				restored, _ := again.Alerts().List(perfmon.AlertQuery{})
				if diff := cmp.Diff(alerts, restored); diff != "" || len(alerts) != 1 {
					t.Errorf("what was found meanwhile (-old +restored):\n%s", diff)
				}
			})
		})
	}
}

// A slow store delays neither samples nor judging, nor those who ask.
func TestSlowStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slowStore{}
		m, err := perfmon.New(perfmon.WithoutSystemMetrics(), perfmon.WithStore(store), perfmon.WithInterval(time.Minute), perfmon.WithStep(time.Second),
			perfmon.WithMetricFunc(metric("x"), func() float64 { return 2 }), perfmon.WithThreshold(perfmon.Threshold{Metric: "x", Warning: perfmon.ValueOf(1)}))
		if err != nil {
			t.Fatal(err)
		}
		var longest atomic.Int64
		last := time.Now()
		m.Subscribe(func(perfmon.Sample) {
			longest.Store(max(longest.Load(), int64(time.Since(last))))
			last = time.Now()
		})
		if err := m.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		for g := range 6 {
			go func() {
				for i := range 2 {
					if _, err := m.Alerts().Raise(perfmon.HostAlert{Metric: "own", Severity: perfmon.Warning, Message: "m", Scope: perfmon.Scope{Endpoint: fmt.Sprint(g, i)}}); err != nil {
						t.Error(err)
					}
				}
			}()
		}
		began := time.Now()
		for range 30 {
			time.Sleep(time.Second)
			before := time.Now()
			m.Health(perfmon.AlertQuery{})
			m.Diagnostics()
			if took := time.Since(before); took > 0 {
				t.Errorf("after %v, asking took %v", before.Sub(began), took)
			}
		}
		time.Sleep(time.Minute)
		if d := time.Duration(longest.Load()); d > 1100*time.Millisecond {
			t.Errorf("%v lay between two samples", d)
		}
		if alerts, _ := m.Alerts().List(perfmon.AlertQuery{Metric: "x"}); len(alerts) != 1 {
			t.Errorf("the violated threshold has %d alerts", len(alerts))
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
}

// slowStore takes 2 s for each append.
type slowStore struct{ perfmon.MemoryStore }

func (s *slowStore) Append(ctx context.Context, after uint64, records []perfmon.Record) error {
	time.Sleep(2 * time.Second)
	return s.MemoryStore.Append(ctx, after, records)
}

// A store that holds much is waited for as long as it goes on giving.
func TestRestoreFromALongStore(t *testing.T) {
	for name, test := range map[string]struct {
		pause time.Duration
		want  string
	}{
		"gives a point each second": {time.Second, ""},
		"falls silent":              {time.Minute, "no answer within 5s"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, err := perfmon.New(perfmon.WithoutSystemMetrics(), perfmon.WithStore(&longStore{pause: test.pause}))
				if got := fmt.Sprint(err); test.want == "" && err != nil || !strings.Contains(got, test.want) {
					t.Errorf("%v, want %q", err, test.want)
				}
			})
		})
	}
}

// longStore has 30 points and pauses before each.
type longStore struct {
	perfmon.MemoryStore
	pause time.Duration
}

func (s *longStore) Load(ctx context.Context, _ func(perfmon.Record) error, point func(perfmon.Point) error) error {
	begin := time.Now().Add(-time.Hour)
	for i := range 30 {
		select {
		case <-time.After(s.pause):
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := point(perfmon.Point{Time: begin.Add(time.Duration(i) * time.Minute), ElapsedSeconds: 60}); err != nil {
			return err
		}
	}
	return nil
}

// Restored settings are those that were changed at run time and are still valid; the
// rest is as the code has it now.
func TestRestoredSettings(t *testing.T) {
	store := &perfmon.MemoryStore{}
	first, err := perfmon.New(perfmon.WithoutSystemMetrics(), perfmon.WithStore(store))
	if err != nil {
		t.Fatal(err)
	}
	two, timeout := 2, 4*time.Second
	if _, err := first.Config().Update(perfmon.SettingsUpdate{ConsecutiveViolations: &two, CollectTimeout: &timeout}, "ann"); err != nil {
		t.Fatal(err)
	}
	if err := store.Append(t.Context(), 1, []perfmon.Record{{Number: 2, Settings: &perfmon.SettingsRecord{}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := perfmon.New(perfmon.WithoutSystemMetrics(), perfmon.WithStore(store)); err != nil {
		t.Errorf("with a damaged record: %v", err)
	}
	if err := store.Append(t.Context(), 2, []perfmon.Record{{Number: 3, Settings: &perfmon.SettingsRecord{
		Settings: perfmon.Settings{ConsecutiveViolations: 2, CollectTimeout: timeout, AlertCooldown: time.Hour},
		Origins:  map[string]perfmon.Origin{"ConsecutiveViolations": {Source: perfmon.SourceRunTime}, "CollectTimeout": {Source: perfmon.SourceRunTime}},
	}}}); err != nil {
		t.Fatal(err)
	}
	next, err := perfmon.New(perfmon.WithoutSystemMetrics(), perfmon.WithStore(store), perfmon.WithAlertCooldown(5*time.Minute), perfmon.WithStep(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	s := next.Config().Settings()
	if s.ConsecutiveViolations != 2 || s.AlertCooldown != 5*time.Minute || s.CollectTimeout != 500*time.Millisecond {
		t.Errorf("restored: %+v", s)
	}
}
