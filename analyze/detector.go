package analyze

import (
	"math"
	"time"
)

const (
	// DetectorWarmup is how many points a Detector learns from before it scores any.
	DetectorWarmup = 100

	// AnomalyScore is the score from which on a point is an anomaly.
	AnomalyScore = 0.5
)

const (
	// A point scores AnomalyScore where its surprise is this, in a series of
	// pointsPerDay that is not long. With more points a day it has to be more, so that
	// false alarms are not more often in time, by two thirds of the logarithm of how many more: the
	// signals of neighbours have much in common. It is held to a limit.
	surprising   = 7.9
	pointsPerDay = 288
	mostMore     = 2.0
	// From longSeries points on the surprise has to be more, too: the longer a series,
	// the more of everything it has shown.
	longSeries = 4000
	// firstDay is how many times as surprising a point has to be on the first day, when
	// nothing is known of the hours to come.
	firstDay = 1.2

	// An excursion ends after so many points below a share of what is surprising. Within
	// it, a point is reported once, and again where it is so many times as surprising.
	quietPoints = 18
	quietShare  = 0.75
	again       = 1.4

	fastRate = 0.8       // of the level where the series just was
	slowRate = 1. / 1500 // of the level where it has been for long
	watched  = 48        // latest points that are looked at together
	kept     = 1024      // values that the ranks of new ones are taken among
	sparsest = 16        // of so many values one is kept
	forget   = 1. / 20000

	// largestValue keeps differences of values finite.
	largestValue = 1e300
)

// Result is what a Detector makes of a point.
type Result struct {
	// Score is how little the point fits, 0 to 1; from AnomalyScore up it is an anomaly. It
	// is the probability of one, where what makes anomalies makes any surprise alike, and is
	// so rare that a surprise just at the bar is as likely to come from it as from chance.
	// What goes on after it was reported scores 0, until it gets much more surprising or
	// has been quiet for 18 points.
	Score float64 `json:"score"`
	// Expected is about where the point should have been, in the unit of the series.
	Expected float64 `json:"expected"`
}

// Detector finds the points of a series that do not fit its own past, one by one as they
// come, in about 23 KiB of memory and without any setting. The zero Detector is ready for
// use. It belongs to one goroutine at a time.
//
// Nine simple things are watched: how far a point is from where the series just was; how
// far the last 3 and 48 points are from where it has been for long; how far the last 12
// are from the 36 before; how far the last 1, 12 and 48 points are from what is usual at
// their hours, once a day is known; how far the ranks of the last 48 are from the middle;
// and how much alike those ranks are.
// Each is held against all that it has been before: not by a normal distribution, which
// real series do not have, but by a histogram, and beyond what was ever seen by a power
// law fitted to its tail (B. M. Hill, "A Simple General Approach to Inference About the
// Tail of a Distribution", 1975; for streams: Siffer, Fouque, Termier and Largouet,
// "Anomaly Detection in Streams with Extreme Value Theory", KDD 2017). That gives nine
// surprises, minus logarithms of probabilities, of which the 4-norm counts: an ensemble
// errs less than its best part does (C. C. Aggarwal, "Outlier Ensembles", 2013). It counts
// for less where a surprise as large came within half an hour of this time on a day
// before.
type Detector struct {
	n     uint64 // points
	began int64  // time of the first one, in seconds

	fast, slow float64
	values     [watched]float64 // the latest, a ring
	ranks      [watched]float64 // theirs
	rests      [watched]float64 // less what is usual; a ring of its own
	usual      uint64           // points for which it was known what is usual

	past  [kept]float64
	held  uint64 // of past
	every uint64 // of so many values one is kept; 0: 1

	day   [slots]slot
	tails [signals]tail

	peak     float64 // of the surprise in this excursion
	reported float64 // of the surprise that was reported in it; 0: none
	quiet    uint64  // points in a row that are below it
}

// NewDetector returns a Detector that has seen nothing.
func NewDetector() *Detector { return &Detector{} }

