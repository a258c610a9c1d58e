package analyze_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon/analyze"
)

// changes returns where x changes, a point a minute.
func changes(x []float64) (at []int) {
	for _, c := range analyze.ChangePoints(minutes(len(x)), x) {
		at = append(at, c.Index)
	}
	return at
}

// Noise has no change points, though its numbers depend on each other.
func TestNoChangePointsInNoise(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, test := range []struct {
		n    int
		rho  float64
		most float64 // share of series with a change
	}{{120, 0, 0.02}, {120, 0.3, 0.02}, {120, 0.6, 0.02}, {120, 0.8, 0.03}, {120, 0.9, 0.05}, {1440, 0.6, 0.02}} {
		const runs = 200
		wrong := 0
		for range runs {
			if len(changes(ar(rng, test.n, test.rho))) > 0 {
				wrong++
			}
		}
		got := float64(wrong) / runs
		t.Logf("n=%d, autocorrelation %v: %.1f %% have a change", test.n, test.rho, 100*got)
		if got > test.most {
			t.Errorf("n=%d, autocorrelation %v: %.1f %% have a change", test.n, test.rho, 100*got)
		}
	}
}

// What goes up and down with the day does not change for good: neither smoothly, nor by
// steps.
func TestNoChangePointsInADailyRhythm(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	for name, shape := range map[string]func(hour float64) float64{
		"smooth": func(h float64) float64 { return 0.5 * math.Sin(2*math.Pi*h/24) },
		"office hours": func(h float64) float64 {
			if h >= 8 && h < 18 {
				return 0.5
			}
			return 0
		},
		"two peaks": func(h float64) float64 { return 0.6*math.Exp(-(h-9)*(h-9)/2) + 0.4*math.Exp(-(h-19)*(h-19)/3) },
		"a night job": func(h float64) float64 {
			if h >= 2 && h < 4 {
				return 0.5
			}
			return 0
		},
	} {
		found := 0
		for range 20 {
			x := ar(rng, 2880, 0.5)
			for i := range x {
				x[i] = 100 * (1 + shape(float64(i%1440)/60)) * (1 + 0.1*x[i])
			}
			found += len(changes(x))
		}
		if found > 4 {
			t.Errorf("%s: %d changes in 20 series of two days", name, found)
		}
	}
}

// A change beside a rhythm is found.
func TestChangePointBesideADailyRhythm(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	found, others := 0, 0
	for range 20 {
		x := ar(rng, 2880, 0.5)
		for i := range x {
			x[i] = 100*(1+0.4*math.Sin(2*math.Pi*float64(i)/1440)) + 10*x[i]
			if i >= 2300 {
				x[i] += 60
			}
		}
		for _, at := range changes(x) {
			if math.Abs(float64(at-2300)) <= 24 {
				found++
			} else {
				others++
			}
		}
	}
	t.Logf("found in %d of 20, and %d others", found, others)
	if found < 18 || others > 20 {
		t.Errorf("found in %d of 20 series, and %d others", found, others)
	}
}

// What the storage of values makes of equal ones is no change.
func TestChangePointsBelowTheResolution(t *testing.T) {
	for rise, want := range map[float64][]int{0.002: nil, 0.004: nil, 0.006: {25}} {
		x := concat(repeat(1, 25), repeat(1+rise, 25))
		if diff := cmp.Diff(want, changes(x)); diff != "" {
			t.Errorf("a rise by %v (-want +got):\n%s", rise, diff)
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
		const runs = 150
		found := 0
		for range runs {
			x := ar(rng, test.n, test.rho)
			for i, cut := range test.cuts {
				for j := cut; j < test.n; j++ {
					x[j] += test.size * float64(1-2*(i%2))
				}
			}
			got := changes(x)
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
	step := concat(repeat(0, 25), repeat(1, 25))
	outlier := repeat(3, 50)
	outlier[20] = 1000
	for _, test := range []struct {
		name string
		x    []float64
		want []int
	}{
		{"nothing", nil, nil},
		{"one", []float64{1}, nil},
		{"nine", concat(repeat(0, 4), repeat(1, 5)), nil},
		{"constant", repeat(3, 50), nil},
		{"constant, of a number that is not exact", repeat(0.1, 500), nil},
		{"rounding", concat(repeat(0.3, 25), repeat(0.1+0.2, 25)), nil},
		{"a step", step, []int{25}},
		{"a step of huge numbers", concat(repeat(-1e300, 20), repeat(1e300, 20)), []int{20}},
		{"a step of tiny numbers", concat(repeat(1e-300, 20), repeat(3e-300, 20)), []int{20}},
		{"absent numbers", concat(repeat(nan, 7), repeat(0, 20), repeat(inf, 3), repeat(1, 20)), []int{30}},
	} {
		if diff := cmp.Diff(test.want, changes(test.x)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	if got := changes(outlier); len(got) > 2 {
		t.Errorf("one outlier makes changes at %v", got)
	}
	long := ar(rand.New(rand.NewPCG(4, 4)), 10_000, 0)
	for i := 4000; i < len(long); i++ {
		long[i] += 3
	}
	if got := changes(long); len(got) != 1 || math.Abs(float64(got[0]-4000)) > 7 {
		t.Errorf("a long series changes at %v, want 4000", got)
	}
}

func TestChangePointSaysWhatChanged(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	x := concat(ar(rng, 40, 0), ar(rng, 40, 0), ar(rng, 40, 0))
	for i := range x {
		x[i] = x[i]/10 + []float64{4, 5, 2}[i/40]
	}
	got := analyze.ChangePoints(minutes(120), x)
	if len(got) != 2 {
		t.Fatalf("%+v, want two", got)
	}
	for i, want := range []struct {
		index                 int
		before, after, change float64
	}{{40, 4, 5, 25}, {80, 5, 2, -60}} {
		c := got[i]
		if c.Index != want.index || !c.Time.Equal(midnight.Add(time.Duration(want.index)*time.Minute)) ||
			math.Abs(c.Before.Float()-want.before) > 0.1 || math.Abs(c.After.Float()-want.after) > 0.1 ||
			math.Abs(c.ChangePercent.Float()-want.change) > 3 || !(c.PValue.Float() < 1e-6) {
			t.Errorf("%+v, want %+v", c, want)
		}
	}
	up := analyze.ChangePoints(minutes(40), concat(repeat(0, 20), repeat(1, 20)))
	if len(up) != 1 || !up[0].ChangePercent.IsAbsent() || up[0].PValue != analyze.ValueOf(0) {
		t.Errorf("up from 0: %+v", up)
	}
}
