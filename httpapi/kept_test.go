package httpapi_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/httpapi"
)

// ask asks with further headers, in pairs, and does not read the body.
func (s *served) ask(as, method, path string, header ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequest(method, httpapi.DefaultPrefix+path, nil)
	r.Header.Set("As", as)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.api.ServeHTTP(w, r)
	return w
}

// An answer stays the same, with its tag, until the monitor moves on. Whatever changes
// what the answer says changes the tag.
func TestAnswersAreKept(t *testing.T) {
	for _, path := range []string{"dashboard/?alerts=true&trends=true", "health/", "trends/", "series/", "endpoints/"} {
		t.Run(path, func(t *testing.T) {
			s := serve(t)
			s.load(7, 1)
			first := s.ask("root", "GET", path)
			tag := first.Header().Get("ETag")
			if !strings.HasPrefix(tag, `W/"`) {
				t.Fatalf("the tag is %q", tag)
			}
			s.clock.Set(s.clock.Now().Add(time.Second)) // no step
			again := s.ask("root", "GET", path)
			if again.Code != 200 || again.Header().Get("ETag") != tag || again.Body.String() != first.Body.String() {
				t.Errorf("asked again: %d, %s of %s", again.Code, again.Header().Get("ETag"), tag)
			}
			for header, want := range map[string]int{tag: 304, strings.TrimPrefix(tag, "W/"): 304, `"x", ` + tag: 304, "*": 304, `"x"`: 200, `W/""`: 200, "": 200, tag[:len(tag)-1]: 200} {
				got := s.ask("root", "GET", path, "If-None-Match", header)
				if got.Code != want || got.Header().Get("ETag") != tag || want == 304 && got.Body.Len() > 0 {
					t.Errorf("If-None-Match: %s: %d with %d bytes, want %d", header, got.Code, got.Body.Len(), want)
				}
			}
			for _, change := range []struct {
				name string
				make func()
			}{
				{"a step", s.step},
				{"an alert", func() { s.raise("m", "") }},
				{"a marker", func() {
					if _, err := s.Markers().Add(perfmon.NewMarker{Kind: perfmon.MarkerNote, Title: "sale"}, "me"); err != nil {
						t.Fatal(err)
					}
				}},
				{"an action", func() {
					s.do("root", "PUT", "thresholds/", `{"metric_name":"error_rate","updates":{"warning_threshold":3}}`)
				}},
				{"a threshold that is gone", func() { s.do("root", "DELETE", "thresholds/?metric_name=error_rate", "") }},
				{"a while, as windows move on", func() { s.clock.Set(s.clock.Now().Add(11 * time.Second)) }},
				{"a setting", func() { s.do("root", "PUT", "config/", `{"updates":{"trend_analysis":false}}`) }},
				{"the end", func() { _ = s.Close() }},
			} {
				change.make()
				got := s.ask("root", "GET", path, "If-None-Match", tag)
				if got.Code != 200 || got.Header().Get("ETag") == tag {
					t.Errorf("after %s: %d, %s", change.name, got.Code, got.Header().Get("ETag"))
				}
				tag = got.Header().Get("ETag")
			}
		})
	}
}

// A principal never gets the answer of another, nor one query that of another query.
func TestKeptAnswersAreTheirOwners(t *testing.T) {
	s, _ := tenants(t)
	const path = "dashboard/?alerts=true"
	bodies := map[string]string{}
	for range 2 {
		for _, as := range []string{"root", "acme", "globex"} {
			body := s.ask(as, "GET", path).Body.String()
			if old, ok := bodies[as]; ok && old != body {
				t.Errorf("%s gets another answer when it asks again", as)
			}
			bodies[as] = body
			for _, other := range []string{"acme", "globex"} {
				if as != "root" && as != other && strings.Contains(body, `"organization_id":"`+other) {
					t.Errorf("%s sees %s", as, other)
				}
			}
		}
	}
	if bodies["acme"] == bodies["globex"] || bodies["acme"] == bodies["root"] {
		t.Error("two principals get the same answer")
	}
	tag := s.ask("acme", "GET", path).Header().Get("ETag")
	if got := s.ask("globex", "GET", path, "If-None-Match", tag); got.Code != 200 {
		t.Errorf("the tag of another principal is answered with %d", got.Code)
	}
	if got := s.ask("acme", "GET", "dashboard/", "If-None-Match", tag); got.Code != 200 {
		t.Errorf("the tag of another query is answered with %d", got.Code)
	}
	if got := s.ask("refused", "GET", path, "If-None-Match", tag); got.Code != 403 {
		t.Errorf("one who is refused gets %d", got.Code)
	}
}

