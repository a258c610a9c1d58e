package analyze

import (
	"math"
	"time"
)

// ChangePoint is where a series changed for good: its level, or the line along which it
// goes.
type ChangePoint struct {
	Index int       `json:"index"` // in the values given, of the first point of what is new
	Time  time.Time `json:"time"`  // of that point
	// Before and After are the means from the change before up to this one, and from
	// this one up to the next. Where the series has a daily rhythm, they are of the
	// series less that.
	Before Value `json:"before"`
	After  Value `json:"after"`
	// ChangePercent is how much After is above Before, in percent of Before. It is absent
	// where Before is 0.
	ChangePercent Value `json:"change_percent"`
	// PValue is that of the difference of the two means; see Compare. It does not allow
	// for the change having been searched for.
	PValue Value `json:"p_value"`
}

const (
	// shortestLevel is how many points a level has at least.
	shortestLevel = 5
	// maxPoints bounds the work, which grows with the square of the length. Longer
	// series are averaged to at most maxAverages points.
	maxPoints   = 720
	maxAverages = 240
	// resolution is the smallest change that counts, as a share of the level: what is
	// less may come from how values are stored.
	resolution = 0.005
)

var (
	// whether says whether a series changes at all: of series of 120 points that do
	// not, fewer than one in twenty does by it, up to an autocorrelation of 0.9.
	whether = criterion{cut: 4, line: 2, outlier: 3, rho: 0.7, calm: 0.8}
	// where says where a series that changes does so, as people would mark it: nobody
	// marks what is small against the movements of the whole series.
	where = criterion{cut: 3, line: 2, outlier: 3, rho: 0.6, calm: 0.6, floor: 0.2}
)

// ChangePoints returns where a series changes for good, in the order of time. What
// changes is the level, or the slope of a series that rises or falls steadily. A level
// lasts for at least 5 points. Of series of fewer than 10 points, and of those that do
// not change, it returns none.
//
// values[i] was measured at times[i]; what one of them has more than the other is left
// out, as NaN and the infinities are. The points may come in any order; each counts the
// same, whatever the time between them. Of more than 720 points, neighbours are averaged
// first, to 240 at most; a level then lasts for at least 5 averages. Changes by less than
// half a percent of the level do not count.
//
// A series of two days or more that goes up and down with the day, which is fitted by six
// harmonics, is freed of that first; and a change that comes again a day later, by about
// as much, is rhythm and no change for good.
//
// Numbers may depend on those before. The segments are those that describe the series the
// shortest, with the autocorrelation estimated along with them; see Davis, Lee and
// Rodriguez-Yam, "Structural Break Estimation for Nonstationary Time Series Models"
// (2006), whose prices of a cut these are nearly; here they are higher, so that few
// series that do not change have one.
func ChangePoints(times []time.Time, values []float64) []ChangePoint {
	s := newSeries(times, values)
	return s.changePoints()
}

func (s *series) changePoints() []ChangePoint {
	x, unit := normalize(s.values)
	cuts, day := findCuts(x, s.times)
	if day != nil {
		for i := range x {
			x[i] -= day[i]
		}
	}
	cuts = worthwhile(x, oncePerDay(s.times, x, cuts))
	points := make([]ChangePoint, 0, len(cuts))
	var before Mean
	for i, at := range cuts {
		if i == 0 {
			before = EstimateMean(x[:at])
		}
		end := len(x)
		if i+1 < len(cuts) {
			end = cuts[i+1]
		}
		after := EstimateMean(x[at:end])
		d := Compare(before, after)
		points = append(points, ChangePoint{
			Index: s.index[at], Time: s.times[at],
			Before: ValueOf(before.Value.Float() * unit), After: ValueOf(after.Value.Float() * unit),
			ChangePercent: ValueOf(d.Value.Float() / math.Abs(before.Value.Float()) * 100), PValue: d.PValue,
		})
		before = after
	}
	return points
}

