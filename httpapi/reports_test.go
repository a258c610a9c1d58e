package httpapi_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/httpapi"
	"github.com/backend-prs/perfmon/internal/golden"
)

// file gets a report as it is sent.
func (s *served) file(as, path string) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequest("GET", httpapi.DefaultPrefix+path, nil)
	r.Header.Set("As", as)
	w := httptest.NewRecorder()
	s.api.ServeHTTP(w, r)
	return w
}

// busy is a shop with a story: it gets slow, then fails for a while, and loses its cache
// in between.
func busy(t testing.TB) *served {
	s := serve(t, perfmon.WithInterval(10*time.Second))
	carts, err := s.Metrics().Gauge(perfmon.Metric{Name: "carts", Unit: "=cmd()", Worse: perfmon.HigherIsWorse})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 160 {
		slow := time.Duration(10+i%5) * time.Millisecond
		if i >= 70 {
			slow *= 4
		}
		for j := range 50 {
			r := perfmon.Response{Method: "GET", Pattern: "/orders/{id}", Status: 200, Organization: "acme"}
			if i >= 110 && i < 120 && j < 20 {
				r.Status = 500
			}
			s.rec.Record(slow+time.Duration(j)*time.Millisecond, &r)
			s.rec.Record(time.Millisecond, &perfmon.Response{Method: "GET", Pattern: "/<b>", Status: 200, Organization: "globex"})
		}
		if i < 40 || i > 50 {
			s.RecordCacheHit()
		}
		carts.Set(float64(i % 7))
		s.step()
		if i == 69 {
			if _, err := s.Markers().Add(perfmon.NewMarker{Kind: perfmon.MarkerDeploy, Version: "v2", Title: "new checkout"}, "ann"); err != nil {
				t.Fatal(err)
			}
		}
		if i == 30 {
			if _, err := s.Baselines().Establish(5*time.Minute, "ann"); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s
}

// Each format is what it was.
func TestReportFormats(t *testing.T) {
	s := busy(t)
	for _, kind := range []string{"summary", "detailed"} {
		for _, format := range []string{"json", "csv", "html"} {
			w := s.file("root", "reports/?hours=0.45&type="+kind+"&format="+format)
			want := `attachment; filename="perfmon-shop-` + kind + `-2026-03-01T1226Z.` + format + `"`
			if got := w.Header().Get("Content-Disposition"); w.Code != 200 || got != want {
				t.Errorf("%d %s, want %s: %.300s", w.Code, got, want, w.Body)
			}
			data := alertID.ReplaceAll(w.Body.Bytes(), []byte("ALERT-ID"))
			if format == "json" {
				golden.JSON(t, "report-"+kind+".json", data)
				continue
			}
			golden.Text(t, "report-"+kind+"."+format, data)
		}
	}
}

// What is streamed as JSON is what json.Marshal says, and is a summary where nothing else
// is asked for.
func TestReportJSON(t *testing.T) {
	s := busy(t)
	for path, query := range map[string]perfmon.ReportQuery{
		"reports/":                            {Window: 24 * time.Hour},
		"reports":                             {Window: 24 * time.Hour},
		"reports/?type=detailed&hours=0.1":    {Type: perfmon.ReportDetailed, Window: 6 * time.Minute},
		"reports/?format=json&hours=0.000001": {Window: 3600 * time.Microsecond},
	} {
		want, err := json.Marshal(s.Report(query))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want)+"\n", s.file("root", path).Body.String()); diff != "" {
			t.Errorf("%s (-json.Marshal +streamed):\n%.2000s", path, diff)
		}
	}
	empty := serve(t)
	want, err := json.Marshal(empty.Report(perfmon.ReportQuery{Window: 24 * time.Hour}))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want)+"\n", empty.file("root", "reports/").Body.String()); diff != "" {
		t.Errorf("of an empty monitor:\n%.2000s", diff)
	}
}

