package perfmon

import (
	"fmt"
	"math"
	"time"

	"github.com/backend-prs/perfmon/internal/jsonnum"
	"github.com/backend-prs/perfmon/internal/stats"
)

// Summary describes a metric's points in a window. What there is too little data for
// is NaN.
type Summary struct {
	Count                int // points with a value
	Mean, Median, StdDev float64
	Min, Max             float64
	P90, P95, P99        float64 // of the points
	// MeanLow and MeanHigh are the 95 % confidence interval of the mean. It allows for
	// points that depend on those before, as the minutes of a service do.
	MeanLow, MeanHigh float64
}

// MarshalJSON returns the fields in snake_case, null for what is NaN.
func (s Summary) MarshalJSON() ([]byte, error) {
	b := fmt.Appendf(nil, `{"count":%d`, s.Count)
	for _, f := range []struct {
		name  string
		value float64
	}{
		{"mean", s.Mean}, {"median", s.Median}, {"std_dev", s.StdDev}, {"min", s.Min}, {"max", s.Max},
		{"p90", s.P90}, {"p95", s.P95}, {"p99", s.P99}, {"mean_low", s.MeanLow}, {"mean_high", s.MeanHigh},
	} {
		b = fmt.Appendf(b, `,"%s":`, f.name)
		b = jsonnum.Append(b, f.value)
	}
	return append(b, '}'), nil
}

// Summarize describes a series, NaN left out; see Summary.
func Summarize(values []float64) Summary {
	s := stats.Summarize(present(values))
	return Summary{s.Count, s.Mean, s.Median, s.StdDev, s.Min, s.Max, s.P90, s.P95, s.P99, s.MeanLow, s.MeanHigh}
}

// Summary describes a metric's points in the last window, 0 for all there are.
func (m *Monitor) Summary(metric string, scope Scope, window time.Duration) Summary {
	return Summarize(m.History(scope, window, metric).Values[metric])
}

// present returns the values that are not NaN.
func present(values []float64) []float64 {
	kept := make([]float64, 0, len(values))
	for _, v := range values {
		if !math.IsNaN(v) {
			kept = append(kept, v)
		}
	}
	return kept
}

// TrendDirection is where a metric is going, by its own direction.
type TrendDirection string

const (
	Improving TrendDirection = "improving"
	Degrading TrendDirection = "degrading"
	Stable    TrendDirection = "stable"
)

// Trend compares a metric's window with the one before it.
type Trend struct {
	Metric    string
	Direction TrendDirection
	// Confidence is how sure that is, 0 to 1: for a change, one minus PValue; for
	// Stable, the probability that the change is less than 5 %.
	Confidence float64
	// Change is how much the mean rose, in percent of the mean before, with its 95 %
	// confidence interval. NaN where the mean before is 0, or with too few points.
	Change, ChangeLow, ChangeHigh float64
	// PValue is how often chance alone would make such a difference, allowing for
	// points that depend on those before. NaN with too few points.
	PValue float64
	// SlopePerHour is the median slope between points of both windows, in the metric's
	// unit (Sen, "Estimates of the Regression Coefficient Based on Kendall's Tau",
	// 1968). NaN with too few points.
	SlopePerHour float64
	// ChangePoints are where the mean changed for good within both windows, ascending.
	ChangePoints []ChangePoint
	Window       time.Duration // of each of the two
	Points       int           // with a value, in both windows
	Missing      string        // why there is no answer; empty where there is one
}

// ChangePoint is where a metric's mean changed for good.
type ChangePoint struct {
	At            time.Time // of the first point of the new level
	Before, After float64   // means of the levels
}

// MinTrendPoints is how many points each trend needs at least, half in either window.
const MinTrendPoints = 10

// stableWithin is the change, as a share, up to which a metric counts as stable.
const stableWithin = 0.05

// Level returns "high" for a confidence of at least 0.8, "medium" of 0.5, else "low".
func (t Trend) Level() string {
	switch {
	case t.Confidence >= 0.8:
		return "high"
	case t.Confidence >= 0.5:
		return "medium"
	}
	return "low"
}