// Add takes the next point of the series, measured at t, and scores it against those
// before. The first DetectorWarmup points score 0. NaN and the infinities score 0 and
// change nothing; numbers beyond 1e300 either way count as 1e300. The unit of the series
// does not matter.
//
// Points come in the order of time, about evenly spaced. From t follow the hour of the
// day, in UTC, and how many points come in a day: the bar is such that false alarms are
// about as rare in time for a point a minute as for one in five.
func (d *Detector) Add(t time.Time, v float64) Result {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return Result{Expected: d.fast}
	}
	v = math.Max(-largestValue, math.Min(v, largestValue))
	if d.n == 0 {
		d.begin(t, v)
	}
	s := d.observe(t, v)
	surprise, expected := d.surprise(&s, v)
	d.learn(t, v)
	if d.n <= DetectorWarmup {
		return Result{Expected: expected}
	}
	surprise = d.lessDaysBefore(t, surprise)
	bar := d.bar(t)
	if !d.report(surprise, bar) {
		return Result{Expected: expected}
	}
	return Result{Score: 1 / (1 + math.Exp(bar-surprise)), Expected: expected}
}

// Ongoing reports whether what was reported last still goes on: the latest point was
// surprising, too, if less than one that would be reported anew.
func (d *Detector) Ongoing() bool { return d.reported > 0 && d.quiet == 0 }

// begin is for the first point.
func (d *Detector) begin(t time.Time, v float64) {
	d.began = t.Unix()
	d.fast, d.slow = v, v
	for i := range d.values {
		d.values[i], d.ranks[i] = v, 0.5
	}
}

// learn takes over a point.
func (d *Detector) learn(t time.Time, v float64) {
	d.fast += fastRate * (v - d.fast)
	d.n++
	d.slow += max(slowRate, 1/float64(d.n)) * (v - d.slow)
	d.keep(v)
	d.learnHour(t, v)
}

// bar is how surprising a point has to be.
func (d *Detector) bar(t time.Time) float64 {
	bar := surprising + math.Max(math.Log(float64(d.n)/longSeries), 0)
	days := float64(t.Unix()-d.began) / 86400
	if days > 0 {
		more := math.Log(float64(d.n)/days/pointsPerDay) * 2 / 3
		bar += math.Max(-mostMore, math.Min(more, mostMore))
	}
	if days < 1 {
		bar *= firstDay
	}
	return bar
}

// report decides whether to report a point. What is not yet surprising is, too, as long
// as it rises, so that other bars than AnomalyScore can be set on the score.
func (d *Detector) report(surprise, bar float64) bool {
	if d.quiet++; surprise >= quietShare*bar {
		d.quiet = 0
	}
	if d.quiet >= quietPoints {
		d.reported, d.peak = 0, 0
	}
	rises := surprise > d.peak
	d.peak = math.Max(d.peak, surprise)
	if surprise < bar {
		return rises
	}
	if d.reported > 0 && surprise < again*d.reported {
		return false
	}
	d.reported = surprise
	return true
}

// keep adds a value to those that ranks are taken among: every one at first, and fewer
// as the series gets longer, so that they span it all, up to 16,384 points.
func (d *Detector) keep(v float64) {
	d.every = max(d.every, 1)
	if d.n%d.every != 0 {
		return
	}
	switch {
	case d.held < kept:
		d.past[d.held] = v
		d.held++
	case d.every < sparsest:
		for i := range kept / 2 {
			d.past[i] = d.past[2*i+1]
		}
		d.held = kept / 2
		d.every *= 2
	default:
		d.past[d.n/d.every%kept] = v
	}
}

// rank is the share of the values kept that are less, counting half of those that are
// the same.
func (d *Detector) rank(v float64) float64 {
	if d.held == 0 {
		return 0.5
	}
	less, same := 0, 0
	for _, p := range d.past[:d.held] {
		if p < v {
			less++
		} else if p == v {
			same++
		}
	}
	return (float64(less) + 0.5*float64(same)) / float64(d.held)
}
