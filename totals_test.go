package perfmon_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
)

// The totals of endpoints have the response times of each class of status, which add up
// to all of them, and never go down.
func TestEndpointTotals(t *testing.T) {
	b := start(t)
	if got := b.History().EndpointTotals(); len(got) != 0 {
		t.Errorf("before there was a response: %v", got)
	}
	for round := 1; round <= 3; round++ {
		for range 10 {
			b.request(10*time.Millisecond, 200)
			b.request(20*time.Millisecond, 404)
		}
		b.request(time.Second, 503)
		b.rec.Record(time.Second, &perfmon.Response{Method: "POST", Pattern: "/orders/{id}", Status: 500})
		b.step()
		type class struct {
			Count uint64
			Mean  time.Duration
		}
		got := map[string][5]class{}
		for _, e := range b.History().EndpointTotals() {
			var classes [5]class
			sum := uint64(0)
			for i, times := range e.StatusTimes {
				if times != nil {
					classes[i] = class{times.Count(), time.Duration(times.Mean()).Round(time.Millisecond * 5)}
					sum += times.Count()
				}
				if classes[i].Count != e.Statuses[i] {
					t.Errorf("%v: %d responses of %dxx and %d times", e, e.Statuses[i], i+1, classes[i].Count)
				}
			}
			if sum != e.Times.Count() || sum != e.Requests {
				t.Errorf("%v: %d times by class and %d in all", e, sum, e.Times.Count())
			}
			got[e.Endpoint] = classes
		}
		n := uint64(round)
		want := map[string][5]class{
			"GET /":             {1: {10 * n, 10 * time.Millisecond}, 3: {10 * n, 20 * time.Millisecond}, 4: {n, time.Second}},
			"POST /orders/{id}": {4: {n, time.Second}},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("round %d (-want +got):\n%s", round, diff)
		}
	}
}
