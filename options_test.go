package perfmon_test

import (
	"context"
	"database/sql"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
)

// collector is what a test makes of it.
type collector struct {
	name    string
	metrics []perfmon.Metric
	collect func(context.Context, func(string, float64)) error
}

func (c collector) Name() string              { return c.name }
func (c collector) Metrics() []perfmon.Metric { return c.metrics }
func (c collector) Collect(ctx context.Context, set func(string, float64)) error {
	return c.collect(ctx, set)
}

func none(context.Context, func(string, float64)) error { return nil }

func metric(name string) perfmon.Metric { return perfmon.Metric{Name: name, Unit: "count"} }

// plain makes names comparable however they are written: "WithQueueSize", "queue size".
func plain(s string) string { return strings.ToLower(strings.ReplaceAll(s, " ", "")) }

// Each bad option is refused with what it is, its value and what would be right.
func TestBadOptions(t *testing.T) {
	threshold := func(t perfmon.Threshold) perfmon.Option { return perfmon.WithThreshold(t) }
	nan, inf := math.NaN(), math.Inf(1)
	one := func() float64 { return 1 }
	tests := []struct {
		name string
		opt  perfmon.Option
		want []string // parts of the error
	}{
		{"nil option", nil, []string{"option"}},
		{"zero step", perfmon.WithStep(0), []string{"step", "0s", "at least 100ms"}},
		{"negative step", perfmon.WithStep(-time.Second), []string{"step", "-1s"}},
		{"step longer than the interval", perfmon.WithStep(2 * time.Minute), []string{"step", "2m0s", "1m0s"}},
		{"step that does not divide the interval", perfmon.WithStep(7 * time.Second), []string{"step", "7s", "whole part"}},
		{"zero interval", perfmon.WithInterval(0), []string{"interval", "0s"}},
		{"huge interval", perfmon.WithInterval(math.MaxInt64), []string{"interval", "1h"}},
		{"zero retention", perfmon.WithRetention(0), []string{"retention", "0s"}},
		{"huge retention", perfmon.WithRetention(math.MaxInt64), []string{"retention", "100000 intervals"}},
		{"retention under an interval", perfmon.WithRetention(time.Second), []string{"retention", "1s"}},
		{"nil clock", perfmon.WithClock(nil), []string{"clock"}},
		{"nil logger", perfmon.WithLogger(nil), []string{"logger"}},
		{"nil collector", perfmon.WithCollector(nil), []string{"collector", "nil"}},
		{"nil metric function", perfmon.WithMetricFunc(metric("x"), nil), []string{"function", "x"}},
		{"nil queue", perfmon.WithQueueSize(nil), []string{"queue size"}},
		{"nil database", perfmon.WithDatabase(nil), []string{"database"}},
		{"no database", perfmon.WithDatabase(), []string{"database"}},
		{"a nil database among others", perfmon.WithDatabase(&sql.DB{}, nil), []string{"database"}},
		{"zero collect timeout", perfmon.WithCollectTimeout(0), []string{"collect timeout", "0s"}},
		{"collect timeout of a step", perfmon.WithCollectTimeout(10 * time.Second), []string{"collect timeout", "less than the step of 10s"}},
		{"no violations", perfmon.WithConsecutiveViolations(0), []string{"consecutive violations", "0", "1 to 1000"}},
		{"negative violations", perfmon.WithConsecutiveViolations(-3), []string{"consecutive violations", "-3"}},
		{"huge violations", perfmon.WithConsecutiveViolations(math.MaxInt), []string{"consecutive violations"}},
		{"negative cooldown", perfmon.WithAlertCooldown(-1), []string{"alert cooldown", "-1ns"}},
		{"huge cooldown", perfmon.WithAlertCooldown(math.MaxInt64), []string{"alert cooldown", "30 days"}},
		{"zero sensitivity", perfmon.WithRegressionSensitivity(0), []string{"regression sensitivity"}},
		{"NaN sensitivity", perfmon.WithRegressionSensitivity(nan), []string{"regression sensitivity", "NaN"}},
		{"infinite sensitivity", perfmon.WithRegressionSensitivity(inf), []string{"regression sensitivity", "Inf"}},
		{"no endpoints", perfmon.WithMaxEndpoints(0), []string{"max endpoints", "0"}},
		{"huge endpoints", perfmon.WithMaxEndpoints(math.MaxInt), []string{"max endpoints"}},
		{"no organizations", perfmon.WithMaxOrganizations(-1), []string{"max organizations", "-1"}},
		{"nil error status", perfmon.WithErrorStatus(nil), []string{"error status"}},
		{"error status that panics", perfmon.WithErrorStatus(func(int) bool { panic("boo") }), []string{"error status", "boo"}},
		{"message that does not parse", perfmon.WithAlertMessage("{{.Value"), []string{"alert message"}},
		{"message of an unknown field", perfmon.WithAlertMessage("{{.Hostname}}"), []string{"alert message", "Hostname"}},
		{"message that fails for a regression", perfmon.WithAlertMessage("{{.Value}}{{if .Baseline}}{{.Nothing}}{{end}}"), []string{"alert message", "Nothing"}},
		{"message that calls a function", perfmon.WithAlertMessage(`{{printf "%s" .Value}}`), []string{"alert message", "not a field", "printf"}},
		{"nil message function", perfmon.WithAlertMessageFunc(nil), []string{"alert message func"}},
		{"empty message", perfmon.WithAlertMessage(""), []string{"alert message", "empty"}},
		{"long service name", perfmon.WithService(perfmon.Service{Name: strings.Repeat("x", 300)}), []string{"service name", "200 bytes"}},

		{"no metric name", perfmon.WithMetricFunc(metric(""), one), []string{"Metric.Name"}},
		{"metric name in capitals", perfmon.WithMetricFunc(metric("CPU"), one), []string{"Metric.Name", "CPU"}},
		{"metric name with a dash", perfmon.WithMetricFunc(metric("a-b"), one), []string{"Metric.Name", "a-b"}},
		{"metric name that begins with a digit", perfmon.WithMetricFunc(metric("9lives"), one), []string{"Metric.Name", "9lives"}},
		{"long metric name", perfmon.WithMetricFunc(metric(strings.Repeat("a", 65)), one), []string{"Metric.Name", "1 to 64"}},
		{"unknown direction", perfmon.WithMetricFunc(perfmon.Metric{Name: "x", Worse: 7}, one), []string{"Metric.Worse of x"}},
		{"metric the monitor feeds", perfmon.WithMetricFunc(metric("error_rate"), one), []string{"error_rate", "middleware"}},
		{"collector without a name", perfmon.WithCollector(collector{metrics: []perfmon.Metric{metric("x")}, collect: none}), []string{"Collector.Name"}},
		{"collector without metrics", perfmon.WithCollector(collector{name: "c", collect: none}), []string{"Collector.Metrics of c"}},
		{"collector with a metric twice", perfmon.WithCollector(collector{"c", []perfmon.Metric{metric("x"), metric("x")}, none}), []string{"Metric.Name", "x", "once"}},

		{"threshold of an unknown metric", threshold(perfmon.Threshold{Metric: "cpu", Warning: perfmon.ValueOf(1), Critical: perfmon.ValueOf(2)}), []string{"Metric", "cpu"}},
		{"threshold in an unknown scope", threshold(perfmon.Threshold{Metric: "error_rate", Scope: "user", Warning: perfmon.ValueOf(1), Critical: perfmon.ValueOf(2)}), []string{"Scope", "user"}},
		{"threshold of an endpoint's memory", threshold(perfmon.Threshold{Metric: "memory_usage_mb", Scope: "endpoint", Warning: perfmon.ValueOf(1), Critical: perfmon.ValueOf(2)}), []string{"Scope", "memory_usage_mb"}},
		{"no limit", threshold(perfmon.Threshold{Metric: "error_rate"}), []string{"Warning", "Critical"}},
		{"equal to two values", threshold(perfmon.Threshold{Metric: "error_rate", Comparison: perfmon.Equal, Warning: perfmon.ValueOf(1), Critical: perfmon.ValueOf(100)}), []string{"Critical", "100", "same value"}},
		{"pattern for the service", threshold(perfmon.Threshold{Metric: "error_rate", AppliesTo: "GET *", Warning: perfmon.ValueOf(1)}), []string{"AppliesTo", "GET *"}},
		{"requests of memory", threshold(perfmon.Threshold{Metric: "memory_usage_mb", MinRequests: 5, Warning: perfmon.ValueOf(1)}), []string{"MinRequests", "5"}},
		{"negative requests", threshold(perfmon.Threshold{Metric: "error_rate", MinRequests: -1, Warning: perfmon.ValueOf(1)}), []string{"MinRequests", "-1"}},
		{"absent at once", threshold(perfmon.Threshold{Metric: "error_rate", AbsentAfter: 1, Warning: perfmon.ValueOf(1)}), []string{"AbsentAfter", "1ns"}},
		{"sensitivity of an unknown metric", perfmon.WithMetricSensitivity("nope", 0.1), []string{"WithMetricSensitivity", "nope"}},
		{"critical milder than warning", threshold(perfmon.Threshold{Metric: "error_rate", Warning: perfmon.ValueOf(5), Critical: perfmon.ValueOf(2)}), []string{"Critical", "2", "at least", "5"}},
		{"critical milder than warning, less", threshold(perfmon.Threshold{Metric: "cache_hit_rate", Warning: perfmon.ValueOf(5), Critical: perfmon.ValueOf(7)}), []string{"Critical", "7", "at most", "5"}},
		{"unknown comparison", threshold(perfmon.Threshold{Metric: "error_rate", Comparison: ">", Warning: perfmon.ValueOf(1), Critical: perfmon.ValueOf(2)}), []string{"Comparison", ">", "greater"}},
		{"negative run", threshold(perfmon.Threshold{Metric: "error_rate", Warning: perfmon.ValueOf(1), Critical: perfmon.ValueOf(2), ConsecutiveViolations: -1}), []string{"ConsecutiveViolations", "-1"}},
		{"huge run", threshold(perfmon.Threshold{Metric: "error_rate", Warning: perfmon.ValueOf(1), Critical: perfmon.ValueOf(2), ConsecutiveViolations: 1001}), []string{"ConsecutiveViolations", "1001"}},
		{"negative threshold cooldown", threshold(perfmon.Threshold{Metric: "error_rate", Warning: perfmon.ValueOf(1), Critical: perfmon.ValueOf(2), Cooldown: -time.Minute}), []string{"Cooldown", "-1m0s"}},
		{"huge threshold cooldown", threshold(perfmon.Threshold{Metric: "error_rate", Warning: perfmon.ValueOf(1), Critical: perfmon.ValueOf(2), Cooldown: math.MaxInt64}), []string{"Cooldown"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m, err := perfmon.New(perfmon.WithoutSystemMetrics(), test.opt)
			if err == nil || m != nil {
				t.Fatalf("New accepts it")
			}
			for _, part := range test.want {
				if !strings.Contains(plain(err.Error()), plain(part)) {
					t.Errorf("the error does not say %q: %v", part, err)
				}
			}
		})
	}
}