// MarshalJSON returns the fields in snake_case, null for what is NaN.
func (t Trend) MarshalJSON() ([]byte, error) {
	b := fmt.Appendf(nil, `{"metric_name":%q,"direction":%q,"confidence_level":%q,"window_minutes":%g,"points":%d,"missing":`,
		t.Metric, t.Direction, t.Level(), t.Window.Minutes(), t.Points)
	if t.Missing == "" {
		b = append(b, "null"...)
	} else {
		b = fmt.Appendf(b, "%q", t.Missing)
	}
	for _, f := range []struct {
		name  string
		value float64
	}{
		{"confidence", t.Confidence}, {"change_percent", t.Change}, {"change_low", t.ChangeLow}, {"change_high", t.ChangeHigh},
		{"slope_per_hour", t.SlopePerHour}, {"p_value", t.PValue},
	} {
		b = fmt.Appendf(b, `,"%s":`, f.name)
		b = jsonnum.Append(b, f.value)
	}
	b = append(b, `,"change_points":[`...)
	for i, c := range t.ChangePoints {
		if i > 0 {
			b = append(b, ',')
		}
		at, err := c.At.MarshalJSON()
		if err != nil {
			return nil, err
		}
		b = fmt.Appendf(b, `{"at":%s,"before":`, at)
		b = jsonnum.Append(b, c.Before)
		b = append(b, `,"after":`...)
		b = jsonnum.Append(b, c.After)
		b = append(b, '}')
	}
	return append(b, "]}"...), nil
}

// Trend compares the metric's last window, an hour where that is 0, with the one
// before it.
func (m *Monitor) Trend(metric string, scope Scope, window time.Duration) Trend {
	if window <= 0 {
		window = time.Hour
	}
	described, _ := m.Metric(metric)
	s := m.History(scope, 2*window, metric)
	values := s.Values[metric]
	if values == nil {
		values = absent(len(s.Times))
	}
	return trend(described, s.Times, values, window, m.wall())
}

// trend splits a series at one window before now and compares the parts.
func trend(metric Metric, times []time.Time, values []float64, window time.Duration, now time.Time) Trend {
	nan := math.NaN()
	t := Trend{Metric: metric.Name, Direction: Stable, Window: window, Change: nan, ChangeLow: nan, ChangeHigh: nan, PValue: nan, SlopePerHour: nan}
	var before, after, hours, all []float64
	var when []time.Time
	for i, v := range values {
		if math.IsNaN(v) {
			continue
		}
		all = append(all, v)
		when = append(when, times[i])
		hours = append(hours, times[i].Sub(times[0]).Hours())
		if times[i].After(now.Add(-window)) {
			after = append(after, v)
		} else {
			before = append(before, v)
		}
	}
	t.Points = len(all)
	if len(before) < MinTrendPoints/2 || len(after) < MinTrendPoints/2 {
		t.Missing = fmt.Sprintf("%d points in the window of %v and %d in the one before; each needs %d",
			len(after), window, len(before), MinTrendPoints/2)
		return t
	}
	t.SlopePerHour = stats.TheilSen(hours, all)
	t.ChangePoints = changePoints(when, all)
	d := stats.Compare(stats.EstimateMean(before), stats.EstimateMean(after))
	t.PValue = d.PValue
	base := math.Abs(stats.EstimateMean(before).Value)
	if base > 0 {
		t.Change, t.ChangeLow, t.ChangeHigh = 100*d.Value/base, 100*d.Low/base, 100*d.High/base
	}
	if t.PValue < 0.05 && math.Abs(d.Value) > 0 && metric.Worse != Neutral {
		t.Confidence = 1 - t.PValue
		t.Direction = Improving
		if (d.Value > 0) == (metric.Worse == HigherIsWorse) {
			t.Direction = Degrading
		}
		return t
	}
	t.Confidence = d.Within(stableWithin * base)
	return t
}

// changePoints cuts a series into levels.
func changePoints(times []time.Time, values []float64) []ChangePoint {
	const shortest = 5 // points of a level
	cuts := stats.ChangePoints(values, shortest)
	points := make([]ChangePoint, 0, len(cuts))
	begin := 0
	for i, cut := range cuts {
		end := len(values)
		if i+1 < len(cuts) {
			end = cuts[i+1]
		}
		before, _ := stats.MeanVariance(values[begin:cut])
		after, _ := stats.MeanVariance(values[cut:end])
		points = append(points, ChangePoint{times[cut], before, after})
		begin = cut
	}
	return points
}
