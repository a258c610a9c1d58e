package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/httpapi"
)

// Whatever is asked, the answer is JSON and no server error.
func FuzzParameters(f *testing.F) {
	reads := []string{"dashboard/", "alerts/", "thresholds/", "health/", "diagnostics/", "series/", "trends/", "baseline/", "config/", "session", "metrics/", "endpoints/",
		"anomalies/", "silences/", "notifiers/", "notifiers/who", "events/"}
	for _, seed := range []string{
		"hours=24&trends=true&alerts=true&points=10", "hours=-1", "severity=critical&active_only=true", "limit=5&cursor=01ARZ3NDEKTSV4RRFFQ69G5FAV",
		"metric=error_rate&endpoint=GET%20/", "%zz", "hours=1&hours=2", "a;b", "points=1e9", "organization=acme&hours=0x1p3",
		"metric=disk&severity=critical&at=2026-03-01T12:00:00Z&endpoint=GET%20/", "at=9999-12-31T23:59:59Z&metric=a", "at=0000-01-01T00:00:00Z&metric=a",
		"active_only=1", "name=before%202.0&instance=i-1",
	} {
		for call := range reads {
			f.Add(uint8(call), seed)
		}
	}
	s := serve(f)
	s.load(6, 20)
	f.Fuzz(func(t *testing.T, call uint8, query string) {
		r := httptest.NewRequest("GET", httpapi.DefaultPrefix+reads[int(call)%len(reads)], nil)
		r.URL.RawQuery = query
		checkAnswer(t, s.api, r)
	})
}

// A body that is accepted is one JSON object without a repeated key, and leaves
// thresholds and settings that are valid.
func FuzzBodies(f *testing.F) {
	writes := []struct{ method, path string }{{"POST", "alerts/"}, {"PUT", "thresholds/"}, {"PUT", "config/"}, {"POST", "baseline/"}, {"POST", "session"}, {"POST", "thresholds/backtest/"},
		{"POST", "silences/"}, {"POST", "notifiers/test/"}, {"POST", "notifiers/resend/"}, {"POST", "events/"}}
	for _, seed := range []string{
		`{"action":"dismiss","alert_ids":["x"]}`, `{"metric_name":"error_rate","updates":{"warning_threshold":1}}`,
		`{"metric_name":"error_rate","scope":"endpoint","updates":{"warning_threshold":1e300,"critical_threshold":1e301}}`,
		`{"metric_name":"queue_size","updates":{"warning_threshold":3,"critical_threshold":null,"comparison":"equal","cooldown_minutes":1e-9}}`,
		`{"metric_name":"error_rate","scope":"endpoint","applies_to":"GET /*","updates":{"critical_threshold":3,"min_requests":7,"absent_after_seconds":60}}`,
		`{"updates":{"retention_hours":1.5,"collect_timeout_seconds":1e-12,"sensitivities":{"error_rate":0.5,"queue_size":null}}}`,
		`[]`, `null`, `{"updates":{"enabled":null}}`, `{"action":"escalate","alert_ids":[null]}`, `{"duration_minutes":60}`, `{}}`, `{"a":1,"a":1}`, `{"token":"x"}`,
		`{"metric_name":"error_rate","hours":1.5,"updates":{"warning_threshold":1}}`,
		`{"metric_name":"*","endpoint":"GET /*","minutes":1e-300,"reason":"work"}`, `{"until":"9999-12-31T23:59:59Z","from":"0000-01-01T00:00:00Z","reason":"\u0000"}`,
		`{"scope":"service","organization_id":"*","until":"2026-03-02T12:00:00+14:00","reason":"<script>"}`, `{"notifier":"chat"}`, `{"notifier":"chat","id":"x"}`,
		`{"updates":{"baseline_renewal_hours":1e-9,"anomaly_alerts":true}}`, `{"duration_minutes":60,"name":"\ud800"}`, `{"title":"v2","text":"x","at":"2026-03-01T12:00:00Z"}`,
	} {
		for call := range writes {
			f.Add(uint8(call), seed)
		}
	}
	s := serve(f, perfmon.WithNotifier("chat", failing{}))
	s.load(6, 20)
	known := s.Thresholds().All()
	settings := s.Config().Settings()
	f.Fuzz(func(t *testing.T, call uint8, body string) {
		defer func() { // so that one input does not slow down the next
			for _, th := range s.Thresholds().All() {
				if !slices.ContainsFunc(known, func(k perfmon.Threshold) bool { return k.ID() == th.ID() }) {
					if err := s.Thresholds().Remove(th.ID(), "test"); err != nil {
						t.Error(err)
					}
				}
			}
			for _, silence := range s.Silences().List() {
				if _, err := s.Silences().End(silence.ID, "test"); err != nil {
					t.Error(err)
				}
			}
			if _, err := s.Config().Update(perfmon.SettingsUpdate{Retention: &settings.Retention}, "test"); err != nil {
				t.Error(err)
			}
		}()
		c := writes[int(call)%len(writes)]
		r := httptest.NewRequest(c.method, httpapi.DefaultPrefix+c.path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		if status := checkAnswer(t, s.api, r); status < 300 && !json.Valid([]byte(body)) {
			t.Fatalf("%q is accepted", body)
		}
		before := s.records()
		for _, th := range s.Thresholds().All() {
			if _, err := s.Thresholds().Set(th, "test"); err != nil {
				t.Fatalf("%s left a threshold that is not valid: %v", body, err)
			}
		}
		if after := s.records(); after != before {
			t.Fatalf("after %s, setting the thresholds that there are makes %d changes", body, after-before)
		}
	})
}

// failing is a notifier whose errors must not harm an answer.
type failing struct{}

func (failing) Notify(context.Context, perfmon.Notification) error {
	return errors.New("no\n\xff\x00<script>")
}

func checkAnswer(t *testing.T, h http.Handler, r *http.Request) int {
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
	return w.Code
}
