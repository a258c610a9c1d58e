package analyze

import (
	"math"
	"time"

	"golang.org/x/exp/slices"
)

// A series is the finite points of times and values, in the order of time.
type series struct {
	times  []time.Time
	values []float64
	index  []int // of each point in what the caller gave
}

// newSeries pairs times with values. Points of the same time keep their order.
func newSeries(times []time.Time, values []float64) series {
	n := min(len(times), len(values))
	s := series{index: make([]int, 0, n)}
	for i, v := range values[:n] {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			s.index = append(s.index, i)
		}
	}
	slices.SortStableFunc(s.index, func(a, b int) int { return times[a].Compare(times[b]) })
	s.times, s.values = make([]time.Time, len(s.index)), make([]float64, len(s.index))
	for i, at := range s.index {
		s.times[i], s.values[i] = times[at], values[at]
	}
	return s
}

// after returns how many points are at or before t.
func (s *series) after(t time.Time) int {
	i, _ := slices.BinarySearchFunc(s.times, t, func(at, t time.Time) int {
		if at.After(t) {
			return 1
		}
		return -1
	})
	return i
}

// slopePerHour returns the median slope, absent where all points are of the same time.
func (s *series) slopePerHour() Value {
	hours := make([]float64, len(s.times))
	for i, t := range s.times {
		hours[i] = t.Sub(s.times[0]).Hours()
	}
	return ValueOf(theilSen(hours, s.values))
}
