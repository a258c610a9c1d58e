package sketch_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/backend-prs/perfmon/sketch"
)

// The buckets hold all values between them, and each value lies in the bucket that
// counts it, whose middle is what a quantile says.
func TestBuckets(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		v := random.Uint64() >> random.UintN(64)
		var s sketch.Sketch
		s.Add(v)
		n := 0
		for i, count := range s.Buckets() {
			n++
			in := min(v, sketch.Max)
			if low, high := sketch.Bounds(i); count != 1 || in < low || in > high || i != sketch.Bucket(v) {
				t.Fatalf("value %d: bucket %d, of %d to %d, has %d", v, i, low, high, count)
			}
		}
		if n != 1 {
			t.Fatalf("value %d: %d buckets", v, n)
		}
	}
	var s sketch.Sketch
	for range 10_000 {
		s.Add(uint64(math.Exp(random.NormFloat64()*3 + 15)))
	}
	last, sum := uint64(0), uint64(0)
	for i, count := range s.Buckets() {
		low, high := sketch.Bounds(i)
		if sum > 0 && low <= last {
			t.Fatalf("bucket %d begins at %d after one that ends at %d", i, low, last)
		}
		last = high
		if sum += count; sum != s.CountUpTo(high) {
			t.Fatalf("up to %d there are %d, CountUpTo says %d", high, sum, s.CountUpTo(high))
		}
	}
	if sum != s.Count() {
		t.Errorf("%d of %d values are in buckets", sum, s.Count())
	}
	for _, count := range s.Buckets() {
		if count > 0 {
			break // it does not go on
		}
	}
	for _, i := range []int{-1, 1 << 20} {
		if low, high := sketch.Bounds(i); low != 0 || high != 0 {
			t.Errorf("bucket %d: %d to %d", i, low, high)
		}
	}
}
