package perfmon_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
)

// minutes makes points of a minute each; value gives the response time in seconds.
func minutes(b *bench, n int, value func() float64) {
	b.t.Helper()
	for range n {
		for range 100 {
			b.request(time.Duration(value()*float64(time.Second)), 200)
		}
		b.step()
	}
}

func minuteBench(t *testing.T, opts ...perfmon.Option) *bench {
	return start(t, append(opts, perfmon.WithStep(time.Minute))...)
}

// noisy returns values around mean.
func noisy(rng *rand.Rand, mean float64) func() float64 {
	return func() float64 { return mean * math.Exp(rng.NormFloat64()*0.1) }
}

func TestBaselineNeedsEnoughStablePoints(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	b := minuteBench(t)
	minutes(b, 30, noisy(rng, 0.1))
	var missing *perfmon.NotReadyError
	if _, err := b.Baselines().Establish(0, "test"); !errors.As(err, &missing) || !strings.Contains(err.Error(), "hold 30 points; 54 are needed") {
		t.Errorf("after half an hour: %v", err)
	}
	minutes(b, 30, noisy(rng, 0.2))
	if _, err := b.Baselines().Establish(0, "test"); !errors.As(err, &missing) || !strings.Contains(err.Error(), "response_time_p95 is shifting") {
		t.Errorf("with a shift in the middle: %v", err)
	}
	if len(b.Baselines().List()) != 0 {
		t.Error("a refused baseline is kept")
	}
	minutes(b, 60, noisy(rng, 0.2))
	got, err := b.Baselines().Establish(0, "test")
	if err != nil {
		t.Fatal(err)
	}
	if p95 := got.Metrics[perfmon.ResponseTimeP95]; p95.Points != 60 || math.Abs(p95.Mean-0.2*math.Exp(0.1645)) > 0.01 {
		t.Errorf("p95 is %+v", p95)
	}
	if _, has := got.Metrics[perfmon.RequestsInFlight]; has {
		t.Error("a neutral metric is in the baseline")
	}
	for _, window := range []time.Duration{-1, time.Minute, 100 * time.Hour} {
		var field *perfmon.FieldError
		if _, err := b.Baselines().Establish(window, "test"); !errors.As(err, &field) || field.Field != "Window" {
			t.Errorf("a window of %v: %v", window, err)
		}
	}
}

