package course

import (
	"math"
	"time"
)

// Season is a rhythm of a series.
type Season struct {
	Period time.Duration
	// Share is how much of the variation, its trend taken away, the rhythm explains: 0 to 1.
	Share float64
}

const (
	bins      = 2000
	minBins   = 30
	minCycles = 3
	minPeak   = 0.3 // of the autocorrelation
)

// Season returns the strongest rhythm, of which at least three cycles are held; ok is
// false where there is none. The period is that of the first high peak of the
// autocorrelation; its share is the strength of seasonality of Wang, Smith and Hyndman,
// "Characteristic-Based Clustering for Time Series Data", 2006.
func (c *Course) Season() (s Season, ok bool) {
	times, values := c.Held()
	x, width := evenly(times, values)
	if len(x) < minBins {
		return s, false
	}
	detrend(x)
	r := autocorrelation(x, len(x)/minCycles)
	lag := peak(r, len(x))
	if lag == 0 {
		return s, false
	}
	s.Period = time.Duration(lag) * width
	for _, known := range []time.Duration{time.Hour, 24 * time.Hour, 7 * 24 * time.Hour} {
		// Noise moves a broad peak; people and machines keep to the clock.
		at := int(math.Round(float64(known) / float64(width)))
		if off := s.Period - known; off.Abs() < known/10 && at < len(r) && r[at] > 0.9*r[lag] {
			s.Period, lag = known, at
		}
	}
	s.Share = share(x, lag)
	return s, true
}

// evenly returns means over equal stretches of time; one without points continues the one
// before.
func evenly(times []time.Time, values []float64) (x []float64, width time.Duration) {
	if len(times) < minBins {
		return nil, 0
	}
	first := times[0]
	span := times[len(times)-1].Sub(first)
	n := min(bins, len(times))
	width = span / time.Duration(n-1)
	if width <= 0 {
		return nil, 0
	}
	x = make([]float64, n)
	count := make([]float64, n)
	for i, t := range times {
		at := min(int(t.Sub(first)/width), n-1)
		count[at]++
		x[at] += (values[i] - x[at]) / count[at]
	}
	empty := 0
	for i := range x {
		if count[i] == 0 {
			x[i] = x[i-1] // the first has a point
			empty++
		}
	}
	if 2*empty > n { // too few points for so long
		return nil, 0
	}
	return x, width
}

// detrend takes the line of least squares away.
func detrend(x []float64) {
	n := float64(len(x))
	var mean, slope, norm float64
	for _, v := range x {
		mean += v / n
	}
	for i, v := range x {
		d := float64(i) - (n-1)/2
		slope += d * (v - mean)
		norm += d * d
	}
	slope /= norm
	for i := range x {
		x[i] -= mean + slope*(float64(i)-(n-1)/2)
	}
}

// autocorrelation returns that of the lags 0 to most.
func autocorrelation(x []float64, most int) []float64 {
	r := make([]float64, most+1)
	for lag := range r {
		for i := lag; i < len(x); i++ {
			r[lag] += x[i] * x[i-lag]
		}
	}
	if r[0] > 0 {
		for lag := most; lag >= 0; lag-- {
			r[lag] /= r[0]
		}
	}
	return r
}

// peak returns the first lag that is about as high as the highest after a valley, 0 where
// there is none that chance would not make.
func peak(r []float64, n int) int {
	least := math.Max(minPeak, 3/math.Sqrt(float64(n)))
	valley, highest := 1.0, 0.0
	isPeak := func(lag int) bool {
		return r[lag] >= r[lag-1] && r[lag] >= r[lag+1] && r[lag] > least
	}
	var peaks []int
	for lag := 1; lag+1 < len(r); lag++ {
		valley = math.Min(valley, r[lag])
		if isPeak(lag) && r[lag] > valley+0.2 {
			peaks = append(peaks, lag)
			highest = math.Max(highest, r[lag])
		}
	}
	for _, lag := range peaks {
		if r[lag] >= 0.85*highest {
			return lag
		}
	}
	return 0
}

// share is how much of the variance the mean of each phase explains, beyond what as many
// means of noise would.
func share(x []float64, period int) float64 {
	sum, count := make([]float64, period), make([]float64, period)
	for i, v := range x {
		sum[i%period] += v
		count[i%period]++
	}
	var all, rest float64
	for i, v := range x {
		d := v - sum[i%period]/count[i%period]
		all += v * v
		rest += d * d
	}
	if all == 0 {
		return 0
	}
	n := float64(len(x))
	return math.Max(0, 1-rest/(n-float64(period))/(all/(n-1)))
}

// phases is how many parts of a period have a level of their own.
const phases = 96

// calm returns the held values, in the order in which they came, without the series'
// rhythm: each less how much its part of the period is above the rest.
func (c *Course) calm() []float64 {
	s, ok := c.Season()
	if !ok {
		return c.values
	}
	times, _ := c.Held()
	phase := func(t time.Time) int {
		return int(float64(t.Sub(times[0])%s.Period) / float64(s.Period) * phases)
	}
	var mean, n [phases]float64
	all := 0.0
	for i, v := range c.values {
		at := phase(c.times[i])
		n[at]++
		mean[at] += (v - mean[at]) / n[at]
		all += (v - all) / float64(i+1)
	}
	out := make([]float64, len(c.values))
	for i, v := range c.values {
		out[i] = v - (mean[phase(c.times[i])] - all)
	}
	return out
}
