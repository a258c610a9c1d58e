package analyze

import (
	"fmt"
	"math"
	"time"
)

// Season is the daily rhythm of a series.
type Season struct {
	// Found says that the rhythm is real: chance alone would make one like it in fewer
	// than one series of a hundred.
	Found bool `json:"found"`
	// Hours is what is usual in each hour of the day, in UTC, beginning at midnight, in
	// the unit of the series; see Seasonality. NaN where the series has no points.
	Hours Values `json:"hours"`
	// Strength is which share of the movement from hour to hour the rhythm explains, 0 to
	// 1 (Wang, Smith and Hyndman, "Characteristic-Based Clustering for Time Series Data",
	// 2006), absent where nothing moves.
	Strength Value `json:"strength"`
	// Swing is how much the highest hour is above the lowest.
	Swing Value `json:"swing"`
	// PValue is how often chance alone would make such a rhythm.
	PValue Value `json:"p_value"`
	Days   int   `json:"days"`   // whole days that the answer rests on
	Points int   `json:"points"` // finite values
	// Missing says why there is no answer. It is empty where there is one.
	Missing string `json:"missing,omitempty"`
}

const (
	hours = 24
	// wholeDay is how many hours of a day need points, or else the day is left out.
	wholeDay = 20
	// minDays is how many days a rhythm needs at least: one day cannot repeat.
	minDays = 2
	// significanceOfSeason is the p-value below which a rhythm is found.
	significanceOfSeason = 0.01
)

// Seasonality says whether a series has a daily rhythm, and which.
//
// The series is cut into days of 24 hours, from its first point on, and each hour into
// its median, so that single points do not count. The hours are held against each other
// by an analysis of variance with the days as repetitions, which a rise from day to day
// does not disturb; hours depend on those before, so the degrees of freedom are fewer by
// a factor that follows from their correlation (G. E. P. Box, "Some Theorems on Quadratic
// Forms Applied in the Study of Analysis of Variance Problems, II", 1954). What is usual
// in an hour is the median over the days, less how far each day is from the others.
//
// values[i] was measured at times[i]; what one of them has more than the other is left
// out, as NaN and the infinities are. The points may come in any order and any spacing.
// With fewer than two days in which at least 20 hours have points, nothing is found, and
// Missing says so. A constant series has no rhythm, and a PValue of 1.
func Seasonality(times []time.Time, values []float64) Season {
	s := newSeries(times, values)
	season := Season{Points: len(s.values), Hours: make(Values, hours)}
	for i := range season.Hours {
		season.Hours[i] = math.NaN()
	}
	x, unit := normalize(s.values)
	days := hourly(s.times, x)
	season.Days = len(days)
	if len(days) < minDays {
		season.Missing = fmt.Sprintf("%d days with points in %d hours or more: at least %d are needed", len(days), wholeDay, minDays)
		return season
	}
	known := make([]bool, hours)
	for h := range hours {
		for _, d := range days {
			known[h] = known[h] || !math.IsNaN(d[h])
		}
	}
	filled := fillGaps(days)
	profile, rest, levels := twoWay(days)
	middle := median(levels)
	lowest, highest := math.Inf(1), math.Inf(-1)
	for h := range hours {
		if !known[h] {
			continue
		}
		usual := middle + profile[h]
		season.Hours[h] = usual * unit
		lowest, highest = math.Min(lowest, usual), math.Max(highest, usual)
	}
	season.Swing = ValueOf((highest - lowest) * unit)
	season.judge(days, rest, filled)
	return season
}

// hourly returns the medians of the hours of each whole day, in the order of the hours of
// the day in UTC; NaN where an hour has no points.
func hourly(times []time.Time, x []float64) (days [][]float64) {
	if len(times) == 0 {
		return nil
	}
	first := times[0].Truncate(time.Hour)
	var today []float64
	which := int64(0)
	for begin := 0; begin < len(x); {
		at := elapsedHours(first, times[begin])
		end := begin
		for end < len(x) && elapsedHours(first, times[end]) == at {
			end++
		}
		if at/hours != which || today == nil {
			days = appendWhole(days, today)
			which, today = at/hours, make([]float64, hours)
			for h := range today {
				today[h] = math.NaN()
			}
		}
		today[times[begin].UTC().Hour()] = median(x[begin:end])
		begin = end
	}
	return appendWhole(days, today)
}

// elapsedHours is how many whole hours lie between two times, also where that is more
// than a time.Duration holds.
func elapsedHours(from, to time.Time) int64 { return (to.Unix() - from.Unix()) / 3600 }

