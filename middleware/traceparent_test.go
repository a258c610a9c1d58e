package middleware_test

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/middleware"
)

const (
	trace  = "4bf92f3577b34da6a3ce929d0e0e4736" // the example of the recommendation
	parent = trace + "-00f067aa0ba902b7"
)

func TestTraceParent(t *testing.T) {
	for name, test := range map[string]struct {
		values []string
		want   string
	}{
		"sampled":                     {[]string{"00-" + parent + "-01"}, trace},
		"sampled, with another flag":  {[]string{"00-" + parent + "-03"}, trace},
		"flags in letters":            {[]string{"00-" + parent + "-ff"}, trace},
		"a later version":             {[]string{"cc-" + parent + "-01"}, trace},
		"a later version with more":   {[]string{"cc-" + parent + "-01-what-the-future-brings"}, trace},
		"none":                        {nil, ""},
		"empty":                       {[]string{""}, ""},
		"not sampled":                 {[]string{"00-" + parent + "-00"}, ""},
		"not sampled, another flag":   {[]string{"00-" + parent + "-02"}, ""},
		"twice":                       {[]string{"00-" + parent + "-01", "00-" + parent + "-01"}, ""},
		"version ff":                  {[]string{"ff-" + parent + "-01"}, ""},
		"version 00 with more":        {[]string{"00-" + parent + "-01-more"}, ""},
		"a later version, run on":     {[]string{"cc-" + parent + "-01more"}, ""},
		"capital letters":             {[]string{"00-" + strings.ToUpper(parent) + "-01"}, ""},
		"no trace":                    {[]string{"00-" + strings.Repeat("0", 32) + "-00f067aa0ba902b7-01"}, ""},
		"no parent":                   {[]string{"00-" + trace + "-" + strings.Repeat("0", 16) + "-01"}, ""},
		"too short":                   {[]string{"00-" + parent + "-1"}, ""},
		"a space before":              {[]string{" 00-" + parent + "-01"}, ""},
		"a space after":               {[]string{"00-" + parent + "-01 "}, ""},
		"another separator":           {[]string{"00_" + parent + "-01"}, ""},
		"another separator in trace":  {[]string{"00-" + trace + "_00f067aa0ba902b7-01"}, ""},
		"another separator of flags":  {[]string{"00-" + parent + "_01"}, ""},
		"no hex in the version":       {[]string{"0g-" + parent + "-01"}, ""},
		"no hex in the trace":         {[]string{"00-" + trace[:31] + "g-00f067aa0ba902b7-01"}, ""},
		"no hex in the parent":        {[]string{"00-" + trace + "-00f067aa0ba902bg-01"}, ""},
		"no hex in the flags":         {[]string{"00-" + parent + "-g1"}, ""},
		"no hex in the sampled flag":  {[]string{"00-" + parent + "-0g"}, ""},
		"something that breaks lines": {[]string{"00-" + trace[:31] + "\n-00f067aa0ba902b7-01"}, ""},
	} {
		r := &http.Request{Header: http.Header{"Traceparent": test.values}}
		if got := middleware.TraceParent(r); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// valid says in another way what a traceparent is.
var valid = regexp.MustCompile(`^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-(?s:.*))?$`)

func reference(s string) string {
	m := valid.FindStringSubmatch(s)
	if m == nil || m[1] == "ff" || m[1] == "00" && m[5] != "" || strings.Count(m[2], "0") == 32 || strings.Count(m[3], "0") == 16 {
		return ""
	}
	if flags, err := strconv.ParseUint(m[4], 16, 8); err != nil || flags&1 == 0 {
		return ""
	}
	return m[2]
}

func FuzzTraceParent(f *testing.F) {
	for _, s := range []string{"", "00-" + parent + "-01", "00-" + parent + "-00", "cc-" + parent + "-01-x", "ff-" + parent + "-01", "00-" + parent + "-01\n", "00-" + parent + "-0b-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := middleware.TraceParent(&http.Request{Header: http.Header{"Traceparent": {s}}}), reference(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	})
}

// traces returns the traces of an endpoint's exemplars, as its latest step has them.
func (w *watched) traces(endpoint string) []string {
	w.t.Helper()
	w.step()
	list := []string{}
	for _, e := range w.History().EndpointTotals() {
		if e.Endpoint == endpoint {
			for _, x := range e.Exemplars {
				list = append(list, x.TraceID)
			}
		}
	}
	return list
}

// A request that carries a trace ID leaves an exemplar with its endpoint, unless it is left
// out, is a stream, or nobody knows its trace.
func TestWithTraceID(t *testing.T) {
	m := watch(t)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", func(w http.ResponseWriter, r *http.Request) { m.clock.Add(100 * time.Millisecond) })
	mux.HandleFunc("GET /panics", func(w http.ResponseWriter, r *http.Request) { panic("boo") })
	mux.HandleFunc("GET /ignored", func(w http.ResponseWriter, r *http.Request) { middleware.Ignore(w) })
	mux.HandleFunc("GET /stream", func(w http.ResponseWriter, r *http.Request) { middleware.MarkStream(w) })
	id := func(r *http.Request) string { return r.Header.Get("Trace") }
	h := middleware.New(m.Monitor, middleware.WithTraceID(id))(mux)
	routed := middleware.New(m.Monitor, middleware.WithTraceID(id),
		middleware.WithRoute(func(r *http.Request) string { return strings.Clone("/routed") }))(mux)
	serve := func(h http.Handler, path, trace string) {
		defer func() { _ = recover() }()
		r, err := http.NewRequest("GET", path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Trace", trace)
		h.ServeHTTP(nothing{http.Header{}}, r)
	}
	serve(h, "/orders/1", "")
	serve(h, "/orders/2", "not a trace")
	serve(h, "/orders/3", "first")
	serve(h, "/orders/4", "second")
	serve(h, "/panics", "panicked")
	serve(h, "/ignored", "ignored")
	serve(h, "/stream", "stream")
	serve(h, "/nowhere", "unmatched")
	serve(routed, "/orders/5", "routed")
	m.step()
	got := map[string][]perfmon.Exemplar{}
	for _, e := range m.History().EndpointTotals() {
		got[e.Endpoint] = e.Exemplars
	}
	at := time.Unix(0, 0).UTC()
	want := map[string][]perfmon.Exemplar{
		"GET /orders/{id}": {{TraceID: "first", Duration: 100 * time.Millisecond, Time: at.Add(300 * time.Millisecond), Class: 2}},
		"GET /panics":      {{TraceID: "panicked", Time: at.Add(400 * time.Millisecond), Class: 5}},
		"(unmatched)":      {{TraceID: "unmatched", Time: at.Add(400 * time.Millisecond), Class: 4}},
		"GET /routed":      {{TraceID: "routed", Duration: 100 * time.Millisecond, Time: at.Add(500 * time.Millisecond), Class: 2}},
		"GET /stream":      nil,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A function that panics or is slow costs a request its trace, and nothing else.
func TestBadTraceID(t *testing.T) {
	m := watch(t)
	n := 0
	h := middleware.New(m.Monitor, middleware.WithTraceID(func(*http.Request) string {
		m.clock.Add(time.Second)
		if n++; n == 2 {
			panic("boo")
		}
		return "t" + strconv.Itoa(n)
	}))(http.NotFoundHandler())
	for range 2 {
		get(h, "GET", "/")
	}
	if diff := cmp.Diff([]string{"t1"}, m.traces("(unmatched)")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := m.Hooks()[3]; got.Hook != perfmon.HookTraceID || got.Panics != 1 || got.Slowest != time.Second {
		t.Errorf("%+v", got)
	}
	if got := m.History().Requests(0); got.Requests != 2 || got.P99.Float() > 0.01 {
		t.Errorf("%v", got)
	}
	m.nothingPending()
}

// Requests of many goroutines, steps and reads of the totals do not race, and each step
// keeps an exemplar of its own.
func TestTracesAtTheSameTime(t *testing.T) {
	m := watch(t)
	h := middleware.New(m.Monitor, middleware.WithTraceID(middleware.TraceParent))(http.NotFoundHandler())
	for round := range 5 {
		var wg sync.WaitGroup
		digit := strconv.Itoa(round + 1)
		for range 8 {
			wg.Go(func() {
				for range 200 {
					r, err := http.NewRequest("GET", "/", nil)
					if err != nil {
						t.Error(err)
						return
					}
					r.Header.Set("Traceparent", "00-"+strings.Repeat(digit, 32)+"-00f067aa0ba902b7-01")
					h.ServeHTTP(nothing{http.Header{}}, r)
				}
			})
			wg.Go(func() {
				for range 20 {
					m.History().EndpointTotals()
				}
			})
		}
		if round%2 == 0 {
			m.step() // while they are served
		}
		wg.Wait()
		// A request during which a step passed took 10 s, and has a place of its own.
		if got := m.traces("(unmatched)"); len(got) == 0 || len(got) > 2 || got[len(got)-1] != strings.Repeat(digit, 32) {
			t.Errorf("round %d: %q", round, got)
		}
	}
}
