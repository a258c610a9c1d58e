package analyze

// Mean is an estimate of the mean of the process that a series is a part of.
type Mean struct {
	Value  Value `json:"value"`   // the mean of the series; absent where it is empty
	StdErr Value `json:"std_err"` // standard error of Value; absent with fewer than 5 numbers
	DF     Value `json:"df"`      // degrees of freedom of StdErr; absent as StdErr is
	N      int   `json:"n"`       // finite numbers of the series
}

// minMeanPoints is how many numbers a standard error needs at least.
const minMeanPoints = MinTrendPoints / 2

// EstimateMean estimates the mean of a series whose numbers, in the order of time, may
// depend on those before. NaN and the infinities are left out.
//
// The numbers are taken as an autoregression of order one. A short series does not tell
// how strong it is, and an interval that takes the best guess for the truth is too
// narrow. So the standard error is averaged over every autocorrelation from 0 to 0.97,
// each weighted by how well it explains the series (Zellner and Tiao, "Bayesian Analysis
// of the Regression Model with Autocorrelated Errors", 1964). The weights before any
// data are chosen by simulation so that intervals hold at every autocorrelation up to
// 0.9; see TestIntervalOfTheMean. Dependence never makes the interval narrower than it
// is for independent numbers.
//
// Value ± StdErr · t is an interval, t being the quantile of Student's distribution with
// DF degrees of freedom. Of more than 160 numbers, the error is estimated from the means
// of about 80 to 160 blocks.
func EstimateMean(values []float64) Mean {
	x, unit := normalize(values)
	mean, _ := meanVariance(x)
	m := Mean{Value: ValueOf(mean * unit), N: len(x)}
	if len(x) < minMeanPoints {
		return m
	}
	stdErr, df := standardError(x)
	m.StdErr, m.DF = ValueOf(stdErr*unit), ValueOf(df)
	return m
}

// blocks is how many points the error of a mean is estimated from in a long series: up
// to twice as many are taken as they are, more are first averaged in blocks.
const blocks = 80

// standardError returns the standard error of the mean and its degrees of freedom.
//
// Blocks of a long series are long against most that neighbours have in common, so they
// show the slow movements that the mean depends on, which an autoregression of the
// points would miss behind the noise between neighbours.
func standardError(x []float64) (stdErr, df float64) {
	x = blockMeans(x, max(1, len(x)/blocks))
	if _, variance := meanVariance(x); variance == 0 {
		return 0, float64(len(x) - 1)
	}
	p := newPosterior(x)
	return p.student()
}

// blockMeans returns the means of blocks of size numbers. An incomplete block at the end
// is left out.
func blockMeans(x []float64, size int) []float64 {
	if size == 1 {
		return x
	}
	means := make([]float64, 0, len(x)/size)
	for i := 0; i+size <= len(x); i += size {
		mean, _ := meanVariance(x[i : i+size])
		means = append(means, mean)
	}
	return means
}
