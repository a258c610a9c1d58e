package analyze_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon/analyze"
)

// at returns the time of the i-th point.
func at(i int) time.Time { return midnight.Add(time.Duration(i) * time.Minute) }

// detect returns where a series has anomalies.
func detect(x []float64) (found []int) {
	d := analyze.NewDetector()
	for i, v := range x {
		if d.Add(at(i), v).Score >= analyze.AnomalyScore {
			found = append(found, i)
		}
	}
	return found
}

func around100(rng *rand.Rand, n int, rho float64) []float64 {
	x := ar(rng, n, rho)
	for i := range x {
		x[i] = 100 + 5*x[i]
	}
	return x
}

// What changes is found, within the dozen points that are looked at.
func TestAnomaliesAreFound(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	const n, from = 2000, 1500
	for name, change := range map[string]func(x []float64, i int){
		"a spike":             func(x []float64, i int) { x[from] = 200 },
		"a drop":              func(x []float64, i int) { x[from] = 0 },
		"a shift":             func(x []float64, i int) { x[i] += 30 },
		"much more noise":     func(x []float64, i int) { x[i] += 30 * rng.NormFloat64() },
		"a service that died": func(x []float64, i int) { x[i] = 0 },
	} {
		for _, rho := range []float64{0, 0.6} {
			found := 0
			const runs = 50
			for range runs {
				x := around100(rng, n, rho)
				for i := from; i < n; i++ {
					change(x, i)
				}
				for _, i := range detect(x) {
					if i >= from && i < from+24 {
						found++
						break
					}
				}
			}
			if found < 48 {
				t.Errorf("%s, autocorrelation %v: found in %d of %d series", name, rho, found, runs)
			}
		}
	}
}

// Noise that goes on as ever has few: less than one in 300 points.
func TestNoiseHasFewAnomalies(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for name, series := range map[string]func() []float64{
		"white":          func() []float64 { return around100(rng, 3000, 0) },
		"autocorrelated": func() []float64 { return around100(rng, 3000, 0.8) },
		"heavy tails": func() []float64 {
			x := around100(rng, 3000, 0)
			for i := range x {
				x[i] = math.Exp(x[i] / 5)
			}
			return x
		},
		"constant": func() []float64 { return make([]float64, 3000) },
	} {
		found := 0
		for range 10 {
			found += len(detect(series()))
		}
		t.Logf("%s: %d in 30,000 points", name, found)
		if found > 100 {
			t.Errorf("%s: %d in 30,000 points", name, found)
		}
	}
}

// What goes on is reported once, not at every point.
func TestOneReportForOneChange(t *testing.T) {
	x := around100(rand.New(rand.NewPCG(3, 3)), 2000, 0)
	for i := 1500; i < 2000; i++ {
		x[i] += 100
	}
	after := 0
	for _, i := range detect(x) {
		if i >= 1500 {
			after++
		}
	}
	if after < 1 || after > 4 {
		t.Errorf("a shift is reported %d times", after)
	}
}

// A job that runs every night, sooner or later by up to 20 minutes, is reported in the first
// nights and hardly from then on; what is worse than it at another hour is.
func TestJobOfEachNight(t *testing.T) {
	const day, nights, other = 24 * 60, 12, 14 * 60
	rng := rand.New(rand.NewPCG(12, 12))
	late, early := 0, 0
	const runs = 10
	for range runs {
		x := around100(rng, nights*day, 0.3)
		for night := range nights {
			begin := night*day + 160 + rng.IntN(20)
			for i := begin; i < begin+10; i++ {
				x[i] *= 1.8
			}
		}
		begin := (nights-1)*day + other
		for i := begin; i < begin+10; i++ {
			x[i] *= 4
		}
		found := false
		for _, i := range detect(x) {
			switch {
			case i >= begin && i < begin+20:
				found = true
			case i%day >= 150 && i%day < 200 && i >= 4*day:
				late++
			case i%day >= 150 && i%day < 200:
				early++
			}
		}
		if !found {
			t.Error("what is worse at another hour is not reported")
		}
	}
	if late > 4 || early < runs {
		t.Errorf("in 10 series the job is reported %d times in the first four nights, %d times in the eight after", early, late)
	}
}

