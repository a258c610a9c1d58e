package sketch_test

import (
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon/sketch"
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
		"pareto":   func() float64 { return 1e6 / math.Pow(1-rng.Float64(), 1/1.2) },
		"constant": func() float64 { return 123456789 },
		"constant with outliers": func() float64 {
			if rng.IntN(100) == 0 {
				return 30e9 * rng.Float64()
			}
			return 123456789
		},
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

func TestCountUpTo(t *testing.T) {
	var s sketch.Sketch
	for v := range uint64(1000) {
		s.Add(v * 1000)
	}
	for v, want := range map[uint64]float64{0: 1, 999: 1, 1000: 2, 250_000: 251, 998_500: 999, 999_000: 1000, math.MaxUint64: 1000} {
		if got := float64(s.CountUpTo(v)); got < want || got > want*(1+2*sketch.RelativeError) {
			t.Errorf("%v values are at most %d, want %v", got, v, want)
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

// Any split of the same values, merged in any order, directly, through the encoding or
// through an Atomic that is read bit by bit, is the sketch of the whole.
func TestAnySplitMergesToTheSame(t *testing.T) {
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 4))
		parts := make([]sketch.Sketch, 1+rng.IntN(20))
		atomics := make([]sketch.Atomic, len(parts))
		cursors := make([]sketch.Cursor, len(parts))
		var whole, merged, decoded, drained, read sketch.Sketch
		for range rng.IntN(5000) {
			v := uint64(rng.ExpFloat64() * math.Pow(10, float64(rng.IntN(12))))
			i := rng.IntN(len(parts))
			whole.Add(v)
			parts[i].Add(v)
			atomics[i].Add(v)
			if rng.IntN(100) == 0 {
				atomics[i].Drain(&cursors[i], &drained)
			}
		}
		for _, i := range rng.Perm(len(parts)) {
			merged.Merge(&parts[i])
			if err := decoded.MergeBinary(encode(t, &parts[i])); err != nil {
				t.Fatal(err)
			}
			atomics[i].Drain(&cursors[i], &drained)
			cursors[i].AddTo(&read)
		}
		want := encode(t, &whole)
		for name, s := range map[string]*sketch.Sketch{"merged": &merged, "decoded": &decoded, "drained": &drained, "read by cursors": &read} {
			if diff := cmp.Diff(want, encode(t, s)); diff != "" {
				t.Errorf("seed %d: %s, it differs (-want +got):\n%s", seed, name, diff)
			}
			if s.Count() != whole.Count() {
				t.Errorf("seed %d: %s, it counts %d values, want %d", seed, name, s.Count(), whole.Count())
			}
		}
	}
}

func encode(t testing.TB, s *sketch.Sketch) []byte {
	t.Helper()
	data, err := s.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// A full sketch stays full: it neither wraps nor is counted on.
func TestFullSketch(t *testing.T) {
	const most = 1<<62 - 1
	var s sketch.Sketch
	full := encoding(most, most<<1)
	for range 3 {
		if err := s.MergeBinary(full); err != nil {
			t.Fatal(err)
		}
	}
	s.Add(0)
	var other sketch.Sketch
	other.Add(5)
	s.Merge(&other)
	if s.Count() != most || s.Quantile(1) != 0 {
		t.Errorf("it holds %d, the largest is %v", s.Count(), s.Quantile(1))
	}
	if err := other.UnmarshalBinary(encode(t, &s)); err != nil || other.Count() != most {
		t.Errorf("it comes back with %d values, %v", other.Count(), err)
	}
}

// encoding returns one of version 1 with the given count and buckets.
func encoding(count uint64, buckets ...uint64) []byte {
	data := binary.AppendUvarint([]byte{1}, count)
	for _, b := range buckets {
		data = binary.AppendUvarint(data, b)
	}
	return data
}

func TestRefusedEncodings(t *testing.T) {
	sound := encoding(3, 1<<1, 2<<1|1, 7) // one 0, two 8s
	var thousand sketch.Sketch
	for i := range uint64(1000) {
		thousand.Add(i * 999)
	}
	full := encode(t, &thousand)
	tests := []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "sketch: damaged encoding: it is empty"},
		{"version 0", append([]byte{0}, sound[1:]...), "sketch: encoding of version 0: this package reads version 1"},
		{"a later version", append([]byte{2}, sound[1:]...), "sketch: encoding of version 2: this package reads version 1"},
		{"version alone", sound[:1], "sketch: damaged encoding: no count of values"},
		{"cut", sound[:len(sound)-2], "sketch: damaged encoding: its buckets do not add up to 3 values"},
		{"something behind", append(slices.Clone(sound), 2), "sketch: damaged encoding: its buckets do not add up to 3 values"},
		{"cut after many", full[:len(full)-1], "sketch: damaged encoding: its buckets do not add up to 1000 values"},
		{"too few after many", append(encoding(1001), full[3:]...), "sketch: damaged encoding: its buckets do not add up to 1001 values"},
		{"a bucket of none", encoding(0, 0), "sketch: damaged encoding: its buckets do not add up to 0 values"},
		{"no bucket is left out", encoding(1, 1<<1|1, 0), "sketch: damaged encoding: its buckets do not add up to 1 values"},
		{"a bucket too far", encoding(1, 1<<1|1, 37*64), "sketch: damaged encoding: its buckets do not add up to 1 values"},
		{"a sum that wraps", encoding(0, math.MaxUint64-1, math.MaxUint64-1, 4), "sketch: damaged encoding: its buckets do not add up to 0 values"},
		{"too many", encoding(1<<62, 1<<63), "sketch: damaged encoding: no count of values"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var s sketch.Sketch
			s.Add(9)
			before := encode(t, &s)
			for call, err := range map[string]error{"MergeBinary": s.MergeBinary(test.data), "UnmarshalBinary": s.UnmarshalBinary(test.data)} {
				if err == nil || err.Error() != test.want {
					t.Errorf("%s: %v, want %q", call, err, test.want)
				}
				if damaged := strings.Contains(test.want, "damaged"); errors.Is(err, sketch.ErrDamaged) != damaged {
					t.Errorf("%s: %v is ErrDamaged: %v, want %v", call, err, !damaged, damaged)
				}
			}
			if diff := cmp.Diff(before, encode(t, &s)); diff != "" {
				t.Errorf("it was changed (-want +got):\n%s", diff)
			}
		})
	}
}

