package analyze

import (
	"math"
	"time"
)

// The signals that a Detector watches.
const (
	step      = iota // from where the series just was
	level3           // the last 3 points, from where it has been for long
	level48          // the last 48
	change12         // the last 12, from the 36 before
	usual1           // the last point, from what is usual about its hour
	usual12          // the last 12, from what is usual at theirs
	usual48          //
	rankMean         // the ranks of the last 48, from the middle
	rankAlike        // how much alike they are
	signals
)

// readings are the signals at a point, 0 or more; NaN: not known.
type readings [signals]float64

// observe returns the signals at the next point.
func (d *Detector) observe(t time.Time, v float64) (s readings) {
	at := d.n % watched
	d.values[at], d.ranks[at] = v, d.rank(v)
	s[step] = apart(v, d.fast)
	s[level3] = apart(latest(&d.values, d.n, 3), d.slow)
	all := latest(&d.values, d.n, watched)
	s[level48] = apart(all, d.slow)
	s[change12] = math.NaN()
	s[usual1], s[usual12], s[usual48] = math.NaN(), math.NaN(), math.NaN()
	if hour := d.hour(t); hour != nil {
		rest := v - hour.level
		if d.usual == 0 {
			for i := range d.rests {
				d.rests[i] = rest
			}
		}
		d.rests[d.usual%watched] = rest
		s[usual1] = d.fromHours(t, v)
		s[usual12] = apart(hour.level+latest(&d.rests, d.usual, 12), hour.level)
		s[usual48] = apart(hour.level+latest(&d.rests, d.usual, watched), hour.level)
		d.usual++
	}
	s[rankMean], s[rankAlike] = math.NaN(), math.NaN()
	if d.n > watched {
		last := latest(&d.values, d.n, 12)
		s[change12] = apart(last, (watched*all-12*last)/(watched-12))
		mean := latest(&d.ranks, d.n, watched)
		spread := 0.0
		for _, r := range d.ranks {
			spread += (r - mean) * (r - mean) / watched
		}
		// Both stretched at their ends. Ranks that are spread evenly have a standard
		// deviation of 0.29.
		const tiny = 0.002
		s[rankMean] = -math.Log(1 - 2*math.Abs(mean-0.5) + tiny)
		s[rankAlike] = math.Max(-math.Log(math.Sqrt(spread)/0.29+tiny), 0)
	}
	return s
}

// apart is how far two numbers are apart; 0 where that may be rounding.
func apart(a, b float64) float64 {
	const rounding = 1e-12
	if d := math.Abs(a - b); d > rounding*math.Max(math.Abs(a), math.Abs(b)) {
		return d
	}
	return 0
}

// latest is the mean of the last n entries of a ring, of which at is the newest.
func latest(ring *[watched]float64, at uint64, n uint64) (mean float64) {
	for k := range n {
		mean += ring[(at+watched-k)%watched] / float64(n)
	}
	return mean
}

// surprise returns how surprising the signals are together, and about where the point
// should have been, by the one that is the most.
func (d *Detector) surprise(s *readings, v float64) (surprise, expected float64) {
	sum, most := 0.0, -1.0
	for i, a := range s {
		if math.IsNaN(a) {
			continue
		}
		one := d.tails[i].surprise(a)
		d.tails[i].add(a)
		sum += one * one * one * one
		if one > most {
			most, expected = one, d.expected(i, v)
		}
	}
	return math.Sqrt(math.Sqrt(sum)), expected
}

// expected is where a signal expects the point v.
func (d *Detector) expected(signal int, v float64) float64 {
	switch signal {
	case step:
		return d.fast
	case usual1, usual12, usual48:
		return v - d.rests[(d.usual+watched-1)%watched]
	}
	return d.slow
}
