package httpapi_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/httpapi"
	"github.com/backend-prs/perfmon/middleware"
)

// A stream has the sample of each step and every change of an alert.
func TestRealtime(t *testing.T) {
	for protocol, listen := range protocols {
		t.Run(protocol, func(t *testing.T) {
			s := serve(t)
			c := realtime(t, listen(t, s.api), "root", "")
			if c.resp.StatusCode != 200 || c.resp.Proto != protocol {
				t.Fatalf("%d over %s", c.resp.StatusCode, c.resp.Proto)
			}
			for name, want := range map[string]string{"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"} {
				if got := c.resp.Header.Get(name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			if line := receive(t, c.other); line != "retry: 3000" {
				t.Errorf("it begins with %q", line)
			}
			id := s.raise("own", "")
			opened := c.next("alert")
			var e perfmon.AlertEvent
			if err := json.Unmarshal([]byte(opened.data), &e); err != nil {
				t.Fatal(err)
			}
			if e.Change != perfmon.ChangeOpened || e.Alert.ID != id || e.Number != e.Alert.Record || !strings.HasPrefix(opened.id, fmt.Sprintf("%d-", e.Number)) {
				t.Errorf("%+v with the ID %q", e, opened.id)
			}
			for range 3 {
				s.step()
				var got, want perfmon.Sample
				sent := c.next("metrics")
				if err := json.Unmarshal([]byte(sent.data), &got); err != nil {
					t.Fatal(err)
				}
				if want, _ = s.Current(); !got.Time.Equal(want.Time) || sent.id != opened.id {
					t.Errorf("the sample of %v comes with ID %q, want that of %v with %q", got.Time, sent.id, want.Time, opened.id)
				}
			}
			if a := s.do("root", "POST", "alerts/", `{"action":"dismiss","alert_ids":["`+id+`"]}`); a.status != 200 {
				t.Fatal(a.raw)
			}
			if e := c.next("alert"); !strings.Contains(e.data, `"change":"dismissed"`) {
				t.Errorf("%v", e)
			}
			// Who comes later sees the sample that there is at once, and no old events.
			if e := receive(t, realtime(t, listen(t, s.api), "acme", "").events); e.name != "metrics" || e.id == "" {
				t.Errorf("the first event is %v", e)
			}
		})
	}
}

// A client that is cut off again and again gets every event exactly once.
func TestRealtimeResumes(t *testing.T) {
	for protocol, listen := range protocols {
		for _, as := range []string{"root", "acme"} {
			t.Run(protocol+", "+as, func(t *testing.T) { testResumes(t, listen, as) })
		}
	}
}

func testResumes(t *testing.T, listen func(testing.TB, http.Handler) *httptest.Server, as string) {
	const cuts = 100
	m, mock, api := still(t)
	server := listen(t, api)
	url := server.URL + httpapi.DefaultPrefix + "realtime/"
	rng := rand.New(rand.NewPCG(1, 2))
	var id string
	var got, want []string // the endpoints of the alerts
	var taken atomic.Int64
	first, stop := make(chan struct{}), make(chan struct{})
	raised := make(chan []string)
	go func() {
		<-first
		var endpoints []string
		for i := 0; ; i++ {
			select {
			case <-stop:
				raised <- endpoints
				return
			default:
			}
			if int64(len(endpoints)) > taken.Load()+1000 {
				time.Sleep(time.Millisecond) // the log would not reach back
				continue
			}
			endpoints = append(endpoints, fmt.Sprint(i))
			raiseAt(t, m, perfmon.Scope{Endpoint: fmt.Sprint(i)}, nil)
		}
	}()
	connect := func(limit int64) (connected bool) {
		mock.Add(time.Second) // streams may be opened once a second
		r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("As", as)
		if id != "" {
			r.Header.Set("Last-Event-ID", id)
		}
		resp, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		if resp.StatusCode == http.StatusTooManyRequests {
			return false // the streams before are still being ended
		}
		if resp.StatusCode != 200 {
			t.Fatalf("%d with %q", resp.StatusCode, id)
		}
		var body io.Reader = resp.Body
		if limit > 0 {
			body = io.LimitReader(resp.Body, limit)
		}
		_ = readEvents(body, &id, func(e sseEvent) {
			if e.name != "alert" {
				t.Errorf("%v", e)
				return
			}
			var body perfmon.AlertEvent
			if err := json.Unmarshal([]byte(e.data), &body); err != nil {
				t.Error(err)
			}
			got = append(got, body.Alert.Endpoint)
			taken.Store(int64(len(got)))
			if want != nil && len(got) >= len(want) {
				_ = resp.Body.Close()
			}
		}, func(string) {})
		return true
	}
	begins := int64(len("retry: 3000\n\nid: 0\n\n")) // until it has its first position
	if as != "root" {
		begins += 59 // which is encrypted
	}
	connect(begins)
	if id == "" {
		t.Fatal("the stream begins without a position")
	}
	close(first)
	for n := 0; n < cuts; {
		if connect(60 + rng.Int64N(8000)) {
			n++
		}
	}
	close(stop)
	want = <-raised
	for len(got) < len(want) {
		connect(0)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Where events may be missed, the stream says so first, and then has all that are held.
func TestRealtimeReset(t *testing.T) {
	for name, test := range map[string]struct {
		resume func(held []perfmon.AlertEvent) string
		reset  bool
		from   int
	}{
		"the first":               {checked(0), false, 1},
		"the last":                {checked(2), false, 3},
		"by its number":           {func(held []perfmon.AlertEvent) string { return fmt.Sprint(held[0].Number) }, false, 1},
		"from the beginning":      {fixed("0"), false, 0},
		"of another process":      {func(held []perfmon.AlertEvent) string { return fmt.Sprintf("%d-abc", held[1].Number) }, true, 0},
		"past all that there was": {fixed("99"), true, 0},
		"past all, checked":       {fixed("99-0"), true, 0},
		"of an organization":      {fixed(strings.Repeat("A", 60)), true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			m, _, api := still(t)
			var all []uint64
			for i := range 3 {
				all = append(all, raiseAt(t, m, perfmon.Scope{Endpoint: fmt.Sprint(i)}, nil))
			}
			c := realtime(t, listen(t, api, false, nil), "root", test.resume(m.Alerts().Events(0, 0).List))
			if test.reset {
				if e := receive(t, c.events); e.name != "reset" || e.data != `{"after":0}` {
					t.Errorf("it begins with %v", e)
				}
			}
			last := raiseAt(t, m, perfmon.Scope{}, nil)
			var got []uint64
			for len(got) == 0 || got[len(got)-1] != last {
				got = append(got, c.next("alert").number(t))
			}
			if diff := cmp.Diff(append(all[test.from:], last), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func fixed(id string) func([]perfmon.AlertEvent) string {
	return func([]perfmon.AlertEvent) string { return id }
}

// checked is the ID of an event; the clock says 0.
func checked(i int) func([]perfmon.AlertEvent) string {
	return func(held []perfmon.AlertEvent) string {
		return fmt.Sprintf("%d-%x", held[i].Number, held[i].At.UnixNano())
	}
}

// An organization admin learns from a stream neither how many changes there were nor when
// another organization had one, and resumes by IDs that mean nothing elsewhere.
func TestRealtimeTellsNothingOfOtherOrganizations(t *testing.T) {
	m, mock, api := still(t)
	server := listen(t, api, false, nil)
	own := raiseAt(t, m, perfmon.Scope{Organization: "acme"}, nil)
	mock.Add(7*time.Minute + 123*time.Millisecond)
	raiseAt(t, m, perfmon.Scope{Organization: "globex"}, nil)
	stops := func(c *client) string { // and returns the place that it had
		c.next("alert")
		c.cancel()
		receive(t, c.ended)
		return c.id
	}
	c := realtime(t, server, "acme", "0")
	first := c.next("alert")
	if got := first.numberIn(t, m); got != own {
		t.Errorf("event %d comes first, want %d", got, own)
	}
	mine := raiseAt(t, m, perfmon.Scope{Organization: "acme", Endpoint: "1"}, nil)
	at := stops(c)
	if first.id == at || len(first.id) != 60 || len(at) != 60 {
		t.Errorf("the IDs are %q and %q", first.id, at)
	}
	raiseAt(t, m, perfmon.Scope{Organization: "globex", Endpoint: "1"}, nil)
	next := raiseAt(t, m, perfmon.Scope{Organization: "acme", Endpoint: "2"}, nil)
	for name, test := range map[string]struct {
		id    string
		reset bool
		want  []uint64
	}{
		"where it was":     {at, false, []uint64{next}},
		"before that":      {first.id, false, []uint64{mine, next}},
		"a number":         {"1", true, []uint64{own, mine, next}},
		"an ID of another": {fmt.Sprintf("1-%x", 0), true, []uint64{own, mine, next}},
		"altered":          {first.id[:30] + at[30:], true, []uint64{own, mine, next}},
	} {
		c := realtime(t, server, "acme", test.id)
		if test.reset {
			if e := receive(t, c.events); e.name != "reset" || e.data != "{}" || len(e.id) != 60 {
				t.Errorf("%s: it begins with %v", name, e)
			}
		}
		var got []uint64
		for range test.want {
			got = append(got, c.next("alert").numberIn(t, m))
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		c.close()
		mock.Add(time.Second)
	}
	_, _, restarted := still(t)
	if e := receive(t, realtime(t, listen(t, restarted, false, nil), "acme", at).events); e.name != "reset" {
		t.Errorf("at another process it begins with %v", e)
	}
}

// A log that no longer reaches back is said to begin later.
func TestRealtimeResetPastTheLog(t *testing.T) {
	m, _, api := still(t)
	for i := range 2500 {
		a, err := m.Alerts().Raise(perfmon.HostAlert{Metric: "own", Severity: perfmon.Warning, Message: "m", Scope: perfmon.Scope{Endpoint: fmt.Sprint(i)}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Alerts().Resolve(a.ID, "test"); err != nil {
			t.Fatal(err)
		}
	}
	held := m.Alerts().Events(0, 0)
	c := realtime(t, listen(t, api, false, nil), "root", "1")
	if e := receive(t, c.events); e.name != "reset" || e.data != fmt.Sprintf(`{"after":%d}`, held.From) {
		t.Errorf("it begins with %v", e)
	}
	for i, want := range held.List {
		if n := c.next("alert").number(t); n != want.Number {
			t.Fatalf("event %d is %d, want %d", i, n, want.Number)
		}
	}
}

func TestRealtimeRefusesABadPosition(t *testing.T) {
	_, _, api := still(t)
	for _, bad := range []string{"x", "-1", "1-", "1-A", "01", "1-0-0", "1.5", "18446744073709551616", " 1", "1-zzzzzzzzzzzzzzzzz", strings.Repeat("1", 5000)} {
		for _, where := range []string{"Last-Event-ID", "last_event_id"} {
			r := httptest.NewRequest("GET", httpapi.DefaultPrefix+"realtime/", nil)
			if r.Header.Set("As", "root"); where == "last_event_id" {
				r.URL.RawQuery = "last_event_id=" + strings.ReplaceAll(bad, " ", "+")
			} else {
				r.Header.Set(where, bad)
			}
			w := httptest.NewRecorder()
			api.ServeHTTP(w, r)
			if w.Code != 400 || !strings.Contains(w.Body.String(), `"parameter":"`+where+`"`) || w.Body.Len() > 1000 {
				t.Errorf("%s %q: %d %s", where, bad, w.Code, w.Body)
			}
		}
	}
}

// Clients without a header of their own resume by the parameter; the header is newer.
func TestRealtimeResumesByParameter(t *testing.T) {
	m, _, api := still(t)
	for i := range 3 {
		raiseAt(t, m, perfmon.Scope{Endpoint: fmt.Sprint(i)}, nil)
	}
	server := listen(t, api, false, nil)
	for header, want := range map[string]uint64{"": 2, "2": 3} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+httpapi.DefaultPrefix+"realtime/?last_event_id=1", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("As", "root")
		r.Header.Set("Last-Event-ID", header)
		resp, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		id, got := "", uint64(0)
		_ = readEvents(resp.Body, &id, func(e sseEvent) {
			if got == 0 {
				got = e.number(t)
			}
			_ = resp.Body.Close()
		}, func(string) {})
		if got != want {
			t.Errorf("with the header %q it goes on with %d, want %d", header, got, want)
		}
	}
}

// An organization sees its own alerts and those of the service, live and replayed.
func TestRealtimeOfTwoOrganizations(t *testing.T) {
	store, others := folded(t, "a", "b", "c", "d")
	m, _, api := stillWith(t, perfmon.WithStore(store))
	server := listen(t, api, false, nil)
	organizations := []string{"", "acme", "globex", "(other)", "acme\xff"}
	see := map[string][]int{"acme": {0, 1}, "globex": {0, 2}, "(other)": {0}, "root": {0, 1, 2, 3, 4}}
	live := map[string]*client{}
	for as := range see {
		live[as] = realtime(t, server, as, "") // whatever happens from now on
	}
	for i := range 20 {
		if i%5 == 3 {
			if _, err := m.Alerts().Acknowledge(others[i/5], "test"); err != nil {
				t.Fatal(err)
			}
			continue
		}
		raiseAt(t, m, perfmon.Scope{Organization: organizations[i%5]}, nil)
		active, _ := m.Alerts().List(perfmon.AlertQuery{Active: true})
		for _, a := range active {
			if a.Organization == "(other)" {
				continue
			}
			if _, err := m.Alerts().Resolve(a.ID, "test"); err != nil {
				t.Fatal(err)
			}
		}
	}
	end := raiseAt(t, m, perfmon.Scope{Endpoint: "end"}, nil)
	for as, seen := range see {
		var want []uint64
		for _, e := range m.Alerts().Events(0, 0).List {
			for _, i := range seen {
				if o := e.Alert.Organization; o == organizations[i] || i == 4 && strings.HasPrefix(o, "acme\uFFFD") {
					want = append(want, e.Number)
				}
			}
		}
		for name, c := range map[string]*client{"live": live[as], "replayed": realtime(t, server, as, "0")} {
			var got []uint64
			for len(got) == 0 || got[len(got)-1] != end {
				if e := c.next("alert"); as == "root" {
					got = append(got, e.number(t))
				} else {
					got = append(got, e.numberIn(t, m))
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", as, name, diff)
			}
		}
	}
}

// HEAD has the header of a stream and opens none.
func TestRealtimeHead(t *testing.T) {
	_, _, api := still(t)
	for range 20 {
		r := httptest.NewRequest("HEAD", httpapi.DefaultPrefix+"realtime/", nil)
		r.Header.Set("As", "root")
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		if w.Code != 200 || w.Header().Get("Content-Type") != "text/event-stream" || w.Body.Len() != 0 {
			t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
		}
	}
}

// The monitor does not count its own streams.
func TestRealtimeIsNotCounted(t *testing.T) {
	s := serve(t)
	h := middleware.New(s.Monitor)(s.api)
	c := realtime(t, listen(t, h, false, nil), "root", "")
	s.step()
	c.next("metrics")
	s.step()
	current, _ := s.Current()
	for _, metric := range []string{perfmon.StreamsOpen, perfmon.RequestsInFlight} {
		if v, _ := current.Value(metric); v != 0 {
			t.Errorf("%s is %v", metric, v)
		}
	}
	if list := s.History().Endpoints(time.Hour); len(list) != 0 {
		t.Errorf("%v", list)
	}
}
