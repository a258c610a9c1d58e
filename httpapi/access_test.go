package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/httpapi"
)

// calls are all calls that need a principal, with a body where they take one.
var calls = []struct {
	method, path, body string
	forOrganizations   int // what an organization admin gets
	forSuperAdmins     int
}{
	{"GET", "dashboard/?alerts=true&trends=true", "", 200, 200},
	{"GET", "alerts/", "", 200, 200},
	{"GET", "realtime/?last_event_id=x", "", 400, 400}, // a stream would not end
	{"GET", "alerts/?metric=secret", "", 200, 200},
	{"GET", "alerts/nothing/", "", 404, 404},
	{"POST", "alerts/", `{"action":"acknowledge","alert_ids":["nothing"]}`, 200, 200},
	{"GET", "thresholds/", "", 200, 200},
	{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":{"enabled":true}}`, 403, 200},
	{"POST", "thresholds/backtest/", `{"metric_name":"error_rate","hours":1,"updates":{"warning_threshold":1}}`, 200, 200},
	{"POST", "thresholds/backtest/", `{"metric_name":"error_rate","scope":"organization","updates":{"warning_threshold":1}}`, 200, 200},
	{"POST", "thresholds/backtest/", `{"metric_name":"error_rate","scope":"organization","applies_to":"nobody*"}`, 400, 400}, // without a limit
	{"DELETE", "thresholds/?metric_name=error_rate&scope=organization&applies_to=nobody", "", 403, 404},
	{"GET", "metrics/", "", 200, 200},
	{"GET", "endpoints/", "", 200, 200},
	{"GET", "trends/", "", 200, 200},
	{"GET", "anomalies/", "", 200, 200},
	{"GET", "anomalies/?organization=nobody", "", 404, 404},
	{"GET", "baseline/", "", 200, 200},
	{"POST", "baseline/", `{}`, 403, 409},
	{"GET", "series/", "", 200, 200},
	{"GET", "series/?organization=nobody", "", 404, 404},
	{"GET", "reports/", "", 200, 200},
	{"GET", "events/", "", 200, 200},
	{"POST", "events/", `{"kind":"note","title":"sale","version":""}`, 403, 201},
	{"GET", "silences/", "", 200, 200},
	{"POST", "silences/", `{"reason":"work","metric_name":"","scope":"","endpoint":"","organization_id":"","from":"2026-03-01T12:00:00Z"}`, 400, 400}, // without an end
	{"DELETE", "silences/nothing/", "", 404, 404},
	{"GET", "notifiers/", "", 403, 200},
	{"POST", "notifiers/test/", `{"notifier":"nobody"}`, 403, 404},
	{"POST", "notifiers/resend/", `{"notifier":"nobody","id":"x"}`, 403, 404},
	{"GET", "notifiers/who/?metric=error_rate", "", 403, 200},
	{"GET", "config/", "", 200, 200},
	{"PUT", "config/", `{"updates":{"trend_analysis":true}}`, 403, 200},
	{"GET", "health/", "", 200, 200},
	{"GET", "diagnostics/", "", 200, 200},
	{"GET", "openapi.json", "", 200, 200},
	{"GET", "session", "", 200, 200},
	{"POST", "session", `{"token":"x"}`, 404, 404}, // where there is no bearer token
	{"DELETE", "session", "", 404, 404},
	{"GET", "nothing/", "", 404, 404},
	{"PATCH", "alerts/", "", 405, 405},
	{"PATCH", "", "", 405, 405}, // GET is the dashboard page, which needs no principal
	{"PATCH", "page/app.js", "", 405, 405},
}

// The table has every call that there is.
func TestCallsAreAll(t *testing.T) {
	s := serve(t)
	var described struct {
		Paths map[string]map[string]any `json:"paths"`
	}
	if err := json.Unmarshal([]byte(s.do("root", "GET", "openapi.json", "").raw), &described); err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, call := range calls {
		path, _, _ := strings.Cut(call.path, "?")
		listed[call.method+" /"+strings.Replace(path, "nothing/", "{id}/", 1)] = true
	}
	for path, item := range described.Paths {
		for method := range item {
			call := strings.ToUpper(method) + " " + path
			if method != "parameters" && !listed[call] && path != "/livez/" && path != "/readyz/" {
				t.Errorf("the table of calls has no %s", call)
			}
		}
	}
	if len(described.Paths) < 10 {
		t.Errorf("%d paths are described", len(described.Paths))
	}
}

// leaky is a collector whose error holds a password.
type leaky struct{}

func (leaky) Name() string              { return "orders-database" }
func (leaky) Metrics() []perfmon.Metric { return []perfmon.Metric{{Name: "orders", Unit: "count"}} }
func (leaky) Collect(context.Context, func(string, float64)) error {
	panic("dial postgres://shop:hunter2@db")
}

// tenants serves acme and globex, and others that find no room in the table.
func tenants(t testing.TB) (s *served, ids map[string]string) {
	limit := func(pattern string) perfmon.Option {
		return perfmon.WithThreshold(perfmon.Threshold{
			Metric: perfmon.ErrorRate, Scope: perfmon.ScopeOrganization, AppliesTo: pattern,
			Warning: perfmon.ValueOf(5), Critical: perfmon.ValueOf(90), ConsecutiveViolations: 2,
		})
	}
	store, others := folded(t, "secret")
	s = serve(t, limit(""), limit("globex*"), perfmon.WithMaxOrganizations(2), perfmon.WithCollector(leaky{}), perfmon.WithStore(store))
	for range 8 {
		for _, organization := range []string{"acme", "globex", "initech", "umbrella"} {
			s.requests(organization, 50)
		}
		s.step()
	}
	ids = map[string]string{
		"service": s.raise("own", ""), "acme": s.raise("own", "acme"), "globex": s.raise("secret", "globex"), "(other)": others[0],
	}
	return s, ids
}

// An organization admin learns that a setting was changed, and not by whom.
func TestConfigDoesNotNameSuperAdmins(t *testing.T) {
	s := serve(t)
	a := s.do("root", "PUT", "config/", `{"updates":{"trend_analysis":false}}`)
	if a.status != 200 || !strings.Contains(a.raw, `"by":"root"`) {
		t.Fatal(a.raw)
	}
	if a := s.do("acme", "GET", "config/", ""); strings.Contains(a.raw, "root") || !strings.Contains(a.raw, `"source":"run time","at":`) {
		t.Error(a.raw)
	}
}

func TestAccess(t *testing.T) {
	s, _ := tenants(t)
	for _, call := range calls {
		for as, want := range map[string]int{
			"": 401, "nobody": 403, "refused": 403, "panic": 500, "acme": call.forOrganizations, "globex": call.forOrganizations,
			"(other)": call.forOrganizations, "root": call.forSuperAdmins,
		} {
			a := s.do(as, call.method, call.path, call.body)
			if a.status != want {
				t.Errorf("%q gets %d of %s %s, want %d: %s", as, a.status, call.method, call.path, want, a.raw)
			}
			if want >= 400 && a.header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("a problem comes as %s", a.header.Get("Content-Type"))
			}
			if strings.Contains(a.raw, "secret reason") || strings.Contains(a.raw, "secret panic") {
				t.Errorf("the answer tells the words of the authorizer: %s", a.raw)
			}
		}
	}
	if a := s.do("", "GET", "health/", ""); !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer") {
		t.Error("a 401 without WWW-Authenticate")
	}
}

