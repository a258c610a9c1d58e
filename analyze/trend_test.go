package analyze_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon/analyze"
)

// compareHalves compares the halves of x, a point a minute.
func compareHalves(x []float64, worse analyze.Direction) analyze.Trend {
	times := minutes(len(x))
	if len(x) == 0 {
		return analyze.CompareWindows(times, x, midnight, worse)
	}
	return analyze.CompareWindows(times, x, times[len(x)/2].Add(-time.Second), worse)
}

// noisy returns two levels of 60 points each.
func noisy(seed uint64, before, after float64) []float64 {
	rng := rand.New(rand.NewPCG(seed, seed))
	x := ar(rng, 120, 0.3)
	for i := range x {
		level := before
		if i >= 60 {
			level = after
		}
		x[i] = level * (1 + 0.05*x[i])
	}
	return x
}

func TestTrend(t *testing.T) {
	for _, test := range []struct {
		name   string
		x      []float64
		worse  analyze.Direction
		want   analyze.TrendDirection
		change float64 // percent, within 5; NaN: absent
		cuts   int
	}{
		{"latency that doubles", noisy(1, 1, 2), analyze.HigherIsWorse, analyze.Degrading, 100, 1},
		{"latency that halves", noisy(2, 2, 1), analyze.HigherIsWorse, analyze.Improving, -50, 1},
		{"throughput that halves", noisy(3, 2, 1), analyze.LowerIsWorse, analyze.Degrading, -50, 1},
		{"throughput that doubles", noisy(14, 1, 2), analyze.LowerIsWorse, analyze.Improving, 100, 1},
		{"a neutral one that doubles", noisy(5, 1, 2), analyze.Neutral, analyze.Stable, 100, 1},
		{"negative, and rising", noisy(6, -2, -1), analyze.HigherIsWorse, analyze.Degrading, 50, 1},
		{"noise", noisy(7, 10, 10), analyze.HigherIsWorse, analyze.Stable, 0, 0},
		{"constant", repeat(3, 120), analyze.HigherIsWorse, analyze.Stable, 0, 0},
		{"constant zero", repeat(0, 120), analyze.HigherIsWorse, analyze.Stable, nan, 0},
		{"one constant after another", concat(repeat(2, 60), repeat(3, 60)), analyze.HigherIsWorse, analyze.Degrading, 50, 1},
		{"up from zero", concat(repeat(0, 60), repeat(3, 60)), analyze.HigherIsWorse, analyze.Degrading, nan, 1},
		{"huge", concat(repeat(1e300, 60), repeat(3e300, 60)), analyze.HigherIsWorse, analyze.Degrading, 200, 1},
		{"tiny", concat(repeat(1e-300, 60), repeat(3e-300, 60)), analyze.HigherIsWorse, analyze.Degrading, 200, 1},
		{"the fewest points", concat(repeat(2, 5), repeat(3, 5)), analyze.HigherIsWorse, analyze.Degrading, 50, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := compareHalves(test.x, test.worse)
			change := got.ChangePercent.Float()
			if got.Direction != test.want || math.IsNaN(change) != math.IsNaN(test.change) || math.Abs(change-test.change) > 5 {
				t.Errorf("%s by %v %%, want %s by %v %%", got.Direction, got.ChangePercent, test.want, test.change)
			}
			if !math.IsNaN(change) && !(got.ChangeLow.Float() <= change && change <= got.ChangeHigh.Float()) {
				t.Errorf("a change of %v %% is not within %v to %v %%", change, got.ChangeLow, got.ChangeHigh)
			}
			if len(got.ChangePoints) != test.cuts || got.Points != len(test.x) || got.Missing != "" {
				t.Errorf("%+v, want %d change points, %d points and nothing missing", got, test.cuts, len(test.x))
			}
			if test.worse != analyze.Neutral && got.ConfidenceLevel != "high" {
				t.Errorf("confidence %v, %s; want high", got.Confidence, got.ConfidenceLevel)
			}
		})
	}
}

