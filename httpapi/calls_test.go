package httpapi_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/internal/golden"
)

// Alert IDs are random.
var alertID = regexp.MustCompile(`01[0-9A-Z]{24}`)

// reads are the calls that answer with data, by the name of their golden file.
var reads = map[string]string{
	"dashboard": "dashboard/?alerts=true&trends=true&hours=1", "alerts": "alerts/", "thresholds": "thresholds/", "health": "health/",
	"diagnostics": "diagnostics/", "trends": "trends/?metric=error_rate", "series": "series/?endpoint=GET+%2Forders%2F%7Bid%7D", "baseline": "baseline/",
	"config": "config/", "events": "events/", "session": "session",
	"metrics": "metrics/", "endpoints": "endpoints/",
}

func TestAnswers(t *testing.T) {
	s := serve(t)
	s.RecordCacheHit()
	s.load(6, 0)
	s.load(6, 20)
	for _, name := range slices.Sorted(maps.Keys(reads)) { // diagnostics count the answers before it
		call := reads[name]
		a := s.do("root", "GET", call, "")
		if a.status != 200 {
			t.Errorf("%s: %d %s", call, a.status, a.raw)
		}
		golden.JSON(t, name+".json", alertID.ReplaceAll([]byte(a.raw), []byte("ALERT-ID")))
	}
}

// Before there is anything, every call answers all the same.
func TestAnswersOfAnEmptyMonitor(t *testing.T) {
	s := serve(t)
	for name, call := range reads {
		if name == "series" {
			call = "series/"
		}
		if a := s.do("acme", "GET", call, ""); a.status != 200 || strings.Contains(a.raw, "NaN") {
			t.Errorf("%s: %d %s", call, a.status, a.raw)
		}
	}
	a := s.do("acme", "GET", "dashboard/", "")
	if a.body["current"] != nil || fmt.Sprint(a.body["endpoints"]) != "[]" {
		t.Errorf("%v %v", a.body["current"], a.body["endpoints"])
	}
	for _, asked := range []bool{false, true} {
		a := s.do("acme", "GET", fmt.Sprintf("dashboard/?trends=%v&alerts=%v", asked, asked), "")
		_, trends := a.body["trends"]
		_, alerts := a.body["alerts"]
		if trends != asked || alerts != asked {
			t.Errorf("asked for trends and alerts: %v, got them: %v and %v", asked, trends, alerts)
		}
	}
	h := s.do("acme", "GET", "health/", "")
	if h.body["status"] != "unknown" {
		t.Errorf("status %v", h.body["status"])
	}
}

// Metrics of the host's own are listed like the built-in ones.
func TestMetrics(t *testing.T) {
	own := perfmon.Metric{Name: "orders", Unit: "1/min", Kind: perfmon.KindCounter, Worse: perfmon.LowerIsWorse, Help: "Orders placed."}
	s := serve(t, perfmon.WithMetric(own))
	list := s.do("acme", "GET", "metrics/", "").list("metrics")
	want := map[string]any{"metric_name": "orders", "unit": "1/min", "kind": "counter", "worse_when": "lower", "help": "Orders placed.", "builtin": false}
	if diff := cmp.Diff(want, list[len(list)-1]); diff != "" || len(list) != len(s.Metrics().All()) {
		t.Errorf("%d metrics (-want +got):\n%s", len(list), diff)
	}
}

func TestHours(t *testing.T) {
	s := serve(t, perfmon.WithRetention(2*time.Hour))
	s.load(60, 0) // ten minutes
	points := func(a answer) int { return len(a.body["series"].(map[string]any)["times"].([]any)) }
	for hours, want := range map[string]int{"1e-300": 1, "0.05": 3, ".1": 6, "2": 10, "2.": 10, "2e0": 10} {
		for _, call := range []string{"dashboard/", "series/"} {
			if n := points(s.do("root", "GET", call+"?hours="+hours, "")); n != want {
				t.Errorf("%s of %s h: %d points, want %d", call, hours, n, want)
			}
		}
	}
	a := s.do("root", "GET", "dashboard/?points=4", "")
	if n := points(a); n != 4 || a.body["hours"] != 2.0 {
		t.Errorf("%d points of %v hours", n, a.body["hours"])
	}
	if n := points(s.do("root", "GET", "trends/?hours=0.05", "")); n != 6 {
		t.Errorf("trends of 0.05 h come with %d points, want those of both windows", n)
	}
}

