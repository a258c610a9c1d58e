package analyze_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon/analyze"
)

func mean(value, stdErr, df float64, n int) analyze.Mean {
	return analyze.Mean{Value: analyze.ValueOf(value), StdErr: analyze.ValueOf(stdErr), DF: analyze.ValueOf(df), N: n}
}

func TestEstimateMean(t *testing.T) {
	for _, test := range []struct {
		name string
		x    []float64
		want analyze.Mean
	}{
		{"nothing", nil, mean(nan, nan, nan, 0)},
		{"only NaN", []float64{nan, inf}, mean(nan, nan, nan, 0)},
		{"one", []float64{3}, mean(3, nan, nan, 1)},
		{"four are too few", []float64{1, 2, 1, 2}, mean(1.5, nan, nan, 4)},
		{"constant", repeat(0.1, 5), mean(0.1, 0, 4, 5)},
		{"long and constant", repeat(1e300, 1000), mean(1e300, 0, 82, 1000)},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, analyze.EstimateMean(test.x), approx); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if five := analyze.EstimateMean([]float64{1, 2, 1, 2, 1}); !(five.StdErr.Float() > 0) || !(five.DF.Float() >= 1) {
		t.Errorf("five numbers: %+v", five)
	}
}

// Numbers that depend on each other say less about their spread, too.
func TestDegreesOfFreedom(t *testing.T) {
	for _, test := range []struct {
		n           int
		rho         float64
		least, most float64 // of the median
	}{{30, 0, 3, 20}, {60, 0, 25, 58}, {60, 0.8, 2, 12}, {120, 0, 80, 118}, {120, 0.6, 5, 60}, {120, 0.9, 2, 15}} {
		rng := rand.New(rand.NewPCG(5, 5))
		var dfs []float64
		for range 200 {
			df := analyze.EstimateMean(ar(rng, test.n, test.rho)).DF.Float()
			if !(df >= 1 && df <= float64(test.n-1)+1e-9) {
				t.Fatalf("%d points have %v degrees of freedom", test.n, df)
			}
			dfs = append(dfs, df)
		}
		slices.Sort(dfs)
		if got := dfs[100]; got < test.least || got > test.most {
			t.Errorf("%d points, autocorrelation %v: %.1f degrees of freedom, want %v to %v", test.n, test.rho, got, test.least, test.most)
		}
	}
}

func TestCompare(t *testing.T) {
	type want struct{ value, low, high, p, stdErr, df float64 }
	for _, test := range []struct {
		name          string
		before, after analyze.Mean
		want          want
	}{
		// t = 3 / 0.5 with 5 and 10 degrees of freedom; Welch's are 0.25² / (0.16²/5 + 0.09²/10).
		{"two samples", mean(10, 0.4, 5, 6), mean(13, 0.3, 10, 11), want{3, 1.893614, 4.106386, 0.000106488, 0.5, 10.539629}},
		{"one is exact", mean(10, 0, 5, 6), mean(9, 0.5, 10, 11), want{-1, -2.114069, 0.114069, 0.0733880, 0.5, 10}},
		{"the same", mean(4, 1, 10, 11), mean(4, 1, 10, 11), want{0, -2.9500, 2.9500, 1, math.Sqrt2, 20}},
		{"exact and equal", mean(2, 0, 7, 8), mean(2, 0, 7, 8), want{0, 0, 0, 1, 0, nan}},
		{"exact and different", mean(2, 0, 7, 8), mean(5, 0, 7, 8), want{3, 3, 3, 0, 0, nan}},
		{"too few before", mean(2, nan, nan, 3), mean(5, 1, 7, 8), want{3, nan, nan, nan, nan, nan}},
		{"too few after", mean(2, 1, 7, 8), mean(5, nan, nan, 3), want{3, nan, nan, nan, nan, nan}},
		{"nothing before", mean(nan, nan, nan, 0), mean(5, 1, 7, 8), want{nan, nan, nan, nan, nan, nan}},
		{"too far apart", mean(-1.7e308, 1, 7, 8), mean(1.7e308, 1, 7, 8), want{nan, nan, nan, nan, nan, nan}},
		{"huge", mean(0, 1e300, 10, 11), mean(0, 1e300, 10, 11), want{0, -2.95e300, 2.95e300, 1, math.Sqrt2 * 1e300, 20}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := analyze.Compare(test.before, test.after)
			got := want{d.Value.Float(), d.Low.Float(), d.High.Float(), d.PValue.Float(), d.StdErr.Float(), d.DF.Float()}
			for _, pair := range [][2]float64{{got.value, test.want.value}, {got.low, test.want.low}, {got.high, test.want.high}, {got.p, test.want.p}, {got.stdErr, test.want.stdErr}, {got.df, test.want.df}} {
				if math.IsNaN(pair[0]) != math.IsNaN(pair[1]) || math.Abs(pair[0]-pair[1]) > 1e-3*math.Abs(pair[1]) {
					t.Errorf("%+v, want %+v", got, test.want)
					break
				}
			}
		})
	}
}