// findCuts returns the index at which each segment begins, ascending, but for the first,
// and the daily rhythm that it has taken off, nil where there is none.
func findCuts(x []float64, times []time.Time) (cuts []int, day []float64) {
	if len(x) < 2*shortestLevel {
		return nil, nil
	}
	stride := 1
	if len(x) > maxPoints {
		stride = (len(x) + maxAverages - 1) / maxAverages
	}
	short := blockMeans(x, stride)
	level, scale := meanVariance(short)
	if scale = math.Sqrt(scale); !(scale > tiny*math.Abs(level)) {
		return nil, nil
	}
	z := make([]float64, len(short))
	for i, v := range short {
		z[i] = (v - level) / scale
	}
	if h := newHarmonics(times, stride, len(z)); h != nil {
		if calm, coefs := h.rhythm(z); calm != nil {
			z, day = standardize(calm), everywhere(coefs, times, scale)
		}
	}
	if changes(z, whether) {
		cuts, _ = segment(z, where)
	}
	if stride > 1 {
		y := x
		if day != nil {
			y = make([]float64, len(x))
			for i := range x {
				y[i] = x[i] - day[i]
			}
		}
		for i := range cuts {
			cuts[i] = refine(y, cuts[i]*stride, stride)
		}
	}
	return cuts, day
}

// standardize returns the series with mean 0 and variance 1.
func standardize(x []float64) []float64 {
	mean, variance := meanVariance(x)
	scale := math.Sqrt(variance)
	z := make([]float64, len(x))
	for i, v := range x {
		if scale > 0 {
			z[i] = (v - mean) / scale
		}
	}
	return z
}

// refine returns where a change of a long series is that was found in averages of stride
// points: where the points between fit best to the levels on either side.
func refine(x []float64, at, stride int) int {
	low, high := max(at-stride, 1), min(at+stride, len(x)-1)
	before, _ := meanVariance(x[max(low-shortestLevel*stride, 0):low])
	after, _ := meanVariance(x[high:min(high+shortestLevel*stride, len(x))])
	cost, best := 0.0, 0.0
	found := low
	for i := low; i < high; i++ {
		b, a := x[i]-before, x[i]-after
		if cost += b*b - a*a; cost < best {
			best, found = cost, i+1
		}
	}
	return found
}

// aboutADay is within how much of a day later a change comes again.
const aboutADay = 30 * time.Minute

// oncePerDay drops the cuts that come each day: up, or down, by about as much a day before
// or after, which the harmonics of a day are too smooth to fit.
func oncePerDay(times []time.Time, x []float64, cuts []int) []int {
	rise := make([]float64, len(cuts))
	daily := make([]bool, len(cuts))
	for i, c := range cuts {
		begin, end := 0, len(x)
		if i > 0 {
			begin = cuts[i-1]
		}
		if i+1 < len(cuts) {
			end = cuts[i+1]
		}
		before, _ := meanVariance(x[begin:c])
		after, _ := meanVariance(x[c:end])
		rise[i] = after - before
		for j := range i {
			late := times[c].Sub(times[cuts[j]]) - day
			if late > -aboutADay && late < aboutADay && rise[i]/rise[j] > 0.5 && rise[i]/rise[j] < 2 {
				daily[i], daily[j] = true, true
			}
		}
	}
	var kept []int
	for i, c := range cuts {
		if !daily[i] {
			kept = append(kept, c)
		}
	}
	return kept
}

// worthwhile drops the cuts between levels that differ by less than the resolution.
func worthwhile(x []float64, cuts []int) []int {
	for {
		smallest, at := resolution, -1
		begin := 0
		for i, c := range cuts {
			end := len(x)
			if i+1 < len(cuts) {
				end = cuts[i+1]
			}
			before, _ := meanVariance(x[begin:c])
			after, _ := meanVariance(x[c:end])
			if share := math.Abs(after-before) / math.Max(math.Abs(after), math.Abs(before)); share < smallest {
				smallest, at = share, i
			}
			begin = c
		}
		if at < 0 {
			return cuts
		}
		cuts = append(cuts[:at:at], cuts[at+1:]...)
	}
}
