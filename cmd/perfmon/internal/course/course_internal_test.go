package course

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon/analyze"
)

var start = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// noise is a series of n points a minute, made by value of a random number and a place.
func noise(n int, value func(i int, r float64) float64) []float64 {
	random := rand.New(rand.NewPCG(7, 7))
	x := make([]float64, n)
	for i := range x {
		x[i] = value(i, random.NormFloat64())
	}
	return x
}

func fill(t testing.TB, c *Course, x []float64, order []int) *Course {
	t.Helper()
	for i := range x {
		at := i
		if order != nil {
			at = order[i]
		}
		if err := c.Add(start.Add(time.Duration(at)*time.Minute), x[at]); err != nil {
			t.Fatal(err)
		}
	}
	c.End()
	return c
}

// What is held whole has the very results of package analyze.
func TestSmall(t *testing.T) {
	x := noise(600, func(i int, r float64) float64 {
		if i >= 400 {
			r += 6
		}
		if i == 200 {
			r = 12
		}
		return 100 + r
	})
	c := fill(t, New(true), x, nil)
	if diff := cmp.Diff(analyze.Summarize(x), c.Summary()); diff != "" {
		t.Error(diff)
	}
	times, values := c.Held()
	want := analyze.CompareWindows(times, values, times[399], analyze.HigherIsWorse)
	got := c.Trend(analyze.HigherIsWorse)
	if diff := cmp.Diff(want, got); diff != "" || got.Direction != analyze.Degrading || len(got.ChangePoints) != 1 || got.ChangePoints[0].Index != 400 {
		t.Errorf("%+v\n%s", got, diff)
	}
	d := analyze.NewDetector()
	for i, v := range x {
		if r := d.Add(times[i], v); r.Score != c.Scores()[i] {
			t.Fatalf("point %d scores %v, want %v", i, c.Scores()[i], r.Score)
		}
	}
	if a := c.Anomalies(); len(a) == 0 || a[0].Index != 200 || a[0].Value != analyze.ValueOf(112) {
		t.Errorf("%+v", a)
	}
	if c.Step() != analyze.ValueOf(60) || c.Len() != 600 || c.Stride() != 1 {
		t.Errorf("step %v, %d points, stride %d", c.Step(), c.Len(), c.Stride())
	}
}

// Rows in any order have the results of rows in order, and their own indices.
func TestAnyOrder(t *testing.T) {
	x := noise(3000, func(i int, r float64) float64 {
		if i == 2900 {
			return 117
		}
		return 100 + r + float64(i/1500)*5
	})
	order := rand.New(rand.NewPCG(1, 1)).Perm(len(x))
	ordered, shuffled := fill(t, New(true), x, nil), fill(t, New(true), x, order)
	if diff := cmp.Diff(ordered.Summary(), shuffled.Summary()); diff != "" {
		t.Error(diff)
	}
	a, b := ordered.Anomalies(), shuffled.Anomalies()
	if len(a) == 0 || len(a) != len(b) {
		t.Fatalf("%v and %v", a, b)
	}
	for i := range a {
		if a[i].Index != order[b[i].Index] || a[i].Score != b[i].Score {
			t.Errorf("%+v and %+v", a[i], b[i])
		}
	}
	for i, at := range order {
		if shuffled.Scores()[i] != ordered.Scores()[at] {
			t.Fatalf("row %d has the score of another", i)
		}
	}
	p, q := ordered.Trend(analyze.HigherIsWorse), shuffled.Trend(analyze.HigherIsWorse)
	if len(p.ChangePoints) != 1 || len(q.ChangePoints) != 1 || p.ChangePoints[0].Index != order[q.ChangePoints[0].Index] {
		t.Errorf("%+v and %+v", p.ChangePoints, q.ChangePoints)
	}
}

