package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
)

// An organization admin silences its own organization and no other, and hears of no other's
// silences.
func TestSilencesOfOrganizations(t *testing.T) {
	s, ids := tenants(t)
	add := func(as, body string, want int) string {
		t.Helper()
		a := s.do(as, "POST", "silences/", body)
		if a.status != want {
			t.Errorf("%s adds %s: %d %s, want %d", as, body, a.status, a.raw, want)
		}
		if want != 201 {
			return ""
		}
		return a.body["silence"].(map[string]any)["silence_id"].(string)
	}
	all := add("root", `{"reason":"all of it","minutes":60}`, 201)
	globex := add("root", `{"reason":"globex moves","organization_id":"globex","minutes":600}`, 201)
	own := add("acme", `{"reason":"we move","metric_name":"own","minutes":120}`, 201)
	add("acme", `{"reason":"we move","organization_id":"acme","minutes":1}`, 201)
	add("acme", `{"reason":"them","organization_id":"globex","minutes":1}`, 404)
	add("acme", `{"reason":"them","organization_id":"*","minutes":1}`, 404)
	add("(other)", `{"reason":"them","minutes":1}`, 403)
	add("root", `{"reason":"x"}`, 400)
	add("root", `{"reason":"x","minutes":1,"until":"2026-03-02T12:00:00Z"}`, 400)
	add("root", `{"reason":"x","minutes":0}`, 400)
	add("root", `{"reason":"x","until":"yesterday"}`, 400)
	add("root", `{"reason":"x","until":"2026-02-02T12:00:00Z"}`, 400)
	add("root", `{"minutes":1}`, 400)
	add("root", `{"reason":"x","minutes":1,"scope":"galaxy"}`, 400)

	for as, want := range map[string]int{"root": 4, "acme": 2, "globex": 1, "(other)": 0} {
		a := s.do(as, "GET", "silences/", "")
		if got := len(a.list("silences")); got != want {
			t.Errorf("%s sees %d silences, want %d", as, got, want)
		}
		if as != "root" && strings.Contains(a.raw, `"root"`) {
			t.Errorf("%s is told of root: %s", as, a.raw)
		}
	}
	// The alert says until when, and whoever sees the silence which one.
	for _, test := range []struct{ as, alert, want string }{
		{"root", ids["service"], fmt.Sprintf(`"silenced":{"silence_id":%q,`, all)},
		{"acme", ids["service"], `"silenced":{"until":`},
		{"acme", ids["acme"], fmt.Sprintf(`"silenced":{"silence_id":%q,`, own)},
		{"globex", ids["globex"], fmt.Sprintf(`"silenced":{"silence_id":%q,`, globex)},
	} {
		if a := s.do(test.as, "GET", "alerts/"+test.alert+"/", ""); !strings.Contains(a.raw, test.want) {
			t.Errorf("%s is told of %s: %s, want %s", test.as, test.alert, a.raw, test.want)
		}
		if a := s.do(test.as, "GET", "alerts/", ""); !strings.Contains(a.raw, fmt.Sprintf(`%q:{"`, test.alert)) {
			t.Errorf("the list of %s does not say that %s is silenced: %.300s", test.as, test.alert, a.raw)
		}
		own := fmt.Sprintf("%q:{%s", test.alert, strings.TrimPrefix(test.want, `"silenced":{`))
		if a := s.do(test.as, "GET", "dashboard/?alerts=true", ""); !strings.Contains(a.raw, own) {
			t.Errorf("the dashboard of %s does not say %s: %s", test.as, own, a.raw[strings.LastIndex(a.raw, `"silenced"`)+1:])
		}
	}
	for as, want := range map[string]int{"globex": 404, "(other)": 404, "acme": 200} {
		if a := s.do(as, "DELETE", "silences/"+own+"/", ""); a.status != want {
			t.Errorf("%s ends a silence of acme: %d %s, want %d", as, a.status, a.raw, want)
		}
	}
	same := strings.ReplaceAll(s.do("acme", "DELETE", "silences/"+globex+"/", "").raw, globex, strings.Repeat("0", 26))
	if diff := cmp.Diff(s.do("acme", "DELETE", "silences/"+strings.Repeat("0", 26)+"/", "").raw, same); diff != "" {
		t.Error(diff)
	}
	if got := len(s.do("root", "GET", "silences/?active_only=true", "").list("silences")); got != 3 {
		t.Errorf("%d silences are not over, want 3", got)
	}
}

func TestOrganizationsHaveRoomForSilences(t *testing.T) {
	s := serve(t)
	for i := range 51 {
		want := 201
		if i == 50 {
			want = 409
		}
		if a := s.do("acme", "POST", "silences/", `{"reason":"r","minutes":5}`); a.status != want {
			t.Fatalf("silence %d: %d %s", i+1, a.status, a.raw)
		}
	}
	if a := s.do("globex", "POST", "silences/", `{"reason":"r","minutes":5}`); a.status != 201 {
		t.Errorf("%d %s", a.status, a.raw)
	}
}

