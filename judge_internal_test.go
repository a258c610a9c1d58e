package perfmon

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/backend-prs/perfmon/internal/lifecycle"
	"github.com/backend-prs/perfmon/internal/traffic"
)

// start of time for monitors that no test starts.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// resting returns a monitor on a mock clock that does nothing by itself.
func resting(t testing.TB, opts ...Option) (*Monitor, *clock.Mock) {
	t.Helper()
	mock := clock.NewMock()
	mock.Set(epoch)
	m, err := New(append([]Option{WithClock(mock), WithoutSystemMetrics(), WithoutDefaultThresholds()}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return m, mock
}

// at is a moment of a resting monitor.
func at(d time.Duration) moment { return moment{wall: epoch.Add(d), elapsed: d} }

// remember adds a point of one metric of the service to history.
func (m *Monitor) remember(d time.Duration, metric string, v float64) {
	c := m.registry.catalog()
	values := absent(len(c.metrics))
	values[c.index[metric]] = v
	m.history.close(epoch.Add(d), time.Minute, 48*time.Hour, c, values, false)
}

// sampleOf returns a sample of some metrics.
func (m *Monitor) sampleOf(values map[string]float64) *Sample {
	c := m.registry.catalog()
	s := &Sample{catalog: c, values: absent(len(c.metrics))}
	for name, v := range values {
		s.values[c.index[name]] = v
	}
	return s
}

var errorRateMetric = Metric{Name: ErrorRate, Unit: "%"}

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
	}
	want := map[ScopeKind][]int{ScopeService: {100, 7}, ScopeEndpoint: {8}}
	if diff := cmp.Diff(want, enoughRequests(list)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFindingLevels(t *testing.T) {
	for s, l := range map[Severity]lifecycle.Level{"": lifecycle.Good, Warning: lifecycle.Warning, Critical: lifecycle.Critical} {
		if s.level() != l || severityOf(l) != s {
			t.Errorf("%q is %v, and back %q", s, s.level(), severityOf(l))
		}
	}
}

// Of the findings about a key the worst one counts, and the first of equals; those of
// endpoints come after the others.
func TestFindingWorst(t *testing.T) {
	a, b, e := Key{Metric: "a"}, Key{Metric: "b"}, Key{"a", Scope{Endpoint: "GET /"}}
	org := Key{"a", Scope{Organization: "acme"}}
	rule, other := &Threshold{Metric: "a"}, &Threshold{Metric: "b"}
	in := []finding{
		{key: e, severity: Critical, unit: "e"},
		{key: a, severity: "", unit: "first"},
		{key: b, severity: Warning, unit: "first", threshold: rule},
		{key: a, severity: Warning, unit: "second", threshold: rule},
		{key: b, severity: Warning, unit: "second"},
		{key: a, severity: Critical, unit: "third"},
		{key: org, severity: Critical, unit: "org", threshold: other},
		{key: a, severity: Warning, unit: "fourth", threshold: other},
	}
	type row struct {
		key       Key
		unit      string
		severity  Severity
		threshold *Threshold
	}
	var got []row
	for _, f := range worst(in) {
		got = append(got, row{f.key, f.unit, f.severity, f.threshold})
	}
	want := []row{{a, "third", Critical, rule}, {b, "first", Warning, rule}, {org, "org", Critical, other}, {e, "e", Critical, nil}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(row{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if coveredRank(a) != 0 || coveredRank(org) != 0 || coveredRank(e) != 1 {
		t.Errorf("the ranks are %d, %d and %d", coveredRank(a), coveredRank(org), coveredRank(e))
	}
}

func TestFindingRecount(t *testing.T) {
	th := limits(ValueOf(5), ValueOf(10), Greater)
	recent := []judged{{Value{}, lifecycle.Good}, {ValueOf(6), lifecycle.Critical}, {ValueOf(11), lifecycle.Good}, {Value{}, lifecycle.Warning}, {ValueOf(6), lifecycle.Good}, {ValueOf(11), lifecycle.Good}}
	for n, want := range map[int]lifecycle.State{
		0: {}, 1: {}, 2: {Violating: 1, Critical: 1}, 3: {Violating: 2, Critical: 2}, 4: {Violating: 3}, 5: {Violating: 4}, 6: {Violating: 5, Critical: 1},
	} {
		if got := recount(lifecycle.State{}, lifecycle.Rule{Violations: 9}, recent[:n], th); got != want {
			t.Errorf("the first %d: %+v, want %+v", n, got, want)
		}
	}
}

func TestKeyStateEnded(t *testing.T) {
	key := Key{Metric: "m"}
	open, run := lifecycle.State{Status: lifecycle.Open, Violating: 3}, lifecycle.State{Violating: 1}
	for _, test := range []struct {
		name    string
		k       KeyState
		watched bool
		silent  time.Duration
		want    string // part of it
	}{
		{"open and watched", KeyState{Life: open}, true, time.Hour - 1, ""},
		{"silent for an hour", KeyState{Life: open}, true, time.Hour, "no values"},
		{"not watched", KeyState{Life: open}, false, 0, "nothing watches it"},
		{"the host's", KeyState{Life: open, Host: true}, false, 2 * time.Hour, ""},
		{"clear", KeyState{}, false, 2 * time.Hour, ""},
		{"clear, in a run", KeyState{Life: run}, false, 0, "nothing watches it"},
		{"dismissed", KeyState{Life: lifecycle.State{Status: lifecycle.Dismissed}}, false, 0, "nothing watches it"},
	} {
		got := test.k.ended(at(3*time.Hour), key, func(Key) bool { return test.watched }, func(Key) time.Duration { return 3*time.Hour - test.silent })
		if (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// values applies findings of a threshold, ten seconds apart.
func (k KeyState) values(th *Threshold, values ...float64) KeyState {
	for i, v := range values {
		f := finding{severity: th.severity(v), value: ValueOf(v), cause: CauseThreshold, life: lifecycle.Rule{Violations: 3}, threshold: th}
		k, _ = k.observe(at(time.Duration(i)*10*time.Second), &f, false)
	}
	return k
}

// A key remembers the values of its run, as many as count, and since when it goes on.
func TestKeyStateRemembersItsRun(t *testing.T) {
	th := limits(ValueOf(5), ValueOf(10), Greater)
	list := func(values ...float64) (j []judged) {
		for _, v := range values {
			j = append(j, judged{Value: ValueOf(v)})
		}
		return j
	}
	for _, test := range []struct {
		name   string
		values []float64
		recent []judged
		since  time.Time
	}{
		{"nothing", nil, nil, time.Time{}},
		{"good", []float64{1, 2}, nil, time.Time{}},
		{"a run", []float64{1, 6, 7}, list(6, 7), epoch.Add(10 * time.Second)},
		{"a run that ended", []float64{6, 7, 1}, nil, time.Time{}},
		{"open", []float64{1, 6, 7, 8}, list(6, 7, 8), epoch.Add(10 * time.Second)},
		{"open, and it goes on", []float64{1, 6, 7, 8, 9}, list(6, 7, 8), epoch.Add(10 * time.Second)}, // nothing of it matters any more
		{"recovering", []float64{6, 7, 8, 1}, list(7, 8, 1), epoch},
		{"escalating", []float64{6, 7, 8, 11, 12}, list(8, 11, 12), epoch},
		{"resolved", []float64{6, 7, 8, 1, 2, 3}, nil, time.Time{}},
	} {
		k := KeyState{}.values(th, test.values...)
		if diff := cmp.Diff(test.recent, k.Recent, cmpopts.EquateEmpty()); diff != "" || !k.Since.Equal(test.since) {
			t.Errorf("%s: since %v, want %v (-want +got):\n%s", test.name, k.Since, test.since, diff)
		}
	}
	// One violation is enough: the list still has it.
	one := finding{severity: Warning, value: ValueOf(6), cause: CauseThreshold, life: lifecycle.Rule{}, threshold: th}
	if k, _ := (KeyState{}).observe(at(0), &one, false); len(k.Recent) != 1 {
		t.Errorf("a rule of no violations keeps %v", k.Recent)
	}
}

// How bad a value is that no threshold judges is kept with it.
func TestKeyStateFloor(t *testing.T) {
	th := limits(ValueOf(5), ValueOf(10), Greater)
	f := finding{severity: Warning, value: ValueOf(1), cause: CauseRegression, life: lifecycle.Rule{Violations: 3}, threshold: th}
	k, _ := KeyState{}.observe(at(0), &f, false)
	f.cause, f.severity, f.value = CauseAbsence, Critical, Value{}
	k, _ = k.observe(at(0), &f, false)
	want := []judged{{ValueOf(1), lifecycle.Warning}, {Value{}, lifecycle.Critical}}
	if diff := cmp.Diff(want, k.Recent); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Where the limits change, the run is counted anew; where something else changes, not.
func TestKeyStateFollowsTheThreshold(t *testing.T) {
	th := limits(ValueOf(5), ValueOf(10), Greater)
	k := KeyState{}.values(th, 6, 9)
	higher := limits(ValueOf(8), ValueOf(10), Greater)
	if got := k.values(higher, 9).Life.Violating; got != 2 {
		t.Errorf("with a higher limit %d count, want 2", got)
	}
	narrower := *th
	narrower.AppliesTo, narrower.MinRequests = "GET *", 7
	got := k.values(&narrower, 9)
	if got.Life.Status != lifecycle.Open || got.Threshold != &narrower {
		t.Errorf("with the same limits: %+v", got)
	}
	// Values that were not kept are not counted as good.
	forgotten := k
	forgotten.Recent = nil
	if got := forgotten.values(higher, 9).Life; got.Status != lifecycle.Open {
		t.Errorf("without its values: %+v", got)
	}
	// A finding without a threshold leaves the one that is known.
	f := finding{severity: Warning, cause: CauseRegression, life: lifecycle.Rule{Violations: 9}}
	if got, _ := k.observe(at(0), &f, false); got.Threshold != th || got.Rule.Violations != 9 {
		t.Errorf("after a regression: %+v", got)
	}
}

func TestKeyStateOfTheHost(t *testing.T) {
	th := limits(ValueOf(5), ValueOf(10), Greater)
	k := KeyState{Host: true, Life: lifecycle.State{Status: lifecycle.Open, Level: lifecycle.Warning}}
	if got := k.values(th, 6, 7, 8); !got.Host {
		t.Error("a judge took it over without a change")
	}
	if got := k.values(th, 11, 12, 13); got.Host {
		t.Error("a judge escalated it, and it is still the host's")
	}
}

func TestKeyStateSame(t *testing.T) {
	th, other := limits(ValueOf(5), ValueOf(10), Greater), limits(ValueOf(6), ValueOf(10), Greater)
	twin := *th
	run := KeyState{Life: lifecycle.State{Violating: 1}, Rule: lifecycle.Rule{Violations: 3}, Threshold: th, Recent: []judged{{Value: ValueOf(6)}}}
	open := run
	open.Life = lifecycle.State{Status: lifecycle.Open}
	for _, test := range []struct {
		name string
		from KeyState
		edit func(*KeyState)
		want bool
	}{
		{"nothing", run, func(*KeyState) {}, true},
		{"life", run, func(k *KeyState) { k.Life.Violating = 2 }, false},
		{"rule", run, func(k *KeyState) { k.Rule.Violations = 4 }, false},
		{"values", run, func(k *KeyState) { k.Recent = nil }, false},
		{"an equal threshold", run, func(k *KeyState) { k.Threshold = &twin }, true},
		{"another threshold", run, func(k *KeyState) { k.Threshold = other }, false},
		{"no threshold any more", run, func(k *KeyState) { k.Threshold = nil }, false},
		{"open: another threshold", open, func(k *KeyState) { k.Threshold = other }, false},
		{"clear: another threshold", KeyState{Threshold: th}, func(k *KeyState) { k.Threshold = other }, true},
	} {
		k := test.from
		test.edit(&k)
		if got := k.same(test.from); got != test.want {
			t.Errorf("%s: the same is %v", test.name, got)
		}
		if got := test.from.same(k); got != test.want {
			t.Errorf("%s, the other way round: the same is %v", test.name, got)
		}
	}
	neither := run
	neither.Threshold = nil
	if !neither.same(neither) {
		t.Error("without a threshold it differs from itself")
	}
}

func TestKeyOrder(t *testing.T) {
	list := []Key{
		{"a", Scope{}}, {"a", Scope{Organization: "x"}}, {"a", Scope{Endpoint: "p"}}, {"a", Scope{"p", "x"}}, {"a", Scope{"p", "y"}},
		{"a", Scope{"q", "a"}}, {"b", Scope{}}, {"b", Scope{"a", "a"}},
	}
	for i, a := range list {
		for j, b := range list {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got := compareKeys(a, b); got != want {
				t.Errorf("%v and %v: %d, want %d", a, b, got, want)
			}
		}
	}
	keys := map[Key]KeyState{}
	for _, k := range list {
		keys[k] = KeyState{}
	}
	if diff := cmp.Diff(list, sortedKeys(keys)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// take applies records as the journal does.
func (b *alertBook) take(records []Record) []*AlertRecord {
	var list []*AlertRecord
	for _, r := range records {
		b.apply(r.Alert)
		list = append(list, r.Alert)
	}
	return list
}

// The book draws the conclusions of a step.
func TestBookJudges(t *testing.T) {
	b := newAlertBook(nil)
	service, endpoint := Key{Metric: "m"}, Key{"m", Scope{Endpoint: "GET /"}}
	other := Key{"n", Scope{Endpoint: "GET /"}}
	bad := func(k Key, s Severity, v float64) finding {
		return finding{
			key: k, severity: s, value: ValueOf(v), limit: ValueOf(5), unit: "%", cause: CauseThreshold, life: lifecycle.Rule{Violations: 1, Cooldown: time.Minute},
			message: MessageData{Metric: errorRateMetric, Value: "6 %", Scope: k.Scope}, evidence: map[string]any{"x": 1.0}, threshold: limits(ValueOf(5), Value{}, Greater),
		}
	}
	watched, heard := func(Key) bool { return true }, func(Key) time.Duration { return 0 }
	// The service's alert of the same step covers the endpoint's, not that of another metric.
	got := b.take(b.judge(at(time.Second), []finding{bad(endpoint, Warning, 6), bad(other, Warning, 6), bad(service, Critical, 7)}, watched, heard))
	if len(got) != 3 || got[0].Key != service || !got[0].Notify || got[1].Key != endpoint || got[1].Notify || !got[1].Alert.Quiet || !got[2].Notify {
		t.Fatalf("opened: %+v", got)
	}
	a := got[0].Alert
	if a.Severity != Critical || a.Value != ValueOf(7) || a.Threshold != ValueOf(5) || a.Unit != "%" || a.Cause != CauseThreshold || a.State != AlertOpen ||
		a.Message != "error_rate of service is 6 %, past the critical limit of 5 %" || a.Metadata.Map()["x"] != 1.0 || !got[0].State.CoolFrom.Equal(epoch.Add(time.Second)) {
		t.Errorf("the alert is %+v, the state %+v", a, got[0].State)
	}
	// Nothing new, nothing to record.
	if got := b.judge(at(2*time.Second), []finding{bad(service, Critical, 8), bad(endpoint, Warning, 6)}, watched, heard); len(got) != 0 {
		t.Errorf("the same again: %+v", got)
	}
	// A good value resolves. The words of the alert stay; the value is in its last change.
	good := bad(service, "", 1)
	good.limit, good.evidence = Value{}, nil
	got = b.take(b.judge(at(3*time.Second), []finding{good}, watched, heard))
	if len(got) != 1 || got[0].Change != ChangeResolved || got[0].Alert.Value != ValueOf(7) || got[0].Alert.Changes[len(got[0].Alert.Changes)-1].Value != ValueOf(1) || got[0].Alert.Message != a.Message || got[0].Alert.Threshold != ValueOf(5) || got[0].Alert.Metadata != a.Metadata {
		t.Fatalf("resolved: %+v", got[0].Alert)
	}
	// What nobody watches any more is over: its values and threshold are forgotten.
	got = b.take(b.judge(at(4*time.Second), nil, func(k Key) bool { return k != other }, heard))
	if len(got) != 1 || got[0].Key != other || got[0].Change != ChangeResolved {
		t.Fatalf("not watched: %+v", got)
	}
	last := got[0].Alert.Changes[len(got[0].Alert.Changes)-1]
	if s := got[0].State; !last.Value.IsAbsent() || !strings.Contains(last.Note, "nothing watches it") || s.Threshold != nil || s.Recent != nil || !s.Since.IsZero() || s.Life.Violating != 0 {
		t.Errorf("not watched: %+v, %+v, %+v", got[0].Alert, last, s)
	}
	// A service's alert that ends in a step covers nothing in it.
	if k, _ := b.key(endpoint); !k.Life.Covered {
		t.Fatal("the endpoint's alert is not covered")
	}
	got = b.take(b.judge(at(5*time.Second), []finding{bad(endpoint, Warning, 6)}, watched, heard))
	if len(got) != 1 || got[0].Change != ChangeAnnounced || !got[0].Notify {
		t.Errorf("no longer covered: %+v", got)
	}
	// Organizations are not covered.
	org := Key{"m", Scope{Organization: "acme"}}
	got = b.take(b.judge(at(2*time.Hour), []finding{bad(service, Critical, 7), bad(org, Warning, 6)}, watched, func(Key) time.Duration { return 2 * time.Hour }))
	if len(got) != 2 || !got[1].Notify {
		t.Errorf("an organization: %+v", got)
	}
	// A run that nobody watches any more ends without an alert.
	f := bad(Key{Metric: "r"}, Warning, 6)
	f.life.Violations = 2
	b.take(b.judge(at(2*time.Hour), []finding{f}, watched, func(Key) time.Duration { return 2 * time.Hour }))
	got = b.take(b.judge(at(2*time.Hour), nil, func(k Key) bool { return k.Metric != "r" }, func(Key) time.Duration { return 2 * time.Hour }))
	if len(got) != 1 || got[0].Alert != nil || got[0].State.Life != (lifecycle.State{}) {
		t.Errorf("the end of a run: %+v", got)
	}
}

// The words of an opening are kept where metadata cannot be written.
func TestBookDescribes(t *testing.T) {
	b := newAlertBook(nil)
	f := finding{severity: Warning, value: ValueOf(1), unit: "s", cause: CauseThreshold, evidence: map[string]any{"f": func() {}}, message: MessageData{Metric: errorRateMetric}}
	a := Alert{Metadata: Metadata{`{"old":1}`}}
	b.describe(&a, &f)
	if a.Metadata != (Metadata{`{"old":1}`}) || a.Value != ValueOf(1) || a.Unit != "s" || a.Message == "" {
		t.Errorf("%+v", a)
	}
	resolved := Alert{State: AlertResolved, Message: "old"}
	b.describe(&resolved, &f)
	if resolved.Message != "old" || !resolved.Value.IsAbsent() || resolved.Cause != "" {
		t.Errorf("%+v", resolved)
	}
}

// counts are n responses of which some failed, each of 10 ms.
func counts(n, failed uint64) *traffic.Counts {
	c := &traffic.Counts{Responses: n, Errors: failed}
	for range n {
		c.Times.Add(uint64(10 * time.Millisecond))
	}
	return c
}

// A step with enough requests speaks for itself; others are put together until they are
// enough, over at most five minutes.
func TestEvidence(t *testing.T) {
	const step = 10 * time.Second
	type row struct {
		at   time.Duration // that the step begins
		n    uint64
		ok   bool
		sum  uint64
		rate float64 // of errors, percent
		rps  float64
	}
	for _, test := range []struct {
		name string
		rows []row
	}{
		{"enough at once", []row{{0, 100, true, 100, 10, 10}, {step, 250, true, 250, 4, 25}}},
		{"two steps", []row{{0, 99, false, 0, 0, 0}, {step, 1, true, 100, 20, 5}, {2 * step, 50, false, 0, 0, 0}}},
		{"with a silent one", []row{{0, 60, false, 0, 0, 0}, {step, 0, false, 0, 0, 0}, {2 * step, 40, true, 100, 20, 100.0 / 30}}},
		{"a full one after one that is not", []row{{0, 50, false, 0, 0, 0}, {step, 150, true, 200, 10, 10}}},
		{"just within five minutes", []row{{0, 50, false, 0, 0, 0}, {290 * time.Second, 50, true, 100, 20, 100.0 / 300}}},
		{"too long ago", []row{{0, 50, false, 0, 0, 0}, {291 * time.Second, 50, false, 0, 0, 0}, {301 * time.Second, 50, true, 100, 20, 5}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var e evidence
			for _, r := range test.rows {
				d := counts(r.n, min(r.n, 10))
				f, n, ok := e.add(poolKey{Scope{}, 100}, d, deltaFigures(d, step), r.at, step)
				if ok != r.ok || n != r.sum {
					t.Fatalf("at %v: %d requests, %v; want %d, %v", r.at, n, ok, r.sum, r.ok)
				}
				want := r.rate
				if ok && r.sum != r.n {
					want = 100 * float64(10+min(r.n, 10)) / float64(r.sum)
				}
				if ok && !(math.Abs(f[errorRateFigure]-want) <= 1e-9 && math.Abs(f[throughputFigure]-r.rps) <= 1e-9) {
					t.Errorf("at %v: %v %% at %v per second, want %v %% at %v", r.at, f[errorRateFigure], f[throughputFigure], want, r.rps)
				}
				if len(e.pools) > 0 == ok {
					t.Errorf("at %v: %d are being put together, enough is %v", r.at, len(e.pools), ok)
				}
			}
		})
	}
	// The figures of a step with enough are taken as they are.
	var e evidence
	if f, _, ok := e.add(poolKey{Scope{}, 100}, counts(100, 0), requestFigures{42}, 0, step); !ok || f != (requestFigures{42}) {
		t.Errorf("a step with enough: %v, %v", f, ok)
	}
	// A step longer than five minutes still counts whole.
	for i, want := range []bool{false, false, true} {
		d := counts([]uint64{60, 60, 120}[i], 0)
		if _, _, ok := e.add(poolKey{Scope{}, 100}, d, requestFigures{}, time.Duration(i)*time.Hour, time.Hour); ok != want {
			t.Errorf("hour %d: %v, want %v", i, ok, want)
		}
	}
}

func TestEvidenceExpires(t *testing.T) {
	var e evidence
	e.add(poolKey{Scope{}, 100}, counts(1, 0), requestFigures{}, 0, time.Second)
	e.add(poolKey{Scope{Endpoint: "/"}, 100}, counts(1, 0), requestFigures{}, time.Second, time.Second)
	e.expire(5 * time.Minute)
	if len(e.pools) != 2 {
		t.Errorf("after five minutes %d are left", len(e.pools))
	}
	e.expire(5*time.Minute + 1)
	if _, ok := e.pools[poolKey{Scope{Endpoint: "/"}, 100}]; !ok || len(e.pools) != 1 {
		t.Errorf("after more, %d are left", len(e.pools))
	}
}

// What throughput was before is the median of the quarter of an hour before its fall.
func TestThroughputBefore(t *testing.T) {
	m, _ := resting(t)
	now := at(60 * time.Minute)
	before := func() Value { return m.throughputBefore(now, Key{Metric: ThroughputRPS}) }
	if got := before(); !got.IsAbsent() {
		t.Errorf("of nothing: %v", got)
	}
	for i := 1; i <= 60; i++ { // the value of a minute is its number
		m.remember(time.Duration(i)*time.Minute, ThroughputRPS, float64(i))
	}
	// Until now: 46 to 59, as the newest is not before now.
	if got := before(); got != ValueOf(53) {
		t.Errorf("before now: %v, want 53", got)
	}
	since := func(d time.Duration) { m.alerts.keys[Key{Metric: ThroughputRPS}] = KeyState{Since: epoch.Add(d)} }
	since(40 * time.Minute) // 25 to 39
	if got := before(); got != ValueOf(33) {
		t.Errorf("before the run: %v, want 33", got)
	}
	for _, test := range []struct {
		since time.Duration
		want  Value
	}{
		{6 * time.Minute, ValueOf(3)}, // five points: 1 to 5
		{5 * time.Minute, Value{}},    // four are too few
	} {
		since(test.since)
		if got := before(); got != test.want {
			t.Errorf("run since %v: %v, want %v", test.since, got, test.want)
		}
	}
	if got := m.throughputBefore(now, Key{ThroughputRPS, Scope{Endpoint: "nobody"}}); !got.IsAbsent() {
		t.Errorf("of an endpoint that is not known: %v", got)
	}
	// After a day a fall is how things are.
	since(40 * time.Minute)
	for d, want := range map[time.Duration]Value{24*time.Hour + 40*time.Minute: ValueOf(33), 24*time.Hour + 40*time.Minute + 1: {}} {
		if got := m.throughputBefore(at(d), Key{Metric: ThroughputRPS}); got != want {
			t.Errorf("at %v: %v, want %v", d, got, want)
		}
	}
}

// Points that are far apart still make five.
func TestThroughputBeforeOfLongIntervals(t *testing.T) {
	m, _ := resting(t, WithInterval(time.Hour), WithStep(time.Hour))
	for i := range 24 {
		v := float64(i)
		if i%2 == 1 {
			v = math.NaN()
		}
		m.remember(time.Duration(i)*time.Hour, ThroughputRPS, v)
	}
	// The last ten hours before now: 14, 16, 18, 20 and 22, at most.
	if got := m.throughputBefore(at(23*time.Hour+30*time.Minute), Key{Metric: ThroughputRPS}); got != ValueOf(18) {
		t.Errorf("%v, want 18", got)
	}
}

// Low throughput is judged over so much time that enough requests were to be expected.
func TestThroughputPools(t *testing.T) {
	key := Key{Metric: ThroughputRPS}
	th := &Threshold{Metric: ThroughputRPS, Scope: ScopeService, Comparison: Less, Warning: ValueOf(1), MinRequests: 60}
	setUp := func(before float64) (*Monitor, func(rps float64) observed) {
		m, _ := resting(t)
		for i := 1; i <= 20; i++ {
			m.remember(time.Duration(i)*time.Minute, ThroughputRPS, before)
		}
		i := 0
		return m, func(rps float64) observed {
			i++
			s := &scopeStep{requests: uint64(math.Round(rps * 10)), elapsed: 10 * time.Second}
			s.figures[throughputFigure] = rps
			o := observed{key: key}
			m.throughput(at(20*time.Minute+time.Duration(i)*10*time.Second), th, s, &o)
			return o
		}
	}
	t.Run("of two a second, three steps are enough", func(t *testing.T) {
		m, step := setUp(2)
		for i, want := range []Value{{}, {}, ValueOf(0.5), {}} {
			rps := []float64{0.9, 0.6, 0, 0}[i]
			if o := step(rps); o.value != want || o.before != ValueOf(2) || o.requests != uint64(math.Round(rps*10)) {
				t.Errorf("step %d: %v before %v, %d requests; want %v", i, o.value, o.before, o.requests, want)
			}
		}
		if o := step(1); o.value != ValueOf(1) || !o.before.IsAbsent() || len(m.loop.judging.slow) != 0 {
			t.Errorf("back: %+v, %d are being put together", o, len(m.loop.judging.slow))
		}
		if o := step(0); !o.value.IsAbsent() {
			t.Errorf("the steps before it was back count: %v", o.value)
		}
	})
	t.Run("of a hundred a second, one step is enough", func(t *testing.T) {
		m, step := setUp(100)
		if o := step(0); o.value != ValueOf(0) || len(m.loop.judging.slow) != 0 {
			t.Errorf("%v, %d are being put together", o.value, len(m.loop.judging.slow))
		}
	})
	t.Run("of six in ten seconds, exactly one", func(t *testing.T) {
		_, step := setUp(6)
		if o := step(0); o.value != ValueOf(0) {
			t.Errorf("%v", o.value)
		}
	})
	t.Run("low before", func(t *testing.T) {
		m, step := setUp(1)
		m.loop.judging.slow = map[Key]*slowPool{key: {requests: 100}}
		if o := step(0.5); o.value != ValueOf(0.5) || o.before != ValueOf(1) || len(m.loop.judging.slow) != 0 {
			t.Errorf("%+v, %d are being put together", o, len(m.loop.judging.slow))
		}
	})
	t.Run("five minutes are enough", func(t *testing.T) {
		_, step := setUp(1.5)
		th.MinRequests = 1000
		for i := 1; i <= 30; i++ {
			if o := step(0.1); o.value.IsAbsent() != (i < 30) {
				t.Errorf("step %d: %v", i, o.value)
			}
		}
	})
}

// How long a metric has had no value is known, from history too.
func TestPresence(t *testing.T) {
	m, _ := resting(t, WithMetric(Metric{Name: "lag"}), WithMetric(Metric{Name: "never"}))
	th := &Threshold{Metric: "lag", AbsentAfter: time.Minute}
	look := func(metric string, d time.Duration, values map[string]float64, requests uint64) time.Duration {
		o := observed{key: Key{Metric: metric}}
		th.Metric = metric
		m.notePresence(at(d), th, &scopeStep{requests: requests}, m.sampleOf(values), &o)
		return o.absentFor
	}
	m.remember(time.Minute, "lag", 7)
	m.remember(2*time.Minute, HeapMB, 7) // no value of lag
	for _, test := range []struct {
		name     string
		metric   string
		at       time.Duration
		value    bool
		requests uint64
		want     time.Duration
	}{
		{"seen in history", "lag", 3 * time.Minute, false, 0, 2 * time.Minute},
		{"and still absent", "lag", 5 * time.Minute, false, 0, 4 * time.Minute},
		{"requests are nothing to it", "lag", 5 * time.Minute, false, 9, 4 * time.Minute},
		{"there again", "lag", 6 * time.Minute, true, 0, 0},
		{"and gone", "lag", 7 * time.Minute, false, 0, time.Minute},
		{"never there", "never", 7 * time.Minute, false, 0, -1},
		{"a metric of requests, with some", ErrorRate, time.Minute, false, 1, 0},
		{"a metric of requests, without", ErrorRate, 3 * time.Minute, true, 0, 2 * time.Minute},
		{"the first metric of requests", ResponseTimeP50, time.Minute, false, 1, 0},
	} {
		values := map[string]float64{}
		if test.value {
			values[test.metric] = 1
		}
		if got := look(test.metric, test.at, values, test.requests); got != test.want {
			t.Errorf("%s: absent for %v, want %v", test.name, got, test.want)
		}
	}
	th.AbsentAfter = 0
	if got := look("lag", time.Hour, nil, 0); got != 0 {
		t.Errorf("where nobody asks: %v", got)
	}
	if _, ok := m.lastSeen(at(time.Hour), Key{ErrorRate, Scope{Endpoint: "nobody"}}); ok {
		t.Error("an endpoint that is not known was seen")
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
	}
	figures := func(rate, rps float64) (f requestFigures) {
		f[errorRateFigure], f[throughputFigure] = rate, rps
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
