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
	// significance is the p-value below which a difference counts.
	significance = 0.05

	// stableWithin is the change, as a share, up to which a series counts as stable.
	stableWithin = 0.05
)

// Trend compares the later part of a series with the earlier.
type Trend struct {
	Direction TrendDirection `json:"direction"`
	// Confidence is how sure the direction is, 0 to 1: for a change, one minus PValue;
	// for Stable, the probability that the mean changed by less than 5 %. It is 0 where
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
	// PValue is how often chance alone would make such a difference, allowing for points
	// that depend on those before.
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
func CompareWindows(times []time.Time, values []float64, split time.Time, worse Direction) Trend {
	s := newSeries(times, values)
	at := s.after(split)
	t := Trend{Direction: Stable, ConfidenceLevel: "low", Points: len(s.values), ChangePoints: []ChangePoint{}}
	if at < minMeanPoints || len(s.values)-at < minMeanPoints {
		t.Missing = fmt.Sprintf("%d points up to the split and %d after it; each side needs %d", at, len(s.values)-at, minMeanPoints)
		return t
	}
	t.SlopePerHour = s.slopePerHour()
	t.ChangePoints = s.changePoints()
	before := EstimateMean(s.values[:at])
	d := Compare(before, EstimateMean(s.values[at:]))
	t.PValue = d.PValue
	base := math.Abs(before.Value.Float())
	if base > 0 {
		t.ChangePercent = ValueOf(d.Value.Float() / base * 100)
		t.ChangeLow, t.ChangeHigh = ValueOf(d.Low.Float()/base*100), ValueOf(d.High.Float()/base*100)
	}
	t.Direction, t.Confidence = judge(d, base, worse)
	t.ConfidenceLevel = t.Level()
	return t
}

// judge says what a difference from a mean of size base means, and how sure that is.
func judge(d Difference, base float64, worse Direction) (TrendDirection, float64) {
	change := d.Value.Float()
	if p := d.PValue.Float(); worse != Neutral && p < significance {
		if (change > 0) == (worse == HigherIsWorse) {
			return Degrading, 1 - p
		}
		return Improving, 1 - p
	}
	confidence := d.Within(stableWithin * base)
	if math.IsNaN(confidence) {
		confidence = 0
	}
	return Stable, confidence
}
