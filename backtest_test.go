package perfmon_test

import (
	"errors"
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
	if _, err := b.Thresholds().BackTest(perfmon.Threshold{Metric: perfmon.ErrorRate, Scope: perfmon.ScopeEndpoint, Warning: perfmon.ValueOf(1)}, 0); !errors.Is(err, perfmon.ErrNotFound) {
		t.Errorf("a threshold of endpoints: %v", err)
	}
}
