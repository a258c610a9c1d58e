package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/httpapi"
	"github.com/backend-prs/perfmon/internal/golden"
)

// Alert IDs are random.
var alertID = regexp.MustCompile(`01[0-9A-Z]{24}`)

func TestAnswers(t *testing.T) {
	s := serve(t)
	s.RecordCacheHit()
	s.load(6, 0)
	s.load(6, 20)
	for _, call := range []string{"dashboard/?alerts=true&trends=true&hours=1", "alerts/", "thresholds/", "health/", "diagnostics/"} {
		a := s.do("root", "GET", call, "")
		if a.status != 200 {
			t.Errorf("%s: %d", call, a.status)
		}
		name, _, _ := strings.Cut(call, "/")
		golden.JSON(t, name+".json", alertID.ReplaceAll([]byte(a.raw), []byte("ALERT-ID")))
	}
}

// Before there is anything, every call answers all the same.
func TestAnswersOfAnEmptyMonitor(t *testing.T) {
	s := serve(t)
	for _, call := range []string{"dashboard/?alerts=true&trends=true", "alerts/", "thresholds/", "health/", "diagnostics/"} {
		if a := s.do("acme", "GET", call, ""); a.status != 200 || strings.Contains(a.raw, "NaN") {
			t.Errorf("%s: %d %s", call, a.status, a.raw)
		}
	}
	a := s.do("acme", "GET", "dashboard/", "")
	if a.body["current"] != nil || fmt.Sprint(a.body["endpoints"]) != "[]" {
		t.Errorf("%v %v", a.body["current"], a.body["endpoints"])
	}
	if _, asked := a.body["trends"]; asked {
		t.Error("trends nobody asked for")
	}
	h := s.do("acme", "GET", "health/", "")
	if h.body["status"] != "unknown" {
		t.Errorf("status %v", h.body["status"])
	}
}

func TestHours(t *testing.T) {
	s := serve(t, perfmon.WithRetention(2*time.Hour))
	s.load(60, 0) // ten minutes
	for hours, want := range map[string]int{"1e-300": 1, "0.05": 3, "0.1": 6, "2": 10} {
		a := s.do("root", "GET", "dashboard/?hours="+hours, "")
		times := a.body["series"].(map[string]any)["times"].([]any)
		if len(times) != want {
			t.Errorf("%s h: %d points, want %d", hours, len(times), want)
		}
	}
	a := s.do("root", "GET", "dashboard/?points=4", "")
	if n := len(a.body["series"].(map[string]any)["times"].([]any)); n != 4 || a.body["hours"] != 2.0 {
		t.Errorf("%d points of %v hours", n, a.body["hours"])
	}
}

// outcomes maps each ID to what became of it.
func outcomes(a answer) map[string]string {
	got := map[string]string{}
	for _, r := range a.body["results"].([]any) {
		r := r.(map[string]any)
		got[r["alert_id"].(string)] = r["result"].(string)
	}
	return got
}

func raise(t *testing.T, s *served, metric, org string) string {
	t.Helper()
	a, err := s.Raise(perfmon.HostAlert{Metric: metric, Severity: perfmon.Warning, Message: "m", Scope: perfmon.Scope{Organization: org}})
	if err != nil {
		t.Fatal(err)
	}
	return a.ID
}

