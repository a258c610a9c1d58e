package perfmon

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon/analyze"
)

// estimate is a mean that is known well.
func estimate(mean, stdErr float64) BaselineMetric {
	return BaselineMetric{Mean: mean, Points: 60, Estimate: analyze.Mean{Value: ValueOf(mean), StdErr: ValueOf(stdErr), DF: ValueOf(50), N: 60}}
}

// around returns n numbers about mean, with a spread of a percent.
func around(mean float64, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = mean * (1 + 0.01*[]float64{-1, 0.5, 1, -0.5, 0.2, -0.8, 0.6}[i*3%7])
	}
	return x
}

// constant returns n equal numbers.
func constant(v float64, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = v
	}
	return x
}

// A regression is worse, by more than the sensitivity, and no chance.
func TestBaselineMathOfRegressions(t *testing.T) {
	higher, lower, neutral := Metric{Name: "h", Worse: HigherIsWorse}, Metric{Name: "l", Worse: LowerIsWorse}, Metric{Name: "n"}
	for _, test := range []struct {
		name   string
		metric Metric
		base   BaselineMetric
		recent []float64
		want   bool
	}{
		{"higher is worse, and higher", higher, estimate(100, 1), around(130, 15), true},
		{"higher is worse, and lower", higher, estimate(100, 1), around(70, 15), false},
		{"lower is worse, and lower", lower, estimate(100, 1), around(70, 15), true},
		{"lower is worse, and higher", lower, estimate(100, 1), around(130, 15), false},
		{"neutral counts as worse when higher", neutral, estimate(100, 1), around(130, 15), true},
		{"within the sensitivity", higher, estimate(100, 1), around(114, 15), false},
		{"at the limit", higher, estimate(100, 0), constant(115, 15), false},
		{"past the limit", higher, estimate(100, 0), constant(115.1, 15), true},
		{"lower, at the limit", lower, estimate(100, 0), constant(85, 15), false},
		{"lower, past the limit", lower, estimate(100, 0), constant(84.9, 15), true},
		{"a negative baseline, and higher", higher, estimate(-100, 1), around(-80, 15), true},
		{"a negative baseline, within", higher, estimate(-100, 1), around(-90, 15), false},
		{"from zero", higher, estimate(0, 0), constant(1, 15), true},
		{"too few points", higher, estimate(100, 1), around(130, 9), false},
		{"just enough points", higher, estimate(100, 1), around(130, 10), true},
		{"a baseline without an error", higher, BaselineMetric{Mean: 100, Estimate: analyze.Mean{Value: ValueOf(100)}}, around(130, 15), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, got := regression(test.metric, test.base, test.recent, 0.15)
			if got != test.want {
				t.Errorf("%v: %+v", got, r)
			}
		})
	}
}

// What differs by more than the sensitivity may still be chance.
func TestBaselineMathOfSignificance(t *testing.T) {
	higher := Metric{Name: "h", Worse: HigherIsWorse}
	for _, test := range []struct {
		stdErr float64
		recent []float64
		want   bool
	}{
		{4, around(130, 30), true},
		{10, around(130, 30), false}, // the baseline varies that much
		// One odd point after a baseline that does not vary.
		{0, append(constant(100, 29), 2000), false},
	} {
		if r, got := regression(higher, estimate(100, test.stdErr), test.recent, 0.15); got != test.want {
			t.Errorf("a baseline of 100 ± %v, and now %v: %+v", test.stdErr, test.recent, r)
		}
	}
}

// What is as usual at its hour has not regressed, and neither has what nobody knows to
// be unusual not.
func TestBaselineMathOfUsualHours(t *testing.T) {
	m, _ := resting(t, WithMetric(Metric{Name: "lag", Unit: "s", Worse: HigherIsWorse}))
	b := Baseline{Metrics: map[string]BaselineMetric{"lag": estimate(100, 1)}}
	recent := Series{Metrics: map[string]Column{"lag": {Values: around(150, 30)}}}
	for _, test := range []struct {
		name  string
		usual []float64
		want  int
	}{
		{"no day before", nil, 1},
		{"as high on the day before", around(150, 90), 0},
		{"higher on the day before", around(200, 90), 0},
		{"low on the day before", around(100, 90), 1},
		{"nearly as high", around(142, 90), 0},
	} {
		found := judgeBaseline(m.registry.catalog(), m.settings.get(), b, recent, func(string) []float64 { return test.usual })
		if len(found) != test.want {
			t.Errorf("%s: %+v, want %d", test.name, found, test.want)
		}
	}
}