func TestTrendOfTooFewPoints(t *testing.T) {
	for _, test := range []struct {
		name    string
		x       []float64
		points  int
		missing string
	}{
		{"nothing", nil, 0, "0 points up to the split and 0 after it; each side needs 5"},
		{"one", []float64{1}, 1, "0 points up to the split and 1 after it; each side needs 5"},
		{"four before", repeat(1, 9), 9, "4 points up to the split and 5 after it; each side needs 5"},
		{"absent ones after", concat(repeat(1, 6), []float64{1, nan, inf, 1, -inf, 1}), 9, "6 points up to the split and 3 after it; each side needs 5"},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := analyze.Trend{Direction: analyze.Stable, ConfidenceLevel: "low", Points: test.points, Missing: test.missing, ChangePoints: []analyze.ChangePoint{}}
			if diff := cmp.Diff(want, compareHalves(test.x, analyze.HigherIsWorse), approx); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What the points leave open is not called stable with confidence.
func TestTrendThatIsUncertain(t *testing.T) {
	x := ar(rand.New(rand.NewPCG(10, 10)), 24, 0)
	for i := range x {
		x[i] = 100 + 30*x[i]
	}
	got := compareHalves(x, analyze.HigherIsWorse)
	if got.Direction != analyze.Stable || !(got.Confidence > 0.05 && got.Confidence < 0.5) || got.ConfidenceLevel != "low" {
		t.Errorf("%+v, want stable with little confidence", got)
	}
}

func TestConfidenceLevels(t *testing.T) {
	for confidence, want := range map[float64]string{
		1: "high", 0.8: "high", math.Nextafter(0.8, 0): "medium", 0.5: "medium", math.Nextafter(0.5, 0): "low", 0: "low",
	} {
		if got := (analyze.Trend{Confidence: confidence}).Level(); got != want {
			t.Errorf("a confidence of %v is %s, want %s", confidence, got, want)
		}
	}
}

// A series has a direction where its p-value is below 0.015, and only there. Of series
// that do not change, at most one in fifty has one, and hardly one with high confidence.
func TestTrendDirectionFollowsThePValue(t *testing.T) {
	for _, test := range []struct {
		n   int
		rho float64
	}{{20, 0}, {60, 0.5}, {120, 0}, {120, 0.7}, {240, 0.9}} {
		t.Run(fmt.Sprintf("%d points, autocorrelation %v", test.n, test.rho), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(7, 7))
			const runs = 500
			changed, sure, between, confident := 0, 0, 0, 0
			for range runs {
				x := ar(rng, test.n, test.rho)
				for i := range x {
					x[i] = 100 + x[i]
				}
				got := compareHalves(x, analyze.HigherIsWorse)
				p, rose := got.PValue.Float(), got.ChangePercent.Float() > 0
				want := analyze.Stable
				switch {
				case p < 0.015 && rose:
					want = analyze.Degrading
				case p < 0.015:
					want = analyze.Improving
				case p < 0.5:
					between++
				}
				if got.Direction != want {
					t.Fatalf("p is %v, change %v %%: %s, want %s", p, got.ChangePercent, got.Direction, want)
				}
				high := got.ConfidenceLevel == "high"
				switch {
				case got.Direction == analyze.Stable && high:
					confident++
				case got.Direction != analyze.Stable:
					changed++
					if high {
						sure++
					}
				}
				if !(got.Confidence >= 0 && got.Confidence <= 1) || got.ConfidenceLevel != got.Level() {
					t.Fatalf("confidence %v is %s", got.Confidence, got.ConfidenceLevel)
				}
			}
			t.Logf("%d of %d have a direction, %d with high confidence", changed, runs, sure)
			if changed > 15 || sure > 3 {
				t.Errorf("%d of %d series without a change have a direction, %d with high confidence", changed, runs, sure)
			}
			if between < runs/4 || confident < runs*3/4 {
				t.Errorf("%d of %d have a p-value from 0.015 to 0.5, %d are surely stable", between, runs, confident)
			}
		})
	}
}

// dayAfterDay returns days of a daily rhythm, a point a minute, that ends at an hour.
func dayAfterDay(rng *rand.Rand, days int, hour float64) []float64 {
	x := ar(rng, days*1440, 0.5)
	for i := range x {
		x[i] = 100 * (1 + 0.5*math.Sin(2*math.Pi*(hour/24+float64(i-len(x))/1440))) * (1 + 0.05*x[i])
	}
	return x
}

