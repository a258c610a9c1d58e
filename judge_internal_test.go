package perfmon

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon/internal/lifecycle"
)

func TestJudgeThreshold(t *testing.T) {
	settings := &Settings{ConsecutiveViolations: 3, AlertCooldown: time.Minute}
	throughput := Threshold{Metric: ThroughputRPS, Comparison: Less, Warning: ValueOf(10), Critical: ValueOf(5)}
	errors := Threshold{Metric: ErrorRate, Comparison: Greater, Warning: ValueOf(5), Critical: ValueOf(10)}
	narrow := errors
	narrow.Scope, narrow.AppliesTo = ScopeEndpoint, "GET *"
	hits := Threshold{Metric: CacheHitRate, Comparison: Less, Warning: ValueOf(70), Critical: ValueOf(50)}
	missed := errors
	missed.AbsentAfter = time.Minute
	warningOnly := missed
	warningOnly.Critical = Value{}
	for _, test := range []struct {
		name     string
		t        Threshold
		o        observed
		ok       bool
		severity Severity
		evidence map[string]any
	}{
		{"a good value", errors, observed{value: ValueOf(5)}, true, "", nil},
		{"past the warning", errors, observed{value: ValueOf(6), requests: 200}, true, Warning, map[string]any{
			"cause": CauseThreshold, "comparison": Greater, "consecutive_violations": 3, "requests": uint64(200),
		}},
		{"past the critical limit", errors, observed{value: ValueOf(11), requests: 1, worst: []string{"GET / (50 %)"}}, true, Critical, map[string]any{
			"cause": CauseThreshold, "comparison": Greater, "consecutive_violations": 3, "requests": uint64(1), "worst_endpoints": []string{"GET / (50 %)"},
		}},
		{"of a pattern", narrow, observed{value: ValueOf(11)}, true, Critical, map[string]any{
			"cause": CauseThreshold, "comparison": Greater, "consecutive_violations": 3, "applies_to": "GET *",
		}},
		{"less, and no throughput", hits, observed{value: ValueOf(40)}, true, Critical, map[string]any{
			"cause": CauseThreshold, "comparison": Less, "consecutive_violations": 3,
		}},
		{"absent", errors, observed{absentFor: time.Hour}, false, "", nil},
		{"absent, not for long", missed, observed{absentFor: time.Minute - 1}, false, "", nil},
		{"absent, never there", missed, observed{absentFor: -1}, false, "", nil},
		{"absent for long", missed, observed{absentFor: time.Minute}, true, Critical, map[string]any{"cause": CauseAbsence, "absent_after_seconds": 60.0}},
		{"absent, with a warning alone", warningOnly, observed{absentFor: time.Hour}, true, Warning, map[string]any{"cause": CauseAbsence, "absent_after_seconds": 60.0}},

		{"throughput that is good", throughput, observed{value: ValueOf(10), before: ValueOf(1000)}, true, "", nil},
		{"low, and nothing known before", throughput, observed{value: ValueOf(0)}, true, "", nil},
		{"low, and low before", throughput, observed{value: ValueOf(0), before: ValueOf(10)}, true, "", nil},
		{"low, and a bit more before", throughput, observed{value: ValueOf(0), before: ValueOf(10.1)}, true, Critical, map[string]any{
			"cause": CauseThreshold, "comparison": Less, "consecutive_violations": 3, "before": ValueOf(10.1),
		}},
		{"a twentieth of before", throughput, observed{value: ValueOf(6), before: ValueOf(120)}, true, Warning, map[string]any{
			"cause": CauseThreshold, "comparison": Less, "consecutive_violations": 3, "before": ValueOf(120),
		}},
		{"more than a twentieth", throughput, observed{value: ValueOf(6), before: ValueOf(119)}, true, "", nil},
		{"throughput that is too high", Threshold{Metric: ThroughputRPS, Comparison: Greater, Warning: ValueOf(10)}, observed{value: ValueOf(11)}, true, Warning, map[string]any{
			"cause": CauseThreshold, "comparison": Greater, "consecutive_violations": 3,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.o.key = Key{Metric: test.t.Metric}
			test.o.metric = Metric{Name: test.t.Metric, Unit: "%"}
			f, ok := judgeThreshold(&test.t, settings, test.o)
			if ok != test.ok || f.severity != test.severity {
				t.Fatalf("%q, %v; want %q, %v", f.severity, ok, test.severity, test.ok)
			}
			if diff := cmp.Diff(test.evidence, f.evidence); diff != "" {
				t.Errorf("evidence (-want +got):\n%s", diff)
			}
			absence := test.evidence["cause"] == CauseAbsence
			if f.atOnce != absence || (f.cause == CauseAbsence) != absence || f.message.Cause != f.cause || (f.message.Absent != "") != absence {
				t.Errorf("cause %q, %q, at once %v, absent %q", f.cause, f.message.Cause, f.atOnce, f.message.Absent)
			}
			wantLimit := Value{}
			if test.severity != "" && !absence {
				wantLimit = test.t.limit(test.severity)
			}
			if f.limit != wantLimit || f.value != test.o.value || f.unit != "%" || f.key != test.o.key || *f.threshold != test.t || f.life.Violations != 3 || f.life.Cooldown != time.Minute {
				t.Errorf("the finding is %+v, want a limit of %v", f, wantLimit)
			}
		})
	}
	f, _ := judgeThreshold(&missed, settings, observed{key: Key{Metric: "m"}, metric: errorRateMetric, absentFor: 61*time.Second + 400*time.Millisecond})
	if f.message.Absent != "1m1s" {
		t.Errorf("absent for %q", f.message.Absent)
	}
}

