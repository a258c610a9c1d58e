package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/httpapi"
)

// limits returns what diagnostics/ says of them, by name.
func (s *served) limits(t *testing.T) map[string]perfmon.LimitStatus {
	t.Helper()
	found := map[string]perfmon.LimitStatus{}
	for _, l := range limitsOf(t, s.do("root", "GET", "diagnostics/", "").raw) {
		found[l.Limit] = l
	}
	return found
}

func limitsOf(t *testing.T, diagnostics string) []perfmon.LimitStatus {
	t.Helper()
	var d struct {
		Limits []perfmon.LimitStatus `json:"limits"`
	}
	if err := json.Unmarshal([]byte(diagnostics), &d); err != nil {
		t.Fatal(err)
	}
	return d.Limits
}

// The table in docs/limits.md has each limit with its default, and no other.
func TestLimitsAreDocumented(t *testing.T) {
	data, err := os.ReadFile("../docs/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| (\\d+) \\| (count|bytes|1/s) \\|").FindAllStringSubmatch(string(data), -1) {
		documented[row[1]] = row[2] + " " + row[3]
	}
	m, err := perfmon.New()
	if err != nil {
		t.Fatal(err)
	}
	api, err := httpapi.New(m, httpapi.WithBearerToken(token))
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, httpapi.DefaultPrefix+"diagnostics/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	api.ServeHTTP(w, r)
	actual := map[string]string{}
	for _, l := range limitsOf(t, w.Body.String()) {
		actual[l.Limit] = fmt.Sprint(l.Most, " ", l.Unit)
	}
	if diff := cmp.Diff(actual, documented); diff != "" {
		t.Errorf("the code (-) and docs/limits.md (+) differ:\n%s", diff)
	}
}

// What the API refuses for its size is counted where super admins see it, and nobody else.
func TestLimitsOfTheAPIAreCounted(t *testing.T) {
	s := serve(t)
	s.load(1, 0)
	for range 3 {
		if w := s.do("root", "PUT", "thresholds/", `{"metric_name":"`+strings.Repeat("x", 70_000)+`"}`); w.status != http.StatusRequestEntityTooLarge {
			t.Fatalf("%d: %s", w.status, w.raw)
		}
		if w := s.do("root", "GET", "dashboard/?hours="+strings.Repeat("1", 9000), ""); w.status != http.StatusBadRequest {
			t.Fatalf("%d: %s", w.status, w.raw)
		}
	}
	for i := range 100 {
		s.do("root", "GET", fmt.Sprintf("dashboard/?hours=1&points=%d", 1+i), "")
	}
	limits := s.limits(t)
	for name, want := range map[string]uint64{"body_bytes": 3, "query_bytes": 3, "answers_kept": 36} {
		if l := limits[name]; l.Hit != want {
			t.Errorf("%s: %+v, want %d hits", name, l, want)
		}
	}
	if l := limits["answers_kept"]; l.Used != 64 {
		t.Errorf("%+v", l)
	}
	if told := limitsOf(t, s.do("acme", "GET", "diagnostics/", "").raw); len(told) != 0 {
		t.Errorf("an organization's admin is told %+v", told)
	}
}
