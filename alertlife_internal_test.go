package perfmon

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/backend-prs/perfmon/internal/lifecycle"
)

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
	// Where one violation is enough, one value is.
	for _, violations := range []int{0, 1} {
		one := finding{severity: Warning, value: ValueOf(6), cause: CauseThreshold, life: lifecycle.Rule{Violations: violations}, threshold: th}
		k, _ := KeyState{}.observe(at(0), &one, false)
		one.severity, one.value = Critical, ValueOf(11)
		k, _ = k.observe(at(time.Second), &one, false)
		if violations == 1 && !cmp.Equal(k.Recent, list(11)) || len(k.Recent) != 1 {
			t.Errorf("a rule of %d violations keeps %v", violations, k.Recent)
		}
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
	if got := (KeyState{}).values(th, 6).values(higher, 9).Life.Violating; got != 1 {
		t.Errorf("after one value, with a higher limit %d count, want 1", got)
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
