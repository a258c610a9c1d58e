package analyze_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/backend-prs/perfmon/analyze"
)

// approx compares Values as their numbers, an absent one as NaN.
var approx = cmp.Options{
	cmp.Transformer("Float", func(v analyze.Value) float64 { return v.Float() }),
	cmpopts.EquateNaNs(), cmpopts.EquateApprox(1e-9, 0),
}

// summary makes a Summary of plain numbers, NaN for what is absent.
func summary(count int, mean, median, stdDev, low, high, p90, p95, p99, meanLow, meanHigh float64) analyze.Summary {
	v := analyze.ValueOf
	return analyze.Summary{
		Count: count, Mean: v(mean), Median: v(median), StdDev: v(stdDev), Min: v(low), Max: v(high),
		P90: v(p90), P95: v(p95), P99: v(p99), MeanLow: v(meanLow), MeanHigh: v(meanHigh),
	}
}

func TestSummarize(t *testing.T) {
	tests := []struct {
		name string
		x    []float64
		want analyze.Summary
	}{
		{"nothing", nil, summary(0, nan, nan, nan, nan, nan, nan, nan, nan, nan, nan)},
		{"only NaN and infinities", []float64{nan, inf, -inf}, summary(0, nan, nan, nan, nan, nan, nan, nan, nan, nan, nan)},
		{"one", []float64{3}, summary(1, 3, 3, nan, 3, 3, 3, 3, 3, nan, nan)},
		{"two have no interval", []float64{1, 2}, summary(2, 1.5, 1.5, math.Sqrt(0.5), 1, 2, 1.9, 1.95, 1.99, nan, nan)},
		{"NaN is left out", []float64{nan, 1, inf, 2, -inf}, summary(2, 1.5, 1.5, math.Sqrt(0.5), 1, 2, 1.9, 1.95, 1.99, nan, nan)},
		{"seven of a kind have no interval", repeat(2, 7), summary(7, 2, 2, 0, 2, 2, 2, 2, 2, nan, nan)},
		{"constant", repeat(2, 8), summary(8, 2, 2, 0, 2, 2, 2, 2, 2, 2, 2)},
		{"constant zero", repeat(0, 9), summary(9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)},
		{"huge", []float64{-1e300, 1e300, 3e300}, summary(3, 1e300, 1e300, 2e300, -1e300, 3e300, 2.6e300, 2.8e300, 2.96e300, nan, nan)},
		{"largest", []float64{math.MaxFloat64, math.MaxFloat64}, summary(2, math.MaxFloat64, math.MaxFloat64, 0, math.MaxFloat64, math.MaxFloat64, math.MaxFloat64, math.MaxFloat64, math.MaxFloat64, nan, nan)},
		{"tiny", []float64{1e-300, 3e-300}, summary(2, 2e-300, 2e-300, math.Sqrt2*1e-300, 1e-300, 3e-300, 2.8e-300, 2.9e-300, 2.98e-300, nan, nan)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			given := slices.Clone(test.x)
			if diff := cmp.Diff(test.want, analyze.Summarize(test.x), approx); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(given, test.x, cmpopts.EquateNaNs()); diff != "" {
				t.Errorf("the series was changed:\n%s", diff)
			}
		})
	}
}

// The interval lies within the values seen, or there is none.
func TestIntervalStaysWithinTheValues(t *testing.T) {
	rng := rand.New(rand.NewPCG(18, 18))
	given := 0
	for range 3000 {
		x := ar(rng, 1+rng.IntN(40), rng.Float64())
		for i := range x {
			x[i] = 90 + 40*x[i]
		}
		s := analyze.Summarize(x)
		if s.MeanLow.IsAbsent() != s.MeanHigh.IsAbsent() {
			t.Fatalf("half an interval: %+v", s)
		}
		if s.MeanLow.IsAbsent() {
			continue
		}
		given++
		low, mean, high := s.MeanLow.Float(), s.Mean.Float(), s.MeanHigh.Float()
		if s.Count < 8 || low < s.Min.Float() || high > s.Max.Float() || low > mean || high < mean {
			t.Fatalf("interval %v to %v of %d values from %v to %v, mean %v", low, high, s.Count, s.Min, s.Max, mean)
		}
	}
	if given < 500 {
		t.Errorf("only %d of 3000 series have an interval", given)
	}
}

