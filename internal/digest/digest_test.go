package digest_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon/internal/digest"
	"github.com/backend-prs/perfmon/sketch"
)

// The percentiles of a window are those of all its requests, however old they are:
// checked against keeping and sorting every one.
func TestWindowsAgreeWithSortingEverything(t *testing.T) {
	type request struct {
		end  time.Time
		time uint64
	}
	start := time.Date(2026, 3, 1, 7, 13, 0, 0, time.UTC)
	rng := rand.New(rand.NewPCG(1, 1))
	var (
		log digest.Log
		all []request
		now = start
	)
	for minute := range 50 * 60 {
		now = start.Add(time.Duration(minute+1) * time.Minute)
		var s sketch.Sketch
		n := rng.IntN(30)
		if minute%400 < 60 { // an idle hour now and then
			n = 0
		}
		for range n {
			v := uint64(math.Exp(rng.NormFloat64()) * 1e7 * float64(1+minute/600))
			s.Add(v)
			all = append(all, request{now, v})
		}
		log.Add(now, time.Minute, &s, uint64(n), uint64(n/3))
		log.Trim(now.Add(-48 * time.Hour))
	}
	for _, window := range []time.Duration{time.Minute, 10 * time.Minute, time.Hour, 90 * time.Minute, 5 * time.Hour, 24 * time.Hour, 48 * time.Hour} {
		var got sketch.Sketch
		sum := log.Since(now.Add(-window), &got)
		var want []uint64
		for _, r := range all {
			if r.end.After(sum.From) {
				want = append(want, r.time)
			}
		}
		slack := 10 * time.Minute
		if window > time.Hour {
			slack = time.Hour
		}
		if early := now.Add(-window).Sub(sum.From); early >= slack {
			t.Errorf("%v: the window begins %v too early", window, early)
		}
		if sum.Responses != uint64(len(want)) || got.Count() != uint64(len(want)) {
			t.Errorf("%v: %d responses, sketch of %d, want %d", window, sum.Responses, got.Count(), len(want))
			continue
		}
		slices.Sort(want)
		for _, q := range []float64{0.5, 0.95, 0.99} {
			exact := float64(want[int(math.Ceil(q*float64(len(want))))-1])
			if e := math.Abs(got.Quantile(q)-exact) / exact; e > sketch.RelativeError {
				t.Errorf("%v: p%v is %v, want %v", window, 100*q, got.Quantile(q), exact)
			}
		}
	}
}

func TestClockSetBack(t *testing.T) {
	var log digest.Log
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, after := range []time.Duration{0, 20 * time.Minute, 2 * time.Minute} {
		var s sketch.Sketch
		s.Add(1000)
		log.Add(at.Add(after), time.Minute, &s, 1, 0)
	}
	var got sketch.Sketch
	if sum := log.Since(at.Add(-time.Hour), &got); sum.Responses != 2 || got.Count() != 2 {
		t.Errorf("%d responses, want the two that are not in the future", sum.Responses)
	}
}
