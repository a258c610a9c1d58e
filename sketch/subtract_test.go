package sketch_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon/sketch"
)

// What came between two states of a sketch is the difference of the two.
func TestSubtract(t *testing.T) {
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 5))
		var before, after, between sketch.Sketch
		if rng.IntN(2) == 0 { // counts past 32 bits
			if err := before.MergeBinary(encoding(1<<40, 1<<40<<1)); err != nil {
				t.Fatal(err)
			}
		}
		draw := func() uint64 { return uint64(rng.ExpFloat64() * math.Pow(10, float64(rng.IntN(12)))) }
		for range rng.IntN(1000) {
			before.Add(draw())
		}
		after.Merge(&before)
		for range rng.IntN(1000) {
			v := draw()
			after.Add(v)
			between.Add(v)
		}
		was := encode(t, &before)
		after.Subtract(&before)
		if diff := cmp.Diff(encode(t, &between), encode(t, &after)); diff != "" || after.Count() != between.Count() {
			t.Errorf("seed %d: %d values, want %d (-want +got):\n%s", seed, after.Count(), between.Count(), diff)
		}
		if diff := cmp.Diff(was, encode(t, &before)); diff != "" {
			t.Errorf("seed %d: what was subtracted has changed:\n%s", seed, diff)
		}
	}
}

// What was not counted cannot be taken away.
func TestSubtractTooMuch(t *testing.T) {
	var s, o sketch.Sketch
	for range 3 {
		s.Add(7)
		o.Add(7)
		o.Add(7)
	}
	s.Add(100)
	o.Add(1 << 40)
	s.Subtract(&o)
	if s.Count() != 1 || s.Quantile(1) != 100 {
		t.Errorf("%d values are left, the largest is %v", s.Count(), s.Quantile(1))
	}
}

// A Peek sees what the next Drain takes, and takes nothing.
func TestPeek(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 6))
	var a sketch.Atomic
	var c sketch.Cursor
	for round := range 50 {
		for range rng.IntN(100) {
			a.Add(uint64(rng.Int64N(1 << 41)))
		}
		var first, second, drained, all, total sketch.Sketch
		n := a.Peek(&c, &first)
		a.Peek(&c, &second)
		if round%2 == 0 {
			continue // the next round sees these as well
		}
		if a.Peek(&c, nil) != n || a.Drain(&c, &drained) != n {
			t.Errorf("round %d: not %d values", round, n)
		}
		c.AddTo(&total)
		if a.Peek(nil, &all) != c.Count() || a.Peek(&c, nil) != 0 {
			t.Errorf("round %d: something is left", round)
		}
		for name, pair := range map[string][2]*sketch.Sketch{"first": {&drained, &first}, "second": {&drained, &second}, "all": {&total, &all}} {
			if diff := cmp.Diff(encode(t, pair[0]), encode(t, pair[1])); diff != "" {
				t.Errorf("round %d: %s (-drained +seen):\n%s", round, name, diff)
			}
		}
	}
}
