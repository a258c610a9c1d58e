package fleet_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon"
)

func TestFiguresOfTheFleetAreThoseOfAllRequests(t *testing.T) {
	s := startServer(t)
	a, b, c := join(t, s, "a", 0), join(t, s, "b", 0), join(t, s, "c", 0)
	for range 7 {
		a.serve("/orders", 300, 0, 10*time.Millisecond)
		b.serve("/orders", 200, 0, 20*time.Millisecond)
		c.serve("/orders", 100, 10, 900*time.Millisecond)
		c.serve("/only-c", 5, 0, time.Millisecond)
		step(a, b, c)
	}
	for _, r := range a.status().Replicas {
		if r.Instance == "c" && !slices.Contains(r.Worst, perfmon.ResponseTimeP95) {
			t.Errorf("c is the slowest, and not marked: %+v", r)
		}
	}
	step(a, b, c) // what the others pushed last
	step(a, b, c)
	for _, r := range []*replica{a, b, c} {
		v := r.whole()
		totals, err := v.History().Totals(perfmon.Scope{})
		if err != nil {
			t.Fatal(err)
		}
		if totals.Requests != 7*605 || totals.Errors != 70 {
			t.Errorf("%s: %d requests and %d errors, want %d and 70", r.name, totals.Requests, totals.Errors, 7*605)
		}
		stats := v.History().Requests(time.Hour)
		if p99, want := stats.P99.Float(), 0.9; math.Abs(p99-want) > 0.008*want {
			t.Errorf("%s: p99 %v, want %v", r.name, p99, want)
		}
		var endpoints []string
		for _, e := range v.History().Endpoints(time.Hour) {
			endpoints = append(endpoints, e.Endpoint)
		}
		if diff := cmp.Diff([]string{"GET /only-c", "GET /orders"}, sorted(endpoints)); diff != "" {
			t.Errorf("%s: endpoints (-want +got)\n%s", r.name, diff)
		}
	}
	own, _ := a.Instance("a")
	if totals, _ := own.History().Totals(perfmon.Scope{}); totals.Requests != 2100 {
		t.Errorf("a alone has %d requests, want 2100", totals.Requests)
	}
	leaders := 0
	for _, r := range []*replica{a, b, c} {
		if r.status().Leads {
			leaders++
		}
	}
	if leaders != 1 {
		t.Errorf("%d replicas lead", leaders)
	}
}

func TestOneAlertForTheFleet(t *testing.T) {
	s := startServer(t)
	all := []*replica{join(t, s, "a", 0), join(t, s, "b", 10*time.Second), join(t, s, "c", -5*time.Minute)}
	load := func(failed int) {
		for _, r := range all {
			r.serve("/orders", 200, failed, 10*time.Millisecond)
		}
		step(all...)
	}
	for range 3 {
		load(0)
	}
	for range 6 {
		load(40)
	}
	for _, r := range all {
		list := r.alerts()
		if len(list) != 1 || list[0].Severity != perfmon.Critical || list[0].State != perfmon.AlertOpen {
			t.Fatalf("%s: want one critical alert that is open: %+v", r.name, list)
		}
	}
	if _, err := all[2].Alerts().Acknowledge(all[2].alerts()[0].ID, "ann"); err != nil {
		t.Fatal(err)
	}
	load(40)
	for _, r := range all {
		if a := r.alerts()[0]; a.State != perfmon.AlertAcknowledged {
			t.Errorf("%s: the alert is %s, want acknowledged", r.name, a.State)
		}
	}
	for range 8 {
		load(0)
	}
	want := map[perfmon.AlertChange]int{perfmon.ChangeOpened: 1, perfmon.ChangeEscalated: 1, perfmon.ChangeAcknowledged: 1, perfmon.ChangeResolved: 1}
	for _, r := range all {
		if list := r.alerts(); len(list) != 1 || list[0].State != perfmon.AlertResolved {
			t.Errorf("%s: want one alert that is over: %+v", r.name, list)
		}
		r.wait("all that is told", func() bool { return len(r.told()) >= len(want) })
		if diff := cmp.Diff(want, r.told()); diff != "" {
			t.Errorf("%s: told (-want +got)\n%s", r.name, diff)
		}
	}
}

func TestAlertOfAMetricThatEachReplicaHasNamesThem(t *testing.T) {
	s := startServer(t)
	full := map[string]float64{"a": 10, "b": 91, "c": 95}
	var all []*replica
	for _, name := range []string{"a", "b", "c"} {
		all = append(all, join(t, s, name, 0,
			perfmon.WithMetricFunc(perfmon.Metric{Name: "disk", Unit: "%", Worse: perfmon.HigherIsWorse}, func() float64 { return full[name] }),
			perfmon.WithThreshold(perfmon.Threshold{Metric: "disk", Critical: perfmon.ValueOf(90), Comparison: perfmon.Greater})))
	}
	for range 6 {
		step(all...)
	}
	for _, r := range all {
		list := r.alerts()
		if len(list) != 1 || !strings.Contains(list[0].Message, "worst: c (95 %), b (91 %)") {
			t.Errorf("%s: want one alert that names c and b: %+v", r.name, list)
		}
	}
}

func TestLeadIsTakenOverWithinTwoSteps(t *testing.T) {
	s := startServer(t)
	a, b := join(t, s, "a", 0), join(t, s, "b", 0)
	step(a, b)
	if !a.status().Leads {
		t.Fatal("the first does not lead")
	}
	step(a, b)
	a.proxy.part() // it hangs, as far as the others can tell
	for range 3 {  // the last sign of life is seen in the first
		step(b)
	}
	if !b.status().Leads {
		t.Fatalf("after two steps without a sign of life nobody has taken over: %+v", b.status())
	}
	// The old leader is back, believes it leads, and changes nothing.
	a.proxy.heal()
	before := b.status().Step
	step(a)
	if a.status().Leads {
		t.Error("the old leader still leads")
	}
	step(b)
	if got := b.status().Step; got != before+1 {
		t.Errorf("step %d follows %d", got, before)
	}
}

func TestThresholdSetAtOneReplicaHoldsForAll(t *testing.T) {
	s := startServer(t)
	a, b := join(t, s, "a", 0), join(t, s, "b", 0)
	step(a, b)
	step(a, b)
	warning := perfmon.ValueOf(1)
	if _, err := b.Thresholds().Update(perfmon.ThresholdID{Metric: perfmon.ErrorRate, Scope: perfmon.ScopeService}, perfmon.ThresholdUpdate{Warning: &warning}, "ann"); err != nil {
		t.Fatal(err)
	}
	step(a, b)
	for _, r := range []*replica{a, b} {
		for _, th := range r.Thresholds().All() {
			if v, _ := th.Warning.Get(); v != 1 {
				t.Errorf("%s: warning at %v, want 1", r.name, v)
			}
		}
	}
}

func sorted(list []string) []string {
	out := slices.Clone(list)
	slices.Sort(out)
	return out
}
