package analyze

import (
	"math"

	"golang.org/x/exp/slices"
)

// Summary describes a series. What the series is too short for is absent: of an empty
// one everything but Count, of a single number also StdDev and the interval.
type Summary struct {
	Count  int   `json:"count"` // finite numbers
	Mean   Value `json:"mean"`
	Median Value `json:"median"`
	StdDev Value `json:"std_dev"` // of the sample, n - 1
	Min    Value `json:"min"`
	Max    Value `json:"max"`
	P90    Value `json:"p90"`
	P95    Value `json:"p95"`
	P99    Value `json:"p99"`
	// MeanLow and MeanHigh are the 95 % confidence interval of the mean; see
	// EstimateMean. The interval is absent where the series cannot give one: with fewer
	// than 8 numbers, or where it would reach beyond the smallest or the largest number
	// seen. That happens when the numbers depend on each other so much, or are so few,
	// that they say too little about the mean.
	MeanLow  Value `json:"mean_low"`
	MeanHigh Value `json:"mean_high"`
}

// minIntervalPoints is how many numbers an interval of the mean needs at least.
const minIntervalPoints = 8

// Summarize describes the finite numbers of values, which are in the order of time. NaN
// and the infinities are left out.
func Summarize(values []float64) Summary {
	x, unit := normalize(values)
	s := Summary{Count: len(x)}
	if len(x) == 0 {
		return s
	}
	low, high := slices.Min(x), slices.Max(x)
	s.Min, s.Max = ValueOf(low*unit), ValueOf(high*unit)
	q := [4]float64{0.5, 0.9, 0.95, 0.99}
	quantiles(slices.Clone(x), q[:])
	s.Median, s.P90, s.P95, s.P99 = ValueOf(q[0]*unit), ValueOf(q[1]*unit), ValueOf(q[2]*unit), ValueOf(q[3]*unit)
	mean, variance := meanVariance(x)
	s.Mean, s.StdDev = ValueOf(mean*unit), ValueOf(math.Sqrt(variance)*unit)
	if len(x) < minIntervalPoints {
		return s
	}
	stdErr, df := standardError(x)
	half := stdErr * studentQuantile(0.975, df)
	if mean-half >= low && mean+half <= high {
		s.MeanLow, s.MeanHigh = ValueOf((mean-half)*unit), ValueOf((mean+half)*unit)
	}
	return s
}
