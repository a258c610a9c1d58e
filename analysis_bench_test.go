//go:build linux

package perfmon_test

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/backend-prs/perfmon"
)

// What a minute's point costs with the metrics of requests, 30 others and 100 endpoints, 48
// hours held and a baseline: the point itself, regressions, anomalies with alerts of them, and a trend of
// each metric. The time of the processor, not of the wall, is ms-cpu/point.
func BenchmarkMinuteOfAnalysis(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	opts := []perfmon.Option{perfmon.WithStep(time.Minute), perfmon.WithAnomalyAlerts(true)}
	for i := range 30 { // in the place of those of the system, which a test has not
		own := perfmon.Metric{Name: fmt.Sprintf("own_%d", i), Worse: perfmon.HigherIsWorse}
		opts = append(opts, perfmon.WithMetricFunc(own, func() float64 { return 100 + rng.NormFloat64() }))
	}
	m := start(b, opts...)
	recorder := m.NewRecorder()
	minute := func() {
		for i := range 100 {
			recorder.Record(time.Duration(1e7*(1+rng.ExpFloat64())), &perfmon.Response{Method: "GET", Pattern: fmt.Sprintf("/endpoint/%d", i), Status: 200})
		}
		m.step()
	}
	for range 2880 {
		minute()
	}
	if _, err := m.Baselines().Establish(0, "bench"); err != nil {
		b.Fatal(err)
	}
	metrics := m.Metrics().All()
	began, points := processor(b), 0
	for b.Loop() {
		minute()
		for _, metric := range metrics {
			if _, err := m.History().Trend(metric.Name, perfmon.Scope{}, 0); err != nil {
				b.Fatal(err)
			}
		}
		points++
	}
	b.ReportMetric(float64((processor(b)-began).Microseconds())/1000/float64(points), "ms-cpu/point")
}

// processor is the time of the processor that the process has taken.
func processor(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
