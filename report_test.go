package perfmon_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
)

func TestReport(t *testing.T) {
	b := start(t, perfmon.WithInterval(10*time.Second))
	for range 30 {
		b.errors(0)
	}
	for range 3 {
		b.errors(50)
	}
	for range 3 {
		b.errors(0)
	}
	r := b.Report(perfmon.ReportQuery{Window: 5 * time.Minute})
	if r.Type != perfmon.ReportSummary || r.Hours != 1.0/12 || !r.From.Equal(b.Now().Add(-5*time.Minute)) {
		t.Errorf("of a window of 5 minutes: %v, %v hours", r, r.Hours)
	}
	if len(r.Series.Times) != 30 || len(r.Endpoints) != 1 || len(r.WorstEndpoints) != 1 {
		t.Errorf("%d points, %d endpoints", len(r.Series.Times), len(r.Endpoints))
	}
	if len(r.Alerts) != 1 || r.Alerts[0].DurationSeconds != 30 || r.Alerts[0].State != perfmon.AlertResolved {
		t.Errorf("one alert that lasted 30 s: %+v", r.Alerts)
	}
	for _, m := range r.Metrics {
		if m.Metric == perfmon.ErrorRate && (m.Summary.Count != 30 || m.Trend.WindowMinutes != 2.5 || m.Unit != "%") {
			t.Errorf("%+v", m)
		}
	}
	for range 400 {
		b.step()
	}
	if n := len(b.Report(perfmon.ReportQuery{}).Series.Times); n != 300 {
		t.Errorf("a summary has %d points", n)
	}
	if n := len(b.Report(perfmon.ReportQuery{Type: perfmon.ReportDetailed}).Series.Times); n != 436 {
		t.Errorf("a detailed report has %d points", n)
	}
}

func TestWorstEndpoints(t *testing.T) {
	figures := func(name string, requests uint64, p95, errors float64) perfmon.RequestStats {
		return perfmon.RequestStats{
			Scope: perfmon.Scope{Endpoint: name}, Requests: requests, P95: perfmon.ValueOf(p95), ErrorRate: perfmon.ValueOf(errors),
		}
	}
	list := []perfmon.RequestStats{
		figures("good", 1000, 0.1, 0), figures("slow", 1000, 6, 0), figures("failing", 100, 0.1, 50), figures("rare", 1, 9, 100),
		figures("rare but good", 1, 0.01, 0), figures("middling", 50, 0.1, 0.5), {Scope: perfmon.Scope{Endpoint: "streams"}, Requests: 100},
	}
	var got []string
	for _, s := range perfmon.WorstEndpoints(list, 10) {
		got = append(got, s.Endpoint)
	}
	want := []string{"failing", "slow", "middling", "good", "streams", "rare", "rare but good"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := len(perfmon.WorstEndpoints(list, 5)); n != 5 {
		t.Errorf("five of seven are %d", n)
	}
	if list[0].Endpoint != "good" {
		t.Error("the list was sorted in place")
	}
}
