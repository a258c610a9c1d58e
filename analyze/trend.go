package analyze

import (
	"fmt"
	"math"
	"time"
)

// TrendDirection is where a series is going, by which way it gets worse.
type TrendDirection string

const (
	Improving TrendDirection = "improving"
	Degrading TrendDirection = "degrading"
	Stable    TrendDirection = "stable"
)

// MinTrendPoints is how many points a trend needs at least, half of them on either side
// of the split.
const MinTrendPoints = 10

const (
	// significance is the p-value below which a difference counts: of series without a
	// change at most one in fifty is to have a direction, whatever their correlation, which
	// the p-value allows for only as well as it can be estimated.
	significance = 0.015

	// Where it is known what is usual, a difference has to be one from that and from the
	// hours before, and that is strict: so much of it has to be there without the days
	// before, or else a rise on one of them would make today's calm a fall.
	significanceOfBoth = 0.024
	itsOwn             = 0.15

	// priorChange is how many of the comparisons that are made are of a series that
	// changed.
	priorChange = 0.1

	// stableWithin is the change, as a share, up to which a series counts as stable.
	stableWithin = 0.05
)

// Trend compares the later part of a series with the earlier.
type Trend struct {
	Direction TrendDirection `json:"direction"`
	// Confidence is how sure the direction is, 0 to 1: for a change, how probable it is
	// after the evidence when one comparison in ten is of a series that changed; for
	// Stable, the probability that the mean changed by less than 5 %. It is 0 where
	// there is no answer.
	Confidence float64 `json:"confidence"`
	// ConfidenceLevel is what Level returns for Confidence.
	ConfidenceLevel string `json:"confidence_level"`
	// ChangePercent is how much the mean rose, in percent of the earlier mean, with its
	// 95 % confidence interval. It is absent where the earlier mean is 0.
	ChangePercent Value `json:"change_percent"`
	ChangeLow     Value `json:"change_low"`
	ChangeHigh    Value `json:"change_high"`
	// SlopePerHour is the median slope between all points of both parts, in the unit of
	// the series (Sen, "Estimates of the Regression Coefficient Based on Kendall's Tau",
	// 1968).
	SlopePerHour Value `json:"slope_per_hour"`
	// UsualPercent is by how much the mean rises at these hours on the days before, in
	// percent of the earlier mean; absent where that is not known.
	UsualPercent Value `json:"usual_percent"`
	// PValue is how often chance alone would make such a difference, allowing for points
	// that depend on those before; where UsualPercent is known, such a difference from
	// that.
	PValue Value `json:"p_value"`
	// ChangePoints are where the mean of the series changed for good, in order.
	ChangePoints []ChangePoint `json:"change_points"`
	// Points is how many points there are in both parts.
	Points int `json:"points"`
	// Missing says why there is no answer. It is empty where there is one.
	Missing string `json:"missing,omitempty"`
}

// Level returns "high" for a confidence of at least 0.8, "medium" for at least 0.5, and
// "low" otherwise.
func (t Trend) Level() string {
	switch {
	case t.Confidence >= 0.8:
		return "high"
	case t.Confidence >= 0.5:
		return "medium"
	}
	return "low"
}

// CompareWindows compares the points after split with those up to it, and says whether
// the series is improving, degrading or stable, by the way in which it gets worse. A
// Neutral series is always stable.
//
// values[i] was measured at times[i]; what one of them has more than the other is left
// out, as NaN and the infinities are. The points may come in any order and any spacing.
// With fewer than 5 points on either side the trend is Stable with a confidence of 0, and
// Missing says how many there are.
//
// Where the points reach back to the day before, the window after split is compared with
// one of the same length before it, and what is earlier is the past: then a direction is
// one by which the series also differs from the same hours of the days before.
func CompareWindows(times []time.Time, values []float64, split time.Time, worse Direction) Trend {
	s := newSeries(times, values)
	at, begin := s.after(split), 0
	if n := len(s.times); n > at {
		length := s.times[n-1].Sub(split)
		if early := split.Add(-length); s.times[0].Before(early.Add(around - day)) {
			begin = s.after(early)
		}
	}
	window := series{s.times[begin:], s.values[begin:], s.index[begin:]}
	t := Trend{Direction: Stable, ConfidenceLevel: "low", Points: len(window.values), ChangePoints: []ChangePoint{}}
	if at-begin < minMeanPoints || len(s.values)-at < minMeanPoints {
		t.Missing = fmt.Sprintf("%d points up to the split and %d after it; each side needs %d", at-begin, len(s.values)-at, minMeanPoints)
		return t
	}
	t.SlopePerHour = window.slopePerHour()
	t.ChangePoints = window.changePoints()
	d := compareSeries(s.values[begin:at], s.values[at:])
	base := math.Abs(meanOf(s.values[begin:at]))
	change := d
	var unusual *Difference
	if u := s.usual(begin, at, len(s.values)); u != nil {
		change = compareSeries(less(s.values[begin:at], u[:at-begin]), less(s.values[at:], u[at-begin:]))
		unusual = &change
	}
	t.PValue = change.PValue
	if base > 0 {
		t.ChangePercent = ValueOf(d.Value.Float() / base * 100)
		t.ChangeLow, t.ChangeHigh = ValueOf(d.Low.Float()/base*100), ValueOf(d.High.Float()/base*100)
		if unusual != nil {
			t.UsualPercent = ValueOf((d.Value.Float() - change.Value.Float()) / base * 100)
		}
	}
	t.Direction = direction(d, unusual, worse)
	t.Confidence = confidence(t.Direction, change, base)
	t.ConfidenceLevel = t.Level()
	return t
}

// direction says whether a difference is one, and which: that of the windows, and what it
// is less what is usual, nil where that is not known.
func direction(d Difference, unusual *Difference, worse Direction) TrendDirection {
	limit, change := significance, d
	if unusual != nil {
		limit, change = significanceOfBoth, *unusual
		if !(d.Value.Float()/change.Value.Float() > itsOwn) {
			return Stable
		}
	}
	switch p, ok := change.PValue.Get(); {
	case !ok || p >= limit || worse == Neutral:
		return Stable
	case (change.Value.Float() > 0) == (worse == HigherIsWorse):
		return Degrading
	}
	return Improving
}

// confidence says how sure a direction is after a difference from a mean of size base.
func confidence(to TrendDirection, d Difference, base float64) float64 {
	if to != Stable {
		return changed(d.PValue.Float())
	}
	within := d.Within(stableWithin * base)
	if math.IsNaN(within) {
		return 0
	}
	return within
}

// changed is how probable a change is after a p-value, when it was one in ten before: the
// odds in favour of a change are at most 1 / (-e p ln p) times what they were (T. Sellke,
// M. J. Bayarri and J. O. Berger, "Calibration of p Values for Testing Precise Null
// Hypotheses", 2001).
func changed(p float64) float64 {
	if p <= 0 {
		return 1
	}
	return 1 / (1 + (1-priorChange)/priorChange*-math.E*p*math.Log(p))
}