// The encoding is read by other processes and by later versions: these bytes may only
// change together with Version.
func TestEncodingIsStable(t *testing.T) {
	var s sketch.Sketch
	for _, v := range []uint64{0, 1, 1, 1e6, 1e6, 1e6, 250e6, sketch.Max} {
		s.Add(v)
	}
	want := []byte{1, 8, 2, 4, 7, 0xb8, 7, 3, 0xfc, 3, 3, 0x87, 7}
	if diff := cmp.Diff(want, encode(t, &s)); diff != "" {
		t.Errorf("encoding (-want +got):\n%s", diff)
	}
}

// A count that passes 2^32 is neither lost nor counted down.
func TestAtomicPasses32Bits(t *testing.T) {
	var (
		many            sketch.Sketch
		a               sketch.Atomic
		c               sketch.Cursor
		deltas, totaled sketch.Sketch
	)
	const each = math.MaxUint32 - 5
	if err := many.MergeBinary(encoding(each, each<<1)); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		a.Merge(&many)
		a.Drain(&c, &deltas)
	}
	c.AddTo(&totaled)
	if c.Count() != 5*each || deltas.Count() != 5*each || totaled.Count() != 5*each {
		t.Errorf("the cursor counts %d, the deltas %d, the total %d, want %d", c.Count(), deltas.Count(), totaled.Count(), uint64(5*each))
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
	f.Add(encode(f, &s))
	f.Add([]byte{})
	f.Add([]byte{2, 0})
	f.Add(encoding(1, 1<<1|1, math.MaxUint64))
	f.Fuzz(func(t *testing.T, data []byte) {
		var s sketch.Sketch
		for i := range uint64(100) {
			s.Add(i * i * i)
		}
		before := encode(t, &s)
		if err := s.MergeBinary(data); err != nil {
			if diff := cmp.Diff(before, encode(t, &s)); diff != "" {
				t.Fatalf("a refused encoding changed it (-want +got):\n%s", diff)
			}
			return
		}
		var u sketch.Sketch
		if err := u.UnmarshalBinary(encode(t, &s)); err != nil || u.Count() != s.Count() {
			t.Fatalf("the round trip yields %v, %d values of %d", err, u.Count(), s.Count())
		}
		if diff := cmp.Diff(encode(t, &s), encode(t, &u)); diff != "" {
			t.Fatalf("the round trip changes it (-want +got):\n%s", diff)
		}
	})
}

// BenchmarkMergeBinary merges what ten minutes of an endpoint are kept as.
func BenchmarkMergeBinary(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	var s, sum sketch.Sketch
	for range 600 {
		s.Add(uint64(math.Exp(rng.NormFloat64()*0.7) * 20e6))
	}
	data := encode(b, &s)
	b.ReportMetric(float64(len(data)), "B")
	for b.Loop() {
		if err := sum.MergeBinary(data); err != nil {
			b.Fatal(err)
		}
	}
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
