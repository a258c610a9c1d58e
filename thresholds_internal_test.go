package perfmon

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func limits(warning, critical Value, c Comparison) *Threshold {
	return &Threshold{Metric: "m", Warning: warning, Critical: critical, Comparison: c}
}

// A value equal to a limit is good, except with Equal.
func TestThresholdSeverity(t *testing.T) {
	v, none := ValueOf, Value{}
	for _, test := range []struct {
		name string
		t    *Threshold
		want map[float64]Severity
	}{
		{"greater", limits(v(5), v(10), Greater), map[float64]Severity{4: "", 5: "", 5.1: Warning, 10: Warning, 10.1: Critical}},
		{"less", limits(v(10), v(5), Less), map[float64]Severity{11: "", 10: "", 9.9: Warning, 5: Warning, 4.9: Critical}},
		{"equal", limits(v(5), none, Equal), map[float64]Severity{4: "", 5: Warning, 6: ""}},
		{"equal to both", limits(v(5), v(5), Equal), map[float64]Severity{4: "", 5: Critical, 6: ""}},
		{"a warning alone", limits(v(5), none, Greater), map[float64]Severity{5: "", 6: Warning, 1e9: Warning}},
		{"a critical limit alone", limits(none, v(5), Less), map[float64]Severity{5: "", 4: Critical}},
		{"a limit of 0", limits(none, v(0), Greater), map[float64]Severity{-1: "", 0: "", 1: Critical}},
	} {
		for value, want := range test.want {
			if got := test.t.severity(value); got != want {
				t.Errorf("%s: %v is %q, want %q", test.name, value, got, want)
			}
		}
	}
}

func TestThresholdLimits(t *testing.T) {
	both, critical := limits(ValueOf(5), ValueOf(10), Greater), limits(Value{}, ValueOf(10), Greater)
	if both.limit(Warning) != ValueOf(5) || both.limit(Critical) != ValueOf(10) {
		t.Errorf("the limits are %v and %v", both.limit(Warning), both.limit(Critical))
	}
	if both.mildest() != 5 || critical.mildest() != 10 {
		t.Errorf("passed first are %v and %v", both.mildest(), critical.mildest())
	}
	for name, other := range map[string]*Threshold{
		"warning":    limits(ValueOf(6), ValueOf(10), Greater),
		"critical":   limits(ValueOf(5), ValueOf(11), Greater),
		"comparison": limits(ValueOf(5), ValueOf(10), Less),
	} {
		if both.judgesAlike(other) {
			t.Errorf("another %s finds the same", name)
		}
	}
	if same := limits(ValueOf(5), ValueOf(10), Greater); !both.judgesAlike(same) {
		t.Error("the same limits find something else")
	}
}

