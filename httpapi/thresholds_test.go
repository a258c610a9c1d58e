package httpapi_test

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/backend-prs/perfmon"
)

func TestPutThreshold(t *testing.T) {
	s := serve(t)
	whole := map[string]any{
		"metric_name": "response_time_p95", "scope": "service", "warning_threshold": 1.5, "critical_threshold": 4.0, "comparison": "greater",
		"consecutive_violations": 5.0, "cooldown_minutes": 0.0, "min_requests": 7.0, "absent_after_seconds": 90.0, "enabled": false,
		"inherited": []any{},
	}
	with := func(changes map[string]any) map[string]any {
		m := map[string]any{}
		for k, v := range whole {
			m[k] = v
		}
		for k, v := range changes {
			if m[k] = v; v == "left out" {
				delete(m, k)
			}
		}
		return m
	}
	tests := []struct {
		name, body string
		status     int
		want       map[string]any
	}{
		{"all fields", `{"metric_name":"response_time_p95","updates":{"warning_threshold":1.5,"critical_threshold":4,"comparison":"greater","consecutive_violations":5,"cooldown_minutes":0,"min_requests":7,"absent_after_seconds":90,"enabled":false}}`, 200, whole},
		{"nothing left but one limit", `{"metric_name":"response_time_p95","updates":{"warning_threshold":null,"consecutive_violations":null,"cooldown_minutes":null,"min_requests":null,"absent_after_seconds":null}}`, 200, with(map[string]any{
			"warning_threshold": nil, "consecutive_violations": 3.0, "cooldown_minutes": 15.0, "min_requests": 100.0, "absent_after_seconds": "left out",
			"inherited": []any{"consecutive_violations", "cooldown_minutes", "min_requests"},
		})},
		{"its own cooldown", `{"metric_name":"response_time_p95","updates":{"cooldown_minutes":0.5}}`, 200, with(map[string]any{
			"warning_threshold": nil, "consecutive_violations": 3.0, "cooldown_minutes": 0.5, "min_requests": 100.0, "absent_after_seconds": "left out",
			"inherited": []any{"consecutive_violations", "min_requests"},
		})},
		{"a new one with a pattern", `{"metric_name":"error_rate","scope":"endpoint","applies_to":"GET /orders/*","updates":{"critical_threshold":20}}`, 201, map[string]any{
			"metric_name": "error_rate", "scope": "endpoint", "applies_to": "GET /orders/*", "warning_threshold": nil, "critical_threshold": 20.0,
			"comparison": "greater", "consecutive_violations": 3.0, "cooldown_minutes": 15.0, "min_requests": 100.0, "enabled": true,
			"inherited": []any{"consecutive_violations", "cooldown_minutes", "min_requests"},
		}},
		{"a new one of a gauge", `{"metric_name":"queue_size","updates":{"warning_threshold":1,"critical_threshold":2,"consecutive_violations":1,"cooldown_minutes":1,"absent_after_seconds":60,"enabled":false,"comparison":"greater"}}`, 201, map[string]any{
			"metric_name": "queue_size", "scope": "service", "warning_threshold": 1.0, "critical_threshold": 2.0, "comparison": "greater",
			"consecutive_violations": 1.0, "cooldown_minutes": 1.0, "absent_after_seconds": 60.0, "enabled": false, "inherited": []any{},
		}},
	}
	for _, test := range tests {
		a := s.do("root", "PUT", "thresholds/", test.body)
		if diff := cmp.Diff(test.want, a.body["threshold"]); a.status != test.status || diff != "" {
			t.Errorf("%s: %d (-want +got):\n%s", test.name, a.status, diff)
		}
		before := s.records()
		again := s.do("root", "PUT", "thresholds/", test.body)
		if diff := cmp.Diff(test.want, again.body["threshold"]); again.status != 200 || diff != "" || s.records() != before {
			t.Errorf("%s again: %d, %d changes (-want +got):\n%s", test.name, again.status, s.records()-before, diff)
		}
	}
	s.load(3, 50)
	if a := s.do("root", "GET", "alerts/?endpoint="+url.QueryEscape("GET /orders/{id}"), ""); len(a.list("alerts")) != 1 {
		t.Errorf("the new threshold opened %v", a.body["alerts"])
	}
}

