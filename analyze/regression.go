package analyze

import (
	"math"
	"time"
)

const (
	// RegressionPoints is how many recent points a regression is best looked for in: half
	// an hour of minutes.
	RegressionPoints = 30
	// minRegressionPoints is how many it needs at least.
	minRegressionPoints = 10

	// atEachLook is the p-value of a regression against the variation of the baseline. It
	// is so small because regressions are looked for at each point: a day of looks at
	// windows that overlap is as good as some hundred looks at windows that do not.
	atEachLook = 0.005
	// byItself is the p-value that it needs with the variation of the recent points, which
	// are few: a baseline that hardly varies is not enough to call one odd point a change.
	byItself = 0.03
	// fromUsual is the p-value of its difference from the same hours of other days.
	fromUsual = 1e-3
)

// Regressed reports whether recent points are worse than a baseline: by more than
// sensitivity, a share of the baseline's size, and more surely than chance explains when
// it is asked at each new point. The difference returned has the error that the variation
// of the baseline gives to a mean of so few points, so a baseline of some hours finds more
// than one of an hour. With fewer than 10 finite numbers, or a baseline without an error,
// nothing has regressed. Neutral counts as HigherIsWorse.
//
// The points of a baseline should be those of a time without changes; see ChangePoints.
// Where a day of the past is known, ask Unusual, too.
func Regressed(base Mean, recent []float64, worse Direction, sensitivity float64) (Difference, bool) {
	current := Mean{Value: ValueOf(meanOf(recent)), N: finite(recent)}
	d := compareRecent(base, current)
	limit := sensitivity * math.Abs(base.Value.Float())
	p, ok := d.PValue.Get()
	if !ok || current.N < minRegressionPoints || !(sign(worse)*d.Value.Float() > limit) || p >= atEachLook {
		return d, false
	}
	own := Compare(base, EstimateMean(recent))
	return d, own.PValue.Float() < byItself
}

// Unusual reports whether recent points that have regressed against a baseline are also
// worse than the points of about the same hours of other days: by more than half the
// sensitivity, and surely. What falls each evening has not regressed. With fewer than 10
// finite numbers of other days nothing is known, and the answer is yes.
func Unusual(base Mean, recent, usual []float64, worse Direction, sensitivity float64) bool {
	n := finite(usual)
	if n < minRegressionPoints {
		return true
	}
	variance := base.StdErr.Float() * base.StdErr.Float() * float64(base.N) // of one point, in the long run
	other := Mean{ValueOf(meanOf(usual)), ValueOf(math.Sqrt(variance / float64(n))), base.DF, n}
	d := compareRecent(other, Mean{Value: ValueOf(meanOf(recent)), N: finite(recent)})
	limit := sensitivity / 2 * math.Abs(other.Value.Float())
	return sign(worse)*d.Value.Float() > limit && d.PValue.Float() < fromUsual
}

// compareRecent returns the difference of a mean from a baseline, with the error that
// points which vary like those of the baseline give to both.
func compareRecent(base, current Mean) Difference {
	d := Difference{Value: ValueOf(current.Value.Float() - base.Value.Float())}
	stdErr := base.StdErr.Float() * math.Sqrt(1+float64(base.N)/float64(current.N))
	switch {
	case d.Value.IsAbsent() || math.IsNaN(stdErr) || math.IsInf(stdErr, 0):
	case stdErr == 0:
		d = Compare(base, Mean{current.Value, base.StdErr, base.DF, current.N})
	default:
		d.setError(stdErr, base.DF.Float())
	}
	return d
}

// sign is 1 where higher is worse, -1 where lower is.
func sign(worse Direction) float64 {
	if worse == LowerIsWorse {
		return -1
	}
	return 1
}

func finite(values []float64) (n int) {
	for _, v := range values {
		if v-v == 0 {
			n++
		}
	}
	return n
}

// Steady returns from which index on values are as they are at the end, no later than at
// at: the values from there on tell what is normal, and how much that varies, better than
// those from at on alone. It is at where a change point lies between, and where the values
// before at differ from those after it by more than 5 % and by more than chance, or vary
// more than twice as much.
//
// values[i] was measured at times[i], both in the order of time.
func Steady(times []time.Time, values []float64, at int) int {
	at = min(max(at, 0), min(len(times), len(values)))
	begin := 0
	for _, c := range ChangePoints(times, values) {
		begin = max(begin, c.Index)
	}
	if begin >= at {
		return at
	}
	before, after := finiteOf(values[begin:at]), finiteOf(values[at:])
	if !(deviation(before) <= 2*deviation(after)) {
		return at
	}
	d := compareSeries(before, after)
	alike := math.Abs(d.Value.Float()) <= stableWithin*math.Abs(meanOf(values[at:]))
	if p, ok := d.PValue.Get(); alike || !ok || p >= 0.05 {
		return begin
	}
	return at
}

// deviation is the standard deviation of finite numbers of any size.
func deviation(values []float64) float64 {
	x, unit := normalize(values)
	_, variance := meanVariance(x)
	return math.Sqrt(variance) * unit
}

// finiteOf returns the finite numbers of values.
func finiteOf(values []float64) []float64 {
	x := make([]float64, 0, len(values))
	for _, v := range values {
		if v-v == 0 {
			x = append(x, v)
		}
	}
	return x
}