func TestThresholdEffective(t *testing.T) {
	s := &Settings{ConsecutiveViolations: 4, AlertCooldown: time.Hour}
	for _, test := range []struct {
		name     string
		t        Threshold
		settings *Settings
		want     Threshold
	}{
		{"takes all from the settings", Threshold{Metric: ErrorRate}, s,
			Threshold{Metric: ErrorRate, ConsecutiveViolations: 4, Cooldown: time.Hour, MinRequests: DefaultMinRequests}},
		{"has its own", Threshold{Metric: ErrorRate, ConsecutiveViolations: 1, Cooldown: 1, MinRequests: 1}, s,
			Threshold{Metric: ErrorRate, ConsecutiveViolations: 1, Cooldown: 1, MinRequests: 1}},
		{"no cooldown", Threshold{Metric: HeapMB, Cooldown: NoCooldown}, s, Threshold{Metric: HeapMB, ConsecutiveViolations: 4, Cooldown: NoCooldown}},
		{"no cooldown in the settings", Threshold{Metric: HeapMB}, &Settings{ConsecutiveViolations: 2},
			Threshold{Metric: HeapMB, ConsecutiveViolations: 2, Cooldown: NoCooldown}},
		{"the first metric of requests", Threshold{Metric: ResponseTimeP50}, s,
			Threshold{Metric: ResponseTimeP50, ConsecutiveViolations: 4, Cooldown: time.Hour, MinRequests: DefaultMinRequests}},
	} {
		if diff := cmp.Diff(test.want, test.t.effective(test.settings)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		life := test.t.life(test.settings)
		if life.Violations != test.want.ConsecutiveViolations || life.Cooldown != max(test.want.Cooldown, 0) {
			t.Errorf("%s: the alert's life is %+v", test.name, life)
		}
	}
}

// What a threshold may be, to the boundaries.
func TestThresholdComplete(t *testing.T) {
	c := newRegistry().catalog()
	five := ValueOf(5)
	service := Threshold{Metric: ErrorRate, Scope: ScopeService, Warning: five, Comparison: Greater}
	for _, test := range []struct {
		name  string
		edit  func(*Threshold)
		wrong string // field; "" is right
	}{
		{"as it is", func(*Threshold) {}, ""},
		{"unknown metric", func(t *Threshold) { t.Metric = "nope" }, "Metric"},
		{"the service has no name", func(t *Threshold) { t.AppliesTo = "x" }, "AppliesTo"},
		{"each endpoint", func(t *Threshold) { t.Scope, t.AppliesTo = ScopeEndpoint, "GET *" }, ""},
		{"each organization", func(t *Threshold) { t.Scope, t.AppliesTo = ScopeOrganization, "acme" }, ""},
		{"the first metric of requests for endpoints", func(t *Threshold) { t.Metric, t.Scope = ResponseTimeP50, ScopeEndpoint }, ""},
		{"the first that is none", func(t *Threshold) { t.Metric, t.Scope = RequestsInFlight, ScopeEndpoint }, "Scope"},
		{"unknown scope", func(t *Threshold) { t.Scope = "user" }, "Scope"},
		{"the longest pattern", func(t *Threshold) { t.Scope, t.AppliesTo = ScopeEndpoint, strings.Repeat("x", 256) }, ""},
		{"a longer one", func(t *Threshold) { t.Scope, t.AppliesTo = ScopeEndpoint, strings.Repeat("x", 257) }, "AppliesTo"},
		{"a pattern with a line feed", func(t *Threshold) { t.Scope, t.AppliesTo = ScopeEndpoint, "a\nb" }, "AppliesTo"},
		{"unknown comparison", func(t *Threshold) { t.Comparison = ">" }, "Comparison"},
		{"no limit", func(t *Threshold) { t.Warning = Value{} }, "Warning"},
		{"a critical limit alone", func(t *Threshold) { t.Warning, t.Critical = Value{}, five }, ""},
		{"greater, equal limits", func(t *Threshold) { t.Critical = five }, ""},
		{"greater, critical is milder", func(t *Threshold) { t.Critical = ValueOf(4.9) }, "Critical"},
		{"less, equal limits", func(t *Threshold) { t.Comparison, t.Critical = Less, five }, ""},
		{"less, critical is milder", func(t *Threshold) { t.Comparison, t.Critical = Less, ValueOf(5.1) }, "Critical"},
		{"less, critical is worse", func(t *Threshold) { t.Comparison, t.Critical = Less, ValueOf(1) }, ""},
		{"greater, critical is worse", func(t *Threshold) { t.Critical = ValueOf(9) }, ""},
		{"equal, twice the same", func(t *Threshold) { t.Comparison, t.Critical = Equal, five }, ""},
		{"equal, two values", func(t *Threshold) { t.Comparison, t.Critical = Equal, ValueOf(6) }, "Critical"},
		{"the longest run", func(t *Threshold) { t.ConsecutiveViolations = 1000 }, ""},
		{"a longer one still", func(t *Threshold) { t.ConsecutiveViolations = 1001 }, "ConsecutiveViolations"},
		{"a negative one", func(t *Threshold) { t.ConsecutiveViolations = -1 }, "ConsecutiveViolations"},
		{"the longest cooldown", func(t *Threshold) { t.Cooldown = 30 * 24 * time.Hour }, ""},
		{"a longer cooldown", func(t *Threshold) { t.Cooldown = 30*24*time.Hour + 1 }, "Cooldown"},
		{"no cooldown", func(t *Threshold) { t.Cooldown = NoCooldown }, ""},
		{"a negative cooldown", func(t *Threshold) { t.Cooldown = -2 }, "Cooldown"},
		{"the most requests", func(t *Threshold) { t.MinRequests = 1_000_000 }, ""},
		{"more requests", func(t *Threshold) { t.MinRequests = 1_000_001 }, "MinRequests"},
		{"fewer than no requests", func(t *Threshold) { t.MinRequests = -1 }, "MinRequests"},
		{"one request", func(t *Threshold) { t.MinRequests = 1 }, ""},
		{"requests of another metric", func(t *Threshold) { t.Metric, t.MinRequests = HeapMB, 1 }, "MinRequests"},
		{"another metric", func(t *Threshold) { t.Metric = HeapMB }, ""},
		{"the shortest absence", func(t *Threshold) { t.AbsentAfter = time.Second }, ""},
		{"a shorter one", func(t *Threshold) { t.AbsentAfter = time.Second - 1 }, "AbsentAfter"},
		{"the longest absence", func(t *Threshold) { t.AbsentAfter = 30 * 24 * time.Hour }, ""},
		{"a longer absence", func(t *Threshold) { t.AbsentAfter = 30*24*time.Hour + 1 }, "AbsentAfter"},
	} {
		t.Run(test.name, func(t *testing.T) {
			th := service
			test.edit(&th)
			got, err := th.complete(c)
			if test.wrong == "" {
				if diff := cmp.Diff(th, got); diff != "" || err != nil {
					t.Errorf("%v (-want +got):\n%s", err, diff)
				}
				return
			}
			var field *FieldError
			if !errors.As(err, &field) || field.Field != test.wrong {
				t.Errorf("the error is %v, want one about %s", err, test.wrong)
			}
		})
	}
	got, err := Threshold{Metric: CacheHitRate, Warning: five}.complete(c)
	if err != nil || got.Comparison != Less || got.Scope != ScopeService {
		t.Errorf("a metric that is worse when lower: %+v, %v", got, err)
	}
	got, err = Threshold{Metric: RequestsInFlight, Warning: five}.complete(c)
	if err != nil || got.Comparison != Greater {
		t.Errorf("a neutral metric: %+v, %v", got, err)
	}
}

func TestThresholdUpdate(t *testing.T) {
	warning, critical, comparison, run := ValueOf(1), Value{}, Less, 7
	cooldown, requests, absent, enabled := time.Minute, 8, time.Hour, false
	runbook := "https://wiki.example.com/slow"
	before := Threshold{Metric: "m", Warning: ValueOf(5), Critical: ValueOf(10), Comparison: Greater}
	for _, test := range []struct {
		name string
		u    ThresholdUpdate
		want Threshold
	}{
		{"nothing", ThresholdUpdate{}, before},
		{"everything", ThresholdUpdate{&warning, &critical, &comparison, &run, &cooldown, &requests, &absent, &enabled, &runbook}, Threshold{
			Metric: "m", Warning: warning, Comparison: Less, ConsecutiveViolations: 7, Cooldown: time.Minute, MinRequests: 8, AbsentAfter: time.Hour, Disabled: true, Runbook: runbook,
		}},
	} {
		if diff := cmp.Diff(test.want, test.u.Apply(before)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	off := before
	off.Disabled = true
	enabled = true
	if got := (ThresholdUpdate{Enabled: &enabled}).Apply(off); got.Disabled {
		t.Error("it is not switched on")
	}
}

func TestThresholdRecords(t *testing.T) {
	var s thresholdSet
	if got := s.all(); got != nil {
		t.Errorf("an empty set has %v", got)
	}
	of := func(metric string, warning float64) Threshold {
		return Threshold{Metric: metric, Scope: ScopeService, Warning: ValueOf(warning)}
	}
	a, b, c := of("a", 1), of("b", 2), of("c", 3)
	for _, th := range []Threshold{a, b, c} {
		s.apply(&ThresholdRecord{Threshold: th})
	}
	held := s.all()
	b2 := of("b", 4)
	s.apply(&ThresholdRecord{Threshold: b2})
	s.apply(&ThresholdRecord{Threshold: of("x", 0), Removed: true})
	if diff := cmp.Diff([]Threshold{a, b2, c}, s.all()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s.apply(&ThresholdRecord{Threshold: a, Removed: true})
	if diff := cmp.Diff([]Threshold{b2, c}, s.all()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Threshold{a, b, c}, held); diff != "" {
		t.Errorf("what was handed out changed (-want +got):\n%s", diff)
	}
	if got, ok := s.get(ThresholdID{Metric: "c"}); !ok || got != c {
		t.Errorf("got %v, %v", got, ok)
	}
	if _, ok := s.get(ThresholdID{Metric: "a"}); ok {
		t.Error("what was removed is there")
	}
}

func TestThresholdNames(t *testing.T) {
	for want, id := range map[string]ThresholdID{
		"m for the service":                    {Metric: "m"},
		"m for each endpoint":                  {Metric: "m", Scope: ScopeEndpoint},
		"m for each endpoint that matches a *": {"m", ScopeEndpoint, "a *"},
	} {
		if got := id.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Of the thresholds that match, the most specific one counts, also when it is disabled.
func TestWatching(t *testing.T) {
	of := func(metric string, scope ScopeKind, pattern string, disabled bool) Threshold {
		return Threshold{Metric: metric, Scope: scope, AppliesTo: pattern, Disabled: disabled}
	}
	list := []Threshold{
		of("a", ScopeService, "", false),
		of("a", ScopeEndpoint, "GET /x*", false),
		of("a", ScopeEndpoint, "", false),
		of("a", ScopeEndpoint, "GET /x/off", true),
		of("a", ScopeEndpoint, "GET /xy*", false),
		of("a", ScopeEndpoint, "GET /?y*", false), // as long as the one before, and no match
		of("a", ScopeEndpoint, "* /xyz", false),
		of("b", ScopeService, "", true),
		of("c", ScopeOrganization, "acme", false),
		of("c", ScopeOrganization, "*", false),
	}
	for _, test := range []struct {
		key  Key
		want int // in the list; -1: none
	}{
		{Key{Metric: "a"}, 0},
		{Key{Metric: "b"}, -1},
		{Key{Metric: "none"}, -1},
		{Key{"a", Scope{Endpoint: "POST /"}}, 2},
		{Key{"a", Scope{Endpoint: "GET /x"}}, 1},
		{Key{"a", Scope{Endpoint: "GET /x/off"}}, -1},
		{Key{"a", Scope{Endpoint: "GET /xyz"}}, 4},
		{Key{"a", Scope{Endpoint: "PUT /xyz"}}, 6},
		{Key{"a", Scope{Organization: "acme"}}, -1},
		{Key{"c", Scope{Organization: "acme"}}, 8},
		{Key{"c", Scope{Organization: "globex"}}, 9},
		{Key{"b", Scope{Endpoint: "GET /"}}, -1},
	} {
		var want *Threshold
		if test.want >= 0 {
			want = &list[test.want]
		}
		if got := watching(list, test.key); got != want {
			t.Errorf("%v is watched by %+v, want %+v", test.key, got, want)
		}
	}
	// Of two that are equally specific the first one counts.
	two := []Threshold{of("a", ScopeEndpoint, "GET *", false), of("a", ScopeEndpoint, "* /ab", false)}
	if got := watching(two, Key{"a", Scope{Endpoint: "GET /ab"}}); got != &two[0] {
		t.Errorf("of equals, %+v counts", got)
	}
}

func TestThresholdJSONBothWays(t *testing.T) {
	for text, want := range map[string]Threshold{
		`{"metric_name":"m","scope":"service","warning_threshold":1,"critical_threshold":null,"comparison":"less","enabled":true}`: {
			Metric: "m", Scope: ScopeService, Warning: ValueOf(1), Comparison: Less,
		},
		`{"metric_name":"m","scope":"endpoint","applies_to":"GET *","warning_threshold":null,"critical_threshold":0,"comparison":"greater",` +
			`"consecutive_violations":2,"cooldown_minutes":1.5,"min_requests":3,"absent_after_seconds":2.5,"enabled":false}`: {
			Metric: "m", Scope: ScopeEndpoint, AppliesTo: "GET *", Critical: ValueOf(0), Comparison: Greater,
			ConsecutiveViolations: 2, Cooldown: 90 * time.Second, MinRequests: 3, AbsentAfter: 2500 * time.Millisecond, Disabled: true,
		},
		`{"metric_name":"m","scope":"","warning_threshold":1,"critical_threshold":null,"comparison":"","cooldown_minutes":0,"enabled":true}`: {
			Metric: "m", Warning: ValueOf(1), Cooldown: NoCooldown,
		},
	} {
		data, err := json.Marshal(want)
		if err != nil || string(data) != text {
			t.Errorf("%v\n%s, want\n%s", err, data, text)
		}
		var got Threshold
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	var got Threshold
	if data, err := json.Marshal(Threshold{Cooldown: 1}); err != nil || json.Unmarshal(data, &got) != nil || got.Cooldown != 1 {
		t.Errorf("a cooldown of 1 ns becomes %v, %v", got.Cooldown, err)
	}
	if err := json.Unmarshal([]byte(`{"metric_name":"m"}`), &got); err != nil || got.Disabled {
		t.Errorf("what does not say so is disabled: %v", err)
	}
	if err := json.Unmarshal([]byte(`{"metric_name":"m","cooldown_minutes":-0.00000001}`), &got); err != nil || got.Cooldown != NoCooldown {
		t.Errorf("a negative cooldown is %v, %v", got.Cooldown, err)
	}
	if err := json.Unmarshal([]byte(`{"metric_name":7}`), &got); err == nil {
		t.Error("a name that is a number is accepted")
	}
}

// The limits of the defaults are promised.
func TestThresholdDefaults(t *testing.T) {
	type row struct {
		Warning, Critical float64
		Comparison        Comparison
	}
	want := map[string]row{
		ResponseTimeP95: {2, 5, Greater}, DatabaseQueryTimeAvg: {0.5, 2, Greater}, MemoryUsagePercent: {80, 90, Greater},
		CPUUsagePercent: {80, 95, Greater}, ErrorRate: {5, 10, Greater}, CacheHitRate: {70, 50, Less},
		DatabasePoolUsage: {80, 95, Greater}, ThroughputRPS: {10, 5, Less},
	}
	got := map[string]row{}
	for _, th := range DefaultThresholds() {
		got[th.Metric] = row{th.Warning.Float(), th.Critical.Float(), th.Comparison}
		if th.Scope != ScopeService {
			t.Errorf("%s is of %q", th.Metric, th.Scope)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
