package httpapi_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/backend-prs/perfmon/httpapi"
)

// An organization admin is told what it and the monitor did, and not who the super admins
// are; nor how many changes there were in all. Super admins are told everything.
func TestSuperAdminsAreNotNamed(t *testing.T) {
	s := serve(t)
	service, own := s.raise("one", ""), s.raise("two", "acme")
	must := func(as, path, body string, want int) {
		t.Helper()
		if a := s.do(as, "POST", path, body); a.status != want {
			t.Fatalf("%s: %d %s", path, a.status, a.raw)
		}
	}
	must("acme", "alerts/", fmt.Sprintf(`{"action":"acknowledge","alert_ids":[%q]}`, own), 200)
	must("root", "alerts/", fmt.Sprintf(`{"action":"escalate","alert_ids":[%q,%q]}`, service, own), 200)
	must("root", "events/", `{"kind":"note","title":"sale"}`, 201)
	s.load(70, 10)
	must("root", "baseline/", `{"duration_minutes":10}`, 201)
	s.step()
	must("root", "baseline/", `{"duration_minutes":10}`, 201)
	read := func(as, method, path, body string) string {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r := httptest.NewRequest(method, httpapi.DefaultPrefix+path, strings.NewReader(body)).WithContext(ctx)
		r.Header.Set("As", as)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.api.ServeHTTP(&ending{&meanwhile{w, nil}, "event: metrics", cancel}, r)
		return w.Body.String()
	}
	for _, call := range []struct {
		method, path, body string
		own                bool // it tells of what the principal did
	}{
		{"GET", "dashboard/?alerts=true", "", true},
		{"GET", "alerts/", "", true},
		{"GET", "alerts/" + own, "", true},
		{"GET", "alerts/" + service, "", false},
		{"POST", "alerts/", fmt.Sprintf(`{"action":"escalate","alert_ids":[%q]}`, own), true},
		{"GET", "events/", "", false},
		{"GET", "baseline/", "", false},
		{"GET", "reports/", "", true},
		{"GET", "reports/?format=html", "", false},
		{"GET", "realtime/?last_event_id=0", "", true},
	} {
		all, part := read("root", call.method, call.path, call.body), read("acme", call.method, call.path, call.body)
		if !strings.Contains(all, "root") || strings.Contains(all, "somebody else") {
			t.Errorf("%s %s does not name the super admin to itself: %.2000s", call.method, call.path, all)
		}
		if strings.Contains(part, "root") || !strings.Contains(part, "somebody else") {
			t.Errorf("%s %s names the super admin: %.2000s", call.method, call.path, part)
		}
		for _, secret := range []string{`"record":`, `"number":`} {
			if strings.Contains(part, secret) {
				t.Errorf("%s %s tells %s", call.method, call.path, secret)
			}
		}
		if call.own != strings.Contains(part, "admin of acme") {
			t.Errorf("%s %s tells of the principal itself: %v, want %v", call.method, call.path, !call.own, call.own)
		}
	}
}
