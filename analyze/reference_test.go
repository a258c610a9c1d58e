package analyze_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon/analyze"
)

// Standard errors as they were when the weights of the autocorrelations were chosen.
// Other figures are other statistics: TestIntervalOfTheMean and TestPValueHolds have to
// say that they are as good.
func TestStandardErrorsAreAsChosen(t *testing.T) {
	series := func(seed uint64, n int, rho float64) []float64 { return ar(rand.New(rand.NewPCG(seed, seed)), n, rho) }
	for i, test := range []struct {
		x          []float64
		stdErr, df float64
	}{
		{[]float64{3, 1, 4, 1, 5}, 1.01958498379, 1.57136140263},
		{[]float64{3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 9}, 0.819957564312, 2.16280055944},
		{[]float64{0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 0.19363356587634037, 1.6876081006848835},
		{[]float64{1, 2, 3, 4, 5, 6, 7, 8}, 2.33475118269, 4.10551884632},
		{series(1, 60, 0.8), 0.299843378849, 2.98065545755},
		{series(2, 120, 0), 0.0969958291084, 112.546899644},
		{series(3, 159, 0.5), 0.117841391204, 26.8469211169},
		{series(3, 160, 0.5), 0.111353038353, 12.2032862597}, // from here on the error is that of blocks
		{series(3, 161, 0.5), 0.111353038353, 12.2032862597},
		{series(4, 1000, 0.9), 0.194752620638, 9.884899267},
	} {
		t.Run(fmt.Sprint(i, ", ", len(test.x), " numbers"), func(t *testing.T) {
			got := analyze.EstimateMean(test.x)
			if !(math.Abs(got.StdErr.Float()/test.stdErr-1) <= 1e-7 && math.Abs(got.DF.Float()/test.df-1) <= 1e-7) {
				t.Errorf("standard error %.12g with %.12g degrees of freedom, want %v with %v", got.StdErr.Float(), got.DF.Float(), test.stdErr, test.df)
			}
			// In other units everything but the unit is the same.
			scaled := make([]float64, len(test.x))
			for i, v := range test.x {
				scaled[i] = v * 0x1p1000
			}
			huge := analyze.EstimateMean(scaled)
			for _, pair := range [][2]float64{{huge.Value.Float() / 0x1p1000, got.Value.Float()}, {huge.StdErr.Float() / 0x1p1000, got.StdErr.Float()}, {huge.DF.Float(), got.DF.Float()}} {
				if !(math.Abs(pair[0]-pair[1]) <= 1e-9*math.Abs(pair[1])) {
					t.Errorf("in huge units: %+v", huge)
				}
			}
		})
	}
}

// Differences that somebody put together by hand, or read.
func TestDifferencesMadeByHand(t *testing.T) {
	v := analyze.ValueOf
	if got := (analyze.Difference{StdErr: v(0)}).Within(1); !math.IsNaN(got) {
		t.Errorf("of no value: within by %v", got)
	}
	exact := analyze.Mean{Value: v(10), StdErr: v(0), N: 6}
	got := analyze.Compare(exact, analyze.Mean{Value: v(9), StdErr: v(0.5), DF: v(10), N: 11})
	if !(math.Abs(got.DF.Float()-10) <= 1e-9) {
		t.Errorf("beside an exact mean there are %v degrees of freedom", got.DF)
	}
}

// The changes of a trend and of its change points are in percent of what was before.
func TestTrendInPercent(t *testing.T) {
	if analyze.MinTrendPoints != 10 {
		t.Errorf("a trend needs %d points", analyze.MinTrendPoints)
	}
	got := compareHalves(concat(repeat(-4, 10), repeat(-3, 10)), analyze.HigherIsWorse)
	want := analyze.ValueOf(25)
	if got.ChangePercent != want || got.ChangeLow != want || got.ChangeHigh != want {
		t.Errorf("%v %%, from %v to %v", got.ChangePercent, got.ChangeLow, got.ChangeHigh)
	}
	if len(got.ChangePoints) != 1 || got.ChangePoints[0].ChangePercent != want {
		t.Errorf("%+v", got.ChangePoints)
	}
	// The means are those of whole levels.
	x := concat([]float64{3}, repeat(2, 19), repeat(9, 20), repeat(2, 20))
	for i := range x {
		x[i] += []float64{-0.5, 0.3, 0.4, -0.2}[i*i%11%4]
	}
	points := analyze.ChangePoints(minutes(60), x)
	mean := func(x []float64) float64 { return analyze.Summarize(x).Mean.Float() }
	for i, want := range [][2]float64{{mean(x[:20]), mean(x[20:40])}, {mean(x[20:40]), mean(x[40:])}} {
		if len(points) != 2 || !(math.Abs(points[i].Before.Float()-want[0]) <= 1e-9 && math.Abs(points[i].After.Float()-want[1]) <= 1e-9) {
			t.Errorf("%+v, want a change from %v to %v", points, want[0], want[1])
		}
	}
}

// Change points as they were when the prices were chosen: of series whose changes are
// hard to see, so that little is needed to find others.
func TestChangePointsAreAsChosen(t *testing.T) {
	want := []string{
		"[26 52 78]", "[]", "[27 54]", "[]", "[]", "[]", "[]", "[34]",
		"[31 62]", "[20 40 60 80 100 113]", "[]", "[]", "[]", "[]", "[]", "[]",
		"[31 62 93 124]", "[]", "[]", "[28]", "[21 42 63]", "[]", "[]", "[]",
		"[29]", "[36 70 104 139]", "[35 70 105 140]", "[]", "[]", "[28 56]", "[38 76]", "[]",
		"[]", "[]", "[]", "[]", "[]", "[19 38]", "[25 50 75 100]", "[]",
	}
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 11))
		x := ar(rng, 30+rng.IntN(150), 0.6*rng.Float64())
		size, every := 2.5+2*rng.Float64(), 10+rng.IntN(30)
		for i := range x {
			x[i] += size * float64(i/every%2)
		}
		if got := fmt.Sprint(changes(x)); got != want[seed] {
			t.Errorf("series %d changes at %s, want %s", seed, got, want[seed])
		}
	}
	long := ar(rand.New(rand.NewPCG(1, 11)), 3010, 0.3)
	for i := range long {
		long[i] += 2 * float64(i/602%2)
	}
	if diff := cmp.Diff([]int{599, 1204, 1809, 2407}, changes(long)); diff != "" {
		t.Errorf("a long series (-want +got):\n%s", diff)
	}
}
