package analyze

import (
	"math"
	"testing"
)

// Against tables: quantiles to six digits.
func TestStudent(t *testing.T) {
	for _, test := range []struct{ df, q, want float64 }{
		{1, 0.975, 12.706205}, {2, 0.975, 4.302653}, {5, 0.975, 2.570582}, {30, 0.975, 2.042272},
		{120, 0.975, 1.979930}, {10, 0.95, 1.812461}, {10, 0.5, 0}, {math.Inf(1), 0.975, 1.959964}, {2.5, 0.975, 3.57464},
		{1e6, 0.975, 1.959966}, {3, 0.9995, 12.923979},
	} {
		got := studentQuantile(test.q, test.df)
		if math.Abs(got-test.want) > 2e-5 {
			t.Errorf("quantile %v with %v degrees of freedom: %.6f, want %.6f", test.q, test.df, got, test.want)
		}
		if p := twoSided(got, test.df); math.Abs(p-2*(1-test.q)) > 1e-9 {
			t.Errorf("two-sided p of %v is %v, want %v", got, p, 2*(1-test.q))
		}
		if p := upperTail(got, test.df); math.Abs(p-(1-test.q)) > 0.02/test.df {
			t.Errorf("upper tail of %v with %v degrees of freedom: %v, want %v", got, test.df, p, 1-test.q)
		}
	}
	for _, bad := range []float64{0, -1, math.NaN()} {
		if got := studentQuantile(0.975, bad); !math.IsNaN(got) {
			t.Errorf("the quantile with %v degrees of freedom is %v", bad, got)
		}
	}
	if got := twoSided(math.Inf(-1), 5); got != 0 {
		t.Errorf("two-sided p of -infinity is %v", got)
	}
}

func TestVarianceDoesNotCancel(t *testing.T) {
	x := []float64{1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16}
	if _, v := meanVariance(x); v != 30 {
		t.Errorf("variance %v, want 30", v)
	}
}

func TestQuantile(t *testing.T) {
	x := []float64{1, 2, 4, 8}
	for q, want := range map[float64]float64{0: 1, 0.5: 3, 0.9: 6.8, 1: 8, 1. / 3: 2} {
		if got := quantile(x, q); math.Abs(got-want) > 1e-12 {
			t.Errorf("quantile %v: %v, want %v", q, got, want)
		}
	}
	if got := median([]float64{5, 1, 3}); got != 3 {
		t.Errorf("median %v", got)
	}
}

func TestTheilSen(t *testing.T) {
	x, y := make([]float64, 1000), make([]float64, 1000)
	for i := range x {
		x[i], y[i] = float64(i), 3*float64(i)
		if i%10 == 0 {
			y[i] = 1e6 // outliers do not matter
		}
	}
	if got := theilSen(x[:60], y[:60]); math.Abs(got-3) > 1e-9 {
		t.Errorf("slope of 60 points is %v, want 3", got)
	}
	if got := theilSen(x, y); math.Abs(got-3) > 1e-9 {
		t.Errorf("slope of 1000 points is %v, want 3", got)
	}
	if got := theilSen([]float64{2, 2}, []float64{1, 5}); !math.IsNaN(got) {
		t.Errorf("slope of points at the same place is %v", got)
	}
}
