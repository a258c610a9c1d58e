package stats_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/backend-prs/perfmon/internal/stats"
)

func TestSummarize(t *testing.T) {
	nan := math.NaN()
	tests := []struct {
		name string
		x    []float64
		want stats.Summary
	}{
		{"nothing", nil, stats.Summary{0, nan, nan, nan, nan, nan, nan, nan, nan, nan, nan}},
		{"one", []float64{3}, stats.Summary{1, 3, 3, nan, 3, 3, 3, 3, 3, nan, nan}},
		{"constant", []float64{2, 2, 2}, stats.Summary{3, 2, 2, 0, 2, 2, 2, 2, 2, 2, 2}},
		// The interval is mean ± 12.7062 · 0.5, of Student's t with 1 degree of freedom.
		{"two", []float64{1, 2}, stats.Summary{2, 1.5, 1.5, math.Sqrt(0.5), 1, 2, 1.9, 1.95, 1.99, 1.5 - 6.353102, 1.5 + 6.353102}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, stats.Summarize(test.x), cmpopts.EquateNaNs(), cmpopts.EquateApprox(1e-6, 1e-9)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestVarianceDoesNotCancel(t *testing.T) {
	x := []float64{1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16}
	if _, v := stats.MeanVariance(x); v != 30 {
		t.Errorf("variance %v, want 30", v)
	}
}

// Against tables: CDF values to six digits.
func TestStudent(t *testing.T) {
	for _, test := range []struct{ df, q, want float64 }{
		{1, 0.975, 12.706205}, {2, 0.975, 4.302653}, {5, 0.975, 2.570582}, {30, 0.975, 2.042272},
		{120, 0.975, 1.979930}, {10, 0.95, 1.812461}, {10, 0.5, 0}, {math.Inf(1), 0.975, 1.959964}, {2.5, 0.975, 3.57464},
	} {
		got := stats.StudentQuantile(test.q, test.df)
		if math.Abs(got-test.want) > 2e-5 {
			t.Errorf("quantile %v with %v degrees of freedom: %.6f, want %.6f", test.q, test.df, got, test.want)
		}
		if p := stats.TwoSided(got, test.df); math.Abs(p-2*(1-test.q)) > 1e-9 {
			t.Errorf("two-sided p of %v is %v, want %v", got, p, 2*(1-test.q))
		}
	}
}

// The interval of the mean holds the true mean about as often as it says, though each
// number depends on the one before; the plain one does not.
func TestIntervalHoldsUnderAutocorrelation(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	const runs = 2000
	for _, test := range []struct {
		rho   float64
		n     int
		least float64
	}{
		{0, 60, 0.93}, {0.3, 60, 0.92}, {0.6, 60, 0.90}, {0.6, 1440, 0.93}, {0.8, 60, 0.86}, {0.8, 360, 0.92}, {0.9, 1440, 0.93}, {-0.5, 60, 0.95},
	} {
		held := 0
		for range runs {
			x := make([]float64, test.n)
			v := rng.NormFloat64() / math.Sqrt(1-test.rho*test.rho)
			for i := range x {
				v = test.rho*v + rng.NormFloat64()
				x[i] = 10 + v
			}
			s := stats.Summarize(x)
			if s.MeanLow <= 10 && 10 <= s.MeanHigh {
				held++
			}
		}
		got := float64(held) / runs
		t.Logf("autocorrelation %v, n=%d: holds in %.1f %%", test.rho, test.n, 100*got)
		if got < test.least {
			t.Errorf("autocorrelation %v, n=%d: holds in %.1f %%, want at least %.0f", test.rho, test.n, 100*got, 100*test.least)
		}
	}
}
