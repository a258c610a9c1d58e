package analyze

import (
	"math"
	"time"

	"golang.org/x/exp/slices"
)

// ChangePoint is where the mean of a series changed for good.
type ChangePoint struct {
	Index int       `json:"index"` // in the values given, of the first point of the new level
	Time  time.Time `json:"time"`  // of that point
	// Before and After are the means of the levels on either side.
	Before Value `json:"before"`
	After  Value `json:"after"`
	// ChangePercent is how much After is above Before, in percent of Before. It is absent
	// where Before is 0.
	ChangePercent Value `json:"change_percent"`
	// PValue is that of the difference of the two means; see Compare. It does not allow
	// for the change having been searched for.
	PValue Value `json:"p_value"`
}

// shortestLevel is how many points a level has at least.
const shortestLevel = 5

// ChangePoints returns where the mean of a series changes for good, in the order of time.
// A level lasts for at least 5 points. Of series of fewer than 10 points, and of those
// that do not change, it returns none.
//
// values[i] was measured at times[i]; what one of them has more than the other is left
// out, as NaN and the infinities are. The points may come in any order; each counts the
// same, whatever the time between them. Of more than 1500 points, neighbours are averaged
// first; a change is then found to within that many points, and a level lasts for at least
// two such averages.
//
// Numbers may depend on those before: the series is freed of an autoregression of order
// one, whose coefficient is estimated from differences and so is not misled by the
// changes (Chakar, Lebarbier, Lévy-Leduc and Robin, "A robust approach for estimating
// change-points in the mean of an AR(1) process", 2017), and then cut where the squared
// error and a penalty for each cut are least (Jackson et al., "An Algorithm for Optimal
// Partitioning of Data on an Interval", 2005).
func ChangePoints(times []time.Time, values []float64) []ChangePoint {
	s := newSeries(times, values)
	return s.changePoints()
}

func (s *series) changePoints() []ChangePoint {
	x, _ := normalize(s.values)
	cuts := cut(x, shortestLevel)
	points := make([]ChangePoint, 0, len(cuts))
	begin := 0
	for i, at := range cuts {
		end := len(s.values)
		if i+1 < len(cuts) {
			end = cuts[i+1]
		}
		before, after := EstimateMean(s.values[begin:at]), EstimateMean(s.values[at:end])
		d := Compare(before, after)
		points = append(points, ChangePoint{
			Index: s.index[at], Time: s.times[at], Before: before.Value, After: after.Value,
			ChangePercent: ValueOf(d.Value.Float() / math.Abs(before.Value.Float()) * 100), PValue: d.PValue,
		})
		begin = at
	}
	return points
}

// cut returns the index at which each new level begins, ascending.
func cut(x []float64, shortest int) []int {
	if len(x) < 2*shortest {
		return nil
	}
	x, stride := thin(x)
	shortest = max((shortest+stride-1)/stride, 2)
	rho := robustAutocorrelation(x)
	y := make([]float64, len(x)-1)
	var largest float64
	for i := range y {
		y[i] = x[i+1] - rho*x[i]
		largest = math.Max(largest, math.Abs(x[i]))
	}
	// Against rounding: what differs by less than a millionth of the values is equal.
	sigma := math.Max(spread(difference(y, 1))/math.Sqrt2, 1e-6*largest)
	cuts := partition(y, shortest, penalty*math.Log(float64(len(y)))*sigma*sigma)
	for i := range cuts {
		cuts[i] = (cuts[i] + 1) * stride // y begins one later than x
	}
	return cuts
}

// penalty, times the logarithm of the length and the variance, is what a cut costs. Of
// series without a change, 120 points long and with an autocorrelation up to 0.6, it
// cuts about one in a hundred, and one in fifteen at 0.8.
const penalty = 5

// maxPoints bounds the work, which grows with the square of the length.
const maxPoints = 1500

// thin averages neighbours of a long series, stride at a time.
func thin(x []float64) (thinned []float64, stride int) {
	stride = (len(x) + maxPoints - 1) / maxPoints
	return blockMeans(x, stride), stride
}

// robustAutocorrelation estimates the lag-one autocorrelation, 0 to 0.95, from how much
// farther apart numbers two apart are than neighbours.
func robustAutocorrelation(x []float64) float64 {
	one, two := spread(difference(x, 1)), spread(difference(x, 2))
	if one == 0 {
		return 0
	}
	return math.Max(0, math.Min(two*two/(one*one)-1, 0.95))
}

func difference(x []float64, lag int) []float64 {
	d := make([]float64, len(x)-lag)
	for i := range d {
		d[i] = x[i+lag] - x[i]
	}
	return d
}

// spread is a standard deviation about zero that outliers hardly move: of the smaller
// nine tenths, scaled for the normal distribution.
func spread(x []float64) float64 {
	const kept, variance = 0.9, 0.62297 // of a normal variable within its inner nine tenths
	squares := make([]float64, len(x))
	for i, v := range x {
		squares[i] = v * v
	}
	slices.Sort(squares)
	squares = squares[:max(int(kept*float64(len(squares))), 1)]
	mean, _ := meanVariance(squares)
	return math.Sqrt(mean / variance)
}

// partition returns the cuts that make the squared errors about the means between them,
// and cost for each, least.
func partition(y []float64, shortest int, cost float64) []int {
	n := len(y)
	sum, squares := make([]float64, n+1), make([]float64, n+1)
	shift := y[0] // keeps the squares small
	for i, v := range y {
		v -= shift
		sum[i+1] = sum[i] + v
		squares[i+1] = squares[i] + v*v
	}
	best, from := make([]float64, n+1), make([]int, n+1)
	for end := 1; end <= n; end++ {
		best[end] = math.Inf(1)
		for begin := 0; begin <= end-shortest; begin++ {
			s := sum[end] - sum[begin]
			total := best[begin] + squares[end] - squares[begin] - s*s/float64(end-begin)
			if begin > 0 {
				total += cost
			}
			if total < best[end] {
				best[end], from[end] = total, begin
			}
		}
	}
	var cuts []int
	for at := from[n]; at > 0; at = from[at] {
		cuts = append(cuts, at)
	}
	slices.Reverse(cuts)
	return cuts
}
