package perfmon

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// The sliding median is that of the values before each time, however they and the time
// between them vary.
func TestSlidingMedian(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		n := rng.IntN(120)
		times, values := make([]time.Time, n), make([]float64, n)
		at := time.Unix(0, 0)
		for i := range n {
			at = at.Add(time.Duration(1+rng.IntN(120)) * time.Second)
			times[i], values[i] = at, float64(rng.IntN(20))
			if rng.IntN(5) == 0 {
				values[i] = math.NaN()
			}
		}
		span := time.Duration(1+rng.IntN(20)) * time.Minute
		m := slidingMedian{times: times, values: values, span: span}
		end := time.Unix(0, 0)
		for range 100 {
			end = end.Add(time.Duration(rng.IntN(3)) * time.Duration(rng.IntN(120)) * time.Second)
			var before []float64
			for i, v := range values {
				if !math.IsNaN(v) && times[i].Before(end) && !times[i].Before(end.Add(-span)) {
					before = append(before, v)
				}
			}
			want := Value{}
			if len(before) >= beforePoints {
				slices.Sort(before)
				want = ValueOf(before[len(before)/2])
			}
			if got := m.at(end); got != want {
				t.Fatalf("seed %d, before %v: %v, want %v of %v", seed, end, got, want, before)
			}
		}
	}
	none := slidingMedian{times: []time.Time{time.Unix(1, 0)}, span: time.Minute}
	if v := none.at(time.Unix(2, 0)); !v.IsAbsent() {
		t.Errorf("of nothing: %v", v)
	}
}
