package analyze

import (
	"math"
	"time"

	"golang.org/x/exp/slices"
)

const (
	// day is the period that a series is held against.
	day = 24 * time.Hour
	// around is within how much of the same time of another day a point may be.
	around = 10 * time.Minute
	// daysBefore is how many days are asked what is usual.
	daysBefore = 7
	// cover is how much of a window has to have points of another day.
	cover = 0.8
)

// usual returns, for each point from begin up to end, what was usual at its time of the
// day: the median over up to a week before of the points that are nearest to it. The days
// are those before its own window, which begins at begin or at split: a window of several
// days does not say of itself what is usual. A single day is not smoothed: noise that a
// mean of neighbours leaves would be correlated in another way than the points are. It is
// nil where there is no day before for most of the points; single ones are NaN.
func (s *series) usual(begin, split, end int) []float64 {
	if begin >= end || s.times[end-1].Sub(s.times[0]) < day-around {
		return nil
	}
	values := make([]float64, end-begin)
	known := 0
	var days []float64
	for i := begin; i < end; i++ {
		window := s.times[begin]
		if i >= split {
			window = s.times[split]
		}
		days = days[:0]
		t := s.times[i].Add(-day * (s.times[i].Sub(window)/day + 1))
		for range daysBefore {
			if v, ok := s.nearest(t); ok {
				days = append(days, v)
			}
			t = t.Add(-day)
		}
		values[i-begin] = math.NaN()
		if len(days) > 0 {
			slices.Sort(days)
			values[i-begin] = quantile(days, 0.5)
			known++
		}
	}
	if float64(known) < cover*float64(end-begin) {
		return nil
	}
	return values
}

// nearest returns the value of the point nearest to a time, of those around it.
func (s *series) nearest(t time.Time) (v float64, ok bool) {
	least := around + 1
	at := s.after(t)
	for i := max(at-1, 0); i < min(at+1, len(s.times)); i++ {
		if apart := t.Sub(s.times[i]).Abs(); apart < least {
			least, v, ok = apart, s.values[i], true
		}
	}
	return v, ok
}

// less returns the values less what is usual, but for those of which that is not known.
func less(values, usual []float64) []float64 {
	rest := make([]float64, 0, len(values))
	for i, v := range values {
		if u := usual[i]; u == u {
			rest = append(rest, v-u)
		}
	}
	return rest
}
