package httpapi_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/httpapi"
	"github.com/backend-prs/perfmon/middleware"
)

func TestBadOptions(t *testing.T) {
	m, err := perfmon.New()
	if err != nil {
		t.Fatal(err)
	}
	sign := httpapi.WithBearerToken(token)
	for name, test := range map[string]struct {
		m    *perfmon.Monitor
		opts []httpapi.Option
		want []string
	}{
		"nil monitor":      {nil, nil, []string{"monitor: nil is not valid"}},
		"nil option":       {m, []httpapi.Option{sign, nil}, []string{"option 2: nil is not valid"}},
		"nil authorizer":   {m, []httpapi.Option{httpapi.WithAuthorizer(nil)}, []string{"authorizer: nil is not valid"}},
		"two authorizers":  {m, []httpapi.Option{sign, sign}, []string{"authorizer: there is one already"}},
		"nil logger":       {m, []httpapi.Option{httpapi.WithLogger(nil)}, []string{"logger: nil is not valid"}},
		"relative prefix":  {m, []httpapi.Option{httpapi.WithPrefix("api")}, []string{`prefix: "api" is not valid`}},
		"pattern":          {m, []httpapi.Option{httpapi.WithPrefix("/{x}/")}, []string{`prefix: "/{x}/" is not valid`}},
		"doubled slash":    {m, []httpapi.Option{httpapi.WithPrefix("/a//b")}, []string{`prefix: "/a//b" is not valid`}},
		"parent":           {m, []httpapi.Option{httpapi.WithPrefix("/a/../b")}, []string{"prefix"}},
		"short token":      {m, []httpapi.Option{httpapi.WithBearerToken("topsecret")}, []string{"bearer token: it has 9 bytes: want at least 16; "}},
		"empty token":      {m, []httpapi.Option{httpapi.WithBearerToken("")}, []string{"bearer token: it is empty", "environment variable"}},
		"blank token":      {m, []httpapi.Option{httpapi.WithBearerToken(" \n")}, []string{"bearer token: it is empty"}},
		"space in a token": {m, []httpapi.Option{httpapi.WithBearerToken("topsecret topsecret")}, []string{"bearer token: it has a space"}},
		"line in a token":  {m, []httpapi.Option{httpapi.WithBearerToken("topsecret\ntopsecret")}, []string{"bearer token: it has a space"}},
		"several":          {m, []httpapi.Option{httpapi.WithBearerToken("topsecret"), httpapi.WithPrefix("api"), nil}, []string{"bearer token", "prefix", "option 3"}},
	} {
		_, err := httpapi.New(test.m, test.opts...)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		for _, want := range test.want {
			if !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "httpapi: ") {
				t.Errorf("%s: %q does not say %q", name, err, want)
			}
		}
		if strings.Contains(err.Error(), "topsecret") {
			t.Errorf("%s: the error tells the token: %v", name, err)
		}
	}
}

