package perfmon_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/backend-prs/perfmon"
)

// The service counts what its endpoints count together, whenever it is asked: between points,
// after a gap, while the clock alone moves on, and when what windows begin with leaves them.
func TestServiceIsTheSumOfItsEndpoints(t *testing.T) {
	b := start(t, perfmon.WithStep(time.Minute), perfmon.WithInterval(2*time.Minute), perfmon.WithRetention(3*time.Hour))
	rng := rand.New(rand.NewPCG(1, 1))
	check := func() {
		t.Helper()
		for _, window := range []time.Duration{10 * time.Minute, 31 * time.Minute, time.Hour, 0} {
			var requests, failed uint64
			from := b.Now()
			for _, e := range b.History().Endpoints(window) {
				requests += e.Requests
				failed += e.Errors
				if e.From.Before(from) {
					from = e.From
				}
			}
			got := b.History().Requests(window)
			if got.Requests != requests || got.Errors != failed || requests > 0 && !got.From.Equal(from) {
				t.Fatalf("%v, window %v: %d requests, %d errors from %v; endpoints: %d, %d from %v", b.Now(), window, got.Requests, got.Errors, got.From, requests, failed, from)
			}
			if target := b.Health(perfmon.AlertQuery{}).Targets[0]; window == time.Hour && target.Value != got.P95 {
				t.Fatalf("%v: health says a p95 of %v, it is %v", b.Now(), target.Value, got.P95)
			}
		}
	}
	for range 400 {
		for range rng.IntN(20) * rng.IntN(2) {
			status := 200 + 300*(rng.IntN(5)/4)
			b.rec.Record(time.Duration(rng.IntN(1e8)), &perfmon.Response{Method: "GET", Pattern: fmt.Sprint("/", rng.IntN(5)), Status: status})
		}
		if rng.IntN(10) == 0 {
			b.clock.Add(time.Duration(rng.IntN(40)) * time.Second) // short of a step
			check()
			b.clock.Set(b.Now().Truncate(time.Minute).Add(time.Minute - time.Nanosecond))
			check()
			b.clock.Add(time.Nanosecond)
			<-b.samples
		} else {
			b.step()
		}
		check()
	}
}
