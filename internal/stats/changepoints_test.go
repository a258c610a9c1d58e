package stats_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/backend-prs/perfmon/internal/stats"
)

// ar makes a series whose numbers depend on those before, of variance 1.
func ar(rng *rand.Rand, n int, rho float64) []float64 {
	x := make([]float64, n)
	v := rng.NormFloat64()
	for i := range x {
		v = rho*v + rng.NormFloat64()*math.Sqrt(1-rho*rho)
		x[i] = v
	}
	return x
}

// Noise has no change points, though its numbers depend on each other.
func TestNoChangePointsInNoise(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, test := range []struct {
		n    int
		rho  float64
		most float64 // share of series with a cut
	}{{120, 0, 0.02}, {120, 0.3, 0.02}, {120, 0.6, 0.03}, {120, 0.8, 0.1}, {1440, 0.6, 0.02}} {
		const runs = 300
		wrong := 0
		for range runs {
			if len(stats.ChangePoints(ar(rng, test.n, test.rho), 5)) > 0 {
				wrong++
			}
		}
		got := float64(wrong) / runs
		t.Logf("n=%d, autocorrelation %v: %.1f %% have a cut", test.n, test.rho, 100*got)
		if got > test.most {
			t.Errorf("n=%d, autocorrelation %v: %.1f %% have a cut", test.n, test.rho, 100*got)
		}
	}
}

// Changes are found, about where they are.
func TestChangePointsAreFound(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for _, test := range []struct {
		name  string
		n     int
		rho   float64
		cuts  []int
		size  float64 // in standard deviations
		least float64 // share of series in which all are found, to within 3 points
	}{
		{"one of three deviations", 120, 0, []int{70}, 3, 0.95},
		{"two of four", 120, 0.3, []int{30, 80}, 4, 0.85},
		{"one of six in much dependence", 120, 0.6, []int{60}, 6, 0.75},
		{"a day's", 1440, 0.5, []int{400, 1000}, 4, 0.9},
	} {
		const runs = 200
		found := 0
		for range runs {
			x := ar(rng, test.n, test.rho)
			for i, cut := range test.cuts {
				for j := cut; j < test.n; j++ {
					x[j] += test.size * float64(1-2*(i%2))
				}
			}
			got := stats.ChangePoints(x, 5)
			ok := len(got) == len(test.cuts)
			for i := 0; ok && i < len(got); i++ {
				ok = math.Abs(float64(got[i]-test.cuts[i])) <= 3
			}
			if ok {
				found++
			}
		}
		share := float64(found) / runs
		t.Logf("%s: found in %.0f %%", test.name, 100*share)
		if share < test.least {
			t.Errorf("%s: found in %.0f %%, want at least %.0f %%", test.name, 100*share, 100*test.least)
		}
	}
}

func TestChangePointsOfPlainSeries(t *testing.T) {
	flat, step := make([]float64, 50), make([]float64, 50)
	for i := range step {
		flat[i] = 3
		step[i] = float64(i / 25)
	}
	if got := stats.ChangePoints(flat, 5); len(got) != 0 {
		t.Errorf("a constant changes at %v", got)
	}
	if got := stats.ChangePoints(step, 5); len(got) != 1 || got[0] != 25 {
		t.Errorf("a step at 25 is found at %v", got)
	}
	flat[20] = 1000
	if got := stats.ChangePoints(flat, 5); len(got) > 2 {
		t.Errorf("one outlier makes %v", got)
	}
	for _, short := range [][]float64{nil, {1}, {1, 2, 3, 4, 5, 6, 7, 8, 9}} {
		if got := stats.ChangePoints(short, 5); got != nil {
			t.Errorf("%d points change at %v", len(short), got)
		}
	}
}