func TestScoresAreBounded(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	d := analyze.NewDetector()
	for i := range 20_000 {
		v := rng.NormFloat64() * math.Exp(300*rng.NormFloat64())
		switch {
		case i%7 == 0:
			v = 0
		case i%101 == 0:
			v = math.Copysign(math.MaxFloat64, v)
		}
		r := d.Add(at(i), v)
		if !(r.Score >= 0 && r.Score <= 1) || i < analyze.DetectorWarmup && r.Score != 0 {
			t.Fatalf("point %d, %v, scores %v", i, v, r.Score)
		}
		if math.IsNaN(r.Expected) || math.IsInf(r.Expected, 0) {
			t.Fatalf("point %d, %v, is expected at %v", i, v, r.Expected)
		}
	}
}

// NaN and the infinities change nothing.
func TestDetectorSkipsWhatIsAbsent(t *testing.T) {
	x := around100(rand.New(rand.NewPCG(5, 5)), 500, 0.3)
	x[400] = 1000
	plain, gappy := analyze.NewDetector(), analyze.NewDetector()
	for i, v := range x {
		want := plain.Add(at(i), v)
		for _, absent := range []float64{nan, inf, -inf} {
			if r := gappy.Add(at(i), absent); r.Score != 0 || math.IsNaN(r.Expected) || math.IsInf(r.Expected, 0) {
				t.Fatalf("%v gives %+v", absent, r)
			}
		}
		if got := gappy.Add(at(i), v); got != want {
			t.Fatalf("point %d: %+v, want %+v", i, got, want)
		}
	}
	if r := analyze.NewDetector().Add(midnight, nan); r != (analyze.Result{}) {
		t.Errorf("NaN as the first point gives %+v", r)
	}
}

// The score does not depend on the unit, as long as it is not extreme.
func TestDetectorIsIndependentOfTheUnit(t *testing.T) {
	x := around100(rand.New(rand.NewPCG(6, 6)), 500, 0.3)
	plain, other := analyze.NewDetector(), analyze.NewDetector()
	for i, v := range x {
		if want, got := plain.Add(at(i), v), other.Add(at(i), v/1024); got.Score != want.Score || got.Expected != want.Expected/1024 {
			t.Fatalf("point %d: %+v, want %+v", i, got, want)
		}
	}
}