// Whoever may not use the API gets the same answer of every path and method.
func TestStrangersLearnNothing(t *testing.T) {
	s := serve(t)
	for _, as := range []string{"", "nobody"} {
		want := s.do(as, "GET", "health/", "")
		for _, path := range []string{"nothing/", "", "alerts/01/", "alerts/01/more/", "health/?x=y", "dashboard/?hours=x"} {
			for _, method := range []string{"GET", "PUT", "PATCH", "OPTIONS"} {
				if path == "" && method == "GET" {
					continue // the dashboard page
				}
				a := s.do(as, method, path, `{}`)
				if diff := cmp.Diff(want.raw, a.raw); diff != "" || a.status != want.status || cmp.Diff(want.header, a.header) != "" {
					t.Errorf("%q gets another answer of %s %s: %d %s", as, method, path, a.status, diff)
				}
			}
		}
	}
}

func TestWithoutAuthorizerEverythingIsRefused(t *testing.T) {
	s := serve(t)
	api, err := httpapi.New(s.Monitor)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"health/", "nothing/"} {
		w := httptest.NewRecorder()
		api.ServeHTTP(w, httptest.NewRequest("GET", httpapi.DefaultPrefix+path, nil))
		if w.Code != 403 || !strings.Contains(w.Body.String(), "has no authorizer") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
}

// An organization admin reads the service and its own organization, and nothing of
// others: no names, no alerts, no words of the host.
func TestIsolation(t *testing.T) {
	s, ids := tenants(t)
	forbidden := map[string][]string{
		"acme":    {"globex", "(other)", ids["globex"], ids["(other)"]},
		"globex":  {"acme", "(other)", ids["acme"], ids["(other)"]},
		"(other)": {"acme", "globex", `(other)"`, ids["acme"], ids["globex"], ids["(other)"]},
	}
	for as, secrets := range forbidden {
		secrets = append(secrets, "hunter2", "orders-database", "panic:", "_test.", `"organizations",`)
		for _, call := range calls {
			if call.path == "openapi.json" || call.path == "session" {
				continue // the same for all, and has the names of fields; the principal itself
			}
			a := s.do(as, call.method, call.path, call.body)
			for _, secret := range secrets {
				if strings.Contains(a.raw, secret) {
					t.Errorf("%s %s tells %s of %s: %.300s", call.method, call.path, as, secret, a.raw)
				}
			}
		}
	}
	if a := s.do("root", "GET", "diagnostics/", ""); !strings.Contains(a.raw, "globex") || !strings.Contains(a.raw, "hunter2") {
		t.Errorf("the super admin is told too little: %.300s", a.raw)
	}
}