// What a list of thresholds says of each can be read back by the Go API.
func TestListedThresholdsReadBack(t *testing.T) {
	s := serve(t)
	var out struct{ Thresholds []perfmon.Threshold }
	if err := json.Unmarshal([]byte(s.do("root", "GET", "thresholds/", "").raw), &out); err != nil {
		t.Fatal(err)
	}
	var want []perfmon.Threshold
	for _, th := range s.Thresholds().All() {
		want = append(want, s.Thresholds().Effective(th))
	}
	if diff := cmp.Diff(want, out.Thresholds, cmp.Comparer(func(a, b perfmon.Value) bool { return a == b })); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Setting what is set already changes nothing: a run of violations goes on.
func TestPutTheSameThresholdKeepsTheRun(t *testing.T) {
	s := serve(t)
	for range 6 {
		s.load(2, 50)
		if a := s.do("root", "PUT", "thresholds/", `{"metric_name":"error_rate","updates":{"warning_threshold":5,"critical_threshold":10,"enabled":true}}`); a.status != 200 {
			t.Fatalf("%d %s", a.status, a.raw)
		}
	}
	if a := s.do("root", "GET", "alerts/?metric=error_rate", ""); len(a.list("alerts")) != 1 {
		t.Errorf("alerts: %s", a.raw)
	}
}

func TestRemoveThreshold(t *testing.T) {
	s := serve(t)
	pattern := "GET /orders/*"
	if a := s.do("root", "PUT", "thresholds/", `{"metric_name":"error_rate","scope":"endpoint","applies_to":"`+pattern+`","updates":{"critical_threshold":20}}`); a.status != 201 {
		t.Fatalf("%d %s", a.status, a.raw)
	}
	call := "thresholds/?metric_name=error_rate&scope=endpoint&applies_to=" + url.QueryEscape(pattern)
	for _, want := range []int{204, 404} {
		if a := s.do("root", "DELETE", call, ""); a.status != want || want == 204 && a.raw != "" {
			t.Errorf("%d, want %d: %s", a.status, want, a.raw)
		}
	}
	if a := s.do("root", "DELETE", "thresholds/?metric_name=error_rate", ""); a.status != 204 {
		t.Errorf("that of the service: %d %s", a.status, a.raw)
	}
	if _, err := s.Thresholds().Get(perfmon.ThresholdID{Metric: perfmon.ErrorRate}); err == nil {
		t.Error("it is still there")
	}
}

// An organization admin sees patterns that name its organization, and no others.
func TestPatternsOfOrganizations(t *testing.T) {
	limit := func(pattern string) perfmon.Option {
		return perfmon.WithThreshold(perfmon.Threshold{
			Metric: perfmon.ErrorRate, Scope: perfmon.ScopeOrganization, AppliesTo: pattern, Warning: perfmon.ValueOf(5), Cooldown: time.Minute,
		})
	}
	s := serve(t, perfmon.WithoutDefaultThresholds(), limit(""), limit("acme"), limit("a*"), limit("globex"), limit("(other)"))
	for as, want := range map[string][]string{
		"acme": {"", "acme", "a*"}, "globex": {"", "globex"}, "(other)": {""}, "root": {"", "acme", "a*", "globex", "(other)"},
	} {
		var got []string
		for _, th := range s.do(as, "GET", "thresholds/", "").list("thresholds") {
			pattern, _ := th.(map[string]any)["applies_to"].(string)
			got = append(got, pattern)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", as, diff)
		}
	}
}

// A back-test says when alerts would have opened, and changes nothing.
func TestBackTest(t *testing.T) {
	s := serve(t)
	s.load(60, 0) // points from 12:01 to 12:10
	s.load(30, 8) // to 12:15
	s.load(60, 0) // to 12:25
	before := s.records()
	firings := func(body string) any {
		t.Helper()
		a := s.do("acme", "POST", "thresholds/backtest/", body)
		if a.status != 200 {
			t.Fatalf("%s: %d %s", body, a.status, a.raw)
		}
		return a.body["firings"]
	}
	was := func(severity string) []any {
		return []any{map[string]any{"from": "2026-03-01T12:11:00Z", "to": "2026-03-01T12:16:00Z", "severity": severity, "value": 8.0}}
	}
	for body, want := range map[string][]any{
		`{"metric_name":"error_rate"}`:                                                            was("warning"), // the default: 5 and 10 %
		`{"metric_name":"error_rate","updates":{}}`:                                               was("warning"),
		`{"metric_name":"error_rate","hours":1,"updates":{"critical_threshold":7}}`:               was("critical"),
		`{"metric_name":"error_rate","updates":{"warning_threshold":9}}`:                          {},
		`{"metric_name":"error_rate","hours":0.1,"updates":{"critical_threshold":7}}`:             {}, // it was before
		`{"metric_name":"response_time_p99","updates":{"warning_threshold":5}}`:                   {}, // one that is not there
		`{"metric_name":"error_rate","scope":"service","updates":{"enabled":false}}`:              was("warning"),
		`{"metric_name":"error_rate","updates":{"warning_threshold":2,"critical_threshold":7.5}}`: was("critical"),
	} {
		approx := cmpopts.EquateApprox(0.001, 0)
		if diff := cmp.Diff(any(want), firings(body), approx); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
	endpoints := firings(`{"metric_name":"error_rate","scope":"endpoint","updates":{"warning_threshold":5}}`).([]any)
	if len(endpoints) != 1 || endpoints[0].(map[string]any)["endpoint"] != "GET /orders/{id}" {
		t.Errorf("of endpoints: %v", endpoints)
	}
	if after := s.records(); after != before {
		t.Errorf("back-tests made %d changes", after-before)
	}
	if got := s.do("root", "GET", "thresholds/", ""); strings.Contains(got.raw, "7.5") {
		t.Error("a threshold was changed")
	}
}

// An organization admin is told what a threshold would have found of its own organization,
// and not whether there is one that names another.
func TestBackTestOfOrganizations(t *testing.T) {
	s, _ := tenants(t)
	organizations := func(as string) (names []string) {
		a := s.do(as, "POST", "thresholds/backtest/", `{"metric_name":"error_rate","scope":"organization","updates":{"warning_threshold":1,"consecutive_violations":1}}`)
		if a.status != 200 {
			t.Fatalf("%s: %d %s", as, a.status, a.raw)
		}
		for _, f := range a.list("firings") {
			names = append(names, f.(map[string]any)["organization_id"].(string))
		}
		slices.Sort(names)
		return names
	}
	for as, want := range map[string][]string{"acme": {"acme"}, "(other)": nil, "root": {"(other)", "acme"}} { // globex has a pattern of its own
		if diff := cmp.Diff(want, organizations(as)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", as, diff)
		}
	}
	body := func(pattern string) string {
		return `{"metric_name":"error_rate","scope":"organization","applies_to":"` + pattern + `"}`
	}
	there, missing := s.do("acme", "POST", "thresholds/backtest/", body("globex*")), s.do("acme", "POST", "thresholds/backtest/", body("nobody*"))
	if there.status != 400 || there.raw != missing.raw {
		t.Errorf("acme can tell that there is a threshold: %d %s, %s", there.status, there.raw, missing.raw)
	}
	if a := s.do("root", "POST", "thresholds/backtest/", body("globex*")); a.status != 200 || len(a.list("firings")) != 1 {
		t.Errorf("root: %d %s", a.status, a.raw)
	}
}