// CSV ends its lines as RFC 4180 has it, leaves a cell empty for what is absent, and
// holds nothing that a spreadsheet would run.
func TestReportCSV(t *testing.T) {
	s := busy(t)
	for kind, rows := range map[string]int{"summary": len(s.Report(perfmon.ReportQuery{}).Metrics), "detailed": 160} {
		w := s.file("root", "reports/?type="+kind+"&format=csv")
		if strings.Count(w.Body.String(), "\r\n") != rows+1 || strings.Count(w.Body.String(), "\n") != rows+1 {
			t.Errorf("%s: not one line, ended by CR LF, for each row", kind)
		}
		table, err := csv.NewReader(w.Body).ReadAll()
		if err != nil || len(table) != rows+1 {
			t.Fatalf("%s: %d rows, %v", kind, len(table), err)
		}
		number := regexp.MustCompile(`^-?[0-9.]+(e[+-][0-9]+)?$`)
		empty := 0
		for _, row := range table {
			for _, cell := range row {
				if cell == "" {
					empty++
				} else if strings.ContainsAny(cell[:1], "=+-@\t\r") && !number.MatchString(cell) {
					t.Errorf("%s: a spreadsheet would run %q", kind, cell)
				}
			}
		}
		if empty == 0 {
			t.Errorf("%s: nothing is absent", kind)
		}
	}
	if w := s.file("root", "reports/?format=csv"); !strings.Contains(w.Body.String(), "carts,'=cmd(),higher,160,") {
		t.Error("the unit of carts is not defused")
	}
}

// The page needs nothing else and can do nothing: no script, no address, a policy that
// knows its one style; and nothing in it is taken for HTML that is not.
func TestReportPage(t *testing.T) {
	s := busy(t)
	w := s.file("root", "reports/?type=detailed&format=html&hours=0.45")
	page := w.Body.String()
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindStringSubmatch(page)
	if len(style) != 2 {
		t.Fatal("no style")
	}
	sum := sha256.Sum256([]byte(style[1]))
	want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	if policy := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, want) || !strings.Contains(policy, "sandbox") {
		t.Errorf("policy %q, want %q", policy, want)
	}
	for _, never := range []string{"<script", "javascript:", "http://", "https://", "url(", " style=", "onload", "<b>", "ZgotmplZ"} {
		if strings.Contains(page, never) {
			t.Errorf("the page has %q", never)
		}
	}
	for _, has := range []string{
		"&lt;b&gt;", "new checkout", `<line class="mark"`, "What changed", "response_time_p95 rose by", "What got worse", "The five worst endpoints", "GET /orders/{id}",
		"Recent mean", "1 min 40 s", "up for 26 min 40 s", "There were no requests.",
	} {
		if strings.Contains(page, has) == (has == "There were no requests.") {
			t.Errorf("whether the page has %q", has)
		}
	}
	for _, svg := range regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAllString(page, -1) {
		d := xml.NewDecoder(strings.NewReader(svg))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%v: %s", err, svg)
			}
		}
		if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
			t.Errorf("no number: %s", svg)
		}
	}
	if empty := serve(t).file("root", "reports/?format=html").Body.String(); !strings.Contains(empty, "There were no requests.") || !strings.Contains(empty, "</html>") {
		t.Errorf("of an empty monitor: %s", empty)
	}
}

// Where there are no values, the line has a gap.
func TestReportGaps(t *testing.T) {
	page := busy(t).file("root", "reports/?format=html").Body.String()
	_, after, _ := strings.Cut(page, "<figcaption>cache_hit_rate</figcaption>")
	line, _, _ := strings.Cut(after, "</figure>")
	if n := strings.Count(line[strings.Index(line, ` d="`):], "M"); n != 2 {
		t.Errorf("cache_hit_rate has %d lines, want 2: %s", n, line)
	}
}

