package perfmon

import (
	"time"

	"golang.org/x/exp/slices"
)

// slidingMedian is the median of the values of a stretch of time that moves on. Each value
// goes in and out once, so that a back-test does not sort the same ones for every point.
type slidingMedian struct {
	times  []time.Time // ascending
	values []float64   // one for each time, NaN where there is none; may be nil
	span   time.Duration

	from, to int       // the values in the stretch
	sorted   []float64 // those of them that are there
}

// at returns the median of the values of the last span before end, absent where there are
// fewer than beforePoints. end is not before that of the call before.
func (m *slidingMedian) at(end time.Time) Value {
	since := end.Add(-m.span)
	if m.sorted == nil {
		m.sorted = make([]float64, 0, min(len(m.values), 64))
	}
	for ; m.to < len(m.values) && m.times[m.to].Before(end); m.to++ {
		if v := m.values[m.to]; v == v {
			i, _ := slices.BinarySearch(m.sorted, v)
			m.sorted = slices.Insert(m.sorted, i, v)
		}
	}
	for ; m.from < m.to && m.times[m.from].Before(since); m.from++ {
		if v := m.values[m.from]; v == v {
			i, _ := slices.BinarySearch(m.sorted, v)
			m.sorted = slices.Delete(m.sorted, i, i+1)
		}
	}
	if len(m.sorted) < beforePoints {
		return Value{}
	}
	return ValueOf(m.sorted[len(m.sorted)/2])
}
