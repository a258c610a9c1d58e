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
	// A point scores AnomalyScore where the odds against it are e to this.
	surprising = 6.5

	fastRate = 0.5      // of the level where the series just was
	slowRate = 1. / 500 // of the level where it has been for long
	recent   = 12       // points whose mean and variation are watched
	forget   = 1. / 3000
	hold     = 1. / 300 // how fast a detector gets over what it has reported

	// largestValue keeps differences of values finite.
	largestValue = 1e300
)

// Result is what a Detector makes of a point.
type Result struct {
	// Score is how little the point fits, 0 to 1; from AnomalyScore up it is an anomaly.
	// What goes on after it was reported scores 0, until it gets more surprising or a few
	// hundred points have passed.
	Score float64 `json:"score"`
	// Expected is about where the point should have been, in the unit of the series.
	Expected float64 `json:"expected"`
}

// Detector finds the points of a series that do not fit its own past, one by one as they
// come, in about 3 KB of memory and without any setting. The zero Detector is ready for
// use. It belongs to one goroutine at a time.
//
// Three things are watched: how far a point is from where the series just was, how far
// the last dozen points are from where it has been for long, and how much they vary. Each
// is held against all that it has been before: not by a normal distribution, which real
// series do not have, but by a histogram, and beyond what was ever seen by a power law
// fitted to its tail (B. M. Hill, "A Simple General Approach to Inference About the Tail
// of a Distribution", 1975; for streams: Siffer, Fouque, Termier and Largouet, "Anomaly
// Detection in Streams with Extreme Value Theory", KDD 2017).
type Detector struct {
	n          uint64
	fast, slow float64
	last       [recent]float64

	step, level, variation tail

	reported float64 // surprise, fading
}

// NewDetector returns a Detector that has seen nothing.
func NewDetector() *Detector { return &Detector{} }

// Add takes the next point of the series, measured at t, and scores it against those
// before. The first DetectorWarmup points score 0. NaN and the infinities score 0 and
// change nothing; numbers beyond 1e300 either way count as 1e300.
//
// Points come in the order of time, about evenly spaced. Today's algorithm goes by their
// order alone and ignores t. Give the true time all the same: a Detector that knows the
// hour of the day needs it.
func (d *Detector) Add(t time.Time, v float64) Result {
	_ = t
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return Result{Expected: d.fast}
	}
	v = math.Max(-largestValue, math.Min(v, largestValue))
	if d.n == 0 {
		d.fast, d.slow = v, v
		for i := range d.last {
			d.last[i] = v
		}
	}
	d.last[d.n%recent] = v
	d.n++
	mean, deviation := meanDeviation(&d.last)

	step, level := math.Abs(v-d.fast), math.Abs(mean-d.slow)
	surprise, expected := d.step.surprise(step), d.fast
	if s := max(d.level.surprise(level), d.variation.surprise(deviation)); s > surprise {
		surprise, expected = s, d.slow
	}
	d.step.add(step)
	d.level.add(level)
	d.variation.add(deviation)
	d.fast += fastRate * (v - d.fast)
	d.slow += max(slowRate, 1/float64(d.n)) * (v - d.slow)

	if d.n <= DetectorWarmup {
		return Result{Expected: expected}
	}
	d.reported *= 1 - hold
	if surprise <= d.reported {
		return Result{Expected: expected}
	}
	d.reported = surprise
	return Result{Score: 1 - math.Exp2(-surprise/surprising), Expected: expected}
}

func meanDeviation(x *[recent]float64) (mean, deviation float64) {
	for _, v := range x {
		mean += v / recent
	}
	for _, v := range x {
		deviation += (v - mean) * (v - mean) / recent
	}
	return mean, math.Sqrt(deviation)
}