func TestBearerToken(t *testing.T) {
	s := serve(t)
	api, err := httpapi.New(s.Monitor, httpapi.WithBearerToken(token+"\r\n")) // as a file has it
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

// The prefix is required, under any prefix and on any mux, with or without the slash at
// the end.
func TestMounting(t *testing.T) {
	s := serve(t)
	api := func(opts ...httpapi.Option) http.Handler {
		api, err := httpapi.New(s.Monitor, append(opts, httpapi.WithBearerToken(token))...)
		if err != nil {
			t.Fatal(err)
		}
		return api
	}
	mounted := func(at string, h http.Handler) http.Handler {
		mux := http.NewServeMux()
		mux.Handle(at, h)
		return mux
	}
	standard := api()
	custom := mounted("/ops/perf/", api(httpapi.WithPrefix("/ops/perf")))
	stripped := mounted("/deep/down/", http.StripPrefix("/deep/down", api()))
	strippedWhole := mounted("/deep/down/", http.StripPrefix("/deep/down/", api(httpapi.WithPrefix("/whatever"))))
	outer := http.StripPrefix("/outer", api())
	root := mounted("/", api(httpapi.WithPrefix("/")))
	for name, test := range map[string]struct {
		h    http.Handler
		path string
		want int
	}{
		"default":                    {standard, "/api/monitoring/performance/health/", 200},
		"default, no slash":          {standard, "/api/monitoring/performance/health", 200},
		"no slash between":           {standard, "/api/monitoring/performancehealth", 404},
		"mounted wider":              {standard, "/health", 404},
		"mounted wider, slash":       {standard, "/health/", 404},
		"absolute form":              {standard, "http://example.com/health", 404},
		"two slashes":                {standard, "/api/monitoring/performance//health", 404},
		"two slashes behind":         {standard, "/api/monitoring/performance/health//", 404},
		"the mount":                  {standard, "/api/monitoring/performance/", 200},
		"the mount, no slash":        {standard, "/api/monitoring/performance", 308},
		"the mount, two slashes":     {standard, "/api/monitoring/performance//", 404},
		"above":                      {standard, "/api/monitoring", 404},
		"custom":                     {custom, "/ops/perf/health/", 200},
		"custom, no slash":           {custom, "/ops/perf/health", 200},
		"unknown":                    {custom, "/ops/perf/nothing/", 404},
		"deeper":                     {custom, "/ops/perf/health/more", 404},
		"stripped":                   {stripped, "/deep/down/health/", 200},
		"stripped, no slash":         {stripped, "/deep/down/health", 200},
		"stripped with its slash":    {strippedWhole, "/deep/down/health/", 200},
		"stripped in part":           {outer, "/outer/api/monitoring/performance/health", 200},
		"stripped, no slash between": {outer, "/outerhealth", 404},
		"at the root":                {root, "/health", 200},
	} {
		r := httptest.NewRequest("GET", test.path, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		test.h.ServeHTTP(w, r)
		if w.Code != test.want {
			t.Errorf("%s: %d, want %d: %s", name, w.Code, test.want, w.Body)
		}
	}
}

// 405 names all methods that the path takes.
func TestMethods(t *testing.T) {
	s := serve(t)
	for path, want := range map[string]string{
		"alerts/": "GET, HEAD, POST", "alerts/x/": "GET, HEAD", "thresholds/": "DELETE, GET, HEAD, PUT", "health/": "GET, HEAD",
		"config/": "GET, HEAD, PUT", "baseline/": "GET, HEAD, POST", "livez/": "GET, HEAD",
		"session": "DELETE, GET, HEAD, POST", "": "GET, HEAD", "page/app.js": "GET, HEAD",
	} {
		a := s.do("root", "PATCH", path, "")
		if a.status != 405 || a.header.Get("Allow") != want || !strings.Contains(a.raw, want) {
			t.Errorf("%s: %d, Allow is %q, want %q: %s", path, a.status, a.header.Get("Allow"), want, a.raw)
		}
	}
}

// HEAD has the headers of GET and no body.
func TestHead(t *testing.T) {
	s := serve(t)
	for _, path := range []string{"health/", "dashboard/", "alerts/", "alerts/x/", "nothing/", "series/?hours=x", "livez/"} {
		get, head := s.do("root", "GET", path, ""), s.do("root", "HEAD", path, "")
		if head.status != get.status || head.raw != "" || head.header.Get("Content-Length") != get.header.Get("Content-Length") {
			t.Errorf("%s: %d %q %v, GET has %d %v", path, head.status, head.raw, head.header, get.status, get.header)
		}
	}
}

// Nobody keeps answers, nor takes them for anything but JSON.
func TestHeaders(t *testing.T) {
	s := serve(t)
	for _, as := range []string{"root", ""} {
		a := s.do(as, "GET", "health/", "")
		if a.header.Get("Cache-Control") != "no-store" || a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%q: %v", as, a.header)
		}
	}
}

// A browser may change nothing for a page of another origin.
func TestOtherOrigins(t *testing.T) {
	s := serve(t)
	for name, test := range map[string]struct {
		method, path, header, value string
		want                        int
	}{
		"another site":    {"POST", "alerts/", "Sec-Fetch-Site", "cross-site", 403},
		"another origin":  {"PUT", "config/", "Origin", "https://evil.example", 403},
		"removing":        {"DELETE", "thresholds/?metric_name=error_rate", "Sec-Fetch-Site", "same-site", 403},
		"the same origin": {"DELETE", "thresholds/?metric_name=error_rate", "Sec-Fetch-Site", "same-origin", 204},
		"reading":         {"GET", "health/", "Sec-Fetch-Site", "cross-site", 200},
	} {
		r := httptest.NewRequest(test.method, httpapi.DefaultPrefix+test.path, nil)
		r.Header.Set("As", "root")
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set(test.header, test.value)
		if a := s.answer(r); a.status != test.want {
			t.Errorf("%s: %d, want %d: %s", name, a.status, test.want, a.raw)
		}
	}
}

// Every call that changes something is refused for a page of another origin, and where a
// body is no JSON.
func TestEveryChangeIsGuarded(t *testing.T) {
	s := serve(t)
	before, changes := s.records(), 0
	for _, call := range calls {
		if call.method == "GET" || call.forSuperAdmins == 405 {
			continue
		}
		changes++
		for header, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
			r := httptest.NewRequest(call.method, httpapi.DefaultPrefix+call.path, strings.NewReader(call.body))
			r.Header.Set("As", "root")
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set(header, value)
			if a := s.answer(r); a.status != 403 || !strings.Contains(a.raw, "another origin") {
				t.Errorf("%s %s with %s: %s answers %d: %s", call.method, call.path, header, value, a.status, a.raw)
			}
		}
		if call.body == "" {
			continue
		}
		for _, contentType := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"} {
			r := httptest.NewRequest(call.method, httpapi.DefaultPrefix+call.path, strings.NewReader(call.body))
			r.Header.Set("As", "root")
			r.Header.Set("Content-Type", contentType)
			if a := s.answer(r); a.status != 415 {
				t.Errorf("%s %s as %q answers %d: %s", call.method, call.path, contentType, a.status, a.raw)
			}
		}
	}
	if after := s.records(); after != before || changes < 5 {
		t.Errorf("%d changes were made by %d calls", after-before, changes)
	}
}

