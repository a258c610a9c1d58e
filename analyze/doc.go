// Package analyze describes, compares and watches series of numbers, as those that a
// monitor measures once a minute.
//
// Begin with [Summarize], which describes one series, and [CompareWindows], which says
// whether a series has become better or worse since a moment:
//
//	s := analyze.Summarize(values)
//	fmt.Println(s.P95, s.MeanLow, s.MeanHigh)
//
//	t := analyze.CompareWindows(times, values, time.Now().Add(-time.Hour), analyze.HigherIsWorse)
//	fmt.Println(t.Direction, t.ChangePercent)
//
// [ChangePoints] finds where a series changed for good, and [Seasonality] whether it goes up
// and down with the day. [EstimateMean] and [Compare] hold
// the mean of one series against that of another. A [Detector] takes points one by one,
// and finds those that do not fit the series' own past.
//
// Points that follow each other closely depend on each other: a slow minute follows a
// slow minute. All of this package allows for that; statistics that do not are far too
// sure of themselves.
//
// Numbers that do not exist are NaN in a []float64 and an absent [Value] in a result, and
// never 0. NaN and the infinities in a series are left out. Every exported type goes to
// JSON and comes back the same.
//
// All functions are pure: they keep nothing, change nothing that they are given, and may
// be called from any goroutine. A Detector has state and belongs to one goroutine at a
// time.
package analyze
