package perfmon

import (
	"fmt"
	"time"

	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon/analyze"
)

// TrendDirection is where a metric is going, by its own direction.
type TrendDirection = analyze.TrendDirection

const (
	Improving = analyze.Improving
	Degrading = analyze.Degrading
	Stable    = analyze.Stable
)

// Summary describes the points of a metric in a window.
type Summary = analyze.Summary

// Trend compares a metric's window with the one before it.
type Trend struct {
	Metric string `json:"metric_name"`
	Scope
	WindowMinutes float64 `json:"window_minutes"` // of each of the two windows
	analyze.Trend
}

// String names the metric and where it goes.
func (t Trend) String() string {
	return fmt.Sprintf("%s of %v: %s, %v %% (confidence %s)", t.Metric, t.Scope, t.Direction, t.ChangePercent, t.Level())
}

// Summary describes a metric's points in the last window, 0 for all there are. A metric
// or a scope that the monitor does not know is ErrNotFound.
func (h History) Summary(metric string, scope Scope, window time.Duration) (Summary, error) {
	s, err := h.Series(scope, window, metric)
	if err != nil {
		return Summary{}, err
	}
	return analyze.Summarize(s.Metrics[metric].Values), nil
}

// trendPast is how far back a trend looks for what is usual at its hours.
const trendPast = 4 * 24 * time.Hour

// Trend compares the metric's last window, an hour where that is 0, with the one before
// it, and both with the same hours of up to four days before, as far as they are held. Where there are too few points, or trend analysis is off, the trend is stable with
// a confidence of 0 and says what is missing. A metric or a scope that the monitor does
// not know is ErrNotFound.
func (h History) Trend(metric string, scope Scope, window time.Duration) (Trend, error) {
	if window <= 0 {
		window = time.Hour
	}
	t := Trend{Metric: metric, Scope: scope, WindowMinutes: window.Minutes()}
	s, err := h.Series(scope, 2*window+trendPast, metric)
	if err != nil {
		return Trend{}, err
	}
	values := s.Metrics[metric].Values
	if values == nil {
		values = absent(len(s.Times))
	}
	if !h.m.settings.get().TrendAnalysis {
		t.Trend = analyze.CompareWindows(nil, nil, time.Time{}, Neutral)
		t.Missing = "trend analysis is switched off"
		return t, nil
	}
	described, _ := h.m.registry.catalog().find(metric)
	split := h.m.Now().Add(-window)
	begin, past := 0, pointsUpTo(s.Times, split.Add(-window))
	if past > 0 && s.Times[0].After(split.Add(-window-24*time.Hour)) {
		begin, past = past, 0 // no day before is held: only the two windows
	}
	t.Trend = analyze.CompareWindows(s.Times[begin:], values[begin:], split, described.Worse)
	for i := range t.ChangePoints {
		t.ChangePoints[i].Index -= past // in the two windows
	}
	return t, nil
}

// pointsUpTo returns how many points are at or before a time.
func pointsUpTo(times []time.Time, t time.Time) int {
	n, _ := slices.BinarySearchFunc(times, t, func(at, t time.Time) int {
		if at.After(t) {
			return 1
		}
		return -1
	})
	return n
}