// Endpoints and organizations have series as the service has.
func TestSeries(t *testing.T) {
	s := serve(t)
	s.load(12, 20)
	for query, want := range map[string]string{
		"metric=error_rate": "error_rate",
		"metric=error_rate&endpoint=" + url.QueryEscape("GET /orders/{id}"): "error_rate",
		"metric=error_rate&organization=acme":                               "error_rate",
		"organization=acme":                                                 "error_rate, response_time_avg, response_time_p50, response_time_p95, response_time_p99, throughput_rps",
	} {
		a := s.do("acme", "GET", "series/?"+query, "")
		var out struct{ Series perfmon.Series }
		if err := json.Unmarshal([]byte(a.raw), &out); err != nil || a.status != 200 {
			t.Fatalf("%s: %v %d %s", query, err, a.status, a.raw)
		}
		if got := strings.Join(slices.Sorted(maps.Keys(out.Series.Metrics)), ", "); got != want || len(out.Series.Times) != 2 {
			t.Errorf("%s: %d points of %s, want those of %s", query, len(out.Series.Times), got, want)
		}
		if v := out.Series.Metrics["error_rate"].Values[1]; v < 19.9 || v > 20.1 {
			t.Errorf("%s: error rate %v", query, v)
		}
	}
}

// A series ends when it is asked to, for zooming and for the same hour yesterday.
func TestSeriesUntil(t *testing.T) {
	s := serve(t)
	s.load(60, 0) // a point each minute from 12:01 to 12:10
	for query, want := range map[string]string{
		"hours=0.05":                                   "12:08 12:09 12:10",
		"hours=0.05&until=2026-03-01T12:05:00Z":        "12:03 12:04 12:05",
		"hours=0.05&until=2026-03-01T13:05:00%2B01:00": "12:03 12:04 12:05",
		"hours=0.05&until=2026-03-01T12:04:59.5Z":      "12:02 12:03 12:04",
		"hours=24&until=2026-03-01T12:02:00Z":          "12:01 12:02",
		"hours=1&until=2026-02-28T12:00:00Z":           "",
		"hours=1&until=2026-03-01T12:04:00Z&points=2":  "12:02 12:04",
		"hours=0.05&until=2026-03-01T12:05:00Z&endpoint=" + url.QueryEscape("GET /orders/{id}"): "12:03 12:04 12:05",
	} {
		a := s.do("acme", "GET", "series/?metric=throughput_rps&"+query, "")
		var out struct {
			Until  time.Time
			Series perfmon.Series
		}
		if err := json.Unmarshal([]byte(a.raw), &out); err != nil || a.status != 200 {
			t.Fatalf("%s: %v %d %s", query, err, a.status, a.raw)
		}
		var got []string
		for _, at := range out.Series.Times {
			got = append(got, at.Format("15:04"))
		}
		if strings.Join(got, " ") != want || out.Until.IsZero() || out.Until.Location() != time.UTC {
			t.Errorf("%s: %v until %v, want %s", query, got, out.Until, want)
		}
	}
}

func TestBaseline(t *testing.T) {
	s := serve(t)
	a := s.do("root", "POST", "baseline/", `{}`)
	if missing := a.list("missing"); a.status != 409 || len(missing) == 0 || !strings.Contains(a.body["detail"].(string), missing[0].(string)) {
		t.Errorf("%d %s", a.status, a.raw)
	}
	s.load(6*15, 0)
	a = s.do("root", "POST", "baseline/", `{"duration_minutes":15}`)
	made, _ := a.body["baseline"].(map[string]any)
	if a.status != 201 || made["duration_minutes"] != 15.0 || made["established_by"] != "root" {
		t.Fatalf("%d %s", a.status, a.raw)
	}
	if a := s.do("root", "POST", "baseline/", `{"duration_minutes":15}`); a.status != 201 {
		t.Errorf("a second one: %d %s", a.status, a.raw)
	}
	a = s.do("acme", "GET", "baseline/", "")
	if a.body["current"] == nil || len(a.list("history")) != 1 {
		t.Errorf("%s", a.raw)
	}
}