// What is shared is shared by those who may see the same, whoever asked first. The order
// of parameters and who a super admin is make no difference.
func TestKeptAnswersAreShared(t *testing.T) {
	s, _ := tenants(t)
	for _, order := range [][]string{{"root", "acme", "globex", "(other)"}, {"(other)", "globex", "acme", "root"}} {
		for _, as := range order {
			raw := s.ask(as, "GET", "dashboard/?alerts=true").Body.String()
			for _, organization := range []string{"acme", "globex", "(other)"} {
				sees := as == "root" || as == organization && as != "(other)"
				if got := strings.Contains(raw, `"organization_id":"`+organization+`"`); got != sees {
					t.Errorf("%s sees %s is %v, want %v", as, organization, got, sees)
				}
			}
		}
	}
	tag := s.ask("root", "GET", "series/?hours=2&metric=error_rate").Header().Get("ETag")
	for _, path := range []string{"series/?metric=error_rate&hours=2.0", "series/?metric=error_rate&hours=2&points=300"} {
		if got := s.ask("root", "GET", path, "If-None-Match", tag); got.Code != 304 {
			t.Errorf("%s: %d, %s, want the answer of %s", path, got.Code, got.Header().Get("ETag"), tag)
		}
	}
}

// No call takes a query without bound.
func TestLongQueries(t *testing.T) {
	s := serve(t)
	for _, path := range []string{"dashboard/", "alerts/", "health/", "openapi.json", "livez/", "realtime/", "metrics/", "session", ""} {
		w := s.ask("root", "GET", path+"?hours="+strings.Repeat("0", 9000))
		if w.Code != 400 || !strings.Contains(w.Body.String(), `"detail":"query: of 9006 bytes is not valid: want at most 8192 bytes"`) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

// Clients that ask in ever new ways take no memory without bound, and get what they ask for.
func TestManyQuestions(t *testing.T) {
	s := serve(t)
	s.load(1, 0)
	var wg sync.WaitGroup
	for client := range 4 {
		wg.Go(func() {
			for i := range 100 {
				w := s.ask("root", "GET", fmt.Sprintf("series/?hours=%d.%d", 1+client, 1+i))
				if w.Code != 200 {
					t.Errorf("%d: %s", w.Code, w.Body)
				}
			}
		})
	}
	wg.Wait()
	if w := s.ask("root", "GET", "series/?hours=1&"+strings.Repeat("x", 5000)); w.Code != 400 || w.Header().Get("ETag") != "" {
		t.Errorf("an error: %d, %q", w.Code, w.Header().Get("ETag"))
	}
}

// A client that takes gzip gets it, for large answers, with the same content.
func TestCompression(t *testing.T) {
	s := serve(t)
	s.load(2, 0)
	const large, small = "dashboard/", "alerts/"
	plain := s.ask("root", "GET", large)
	if plain.Header().Get("Content-Encoding") != "" || plain.Header().Get("Vary") != "Accept-Encoding" {
		t.Errorf("headers of a plain answer: %v", plain.Header())
	}
	tests := []struct {
		method, path, accept string
		packed               bool
	}{
		{"GET", large, "gzip", true},
		{"GET", large, "br;q=1.0, GZIP ; q=0.5", true},
		{"GET", "diagnostics/", "gzip", true}, // not kept
		{"GET", "openapi.json", "gzip", true},
		{"GET", large, "gzip;q=0", false},
		{"GET", large, "gzip; q=0.000", false},
		{"GET", large, "br, deflate", false},
		{"GET", large, "xgzip", false},
		{"GET", small, "gzip", false},
		{"HEAD", large, "gzip", false},
	}
	for _, test := range tests {
		w := s.ask("root", test.method, test.path, "Accept-Encoding", test.accept)
		if packed := w.Header().Get("Content-Encoding") == "gzip"; packed != test.packed {
			t.Errorf("%s %s with %q: compressed is %v", test.method, test.path, test.accept, packed)
			continue
		}
		if got := w.Header().Get("Content-Length"); test.method == "GET" && got != fmt.Sprint(w.Body.Len()) {
			t.Errorf("%s with %q: Content-Length %s of %d", test.path, test.accept, got, w.Body.Len())
		}
		if !test.packed || test.path != large {
			continue
		}
		r, err := gzip.NewReader(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(plain.Body.String(), string(body)); diff != "" {
			t.Errorf("%q (-plain +compressed):\n%s", test.accept, diff)
		}
	}
	if w := s.ask("root", http.MethodHead, large); w.Body.Len() > 0 || w.Header().Get("Content-Length") != plain.Header().Get("Content-Length") {
		t.Errorf("HEAD: %d bytes, %v", w.Body.Len(), w.Header())
	}
}