func TestAllBadOptionsAreReportedAtOnce(t *testing.T) {
	_, err := perfmon.New(perfmon.WithStep(-1), perfmon.WithMaxEndpoints(0), perfmon.WithCollector(nil), perfmon.WithLogger(nil))
	for _, part := range []string{"WithStep", "MaxEndpoints", "WithLogger", "Collector"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not say %q: %v", part, err)
		}
	}
}

func TestDefaults(t *testing.T) {
	m, err := perfmon.New()
	if err != nil {
		t.Fatal(err)
	}
	got := []any{m.Step(), m.Interval(), m.Config().Settings()}
	want := []any{10 * time.Second, time.Minute, perfmon.Settings{
		Enabled: true, AlertCooldown: 15 * time.Minute, ConsecutiveViolations: 3, RegressionSensitivity: 0.15,
		Retention: 48 * time.Hour, CollectTimeout: 5 * time.Second, MaxEndpoints: 500, MaxOrganizations: 100, TrendAnalysis: true,
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	type row struct {
		Metric            string
		Warning, Critical float64
		Comparison        perfmon.Comparison
		Violations        int
		Cooldown          time.Duration
		Disabled          bool
	}
	var rows []row
	for _, th := range m.Thresholds().All() {
		th = m.Thresholds().Effective(th)
		rows = append(rows, row{th.Metric, th.Warning.Float(), th.Critical.Float(), th.Comparison, th.ConsecutiveViolations, th.Cooldown, th.Disabled})
	}
	minutes := 15 * time.Minute
	wantRows := []row{
		{"response_time_p95", 2, 5, "greater", 3, minutes, false},
		{"database_query_time_avg", 0.5, 2, "greater", 3, minutes, false},
		{"memory_usage_percent", 80, 90, "greater", 3, minutes, false},
		{"cpu_usage_percent", 80, 95, "greater", 3, minutes, false},
		{"error_rate", 5, 10, "greater", 3, minutes, false},
		{"cache_hit_rate", 70, 50, "less", 3, minutes, false},
		{"database_pool_usage", 80, 95, "greater", 3, minutes, false},
		{"throughput_rps", 10, 5, "less", 3, minutes, false},
	}
	if diff := cmp.Diff(wantRows, rows); diff != "" {
		t.Errorf("thresholds (-want +got):\n%s", diff)
	}
}

func TestStepFitsTheInterval(t *testing.T) {
	for interval, want := range map[time.Duration]time.Duration{
		time.Minute: 10 * time.Second, 10 * time.Second: 10 * time.Second, 7 * time.Second: 7 * time.Second,
		45 * time.Second: 9 * time.Second, time.Hour: 10 * time.Second, 100 * time.Millisecond: 100 * time.Millisecond,
	} {
		m, err := perfmon.New(perfmon.WithInterval(interval), perfmon.WithRetention(100*interval))
		if err != nil {
			t.Fatal(err)
		}
		if m.Step() != want {
			t.Errorf("an interval of %v has steps of %v, want %v", interval, m.Step(), want)
		}
	}
}

func TestEnvironment(t *testing.T) {
	names := []string{}
	for _, v := range perfmon.Environment() {
		names = append(names, v.Name)
	}
	want := []string{
		"ENHANCED_MONITORING_ENABLED", "ENHANCED_MONITORING_INTERVAL", "ENHANCED_MONITORING_RETENTION_HOURS",
		"ENHANCED_MONITORING_REGRESSION_SENSITIVITY", "ENHANCED_MONITORING_ALERT_COOLDOWN", "ENHANCED_MONITORING_CONSECUTIVE_VIOLATIONS",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Fatalf("names (-want +got):\n%s", diff)
	}
	for i, value := range []string{"false", "30", "24", "0.2", "5", "4"} {
		t.Setenv(names[i], value)
	}
	m, err := perfmon.New(perfmon.WithConsecutiveViolations(2), perfmon.WithEnvironment(), perfmon.WithAlertCooldown(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	got := []any{m.Interval(), m.Config().Settings()}
	wantAll := []any{30 * time.Second, perfmon.Settings{
		Enabled: false, AlertCooldown: time.Hour, ConsecutiveViolations: 2, RegressionSensitivity: 0.2,
		Retention: 24 * time.Hour, CollectTimeout: 5 * time.Second, MaxEndpoints: 500, MaxOrganizations: 100, TrendAnalysis: true,
	}}
	if diff := cmp.Diff(wantAll, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	m, err = perfmon.New()
	if err != nil {
		t.Fatal(err)
	}
	if m.Interval() != time.Minute {
		t.Error("the environment is read though nobody asked for it")
	}
}

func TestBadEnvironment(t *testing.T) {
	for name, values := range map[string][]string{
		"ENHANCED_MONITORING_ENABLED":                {"", "maybe", "2"},
		"ENHANCED_MONITORING_INTERVAL":               {"", "60s", "0", "-1", "NaN", "Inf", "1e300", "3601"},
		"ENHANCED_MONITORING_RETENTION_HOURS":        {"", "0", "-48", "NaN", "inf", "two", "0x1p3", "4_8", "0.00001", "1e9"},
		"ENHANCED_MONITORING_REGRESSION_SENSITIVITY": {"15%", "0", "-0.1", "NaN", "11"},
		"ENHANCED_MONITORING_ALERT_COOLDOWN":         {"15m", "-1", "NaN", "1e9"},
		"ENHANCED_MONITORING_CONSECUTIVE_VIOLATIONS": {"3.5", "0", "-1", "1001", "99999999999999999999"},
	} {
		for _, value := range values {
			t.Run(name+"="+value, func(t *testing.T) {
				t.Setenv(name, value)
				_, err := perfmon.New(perfmon.WithEnvironment())
				if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), `"`+value+`"`) {
					t.Errorf("the error does not name the variable and its value: %v", err)
				}
			})
		}
	}
}

func TestConfigure(t *testing.T) {
	b := start(t)
	two, half, minute, no := 2, 0.5, time.Minute, false
	got, err := b.Config().Update(perfmon.SettingsUpdate{ConsecutiveViolations: &two, RegressionSensitivity: &half, AlertCooldown: &minute, Enabled: &no}, "ann")
	if err != nil {
		t.Fatal(err)
	}
	want := perfmon.Settings{
		Enabled: false, AlertCooldown: minute, ConsecutiveViolations: 2, RegressionSensitivity: 0.5,
		Retention: 48 * time.Hour, CollectTimeout: 5 * time.Second, MaxEndpoints: 500, MaxOrganizations: 100, TrendAnalysis: true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	zero, three := 0, 3.0
	if _, err := b.Config().Update(perfmon.SettingsUpdate{ConsecutiveViolations: &zero, RegressionSensitivity: &three}, "test"); err == nil {
		t.Error("zero violations are accepted")
	}
	if diff := cmp.Diff(want, b.Config().Settings()); diff != "" {
		t.Errorf("a refused change left something behind (-want +got):\n%s", diff)
	}
}
