package perfmon_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/internal/golden"
)

// told drains the events that came so far, as "change severity metric scope".
func (b *bench) told() []string {
	b.t.Helper()
	list := []string{}
	// Events go through a goroutine of their own: a last one marks the end of them.
	if _, err := b.Alerts().Raise(perfmon.HostAlert{Metric: "end_of_events", Severity: perfmon.Warning, Message: "-", Scope: perfmon.Scope{Endpoint: fmt.Sprint(time.Now().UnixNano())}}); err != nil {
		b.t.Fatal(err)
	}
	for {
		e := b.event()
		if e.Alert.Metric == "end_of_events" {
			if _, err := b.Alerts().Resolve(e.Alert.ID, "test"); err != nil {
				b.t.Fatal(err)
			}
			b.event()
			return list
		}
		list = append(list, fmt.Sprint(e.Change, " ", e.Alert.Severity, " ", e.Alert.Metric, " of ", e.Alert.Scope))
	}
}

// With the defaults, a lasting violation is an alert in less than 60 s, and the sample
// that shows it is less than 10 s old until the next one comes.
func TestAlertWithinAMinute(t *testing.T) {
	b := start(t)
	for range 5 {
		b.errors(0)
	}
	began := b.clock.Now() // the violation begins
	for range 2 {
		s := b.errors(20)
		if lag := b.clock.Now().Sub(s.Time); lag >= 10*time.Second {
			t.Errorf("the sample is %v old when it is published", lag)
		}
		if got := b.active(); len(got) != 0 {
			t.Fatalf("an alert after %v", b.clock.Now().Sub(began))
		}
	}
	b.errors(20)
	active := b.active()
	if len(active) != 1 {
		t.Fatalf("%d alerts after three violations", len(active))
	}
	a := active[0]
	if took := a.OpenedAt.Sub(began); took <= 0 || took >= time.Minute {
		t.Errorf("it took %v", took)
	}
	if a.Severity != perfmon.Critical || a.Metric != perfmon.ErrorRate || a.Value != perfmon.ValueOf(20) || a.Threshold != perfmon.ValueOf(10) || a.State != perfmon.AlertOpen {
		t.Errorf("the alert is %+v", a)
	}
	e := b.event()
	if diff := cmp.Diff(a, e.Alert); diff != "" || e.Change != perfmon.ChangeOpened || e.By != perfmon.ByMonitor {
		t.Errorf("the event is %v by %s, its alert differs by\n%s", e.Change, e.By, diff)
	}
}

// Whenever one looks, the sample served is less than 10 s old.
func TestLiveSampleIsFresh(t *testing.T) {
	b := start(t)
	b.step()
	for second := 1; second <= 60; second++ {
		b.clock.Add(time.Second)
		if second%10 == 0 {
			<-b.samples // the step that is due now
		}
		s, ok := b.Current()
		if age := b.clock.Now().Sub(s.Time); !ok || age >= 10*time.Second {
			t.Errorf("after %d s the sample is %v old", second, age)
		}
	}
}

