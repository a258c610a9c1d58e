package httpapi_test

import (
	"strings"
	"testing"
	"time"
)

// The same dashboard asked for again within a second is the same answer, until something
// changes.
func TestDashboardsShareAnAnswer(t *testing.T) {
	s := serve(t)
	s.load(2, 0)
	ask := func(as, query string) string {
		t.Helper()
		a := s.do(as, "GET", "dashboard/"+query, "")
		if a.status != 200 {
			t.Fatal(a.raw)
		}
		return a.raw
	}
	first := ask("root", "?alerts=true")
	s.clock.Add(999 * time.Millisecond)
	if ask("root", "?alerts=true") != first {
		t.Error("it is made anew within a second")
	}
	for name, change := range map[string]func(){
		"a second later":       func() { s.clock.Add(time.Second) },
		"an alert later":       func() { s.raise("own", "") },
		"an action later":      func() { s.do("root", "PUT", "config/", `{"updates":{"consecutive_violations":7}}`) },
		"a threshold later":    func() { s.do("root", "DELETE", "thresholds/?metric_name=error_rate", "") },
		"with another event":   func() { s.do("root", "POST", "events/", `{"kind":"note","title":"t"}`) },
		"after the next step":  s.step,
		"with other questions": func() {},
	} {
		query := "?alerts=true"
		before := ask("root", query)
		s.clock.Add(time.Millisecond) // so that another answer has another time
		change()
		if name == "with other questions" {
			query = "?alerts=false"
		}
		if ask("root", query) == before {
			t.Errorf("%s it is the same", name)
		}
	}
}

// What is shared is shared by those who may see the same.
func TestDashboardsOfOthersAreNotShared(t *testing.T) {
	s, _ := tenants(t)
	for _, order := range [][]string{{"root", "acme", "globex", "(other)"}, {"(other)", "globex", "acme", "root"}} {
		for _, as := range order {
			raw := s.do(as, "GET", "dashboard/?alerts=true", "").raw
			for _, organization := range []string{"acme", "globex", "(other)"} {
				sees := as == "root" || as == organization && as != "(other)"
				if got := strings.Contains(raw, `"organization_id":"`+organization+`"`); got != sees {
					t.Errorf("%s sees %s is %v, want %v", as, organization, got, sees)
				}
			}
		}
	}
}