// Requests that come at the same time do not find more room.
func TestSilencesAtTheSameTime(t *testing.T) {
	s := serve(t)
	var made atomic.Int32
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 20 {
				if a := s.do("acme", "POST", "silences/", `{"reason":"r","minutes":5}`); a.status == 201 {
					made.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if n := made.Load(); n != 50 {
		t.Errorf("%d silences of an organization, want 50", n)
	}
}

// notifierFunc is a Notifier by a function.
type notifierFunc func(context.Context, perfmon.Notification) error

func (f notifierFunc) Notify(ctx context.Context, n perfmon.Notification) error { return f(ctx, n) }

func TestNotifiers(t *testing.T) {
	got := make(chan perfmon.Notification, 10)
	chat := notifierFunc(func(_ context.Context, n perfmon.Notification) error { got <- n; return nil })
	pager := notifierFunc(func(context.Context, perfmon.Notification) error {
		return &perfmon.UndeliverableError{Err: errors.New("no such key")}
	})
	s := serve(t, perfmon.WithNotifier("chat", chat), perfmon.WithNotifier("pager", pager, perfmon.Route{Severity: perfmon.Critical}), perfmon.WithNotificationGrouping(0))
	if a := s.do("root", "POST", "notifiers/test/", `{"notifier":"chat"}`); a.status != 200 || a.raw != `{"notifier":"chat","delivered":true}`+"\n" {
		t.Errorf("%d %q", a.status, a.raw)
	}
	if n := <-got; n.Kind != perfmon.NotifyTest || !strings.Contains(n.Text, "root asked") {
		t.Errorf("%+v", n)
	}
	if a := s.do("root", "POST", "notifiers/test/", `{"notifier":"pager"}`); a.body["delivered"] != false || !strings.Contains(a.raw, "no such key") {
		t.Errorf("%d %q", a.status, a.raw)
	}
	if _, err := s.Alerts().Raise(perfmon.HostAlert{Metric: "disk", Severity: perfmon.Critical, Message: "m"}); err != nil {
		t.Fatal(err)
	}
	<-got
	var dead []any
	for deadline := time.Now().Add(30 * time.Second); len(dead) == 0; {
		if time.Now().After(deadline) {
			t.Fatal("there is no dead letter")
		}
		dead = s.do("root", "GET", "notifiers/", "").list("notifiers")[1].(map[string]any)["dead_letters"].([]any)
	}
	letter := dead[0].(map[string]any)
	if letter["error"] != "undeliverable: no such key" || letter["title"] != "shop (test): disk of service (critical)" {
		t.Errorf("%v", letter)
	}
	if a := s.do("root", "POST", "notifiers/resend/", fmt.Sprintf(`{"notifier":"pager","id":%q}`, letter["id"])); a.status != 200 {
		t.Errorf("%d %s", a.status, a.raw)
	}
	if a := s.do("root", "GET", "notifiers/who/?metric=disk&severity=warning", ""); a.status != 200 || !strings.Contains(a.raw, `{"notifier":"pager","told":false,"why":"it takes critical alerts only"}`) {
		t.Errorf("%d %s", a.status, a.raw)
	}
	for path, want := range map[string]string{
		"notifiers/who/":                          "metric: ",
		"notifiers/who/?metric=disk&at=noon":      "at: ",
		"notifiers/who/?metric=Disk%21":           "metric: ",
		"notifiers/who/?metric=disk&severity=bad": "severity: ",
	} {
		if a := s.do("root", "GET", path, ""); a.status != 400 || !strings.Contains(a.raw, want) {
			t.Errorf("%s: %d %s", path, a.status, a.raw)
		}
	}
	for _, path := range []string{"diagnostics/", "notifiers/"} {
		if a := s.do("acme", "GET", path, ""); strings.Contains(a.raw, "pager") {
			t.Errorf("%s tells acme of a notifier: %s", path, a.raw)
		}
	}
}

func TestRunbook(t *testing.T) {
	s := serve(t)
	set := `{"metric_name":"error_rate","updates":{"runbook":%s}}`
	if a := s.do("root", "PUT", "thresholds/", fmt.Sprintf(set, `"https://wiki.example.com/errors"`)); a.status != 200 || !strings.Contains(a.raw, `"runbook":"https://wiki.example.com/errors"`) {
		t.Errorf("%d %s", a.status, a.raw)
	}
	for _, wrong := range []string{`"javascript:alert(1)"`, `"/errors"`, `"https://ann:pw@wiki/"`, `7`} {
		if a := s.do("root", "PUT", "thresholds/", fmt.Sprintf(set, wrong)); a.status != 400 || !strings.Contains(a.raw, "runbook: ") {
			t.Errorf("%s: %d %s", wrong, a.status, a.raw)
		}
	}
	if a := s.do("root", "PUT", "thresholds/", fmt.Sprintf(set, `null`)); a.status != 200 || strings.Contains(a.raw, `runbook`) {
		t.Errorf("%d %s", a.status, a.raw)
	}
}
