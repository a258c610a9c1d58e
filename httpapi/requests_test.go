package httpapi_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every bad parameter and field gets a problem that names it.
func TestBadRequests(t *testing.T) {
	s := serve(t)
	s.load(3, 20)
	long := strings.Repeat("x", 300)
	tests := []struct {
		method, path, body string
		status             int
		parameter          string
	}{
		{"GET", "dashboard/?hours=0", "", 400, "hours"},
		{"GET", "dashboard/?hours=-1", "", 400, "hours"},
		{"GET", "dashboard/?hours=49", "", 400, "hours"},
		{"GET", "dashboard/?hours=NaN", "", 400, "hours"},
		{"GET", "dashboard/?hours=Inf", "", 400, "hours"},
		{"GET", "dashboard/?hours=1e999", "", 400, "hours"},
		{"GET", "dashboard/?hours=0x1p3", "", 400, "hours"},
		{"GET", "dashboard/?hours=1_0", "", 400, "hours"},
		{"GET", "dashboard/?hours=one", "", 400, "hours"},
		{"GET", "dashboard/?hours=", "", 400, "hours"},
		{"GET", "dashboard/?hours=1&hours=2", "", 400, "hours"},
		{"GET", "dashboard/?trends=yes", "", 400, "trends"},
		{"GET", "dashboard/?alerts=1", "", 400, "alerts"},
		{"GET", "dashboard/?points=0", "", 400, "points"},
		{"GET", "dashboard/?points=1_0", "", 400, "points"},
		{"GET", "dashboard/?points=99999999999999999999", "", 400, "points"},
		{"GET", "dashboard/?points=1.5", "", 400, "points"},
		{"GET", "dashboard/?point=1", "", 400, "point"},
		{"GET", "dashboard/?%zz", "", 400, "query"},
		{"GET", "alerts/?severity=bad", "", 400, "severity"},
		{"GET", "alerts/?active_only=maybe", "", 400, "active_only"},
		{"GET", "alerts/?limit=0", "", 400, "limit"},
		{"GET", "alerts/?limit=1001", "", 400, "limit"},
		{"GET", "alerts/?cursor=x", "", 400, "cursor"},
		{"GET", "alerts/?metric=", "", 400, "metric"},
		{"GET", "alerts/?endpoint=" + long, "", 400, "endpoint"},
		{"GET", "alerts/nothing/", "", 404, "alert_id"},
		{"GET", "alerts/nothing/?x=y", "", 400, "x"},
		{"GET", "health/?verbose=true", "", 400, "verbose"},
		{"GET", "thresholds/?metric=x", "", 400, "metric"},
		{"GET", "diagnostics/?x=y", "", 400, "x"},
		{"GET", "metrics/?x=y", "", 400, "x"},
		{"GET", "endpoints/?hours=49", "", 400, "hours"},
		{"GET", "endpoints/?hours=x", "", 400, "hours"},
		{"GET", "endpoints/?points=0", "", 400, "points"},
		{"GET", "endpoints/?points=301", "", 400, "points"},
		{"GET", "endpoints/?limit=1", "", 400, "limit"},
		{"GET", "trends/?hours=25", "", 400, "hours"},
		{"GET", "trends/?metric=nope", "", 400, "metric"},
		{"GET", "series/?metric=nope", "", 400, "metric"},
		{"GET", "series/?until=yesterday", "", 400, "until"},
		{"GET", "series/?until=", "", 400, "until"},
		{"GET", "series/?until=2026-03-01T12:00:31Z", "", 400, "until"}, // it is 12:00:30
		{"GET", "series/?until=2026-02-27T12:00:29Z", "", 400, "until"}, // the retention is 48 h
		{"GET", "series/?until=2026-03-01T12:00:00", "", 400, "until"},
		{"GET", "series/?until=1772366400", "", 400, "until"},
		{"GET", "alerts/?until=2026-03-02T12:00:00Z", "", 400, "until"},
		{"GET", "alerts/?until=2025-03-01T12:00:00Z", "", 400, "until"},
		{"GET", "alerts/?hours=2161", "", 400, "hours"},
		{"GET", "series/?endpoint=nope", "", 404, "endpoint"},
		{"GET", "series/?organization=nope", "", 404, "organization"},
		{"GET", "series/?organization=acme&endpoint=nope", "", 400, "organization"},
		{"GET", "baseline/?x=y", "", 400, "x"},
		{"GET", "config/?x=y", "", 400, "x"},

		{"GET", "session?x=y", "", 400, "x"},
		{"DELETE", "session?x=y", "", 400, "x"},
		{"POST", "session?x=y", `{"token":"x"}`, 400, "x"},
		{"POST", "session", `{"token":7}`, 400, "token"},
		{"POST", "session", `{"token":"x","user":"y"}`, 400, "user"},

		{"POST", "alerts/", ``, 415, "Content-Type"},
		{"POST", "alerts/", `[]`, 400, "body"},
		{"POST", "alerts/", `null`, 400, "body"},
		{"POST", "alerts/", `{"action":`, 400, "body"},
		{"POST", "alerts/", `{} {}`, 400, "body"},
		{"POST", "alerts/", `{"action":"dismiss","alert_ids":["x"]}}}garbage`, 400, "body"},
		{"POST", "alerts/", "{\"action\":\"\xff\"}", 400, "body"},
		{"POST", "alerts/", `{"alert_ids":["x"]}`, 400, "action"},
		{"POST", "alerts/", `{"action":null,"alert_ids":["x"]}`, 400, "action"},
		{"POST", "alerts/", `{"action":"delete","alert_ids":["x"]}`, 400, "action"},
		{"POST", "alerts/", `{"action":7,"alert_ids":["x"]}`, 400, "action"},
		{"POST", "alerts/", `{"action":"dismiss","action":"acknowledge","alert_ids":["x"]}`, 400, "action"},
		{"POST", "alerts/", `{"action":"dismiss","ACTION":"acknowledge","alert_ids":["x"]}`, 400, "ACTION"},
		{"POST", "alerts/", `{"action":"dismiss","\u0061ction":"acknowledge","alert_ids":["x"]}`, 400, "action"},
		{"POST", "alerts/", `{"action":"dismiss"}`, 400, "alert_ids"},
		{"POST", "alerts/", `{"action":"dismiss","alert_ids":null}`, 400, "alert_ids"},
		{"POST", "alerts/", `{"action":"dismiss","alert_ids":[]}`, 400, "alert_ids"},
		{"POST", "alerts/", `{"action":"dismiss","alert_ids":[null]}`, 400, "alert_ids"},
		{"POST", "alerts/", `{"action":"dismiss","alert_ids":[7]}`, 400, "alert_ids"},
		{"POST", "alerts/", `{"action":"dismiss","alert_ids":"x"}`, 400, "alert_ids"},
		{"POST", "alerts/", `{"action":"dismiss","ids":["x"]}`, 400, "ids"},
		{"POST", "alerts/?force=true", `{"action":"dismiss","alert_ids":["x"]}`, 400, "force"},
		{"POST", "alerts/", `{"action":"dismiss","alert_ids":["` + strings.Repeat("x", 70_000) + `"]}`, 413, "body"},

		{"PUT", "thresholds/", `{"metric_name":"cpu","updates":{"enabled":true}}`, 400, "metric_name"},
		{"PUT", "thresholds/", `{"updates":{"enabled":true}}`, 400, "metric_name"},
		{"PUT", "thresholds/", `{"metric_name":null,"updates":{"enabled":true}}`, 400, "metric_name"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate"}`, 400, "updates"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":{}}`, 400, "updates"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":[]}`, 400, "updates"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":null}`, 400, "updates"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":{"enabled":true,"enabled":false}}`, 400, "enabled"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":{"Enabled":true}}`, 400, "Enabled"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":{"warn":1}}`, 400, "warn"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":{"warning_threshold":"5"}}`, 400, "warning_threshold"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":{"warning_threshold":null,"critical_threshold":null}}`, 400, "warning_threshold"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":{"warning_threshold":1e999}}`, 400, "warning_threshold"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":{"warning_threshold":50}}`, 400, "critical_threshold"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":{"comparison":"more"}}`, 400, "comparison"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":{"comparison":""}}`, 400, "comparison"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":{"comparison":null}}`, 400, "comparison"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":{"consecutive_violations":0}}`, 400, "consecutive_violations"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":{"consecutive_violations":1001}}`, 400, "consecutive_violations"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":{"consecutive_violations":2.5}}`, 400, "consecutive_violations"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":{"cooldown_minutes":-1}}`, 400, "cooldown_minutes"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":{"cooldown_minutes":1e9}}`, 400, "cooldown_minutes"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":{"min_requests":-1}}`, 400, "min_requests"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":{"min_requests":1000001}}`, 400, "min_requests"},
		{"PUT", "thresholds/", `{"metric_name":"memory_usage_percent","updates":{"min_requests":5}}`, 400, "min_requests"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":{"absent_after_seconds":0.5}}`, 400, "absent_after_seconds"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":{"absent_after_seconds":3e6}}`, 400, "absent_after_seconds"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":{"enabled":"yes"}}`, 400, "enabled"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":{"enabled":null}}`, 400, "enabled"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","scope":"user","updates":{"enabled":true}}`, 400, "scope"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","applies_to":"GET /","updates":{"enabled":true,"warning_threshold":1}}`, 400, "applies_to"},
		{"PUT", "thresholds/", `{"metric_name":"goroutines","updates":{"enabled":true}}`, 400, "warning_threshold"},
		{"PUT", "thresholds/", `{"metric_name":"goroutines","scope":"endpoint","updates":{"warning_threshold":1,"critical_threshold":2}}`, 400, "scope"},

		{"DELETE", "thresholds/", "", 400, "metric_name"},
		{"DELETE", "thresholds/?metric_name=goroutines", "", 404, "metric_name"},
		{"DELETE", "thresholds/?metric_name=error_rate&scope=user", "", 400, "scope"},
		{"DELETE", "thresholds/?metric_name=error_rate&applies_to=", "", 400, "applies_to"},

		{"POST", "thresholds/backtest/", `{}`, 400, "metric_name"},
		{"POST", "thresholds/backtest/", `{"metric_name":"cpu"}`, 400, "metric_name"},
		{"POST", "thresholds/backtest/", `{"metric_name":"goroutines"}`, 400, "warning_threshold"},
		{"POST", "thresholds/backtest/", `{"metric_name":"error_rate","hours":0}`, 400, "hours"},
		{"POST", "thresholds/backtest/", `{"metric_name":"error_rate","hours":49}`, 400, "hours"},
		{"POST", "thresholds/backtest/", `{"metric_name":"error_rate","hours":"1"}`, 400, "hours"},
		{"POST", "thresholds/backtest/", `{"metric_name":"error_rate","updates":{"warning_threshold":50}}`, 400, "critical_threshold"},
		{"POST", "thresholds/backtest/", `{"metric_name":"error_rate","updates":{"warn":50}}`, 400, "warn"},
		{"POST", "thresholds/backtest/", `{"metric_name":"error_rate","updates":null}`, 400, "updates"},
		{"POST", "thresholds/backtest/", `{"metric_name":"error_rate","window":1}`, 400, "window"},
		{"POST", "thresholds/backtest/", `{"metric_name":"goroutines","scope":"endpoint","updates":{"warning_threshold":1}}`, 400, "scope"},
		{"POST", "thresholds/backtest/", `{"metric_name":"error_rate","scope":"user"}`, 400, "scope"},
		{"POST", "thresholds/backtest/", `{"metric_name":"error_rate","applies_to":"x"}`, 400, "applies_to"},
		{"POST", "thresholds/backtest/?hours=1", `{"metric_name":"error_rate"}`, 400, "hours"},
		{"POST", "baseline/", `{"duration_minutes":0}`, 400, "duration_minutes"},
		{"POST", "baseline/", `{"duration_minutes":5}`, 400, "duration_minutes"},
		{"POST", "baseline/", `{"duration_minutes":1e9}`, 400, "duration_minutes"},
		{"POST", "baseline/", `{"duration_minutes":"60"}`, 400, "duration_minutes"},
		{"POST", "baseline/", `{"duration":60}`, 400, "duration"},

		{"PUT", "config/", `{"updates":{}}`, 400, "updates"},
		{"PUT", "config/", `{"updates":{"enabled":1}}`, 400, "enabled"},
		{"PUT", "config/", `{"updates":{"alert_cooldown_minutes":1e9}}`, 400, "alert_cooldown_minutes"},
		{"PUT", "config/", `{"updates":{"alert_cooldown_minutes":-1}}`, 400, "alert_cooldown_minutes"},
		{"PUT", "config/", `{"updates":{"consecutive_violations":0}}`, 400, "consecutive_violations"},
		{"PUT", "config/", `{"updates":{"regression_sensitivity":11}}`, 400, "regression_sensitivity"},
		{"PUT", "config/", `{"updates":{"sensitivities":{"nope":0.2}}}`, 400, "sensitivities"},
		{"PUT", "config/", `{"updates":{"sensitivities":{"error_rate":11}}}`, 400, "sensitivities"},
		{"PUT", "config/", `{"updates":{"sensitivities":{"error_rate":"x"}}}`, 400, "sensitivities"},
		{"PUT", "config/", `{"updates":{"retention_hours":0}}`, 400, "retention_hours"},
		{"PUT", "config/", `{"updates":{"retention_hours":1e300}}`, 400, "retention_hours"},
		{"PUT", "config/", `{"updates":{"collect_timeout_seconds":10}}`, 400, "collect_timeout_seconds"},
		{"PUT", "config/", `{"updates":{"max_endpoints":0}}`, 400, "max_endpoints"},
		{"PUT", "config/", `{"updates":{"max_organizations":10001}}`, 400, "max_organizations"},
		{"PUT", "config/", `{"updates":{"trend_analysis":"off"}}`, 400, "trend_analysis"},

		{"PATCH", "alerts/", "", 405, ""},
		{"POST", "dashboard/", "", 405, ""},
		{"GET", "nothing/", "", 404, ""},
		{"POST", "", "", 405, ""},
		{"GET", "/", "", 404, ""},
		{"GET", "page", "", 404, ""},
		{"GET", "page/", "", 404, ""},
		{"GET", "page/nothing.js", "", 404, "file"},
		{"GET", "page/index.html", "", 404, "file"},
		{"GET", "page/..%2Fpage.go", "", 404, "file"},
		{"DELETE", "page/app.js", "", 405, ""},
	}
	before := s.records()
	for _, test := range tests {
		a := s.do("root", test.method, test.path, test.body)
		parameter, _ := a.body["parameter"].(string)
		if a.status != test.status || parameter != test.parameter {
			t.Errorf("%s %.60s %.80s: %d about %q, want %d about %q: %v", test.method, test.path, test.body, a.status, parameter, test.status, test.parameter, a.body["detail"])
		}
		if a.header.Get("Content-Type") != "application/problem+json" || a.body["title"] == "" || a.body["status"] != float64(a.status) {
			t.Errorf("%s %s: no problem by RFC 9457: %s", test.method, test.path, a.raw)
		}
	}
	if after := s.records(); after != before {
		t.Errorf("bad requests made %d changes", after-before)
	}
}

