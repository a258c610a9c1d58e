package httpapi

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/backend-prs/perfmon"
)

// One back-test runs at a time.
func TestBackTestsAreOneAtATime(t *testing.T) {
	m, err := perfmon.New(perfmon.WithoutSystemMetrics())
	if err != nil {
		t.Fatal(err)
	}
	const token = "0123456789abcdef"
	a, err := New(m, WithBearerToken(token))
	if err != nil {
		t.Fatal(err)
	}
	test := func() *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", DefaultPrefix+"thresholds/backtest/", strings.NewReader(`{"metric_name":"error_rate"}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		return w
	}
	a.backTesting.Lock()
	if w := test(); w.Code != 429 || w.Header().Get("Retry-After") != "1" {
		t.Errorf("beside another one: %d %v", w.Code, w.Header())
	}
	a.backTesting.Unlock()
	for range 2 {
		if w := test(); w.Code != 200 {
			t.Errorf("alone: %d %s", w.Code, w.Body)
		}
	}
}
