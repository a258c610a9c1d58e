package analyze_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/backend-prs/perfmon/analyze"
)

// ideal is half the width of the 95 % interval of one who knows the variance and the
// autocorrelation of the process, which ar gives the variance 1.
func ideal(n int, rho float64) float64 {
	return 1.959964 * math.Sqrt((1+rho)/(1-rho)/float64(n))
}

// simulated is what intervals of many series of known mean were like.
type simulated struct {
	given  float64 // share of series that have an interval
	wrong  float64 // share of series that have one which misses the true mean
	width  float64 // median width of those given, in ideal widths
	misses float64 // share in which the mean is farther off than StdErr and DF say
}

func simulate(rng *rand.Rand, runs, n int, series func() []float64, ideal float64) (s simulated) {
	one := 1 / float64(runs)
	var widths []float64
	for range runs {
		x := series()
		d := analyze.Compare(analyze.Mean{Value: analyze.ValueOf(0), StdErr: analyze.ValueOf(0), DF: analyze.ValueOf(1)}, analyze.EstimateMean(x))
		if d.Low.Float() > 0 || d.High.Float() < 0 {
			s.misses += one
		}
		sum := analyze.Summarize(x)
		if sum.MeanLow.IsAbsent() {
			continue
		}
		s.given += one
		if sum.MeanLow.Float() > 0 || sum.MeanHigh.Float() < 0 {
			s.wrong += one
		}
		widths = append(widths, (sum.MeanHigh.Float()-sum.MeanLow.Float())/(2*ideal))
	}
	if len(widths) > 0 {
		slices.Sort(widths)
		s.width = widths[len(widths)/2]
	}
	return s
}

// An interval of the mean is neither too narrow nor too wide, however much the numbers
// depend on each other. Where a short series says too little about its mean there is no
// interval.
func TestIntervalOfTheMean(t *testing.T) {
	for _, test := range []struct {
		n      int
		rho    float64
		given  float64 // at least
		width  float64 // at most
		misses float64 // at most
	}{
		{16, 0, 0.8, 1.5, 0.03}, {16, 0.3, 0.5, 1.5, 0.05}, {16, 0.6, 0.1, 1.5, 0.07}, {16, 0.8, 0, 1.5, 0.08}, {16, 0.9, 0, 1.5, 0.13},
		{30, 0, 0.98, 1.3, 0.05}, {30, 0.3, 0.95, 1.3, 0.07}, {30, 0.6, 0.5, 1.5, 0.06}, {30, 0.8, 0.1, 1.5, 0.07}, {30, 0.9, 0, 1.5, 0.1},
		{60, 0, 0.99, 1.2, 0.06}, {60, 0.3, 0.99, 1.2, 0.07}, {60, 0.6, 0.97, 1.4, 0.06}, {60, 0.8, 0.8, 1.5, 0.06}, {60, 0.9, 0.5, 1.4, 0.07},
		{120, 0, 0.99, 1.15, 0.065}, {120, 0.3, 0.99, 1.15, 0.065}, {120, 0.6, 0.99, 1.2, 0.065}, {120, 0.8, 0.99, 1.35, 0.065}, {120, 0.9, 0.97, 1.5, 0.065},
		{360, 0.8, 0.99, 1.35, 0.07}, {1440, 0.6, 0.99, 1.15, 0.06}, {1440, 0.9, 0.99, 1.2, 0.06}, {1440, 0, 0.99, 1.2, 0.06},
	} {
		t.Run(fmt.Sprintf("%d points, autocorrelation %v", test.n, test.rho), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(uint64(test.n), uint64(10*test.rho)))
			runs := min(600, 150_000/test.n)
			got := simulate(rng, runs, test.n, func() []float64 { return ar(rng, test.n, test.rho) }, ideal(test.n, test.rho))
			t.Logf("given %.1f %%, wrong %.1f %% of all, %.2f times the ideal width; misses %.1f %%", 100*got.given, 100*got.wrong, got.width, 100*got.misses)
			if got.given < test.given {
				t.Errorf("%.1f %% have an interval, want at least %.1f %%", 100*got.given, 100*test.given)
			}
			if got.wrong > 0.07 {
				t.Errorf("%.1f %% have an interval that misses the true mean, want at most 7 %%", 100*got.wrong)
			}
			if got.width > test.width {
				t.Errorf("half of the intervals are wider than %.2f times the ideal, want %.2f", got.width, test.width)
			}
			if got.misses > test.misses {
				t.Errorf("the standard error misses in %.1f %%, want at most %.1f %%", 100*got.misses, 100*test.misses)
			}
		})
	}
}