// Errors have the names, the values and the units of the wire, and say what is right.
func TestErrorTexts(t *testing.T) {
	s := serve(t)
	put := func(updates string) string { return `{"metric_name":"error_rate","updates":` + updates + `}` }
	tests := []struct{ method, path, body, want string }{
		{"GET", "dashboard/?hours=49", "", `hours: "49" is not valid: want a number of hours, over 0, at most 48`},
		{"GET", "series/?until=1", "", `until: "1" is not valid: want a time such as 2026-03-01T12:00:00Z, now or at most 48 hours ago`},
		{"GET", "alerts/?limt=5", "", "limt: there is no such parameter. This call takes: hours, until, severity, active_only, metric, endpoint, limit, cursor."},
		{"GET", "health/?x=", "", "x: there is no such parameter. This call takes none."},
		{"PUT", "thresholds/", put(`{"warning_threshold":50}`), "critical_threshold: 10 is not valid: want at least the warning limit of 50"},
		{"PUT", "thresholds/", put(`{"warning_threshold":"5"}`), `warning_threshold: "5" is not valid: want a finite number or null; at least one of warning_threshold and critical_threshold is a number`},
		{"PUT", "thresholds/", put(`{"warning_threshold":null,"critical_threshold":null}`), "warning_threshold: null is not valid: want a finite number or null; at least one of warning_threshold and critical_threshold is a number"},
		{"PUT", "thresholds/", put(`{"consecutive_violations":1001}`), "consecutive_violations: 1001 is not valid: want a whole number, 1 to 1000, or null for the setting of the monitor"},
		{"PUT", "thresholds/", put(`{"cooldown_minutes":43201}`), "cooldown_minutes: 43201 is not valid: want minutes, 0 to 43200, or null for the setting of the monitor"},
		{"PUT", "thresholds/", put(`{"warn":1}`), "warn: there is no such field. This updates takes: warning_threshold, critical_threshold, comparison, consecutive_violations, cooldown_minutes, min_requests, absent_after_seconds, enabled, runbook."},
		{"PUT", "thresholds/", `{"metric_name":"goroutines","scope":"endpoint","updates":{"warning_threshold":1}}`, `scope: "endpoint" is not valid: want "service", as goroutines has no value for each endpoint`},
		{"PUT", "config/", `{"updates":{"alert_cooldown_minutes":43201}}`, "alert_cooldown_minutes: 43201 is not valid: want minutes, 0 to 43200"},
		{"PUT", "config/", `{"updates":{"retention_hours":0.001}}`, "retention_hours: 0.001 is not valid: want hours, 0.0166667 to 1666.6666666666667"},
		{"PUT", "config/", `{"updates":{"collect_timeout_seconds":10}}`, "collect_timeout_seconds: 10 is not valid: want seconds, more than 0, less than the step of 10"},
		{"PUT", "config/", `{"updates":{"sensitivities":{"nope":0.2}}}`, `sensitivities: "nope" is not valid: want the names of metrics, each with a share such as 0.15: more than 0, at most 10, or null to take it away`},
		{"POST", "baseline/", `{"duration_minutes":5}`, "duration_minutes: 5 is not valid: want a number of minutes, at least ten intervals of 1m0s, at most 2880"},
		{"POST", "alerts/", `{"action":"dismiss","alert_ids":["x"]}}`, "body: want exactly one JSON object: invalid character '}' after top-level value"},
		{"POST", "alerts/", `{"action":"x","action":"x"}`, "action: it is given twice: want it once"},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, s.do("root", test.method, test.path, test.body).body["detail"]); diff != "" {
			t.Errorf("%s %s %s (-want +got):\n%s", test.method, test.path, test.body, diff)
		}
	}
}