// An organization admin's report holds what it may see.
func TestReportIsolation(t *testing.T) {
	s, ids := tenants(t)
	for _, kind := range []string{"summary", "detailed"} {
		for _, format := range []string{"json", "csv", "html"} {
			body := s.file("acme", "reports/?type="+kind+"&format="+format).Body.String()
			for _, secret := range []string{"globex", "(other)", ids["globex"], ids["(other)"], "hunter2", "orders-database"} {
				if strings.Contains(body, secret) {
					t.Errorf("the %s report as %s tells acme of %s", kind, format, secret)
				}
			}
			if format == "csv" {
				continue
			}
			if !strings.Contains(body, "acme") {
				t.Errorf("the %s report as %s does not tell acme of itself", kind, format)
			}
			if root := s.file("root", "reports/?type="+kind+"&format="+format).Body.String(); !strings.Contains(root, "globex") {
				t.Errorf("the %s report as %s does not tell root of globex", kind, format)
			}
		}
	}
}

func TestReportParameters(t *testing.T) {
	s := serve(t)
	for query, want := range map[string]string{
		"type=full":             `type: "full" is not valid: want summary or detailed`,
		"type=":                 `type: "" is not valid`,
		"format=pdf":            `format: "pdf" is not valid: want json or csv or html`,
		"hours=49":              "hours: ",
		"format=csv&format=csv": "format: ",
		"metric=error_rate":     "This call takes: type, hours, format.",
	} {
		if a := s.do("root", "GET", "reports/?"+query, ""); a.status != 400 || !strings.Contains(a.body["detail"].(string), want) {
			t.Errorf("%s: %d %s", query, a.status, a.raw)
		}
	}
	r := httptest.NewRequest("HEAD", httpapi.DefaultPrefix+"reports/?format=html", nil)
	r.Header.Set("As", "root")
	w := httptest.NewRecorder()
	if s.api.ServeHTTP(w, r); w.Code != 200 || w.Body.Len() != 0 || w.Header().Get("Content-Disposition") == "" {
		t.Errorf("HEAD: %d, %d bytes, %v", w.Code, w.Body.Len(), w.Header())
	}
}

// The name of the file is plain whatever the service is called.
func TestReportNames(t *testing.T) {
	for name, want := range map[string]string{
		"shop":                   "perfmon-shop-summary-2026-03-01T1200Z.json",
		`a"; filename="evil.exe`: "perfmon-a---filename--evil.exe-summary-2026-03-01T1200Z.json",
		"../../etc":              "perfmon-etc-summary-2026-03-01T1200Z.json",
		"日本":                     "perfmon-summary-2026-03-01T1200Z.json",
		strings.Repeat("x", 200): "perfmon-" + strings.Repeat("x", 64) + "-summary-2026-03-01T1200Z.json",
	} {
		s := serve(t, perfmon.WithService(perfmon.Service{Name: name}))
		if got := s.file("root", "reports/").Header().Get("Content-Disposition"); got != `attachment; filename="`+want+`"` {
			t.Errorf("%q: %s", name, got)
		}
	}
}

// cutOff is a client that goes away after some bytes.
type cutOff struct {
	*httptest.ResponseRecorder
	left int
}

func (c *cutOff) Write(p []byte) (int, error) {
	if c.left -= len(p); c.left < 0 {
		return 0, io.ErrClosedPipe
	}
	return c.ResponseRecorder.Write(p)
}

// A client that goes away ends its own download, and nobody is told of an error.
func TestReportCutOff(t *testing.T) {
	s := busy(t)
	for _, format := range []string{"json", "csv", "html"} {
		func() {
			defer func() {
				if p := recover(); p != http.ErrAbortHandler {
					t.Errorf("%s: panic %v", format, p)
				}
			}()
			r := httptest.NewRequest("GET", httpapi.DefaultPrefix+"reports/?type=detailed&format="+format, nil)
			r.Header.Set("As", "root")
			s.api.ServeHTTP(&cutOff{httptest.NewRecorder(), 1000}, r)
		}()
	}
	select {
	case line := <-s.logged:
		t.Errorf("logged: %s", line)
	default:
	}
}
