package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/httpapi"
)

const token = "0123456789abcdef"

// served is a monitor on a mock clock and its API.
type served struct {
	*perfmon.Monitor
	t       testing.TB
	clock   *clock.Mock
	rec     *perfmon.Recorder
	samples chan perfmon.Sample
	api     *httpapi.API
	logged  chan string
}

// serve makes one whose authorizer goes by the header "As": "root", or the name of the
// organization whose admin makes the request.
func serve(t testing.TB, opts ...perfmon.Option) *served {
	t.Helper()
	s := &served{t: t, clock: clock.NewMock(), samples: make(chan perfmon.Sample, 1), logged: make(chan string, 100)}
	s.clock.Set(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	shop := perfmon.WithService(perfmon.Service{Name: "shop", Environment: "test", Instance: "i-1", Version: "v1"})
	m, err := perfmon.New(append([]perfmon.Option{perfmon.WithClock(s.clock), perfmon.WithoutSystemMetrics(), shop}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	s.Monitor, s.rec = m, m.NewRecorder()
	m.Subscribe(func(sample perfmon.Sample) { s.samples <- sample })
	if err := m.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	s.api, err = httpapi.New(m, httpapi.WithAuthorizer(authorize), httpapi.WithLogger(slog.New(slog.NewTextHandler(lines(s.logged), nil))))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func authorize(r *http.Request) (httpapi.Principal, error) {
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
}

// lines is a writer that sends what is written.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
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

// load makes n steps of 100 requests of which a share fails.
func (s *served) load(n, percent int) {
	s.t.Helper()
	for range n {
		s.requests("acme", percent)
		s.step()
	}
}

// requests records 100 requests of an organization.
func (s *served) requests(organization string, percent int) {
	for i := range 100 {
		r := perfmon.Response{Method: "GET", Pattern: "/orders/{id}", Status: 200, Organization: organization}
		if i < percent {
			r.Status = 500
		}
		s.rec.Record(time.Duration(1+i)*time.Millisecond, &r)
	}
}

// raise opens a warning of the host's own.
func (s *served) raise(metric, organization string) string {
	s.t.Helper()
	a, err := s.Alerts().Raise(perfmon.HostAlert{Metric: metric, Severity: perfmon.Warning, Message: "m", Scope: perfmon.Scope{Organization: organization}})
	if err != nil {
		s.t.Fatal(err)
	}
	return a.ID
}

// records is how many changes there have been.
func (s *served) records() uint64 { return s.Diagnostics().Store.Record }

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
	return s.answer(r)
}

func (s *served) answer(r *http.Request) answer {
	s.t.Helper()
	w := httptest.NewRecorder()
	s.api.ServeHTTP(w, r)
	a := answer{status: w.Code, header: w.Header(), raw: w.Body.String()}
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &a.body); err != nil {
			s.t.Fatalf("%s %s answers %d with no JSON: %v\n%s", r.Method, r.URL, w.Code, err, w.Body)
		}
	}
	return a
}

// list returns a field of an answer that is a list.
func (a answer) list(name string) []any {
	list, _ := a.body[name].([]any)
	return list
}