func TestJudgeEnoughRequests(t *testing.T) {
	list := []Threshold{
		{Metric: ErrorRate, Scope: ScopeService},
		{Metric: ResponseTimeP50, Scope: ScopeService},
		{Metric: ResponseTimeP99, Scope: ScopeService, MinRequests: 7},
		{Metric: ErrorRate, Scope: ScopeEndpoint, MinRequests: 8},
		{Metric: ErrorRate, Scope: ScopeEndpoint, MinRequests: 9, Disabled: true},
		{Metric: ThroughputRPS, Scope: ScopeEndpoint, MinRequests: 10},
		{Metric: HeapMB, Scope: ScopeService},
		{Metric: RequestsInFlight, Scope: ScopeOrganization},
		{Metric: ResponseTimeP50, Scope: ScopeOrganization, MinRequests: 3},
	}
	want := map[ScopeKind][]int{ScopeService: {100, 7}, ScopeEndpoint: {8}, ScopeOrganization: {3}}
	if diff := cmp.Diff(want, enoughRequests(list)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// An alert of the service names the three endpoints with the worst values.
func TestJudgeWorstEndpoints(t *testing.T) {
	step := func(endpoint, org string, rate float64) scopeStep {
		s := scopeStep{scope: Scope{endpoint, org}}
		for i := range s.figures {
			s.figures[i] = rate
		}
		return s
	}
	scopes := []scopeStep{
		step("", "", 100), step("", "acme", 90), step("c", "", 5), step("b", "", 5), step("a", "", 1), step("d", "", 7), step("e", "", 0), step("f", "", math.NaN()),
	}
	past := &Threshold{Warning: ValueOf(0.5), Comparison: Greater}
	want := []string{"d (7 %)", "b (5 %)", "c (5 %)"}
	if diff := cmp.Diff(want, worstEndpoints(past, errorRateMetric, scopes)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	slices.Reverse(scopes)
	if diff := cmp.Diff(want, worstEndpoints(past, errorRateMetric, scopes)); diff != "" {
		t.Errorf("the other way round (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a (1 s)"}, worstEndpoints(past, Metric{Name: ResponseTimeP50, Unit: "s"}, []scopeStep{step("a", "", 1)})); diff != "" {
		t.Errorf("the first metric of requests (-want +got):\n%s", diff)
	}
	for _, metric := range []string{ThroughputRPS, HeapMB} {
		if got := worstEndpoints(past, Metric{Name: metric}, scopes); got != nil {
			t.Errorf("%s: %v", metric, got)
		}
	}
}

// Each key that a threshold watches is observed, with the figures that rest on enough.
func TestJudgeObserves(t *testing.T) {
	m, _ := resting(t)
	list := []Threshold{
		{Metric: ErrorRate, Scope: ScopeService, Warning: ValueOf(5), Comparison: Greater},
		{Metric: HeapMB, Scope: ScopeService, Warning: ValueOf(5), Comparison: Greater},
		{Metric: ThroughputRPS, Scope: ScopeService, Warning: ValueOf(500), Comparison: Greater},
		{Metric: ErrorRate, Scope: ScopeEndpoint, Warning: ValueOf(5), Comparison: Greater, MinRequests: 7},
		{Metric: ErrorRate, Scope: ScopeEndpoint, AppliesTo: "GET /off", Disabled: true},
		{Metric: OpenFDs, Scope: ScopeService, Warning: ValueOf(5), Comparison: Greater},
		{Metric: ResponseTimeP50, Scope: ScopeService, Warning: ValueOf(5), Comparison: Greater},
	}
	figures := func(rate, rps float64) (f requestFigures) {
		f[errorRateFigure], f[throughputFigure], f[p50Figure] = rate, rps, 0.5
		return f
	}
	scopes := []scopeStep{
		{scope: Scope{}, figures: figures(50, 9), requests: 90, judged: map[int]judgedFigures{100: {figures(20, 1), 120}}},
		{scope: Scope{Endpoint: "GET /"}, figures: figures(50, 9), judged: map[int]judgedFigures{7: {figures(3, 1), 8}}},
		{scope: Scope{Endpoint: "GET /few"}, figures: figures(50, 9), judged: map[int]judgedFigures{100: {figures(3, 1), 8}}},
		{scope: Scope{Endpoint: "GET /off"}, figures: figures(50, 9), judged: map[int]judgedFigures{7: {figures(3, 1), 8}}},
		{scope: Scope{Organization: "acme"}, figures: figures(50, 9), judged: map[int]judgedFigures{7: {figures(3, 1), 8}}},
	}
	type row struct {
		Key      string
		Value    Value
		Requests uint64
		Worst    []string
	}
	var got []row
	for _, o := range m.observe(at(0), watcherOf(list), m.sampleOf(map[string]float64{HeapMB: 4}), scopes) {
		got = append(got, row{o.key.String(), o.value, o.requests, o.worst})
	}
	worstOf := []string{"GET / (50 %)", "GET /few (50 %)", "GET /off (50 %)"}
	want := []row{
		{"error_rate of service", ValueOf(20), 120, worstOf},
		{"heap_mb of service", ValueOf(4), 0, nil},
		{"throughput_rps of service", ValueOf(9), 0, nil},
		{"open_fds of service", Value{}, 0, nil},
		{"response_time_p50 of service", ValueOf(0.5), 120, nil}, // good, so nobody is named
		{"error_rate of GET /", ValueOf(3), 8, nil},
		{"error_rate of GET /few", Value{}, 0, nil},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// watcherOf watches by thresholds that are in force nowhere.
func watcherOf(list []Threshold) *watcher {
	return &watcher{list: &list, found: map[Key]*Threshold{}}
}

// A regression counts where its metric has a value now; what is good about it does not
// end the alert of a threshold that had nothing to judge.
func TestJudgeRegressions(t *testing.T) {
	m, _ := resting(t)
	settings := &Settings{ConsecutiveViolations: 3, AlertCooldown: time.Minute}
	list := []Threshold{{Metric: CacheHitRate, Scope: ScopeService, ConsecutiveViolations: 5}, {Metric: ErrorRate, Scope: ScopeService, ConsecutiveViolations: 4}, {Metric: QueueSize, Scope: ScopeService}}
	sample := m.sampleOf(map[string]float64{CacheHitRate: 50, ErrorRate: 7, MemoryUsageMB: 1, QueueSize: 1})
	heard := []finding{{key: Key{Metric: QueueSize}}}
	if got := m.withRegressions(heard, watcherOf(list), settings, sample); len(got) != 1 {
		t.Errorf("without a baseline: %+v", got)
	}
	m.baselines.apply(Baseline{At: epoch, Metrics: map[string]BaselineMetric{
		CacheHitRate: {}, ErrorRate: {}, MemoryUsageMB: {}, MemoryUsagePercent: {}, HeapMB: {}, QueueSize: {},
	}})
	m.baselines.regressions = []Regression{{Metric: ErrorRate}, {Metric: MemoryUsagePercent}}
	got := map[string]string{}
	for _, f := range m.withRegressions(heard, watcherOf(list), settings, sample)[1:] {
		how := string(f.severity)
		if f.threshold != nil {
			how += " watched"
		}
		got[f.key.Metric] = how
		want := 3
		if f.key.Metric == ErrorRate {
			want = 4
		}
		if f.life.Violations != want {
			t.Errorf("%s: %+v", f.key.Metric, f.life)
		}
	}
	want := map[string]string{ErrorRate: "warning watched", MemoryUsageMB: "", QueueSize: " watched"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for metric, want := range map[string]bool{CacheHitRate: true, HeapMB: false, CPUUsagePercent: false} {
		if got := inBaseline(m.Baselines().List()[0], metric, sample.catalog); got != want {
			t.Errorf("%s is compared: %v", metric, got)
		}
	}
}

// An evaluation notes what it heard of each key, so that silence is noticed.
func TestJudgeHears(t *testing.T) {
	m, _ := resting(t, WithThreshold(Threshold{Metric: HeapMB, Warning: ValueOf(5), ConsecutiveViolations: 1}))
	bad, nothing := m.sampleOf(map[string]float64{HeapMB: 9}), m.sampleOf(nil)
	scopes := []scopeStep{{}}
	active := func() int { list, _ := m.Alerts().List(AlertQuery{Active: true}); return len(list) }
	m.evaluate(t.Context(), at(time.Hour), bad, scopes)
	m.evaluate(t.Context(), at(2*time.Hour-1), nothing, scopes)
	if active() != 1 {
		t.Error("the alert is over before an hour of silence")
	}
	m.evaluate(t.Context(), at(2*time.Hour), nothing, scopes)
	if active() != 0 {
		t.Error("the alert outlives an hour of silence")
	}
}

// The alert of a regression ends with the baseline, not before.
func TestJudgeWatchesBaselines(t *testing.T) {
	m, _ := resting(t)
	sample := m.sampleOf(map[string]float64{MemoryUsageMB: 9})
	m.baselines.apply(Baseline{At: epoch, Metrics: map[string]BaselineMetric{MemoryUsageMB: {}}})
	m.baselines.regressions = []Regression{{Metric: MemoryUsageMB, Current: 9}}
	for i := range 4 {
		m.evaluate(t.Context(), at(time.Duration(i)*time.Second), sample, nil)
	}
	list, _ := m.Alerts().List(AlertQuery{Active: true})
	if len(list) != 1 || list[0].Cause != CauseRegression {
		t.Fatalf("active: %+v", list)
	}
	m.baselines.list = nil
	m.evaluate(t.Context(), at(5*time.Second), sample, nil)
	if list, _ := m.Alerts().List(AlertQuery{Active: true}); len(list) != 0 {
		t.Errorf("without a baseline: %+v", list)
	}
	// One about an endpoint is not about the service's baseline.
	m.baselines.apply(Baseline{At: epoch, Metrics: map[string]BaselineMetric{MemoryUsageMB: {}}})
	key := Key{MemoryUsageMB, Scope{Endpoint: "GET /"}}
	m.alerts.keys[key] = KeyState{Life: lifecycle.State{Violating: 1}}
	m.evaluate(t.Context(), at(6*time.Second), sample, nil)
	if k, _ := m.alerts.key(key); k.Life.Violating != 0 {
		t.Errorf("an endpoint's run goes on: %+v", k)
	}
}