func appendWhole(days [][]float64, today []float64) [][]float64 {
	if finite(today) < wholeDay {
		return days
	}
	return append(days, today)
}

// fillGaps puts into hours without points what the other days let expect: the mean of the
// day, and how far that hour is from the means of the others. It returns how many it filled.
func fillGaps(days [][]float64) (filled int) {
	means := make([]float64, len(days))
	for i, d := range days {
		means[i] = meanOf(d)
	}
	for h := range hours {
		apart := make([]float64, 0, len(days))
		for i, d := range days {
			apart = append(apart, d[h]-means[i])
		}
		usual := meanOf(apart)
		if math.IsNaN(usual) { // no day has it
			usual = 0
		}
		for i, v := range apart {
			if math.IsNaN(v) {
				days[i][h] = means[i] + usual
				filled++
			}
		}
	}
	return filled
}

// twoWay takes the days apart into their levels, the medians of what is left by hour, and
// the rest.
func twoWay(days [][]float64) (profile []float64, rest [][]float64, levels []float64) {
	rest = make([][]float64, len(days))
	for i, d := range days {
		level, _ := meanVariance(d)
		levels = append(levels, level)
		for _, v := range d {
			rest[i] = append(rest[i], v-level)
		}
	}
	column := make([]float64, len(days))
	for h := range hours {
		for i := range days {
			column[i] = rest[i][h]
		}
		profile = append(profile, median(column))
		for i := range days {
			rest[i][h] -= profile[h]
		}
	}
	return profile, rest, levels
}

// judge says how sure the rhythm is.
func (s *Season) judge(days, rest [][]float64, filled int) {
	n := float64(len(days))
	means := make([]float64, hours)
	between, within, moved, left := 0.0, 0.0, 0.0, 0.0
	centered := make([][]float64, len(days))
	for i, d := range days {
		level, _ := meanVariance(d)
		for h, v := range d {
			centered[i] = append(centered[i], v-level)
			means[h] += (v - level) / n
			moved += (v - level) * (v - level)
			left += rest[i][h] * rest[i][h]
		}
	}
	most := 0.0
	for h, m := range means {
		between += n * m * m
		for i := range centered {
			most = math.Max(most, math.Abs(days[i][h]))
			centered[i][h] -= m
			within += centered[i][h] * centered[i][h]
		}
	}
	if !(moved > tiny*tiny*most*most*n*hours) { // constant, but for rounding
		s.PValue = ValueOf(1)
		return
	}
	s.Strength = ValueOf(math.Max(1-left/moved, 0))
	share := boxShare(correlationOfRest(centered))
	above, below := (hours-1)*share, ((hours-1)*(n-1)-float64(filled))*share
	if !(below > 0) {
		return
	}
	s.PValue = ValueOf(fTail(between/above/(within/below), above, below))
	s.Found = s.PValue.Float() < significanceOfSeason
}

// fTail is how often an F statistic with these degrees of freedom is as large as f.
func fTail(f, above, below float64) float64 {
	return incompleteBeta(below/2, above/2, 1/(1+above/below*f))
}

// correlationOfRest returns the correlation of neighbouring hours in what days leave over,
// corrected for their means having been taken away (F. H. C. Marriott and J. A. Pope,
// "Bias in the Estimation of Autocorrelations", 1954).
func correlationOfRest(rest [][]float64) float64 {
	var products, squares float64
	for _, d := range rest {
		for h, v := range d {
			squares += v * v
			if h > 0 {
				products += v * d[h-1]
			}
		}
	}
	if squares == 0 {
		return 0
	}
	r := products / squares * hours / (hours - 1)
	return math.Max(0, math.Min(r+(1+4*r)/hours, 0.98))
}

// boxShare is Box's factor of the degrees of freedom for days whose hours have an
// autoregression of order one: from 1 for independent ones down to 1 / (hours - 1).
func boxShare(correlation float64) float64 {
	var sigma [hours][hours]float64
	for i := range sigma {
		for j := range sigma[i] {
			sigma[i][j] = math.Pow(correlation, math.Abs(float64(i-j)))
		}
	}
	var rows [hours]float64 // means
	all := 0.0
	for i := range sigma {
		for _, v := range sigma[i] {
			rows[i] += v / hours
		}
		all += rows[i] / hours
	}
	trace, squares := 0.0, 0.0
	for i := range sigma {
		for j, v := range sigma[i] {
			v += all - rows[i] - rows[j]
			squares += v * v
			if i == j {
				trace += v
			}
		}
	}
	return trace * trace / (hours - 1) / squares
}