// A window that follows the rhythm of the days before is stable; one that leaves it is not.
func TestTrendKnowsTheDay(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 11))
	last := func(x []float64) analyze.Trend {
		times := minutes(len(x))
		return analyze.CompareWindows(times, x, times[len(x)-61], analyze.HigherIsWorse)
	}
	for _, days := range []int{2, 4} {
		stable, found, blind, calm := 0, 0, 0, 0
		for hour := range 24 {
			x := dayAfterDay(rng, days, float64(hour))
			got := last(x)
			if got.Points != 120 || got.UsualPercent.IsAbsent() {
				t.Fatalf("%+v, want 120 points and what is usual", got)
			}
			if got.Direction == analyze.Stable {
				stable++
			}
			if last(x[len(x)-120:]).Direction == analyze.Stable {
				blind++
			}
			for i := len(x) - 60; i < len(x); i++ {
				x[i] *= 1.3
			}
			if last(x).Direction == analyze.Degrading {
				found++
			}
			flat := ar(rng, days*1440, 0.5)
			for i := range flat {
				flat[i] = 100 + 5*flat[i]
			}
			for i := len(flat) - 1500; i < len(flat)-1440; i++ {
				flat[i] *= 1.3 // an incident of the day before
			}
			if last(flat).Direction == analyze.Stable {
				calm++
			}
		}
		if stable < 23 || found < 22 || blind > 12 {
			t.Errorf("%d days: of 24 looks %d are stable, %d rises of 30 %% are found; without the day before %d are stable", days, stable, found, blind)
		}
		if calm < 16 {
			t.Errorf("%d days: the hour after an incident of the day before is stable in %d of 24", days, calm)
		}
	}
}

// The order in which points are given does not matter, nor does what has no partner.
func TestTrendOfUnsortedPoints(t *testing.T) {
	x, times := noisy(8, 1, 2), minutes(120)
	split := times[59]
	want := analyze.CompareWindows(times, x, split, analyze.HigherIsWorse)
	if want.SlopePerHour.Float() < 0.3 || want.SlopePerHour.Float() > 1.5 {
		t.Errorf("slope %v per hour of a rise by 1 within 2 hours", want.SlopePerHour)
	}
	shuffledTimes, shuffled := append([]time.Time(nil), times...), append([]float64(nil), x...)
	rng := rand.New(rand.NewPCG(9, 9))
	rng.Shuffle(len(x), func(i, j int) {
		shuffled[i], shuffled[j] = shuffled[j], shuffled[i]
		shuffledTimes[i], shuffledTimes[j] = shuffledTimes[j], shuffledTimes[i]
	})
	shuffledTimes, shuffled = append(shuffledTimes, midnight), append(shuffled, nan)
	got := analyze.CompareWindows(shuffledTimes, append(shuffled, 1, 2, 3), split, analyze.HigherIsWorse)
	for i := range got.ChangePoints {
		index := got.ChangePoints[i].Index
		if at := shuffledTimes[index]; !at.Equal(got.ChangePoints[i].Time) {
			t.Errorf("the change point at index %d, %v, says %v", index, at, got.ChangePoints[i].Time)
		}
		got.ChangePoints[i].Index = want.ChangePoints[i].Index
	}
	if diff := cmp.Diff(want, got, approx); diff != "" {
		t.Errorf("shuffled (-want +got):\n%s", diff)
	}
}

func TestTrendOfOddTimes(t *testing.T) {
	x := concat(repeat(1, 6), repeat(2, 6))
	t.Run("all the same", func(t *testing.T) {
		times := make([]time.Time, 12)
		got := analyze.CompareWindows(times, x, time.Time{}, analyze.HigherIsWorse)
		if got.Points != 12 || !strings.HasPrefix(got.Missing, "12 points up to the split and 0 after") {
			t.Errorf("%+v", got)
		}
	})
	t.Run("two times", func(t *testing.T) {
		times := minutes(12)
		for i := range times {
			times[i] = midnight.Add(time.Duration(i/6) * time.Hour)
		}
		got := analyze.CompareWindows(times, x, midnight, analyze.HigherIsWorse)
		if got.Direction != analyze.Degrading || got.SlopePerHour != analyze.ValueOf(1) {
			t.Errorf("%+v, want a rise of 1 per hour", got)
		}
	})
	t.Run("irregular", func(t *testing.T) {
		times := minutes(12)
		for i := range times {
			times[i] = midnight.Add(time.Duration(i*i) * time.Minute)
		}
		rise := make([]float64, 12)
		for i := range rise {
			rise[i] = times[i].Sub(midnight).Hours() * 7
		}
		got := analyze.CompareWindows(times, rise, times[5], analyze.HigherIsWorse)
		if math.Abs(got.SlopePerHour.Float()-7) > 1e-9 {
			t.Errorf("slope %v, want 7", got.SlopePerHour)
		}
	})
	t.Run("no times", func(t *testing.T) {
		if got := analyze.CompareWindows(nil, x, midnight, analyze.HigherIsWorse); got.Points != 0 || got.Missing == "" {
			t.Errorf("%+v", got)
		}
	})
}
