package httpapi

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/backend-prs/perfmon"
)

// A principal has one back-test at a time, and all together have two. Each session of the
// bearer token counts on its own.
func TestBackTestsAtATime(t *testing.T) {
	m, err := perfmon.New(perfmon.WithoutSystemMetrics())
	if err != nil {
		t.Fatal(err)
	}
	const token = "0123456789abcdef"
	a, err := New(m, WithBearerToken(token))
	if err != nil {
		t.Fatal(err)
	}
	session := func() http.Header {
		c := a.signIn.cookies
		return http.Header{"Cookie": {c.name + "=" + c.make(m.Now().Add(time.Hour))}}
	}
	ask := func(ctx context.Context, header http.Header) *http.Request {
		r := httptest.NewRequest("POST", DefaultPrefix+"thresholds/backtest/", strings.NewReader(`{"metric_name":"error_rate"}`)).WithContext(ctx)
		r.Header = header.Clone()
		r.Header.Set("Content-Type", "application/json")
		return r
	}
	test := func(header http.Header, want int, why string) {
		t.Helper()
		w := httptest.NewRecorder()
		a.ServeHTTP(w, ask(t.Context(), header))
		if w.Code != want || !strings.Contains(w.Body.String(), why) || want == 429 && w.Header().Get("Retry-After") != "1" {
			t.Errorf("%d %v %s, want %d", w.Code, w.Header(), w.Body, want)
		}
	}
	by := http.Header{"Authorization": {"Bearer " + token}}
	running := func(header http.Header) (release func()) {
		t.Helper()
		release, refused := a.backTests.take(a.caller(&request{Request: ask(t.Context(), header), by: byToken}))
		if refused != nil {
			t.Fatal(refused.Detail)
		}
		return release
	}
	one, two := session(), session()
	release := running(one)
	test(one, 429, "of this principal")
	test(two, 200, "firings")
	test(by, 200, "firings")
	other := running(by)
	test(by, 429, "of this principal")
	test(two, 429, "2 back-tests are running")
	release()
	other()
	for _, header := range []http.Header{one, two, by} {
		test(header, 200, "firings")
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	w := httptest.NewRecorder()
	if a.ServeHTTP(w, ask(gone, by)); w.Code != 503 {
		t.Errorf("for a client that is gone: %d %s", w.Code, w.Body)
	}
	test(by, 200, "firings")
}
