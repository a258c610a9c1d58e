package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/httpapi"
	"github.com/backend-prs/perfmon/middleware"
)

const token = "0123456789abcdef"

// served is a monitor on a mock clock and its API.
type served struct {
	*perfmon.Monitor
	t       testing.TB
	clock   *clock.Mock
	rec     *perfmon.Recorder
	samples chan perfmon.Sample
	api     http.Handler
}

// serve makes one whose authorizer goes by the header "As": "root", or the name of an
// organization that the request's author administrates.
func serve(t testing.TB, opts ...perfmon.Option) *served {
	t.Helper()
	s := &served{t: t, clock: clock.NewMock(), samples: make(chan perfmon.Sample, 1)}
	s.clock.Set(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	m, err := perfmon.New(append(opts, perfmon.WithClock(s.clock), perfmon.WithoutSystemMetrics(),
		perfmon.WithService(perfmon.Service{Name: "shop", Environment: "test", Instance: "i-1", Version: "v1"}))...)
	if err != nil {
		t.Fatal(err)
	}
	s.Monitor, s.rec = m, m.NewRecorder()
	m.Subscribe(func(sample perfmon.Sample) { s.samples <- sample })
	if err := m.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	s.api, err = httpapi.New(m, httpapi.WithAuthorizer(func(r *http.Request) (httpapi.Principal, error) {
		switch as := r.Header.Get("As"); as {
		case "":
			return httpapi.Principal{}, httpapi.ErrUnauthenticated
		case "root":
			return httpapi.Principal{Name: "root", SuperAdmin: true}, nil
		case "nobody":
			return httpapi.Principal{Name: "nobody"}, nil
		case "refused":
			return httpapi.Principal{SuperAdmin: true}, errors.New("secret reason")
		case "panic":
			panic("secret panic")
		default:
			return httpapi.Principal{Name: "admin of " + as, Organization: as}, nil
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *served) step() {
	s.t.Helper()
	s.clock.Add(s.Step())
	select {
	case <-s.samples:
	case <-time.After(30 * time.Second):
		s.t.Fatal("no sample came of a step")
	}
}

// load makes n steps of requests of which a share fails.
func (s *served) load(n, percent int) {
	s.t.Helper()
	for range n {
		for i := range 100 {
			r := perfmon.Response{Method: "GET", Pattern: "/orders/{id}", Status: 200, Organization: "acme"}
			if i < percent {
				r.Status = 500
			}
			s.rec.Record(time.Duration(1+i)*time.Millisecond, &r)
		}
		s.step()
	}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   map[string]any
	raw    string
}

func (s *served) do(as, method, path, body string) answer {
	s.t.Helper()
	r := httptest.NewRequest(method, httpapi.DefaultPrefix+path, strings.NewReader(body))
	if as != "" {
		r.Header.Set("As", as)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	s.api.ServeHTTP(w, r)
	a := answer{status: w.Code, header: w.Header(), raw: w.Body.String()}
	if method != http.MethodHead {
		if err := json.Unmarshal(w.Body.Bytes(), &a.body); err != nil {
			s.t.Fatalf("%s %s answers %d with no JSON: %v\n%s", method, path, w.Code, err, w.Body)
		}
	}
	return a
}

func TestAccess(t *testing.T) {
	s := serve(t)
	for as, want := range map[string]int{"": 401, "root": 200, "acme": 200, "nobody": 403, "refused": 403, "panic": 500} {
		for _, path := range []string{"dashboard/", "alerts/", "thresholds/", "health/", "diagnostics/"} {
			a := s.do(as, "GET", path, "")
			if a.status != want {
				t.Errorf("%q gets %d of %s, want %d", as, a.status, path, want)
			}
			if strings.Contains(a.raw, "secret") {
				t.Errorf("the answer tells the host's own words: %s", a.raw)
			}
			if want != 200 && a.header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("a problem comes as %s", a.header.Get("Content-Type"))
			}
		}
	}
	if a := s.do("", "GET", "health/", ""); !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer") {
		t.Error("a 401 without WWW-Authenticate")
	}
	// Whoever may not come in learns nothing of what there is.
	if a := s.do("", "GET", "nothing/", ""); a.status != 401 {
		t.Errorf("%d for an unknown call without a name", a.status)
	}
}

func TestWithoutAuthorizerEverythingIsRefused(t *testing.T) {
	s := serve(t)
	api, err := httpapi.New(s.Monitor)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	api.ServeHTTP(w, httptest.NewRequest("GET", httpapi.DefaultPrefix+"health/", nil))
	if w.Code != 403 || !strings.Contains(w.Body.String(), "has no authorizer") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestBearerToken(t *testing.T) {
	s := serve(t)
	api, err := httpapi.New(s.Monitor, httpapi.WithBearerToken(token))
	if err != nil {
		t.Fatal(err)
	}
	for header, want := range map[string]int{
		"Bearer " + token: 200, "bearer " + token: 200, "Bearer " + token + "x": 401, "Bearer": 401, "Bearer ": 401,
		"Basic " + token: 401, token: 401, "": 401,
	} {
		r := httptest.NewRequest("GET", httpapi.DefaultPrefix+"health", nil)
		r.Header.Set("Authorization", header)
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%q gets %d, want %d", header, w.Code, want)
		}
	}
}

func TestBadOptions(t *testing.T) {
	m, err := perfmon.New()
	if err != nil {
		t.Fatal(err)
	}
	for want, opt := range map[string]httpapi.Option{
		"authorizer":   httpapi.WithAuthorizer(nil),
		"bearer token": httpapi.WithBearerToken("short"),
		"prefix":       httpapi.WithPrefix("api"),
	} {
		if _, err := httpapi.New(m, opt); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if _, err := httpapi.New(m, httpapi.WithBearerToken("topsecret")); strings.Contains(err.Error(), "topsecret") {
		t.Error("the error tells the token")
	}
	if _, err := httpapi.New(nil); err == nil {
		t.Error("a nil monitor is accepted")
	}
}

// Under any prefix, on any mux, with or without the slash at the end.
func TestMounting(t *testing.T) {
	s := serve(t)
	mount := func(prefix string) http.Handler {
		api, err := httpapi.New(s.Monitor, httpapi.WithBearerToken(token), httpapi.WithPrefix(prefix))
		if err != nil {
			t.Fatal(err)
		}
		return api
	}
	plain := http.NewServeMux()
	plain.Handle("/ops/perf/", mount("/ops/perf"))
	stripped := http.NewServeMux()
	stripped.Handle("/deep/down/", http.StripPrefix("/deep/down", mount("/whatever/")))
	root := http.NewServeMux()
	root.Handle("/", mount("/"))
	for name, test := range map[string]struct {
		h    http.Handler
		path string
		want int
	}{
		"slash":       {plain, "/ops/perf/health/", 200},
		"no slash":    {plain, "/ops/perf/health", 200},
		"stripped":    {stripped, "/deep/down/health/", 200},
		"at the root": {root, "/health", 200},
		"unknown":     {plain, "/ops/perf/nothing/", 404},
		"deeper":      {plain, "/ops/perf/health/more", 404},
	} {
		r := httptest.NewRequest("GET", test.path, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		test.h.ServeHTTP(w, r)
		if w.Code != test.want {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

// The API's own requests are no traffic of the service.
func TestOwnRequestsAreNotCounted(t *testing.T) {
	s := serve(t)
	h := middleware.New(s.Monitor)(s.api)
	for range 3 {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", httpapi.DefaultPrefix+"health/", nil))
	}
	s.step()
	if n := s.Requests(0).Requests; n != 0 {
		t.Errorf("%d requests are counted", n)
	}
}

// Every bad parameter gets a problem that names it.
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
		{"GET", "dashboard/?hours=one", "", 400, "hours"},
		{"GET", "dashboard/?hours=", "", 400, "hours"},
		{"GET", "dashboard/?hours=1&hours=2", "", 400, "hours"},
		{"GET", "dashboard/?trends=yes", "", 400, "trends"},
		{"GET", "dashboard/?alerts=1", "", 400, "alerts"},
		{"GET", "dashboard/?points=0", "", 400, "points"},
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
		{"GET", "health/?verbose=true", "", 400, "verbose"},
		{"GET", "thresholds/?metric=x", "", 400, "metric"},
		{"GET", "diagnostics/?x=y", "", 400, "x"},

		{"POST", "alerts/", ``, 415, "Content-Type"},
		{"POST", "alerts/", `[]`, 400, "body"},
		{"POST", "alerts/", `{"action":`, 400, "body"},
		{"POST", "alerts/", `{} {}`, 400, "body"},
		{"POST", "alerts/", `{"action":"delete","alert_ids":["x"]}`, 400, "action"},
		{"POST", "alerts/", `{"action":7,"alert_ids":["x"]}`, 400, "action"},
		{"POST", "alerts/", `{"action":"dismiss"}`, 400, "alert_ids"},
		{"POST", "alerts/", `{"action":"dismiss","alert_ids":[]}`, 400, "alert_ids"},
		{"POST", "alerts/", `{"action":"dismiss","alert_ids":"x"}`, 400, "alert_ids"},
		{"POST", "alerts/", `{"action":"dismiss","ids":["x"]}`, 400, "ids"},
		{"POST", "alerts/?force=true", `{"action":"dismiss","alert_ids":["x"]}`, 400, "force"},
		{"POST", "alerts/", `{"action":"dismiss","alert_ids":["` + strings.Repeat("x", 70_000) + `"]}`, 413, "body"},

		{"PUT", "thresholds/", `{"metric_name":"cpu","updates":{"enabled":true}}`, 400, "metric_name"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate"}`, 400, "updates"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":{}}`, 400, "updates"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":[]}`, 400, "updates"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":{"warn":1}}`, 400, "warn"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":{"warning_threshold":"5"}}`, 400, "warning_threshold"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":{"warning_threshold":null}}`, 400, "warning_threshold"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":{"warning_threshold":1e999}}`, 400, "warning_threshold"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":{"warning_threshold":50}}`, 400, "critical_threshold"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":{"comparison":"more"}}`, 400, "comparison"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":{"comparison":""}}`, 400, "comparison"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":{"consecutive_violations":0}}`, 400, "consecutive_violations"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":{"consecutive_violations":2.5}}`, 400, "consecutive_violations"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":{"cooldown_minutes":-1}}`, 400, "cooldown_minutes"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":{"cooldown_minutes":1e9}}`, 400, "cooldown_minutes"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","updates":{"enabled":"yes"}}`, 400, "enabled"},
		{"PUT", "thresholds/", `{"metric_name":"error_rate","scope":"user","updates":{"enabled":true}}`, 400, "scope"},
		{"PUT", "thresholds/", `{"metric_name":"goroutines","updates":{"critical_threshold":1}}`, 400, "warning_threshold"},
		{"PUT", "thresholds/", `{"metric_name":"goroutines","scope":"endpoint","updates":{"warning_threshold":1,"critical_threshold":2}}`, 400, "scope"},

		{"DELETE", "alerts/", "", 405, ""},
		{"POST", "dashboard/", "", 405, ""},
		{"GET", "nothing/", "", 404, ""},
		{"GET", "", "", 404, ""},
	}
	before := s.do("root", "GET", "thresholds/", "").raw
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
	if diff := cmp.Diff(before, s.do("root", "GET", "thresholds/", "").raw); diff != "" {
		t.Errorf("bad requests changed a threshold (-want +got):\n%s", diff)
	}
	if a := s.do("root", "DELETE", "alerts/", ""); a.header.Get("Allow") != "GET, POST" {
		t.Errorf("Allow is %q", a.header.Get("Allow"))
	}
}

func TestHead(t *testing.T) {
	s := serve(t)
	if a := s.do("root", "HEAD", "health/", ""); a.status != 200 || a.raw != "" {
		t.Errorf("%d %q", a.status, a.raw)
	}
}

// Answers are not kept by anyone, nor taken for anything but JSON.
func TestHeaders(t *testing.T) {
	s := serve(t)
	for _, as := range []string{"root", ""} {
		a := s.do(as, "GET", "health/", "")
		if a.header.Get("Cache-Control") != "no-store" || a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%q: %v", as, a.header)
		}
	}
}

func TestOverARealConnection(t *testing.T) {
	s := serve(t)
	s.load(6, 0)
	api, err := httpapi.New(s.Monitor, httpapi.WithBearerToken(token))
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(httpapi.DefaultPrefix, api)
	server := httptest.NewServer(middleware.New(s.Monitor)(mux))
	defer server.Close()
	r, err := http.NewRequest("GET", server.URL+httpapi.DefaultPrefix+"dashboard/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 || !json.Valid(body) {
		t.Errorf("%v %d %.200s", err, resp.StatusCode, body)
	}
}