func TestBaselineMathSaysHowMuch(t *testing.T) {
	lower := Metric{Name: "l", Worse: LowerIsWorse}
	r, ok := regression(lower, estimate(-200, 0), constant(-300, 12), 0.25)
	want := Regression{Metric: "l", Baseline: -200, Current: -300, Change: ValueOf(-50), ChangeLow: ValueOf(-50), ChangeHigh: ValueOf(-50), Limit: -250, PValue: ValueOf(0), Points: 12}
	if diff := cmp.Diff(want, r); diff != "" || !ok {
		t.Errorf("%v (-want +got):\n%s", ok, diff)
	}
	for _, base := range []float64{1, -1} {
		if r, _ := regression(lower, estimate(base, 0), constant(base-1, 12), 0.25); r.Change != ValueOf(-100) {
			t.Errorf("from %v it changed by %v %%", base, r.Change)
		}
	}
	if r, _ := regression(lower, estimate(0, 0), constant(-1, 12), 0.25); !r.Change.IsAbsent() {
		t.Errorf("from zero it changed by %v %%", r.Change)
	}
}

// Halves that differ by more than the sensitivity, and not by chance, are a shift.
func TestBaselineMathOfShifts(t *testing.T) {
	metric := Metric{Name: ErrorRate, Unit: "%"}
	two := func(a, b []float64) []float64 { return append(a, b...) }
	for _, test := range []struct {
		name   string
		metric Metric
		values []float64
		want   string
	}{
		{"steady", metric, around(10, 60), ""},
		{"up", metric, two(around(10, 30), around(12, 30)), "error_rate is shifting: its mean went from 9.99 % to 12 %."},
		{"down", metric, two(around(12, 30), around(10, 30)), "error_rate is shifting: its mean went from 12 % to 9.99 %."},
		{"within the sensitivity", metric, two(around(10, 30), around(11.4, 30)), ""},
		{"at the sensitivity", metric, two(constant(4, 30), constant(5, 30)), "shifting"},
		{"an odd number of values", metric, two(constant(10, 30), constant(12, 31)), "error_rate is shifting: its mean went from 10 % to 12 %."},
		{"of the runtime", Metric{Name: HeapMB}, two(around(10, 30), around(20, 30)), ""},
		{"the first metric of requests", Metric{Name: ResponseTimeP50}, two(constant(10, 30), constant(20, 30)), "response_time_p50 is shifting: its mean went from 10 to 20."},
		{"below zero", metric, two(constant(-10, 30), constant(-9, 30)), ""},
		{"below zero, by more", metric, two(constant(-10, 30), constant(-8, 30)), "error_rate is shifting: its mean went from -10 % to -8 %."},
		{"few and wild", metric, []float64{1, 30, 2, 25, 3, 20, 40, 5, 35, 2}, ""},
		{"too few to say", metric, []float64{1, 1, 9, 9}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := shifting(test.metric, test.values, 0.15)
			if got != test.want && (test.want != "shifting" || !strings.Contains(got, "shifting")) {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
	if got := shifting(metric, two(constant(4, 30), constant(5, 30)), 0.25); got != "" {
		t.Errorf("at the sensitivity, exactly: %q", got)
	}
	// What one of six metrics does by chance is no shift.
	values := two(around(10, 6), around(14, 6))
	for i := range values {
		values[i] += 2.2 * []float64{-1, 1, 0.4, -0.5, 0.9, -0.8}[i%6]
	}
	p := analyze.Compare(analyze.EstimateMean(values[:6]), analyze.EstimateMean(values[6:])).PValue.Float()
	if !(p > 0.01/6 && p < 0.01*6) {
		t.Fatalf("p is %v: the test needs other values", p)
	}
	if got := shifting(metric, values, 0.15); got != "" {
		t.Errorf("p = %v: %q", p, got)
	}
}

// A metric is part of a baseline where it gets worse one way, and has values in four
// fifths of the points.
func TestBaselineMathOfWhatIsCovered(t *testing.T) {
	m, _ := resting(t, WithMetric(Metric{Name: "lag", Unit: "s", Worse: HigherIsWorse}), WithMetric(Metric{Name: "few", Worse: HigherIsWorse}),
		WithMetric(Metric{Name: "none", Worse: HigherIsWorse}), WithMetric(Metric{Name: "neutral"}))
	sparse := func(n int) []float64 {
		x := around(10, 20)
		for i := n; i < 20; i++ {
			x[i] = math.NaN()
		}
		return x
	}
	s := Series{Times: make([]time.Time, 20), Metrics: map[string]Column{
		"lag": {Values: sparse(16)}, "few": {Values: sparse(15)}, "none": {Values: sparse(0)}, "neutral": {Values: sparse(20)},
	}}
	b, missing := establish(m.registry.catalog(), m.settings.get(), s, 0)
	if len(missing) > 0 {
		t.Errorf("missing: %v", missing)
	}
	values := sparse(16)[:16]
	mean := analyze.EstimateMean(values)
	want := map[string]BaselineMetric{"lag": {Mean: mean.Value.Float(), StdDev: analyze.Summarize(values).StdDev, Points: 16, Estimate: mean}}
	if diff := cmp.Diff(want, b.Metrics); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, s := range map[string]Series{"nothing at all": {}, "nothing of use": {Times: s.Times, Metrics: map[string]Column{"none": {Values: sparse(0)}}}} {
		if b, missing := establish(m.registry.catalog(), m.settings.get(), s, 0); len(b.Metrics) != 0 || len(missing) != 1 || missing[0] != "No metric has enough values." {
			t.Errorf("%s: %v, %v", name, b.Metrics, missing)
		}
	}
}

func TestBaselineMathOfPoints(t *testing.T) {
	nan := math.NaN()
	if diff := cmp.Diff([]float64{1, 0, -2}, present([]float64{nan, 1, 0, nan, -2})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A baseline needs a point for nine tenths of its window, which has at least ten
// intervals and is no longer than the retention.
func TestBaselineMathOfWindows(t *testing.T) {
	m, mock := resting(t)
	fill := func(n int) {
		for range n {
			mock.Add(time.Minute)
			c := m.registry.catalog()
			values := absent(len(c.metrics))
			values[c.index[MemoryUsageMB]] = 10
			m.history.close(m.Now(), time.Minute, 48*time.Hour, c, values, false)
		}
	}
	fill(8)
	var missing *NotReadyError
	if _, err := m.Baselines().Establish(10*time.Minute, "ann"); !errors.As(err, &missing) || !strings.Contains(err.Error(), "The last 10m0s hold 8 points; 9 are needed, of 1m0s each.") {
		t.Errorf("of 8 points: %v", err)
	}
	fill(1)
	b, err := m.Baselines().Establish(10*time.Minute, "ann")
	if err != nil || b.By != "ann" || b.DurationMinutes != 10 || !b.At.Equal(m.Now()) || b.Metrics[MemoryUsageMB].Points != 9 {
		t.Errorf("of 9 points: %+v, %v", b, err)
	}
	if diff := cmp.Diff([]Baseline{b}, m.Baselines().List()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for window, want := range map[time.Duration]bool{10*time.Minute - 1: false, 48 * time.Hour: true, 48*time.Hour + 1: false} {
		var field *FieldError
		_, err := m.Baselines().Establish(window, "ann")
		if errors.As(err, &field) == want || want && !errors.As(err, &missing) {
			t.Errorf("a window of %v: %v", window, err)
		}
	}
	if _, err := m.Baselines().Establish(0, "ann"); !errors.As(err, &missing) || !strings.Contains(err.Error(), "The last 1h0m0s hold 9 points; 54 are needed") {
		t.Errorf("an hour: %v", err)
	}
}

// One reason is enough to refuse a baseline.
func TestBaselineMathOfOneReason(t *testing.T) {
	m, mock := resting(t)
	for i := 1; i <= 10; i++ {
		m.remember(time.Duration(i)*time.Minute, ActiveUsers, 7)
	}
	mock.Set(epoch.Add(10 * time.Minute))
	var missing *NotReadyError
	if _, err := m.Baselines().Establish(10*time.Minute, "ann"); !errors.As(err, &missing) || len(missing.Missing) != 1 {
		t.Errorf("of neutral metrics alone: %v", err)
	}
}

// The newest baseline is in force. Baselines are kept for seven days, and a thousand of
// them.
func TestBaselineMathOfWhatIsKept(t *testing.T) {
	var bs baselines
	for i := range maxBaselines {
		bs.apply(Baseline{At: at(time.Duration(i) * time.Second).wall})
	}
	now := at(maxBaselines * time.Second).wall
	list := bs.all(now)
	if len(list) != 1000 || !list[0].At.Equal(epoch.Add(999*time.Second)) || !list[999].At.Equal(epoch) {
		t.Fatalf("%d baselines, the first of %v", len(list), list[0].At)
	}
	bs.apply(Baseline{At: now})
	list = bs.all(now)
	if len(list) != 1000 || !list[0].At.Equal(now) || !list[999].At.Equal(epoch.Add(time.Second)) {
		t.Errorf("one more makes %d, from %v to %v", len(list), list[len(list)-1].At, list[0].At)
	}
	if got := bs.all(epoch.Add(time.Second + 7*24*time.Hour)); len(got) != 1000 {
		t.Errorf("after seven days %d are left", len(got))
	}
	if got := bs.all(epoch.Add(time.Second + 7*24*time.Hour + 1)); len(got) != 999 {
		t.Errorf("after more than seven days %d are left", len(got))
	}
	if got := bs.found(); got == nil || len(got) != 0 {
		t.Errorf("regressions of nothing: %v", got)
	}
}

// The newest baseline is compared with the points of the last half hour.
func TestBaselineMathCompares(t *testing.T) {
	m, mock := resting(t)
	m.compare()
	if got := m.Baselines().Regressions(); len(got) != 0 {
		t.Errorf("without a baseline: %+v", got)
	}
	c := m.registry.catalog()
	for range 60 {
		mock.Add(time.Minute)
		values := absent(len(c.metrics))
		values[c.index[MemoryUsageMB]] = 100
		if m.Now().Sub(epoch) > 30*time.Minute {
			values[c.index[MemoryUsageMB]], values[c.index[HeapMB]] = 200, 200
		}
		values[c.index[CPUUsagePercent]] = 200
		m.history.close(m.Now(), time.Minute, 48*time.Hour, c, values, false)
	}
	m.baselines.apply(Baseline{At: m.Now(), Metrics: map[string]BaselineMetric{MemoryUsageMB: estimate(200, 0)}})
	m.baselines.apply(Baseline{At: m.Now(), Metrics: map[string]BaselineMetric{MemoryUsageMB: estimate(100, 0), HeapMB: estimate(1, 0)}})
	m.compare()
	want := []Regression{{Metric: MemoryUsageMB, Baseline: 100, Current: 200, Change: ValueOf(100), ChangeLow: ValueOf(100), ChangeHigh: ValueOf(100), Limit: 115, PValue: ValueOf(0), Points: 30}}
	got := m.Baselines().Regressions()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	got[0].Metric = "changed behind its back"
	if diff := cmp.Diff(want, m.Baselines().Regressions()); diff != "" {
		t.Errorf("what was handed out is shared (-want +got):\n%s", diff)
	}
	m.baselines.list = nil
	m.compare()
	if got := m.Baselines().Regressions(); len(got) != 0 {
		t.Errorf("the baseline is gone: %+v", got)
	}
}

func TestBaselineMathOfFindings(t *testing.T) {
	m, _ := resting(t)
	settings := &Settings{ConsecutiveViolations: 3, AlertCooldown: time.Minute}
	b := Baseline{At: epoch, Metrics: map[string]BaselineMetric{MemoryUsageMB: {}, ErrorRate: {}, HeapMB: {}}}
	r := Regression{Metric: MemoryUsageMB, Baseline: 100, Current: 200, Change: ValueOf(100), ChangeLow: ValueOf(90), ChangeHigh: ValueOf(110), Limit: 115, PValue: ValueOf(0.001), Points: 15}
	got := regressionFindings(m.registry.catalog(), settings, b, []Regression{{Metric: HeapMB}, r})
	if len(got) != 2 || got[0].key != (Key{Metric: ErrorRate}) || got[1].key != (Key{Metric: MemoryUsageMB}) {
		t.Fatalf("%+v", got)
	}
	good, bad := got[0], got[1]
	if good.severity != "" || good.evidence != nil || good.unit != "%" || good.cause != CauseRegression {
		t.Errorf("good: %+v", good)
	}
	if bad.severity != Warning || bad.value != ValueOf(200) || bad.limit != ValueOf(115) || bad.life.Violations != 3 || bad.life.Cooldown != time.Minute || bad.unit != "MiB" {
		t.Errorf("bad: %+v", bad)
	}
	if d := bad.message; d.Value != "200 MiB" || d.Baseline != "100 MiB" || d.Cause != CauseRegression || d.Consecutive != 3 || d.Metric.Name != MemoryUsageMB {
		t.Errorf("message: %+v", d)
	}
	want := map[string]any{
		"cause": CauseRegression, "baseline": 100.0, "change_percent": ValueOf(100), "change_low": ValueOf(90), "change_high": ValueOf(110), "p_value": ValueOf(0.001), "points": 15, "baseline_established_at": epoch,
	}
	if diff := cmp.Diff(want, bad.evidence); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	first := regressionFindings(m.registry.catalog(), settings, b, []Regression{r})
	if first[1].severity != Warning {
		t.Error("the first regression is not found")
	}
	if e := (&NotReadyError{[]string{"One.", "Two."}}).Error(); e != "no baseline can be established: One. Two." {
		t.Errorf("%q", e)
	}
}