// save returns the state of a detector after some of a series.
func save(tb testing.TB, x []float64) (*analyze.Detector, []byte) {
	tb.Helper()
	d := analyze.NewDetector()
	for i, v := range x {
		d.Add(at(i), v)
	}
	data, err := d.AppendBinary(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return d, data
}

// A detector restored in the middle of a series goes on exactly as the original.
func TestRestoredDetectorGoesOn(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for run := range 12 {
		x := around100(rng, 6000, rng.Float64())
		for range 20 {
			x[rng.IntN(len(x))] *= math.Exp(5 * rng.NormFloat64())
		}
		cut := rng.IntN(5500)
		if run == 0 {
			cut = 0
		}
		original, data := save(t, x[:cut])
		restored := analyze.NewDetector()
		restored.Add(midnight, 42) // is forgotten
		if err := restored.UnmarshalBinary(data); err != nil {
			t.Fatal(err)
		}
		for i, v := range x[cut:] {
			want, got := original.Add(at(cut+i), v), restored.Add(at(cut+i), v)
			if got != want {
				t.Fatalf("restored at %d, point %d: %+v, want %+v", cut, cut+i, got, want)
			}
		}
		a, _ := original.AppendBinary([]byte("prefix"))
		b, _ := restored.MarshalBinary()
		if !bytes.Equal(a, append([]byte("prefix"), b...)) {
			t.Fatalf("restored at %d: the states differ at the end", cut)
		}
		if len(b) > 20<<10 {
			t.Fatalf("the state takes %d bytes", len(b))
		}
	}
}

func TestDetectorRefusesDamage(t *testing.T) {
	x := around100(rand.New(rand.NewPCG(8, 8)), 300, 0.5)
	_, data := save(t, x)
	kept, before := save(t, x[:150])
	refuse := func(name string, data []byte) {
		t.Helper()
		if err := kept.UnmarshalBinary(data); err == nil {
			t.Fatalf("%s is accepted", name)
		}
		if after, _ := kept.AppendBinary(nil); !bytes.Equal(before, after) {
			t.Fatalf("%s is refused, but changes the detector", name)
		}
	}
	for n := range data {
		refuse("a part", data[:n])
	}
	refuse("too much", append(bytes.Clone(data), 0))
	for i := range data {
		for _, bit := range []int{0, 7} {
			damaged := bytes.Clone(data)
			damaged[i] ^= 1 << bit
			refuse("a flipped bit", damaged)
		}
	}
	refuse("too much before the checksum", checksum(append(bytes.Clone(data[:len(data)-4]), 0)))
	newer := bytes.Clone(data)
	newer[0] = 9
	err := kept.UnmarshalBinary(newer)
	if err == nil || !strings.Contains(err.Error(), "version 9: want 3") {
		t.Errorf("version 9: %v", err)
	}
	if err := kept.UnmarshalText([]byte("!")); err == nil {
		t.Error("text that is not base64 is accepted")
	}
}

// checksum appends what UnmarshalBinary checks first.
func checksum(payload []byte) []byte {
	return binary.LittleEndian.AppendUint32(payload, crc32.Checksum(payload, crc32.MakeTable(crc32.Castagnoli)))
}

func FuzzDetectorDecode(f *testing.F) {
	for _, n := range []int{0, 1, 50, 500} {
		_, data := save(f, around100(rand.New(rand.NewPCG(9, 9)), n, 0.5))
		f.Add(data[1 : len(data)-4])
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		d := analyze.NewDetector()
		if d.UnmarshalBinary(checksum(append([]byte{3}, payload...))) != nil {
			if state, _ := d.AppendBinary(nil); !bytes.Equal(state, empty) {
				t.Fatal("data was refused, but changed the detector")
			}
			return
		}
		state, _ := d.AppendBinary(nil)
		again := analyze.NewDetector()
		if err := again.UnmarshalBinary(state); err != nil {
			t.Fatalf("its own encoding is refused: %v", err)
		}
		for i := range 300 {
			v := float64(i % 17)
			r, same := d.Add(at(i), v), again.Add(at(i), v)
			if r != same {
				t.Fatalf("point %d: %+v, want %+v", i, same, r)
			}
			if !(r.Score >= 0 && r.Score <= 1) || !(math.Abs(r.Expected) <= math.MaxFloat64) {
				t.Fatalf("point %d gives %+v", i, r)
			}
		}
	})
}

var empty, _ = analyze.NewDetector().MarshalBinary()

// After a very long time a detector still finds, forgets and can be saved.
func TestDetectorLastsLong(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 11))
	d := analyze.NewDetector()
	const n = 300_000
	for i := range n {
		d.Add(at(i), rng.NormFloat64())
	}
	state, _ := d.AppendBinary(nil)
	if err := analyze.NewDetector().UnmarshalBinary(state); err != nil {
		t.Error(err)
	}
	if r := d.Add(at(n), 100); r.Score < analyze.AnomalyScore {
		t.Errorf("a spike after %d points: %+v", n, r)
	}
}

func TestZeroDetector(t *testing.T) {
	var zero analyze.Detector
	a, b := analyze.NewDetector().Add(midnight, 5), zero.Add(midnight, 5)
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("the zero Detector differs (-new +zero):\n%s", diff)
	}
}

func BenchmarkDetector(b *testing.B) {
	x := around100(rand.New(rand.NewPCG(1, 1)), 4096, 0.5)
	d := analyze.NewDetector()
	i := 0
	for b.Loop() {
		d.Add(midnight, x[i%len(x)])
		i++
	}
}