func TestWithin(t *testing.T) {
	exact := analyze.Compare(mean(2, 0, 7, 8), mean(5, 0, 7, 8))
	apart := analyze.Compare(mean(0, 0, 10, 11), mean(1, 1, 10, 11))
	none := analyze.Compare(mean(0, nan, nan, 1), mean(1, 1, 10, 11))
	for _, test := range []struct {
		name         string
		d            analyze.Difference
		margin, want float64
	}{
		{"exact, within", exact, 3, 1},
		{"exact, beyond", exact, 2.9, 0},
		{"one standard error off", apart, 1, 0.5 - 0.0366940}, // P(T <= 0) - P(T <= -2)
		{"a wide margin", apart, 100, 1},
		{"no margin", apart, 0, 0},
		{"a negative margin", apart, -1, nan},
		{"no standard error", none, 1, nan},
		{"nothing", analyze.Difference{}, 1, nan},
	} {
		if got := test.d.Within(test.margin); math.IsNaN(got) != math.IsNaN(test.want) || math.Abs(got-test.want) > 1e-6 {
			t.Errorf("%s: within %v by %v, want %v", test.name, test.margin, got, test.want)
		}
	}
}

// Means of two series of the same process differ about as seldom as the p-value says,
// however much their numbers depend on each other; true differences are found.
func TestPValueHolds(t *testing.T) {
	for _, test := range []struct {
		n     int
		rho   float64
		most  float64 // share with p < 0.05
		rare  float64 // share with p < 0.005
		found float64 // share of shifts by two deviations with p < 0.05, at least
	}{{16, 0, 0.05, 0.01, 0.9}, {30, 0.5, 0.06, 0.012, 0.8}, {60, 0, 0.06, 0.012, 0.99}, {60, 0.5, 0.06, 0.012, 0.97}, {60, 0.8, 0.06, 0.012, 0.3}, {120, 0.9, 0.07, 0.015, 0.2}} {
		t.Run(fmt.Sprintf("%d points, autocorrelation %v", test.n, test.rho), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(6, 6))
			const runs = 600
			var wrong, rare, found float64
			for range runs {
				before, x := ar(rng, test.n, test.rho), ar(rng, test.n, test.rho)
				a, b := analyze.EstimateMean(before), analyze.EstimateMean(x)
				if p := analyze.Compare(a, b).PValue.Float(); p < 0.05 {
					wrong++
					if p < 0.005 {
						rare++
					}
				}
				b.Value = analyze.ValueOf(b.Value.Float() + 2)
				if analyze.Compare(a, b).PValue.Float() < 0.05 {
					found++
				}
			}
			t.Logf("p < 0.05 in %.1f %%, p < 0.005 in %.2f %%, shifts found in %.1f %%", 100*wrong/runs, 100*rare/runs, 100*found/runs)
			if wrong/runs > test.most || rare/runs > test.rare || found/runs < test.found {
				t.Errorf("want at most %.1f %% and %.2f %%, at least %.0f %%", 100*test.most, 100*test.rare, 100*test.found)
			}
		})
	}
}
