package e2e

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/httpapi"
)

// run runs a program and returns what it prints.
func run(t *testing.T, path string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	out, err := cmd.Output()
	if err != nil {
		detail := ""
		if e, ok := err.(*exec.ExitError); ok {
			detail = string(e.Stderr)
		}
		t.Fatalf("%s: %v %s", filepath.Base(path), err, detail)
	}
	return string(out)
}

// printed is a page on paper.
type printed struct {
	t    *testing.T
	file string // PDF
}

// printPage prints HTML by Chromium, with the settings that people have.
func printPage(t *testing.T, html []byte) printed {
	t.Helper()
	dir := t.TempDir()
	page, pdf := filepath.Join(dir, "report.html"), filepath.Join(dir, "report.pdf")
	if err := os.WriteFile(page, html, 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, program(t, "chromium", "chromium"),
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
		"--user-data-dir="+filepath.Join(dir, "profile"), "--no-pdf-header-footer", "--print-to-pdf="+pdf, "file://"+page)
	if keep := os.Getenv("KEEP"); keep != "" { // to look at: KEEP=/tmp/pages go test -run Prints .
		name := strings.NewReplacer("/", "-", " ", "-").Replace(t.Name())
		run(t, program(t, "pdftoppm", "poppler-utils"), "-r", "60", "-png", pdf, filepath.Join(keep, name))
	}
	return printed{t, pdf}
}

var pageLine = regexp.MustCompile(`(?m)^(Pages|Page size): +(.*)$`)

// info returns how many pages there are, and their size.
func (p printed) info() (pages int, size string) {
	p.t.Helper()
	for _, m := range pageLine.FindAllStringSubmatch(run(p.t, program(p.t, "pdfinfo", "poppler-utils"), p.file), -1) {
		if m[1] == "Pages" {
			pages, _ = strconv.Atoi(m[2])
		} else {
			size = m[2]
		}
	}
	return pages, size
}

// squeeze leaves out spaces, which a line break may take the place of.
func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
}

// text is all that is on the pages, without spaces.
func (p printed) text() string {
	p.t.Helper()
	return squeeze(run(p.t, program(p.t, "pdftotext", "poppler-utils"), "-raw", p.file, "-"))
}

// word is a word with its place on a page, in points.
type word struct {
	XMin float64 `xml:"xMin,attr"`
	XMax float64 `xml:"xMax,attr"`
	YMin float64 `xml:"yMin,attr"`
	YMax float64 `xml:"yMax,attr"`
	Text string  `xml:",chardata"`
}

// words are those of each page.
func (p printed) words() (pages [][]word) {
	p.t.Helper()
	var doc struct {
		Pages []struct {
			Words []word `xml:"word"`
		} `xml:"body>doc>page"`
	}
	out := run(p.t, program(p.t, "pdftotext", "poppler-utils"), "-bbox", p.file, "-")
	if err := xml.Unmarshal([]byte(out), &doc); err != nil {
		p.t.Fatal(err)
	}
	for _, page := range doc.Pages {
		pages = append(pages, page.Words)
	}
	return pages
}

// A4 in points, and the margin of the page.
const (
	a4Width, a4Height = 595.0, 842.0
	margin            = 14 / 25.4 * 72
)

