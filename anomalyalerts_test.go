package perfmon_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/backend-prs/perfmon"
)

// level is a metric of the host that is noise about a level, which a test moves.
func level(worse perfmon.Metric, at *float64) perfmon.Option {
	rng := rand.New(rand.NewPCG(6, 6))
	return perfmon.WithMetricFunc(worse, func() float64 { return *at + rng.NormFloat64() })
}

// An anomaly opens an alert only where that is asked for, and only towards what is worse.
// It says what was expected, and is resolved when the metric is back.
func TestAnomalyAlerts(t *testing.T) {
	for _, test := range []struct {
		name    string
		enabled bool
		worse   perfmon.Metric
		to      float64
		want    bool
	}{
		{"off by default", false, perfmon.Metric{Name: "x", Worse: perfmon.HigherIsWorse}, 90, false},
		{"higher, and worse", true, perfmon.Metric{Name: "x", Worse: perfmon.HigherIsWorse}, 90, true},
		{"lower, and better", true, perfmon.Metric{Name: "x", Worse: perfmon.HigherIsWorse}, 10, false},
		{"lower, and worse", true, perfmon.Metric{Name: "x", Worse: perfmon.LowerIsWorse}, 10, true},
		{"neutral", true, perfmon.Metric{Name: "x"}, 90, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := 50.0
			b := start(t, perfmon.WithStep(time.Minute), level(test.worse, &v), perfmon.WithoutSystemMetrics())
			if test.enabled {
				if _, err := b.Config().Update(perfmon.SettingsUpdate{AnomalyAlerts: &test.enabled}, "ann"); err != nil {
					t.Fatal(err)
				}
			}
			for range 300 {
				b.step()
			}
			if list := b.active(); len(list) != 0 {
				t.Fatalf("alerts of noise: %+v", list)
			}
			v = test.to
			b.step()
			list := b.active()
			if (len(list) == 1) != test.want || len(list) > 1 {
				t.Fatalf("%d alerts, want one: %v", len(list), test.want)
			}
			if !test.want {
				return
			}
			a := list[0]
			if a.Cause != perfmon.CauseAnomaly || a.Severity != perfmon.Warning || !strings.Contains(a.Message, "unlike its past: about") {
				t.Errorf("got %+v", a)
			}
			for _, key := range []string{"cause", "expected", "score", "at"} {
				if a.Metadata.Map()[key] == nil {
					t.Errorf("the evidence has no %s: %v", key, a.Metadata.Map())
				}
			}
			v = 50
			for range 60 {
				b.step()
			}
			if list := b.active(); len(list) != 0 {
				t.Errorf("an hour later it is still there: %+v", list)
			}
		})
	}
}

// Switching the alerts off resolves those that there are.
func TestAnomalyAlertsSwitchedOff(t *testing.T) {
	v := 50.0
	b := start(t, perfmon.WithStep(time.Minute), level(perfmon.Metric{Name: "x", Worse: perfmon.HigherIsWorse}, &v), perfmon.WithAnomalyAlerts(true), perfmon.WithoutSystemMetrics())
	for range 300 {
		b.step()
	}
	v = 90
	b.step()
	if len(b.active()) != 1 {
		t.Fatal("there is no alert")
	}
	off := false
	if _, err := b.Config().Update(perfmon.SettingsUpdate{AnomalyAlerts: &off}, "ann"); err != nil {
		t.Fatal(err)
	}
	b.step()
	if list := b.active(); len(list) != 0 {
		t.Errorf("still there: %+v", list)
	}
}

// Anomalies of an endpoint are found when asked for.
func TestAnomaliesOfAnEndpoint(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	b := minuteBench(t)
	minutes(b, 300, noisy(rng, 0.1))
	minutes(b, 1, noisy(rng, 0.9))
	at := b.Now()
	scope := perfmon.Scope{Endpoint: b.History().Endpoints(0)[0].Endpoint}
	got, err := b.History().AnomaliesOf(perfmon.ResponseTimeP95, scope, 10*time.Minute)
	if err != nil || len(got) != 1 || !got[0].At.Equal(at) || got[0].Value.Float() < 0.8 || got[0].Expected.Float() > 0.2 {
		t.Fatalf("%v: got %+v", err, got)
	}
	all, err := b.History().AnomaliesOf("", scope, 0)
	if err != nil || len(all) <= len(got) {
		t.Errorf("%v: of all metrics %d", err, len(all))
	}
	for i := range all[1:] {
		if all[i+1].At.After(all[i].At) {
			t.Error("not the newest first")
		}
	}
	own, err := b.History().AnomaliesOf(perfmon.ResponseTimeP95, perfmon.Scope{}, 10*time.Minute)
	if err != nil || len(own) != 1 || own[0].Metric != perfmon.ResponseTimeP95 {
		t.Errorf("%v: of the service %+v", err, own)
	}
	if _, err := b.History().AnomaliesOf("", perfmon.Scope{Endpoint: "GET /nothing"}, 0); !errors.Is(err, perfmon.ErrNotFound) {
		t.Errorf("of an unknown endpoint: %v", err)
	}
}

// The baseline in force is renewed when it is old, not before, and not while a metric is
// worse than in it.
func TestBaselineRenewal(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 2))
	b := minuteBench(t, perfmon.WithBaselineRenewal(2*time.Hour))
	minutes(b, 60, noisy(rng, 0.1))
	if _, err := b.Baselines().Establish(0, "ann"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Baselines().EstablishAs("before 2.0", 0, "ann"); err != nil {
		t.Fatal(err)
	}
	minutes(b, 119, noisy(rng, 0.1))
	if n := len(b.Baselines().List()); n != 2 {
		t.Fatalf("%d baselines before it is time", n)
	}
	minutes(b, 45, noisy(rng, 0.1))
	list := b.Baselines().List()
	if len(list) != 3 || list[0].Name != "" || list[0].By != perfmon.ByMonitor || list[0].DurationMinutes != 60 {
		t.Fatalf("%d baselines: %+v", len(list), list[0])
	}
	renewed := list[0].At
	minutes(b, 240, noisy(rng, 0.2))
	current, _ := b.Baselines().Current()
	if !current.At.Equal(renewed) || len(b.Baselines().Regressions()) == 0 {
		t.Errorf("renewed at %v though it is worse: %+v", current.At, b.Baselines().Regressions())
	}
}