// Each ID is acted on by itself, and what one may not see is not there.
func TestActions(t *testing.T) {
	s := serve(t)
	service, acme, globex, over := raise(t, s, "a", ""), raise(t, s, "b", "acme"), raise(t, s, "c", "globex"), raise(t, s, "d", "acme")
	if _, err := s.Resolve(over, "test"); err != nil {
		t.Fatal(err)
	}
	body := func(action string) string {
		return fmt.Sprintf(`{"action":%q,"alert_ids":[%q,%q,%q,%q,%q,"nothing"]}`, action, service, acme, acme, globex, over)
	}
	tests := []struct {
		as, action string
		want       map[string]string
	}{
		{"acme", "acknowledge", map[string]string{service: "forbidden", acme: "acknowledged", globex: "not_found", over: "not_active", "nothing": "not_found"}},
		{"acme", "acknowledge", map[string]string{service: "forbidden", acme: "unchanged", globex: "not_found", over: "not_active", "nothing": "not_found"}},
		{"root", "escalate", map[string]string{service: "escalated", acme: "escalated", globex: "escalated", over: "not_active", "nothing": "not_found"}},
		{"root", "escalate", map[string]string{service: "unchanged", acme: "unchanged", globex: "unchanged", over: "not_active", "nothing": "not_found"}},
		{"root", "dismiss", map[string]string{service: "dismissed", acme: "dismissed", globex: "dismissed", over: "not_active", "nothing": "not_found"}},
		{"root", "acknowledge", map[string]string{service: "not_active", acme: "not_active", globex: "not_active", over: "not_active", "nothing": "not_found"}},
	}
	for _, test := range tests {
		a := s.do(test.as, "POST", "alerts/", body(test.action))
		if diff := cmp.Diff(test.want, outcomes(a)); a.status != 200 || diff != "" {
			t.Errorf("%s does %s: %d (-want +got):\n%s", test.as, test.action, a.status, diff)
		}
	}
	a, err := s.Alert(acme)
	if err != nil {
		t.Fatal(err)
	}
	var by []string
	for _, c := range a.Changes {
		by = append(by, fmt.Sprint(c.Change, " by ", c.By))
	}
	want := []string{"opened by monitor", "acknowledged by admin of acme", "escalated by root", "dismissed by root"}
	if diff := cmp.Diff(want, by); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// An organization admin sees the service and its own organization, nothing of others.
func TestIsolation(t *testing.T) {
	s := serve(t, perfmon.WithThreshold(perfmon.Threshold{Metric: perfmon.ErrorRate, Scope: perfmon.ScopeOrganization, Warning: 5, Critical: 90}))
	for range 4 {
		for _, org := range []string{"acme", "globex"} {
			s.rec.Record(time.Millisecond, &perfmon.Response{Pattern: "/", Status: 500, Organization: org})
		}
		s.step()
	}
	secret := raise(t, s, "secret", "globex")
	for _, path := range []string{"dashboard/?alerts=true", "alerts/", "alerts/?metric=secret", "diagnostics/", "health/"} {
		if a := s.do("acme", "GET", path, ""); strings.Contains(a.raw, "globex") || strings.Contains(a.raw, secret) {
			t.Errorf("%s tells acme of globex: %s", path, a.raw)
		}
		if a := s.do("root", "GET", path, ""); path != "health/" && !strings.Contains(a.raw, "globex") {
			t.Errorf("%s does not tell root of globex", path)
		}
	}
	if a := s.do("acme", "GET", "alerts/?hours=1", ""); len(a.body["alerts"].([]any)) != 2 {
		t.Errorf("acme sees %v", a.body["alerts"]) // its own and the service's
	}
	if a := s.do("acme", "PUT", "thresholds/", `{"metric_name":"error_rate","updates":{"enabled":false}}`); a.status != 403 {
		t.Errorf("acme changes thresholds: %d", a.status)
	}
}

func TestPages(t *testing.T) {
	s := serve(t)
	var want []string
	for i := range 25 {
		want = append([]string{raise(t, s, fmt.Sprintf("m%d", i), "")}, want...)
	}
	var got []string
	for next := "alerts/?limit=10"; next != ""; {
		a := s.do("root", "GET", next, "")
		for _, alert := range a.body["alerts"].([]any) {
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
	if n := len(a.body["alerts"].([]any)); n != 1 {
		t.Errorf("%d alerts of m3", n)
	}
	if a := s.do("root", "GET", "alerts/?severity=critical", ""); len(a.body["alerts"].([]any)) != 0 {
		t.Errorf("critical: %v", a.body["alerts"])
	}
}

func TestPutThreshold(t *testing.T) {
	s := serve(t)
	a := s.do("root", "PUT", "thresholds/", `{"metric_name":"response_time_p95","updates":{"warning_threshold":1.5,"critical_threshold":4,"cooldown_minutes":0,"consecutive_violations":5,"comparison":"greater","enabled":false}}`)
	want := map[string]any{
		"metric_name": "response_time_p95", "scope": "service", "warning_threshold": 1.5, "critical_threshold": 4.0,
		"comparison": "greater", "consecutive_violations": 5.0, "cooldown_minutes": 0.0, "enabled": false,
	}
	if diff := cmp.Diff(want, a.body["threshold"]); a.status != 200 || diff != "" {
		t.Errorf("%d (-want +got):\n%s", a.status, diff)
	}
	a = s.do("root", "PUT", "thresholds/", `{"metric_name":"error_rate","scope":"endpoint","updates":{"warning_threshold":10,"critical_threshold":20}}`)
	want = map[string]any{
		"metric_name": "error_rate", "scope": "endpoint", "warning_threshold": 10.0, "critical_threshold": 20.0,
		"comparison": "greater", "consecutive_violations": 3.0, "cooldown_minutes": 15.0, "enabled": true,
	}
	if diff := cmp.Diff(want, a.body["threshold"]); a.status != 201 || diff != "" {
		t.Errorf("a new one: %d (-want +got):\n%s", a.status, diff)
	}
	s.load(3, 50)
	if a := s.do("root", "GET", "alerts/?endpoint="+url.QueryEscape("GET /orders/{id}"), ""); len(a.body["alerts"].([]any)) != 1 {
		t.Errorf("the new threshold opened %v", a.body["alerts"])
	}
}

// Whatever is asked, the answer is JSON and no server error.
func FuzzParameters(f *testing.F) {
	for _, seed := range []string{
		"hours=24&trends=true&alerts=true&points=10", "hours=-1", "severity=critical&active_only=true", "limit=5&cursor=01ARZ3NDEKTSV4RRFFQ69G5FAV",
		"metric=error_rate&endpoint=GET%20/", "%zz", "hours=1&hours=2", "a;b", "points=1e9",
	} {
		for call := range uint8(5) {
			f.Add(call, seed)
		}
	}
	s := serve(f)
	s.load(6, 20)
	calls := []string{"dashboard/", "alerts/", "thresholds/", "health/", "diagnostics/"}
	f.Fuzz(func(t *testing.T, call uint8, query string) {
		r := httptest.NewRequest("GET", httpapi.DefaultPrefix+calls[int(call)%len(calls)], nil)
		r.URL.RawQuery = query
		checkAnswer(t, s.api, r)
	})
}

func FuzzBodies(f *testing.F) {
	for _, seed := range []string{
		`{"action":"dismiss","alert_ids":["x"]}`, `{"metric_name":"error_rate","updates":{"warning_threshold":1}}`,
		`{"metric_name":"error_rate","scope":"endpoint","updates":{"warning_threshold":1e300,"critical_threshold":1e301}}`,
		`{"metric_name":"queue_size","updates":{"warning_threshold":3,"critical_threshold":4,"comparison":"equal","cooldown_minutes":1e-9}}`,
		`[]`, `null`, `{"updates":{"enabled":null}}`, `{"action":"escalate","alert_ids":[null]}`,
	} {
		f.Add(true, seed)
		f.Add(false, seed)
	}
	s := serve(f)
	s.load(6, 20)
	f.Fuzz(func(t *testing.T, put bool, body string) {
		method, call := http.MethodPost, "alerts/"
		if put {
			method, call = http.MethodPut, "thresholds/"
		}
		r := httptest.NewRequest(method, httpapi.DefaultPrefix+call, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		checkAnswer(t, s.api, r)
		for _, th := range s.Thresholds() {
			if err := s.SetThreshold(th); err != nil {
				t.Fatalf("%s left a threshold that is not valid: %v", body, err)
			}
		}
	})
}

func checkAnswer(t *testing.T, h http.Handler, r *http.Request) {
	t.Helper()
	r.Header.Set("As", "root")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code >= 500 || !json.Valid(w.Body.Bytes()) {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if w.Code >= 400 && w.Header().Get("Content-Type") != "application/problem+json" {
		t.Fatalf("%d as %s", w.Code, w.Header().Get("Content-Type"))
	}
}
