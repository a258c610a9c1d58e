package httpapi_test

import (
	"fmt"
	"net/url"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
)

// outcomes maps each ID to what became of it.
func outcomes(a answer) map[string]string {
	got := map[string]string{}
	for _, r := range a.list("results") {
		r := r.(map[string]any)
		got[r["alert_id"].(string)] = r["result"].(string)
	}
	return got
}

// Each ID is acted on by itself, and what one may not see is not there.
func TestActions(t *testing.T) {
	store, others := folded(t, "c")
	s := serve(t, perfmon.WithStore(store))
	service, acme, globex, folded, over := s.raise("a", ""), s.raise("b", "acme"), s.raise("c", "globex"), others[0], s.raise("d", "acme")
	if _, err := s.Alerts().Resolve(over, "test"); err != nil {
		t.Fatal(err)
	}
	body := func(action string) string {
		return fmt.Sprintf(`{"action":%q,"alert_ids":[%q,%q,%q,%q,%q,%q,"nothing"]}`, action, service, acme, acme, globex, folded, over)
	}
	outcome := func(service, acme, globex, folded, over string) []string {
		return []string{service, acme, globex, folded, over, "not_found"}
	}
	tests := []struct {
		as, action string
		want       []string
	}{
		{"acme", "acknowledge", outcome("forbidden", "acknowledged", "not_found", "not_found", "not_active")},
		{"acme", "acknowledge", outcome("forbidden", "unchanged", "not_found", "not_found", "not_active")},
		{"(other)", "escalate", outcome("forbidden", "not_found", "not_found", "not_found", "not_found")},
		{"root", "escalate", outcome("escalated", "escalated", "escalated", "escalated", "not_active")},
		{"root", "escalate", outcome("unchanged", "unchanged", "unchanged", "unchanged", "not_active")},
		{"root", "dismiss", outcome("dismissed", "dismissed", "dismissed", "dismissed", "not_active")},
		{"root", "acknowledge", outcome("not_active", "not_active", "not_active", "not_active", "not_active")},
	}
	for _, test := range tests {
		a := s.do(test.as, "POST", "alerts/", body(test.action))
		got := outcomes(a)
		results := []string{got[service], got[acme], got[globex], got[folded], got[over], got["nothing"]}
		if diff := cmp.Diff(test.want, results); a.status != 200 || diff != "" || len(got) != 6 {
			t.Errorf("%s does %s: %d (-want +got):\n%s", test.as, test.action, a.status, diff)
		}
	}
	a := s.do("acme", "GET", "alerts/"+acme, "")
	var by []string
	for _, c := range a.body["alert"].(map[string]any)["changes"].([]any) {
		c := c.(map[string]any)
		by = append(by, fmt.Sprint(c["change"], " by ", c["by"]))
	}
	want := []string{"opened by monitor", "acknowledged by admin of acme", "escalated by somebody else", "dismissed by somebody else"}
	if diff := cmp.Diff(want, by); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	got := outcomes(s.do("root", "POST", "alerts/", fmt.Sprintf(`{"action":"acknowledge","alert_ids":[%q]}`, service)))
	if diff := cmp.Diff(map[string]string{service: "failed"}, got); diff != "" {
		t.Errorf("with the monitor closed (-want +got):\n%s", diff)
	}
}

func TestPages(t *testing.T) {
	s := serve(t)
	var want []string
	for i := range 25 {
		want = append([]string{s.raise(fmt.Sprintf("m%d", i), "")}, want...)
	}
	var got []string
	for next := "alerts/?limit=10"; next != ""; {
		a := s.do("root", "GET", next, "")
		for _, alert := range a.list("alerts") {
			got = append(got, alert.(map[string]any)["alert_id"].(string))
		}
		next = ""
		if cursor, ok := a.body["next_cursor"].(string); ok {
			next = "alerts/?limit=10&cursor=" + url.QueryEscape(cursor)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	a := s.do("root", "GET", "alerts/?metric=m3&severity=warning&active_only=true", "")
	if n := len(a.list("alerts")); n != 1 {
		t.Errorf("%d alerts of m3", n)
	}
	if a := s.do("root", "GET", "alerts/?severity=critical", ""); len(a.list("alerts")) != 0 {
		t.Errorf("critical: %v", a.body["alerts"])
	}
}

// A poll copies no alert, so that many large ones hold up nobody.
func TestPollsOfManyAlertsAreCheap(t *testing.T) {
	s := serve(t)
	s.step()
	metadata := map[string]any{"text": strings.Repeat("x", 16_000)}
	for i := range 5000 {
		_, err := s.Alerts().Raise(perfmon.HostAlert{
			Metric: "m", Severity: perfmon.Warning, Message: "m", Metadata: metadata, Scope: perfmon.Scope{Endpoint: fmt.Sprint("GET /", i)},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for path, most := range map[string]uint64{"health/": 1 << 20, "dashboard/": 2 << 20} {
		const polls = 10
		s.do("root", "GET", path, "")
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range polls {
			if a := s.do("root", "GET", path, ""); a.status != 200 || !strings.Contains(a.raw, `"warning"`) {
				t.Fatalf("%d %s", a.status, a.raw)
			}
		}
		runtime.ReadMemStats(&after)
		each := (after.TotalAlloc - before.TotalAlloc) / polls
		t.Logf("%s: %d bytes", path, each)
		if each > most {
			t.Errorf("%s allocates %d bytes, want at most %d: it copies alerts", path, each, most)
		}
	}
}