func TestBaselinesAreKeptSevenDays(t *testing.T) {
	b := start(t, perfmon.WithInterval(time.Hour), perfmon.WithStep(time.Hour))
	var want []time.Time
	for day := range 10 {
		for range 24 {
			b.request(time.Second, 200)
			b.step()
		}
		got, err := b.Baselines().Establish(12*time.Hour, "test")
		if err != nil {
			t.Fatal(err)
		}
		if day >= 2 {
			want = append([]time.Time{got.At}, want...)
		}
	}
	var got []time.Time
	for _, base := range b.Baselines().List() {
		got = append(got, base.At)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A regression is an alert: once, with the metric's own threshold or without, and it
// resolves when it is over.
func TestRegression(t *testing.T) {
	for name, opts := range map[string][]perfmon.Option{
		"with a threshold": nil, "without": {perfmon.WithoutDefaultThresholds()},
	} {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(2, 2))
			b := minuteBench(t, opts...)
			minutes(b, 60, noisy(rng, 0.1))
			if _, err := b.Baselines().Establish(0, "test"); err != nil {
				t.Fatal(err)
			}
			minutes(b, 30, noisy(rng, 0.11)) // 10 % is within the sensitivity of 15 %
			if got := b.Baselines().Regressions(); len(got) != 0 {
				t.Fatalf("10 %% worse: %+v", got)
			}
			minutes(b, 30, noisy(rng, 0.15))
			r := b.Baselines().Regressions()
			if len(r) != 1 || r[0].Metric != perfmon.ResponseTimeP95 || math.Abs(r[0].Change.Float()-50) > 5 || !(r[0].PValue.Float() < 0.001) {
				t.Fatalf("50 %% worse: %+v", r)
			}
			e := b.event()
			if e.Change != perfmon.ChangeOpened || e.Alert.Severity != perfmon.Warning || !strings.Contains(e.Alert.Message, "worse than its baseline of 0.11") {
				t.Errorf("told: %v %+v", e, e.Alert)
			}
			if math.Abs(e.Alert.Threshold.Float()-1.15*r[0].Baseline) > 1e-9 {
				t.Errorf("the limit is %v", e.Alert.Threshold)
			}
			if _, err := b.Alerts().Escalate(e.Alert.ID, "ann"); err != nil {
				t.Error(err)
			}
			minutes(b, 30, noisy(rng, 0.1))
			if diff := cmp.Diff([]string{"escalated critical response_time_p95 of service", "resolved critical response_time_p95 of service"}, b.told()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Better is no regression, and neither is what one is told to bear.
func TestNoRegression(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	b := minuteBench(t, perfmon.WithMetricSensitivity(perfmon.ResponseTimeP95, 2))
	minutes(b, 60, noisy(rng, 0.1))
	if _, err := b.Baselines().Establish(0, "test"); err != nil {
		t.Fatal(err)
	}
	minutes(b, 20, noisy(rng, 0.05))
	minutes(b, 20, noisy(rng, 0.25))
	if got := b.told(); len(got) != 0 {
		t.Errorf("told %v", got)
	}
	if _, err := perfmon.New(perfmon.WithMetricSensitivity(perfmon.ErrorRate, 0)); err == nil {
		t.Error("a sensitivity of 0 is accepted")
	}
}

// A steady service raises no regression for a day, though its minutes depend on each
// other.
func TestSteadyServiceHasNoRegression(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	b := minuteBench(t)
	level := 0.0
	value := func() float64 { return 0.1 * math.Exp(0.05*level+rng.NormFloat64()*0.1) }
	step := func(n int) {
		for range n {
			level = 0.8*level + rng.NormFloat64()*0.6
			minutes(b, 1, value)
		}
	}
	step(120)
	if _, err := b.Baselines().Establish(0, "test"); err != nil {
		t.Fatal(err)
	}
	step(24 * 60)
	if got := b.told(); len(got) != 0 {
		t.Errorf("told %v", got)
	}
}

// rhythmic makes points of a throughput that falls at night, at 40 to 160 requests a
// minute, for some hours.
func rhythmic(b *bench, rng *rand.Rand, hours int, factor float64) {
	for range hours * 60 {
		hour := b.Now().Sub(b.Now().Truncate(24 * time.Hour)).Hours()
		n := factor * (100 - 60*math.Cos(2*math.Pi*hour/24)) * (1 + 0.05*rng.NormFloat64())
		for range int(n) {
			b.request(10*time.Millisecond, 200)
		}
		b.step()
	}
}

// What falls each evening has not regressed, once a day is held; what falls beside that
// has, and goes on to have for longer than a day.
func TestRegressionKnowsTheDay(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	b := minuteBench(t, perfmon.WithoutDefaultThresholds())
	rhythmic(b, rng, 26, 1) // it begins at noon
	if _, err := b.Baselines().Establish(0, "test"); err != nil {
		t.Fatal(err)
	}
	rhythmic(b, rng, 22, 1)
	if got := b.told(); len(got) != 0 {
		t.Fatalf("of a plain day: %v", got)
	}
	rhythmic(b, rng, 2, 0.6)
	want := []string{"opened warning throughput_rps of service"}
	if diff := cmp.Diff(want, b.told()); diff != "" {
		t.Errorf("a fall by 40 %% at noon (-want +got):\n%s", diff)
	}
	rhythmic(b, rng, 24, 0.6)
	if r := b.Baselines().Regressions(); len(r) != 1 || r[0].Metric != perfmon.ThroughputRPS || !(r[0].ChangeLow.Float() < r[0].Change.Float() && r[0].Change.Float() < r[0].ChangeHigh.Float()) {
		t.Errorf("a day later: %+v", r)
	}
	rhythmic(b, rng, 1, 1)
	if r := b.Baselines().Regressions(); len(r) != 0 {
		t.Errorf("after it ended: %+v", r)
	}
}

// Baselines with names are kept beside the one in force, and compared with on demand.
func TestNamedBaselines(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	b := minuteBench(t)
	minutes(b, 120, noisy(rng, 0.1))
	first, err := b.Baselines().EstablishAs("before 2.0", 0, "test")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := b.Baselines().Current(); ok || first.Name != "before 2.0" {
		t.Errorf("%+v is in force", first)
	}
	minutes(b, 120, noisy(rng, 0.2))
	current, err := b.Baselines().Establish(0, "test")
	if err != nil {
		t.Fatal(err)
	}
	minutes(b, 10, noisy(rng, 0.2))
	if got, ok := b.Baselines().Current(); !ok || !got.At.Equal(current.At) {
		t.Errorf("in force is %+v, want %+v", got, current)
	}
	if got := b.Baselines().Regressions(); len(got) != 0 {
		t.Errorf("against the one in force: %+v", got)
	}
	got, err := b.Baselines().Against("before 2.0")
	if err != nil || len(got) != 1 || got[0].Metric != perfmon.ResponseTimeP95 || math.Abs(got[0].Change.Float()-100) > 10 {
		t.Errorf("against the one before 2.0: %+v, %v", got, err)
	}
	if _, err := b.Baselines().EstablishAs("before 2.0", 0, "test"); err != nil {
		t.Fatal(err)
	}
	if got, err := b.Baselines().Against("before 2.0"); err != nil || len(got) != 0 {
		t.Errorf("renewed: %+v, %v", got, err)
	}
	if _, err := b.Baselines().Against("nothing"); !errors.Is(err, perfmon.ErrNotFound) {
		t.Errorf("one that is not there: %v", err)
	}
	var field *perfmon.FieldError
	if _, err := b.Baselines().EstablishAs(strings.Repeat("x", 81), 0, "test"); !errors.As(err, &field) || field.Field != "Name" {
		t.Errorf("a name of 81 bytes: %v", err)
	}
}