// What a request holds is repeated clean and cut.
func TestEchoes(t *testing.T) {
	s := serve(t)
	const hostile = "%1b[31m%0a%e2%80%ae%ff"
	long := hostile + strings.Repeat("x", 100_000)
	for _, path := range []string{
		"dashboard/?hours=" + long, "dashboard/?" + long + "=1", "alerts/?metric=" + long, "alerts/?endpoint=" + long, "alerts/" + long,
		"series/?metric=" + long, "series/?endpoint=" + long, "series/?organization=" + hostile, "dashboard/?hours=1&hours=" + long, "dashboard/?x=%zz" + long, long,
	} {
		a := s.do("root", "GET", path, "")
		detail := a.body["detail"].(string)
		if a.status < 400 || len(a.raw) > 900 || strings.ContainsAny(detail, "\x1b\n\u202e") {
			t.Errorf("%.40s: %d with %d bytes: %.300q", path, a.status, len(a.raw), detail)
		}
	}
	for _, body := range []string{`{"` + strings.Repeat("x", 60_000) + `":1}`, `{"action":"` + strings.Repeat("é", 30_000) + `","alert_ids":["x"]}`, `"` + strings.Repeat("x", 60_000) + `"`} {
		if a := s.do("root", "POST", "alerts/", body); a.status != 400 || len(a.raw) > 900 {
			t.Errorf("%.40s: %d with %d bytes", body, a.status, len(a.raw))
		}
	}
}