// Counts hold only what the principal sees.
func TestCounts(t *testing.T) {
	s, _ := tenants(t)
	count := func(as string) (held, active int) {
		counts := s.do(as, "GET", "diagnostics/", "").body["alerts"].(map[string]any)
		return int(counts["held"].(float64)), int(counts["active"].(float64))
	}
	for _, as := range []string{"acme", "globex", "(other)", "root"} {
		held, active := count(as)
		listed, listedActive := len(s.do(as, "GET", "alerts/?limit=1000", "").list("alerts")), len(s.do(as, "GET", "alerts/?active_only=true&limit=1000", "").list("alerts"))
		if held != listed || active != listedActive || held == 0 {
			t.Errorf("%s is told of %d alerts, %d of them active, and sees %d and %d", as, held, active, listed, listedActive)
		}
	}
	held, _ := count("acme")
	if all, _ := count("root"); held >= all {
		t.Errorf("acme counts %d of %d alerts", held, all)
	}
	before := s.do("acme", "GET", "diagnostics/", "").raw
	s.raise("another", "globex")
	if diff := cmp.Diff(before, s.do("acme", "GET", "diagnostics/", "").raw); diff != "" {
		t.Errorf("an alert of globex shows in the diagnostics of acme (-want +got):\n%s", diff)
	}
}

// What one may not see answers as what is not there.
func TestUnseenIsNotFound(t *testing.T) {
	s, ids := tenants(t)
	same := func(as, path, unseen, missing string) {
		t.Helper()
		a, b := s.do(as, "GET", path+url.QueryEscape(unseen), ""), s.do(as, "GET", path+url.QueryEscape(missing), "")
		if a.status != 404 || strings.ReplaceAll(a.raw, unseen, missing) != b.raw {
			t.Errorf("%s%s: %d %s; what is not there: %s", path, unseen, a.status, a.raw, b.raw)
		}
	}
	for _, as := range []string{"acme", "(other)"} {
		same(as, "series/?organization=", "globex", "nobody")
		same(as, "series/?organization=", "(other)", "nobody")
		same(as, "alerts/", ids["globex"], strings.Repeat("0", 26))
		same(as, "alerts/", ids["(other)"], strings.Repeat("0", 26))
	}
	for as, path := range map[string]string{"acme": "series/?organization=acme", "globex": "alerts/" + ids["globex"], "root": "series/?organization=%28other%29"} {
		if a := s.do(as, "GET", path, ""); a.status != 200 {
			t.Errorf("%s gets %d of %s: %s", as, a.status, path, a.raw)
		}
	}
}

// The error text of a store is for super admins.
func TestStoreErrors(t *testing.T) {
	store := &brokenStore{}
	s := serve(t, perfmon.WithStore(store))
	store.broken = true
	if a := s.do("root", "PUT", "config/", `{"updates":{"trend_analysis":false}}`); a.status != 503 || strings.Contains(a.raw, "hunter2") {
		t.Errorf("%d %s", a.status, a.raw)
	}
	for _, path := range []string{"health/", "dashboard/", "diagnostics/"} {
		if a := s.do("acme", "GET", path, ""); strings.Contains(a.raw, "hunter2") || !strings.Contains(a.raw, "The store fails.") {
			t.Errorf("%s tells acme: %s", path, a.raw)
		}
		if a := s.do("root", "GET", path, ""); !strings.Contains(a.raw, "hunter2") {
			t.Errorf("%s does not tell root why the store fails: %s", path, a.raw)
		}
	}
}

// brokenStore keeps nothing.
type brokenStore struct{ broken bool }

func (b *brokenStore) Append(context.Context, uint64, []perfmon.Record) error { return b.err() }
func (b *brokenStore) AddPoint(context.Context, perfmon.Point) error          { return b.err() }
func (b *brokenStore) Load(context.Context, func(perfmon.Record) error, func(perfmon.Point) error) error {
	return nil
}

func (b *brokenStore) err() error {
	if b.broken {
		return errors.New("dial postgres://shop:hunter2@db")
	}
	return nil
}

// A token from the environment is checked as any other, and its variable is named.
func TestBearerTokenFromEnv(t *testing.T) {
	m, err := perfmon.New(perfmon.WithoutSystemMetrics())
	if err != nil {
		t.Fatal(err)
	}
	for value, want := range map[string]string{
		"": "PERFMON_TEST_TOKEN is not set", "topsecret": "PERFMON_TEST_TOKEN", "fifteen-bytes-x": "it has 15 bytes", "sixteen-bytes-xy": "",
	} {
		t.Setenv("PERFMON_TEST_TOKEN", value)
		_, err := httpapi.New(m, httpapi.WithBearerTokenFromEnv("PERFMON_TEST_TOKEN"))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", value, err, want)
		}
	}
}

// What is wrong with the service as a whole is everybody's business.
func TestServiceAlertsAreSeenByAll(t *testing.T) {
	s, _ := tenants(t)
	id := s.raise("backup_age", "")
	for _, as := range []string{"acme", "(other)", "root"} {
		if a := s.do(as, "GET", "alerts/", ""); !strings.Contains(a.raw, id) {
			t.Errorf("%s does not see the service's alert: %.300s", as, a.raw)
		}
	}
}
