package perfmon_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
)

// A back-test finds what a threshold would have opened, by the rules that it goes by
// live: runs, evidence, falls of throughput.
func TestBackTest(t *testing.T) {
	b := start(t, perfmon.WithStep(time.Minute), perfmon.WithoutDefaultThresholds())
	minute := func(requests, failing int) {
		for i := range requests {
			status := 200
			if i < failing {
				status = 500
			}
			b.request(time.Millisecond, status)
		}
		b.step()
	}
	for range 20 {
		minute(1200, 0) // 20 a second
	}
	for range 10 {
		minute(1200, 120) // 10 %
	}
	for range 10 {
		minute(1200, 0)
	}
	for range 5 {
		minute(10, 10) // all fail, but too few to judge; and an outage
	}
	for range 10 {
		minute(1200, 0)
	}
	at := func(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }
	for _, test := range []struct {
		name      string
		threshold perfmon.Threshold
		want      []perfmon.Firing
	}{
		{"errors", perfmon.Threshold{Metric: perfmon.ErrorRate, Warning: perfmon.ValueOf(5)},
			[]perfmon.Firing{{From: at(23), To: at(33), Severity: perfmon.Warning, Value: perfmon.ValueOf(10)}}},
		{"errors past a critical limit", perfmon.Threshold{Metric: perfmon.ErrorRate, Warning: perfmon.ValueOf(5), Critical: perfmon.ValueOf(8)},
			[]perfmon.Firing{{From: at(23), To: at(33), Severity: perfmon.Critical, Value: perfmon.ValueOf(10)}}},
		{"a limit that was not passed", perfmon.Threshold{Metric: perfmon.ErrorRate, Warning: perfmon.ValueOf(10)}, []perfmon.Firing{}},
		{"an outage", perfmon.Threshold{Metric: perfmon.ThroughputRPS, Critical: perfmon.ValueOf(5)},
			[]perfmon.Firing{{From: at(43), To: at(48), Severity: perfmon.Critical, Value: perfmon.ValueOf(10.0 / 60)}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := b.Thresholds().BackTest(t.Context(), test.threshold, 0, nil)
			if err != nil {
				t.Fatal(err)
			}
			for i := range got { // points are kept in single precision
				got[i].Value = perfmon.ValueOf(float64(float32(got[i].Value.Float())))
			}
			for i := range test.want {
				test.want[i].Value = perfmon.ValueOf(float64(float32(test.want[i].Value.Float())))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if _, err := b.Thresholds().BackTest(t.Context(), perfmon.Threshold{Metric: "nope"}, 0, nil); err == nil {
		t.Error("an unknown metric is accepted")
	}
}

// A threshold of endpoints is tested on those that it would watch: one that a more specific
// threshold watches is not among them.
func TestBackTestOfEndpoints(t *testing.T) {
	limit := func(pattern string, percent float64) perfmon.Threshold {
		return perfmon.Threshold{Metric: perfmon.ErrorRate, Scope: perfmon.ScopeEndpoint, AppliesTo: pattern, Warning: perfmon.ValueOf(percent)}
	}
	reports := limit("GET /reports/*", 90)
	b := start(t, perfmon.WithStep(time.Minute), perfmon.WithoutDefaultThresholds(), perfmon.WithThreshold(reports))
	minute := func(failing map[string]int) {
		for pattern, n := range failing {
			for i := range 200 {
				status := 200
				if i < n {
					status = 500
				}
				b.rec.Record(time.Millisecond, &perfmon.Response{Method: "GET", Pattern: pattern, Status: status, Organization: "acme"})
			}
		}
		b.step()
	}
	for i := range 30 {
		failing := map[string]int{"/orders": 0, "/users": 0, "/reports/daily": 0}
		if i >= 5 && i < 12 {
			failing["/orders"], failing["/reports/daily"] = 40, 40 // 20 %
		}
		if i >= 9 && i < 20 {
			failing["/users"] = 20 // 10 %
		}
		minute(failing)
	}
	at := func(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }
	fire := func(name string, from, to int, percent float64) perfmon.Firing {
		scope := perfmon.Scope{Endpoint: name}
		if name == "acme" {
			scope = perfmon.Scope{Organization: name}
		}
		return perfmon.Firing{Scope: scope, From: at(from), To: at(to), Severity: perfmon.Warning, Value: perfmon.ValueOf(percent)}
	}
	organizations := limit("", 5)
	organizations.Scope = perfmon.ScopeOrganization
	for name, test := range map[string]struct {
		threshold perfmon.Threshold
		want      []perfmon.Firing
	}{
		"all":                       {limit("", 5), []perfmon.Firing{fire("GET /orders", 8, 15, 20), fire("GET /users", 12, 23, 10)}},
		"all, a milder limit":       {limit("", 15), []perfmon.Firing{fire("GET /orders", 8, 15, 20)}},
		"a pattern":                 {limit("GET /u*", 5), []perfmon.Firing{fire("GET /users", 12, 23, 10)}},
		"the one that there is":     {reports, []perfmon.Firing{}},
		"the one that there is, at": {limit("GET /reports/*", 5), []perfmon.Firing{fire("GET /reports/daily", 8, 15, 20)}},
		"nothing matches":           {limit("PUT *", 5), []perfmon.Firing{}},
		"organizations":             {organizations, []perfmon.Firing{fire("acme", 8, 15, 13.333333)}},
	} {
		t.Run(name, func(t *testing.T) {
			test.threshold.Disabled = true
			got, err := b.Thresholds().BackTest(t.Context(), test.threshold, 0, nil)
			if diff := cmp.Diff(test.want, got, cmp.Comparer(func(a, b perfmon.Value) bool { return math.Abs(a.Float()-b.Float()) < 0.01 })); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// Where every step makes a point, a back-test finds the alerts that there were, each with
// the highest severity that it reached: escalated, reopened, or announced when its cooldown
// ended.
func TestBackTestFindsWhatThereWas(t *testing.T) {
	th := perfmon.Threshold{
		Metric: perfmon.ErrorRate, Warning: perfmon.ValueOf(20), Critical: perfmon.ValueOf(60), ConsecutiveViolations: 3, Cooldown: 2 * time.Minute,
	}
	// Shares of failed requests, one a step.
	scripts := [][]int{
		// It opens, resolves, reopens quietly, and is announced by one value past the critical limit.
		slices.Concat(steps(3, 0), steps(3, 30), steps(3, 0), steps(8, 30), steps(1, 90), steps(5, 0)),
		slices.Concat(steps(3, 30), steps(3, 0), steps(3, 90), steps(3, 0)),  // reopens as critical
		slices.Concat(steps(3, 90), steps(3, 0), steps(3, 30), steps(9, 30)), // reopens as a warning, and stays
	}
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 7))
		var script []int
		for range 25 {
			script = append(script, steps(1+rng.IntN(6), []int{0, 0, 30, 90}[rng.IntN(4)])...)
		}
		scripts = append(scripts, script)
	}
	for _, script := range scripts {
		b := start(t, perfmon.WithInterval(10*time.Second), perfmon.WithoutDefaultThresholds(), perfmon.WithThreshold(th))
		for _, percent := range script {
			b.errors(percent)
		}
		var want []perfmon.Firing
		alerts, _ := b.Alerts().List(perfmon.AlertQuery{})
		for _, a := range alerts {
			f := perfmon.Firing{From: a.OpenedAt, Value: a.Changes[0].Value, Severity: perfmon.Warning}
			for _, c := range a.Changes {
				if c.Severity == perfmon.Critical {
					f.Severity = perfmon.Critical
				}
			}
			if a.State == perfmon.AlertResolved {
				f.To = a.UpdatedAt
			}
			want = append([]perfmon.Firing{f}, want...)
		}
		got, err := b.Thresholds().BackTest(t.Context(), th, 0, nil)
		if diff := cmp.Diff(want, got); diff != "" || err != nil || len(want) == 0 {
			t.Errorf("%v: %v (-want +got):\n%s", script, err, diff)
		}
	}
}

// steps are n steps in which as many percent fail.
func steps(n, percent int) []int { return slices.Repeat([]int{percent}, n) }

// A back-test ends with its context, looks at what its caller may see alone, and returns no
// more than so many firings.
func TestBackTestIsBounded(t *testing.T) {
	b := start(t, perfmon.WithStep(time.Minute), perfmon.WithoutDefaultThresholds(), perfmon.WithMaxEndpoints(600))
	often := perfmon.Threshold{
		Metric: perfmon.ErrorRate, Scope: perfmon.ScopeEndpoint, Warning: perfmon.ValueOf(1), ConsecutiveViolations: 1, MinRequests: 1, Cooldown: perfmon.NoCooldown,
	}
	name := func(i int) string { return fmt.Sprintf("/e%d", i) }
	for minute := range 42 {
		for i := range 500 {
			b.rec.Record(time.Millisecond, &perfmon.Response{Method: "GET", Pattern: name(i), Status: 200 + 300*(minute%2)})
		}
		b.step()
	}
	var field *perfmon.FieldError
	if _, err := b.Thresholds().BackTest(t.Context(), often, 0, nil); !errors.As(err, &field) || field.Field != "Window" {
		t.Errorf("of 500 endpoints that fail every other minute: %v", err)
	}
	one := func(s perfmon.Scope) bool { return s.Endpoint == "GET /e7" }
	if got, err := b.Thresholds().BackTest(t.Context(), often, 0, one); err != nil || len(got) != 21 {
		t.Errorf("of one that is seen: %d firings, %v", len(got), err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := b.Thresholds().BackTest(gone, often, 0, one); !errors.Is(err, context.Canceled) || got != nil {
		t.Errorf("for a caller that is gone: %v, %v", got, err)
	}
}
