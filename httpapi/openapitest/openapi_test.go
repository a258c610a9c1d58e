// Package openapitest holds a running service against the description that it serves. It
// is a module of its own, so that the validator is a dependency of nobody else.
package openapitest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/httpapi"
)

// described is the part of a description that the tests read.
type described struct {
	Paths map[string]map[string]json.RawMessage `json:"paths"`
	raw   []byte
}

// operation is one call.
type operation struct {
	Parameters []struct {
		Name     string `json:"name"`
		In       string `json:"in"`
		Required bool   `json:"required"`
	} `json:"parameters"`
	RequestBody *struct {
		Content map[string]struct {
			Schema struct {
				Properties map[string]struct {
					Properties map[string]any `json:"properties"`
				} `json:"properties"`
			} `json:"schema"`
		} `json:"content"`
	} `json:"requestBody"`
	Responses map[string]struct {
		Ref     string                     `json:"$ref"`
		Headers map[string]any             `json:"headers"`
		Content map[string]json.RawMessage `json:"content"`
	} `json:"responses"`
}

// operations are all calls by method and path, such as "GET /alerts/".
func (d described) operations(t *testing.T) map[string]operation {
	t.Helper()
	found := map[string]operation{}
	for path, item := range d.Paths {
		for method, raw := range item {
			if method == "parameters" {
				continue
			}
			var op operation
			if err := json.Unmarshal(raw, &op); err != nil {
				t.Fatal(err)
			}
			found[strings.ToUpper(method)+" "+path] = op
		}
	}
	return found
}

// service is a monitor on a mock clock with its API.
type service struct {
	*perfmon.Monitor
	t       *testing.T
	clock   *clock.Mock
	api     *httpapi.API
	samples chan perfmon.Sample
}

