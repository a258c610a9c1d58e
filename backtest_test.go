package perfmon_test

import (
	"math"
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
			got, err := b.Thresholds().BackTest(test.threshold, 0)
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
	if _, err := b.Thresholds().BackTest(perfmon.Threshold{Metric: "nope"}, 0); err == nil {
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
			got, err := b.Thresholds().BackTest(test.threshold, 0)
			if diff := cmp.Diff(test.want, got, cmp.Comparer(func(a, b perfmon.Value) bool { return math.Abs(a.Float()-b.Float()) < 0.01 })); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}
