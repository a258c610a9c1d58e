package perfmon_test

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
)

// why maps each threshold of the service to what diagnostics says of it.
func (b *bench) why() map[string]string {
	got := map[string]string{}
	for _, th := range b.Diagnostics().Thresholds {
		got[th.Metric] = th.State + ": " + th.Why
	}
	return got
}

func TestDiagnosticsSaysWhyThereIsNoAlert(t *testing.T) {
	b := start(t)
	no := false
	if _, err := b.Thresholds().Update(perfmon.ThresholdID{Metric: perfmon.CPUUsagePercent, Scope: ""}, perfmon.ThresholdUpdate{Enabled: &no}, "test"); err != nil {
		t.Fatal(err)
	}
	if got := b.why()[perfmon.ErrorRate]; got != "clear: The first step has not ended yet." {
		t.Error(got)
	}
	b.request(time.Millisecond, 200)
	b.step()
	b.request(time.Millisecond, 500)
	b.step()
	want := map[string]string{
		perfmon.ErrorRate:            "clear: There are too few requests to judge: 100 are needed within 5 minutes.",
		perfmon.ResponseTimeP95:      "clear: The value is good.",
		perfmon.ThroughputRPS:        "clear: The value is below the limit, but it has not fallen there within minutes, to less than a twentieth: a quiet service raises no alarm.",
		perfmon.CPUUsagePercent:      "clear: It is disabled.",
		perfmon.CacheHitRate:         "clear: The metric has no value now, which neither violates nor ends a run.",
		perfmon.DatabaseQueryTimeAvg: "clear: The metric has no value now, which neither violates nor ends a run.",
		perfmon.DatabasePoolUsage:    "clear: The metric has no value now, which neither violates nor ends a run.",
		perfmon.MemoryUsagePercent:   "clear: The metric has no value now, which neither violates nor ends a run.",
	}
	if diff := cmp.Diff(want, b.why()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	b.errors(50)
	b.errors(50)
	b.errors(50)
	if got := b.why()[perfmon.ErrorRate]; got != "open: Its alert is active and resolves after 3 good values in a row; so far 0." {
		t.Error(got)
	}
	for range 3 {
		b.errors(0)
	}
	if got := b.why()[perfmon.ErrorRate]; got != "clear: The value is good. A new run of violations would reopen the last alert without notifying anyone until the cooldown ends." {
		t.Error(got)
	}
	for _, th := range b.Diagnostics().Thresholds {
		if th.Metric == perfmon.ErrorRate && !th.CooldownUntil.Equal(b.Now().Add(15*time.Minute-30*time.Second)) {
			t.Errorf("the cooldown ends at %v, now is %v", th.CooldownUntil, b.Now())
		}
	}
}

func TestDiagnosticsSaysWhoFeedsAMetric(t *testing.T) {
	b := start(t, perfmon.WithQueueSize(func() int { return 3 }))
	b.RecordCacheHit()
	b.step()
	b.step()
	got := map[string]perfmon.MetricStatus{}
	for _, s := range b.Diagnostics().Metrics {
		got[s.Metric] = s
	}
	for metric, want := range map[string]perfmon.MetricStatus{
		perfmon.ThroughputRPS: {Fed: true, By: "middleware", Value: perfmon.ValueOf(0)},
		perfmon.QueueSize:     {Fed: true, By: "func queue_size", Value: perfmon.ValueOf(3)},
		perfmon.CacheHitRate:  {By: "nothing: call RecordCacheHit and RecordCacheMiss"},
		perfmon.Goroutines:    {By: "nothing: the monitor was made WithoutSystemMetrics"},
	} {
		g := got[metric]
		if g.Fed != want.Fed || g.By != want.By || g.Value != want.Value {
			t.Errorf("%s: %+v, want %+v", metric, g, want)
		}
	}
}

func TestDiagnosticsCountsWhatDidNotFit(t *testing.T) {
	b := start(t, perfmon.WithMaxEndpoints(2), perfmon.WithMaxOrganizations(1))
	for _, pattern := range []string{"/a", "/b", "/c", "/d", "/c"} {
		b.rec.Record(time.Millisecond, &perfmon.Response{Pattern: pattern, Status: 200, Organization: "o" + pattern})
	}
	b.step()
	want := []perfmon.TableStatus{
		{Table: "endpoints", Used: 2, Limit: 2, Folded: 3}, {Table: "organizations", Used: 1, Limit: 1, Folded: 4},
	}
	if diff := cmp.Diff(want, b.Diagnostics().Tables); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var names []string
	for _, e := range b.History().Endpoints(0) {
		names = append(names, e.Scope.Endpoint)
	}
	if diff := cmp.Diff([]string{"(other)", "GET /a", "GET /b"}, names); diff != "" {
		t.Errorf("endpoints (-want +got):\n%s", diff)
	}
}

func TestHealth(t *testing.T) {
	b := start(t)
	check := func(want perfmon.HealthStatus) {
		t.Helper()
		if h := b.Health(perfmon.AlertQuery{}); h.Status != want {
			t.Errorf("%s, want %s: %s", h.Status, want, h.Reason)
		}
	}
	check(perfmon.HealthUnknown)
	for range 6 {
		b.errors(0)
	}
	check(perfmon.Healthy)
	for range 3 {
		b.errors(7)
	}
	check(perfmon.HealthWarning)
	for range 3 {
		b.errors(70)
	}
	check(perfmon.HealthCritical)
	targets := map[string]perfmon.Target{}
	for _, target := range b.Health(perfmon.AlertQuery{}).Targets {
		targets[target.Metric] = target
	}
	for metric, want := range map[string]struct {
		value float64
		met   bool
	}{
		perfmon.ErrorRate: {100 * (3*7 + 3*70) / 1200.0, false}, perfmon.ResponseTimeP95: {0.01, true}, perfmon.ThroughputRPS: {10, false},
	} {
		got := targets[metric]
		if got.Met == nil || *got.Met != want.met || math.Abs(got.Value.Float()-want.value) > 0.01*want.value {
			t.Errorf("%s: %+v, want %v", metric, got, want)
		}
	}
	if targets[perfmon.CacheHitRate].Met != nil {
		t.Error("a target without a value is known to be met or not")
	}
	no := false
	if _, err := b.Config().Update(perfmon.SettingsUpdate{Enabled: &no}, "test"); err != nil {
		t.Fatal(err)
	}
	check(perfmon.HealthUnknown)
}
