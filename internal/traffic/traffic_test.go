package traffic_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon/internal/traffic"
)

type counts struct {
	Responses, Errors, Timed uint64
}

// read drains t into a map by endpoint name, idle endpoints left out.
func read(t *traffic.Traffic, r *traffic.Reader) (got map[string]counts, inFlight, streams int64) {
	got = map[string]counts{}
	inFlight, streams = r.Endpoints(new(traffic.Delta), func(name string, d *traffic.Delta) {
		if d.Responses > 0 {
			got[name] = counts{d.Responses, d.Errors, d.Times.Count()}
		}
	})
	return got, inFlight, streams
}

func TestEndpointNames(t *testing.T) {
	tests := []struct{ method, pattern, want string }{
		{"GET", "/orders/{id}", "GET /orders/{id}"},
		{"", "/orders/{id}", "GET /orders/{id}"},
		{"HEAD", "GET /orders/{id}", "GET /orders/{id}"},
		{"BREW", "/coffee", "OTHER /coffee"},
		{"PROPFIND", "/coffee", "OTHER /coffee"},
		{"GET", "", traffic.Unmatched},
		{"POST", "example.com/x", "POST example.com/x"},
		{"POST", "PUT example.com/x", "PUT example.com/x"},
		{"DELETE", "no-slash", "DELETE no-slash"},
	}
	for _, test := range tests {
		tr := traffic.New(10, 10)
		r := tr.NewRecorder()
		for range 3 { // made, then found
			if got := r.Endpoint(test.method, test.pattern).String(); got != test.want {
				t.Errorf("%q on %q is %q, want %q", test.method, test.pattern, got, test.want)
			}
		}
	}
}

func TestCapFoldsTheRest(t *testing.T) {
	tr := traffic.New(3, 2)
	rec, reader := tr.NewRecorder(), tr.NewReader()
	for i := range 10 {
		rec.Start()
		rec.End(rec.Endpoint("GET", fmt.Sprintf("/p%d", i)), traffic.LaneOf(200, false), time.Millisecond)
		rec.EndOrganization(fmt.Sprintf("org%d", i), traffic.LaneOf(200, false), time.Millisecond)
	}
	got, _, _ := read(tr, reader)
	want := map[string]counts{
		"GET /p0": {1, 0, 1}, "GET /p1": {1, 0, 1}, "GET /p2": {1, 0, 1}, traffic.Other: {7, 0, 7},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	orgs := map[string]uint64{}
	reader.Organizations(func(name string, d *traffic.Delta) {
		orgs[name] = d.Responses
	})
	if diff := cmp.Diff(map[string]uint64{"org0": 1, "org1": 1, traffic.Other: 8}, orgs); diff != "" {
		t.Errorf("organizations (-want +got):\n%s", diff)
	}
	if tr.Endpoints.Folded() != 7 || tr.Organizations.Folded() != 8 {
		t.Errorf("folded %d and %d, want 7 and 8", tr.Endpoints.Folded(), tr.Organizations.Folded())
	}
}

func TestLanes(t *testing.T) {
	tr := traffic.New(10, 10)
	rec, reader := tr.NewRecorder(), tr.NewReader()
	id := rec.Endpoint("GET", "/")
	for _, o := range []struct {
		status int
		failed bool
	}{{200, false}, {204, false}, {302, false}, {404, false}, {404, true}, {503, true}, {0, true}, {999, true}} {
		rec.Start()
		rec.End(id, traffic.LaneOf(o.status, o.failed), time.Second)
	}
	rec.Start()
	rec.StreamOpened() // a stream that stays open
	rec.Start()
	rec.StreamOpened()
	rec.StreamEnded()
	rec.End(id, traffic.LaneOf(101, false).OfStream(), time.Hour)
	rec.Start() // a request under way
	rec.Start()
	rec.Ignore()

	var got traffic.Delta
	inFlight, streams := reader.Endpoints(new(traffic.Delta), func(_ string, d *traffic.Delta) { got.Merge(d) })
	want := [5]uint64{0, 2, 1, 2, 3}
	if diff := cmp.Diff(want, got.Classes); diff != "" {
		t.Errorf("status classes (-want +got):\n%s", diff)
	}
	if got.Responses != 9 || got.Errors != 4 || got.Times.Count() != 8 {
		t.Errorf("%d responses, %d errors, %d timed, want 9, 4, 8", got.Responses, got.Errors, got.Times.Count())
	}
	if inFlight != 1 || streams != 1 {
		t.Errorf("%d requests and %d streams in flight, want 1 and 1", inFlight, streams)
	}
	if again, _, _ := read(tr, reader); len(again) != 0 {
		t.Errorf("a second read found %v", again)
	}
}

// Nothing is lost or counted twice while many goroutines record and one reads, and
// no more is in flight than there are goroutines.
func TestConcurrentRecording(t *testing.T) {
	const goroutines, each = 8, 3000
	tr := traffic.New(100, 10)
	reader := tr.NewReader()
	patterns := make([]string, 150)
	for i := range patterns {
		patterns[i] = fmt.Sprintf("/p%d", i)
	}
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			rec := tr.NewRecorder()
			for i := range each {
				rec.Start()
				rec.End(rec.Endpoint("GET", patterns[(i*7+g)%len(patterns)]), traffic.LaneOf(200, false), time.Duration(i))
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	var sum uint64
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		inFlight, _ := reader.Endpoints(new(traffic.Delta), func(_ string, d *traffic.Delta) { sum += d.Responses })
		if !running && inFlight != 0 {
			t.Errorf("%d in flight at the end", inFlight)
		}
	}
	if sum != goroutines*each {
		t.Errorf("read %d responses, want %d", sum, goroutines*each)
	}
	if n := len(tr.Endpoints.All()); n != 102 {
		t.Errorf("%d names, want the limit of 100 and the two reserved", n)
	}
}

// The address of a pattern that was thrown away is never mistaken for another's.
func TestPatternsMadeAnewEachTime(t *testing.T) {
	tr := traffic.New(100, 10)
	rec := tr.NewRecorder()
	for i := range 2000 {
		want := fmt.Sprintf("/p%02d", i%50)
		if got := rec.Endpoint("GET", strings.Clone(want)).String(); got != "GET "+want {
			t.Fatalf("%q is counted as %q", want, got)
		}
		if i%500 == 0 {
			runtime.GC()
		}
	}
}

func TestRecordingDoesNotAllocate(t *testing.T) {
	tr := traffic.New(100, 10)
	rec := tr.NewRecorder()
	patterns := make([]string, 99)
	for i := range patterns {
		patterns[i] = fmt.Sprintf("/p%d", i)
	}
	i := 0
	record := func() {
		o := traffic.LaneOf(200+100*(i%4), false)
		rec.Start()
		rec.End(rec.Endpoint("POST", patterns[i%len(patterns)]), o, time.Millisecond)
		rec.EndOrganization("acme", o, time.Millisecond)
		i++
	}
	for range 1000 {
		record()
	}
	if n := testing.AllocsPerRun(1000, record); n != 0 {
		t.Errorf("recording a request allocates %v times", n)
	}
}