// The first minutes of a service that warms up say nothing about its mean.
func TestNoIntervalWhileWarmingUp(t *testing.T) {
	for n := range 12 {
		x := make([]float64, n)
		for i := range x {
			x[i] = 19 + 142*float64(i)/11
		}
		if s := analyze.Summarize(x); !s.MeanLow.IsAbsent() || !s.MeanHigh.IsAbsent() {
			t.Errorf("after %d minutes of a rise: %v to %v", n, s.MeanLow, s.MeanHigh)
		}
	}
}

// Whatever the unit of the series, the answers are the same.
func TestSummaryIsIndependentOfTheUnit(t *testing.T) {
	x := ar(rand.New(rand.NewPCG(3, 3)), 60, 0.5)
	want := analyze.Summarize(x)
	for _, unit := range []float64{0x1p-1000, 0x1p-300, 0x1p-20, 0x1p300, 0x1p1000} {
		scaled := make([]float64, len(x))
		for i, v := range x {
			scaled[i] = v * unit
		}
		got := analyze.Summarize(scaled)
		for name, pair := range map[string][2]analyze.Value{
			"mean": {want.Mean, got.Mean}, "std_dev": {want.StdDev, got.StdDev}, "p90": {want.P90, got.P90},
			"mean_low": {want.MeanLow, got.MeanLow}, "mean_high": {want.MeanHigh, got.MeanHigh},
		} {
			if a, b := pair[0].Float(), pair[1].Float()/unit; !(math.Abs(a-b) <= 1e-9*math.Abs(a)) {
				t.Errorf("%s in units of %v: %v, want %v", name, unit, b, a)
			}
		}
	}
}

func TestLongSeries(t *testing.T) {
	const n = 100_000
	x := ar(rand.New(rand.NewPCG(4, 4)), n, 0.9)
	times := minutes(n)
	for i := n / 2; i < n; i++ {
		x[i] += 5
	}
	begin := time.Now()
	s := analyze.Summarize(x)
	trend := analyze.CompareWindows(times, x, times[n/2-1], analyze.HigherIsWorse)
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("100,000 points took %v", took)
	}
	if s.Count != n || trend.Direction != analyze.Degrading || trend.Points != n || len(trend.ChangePoints) != 1 {
		t.Fatalf("%+v\n%+v", s, trend)
	}
	if got := trend.ChangePoints[0].Index; math.Abs(float64(got-n/2)) > 300 {
		t.Errorf("the change is found at %d, want %d", got, n/2)
	}
}

// Percentiles are those of the sorted series, whatever its order.
func TestSummarizeAgreesWithSorting(t *testing.T) {
	const n = 3000
	rng := rand.New(rand.NewPCG(1, 2))
	shapes := map[string]func(i int) float64{
		"ascending":  func(i int) float64 { return float64(i) },
		"descending": func(i int) float64 { return float64(-i) },
		"up and down": func(i int) float64 {
			return float64(min(i, n-i))
		},
		"saw":         func(i int) float64 { return float64(i % 17) },
		"two values":  func(i int) float64 { return float64(rng.IntN(2)) },
		"one outlier": func(i int) float64 { return float64(i / (n - 1)) },
		"random":      func(int) float64 { return rng.NormFloat64() },
	}
	for name, shape := range shapes {
		for _, length := range []int{3, 11, 12, 13, 14, 100, 101, n} {
			x := make([]float64, length)
			for i := range x {
				x[i] = shape(i)
			}
			got := analyze.Summarize(x)
			slices.Sort(x)
			sorted := func(q float64) analyze.Value {
				at := q * float64(length-1)
				i := int(at)
				return analyze.ValueOf(x[i] + (at-float64(i))*(x[min(i+1, length-1)]-x[i]))
			}
			want := got
			want.Min, want.Median, want.P90, want.P95, want.P99, want.Max = sorted(0), sorted(0.5), sorted(0.9), sorted(0.95), sorted(0.99), sorted(1)
			if diff := cmp.Diff(want, got, approx); diff != "" {
				t.Errorf("%s, %d values (-want +got):\n%s", name, length, diff)
			}
		}
	}
}
