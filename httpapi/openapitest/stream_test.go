package openapitest

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/httpapi"
)

// streamed are the events of a stream, as it goes on.
type streamed struct {
	t      *testing.T
	events chan [2]string // name and data
}

func (s *service) stream(server *httptest.Server, resume string) streamed {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	s.t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, "GET", server.URL+httpapi.DefaultPrefix+"realtime/", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("As", "root")
	r.Header.Set("Last-Event-ID", resume)
	resp, err := server.Client().Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	if resp.StatusCode != 200 {
		s.t.Fatal(resp.Status)
	}
	out := streamed{s.t, make(chan [2]string, 1000)}
	go func() {
		defer func() { _ = resp.Body.Close() }()
		name := ""
		for in := bufio.NewScanner(resp.Body); in.Scan(); {
			if n, ok := strings.CutPrefix(in.Text(), "event: "); ok {
				name = n
			}
			if data, ok := strings.CutPrefix(in.Text(), "data: "); ok {
				out.events <- [2]string{name, data}
			}
		}
	}()
	return out
}

// next returns the data of the next event with a name.
func (s streamed) next(name string) string {
	s.t.Helper()
	for {
		select {
		case e := <-s.events:
			if e[0] == name {
				return e[1]
			}
		case <-time.After(30 * time.Second):
			s.t.Fatalf("no event %q came", name)
		}
	}
}

// Every event of a stream is as it is described.
func TestEventsAreAsDescribed(t *testing.T) {
	s := serve(t)
	c := newChecker(t, s.description())
	server := httptest.NewServer(s.api)
	t.Cleanup(server.Close)
	s.load(1, 0, time.Millisecond)
	if _, err := s.Alerts().Raise(perfmon.HostAlert{Metric: "own", Severity: perfmon.Warning, Message: "m", Metadata: map[string]any{"a": 1}}); err != nil {
		t.Fatal(err)
	}
	in := s.stream(server, "0-1") // of another process
	for _, name := range []string{"reset", "alert", "metrics", "live"} {
		if name == "live" {
			s.clock.Add(time.Second)
		}
		pointer := "#/paths/" + escape("/realtime/") + "/get/responses/200/x-events/" + name
		schema, err := c.compiler.Compile("openapi.json" + pointer)
		if err != nil {
			t.Fatal(err)
		}
		body, err := jsonschema.UnmarshalJSON(strings.NewReader(in.next(name)))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(body); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A stream is refused as it is described where there are too many, and where it cannot
// be flushed.
func (s *service) refusedStreams(c *checker) {
	s.t.Helper()
	server := httptest.NewServer(s.api)
	s.t.Cleanup(server.Close)
	for range 4 {
		s.stream(server, "")
	}
	tooMany := s.do("root", "GET", "/realtime/", "")
	if after := tooMany.Header().Get("Retry-After"); tooMany.Code != http.StatusTooManyRequests || after == "" {
		s.t.Errorf("a fifth stream: %d with Retry-After: %q", tooMany.Code, after)
	}
	c.check(stream, tooMany)
	r := httptest.NewRequest("GET", httpapi.DefaultPrefix+"realtime/", nil)
	r.Header.Set("As", "acme")
	w := httptest.NewRecorder()
	http.TimeoutHandler(s.api, time.Minute, "too late").ServeHTTP(w, r)
	if w.Code != http.StatusNotImplemented {
		s.t.Errorf("in a TimeoutHandler: %s", fmt.Sprint(w.Code, w.Body))
	}
	c.check(stream, w)
}