// A series that is too long to be held has about the same results, in a fixed memory.
func TestLong(t *testing.T) {
	x := noise(50_001, func(i int, r float64) float64 {
		if i == 30_000 {
			return 130
		}
		return 100 + 3*r + float64(i/40_000)*10
	})
	whole, held := fill(t, New(true), x, nil), fill(t, newLimited(1000, true), x, nil)
	if n := len(held.values); n > 1000 || held.Stride() != 64 || len(held.sample) != 1000 {
		t.Errorf("%d values of %d, %d of a sample", n, held.Stride(), len(held.sample))
	}
	near := func(what string, a, b analyze.Value, within float64) {
		t.Helper()
		if d := math.Abs(a.Float() - b.Float()); !(d <= within) {
			t.Errorf("%s: %v and %v", what, a, b)
		}
	}
	a, b := whole.Summary(), held.Summary()
	if a.Count != b.Count || a.Min != b.Min || a.Max != b.Max {
		t.Errorf("%+v and %+v", a, b)
	}
	near("mean", a.Mean, b.Mean, 1e-9)
	near("deviation", a.StdDev, b.StdDev, 1e-9)
	near("median", a.Median, b.Median, 0.5)
	near("p95", a.P95, b.P95, 1)
	near("low end of the mean", a.MeanLow, b.MeanLow, 1.5)
	near("step", whole.Step(), held.Step(), 0.001)
	if diff := cmp.Diff(whole.Anomalies(), held.Anomalies()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(whole.Scores(), held.Scores()); diff != "" {
		t.Error("scores differ")
	}
	p, q := whole.Trend(analyze.HigherIsWorse), held.Trend(analyze.HigherIsWorse)
	near("change", p.ChangePercent, q.ChangePercent, 0.2)
	if len(q.ChangePoints) != 1 || math.Abs(float64(q.ChangePoints[0].Index-40_000)) > 128 || p.Direction != q.Direction {
		t.Errorf("%+v and %+v", p, q)
	}
	if err := held.Add(start, 1); err == nil {
		t.Error("what cannot be sorted is taken")
	}
}

// Means of neighbours are those of the points, however many there are.
func TestHeldMeans(t *testing.T) {
	for n := 1; n < 200; n++ {
		x := noise(n, func(_ int, r float64) float64 { return r })
		c := fill(t, newLimited(8, false), x, nil)
		times, values := c.Held()
		for i := range values {
			from, to := i*c.Stride(), min((i+1)*c.Stride(), n)
			mean := 0.0
			for _, v := range x[from:to] {
				mean += v / float64(to-from)
			}
			if math.Abs(mean-values[i]) > 1e-9 || !times[i].Equal(start.Add(time.Duration(from)*time.Minute)) {
				t.Fatalf("of %d points, held %d of %d is %v at %v, want %v", n, i, c.Stride(), values[i], times[i], mean)
			}
		}
		if len(values) == 0 || len(values) > 8 || len(values)*c.Stride() < n {
			t.Fatalf("of %d points %d are held, of %d each", n, len(values), c.Stride())
		}
	}
}

// A day's rhythm is found with its length and its share; noise, a line and a jump have
// none.
func TestSeason(t *testing.T) {
	day := func(i int) float64 { return math.Sin(2 * math.Pi * float64(i) / 1440) }
	for name, test := range map[string]struct {
		value  func(i int, r float64) float64
		period time.Duration // 0: none
		share  [2]float64
	}{
		"a day":            {func(i int, r float64) float64 { return 50 + 10*day(i) + r }, 24 * time.Hour, [2]float64{0.9, 1}},
		"a noisy day":      {func(i int, r float64) float64 { return 50 + 10*day(i) + 7*r }, 24 * time.Hour, [2]float64{0.7, 0.9}},
		"a day that rises": {func(i int, r float64) float64 { return float64(i)/100 + 10*day(i) + r }, 24 * time.Hour, [2]float64{0.9, 1}},
		"noise":            {func(_ int, r float64) float64 { return r }, 0, [2]float64{}},
		"a line":           {func(i int, r float64) float64 { return float64(i) + r }, 0, [2]float64{}},
		"a jump":           {func(i int, r float64) float64 { return float64(i/5000)*10 + r }, 0, [2]float64{}},
		"nothing moves":    {func(int, float64) float64 { return 5 }, 0, [2]float64{}},
	} {
		t.Run(name, func(t *testing.T) {
			s, ok := fill(t, New(false), noise(7*1440, test.value), nil).Season()
			if ok != (test.period > 0) {
				t.Fatalf("%+v %v", s, ok)
			}
			if d := s.Period - test.period; d < -30*time.Minute || d > 30*time.Minute || s.Share < test.share[0] || s.Share > max(test.share[1], 0) {
				t.Errorf("%v, which explains %v", s.Period, s.Share)
			}
		})
	}
	// Series that remember the last point, but have no rhythm.
	found := 0
	for seed := range 200 {
		random := rand.New(rand.NewPCG(uint64(seed), 1))
		c, v := New(false), 0.0
		for i := range 1000 {
			v = 0.8*v + random.NormFloat64()
			if err := c.Add(start.Add(time.Duration(i)*time.Minute), v); err != nil {
				t.Fatal(err)
			}
		}
		c.End()
		if _, ok := c.Season(); ok {
			found++
		}
	}
	if found > 4 {
		t.Errorf("a rhythm is found in %d of 200 series without one", found)
	}
}

// Few points, one time, gaps: there is no rhythm, and no panic.
func TestSeasonOfLittle(t *testing.T) {
	for n := range 100 {
		c := New(false)
		for i := range n {
			if err := c.Add(start.Add(time.Duration(i*i*i)*time.Hour), float64(i%2)); err != nil {
				t.Fatal(err)
			}
		}
		c.End()
		if s, ok := c.Season(); ok && n < minBins {
			t.Errorf("%d points: %+v", n, s)
		}
		c = New(false)
		for i := range n {
			if err := c.Add(start, float64(i)); err != nil {
				t.Fatal(err)
			}
		}
		c.End()
		if s, ok := c.Season(); ok {
			t.Errorf("%d points at once: %+v", n, s)
		}
	}
}