// A panic of the authorizer can be found in the log by what the client was told.
func TestPanics(t *testing.T) {
	s := serve(t)
	a := s.do("panic", "GET", "health/?x="+strings.Repeat("y", 1000), "")
	reference, _ := a.body["reference"].(string)
	if a.status != 500 || reference == "" || !strings.Contains(a.body["detail"].(string), reference) || strings.Contains(a.raw, "secret") {
		t.Errorf("%d %s", a.status, a.raw)
	}
	line := receive(t, s.logged)
	for _, want := range []string{"reference=" + reference, "secret panic", "harness_test.go", "method=GET", "path=/api/monitoring/performance/health/"} {
		if !strings.Contains(line, want) {
			t.Errorf("the log does not say %q: %s", want, line)
		}
	}
}

// hostile is a panic value and a log writer that panic themselves.
type hostile struct{ wrote chan bool }

func (hostile) Error() string { panic("no text") }

func (h hostile) Write([]byte) (int, error) {
	h.wrote <- true
	panic("no log")
}

func TestPanicsThatPanic(t *testing.T) {
	s := serve(t)
	h := hostile{make(chan bool)}
	api, err := httpapi.New(s.Monitor, httpapi.WithLogger(slog.New(slog.NewTextHandler(h, nil))),
		httpapi.WithAuthorizer(func(*http.Request) (httpapi.Principal, error) { panic(h) }))
	if err != nil {
		t.Fatal(err)
	}
	for range 100 { // the logger blocks for good: nothing waits for it
		w := httptest.NewRecorder()
		api.ServeHTTP(w, httptest.NewRequest("GET", httpapi.DefaultPrefix+"health/", nil))
		if w.Code != 500 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	receive(t, h.wrote)
}

func TestAbortedHandlersAbort(t *testing.T) {
	s := serve(t)
	api, err := httpapi.New(s.Monitor, httpapi.WithAuthorizer(func(*http.Request) (httpapi.Principal, error) { panic(http.ErrAbortHandler) }))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if p := recover(); p != http.ErrAbortHandler {
			t.Errorf("recovered %v", p)
		}
	}()
	api.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", httpapi.DefaultPrefix+"health/", nil))
}

func receive[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(30 * time.Second):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// Probes need no principal and say nothing but a status.
func TestProbes(t *testing.T) {
	s := serve(t)
	probe := func(when string, livez, readyz int) {
		t.Helper()
		for path, want := range map[string]int{"livez": livez, "livez/": livez, "readyz": readyz, "readyz/": readyz} {
			if a := s.do("", "GET", path, ""); a.status != want || a.raw != "" {
				t.Errorf("%s %s answers %d %q, want %d", when, path, a.status, a.raw, want)
			}
		}
	}
	probe("before the first sample", 200, 503)
	s.step()
	probe("after it", 200, 200)
	for range 2 {
		if err := s.api.Close(); err != nil {
			t.Fatal(err)
		}
	}
	probe("with the API closed", 200, 503)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	probe("with the monitor closed", 503, 503)
	if a := s.do("", "POST", "livez", ""); a.status != 401 {
		t.Errorf("POST livez answers %d", a.status)
	}
	off := serve(t, perfmon.WithEnabled(false))
	if a := off.do("", "GET", "readyz", ""); a.status != 200 {
		t.Errorf("readyz answers %d while the monitor is switched off", a.status)
	}
}

// The API's own requests are no traffic of the service, however many middlewares there
// are.
func TestOwnRequestsAreNotCounted(t *testing.T) {
	s := serve(t)
	h := middleware.New(s.Monitor)(middleware.New(s.Monitor)(s.api))
	for range 3 {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", httpapi.DefaultPrefix+"health/", nil))
	}
	s.step()
	if n := s.History().Requests(0).Requests; n != 0 {
		t.Errorf("%d requests are counted", n)
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
