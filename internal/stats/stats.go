// Package stats has the statistics of series: plain functions over numbers, which
// come in the order of time. Absent numbers are left out by the caller.
package stats

import (
	"math"

	"golang.org/x/exp/slices"
)

// Summary describes a series. Of an empty one all but Count is NaN; the standard
// deviation and the interval need two numbers.
type Summary struct {
	Count                int
	Mean, Median, StdDev float64
	Min, Max             float64
	P90, P95, P99        float64
	MeanLow, MeanHigh    float64 // 95 % confidence interval of the mean
}

// Summarize describes x.
func Summarize(x []float64) Summary {
	nan := math.NaN()
	s := Summary{len(x), nan, nan, nan, nan, nan, nan, nan, nan, nan, nan}
	if len(x) == 0 {
		return s
	}
	sorted := slices.Clone(x)
	slices.Sort(sorted)
	s.Min, s.Max = sorted[0], sorted[len(sorted)-1]
	s.Median, s.P90 = Quantile(sorted, 0.5), Quantile(sorted, 0.9)
	s.P95, s.P99 = Quantile(sorted, 0.95), Quantile(sorted, 0.99)
	var variance float64
	s.Mean, variance = MeanVariance(x)
	if len(x) < 2 {
		return s
	}
	s.StdDev = math.Sqrt(variance)
	m := EstimateMean(x)
	half := m.StdErr * StudentQuantile(0.975, m.DF)
	s.MeanLow, s.MeanHigh = s.Mean-half, s.Mean+half
	return s
}

// MeanVariance returns the mean and the sample variance, by Welford's method (B. P.
// Welford, "Note on a Method for Calculating Corrected Sums of Squares and Products",
// 1962), which does not cancel.
func MeanVariance(x []float64) (mean, variance float64) {
	var m2 float64
	for i, v := range x {
		d := v - mean
		mean += d / float64(i+1)
		m2 += d * (v - mean)
	}
	switch len(x) {
	case 0:
		return math.NaN(), math.NaN()
	case 1:
		return mean, math.NaN()
	}
	return mean, m2 / float64(len(x)-1)
}

// Quantile interpolates between the numbers of a sorted series, as R, NumPy and Excel
// do by default (type 7 of Hyndman and Fan, "Sample Quantiles in Statistical
// Packages", 1996).
func Quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

// Mean is an estimate of the mean of the process that a series is a part of.
type Mean struct {
	Value  float64
	StdErr float64
	DF     float64 // degrees of freedom of the standard error
}

// EstimateMean estimates the mean of a series whose numbers depend on those before.
//
// The variance of the mean is the long-run variance over n. It is estimated by
// prewhitening with an autoregression of order one and a Bartlett kernel on what is
// left (Newey and West, "Automatic Lag Selection in Covariance Matrix Estimation",
// 1994; Andrews and Monahan, "An Improved Heteroskedasticity and Autocorrelation
// Consistent Covariance Matrix Estimator", 1992). The autocorrelation is corrected for
// its downward bias in short series (Kendall, "Note on Bias in the Estimation of
// Autocorrelation", 1954). Dependence never makes the interval narrower than it would
// be for independent numbers.
func EstimateMean(x []float64) Mean {
	n := float64(len(x))
	mean, variance := MeanVariance(x)
	m := Mean{Value: mean, DF: n - 1}
	if len(x) < 2 {
		m.StdErr = math.NaN()
		return m
	}
	m.StdErr = math.Sqrt(variance / n)
	if variance == 0 || len(x) < 8 {
		return m
	}
	d := make([]float64, len(x))
	for i, v := range x {
		d[i] = v - mean
	}
	var c0, c1 float64
	for i, v := range d {
		c0 += v * v
		if i > 0 {
			c1 += v * d[i-1]
		}
	}
	rho := c1 / c0
	rho += (1 + 3*rho) / n
	rho = math.Max(0, math.Min(rho, 0.97))
	u := make([]float64, len(d)-1)
	for i := range u {
		u[i] = d[i+1] - rho*d[i]
	}
	long := bartlett(u) / ((1 - rho) * (1 - rho))
	long = math.Max(long, variance)
	m.StdErr = math.Sqrt(long / n)
	// As many degrees of freedom as independent numbers that say as much would have.
	m.DF = math.Max(n*variance/long-1, 1)
	return m
}

// bartlett estimates the long-run variance of a series of mean about zero, with the
// lags of Newey and West's rule.
func bartlett(u []float64) float64 {
	n := float64(len(u))
	lags := int(4 * math.Pow(n/100, 2.0/9))
	lags = min(lags, len(u)-1)
	var sum float64
	for k := 0; k <= lags; k++ {
		var c float64
		for i := k; i < len(u); i++ {
			c += u[i] * u[i-k]
		}
		c /= n
		if k == 0 {
			sum += c
		} else {
			sum += 2 * (1 - float64(k)/float64(lags+1)) * c
		}
	}
	return math.Max(sum, 0)
}

// Difference is how much one mean is above another.
type Difference struct {
	Value     float64
	Low, High float64 // 95 % confidence interval
	PValue    float64 // two-sided, against no difference
	stdErr    float64
	df        float64
}

// Compare returns how much after is above before, with Welch's degrees of freedom
// (B. L. Welch, "The Generalization of 'Student's' Problem when Several Different
// Population Variances are Involved", 1947).
func Compare(before, after Mean) Difference {
	a, b := before.StdErr*before.StdErr, after.StdErr*after.StdErr
	d := Difference{Value: after.Value - before.Value, stdErr: math.Sqrt(a + b)}
	if d.stdErr == 0 {
		d.Low, d.High, d.df = d.Value, d.Value, math.Inf(1)
		if d.Value == 0 {
			d.PValue = 1
		}
		return d
	}
	d.df = (a + b) * (a + b) / (a*a/before.DF + b*b/after.DF)
	half := d.stdErr * StudentQuantile(0.975, d.df)
	d.Low, d.High = d.Value-half, d.Value+half
	d.PValue = TwoSided(d.Value/d.stdErr, d.df)
	return d
}

// Within returns how probable it is that the true difference is at most margin either
// way.
func (d Difference) Within(margin float64) float64 {
	if d.stdErr == 0 {
		if math.Abs(d.Value) <= margin {
			return 1
		}
		return 0
	}
	return StudentCDF((margin-d.Value)/d.stdErr, d.df) - StudentCDF((-margin-d.Value)/d.stdErr, d.df)
}

// TheilSen returns the median slope between all pairs of points. Of a long series it
// looks at every n-th point, 32 to 64 in all.
func TheilSen(x, y []float64) float64 {
	stride := max(1, len(x)/32)
	var slopes []float64
	for i := 0; i < len(x); i += stride {
		for j := i + stride; j < len(x); j += stride {
			if x[j] != x[i] {
				slopes = append(slopes, (y[j]-y[i])/(x[j]-x[i]))
			}
		}
	}
	slices.Sort(slopes)
	return Quantile(slopes, 0.5)
}
