package sketch_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon/internal/sketch"
)

var quantiles = []float64{0, 0.001, 0.1, 0.5, 0.9, 0.95, 0.99, 0.999, 1}

// exact is the witness: the nearest-rank quantile of sorted values.
func exact(sorted []uint64, q float64) float64 {
	r := int(math.Ceil(q*float64(len(sorted)))) - 1
	return float64(sorted[max(r, 0)])
}

func relative(got, want float64) float64 {
	if got == want {
		return 0
	}
	return math.Abs(got-want) / want
}

func TestQuantilesAgreeWithSorting(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	distributions := map[string]func() float64{
		"uniform 1 µs to 1 h": func() float64 { return 1e3 + rng.Float64()*3.6e12 },
		"lognormal":           func() float64 { return math.Exp(rng.NormFloat64()*1.5 + math.Log(20e6)) },
		"bimodal": func() float64 {
			if rng.IntN(10) == 0 {
				return 2e9 + rng.NormFloat64()*1e8
			}
			return 5e6 + rng.NormFloat64()*1e6
		},
		"pareto":             func() float64 { return 1e6 / math.Pow(1-rng.Float64(), 1/1.2) },
		"constant":           func() float64 { return 123456789 },
		"small whole values": func() float64 { return float64(rng.IntN(128)) },
		"log uniform":        func() float64 { return math.Exp(rng.Float64()*math.Log(3.6e9)) * 1e3 },
	}
	for name, draw := range distributions {
		t.Run(name, func(t *testing.T) {
			for _, n := range []int{1, 2, 7, 1000, 50_000} {
				var s sketch.Sketch
				values := make([]uint64, n)
				var sum float64
				for i := range values {
					values[i] = uint64(min(max(draw(), 0), sketch.Max))
					s.Add(values[i])
					sum += float64(values[i])
				}
				slices.Sort(values)
				got := make([]float64, len(quantiles))
				s.Quantiles(quantiles, got)
				for i, q := range quantiles {
					want := exact(values, q)
					if e := relative(got[i], want); e > sketch.RelativeError {
						t.Errorf("n=%d: quantile %v = %v, want %v, off by %.3f %%", n, q, got[i], want, e*100)
					}
				}
				if e := relative(s.Mean(), sum/float64(n)); e > sketch.RelativeError {
					t.Errorf("n=%d: mean %v, want %v", n, s.Mean(), sum/float64(n))
				}
			}
		})
	}
}

func TestErrorBoundHoldsAtEveryOctave(t *testing.T) {
	for shift := range 42 {
		for _, d := range []int64{-1, 0, 1} {
			v := uint64(int64(1)<<shift + d)
			var s sketch.Sketch
			s.Add(v)
			if e := relative(s.Quantile(0.5), float64(v)); e > sketch.RelativeError {
				t.Errorf("%d is reported as %v, off by %.3f %%", v, s.Quantile(0.5), e*100)
			}
		}
	}
}

func TestEmptyAndHuge(t *testing.T) {
	var s sketch.Sketch
	if !math.IsNaN(s.Quantile(0.5)) || !math.IsNaN(s.Mean()) || s.Count() != 0 {
		t.Errorf("an empty sketch says %v, %v, %d", s.Quantile(0.5), s.Mean(), s.Count())
	}
	s.Add(math.MaxUint64)
	if e := relative(s.Quantile(1), sketch.Max); e > sketch.RelativeError {
		t.Errorf("a value past the end is reported as %v, want about %v", s.Quantile(1), float64(sketch.Max))
	}
	s.Reset()
	if s.Count() != 0 || !math.IsNaN(s.Quantile(1)) {
		t.Error("Reset left something behind")
	}
}