// A baseline with a name is compared with when asked for, and is not the one in force.
func TestNamedBaseline(t *testing.T) {
	s := serve(t)
	s.load(6*15, 0)
	if a := s.do("root", "POST", "baseline/", `{"duration_minutes":15,"name":"before 2.0"}`); a.status != 201 || !strings.Contains(a.raw, `"name":"before 2.0"`) {
		t.Fatalf("%d %s", a.status, a.raw)
	}
	if a := s.do("root", "GET", "baseline/", ""); a.body["current"] != nil || len(a.list("history")) != 1 {
		t.Errorf("it is in force: %s", a.raw)
	}
	a := s.do("root", "GET", "baseline/?name=before+2.0", "")
	if current, _ := a.body["current"].(map[string]any); a.status != 200 || current["name"] != "before 2.0" || len(a.list("history")) != 0 {
		t.Errorf("%d %s", a.status, a.raw)
	}
	for path, body := range map[string]string{"baseline/?name=other": "", "baseline/": `{"name":"` + strings.Repeat("x", 81) + `"}`} {
		method, want := "GET", 404
		if body != "" {
			method, want = "POST", 400
		}
		if a := s.do("root", method, path, body); a.status != want || !strings.Contains(a.raw, `"parameter":`) {
			t.Errorf("%s %s: %d %s", method, path, a.status, a.raw)
		}
	}
}

func TestAnomalies(t *testing.T) {
	s := serve(t)
	for i := range 200 {
		s.load(6, 2+i*i%5)
	}
	s.load(6, 100)
	for _, query := range []string{"?metric=error_rate&hours=0.1", "?metric=error_rate&hours=0.1&endpoint=GET+/orders/%7Bid%7D"} {
		a := s.do("root", "GET", "anomalies/"+query, "")
		list := a.list("anomalies")
		if a.status != 200 || len(list) != 1 || list[0].(map[string]any)["value"].(float64) < 99 {
			t.Errorf("%s: %d %s", query, a.status, a.raw)
		}
	}
	if a := s.do("acme", "GET", "anomalies/?organization=globex", ""); a.status != 404 {
		t.Errorf("another organization: %d %s", a.status, a.raw)
	}
	if a := s.do("root", "GET", "anomalies/?endpoint=GET+/x&organization=acme", ""); a.status != 400 {
		t.Errorf("both: %d %s", a.status, a.raw)
	}
}

func TestConfig(t *testing.T) {
	s := serve(t)
	a := s.do("root", "PUT", "config/", `{"updates":{"alert_cooldown_minutes":0.5,"sensitivities":{"error_rate":0.3},"retention_hours":24,"max_endpoints":50,"trend_analysis":false,"anomaly_alerts":true,"baseline_renewal_hours":24}}`)
	settings, _ := a.body["settings"].(map[string]any)
	want := map[string]any{
		"enabled": true, "alert_cooldown_minutes": 0.5, "consecutive_violations": 3.0, "regression_sensitivity": 0.15,
		"sensitivities": map[string]any{"error_rate": 0.3}, "retention_hours": 24.0, "collect_timeout_seconds": 5.0, "max_endpoints": 50.0,
		"max_organizations": settings["max_organizations"], "trend_analysis": false,
		"anomaly_alerts": true, "baseline_renewal_hours": 24.0,
	}
	if diff := cmp.Diff(want, settings); a.status != 200 || diff != "" {
		t.Errorf("%d (-want +got):\n%s", a.status, diff)
	}
	origins := a.body["origins"].(map[string]any)
	for name := range want {
		origin, _ := origins[name].(map[string]any)
		changed := strings.Contains("alert_cooldown_minutes sensitivities retention_hours max_endpoints trend_analysis anomaly_alerts baseline_renewal_hours", name)
		if changed != (origin["by"] == "root") || changed != (origin["source"] == "run time") {
			t.Errorf("%s comes from %v", name, origin)
		}
	}
	before := s.records()
	if a := s.do("root", "PUT", "config/", `{"updates":{"alert_cooldown_minutes":0.5}}`); a.status != 200 || s.records() != before {
		t.Errorf("setting what is set: %d, %d changes", a.status, s.records()-before)
	}
	a = s.do("root", "PUT", "config/", `{"updates":{"sensitivities":{"error_rate":null}}}`)
	if n := len(a.body["settings"].(map[string]any)["sensitivities"].(map[string]any)); n != 0 {
		t.Errorf("%d sensitivities are left", n)
	}
}
