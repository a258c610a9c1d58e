package digest_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon/internal/digest"
	"github.com/backend-prs/perfmon/sketch"
)

// shapes are sketches of many shapes, by name.
func shapes() map[string]*sketch.Sketch {
	rng := rand.New(rand.NewPCG(1, 4))
	buckets := sketch.Bucket(sketch.Max) + 1
	of := func(values int, next func() uint64) *sketch.Sketch {
		var s sketch.Sketch
		for range values {
			s.Add(next())
		}
		return &s
	}
	lognormal := func() uint64 { return uint64(15e6 * math.Exp(0.7*rng.NormFloat64())) }
	wild := new(sketch.Sketch)
	for i := 0; i < buckets; i += 1 + rng.IntN(5)*rng.IntN(90) {
		wild.AddBucket(i, rng.Uint64()>>(10+rng.IntN(54)))
	}
	dense := new(sketch.Sketch)
	for i := range buckets {
		dense.AddBucket(i, uint64(1+i%7*i))
	}
	most := new(sketch.Sketch)
	most.AddBucket(100, 1<<62)
	ends := of(1, func() uint64 { return 0 })
	ends.Add(sketch.Max)
	return map[string]*sketch.Sketch{
		"one value": of(1, lognormal), "few": of(20, lognormal), "an hour of one a second": of(3600, lognormal), "many": of(300_000, lognormal),
		"two peaks": of(1000, func() uint64 { return []uint64{1000, 3e9}[rng.IntN(2)] + rng.Uint64N(50) }),
		"wild":      wild, "dense": dense, "as many as fit": most, "both ends": ends, "nothing": {},
	}
}

// sealed returns a log with an entry that is packed.
func sealed(s *sketch.Sketch) *digest.Log {
	var log digest.Log
	var own sketch.Sketch
	own.Merge(s)
	log.Add(noon, time.Minute, &own, max(s.Count(), 1), 0)
	log.Add(noon.Add(time.Hour), time.Minute, new(sketch.Sketch), 0, 0)
	return &log
}

// What is packed is read back as it was, whatever its shape.
func TestPackedSketches(t *testing.T) {
	for name, want := range shapes() {
		t.Run(name, func(t *testing.T) {
			var got sketch.Sketch
			sealed(want).Since(noon.Add(-time.Hour), &got)
			a, _ := want.MarshalBinary()
			b, _ := got.MarshalBinary()
			if diff := cmp.Diff(a, b); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A packed sketch takes about half of the memory of an encoded one where it is of an hour.
func TestPackedSketchesAreSmall(t *testing.T) {
	for name, most := range map[string]float64{"few": 1, "an hour of one a second": 0.55, "many": 0.55} {
		s := shapes()[name]
		encoded, _ := s.MarshalBinary()
		log := sealed(s)
		if n := float64(log.Bytes() - 56); n > most*float64(len(encoded)) {
			t.Errorf("%s: %.0f bytes, and %d encoded, want at most %v of it", name, n, len(encoded), most)
		} else {
			t.Logf("%s: %.0f bytes, and %d encoded", name, n, len(encoded))
		}
	}
}

func BenchmarkSince(b *testing.B) {
	log := sealed(shapes()["an hour of one a second"])
	var s sketch.Sketch
	for b.Loop() {
		s.Reset()
		log.Since(noon.Add(-time.Hour), &s)
	}
}

func FuzzPacked(f *testing.F) {
	f.Add(uint64(1), 100, 3)
	f.Fuzz(func(t *testing.T, seed uint64, values, wide int) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var want, got sketch.Sketch
		for range min(max(values, 0), 3000) {
			want.AddBucket(rng.IntN(1+max(min(wide, 2367), 0)), rng.Uint64()>>(rng.IntN(64)))
		}
		sealed(&want).Since(noon.Add(-time.Hour), &got)
		a, _ := want.MarshalBinary()
		b, _ := got.MarshalBinary()
		if diff := cmp.Diff(a, b); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
