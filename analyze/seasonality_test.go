package analyze_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/backend-prs/perfmon/analyze"
)

// wave is 100 and a sine of the day about it, a point a minute from midnight on.
func wave(n int, swing float64) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = 100 + swing*math.Sin(2*math.Pi*float64(i%1440)/1440)
	}
	return x
}

func fromMidnight(n int) []time.Time {
	times := make([]time.Time, n)
	for i := range times {
		times[i] = time.Date(2024, 5, 1, 0, i, 0, 0, time.UTC)
	}
	return times
}

// Of series without a rhythm few have one, however much their points depend on each other.
func TestNoSeasonInNoise(t *testing.T) {
	for _, days := range []int{2, 3, 7} {
		for _, rho := range []float64{0, 0.7, 0.95, 0.99} {
			r := rand.New(rand.NewPCG(7, uint64(days)))
			found := 0
			for range 200 {
				if analyze.Seasonality(fromMidnight(days*1440), ar(r, days*1440, rho)).Found {
					found++
				}
			}
			t.Logf("%d days, correlation %v: %d of 200", days, rho, found)
			if found > 8 {
				t.Errorf("%d days, correlation %v: %d of 200 series have a rhythm, want about 2", days, rho, found)
			}
		}
	}
}

func TestSeasonIsFound(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 1))
	for _, days := range []int{2, 3, 7} {
		found := 0
		for range 50 {
			x := wave(days*1440, 1)
			for i, v := range ar(r, len(x), 0.7) {
				x[i] += v
			}
			s := analyze.Seasonality(fromMidnight(len(x)), x)
			if s.Found {
				found++
			}
			if high := s.Hours[6]; math.Abs(high-101) > 1 {
				t.Errorf("at six it is %v, want about 101", high)
			}
		}
		if t.Logf("%d days: %d of 50", days, found); found < 48 {
			t.Errorf("%d days: found in %d of 50 series", days, found)
		}
	}
}

func TestSeasonality(t *testing.T) {
	office := func(n int) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = 10
			if h := i / 60 % 24; h >= 8 && h < 18 {
				x[i] = 30
			}
		}
		return x
	}
	level := func(v float64) analyze.Values {
		hours := make(analyze.Values, 24)
		for i := range hours {
			hours[i] = v
		}
		return hours
	}
	hours := level(10)
	for h := 8; h < 18; h++ {
		hours[h] = 30
	}
	scaled := func(x []float64, by float64) []float64 {
		for i := range x {
			x[i] *= by
		}
		return x
	}
	huge := make(analyze.Values, 24)
	for i, v := range hours {
		huge[i] = v * 1e298
	}
	some := analyze.ValueOf
	missing := func(days string) string { return days + " days with points in 20 hours or more: at least 2 are needed" }
	none := analyze.Values(level(math.NaN()))
	tests := []struct {
		name   string
		values []float64
		want   analyze.Season
	}{
		{"nothing", nil, analyze.Season{Hours: none, Missing: missing("0")}},
		{"one point", []float64{1}, analyze.Season{Hours: none, Points: 1, Missing: missing("0")}},
		{"a day and a half", office(2160), analyze.Season{Hours: none, Days: 1, Points: 2160, Missing: missing("1")}},
		{"office hours", office(3 * 1440), analyze.Season{Found: true, Hours: hours, Strength: some(1), Swing: some(20), PValue: some(0), Days: 3, Points: 4320}},
		{"huge", scaled(office(2*1440), 1e298), analyze.Season{Found: true, Hours: huge, Strength: some(1), Swing: some(1.9999999999999997e299), PValue: some(0), Days: 2, Points: 2880}},
		{"constant", repeat(0.1, 2880), analyze.Season{Hours: level(0.1), Swing: some(0), PValue: some(1), Days: 2, Points: 2880}},
		{"NaN and Inf", concat(repeat(math.NaN(), 1440), repeat(math.Inf(1), 1440)), analyze.Season{Hours: none, Missing: missing("0")}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := analyze.Seasonality(fromMidnight(len(test.values)), test.values)
			if diff := cmp.Diff(test.want, got, cmpopts.EquateApprox(1e-9, 1e-9), cmpopts.EquateNaNs()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The order of the points, gaps and a rise from day to day do not matter; hours that no
// day has stay unknown.
func TestSeasonalityOfUnevenPoints(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 1))
	times, x := fromMidnight(5*1440), wave(5*1440, 10)
	for i := range x {
		x[i] += 50*float64(i/1440) + r.NormFloat64()
	}
	keptTimes, kept := []time.Time{}, []float64{}
	for _, i := range r.Perm(len(x)) {
		if h := i / 60 % 24; h == 3 || r.IntN(3) == 0 && h != 6 {
			continue
		}
		keptTimes, kept = append(keptTimes, times[i]), append(kept, x[i])
	}
	s := analyze.Seasonality(keptTimes, kept)
	if !s.Found || s.Days != 5 || !math.IsNaN(s.Hours[3]) || math.Abs(s.Hours[6]-s.Hours[18]-20) > 1 {
		t.Errorf("got %+v", s)
	}
	if s.Strength.Float() < 0.95 {
		t.Errorf("strength %v", s.Strength)
	}
}

func FuzzSeasonality(f *testing.F) {
	fuzzSeries(f, func(t *testing.T, times []time.Time, values []float64) {
		s := analyze.Seasonality(times, values)
		if p := s.PValue; !p.IsAbsent() && !(p.Float() >= 0 && p.Float() <= 1) {
			t.Errorf("p-value %v", p)
		}
		if s.Found && (s.Missing != "" || !(s.Swing.Float() > 0)) || len(s.Hours) != 24 {
			t.Errorf("got %+v", s)
		}
		if v, ok := s.Strength.Get(); ok && !(v >= 0 && v <= 1) {
			t.Errorf("strength %v", v)
		}
	})
}
