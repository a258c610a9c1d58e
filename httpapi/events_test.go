package httpapi_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
)

// The version of the service is there by itself, others are told; all are listed, newest
// first, and in the dashboard and reports.
func TestEvents(t *testing.T) {
	s := serve(t)
	a := s.do("root", "POST", "events/", `{"kind":"deploy","version":"v2","title":"new checkout"}`)
	event, _ := a.body["event"].(map[string]any)
	id, _ := event["event_id"].(string)
	want := map[string]any{"event_id": id, "at": "2026-03-01T12:00:00Z", "kind": "deploy", "version": "v2", "title": "new checkout", "by": "root"}
	if diff := cmp.Diff(want, event); a.status != 201 || len(id) != 26 || diff != "" {
		t.Fatalf("%d %s\n%s", a.status, a.raw, diff)
	}
	for as, author := range map[string]string{"root": "root", "acme": "somebody else"} {
		for _, path := range []string{"events/", "dashboard/", "reports/"} {
			var got []string
			for _, e := range s.do(as, "GET", path, "").list("events") {
				e := e.(map[string]any)
				got = append(got, fmt.Sprint(e["kind"], " ", e["version"], " by ", e["by"]))
			}
			if diff := cmp.Diff([]string{"deploy v2 by " + author, "deploy v1 by monitor"}, got); diff != "" {
				t.Errorf("%s for %s:\n%s", path, as, diff)
			}
		}
	}
}

func TestEventPages(t *testing.T) {
	s := serve(t)
	for i := range 5 {
		s.do("root", "POST", "events/", fmt.Sprintf(`{"kind":"note","title":"n%d"}`, i))
	}
	var got []string
	path := "events/?kind=note&limit=2"
	for next, ok := "", true; ok; next, ok = s.next(path + next) {
		for _, e := range s.do("acme", "GET", path+next, "").list("events") {
			got = append(got, e.(map[string]any)["title"].(string))
		}
	}
	if diff := cmp.Diff([]string{"n4", "n3", "n2", "n1", "n0"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for range 40 {
		s.step()
	}
	if n := len(s.do("acme", "GET", "events/?hours=0.1", "").list("events")); n != 0 {
		t.Errorf("%d events of the last 6 minutes", n)
	}
	if n := len(s.do("acme", "GET", "events/?hours=2160&kind=deploy", "").list("events")); n != 1 {
		t.Errorf("%d deploys of 90 days", n)
	}
}

// next returns the parameter for the page behind one.
func (s *served) next(path string) (string, bool) {
	cursor, ok := s.do("acme", "GET", path, "").body["next_cursor"].(string)
	return "&cursor=" + cursor, ok
}

func TestEventErrors(t *testing.T) {
	s := serve(t)
	for body, want := range map[string]string{
		`{}`:                `kind: "" is not valid: want "deploy" or "note"`,
		`{"kind":null}`:     "kind: null is not valid",
		`{"kind":"party"}`:  `kind: "party" is not valid`,
		`{"kind":"deploy"}`: `version: "" is not valid: want a version, a title, or both`,
		`{"kind":"note"}`:   `title: "" is not valid`,
		`{"kind":"note","title":"t","version":"v2"}`:                     `version: "v2" is not valid: want none`,
		`{"kind":"deploy","version":2}`:                                  "version: 2 is not valid: want a text",
		`{"kind":"deploy","version":"` + strings.Repeat("x", 201) + `"}`: "at most 200 bytes",
		`{"kind":"deploy","version":"v2","at":"2026-03-01T12:00:00Z"}`:   "at: there is no such field. This body takes: kind, version, title.",
	} {
		if a := s.do("root", "POST", "events/", body); a.status != 400 || !strings.Contains(a.body["detail"].(string), want) {
			t.Errorf("%.60s: %d %s, want %s", body, a.status, a.raw, want)
		}
	}
	for query, want := range map[string]string{
		"hours=2161": "at most 2160", "kind=party": "want deploy or note", "cursor=1": "next_cursor", "limit=0": "1 to 1000", "x=y": "hours, kind, limit, cursor",
	} {
		if a := s.do("root", "GET", "events/?"+query, ""); a.status != 400 || !strings.Contains(a.body["detail"].(string), want) {
			t.Errorf("%s: %d %s, want %s", query, a.status, a.raw, want)
		}
	}
	if a := s.do("root", "POST", "events/?x=y", `{"kind":"note","title":"t"}`); a.status != 400 {
		t.Errorf("an unknown parameter: %d %s", a.status, a.raw)
	}
	if n := len(s.History().Markers(0)); n != 1 {
		t.Errorf("%d markers, want the version alone", n)
	}
}

// A store that fails keeps no event, and its words are not told.
func TestEventOfAStoreThatFails(t *testing.T) {
	store := &brokenStore{}
	s := serve(t, perfmon.WithStore(store))
	store.broken = true
	if a := s.do("root", "POST", "events/", `{"kind":"note","title":"t"}`); a.status != 503 || strings.Contains(a.raw, "hunter2") {
		t.Errorf("%d %s", a.status, a.raw)
	}
}