func serve(t *testing.T) *service {
	t.Helper()
	s := &service{t: t, clock: clock.NewMock(), samples: make(chan perfmon.Sample, 1)}
	s.clock.Set(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	m, err := perfmon.New(perfmon.WithNotifier("chat", notifier{}), perfmon.WithNotifier("pager", notifier{errors.New("no such key")}), perfmon.WithNotificationGrouping(0),
		perfmon.WithClock(s.clock), perfmon.WithInterval(10*time.Second), perfmon.WithCollector(broken{}), perfmon.WithService(perfmon.Service{Name: "shop", Version: "v1"}))
	if err != nil {
		t.Fatal(err)
	}
	s.Monitor = m
	m.Subscribe(func(sample perfmon.Sample) { s.samples <- sample })
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	s.api, err = httpapi.New(m, httpapi.WithAuthorizer(func(r *http.Request) (httpapi.Principal, error) {
		switch as := r.Header.Get("As"); as {
		case "":
			return httpapi.Principal{}, httpapi.ErrUnauthenticated
		case "panic":
			panic("for a 500")
		case "root":
			return httpapi.Principal{Name: "root", SuperAdmin: true}, nil
		case "nobody":
			return httpapi.Principal{}, nil
		default:
			return httpapi.Principal{Name: as, Organization: as}, nil
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// notifier is one that fails with an error for good, or takes everything.
type notifier struct{ err error }

func (n notifier) Notify(context.Context, perfmon.Notification) error {
	if n.err != nil {
		return &perfmon.UndeliverableError{Err: n.err}
	}
	return nil
}

// broken is a collector that fails.
type broken struct{}

func (broken) Name() string              { return "broken" }
func (broken) Metrics() []perfmon.Metric { return []perfmon.Metric{{Name: "orders", Unit: "count"}} }
func (broken) Collect(context.Context, func(string, float64)) error {
	return fmt.Errorf("out of order")
}

// load makes n steps in which a share of the requests fails.
func (s *service) load(n, percent int, took time.Duration) {
	s.t.Helper()
	rec := s.NewRecorder()
	for range n {
		for i := range 100 {
			r := perfmon.Response{Method: "GET", Pattern: "/orders/{id}", Status: 200, Organization: "acme"}
			if i < percent {
				r.Status = 500
			}
			rec.Record(took+time.Duration(i)*time.Millisecond, &r)
		}
		s.clock.Add(s.Step())
		select {
		case <-s.samples:
		case <-time.After(30 * time.Second):
			s.t.Fatal("no sample came of a step")
		}
	}
}

// prefix is where the API is mounted, without the slash at its end.
const prefix = "/api/monitoring/performance"

func (s *service) do(as, method, path, body string) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequest(method, prefix+path, strings.NewReader(body))
	r.Header.Set("As", as)
	if body != "" && !strings.HasPrefix(body, "no JSON") {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	s.api.ServeHTTP(w, r)
	return w
}

// description is what the service says of itself.
func (s *service) description() described {
	s.t.Helper()
	d := described{raw: s.do("root", "GET", "/openapi.json", "").Body.Bytes()}
	if err := json.Unmarshal(d.raw, &d); err != nil {
		s.t.Fatal(err)
	}
	return d
}

// listed returns the words of a detail between two texts.
func listed(detail, before, after string) []string {
	_, rest, found := strings.Cut(detail, before)
	if !found {
		return nil
	}
	list, _, _ := strings.Cut(rest, after)
	words := strings.Split(list, ", ")
	slices.Sort(words)
	return words
}

// Every call is described, with every method, and nothing else is.
func TestEveryCallIsDescribed(t *testing.T) {
	s := serve(t)
	var want, got []string
	for _, path := range listed(s.do("root", "GET", "/nothing/", "").Body.String(), "There are: ", `."`) {
		for _, method := range strings.Split(s.do("root", "TRACE", "/"+path, "").Header().Get("Allow"), ", ") {
			if method != "HEAD" {
				want = append(want, method+" /"+strings.TrimSuffix(path, "/"))
			}
		}
	}
	for call := range s.description().operations(t) {
		got = append(got, strings.TrimSuffix(call, "/"))
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 10 {
		t.Errorf("(-served +described):\n%s", diff)
	}
}

// Every parameter and field that a call takes is described, and nothing else is.
func TestEveryParameterIsDescribed(t *testing.T) {
	s := serve(t)
	for call, op := range s.description().operations(t) {
		method, path, _ := strings.Cut(call, " ")
		if path == "/livez/" || path == "/readyz/" {
			continue // take none, and look at none
		}
		var parameters []string
		for _, p := range op.Parameters {
			if p.In == "query" {
				parameters = append(parameters, p.Name)
			}
		}
		slices.Sort(parameters)
		query := "?unknown=1"
		if call == "DELETE /thresholds/" {
			query += "&metric_name=error_rate" // which it looks at first
		}
		takes := s.do("root", method, path+query, "{}").Body.String()
		if diff := cmp.Diff(listed(takes, "This call takes: ", `."`), parameters); diff != "" || !strings.Contains(takes, "This call takes") {
			t.Errorf("%s: parameters (-taken +described):\n%s%s", call, diff, takes)
		}
		if op.RequestBody == nil {
			continue
		}
		fields := op.RequestBody.Content["application/json"].Schema.Properties
		takes = s.do("root", method, path, `{"unknown":1}`).Body.String()
		if diff := cmp.Diff(listed(takes, "This body takes: ", `."`), keys(fields)); diff != "" {
			t.Errorf("%s: fields (-taken +described):\n%s", call, diff)
		}
		if updates, ok := fields["updates"]; ok {
			takes = s.do("root", method, path, `{"metric_name":"error_rate","updates":{"unknown":1}}`).Body.String()
			if call == "PUT /config/" {
				takes = s.do("root", method, path, `{"updates":{"unknown":1}}`).Body.String()
			}
			if diff := cmp.Diff(listed(takes, "This updates takes: ", `."`), keys(updates.Properties)); diff != "" {
				t.Errorf("%s: updates (-taken +described):\n%s", call, diff)
			}
		}
	}
}

func keys[V any](m map[string]V) []string {
	var list []string
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

// checker holds answers against the description.
type checker struct {
	t        *testing.T
	calls    map[string]operation
	compiler *jsonschema.Compiler
	seen     map[string]bool // call and status
}

func newChecker(t *testing.T, d described) *checker {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(d.raw))
	if err != nil {
		t.Fatal(err)
	}
	c := &checker{t: t, calls: d.operations(t), compiler: jsonschema.NewCompiler(), seen: map[string]bool{}}
	c.compiler.DefaultDraft(jsonschema.Draft2020)
	c.compiler.AssertFormat()
	if err := c.compiler.AddResource("openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	return c
}

// check holds one answer against the call's description.
func (c *checker) check(call string, w *httptest.ResponseRecorder) {
	c.t.Helper()
	status := fmt.Sprint(w.Code)
	c.seen[call+" "+status] = true
	response, ok := c.calls[call].Responses[status]
	if !ok {
		c.t.Errorf("%s answers %s, which is not described: %.300s", call, status, w.Body)
		return
	}
	method, path, _ := strings.Cut(call, " ")
	pointer := "/paths/" + escape(path) + "/" + strings.ToLower(method) + "/responses/" + status
	media := "application/problem+json"
	if response.Ref != "" {
		pointer = strings.TrimPrefix(response.Ref, "#")
	} else {
		media, _, _ = mime.ParseMediaType(w.Header().Get("Content-Type"))
		if _, ok := response.Content[media]; !ok && w.Body.Len() > 0 {
			c.t.Errorf("%s answers %s as %s, which is not described", call, status, media)
		}
		if _, ok := response.Headers["ETag"]; ok != (w.Header().Get("ETag") != "") {
			c.t.Errorf("%s answers %s with the ETag %q; that it has one is described: %v", call, status, w.Header().Get("ETag"), ok)
		}
	}
	if w.Body.Len() == 0 || !strings.HasSuffix(media, "json") {
		return
	}
	schema, err := c.compiler.Compile("openapi.json#" + pointer + "/content/" + escape(media) + "/schema")
	if err != nil {
		c.t.Fatal(err)
	}
	body, err := jsonschema.UnmarshalJSON(w.Body)
	if err != nil {
		c.t.Fatalf("%s: %v", call, err)
	}
	if err := schema.Validate(body); err != nil {
		c.t.Errorf("%s answers %s: %v", call, status, err)
	}
}

// escape is a name in a JSON pointer.
func escape(s string) string {
	return strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(s)
}

// stream is the call whose answer has no end.
const stream = "GET /realtime/"

// Every answer of a running service is as it is described, and every status that is
// described can be had.
func TestAnswersAreAsDescribed(t *testing.T) {
	s := serve(t)
	c := newChecker(t, s.description())
	ask := func(s *service, as, call, query, body string) {
		t.Helper()
		method, path, _ := strings.Cut(call, " ")
		c.check(call, s.do(as, method, path+query, body))
	}
	reads := func(s *service, as string) {
		for call := range c.calls {
			if call == stream {
				c.check(call, s.do(as, "HEAD", "/realtime/", "")) // GET would go on
				continue
			}
			if strings.HasPrefix(call, "GET ") && !strings.Contains(call, "{id}") {
				ask(s, as, call, "", "")
				s.again(c, as, call)
			}
		}
		ask(s, as, "GET /dashboard/", "?alerts=true&trends=true", "")
		for _, query := range []string{"?type=detailed", "?format=csv", "?format=html"} {
			ask(s, as, "GET /reports/", query, "")
		}
	}
	reads(s, "root") // with nothing there
	ask(s, "root", "POST /baseline/", "", "{}")
	s.load(40, 0, time.Millisecond)
	ask(s, "root", "POST /baseline/", "", `{"duration_minutes":5}`)
	ask(s, "root", "PUT /thresholds/", "", `{"metric_name":"error_rate","scope":"endpoint","applies_to":"GET *","updates":{"warning_threshold":1,"absent_after_seconds":60}}`)
	ask(s, "root", "PUT /thresholds/", "", `{"metric_name":"error_rate","updates":{"cooldown_minutes":5}}`)
	ask(s, "root", "PUT /config/", "", `{"updates":{"sensitivities":{"error_rate":0.3}}}`)
	ask(s, "root", "POST /events/", "", `{"kind":"deploy","version":"v2","title":"t"}`)
	s.load(100, 30, 100*time.Millisecond)
	reads(s, "root")
	reads(s, "acme")
	alerts, _ := s.Alerts().List(perfmon.AlertQuery{Active: true})
	if len(alerts) == 0 || len(s.Baselines().Regressions()) == 0 {
		t.Fatalf("%d alerts, %d regressions: too little to look at", len(alerts), len(s.Baselines().Regressions()))
	}
	for _, action := range []string{"acknowledge", "escalate", "dismiss", "dismiss"} {
		ask(s, "root", "POST /alerts/", "", fmt.Sprintf(`{"action":%q,"alert_ids":[%q,"nothing"]}`, action, alerts[0].ID))
	}
	c.check("GET /alerts/{id}/", s.do("root", "GET", "/alerts/"+alerts[0].ID, ""))
	c.check("GET /alerts/{id}/", s.do("root", "GET", "/alerts/nothing", ""))
	ask(s, "root", "GET /series/", "?endpoint=GET+/orders/%7Bid%7D", "")
	ask(s, "root", "GET /series/", "?organization=nobody", "")
	ask(s, "root", "GET /anomalies/", "?endpoint=GET+/orders/%7Bid%7D", "")
	ask(s, "root", "GET /anomalies/", "?organization=nobody", "")
	ask(s, "root", "GET /baseline/", "?name=nothing", "")
	ask(s, "root", "PUT /thresholds/", "", `{"metric_name":"nothing","updates":{"warning_threshold":1}}`)
	ask(s, "root", "POST /thresholds/backtest/", "", `{"metric_name":"error_rate","scope":"endpoint","updates":{"warning_threshold":1}}`)
	ask(s, "acme", "POST /thresholds/backtest/", "", `{"metric_name":"error_rate","hours":1,"updates":{"warning_threshold":1}}`)
	ask(s, "root", "DELETE /thresholds/", "?metric_name=error_rate&scope=endpoint&applies_to=GET+*", "")
	ask(s, "root", "DELETE /thresholds/", "?metric_name=error_rate&scope=organization&applies_to=x", "")
	silence := tellAndSilence(s, c, ask)
	reads(s, "root")
	reads(s, "acme")
	provoke(s, c, ask)
	signIn(s, c, ask)
	giveUp(s, c)
	s.refusedStreams(c)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	ask(s, "root", "PUT /thresholds/", "", `{"metric_name":"error_rate","updates":{"enabled":false}}`)
	ask(s, "root", "DELETE /thresholds/", "?metric_name=error_rate", "")
	ask(s, "root", "PUT /config/", "", `{"updates":{"trend_analysis":false}}`)
	ask(s, "root", "POST /baseline/", "", `{"duration_minutes":5}`)
	ask(s, "root", "POST /events/", "", `{"kind":"note","title":"t"}`)
	ask(s, "root", "POST /silences/", "", `{"reason":"r","minutes":5}`)
	c.check("DELETE /silences/{id}/", s.do("root", "DELETE", "/silences/"+silence, ""))
	ask(s, "root", "POST /notifiers/test/", "", `{"notifier":"chat"}`)
	ask(s, "root", "POST /notifiers/resend/", "", `{"notifier":"pager","id":"x"}`)
	ask(s, "root", "POST /alerts/", "", fmt.Sprintf(`{"action":"escalate","alert_ids":[%q]}`, alerts[len(alerts)-1].ID))
	reads(s, "root")
	ask(s, "root", stream, "", "")
	for call, op := range c.calls {
		for status := range op.Responses {
			if !c.seen[call+" "+status] {
				t.Errorf("%s: nothing is answered by %s", call, status)
			}
		}
	}
}

// again asks for an answer that it already holds, where it has a tag.
func (s *service) again(c *checker, as, call string) {
	s.t.Helper()
	path := strings.TrimPrefix(call, "GET ")
	tag := s.do(as, "GET", path, "").Header().Get("ETag")
	if tag == "" {
		return
	}
	r := httptest.NewRequest("GET", prefix+path, nil)
	r.Header.Set("As", as)
	r.Header.Set("If-None-Match", tag)
	w := httptest.NewRecorder()
	s.api.ServeHTTP(w, r)
	if w.Code != http.StatusNotModified || w.Header().Get("ETag") != tag {
		s.t.Errorf("%s with the tag %s of its answer: %d, %s", call, tag, w.Code, w.Header().Get("ETag"))
	}
	c.check(call, w)
}

// tellAndSilence has notifiers tell something and fail, and adds and ends silences. It returns
// the ID of one that holds.
func tellAndSilence(s *service, c *checker, ask func(s *service, as, call, query, body string)) (silence string) {
	s.t.Helper()
	for _, name := range []string{"chat", "pager", "nobody"} {
		ask(s, "root", "POST /notifiers/test/", "", fmt.Sprintf(`{"notifier":%q}`, name))
	}
	if _, err := s.Alerts().Raise(perfmon.HostAlert{Metric: "disk", Severity: perfmon.Critical, Message: "m"}); err != nil {
		s.t.Fatal(err)
	}
	var letters []perfmon.DeadLetter
	for deadline := time.Now().Add(30 * time.Second); len(letters) == 0; {
		if time.Now().After(deadline) {
			s.t.Fatal("there is no dead letter")
		}
		letters, _ = s.Notifications().DeadLetters("pager")
	}
	for _, id := range []string{letters[0].Notification.ID, "nothing"} {
		ask(s, "root", "POST /notifiers/resend/", "", fmt.Sprintf(`{"notifier":"pager","id":%q}`, id))
	}
	ask(s, "root", "GET /notifiers/who/", "?metric=disk", "")
	ask(s, "acme", "POST /silences/", "", `{"reason":"r","minutes":5,"organization_id":"globex"}`)
	for range 51 {
		ask(s, "acme", "POST /silences/", "", `{"reason":"r","minutes":5}`)
	}
	list := s.Silences().List()
	for _, id := range []string{list[0].ID, "nothing"} {
		c.check("DELETE /silences/{id}/", s.do("acme", "DELETE", "/silences/"+id, ""))
	}
	ask(s, "root", "POST /silences/", "", `{"reason":"r","minutes":500,"metric_name":"*","scope":"service"}`)
	ask(s, "root", "GET /notifiers/who/", "?metric=disk&severity=warning", "")
	return s.Silences().List()[0].ID
}

// signIn takes the token of an API that has one for a cookie, and sends wrong ones until
// they are too many.
func signIn(s *service, c *checker, ask func(s *service, as, call, query, body string)) {
	s.t.Helper()
	const token = "0123456789abcdef"
	api, err := httpapi.New(s.Monitor, httpapi.WithBearerToken(token))
	if err != nil {
		s.t.Fatal(err)
	}
	signed := *s
	signed.api = api
	ask(&signed, "", "POST /session", "", `{"token":"`+token+`"}`)
	ask(&signed, "", "DELETE /session", "", "")
	ask(&signed, "", "GET /session", "", "")
	for range 11 {
		ask(&signed, "", "POST /session", "", `{"token":"wrong"}`)
	}
	for call, op := range c.calls {
		if _, described := op.Responses["401"]; described && call != "POST /session" {
			method, path, _ := strings.Cut(call, " ")
			r := httptest.NewRequest(method, prefix+path, nil)
			r.Header.Set("Authorization", "Bearer wrong")
			w := httptest.NewRecorder()
			api.ServeHTTP(w, r)
			c.check(call, w)
		}
	}
	ask(s, "root", "POST /session", "", `{"token":"x"}`)
	ask(s, "root", "DELETE /session", "", "")
}

// giveUp asks for a back-test and is gone.
func giveUp(s *service, c *checker) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r := httptest.NewRequest("POST", prefix+"/thresholds/backtest/", strings.NewReader(`{"metric_name":"error_rate"}`)).WithContext(ctx)
	r.Header.Set("As", "root")
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.api.ServeHTTP(w, r)
	c.check("POST /thresholds/backtest/", w)
}

// provoke has every call answer the errors that all have.
func provoke(s *service, c *checker, ask func(s *service, as, call, query, body string)) {
	for call, op := range c.calls {
		if strings.Contains(call, "z/") {
			continue // probes
		}
		body := ""
		if op.RequestBody != nil {
			body = "{}"
			ask(s, "root", call, "", "no JSON")
			ask(s, "root", call, "", `{"x":"`+strings.Repeat("x", 70_000)+`"}`)
		}
		ask(s, "", call, "", body)
		ask(s, "nobody", call, "", body)
		ask(s, "panic", call, "", body)
		ask(s, "root", call, "?unknown=1", body)
	}
}
