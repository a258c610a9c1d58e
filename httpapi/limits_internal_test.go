package httpapi

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/backend-prs/perfmon"
)

// While as many costly answers are being made as may be, others wait and are refused, and
// health is answered all the same.
func TestHeavyQueriesAreBounded(t *testing.T) {
	m, err := perfmon.New(perfmon.WithoutSystemMetrics())
	if err != nil {
		t.Fatal(err)
	}
	api, err := New(m, WithAuthorizer(func(*http.Request) (Principal, error) { return Principal{SuperAdmin: true}, nil }))
	if err != nil {
		t.Fatal(err)
	}
	for range maxHeavy {
		if _, err := api.room(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(path string) *httptest.ResponseRecorder {
		gone, cancel := context.WithCancel(context.Background())
		cancel() // it waits no longer than its client
		w := httptest.NewRecorder()
		api.ServeHTTP(w, httptest.NewRequestWithContext(gone, http.MethodGet, DefaultPrefix+path, nil))
		return w
	}
	if w := ask("reports/"); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
		t.Errorf("a report: %d %s", w.Code, w.Body)
	}
	for _, path := range []string{"health/", "livez/", "diagnostics/"} {
		if w := ask(path); w.Code >= 400 && path != "livez/" { // it is not started, so not live
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if n := api.hits.heavy.Load(); n != 1 {
		t.Errorf("%d refused, want 1", n)
	}
	<-api.heavy
	if w := ask("reports/"); w.Code != http.StatusOK {
		t.Errorf("with room: %d %s", w.Code, w.Body)
	}
	if len(api.heavy) != maxHeavy-1 {
		t.Errorf("room is not given back: %d", len(api.heavy))
	}
}