func TestLifeOfAnAlert(t *testing.T) {
	b := start(t)
	for range 3 {
		b.errors(7)
	}
	opened := b.event()
	for range 3 {
		b.errors(30)
	}
	escalated := b.event()
	for range 2 {
		b.errors(0)
	}
	if got := b.active(); len(got) != 1 {
		t.Error("it is over after two good steps")
	}
	b.errors(1)
	resolved := b.event()
	for range 3 {
		b.errors(7) // within the cooldown: reopened, and nobody is told
	}
	got := b.active()
	if len(got) != 1 || got[0].Reopened != 1 || got[0].Severity != perfmon.Warning || !got[0].Quiet {
		t.Errorf("reopened: %+v", got)
	}
	ids := []string{opened.Alert.ID, escalated.Alert.ID, resolved.Alert.ID, got[0].ID}
	if len(slices.Compact(ids)) != 1 {
		t.Errorf("one alert has the IDs %v", ids)
	}
	var changes []string
	for _, c := range got[0].Changes {
		changes = append(changes, fmt.Sprint(c.Change, " ", c.Severity, " ", c.By))
	}
	want := []string{"opened warning monitor", "escalated critical monitor", "resolved critical monitor", "reopened warning monitor"}
	if diff := cmp.Diff(want, changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if s := resolved.String(); s != "critical resolved after 1m0s: error_rate of service is 1 %" {
		t.Errorf("resolved says %q", s)
	}
	// Still bad when the cooldown ends: told of again, as opened.
	for range 90 {
		b.errors(7)
	}
	if e := b.event(); e.Change != perfmon.ChangeOpened || e.Alert.ID != ids[0] || e.At.Sub(opened.At) != 15*time.Minute {
		t.Errorf("after the cooldown came %v of %s, %v after the opening", e.Change, e.Alert.ID, e.At.Sub(opened.At))
	}
	for range 3 {
		b.errors(0)
	}
	b.event() // resolved
	for range 90 {
		b.errors(0)
	}
	for range 3 {
		b.errors(7)
	}
	e := b.event()
	if e.Alert.ID <= ids[0] || e.Alert.Reopened != 0 {
		t.Errorf("after the cooldown the alert is %s, which does not sort after %s", e.Alert.ID, ids[0])
	}
}

// An idle service pages nobody.
func TestThroughputNeedsTraffic(t *testing.T) {
	b := start(t)
	for range 20 {
		b.step()
	}
	if got := b.told(); len(got) != 0 {
		t.Errorf("an idle service raised %v", got)
	}
	for range 10 * 6 {
		for range 200 { // 20 rps: above the warning of 10
			b.request(time.Millisecond, 200)
		}
		b.step()
	}
	for range 3 {
		b.step()
	}
	if diff := cmp.Diff([]string{"opened critical throughput_rps of service"}, b.told()); diff != "" {
		t.Errorf("a service whose traffic went away (-want +got):\n%s", diff)
	}
}

// Each endpoint and organization has a run of its own.
func TestScopes(t *testing.T) {
	b := start(t, perfmon.WithoutDefaultThresholds(),
		perfmon.WithThreshold(perfmon.Threshold{Metric: perfmon.ErrorRate, Scope: perfmon.ScopeEndpoint, Warning: perfmon.ValueOf(50), Critical: perfmon.ValueOf(90), MinRequests: 1}),
		perfmon.WithThreshold(perfmon.Threshold{Metric: perfmon.ResponseTimeP95, Scope: perfmon.ScopeOrganization, Warning: perfmon.ValueOf(1), Critical: perfmon.ValueOf(2), MinRequests: 1}),
	)
	send := func(pattern, org string, d time.Duration, status int) {
		b.rec.Record(d, &perfmon.Response{Method: "GET", Pattern: pattern, Status: status, Organization: org})
	}
	for i := range 4 {
		send("/a", "acme", time.Millisecond, 500)
		if i%2 == 0 { // /b has no requests in every second step: its run goes on
			send("/b", "globex", 3*time.Second, 500)
		}
		send("/c", "initech", 3*time.Millisecond, 200)
		b.step()
	}
	want := []string{"opened critical error_rate of GET /a"}
	if diff := cmp.Diff(want, b.told()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	send("/b", "globex", 3*time.Second, 500)
	b.step()
	want = []string{"opened critical error_rate of GET /b", "opened critical response_time_p95 of organization globex"}
	got := b.told()
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestActsByHand(t *testing.T) {
	b := start(t)
	for range 3 {
		b.errors(7)
	}
	id := b.event().Alert.ID
	check := func(what string, want perfmon.AlertState, a perfmon.Alert, err error) {
		t.Helper()
		if err != nil || a.State != want {
			t.Errorf("%s: state %v, error %v, want %v", what, a.State, err, want)
		}
	}
	a, err := b.Alerts().Acknowledge(id, "ann")
	check("acknowledge", perfmon.AlertAcknowledged, a, err)
	a, err = b.Alerts().Acknowledge(id, "bob")
	check("acknowledge again", perfmon.AlertAcknowledged, a, err)
	if last := a.Changes[len(a.Changes)-1]; last.By != "ann" {
		t.Errorf("acknowledged by %s", last.By)
	}
	a, err = b.Alerts().Escalate(id, "ann")
	check("escalate", perfmon.AlertAcknowledged, a, err)
	if a.Severity != perfmon.Critical || a.Threshold != perfmon.ValueOf(5) || !strings.HasSuffix(a.Message, "is 7 %, past the warning limit of 5 %; worst: GET / (7 %); escalated by hand") {
		t.Errorf("escalated to %v with the limit %v: %s", a.Severity, a.Threshold, a.Message)
	}
	a, err = b.Alerts().Dismiss(id, "ann")
	check("dismiss", perfmon.AlertDismissed, a, err)
	for _, act := range []func(string, string) (perfmon.Alert, error){b.Alerts().Acknowledge, b.Alerts().Dismiss, b.Alerts().Escalate} {
		if a, err := act(id, "bob"); !errors.Is(err, perfmon.ErrNotActive) || a.ID != id {
			t.Errorf("acting on a dismissed alert: %v", err)
		}
		if _, err := act("nothing", "bob"); !errors.Is(err, perfmon.ErrNotFound) {
			t.Errorf("acting on no alert: %v", err)
		}
	}
	for range 10 {
		b.errors(50)
	}
	want := []string{"acknowledged warning error_rate of service", "escalated critical error_rate of service", "dismissed critical error_rate of service"}
	if diff := cmp.Diff(want, b.told()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := b.active(); len(got) != 0 {
		t.Errorf("dismissed and yet active: %+v", got)
	}
}

func TestThresholdsChangeAtRunTime(t *testing.T) {
	b := start(t)
	for range 3 {
		b.errors(7)
	}
	b.event()
	// A change that is not valid changes nothing.
	twenty, one, none, minus := perfmon.ValueOf(20), perfmon.ValueOf(1), perfmon.Value{}, -1
	greater := perfmon.Comparison("bigger")
	before := b.Thresholds().All()
	for _, u := range []perfmon.ThresholdUpdate{
		{Warning: &twenty}, {Warning: &none, Critical: &none}, {Warning: &one, ConsecutiveViolations: &minus}, {Comparison: &greater},
	} {
		var field *perfmon.FieldError
		if _, err := b.Thresholds().Update(perfmon.ThresholdID{Metric: perfmon.ErrorRate, Scope: ""}, u, "test"); !errors.As(err, &field) {
			t.Errorf("%+v is met with %v", u, err)
		}
	}
	if diff := cmp.Diff(before, b.Thresholds().All()); diff != "" {
		t.Errorf("a refused change left something behind (-want +got):\n%s", diff)
	}
	if _, err := b.Thresholds().Update(perfmon.ThresholdID{Metric: "error_rate", Scope: perfmon.ScopeEndpoint}, perfmon.ThresholdUpdate{}, "test"); !errors.Is(err, perfmon.ErrNotFound) {
		t.Errorf("a threshold that is not there: %v", err)
	}
	// Switched off, its alert is over.
	no := false
	got, err := b.Thresholds().Update(perfmon.ThresholdID{Metric: perfmon.ErrorRate, Scope: ""}, perfmon.ThresholdUpdate{Enabled: &no, Critical: &twenty}, "test")
	if err != nil || !got.Disabled || got.Critical != twenty || got.Warning != perfmon.ValueOf(5) || got.ConsecutiveViolations != 0 {
		t.Errorf("the threshold is %+v, %v", got, err)
	}
	for range 5 {
		b.errors(50)
	}
	if diff := cmp.Diff([]string{"resolved warning error_rate of service"}, b.told()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := b.Thresholds().Remove(perfmon.ThresholdID{Metric: perfmon.ErrorRate, Scope: ""}, "test"); err != nil {
		t.Error(err)
	}
	if err := b.Thresholds().Remove(perfmon.ThresholdID{Metric: perfmon.ErrorRate, Scope: ""}, "test"); !errors.Is(err, perfmon.ErrNotFound) {
		t.Errorf("removing it twice: %v", err)
	}
}

// A changed limit keeps what of the run it would have counted itself; setting what is
// set changes nothing.
func TestRunFollowsTheRule(t *testing.T) {
	limit := func(b *bench, v float64) {
		b.t.Helper()
		warning := perfmon.ValueOf(v)
		if _, err := b.Thresholds().Update(perfmon.ThresholdID{Metric: perfmon.ErrorRate}, perfmon.ThresholdUpdate{Warning: &warning}, "test"); err != nil {
			b.t.Fatal(err)
		}
	}
	for _, test := range []struct {
		name   string
		values []int
		limit  float64
		opens  int // after so many more violations
	}{
		{"the same value", []int{7, 7}, 5, 1},
		{"a limit that both passed", []int{7, 7}, 6, 1},
		{"a limit that only the second passed", []int{6, 9}, 8, 2},
		{"a limit that neither passed", []int{6, 6}, 8, 3},
		{"a limit that only the first passed", []int{9, 6}, 8, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := start(t)
			for _, v := range test.values {
				b.errors(v)
			}
			limit(b, test.limit)
			for i := 1; i <= test.opens; i++ {
				if got := b.active(); len(got) != 0 {
					t.Fatalf("open after %d more violations", i-1)
				}
				b.errors(9)
			}
			if got := b.active(); len(got) != 1 {
				t.Errorf("not open after %d more violations", test.opens)
			}
		})
	}
}

func TestAlertsOfTheHost(t *testing.T) {
	b := start(t)
	meta := map[string]any{"region": "eu", "shards": []any{1.0, 2.0}}
	h := perfmon.HostAlert{
		Metric: "backup_age", Severity: perfmon.Warning, Message: "no backup since yesterday", Value: perfmon.ValueOf(26),
		Scope: perfmon.Scope{Endpoint: "POST /backup", Organization: "acme"}, UserID: "ann", Metadata: meta,
	}
	a, err := b.Alerts().Raise(h)
	if err != nil {
		t.Fatal(err)
	}
	meta["region"] = "changed behind its back"
	a, err = b.Alerts().Get(a.ID)
	if err != nil || a.Metadata.Map()["region"] != "eu" || a.UserID != "ann" || a.Value != perfmon.ValueOf(26) || a.Scope != h.Scope {
		t.Errorf("%v %+v", err, a)
	}
	same, err := b.Alerts().Raise(h)
	if err != nil || same.ID != a.ID {
		t.Errorf("raised again it is %s, %v", same.ID, err)
	}
	h.Severity = perfmon.Critical
	if worse, err := b.Alerts().Raise(h); err != nil || worse.ID != a.ID || worse.Severity != perfmon.Critical {
		t.Errorf("raised higher it is %+v, %v", worse, err)
	}
	for range 10 {
		b.step() // no threshold watches it, so it stays
	}
	if _, err := b.Alerts().Resolve(a.ID, "ann"); err != nil {
		t.Error(err)
	}
	want := []string{
		"opened warning backup_age of POST /backup of acme",
		"escalated critical backup_age of POST /backup of acme",
		"resolved critical backup_age of POST /backup of acme",
	}
	if diff := cmp.Diff(want, b.told()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBadAlertsOfTheHost(t *testing.T) {
	m, err := perfmon.New()
	if err != nil {
		t.Fatal(err)
	}
	good := perfmon.HostAlert{Metric: "x", Severity: perfmon.Warning, Message: "m"}
	for want, change := range map[string]func(*perfmon.HostAlert){
		"Metric":       func(h *perfmon.HostAlert) { h.Metric = "No Good" },
		"Severity":     func(h *perfmon.HostAlert) { h.Severity = "fatal" },
		"Message":      func(h *perfmon.HostAlert) { h.Message = "" },
		"1000 bytes":   func(h *perfmon.HostAlert) { h.Message = strings.Repeat("x", 1001) },
		"Endpoint":     func(h *perfmon.HostAlert) { h.Scope.Endpoint = strings.Repeat("x", 300) },
		"Organization": func(h *perfmon.HostAlert) { h.Scope.Organization = strings.Repeat("x", 300) },
		"parenthesis":  func(h *perfmon.HostAlert) { h.Scope.Organization = "(other)" },
		"UserID":       func(h *perfmon.HostAlert) { h.UserID = strings.Repeat("x", 300) },
		"Metadata":     func(h *perfmon.HostAlert) { h.Metadata = map[string]any{"f": func() {}} },
		"16384 bytes":  func(h *perfmon.HostAlert) { h.Metadata = map[string]any{"s": strings.Repeat("x", 20<<10)} },
	} {
		h := good
		change(&h)
		if _, err := m.Alerts().Raise(h); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if alerts, _ := m.Alerts().List(perfmon.AlertQuery{}); len(alerts) != 0 {
		t.Errorf("refused alerts left %d behind", len(alerts))
	}
}

func TestMessageOfTheHost(t *testing.T) {
	b := start(t, perfmon.WithAlertMessage("{{.Severity}} in {{.Scope.Kind}} after {{.Consecutive}}: see the runbook"))
	for range 3 {
		b.errors(50)
	}
	if got, want := b.event().Alert.Message, "critical in service after 3: see the runbook"; got != want {
		t.Errorf("message %q, want %q", got, want)
	}
}

// A function of the host words alerts; where it fails, the alert has a text all the same,
// and it holds up nothing.
func TestMessageFunctionOfTheHost(t *testing.T) {
	plain := "error_rate of service is past its critical limit"
	hang := make(chan struct{})
	for name, test := range map[string]struct {
		words func(perfmon.MessageData) string
		want  string
	}{
		"words": {func(d perfmon.MessageData) string { return string(d.Severity) + " at " + d.Value + "\n" }, "critical at 50 % "},
		"none":  {func(perfmon.MessageData) string { return "" }, plain},
		"panic": {func(perfmon.MessageData) string { panic("no words") }, plain},
		"exit":  {func(perfmon.MessageData) string { runtime.Goexit(); return "x" }, plain},
		"hang":  {func(perfmon.MessageData) string { <-hang; return "x" }, plain},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, perfmon.WithAlertMessageFunc(test.words))
			for range 3 {
				b.errors(50)
			}
			if got := b.event().Alert.Message; got != test.want {
				t.Errorf("message %q, want %q", got, test.want)
			}
		})
	}
	close(hang)
}

// The newest 10,000 are kept, and every one that is open.
func TestAlertHistoryIsBounded(t *testing.T) {
	b := start(t, perfmon.WithAlertCooldown(0))
	raise := func(metric string) string {
		t.Helper()
		a, err := b.Alerts().Raise(perfmon.HostAlert{Metric: metric, Severity: perfmon.Warning, Message: "m"})
		if err != nil {
			t.Fatal(err)
		}
		return a.ID
	}
	open := raise("stays_open")
	var ids []string
	for range 10_500 {
		id := raise("comes_and_goes")
		ids = append(ids, id)
		if _, err := b.Alerts().Resolve(id, "test"); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.IsSorted(ids) {
		t.Error("IDs made one after the other do not sort that way")
	}
	all, _ := b.Alerts().List(perfmon.AlertQuery{})
	if len(all) != 10_000 || all[len(all)-1].ID != open || all[0].ID != ids[len(ids)-1] {
		t.Errorf("%d alerts, from %s to %s", len(all), all[0].ID, all[len(all)-1].ID)
	}
	if d := b.Diagnostics().Alerts; d.Dropped != 501 || d.Active != 1 {
		t.Errorf("counted %+v", d)
	}
	// Pages follow each other without gap or overlap.
	var paged []string
	q := perfmon.AlertQuery{Limit: 777}
	for more := true; more; {
		var page []perfmon.Alert
		page, more = b.Alerts().List(q)
		for _, a := range page {
			paged = append(paged, a.ID)
		}
		q.Before = page[len(page)-1].ID
	}
	if len(paged) != 10_000 || len(slices.Compact(paged)) != 10_000 {
		t.Errorf("pages hold %d alerts", len(paged))
	}
}

func TestAlertJSON(t *testing.T) {
	b := start(t)
	for range 3 {
		b.errors(7)
	}
	a := b.event().Alert
	a.ID = "01KNCV2NHTPR1QGF3G2QSXS4Q1" // it is random
	data, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	golden.JSON(t, "alert.json", data)
}