// busy is a shop with a story over most of a day: long names, many endpoints, deploys, a
// baseline that it falls behind, alerts that come and go.
func busy(t *testing.T) (s *service, names []string) {
	s = serve(t, perfmon.WithInterval(time.Minute), perfmon.WithStep(time.Minute), perfmon.WithRetention(24*time.Hour), perfmon.WithAlertCooldown(0),
		perfmon.WithService(perfmon.Service{Name: "shop", Environment: "production", Instance: "shop-7f9c5d6b8-x2x4q", Version: "v2.14.0"}))
	endpoints := []string{
		"GET /orders/{id}", "POST /orders/{id}/pay", "GET /products", "GET /{$}",
		"GET /api/v1/organizations/{organization}/warehouses/{warehouse}/inventory/{sku}/reservations/{reservation}/history",
		"DELETE /averyveryverylongsegmentwithoutanyplacetobreakitthatisneverthelessavalidroutepattern/{id}",
	}
	organizations := []string{"acme", "globex", "Österreichische Donaudampfschifffahrtsgesellschaft m.b.H. & Co. KG"}
	if _, err := s.Thresholds().Set(perfmon.Threshold{Metric: perfmon.ErrorRate, Scope: perfmon.ScopeEndpoint, Warning: perfmon.ValueOf(5), MinRequests: 20}, "ann"); err != nil {
		t.Fatal(err)
	}
	for i := range 1200 {
		for j, e := range endpoints {
			method, pattern, _ := strings.Cut(e, " ")
			for k := range 30 {
				d := time.Duration(5+(i*7+j*13+k*k)%40) * time.Millisecond
				if i >= 1100 {
					d *= 4
				}
				r := perfmon.Response{Method: method, Pattern: pattern, Status: 200, Organization: organizations[(i+k)%3]}
				if (i+90*j)%500 < 9 && k < 15 {
					r.Status = 500
				}
				s.rec.Record(d, &r)
			}
		}
		s.RecordCacheHit()
		if i%3 == 0 {
			s.RecordCacheMiss()
		}
		s.RecordQuery(time.Duration(2+i%9) * time.Millisecond)
		s.step()
		if i%300 == 200 {
			if _, err := s.Markers().Add(perfmon.NewMarker{Kind: perfmon.MarkerDeploy, Version: fmt.Sprintf("v2.%d.0", i), Title: "the new checkout with its long title, which says what else is in it and does not fit into one line"}, "ann"); err != nil {
				t.Fatal(err)
			}
		}
		if i == 900 {
			if _, err := s.Baselines().Establish(4*time.Hour, "ann"); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := s.Alerts().Raise(perfmon.HostAlert{Metric: "backup", Severity: perfmon.Critical, Message: strings.Repeat("the backup of the database has not finished; ", 20) + "END"}); err != nil {
		t.Fatal(err)
	}
	return s, append(endpoints, organizations...)
}

// report gets one as a page.
func (s *service) report(kind string) []byte {
	s.t.Helper()
	r := httptest.NewRequest("GET", httpapi.DefaultPrefix+"reports/?format=html&hours=24&type="+kind, nil)
	r.Header.Set("As", "root")
	w := httptest.NewRecorder()
	s.api().ServeHTTP(w, r)
	if w.Code != 200 {
		s.t.Fatal(w.Code, w.Body)
	}
	return w.Body.Bytes()
}

// A report prints on A4 with nothing cut off and nothing torn apart.
func TestReportPrints(t *testing.T) {
	s, names := busy(t)
	r := s.Report(perfmon.ReportQuery{Window: 24 * time.Hour})
	if len(r.Regressions) == 0 || len(r.Alerts) < 3 || len(r.Events) < 3 || r.Health.Status != perfmon.HealthCritical {
		t.Fatalf("%d regressions, %d alerts, %d events, %s: too little to look at", len(r.Regressions), len(r.Alerts), len(r.Events), r.Health.Status)
	}
	for kind, most := range map[string]int{"summary": 5, "detailed": 6} {
		t.Run(kind, func(t *testing.T) {
			p := printPage(t, s.report(kind))
			pages, size := p.info()
			if pages < 2 || pages > most || !strings.HasSuffix(size, "(A4)") {
				t.Errorf("%d pages of %s, want 2 to %d of A4", pages, size, most)
			}
			text := p.text()
			want := []string{"shop: " + kind + " report", "production", "v2.14.0", "shop-7f9c5d6b8-x2x4q", string(r.Health.Status), r.Health.Reason}
			for _, e := range r.WorstEndpoints {
				want = append(want, e.Endpoint)
			}
			want = append(want, names[len(names)-3:]...) // organizations
			for _, a := range r.Alerts[:min(len(r.Alerts), 100)] {
				want = append(want, a.Message)
			}
			for _, e := range r.Events {
				want = append(want, e.Version, e.Title)
			}
			for _, m := range r.Metrics {
				if m.Summary.Count > 0 {
					want = append(want, m.Metric)
				}
			}
			for _, w := range want {
				if !strings.Contains(text, squeeze(w)) {
					t.Errorf("%q is not on paper", w)
				}
			}
			for i, all := range p.words() {
				words, foot := split(all)
				if len(words) == 0 || foot != fmt.Sprintf("%d/%d", i+1, pages) {
					t.Errorf("page %d has %d words and the foot %q", i+1, len(words), foot)
				}
				for _, w := range words {
					if w.XMin < margin-1 || w.XMax > a4Width-margin+1 || w.YMin < margin-2 || w.YMax > a4Height-margin+2 {
						t.Errorf("page %d: %q at %.0f to %.0f, %.0f to %.0f is cut off or in the margin", i+1, w.Text, w.XMin, w.XMax, w.YMin, w.YMax)
					}
				}
				if n := len(words); n > 0 && alone(words, s.report(kind)) {
					t.Errorf("page %d ends with the heading %q", i+1, words[n-1].Text)
				}
			}
		})
	}
}

// split tells the words of a page from its foot, which is in the margin.
func split(all []word) (words []word, foot string) {
	for _, w := range all {
		if w.YMin > a4Height-margin {
			foot += w.Text
			continue
		}
		words = append(words, w)
	}
	return words, foot
}

var heading = regexp.MustCompile(`<h2>([^<]*)</h2>`)

// alone reports whether a page ends with a heading, whose text is on the next one.
func alone(words []word, html []byte) bool {
	var tail strings.Builder
	for _, w := range words[max(len(words)-8, 0):] {
		tail.WriteString(w.Text)
	}
	for _, m := range heading.FindAllSubmatch(html, -1) {
		if strings.HasSuffix(tail.String(), squeeze(string(m[1]))) {
			return true
		}
	}
	return false
}

// A report of a monitor that knows nothing yet is one page.
func TestEmptyReportPrints(t *testing.T) {
	s := serve(t)
	p := printPage(t, s.report("summary"))
	if pages, size := p.info(); pages != 1 || !strings.HasSuffix(size, "(A4)") {
		t.Errorf("%d pages of %s", pages, size)
	}
	if text := p.text(); !strings.Contains(text, "Therewerenoalerts.") {
		t.Errorf("%s", text)
	}
}