// Parts that are merged, in any order and through the binary form, are the whole.
func TestMergeIsAddition(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var whole, merged, decoded, own sketch.Sketch
	for range 20 {
		var part sketch.Sketch
		for range rng.IntN(1000) {
			v := uint64(rng.ExpFloat64() * 1e7)
			part.Add(v)
			whole.Add(v)
		}
		merged.Merge(&part)
		data, err := part.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := decoded.MergeBinary(data); err != nil {
			t.Fatal(err)
		}
		own.MergeOwn(data)
	}
	want := encode(t, &whole)
	if diff := cmp.Diff(want, encode(t, &merged)); diff != "" {
		t.Errorf("merged differs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, encode(t, &decoded)); diff != "" {
		t.Errorf("decoded differs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, encode(t, &own)); diff != "" {
		t.Errorf("merged unchecked differs (-want +got):\n%s", diff)
	}
	if whole.Count() != merged.Count() || whole.Count() != decoded.Count() {
		t.Errorf("counts %d, %d, %d", whole.Count(), merged.Count(), decoded.Count())
	}
}

func encode(t *testing.T, s *sketch.Sketch) []byte {
	t.Helper()
	data, err := s.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// A full bucket stays full: it neither wraps nor is counted on.
func TestFullBucket(t *testing.T) {
	var s sketch.Sketch
	full := binary.AppendUvarint(nil, math.MaxUint32<<1)
	for range 3 {
		if err := s.MergeBinary(full); err != nil {
			t.Fatal(err)
		}
	}
	s.Add(0)
	if s.Count() != math.MaxUint32 || s.Quantile(1) != 0 {
		t.Errorf("it holds %d, the largest is %v", s.Count(), s.Quantile(1))
	}
}

// What several writers counted while a reader drained is all there in the end, once.
func TestDrainWhileWriting(t *testing.T) {
	const writers, each = 4, 20_000
	var (
		a      sketch.Atomic
		cursor sketch.Cursor
		got    sketch.Sketch
		wg     sync.WaitGroup
	)
	for w := range writers {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(w), 9))
			for range each {
				a.Add(uint64(rng.ExpFloat64() * 1e6))
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	var sum uint64
	for writing := true; writing; {
		select {
		case <-done:
			writing = false
		default:
		}
		sum += a.Drain(&cursor, &got)
	}
	if sum != writers*each || got.Count() != writers*each {
		t.Errorf("drained %d, sketch holds %d, want %d", sum, got.Count(), writers*each)
	}
	if n := a.Drain(&cursor, &got); n != 0 {
		t.Errorf("a second drain found %d more", n)
	}
}

func TestAddDoesNotAllocate(t *testing.T) {
	var a sketch.Atomic
	a.Add(1e6)
	if n := testing.AllocsPerRun(1000, func() { a.Add(1e6) }); n != 0 {
		t.Errorf("Add allocates %v times", n)
	}
}

func FuzzMergeBinary(f *testing.F) {
	var s sketch.Sketch
	for _, v := range []uint64{0, 1, 1e6, 1e9, sketch.Max} {
		s.Add(v)
	}
	seed, _ := s.AppendBinary(nil)
	f.Add(seed)
	f.Add([]byte{0})
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		var s, unchecked sketch.Sketch
		unchecked.MergeOwn(data) // whatever it is: no panic
		s.Add(5)
		if err := s.MergeBinary(data); err != nil {
			if s.Count() != 1 {
				t.Fatalf("a refused encoding left %d values", s.Count())
			}
			return
		}
		again, _ := s.AppendBinary(nil)
		var u sketch.Sketch
		if err := u.MergeBinary(again); err != nil || u.Count() != s.Count() {
			t.Fatalf("the round trip yields %v, %d values of %d", err, u.Count(), s.Count())
		}
	})
}

func BenchmarkAdd(b *testing.B) {
	b.Run("serial", func(b *testing.B) {
		var a sketch.Atomic
		for i := range b.N {
			a.Add(uint64(i&1023) * 1000)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		var a sketch.Atomic
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				a.Add(uint64(i&1023) * 1000)
			}
		})
	})
}
