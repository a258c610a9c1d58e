// Package anomaly finds the points of a series that do not fit its own past, one by one
// as they come, in bounded memory and without any setting.
//
// Three things are watched: how far a point is from where the series just was, how far
// the last dozen points are from where it has been for long, and how much they vary. Each
// is held against all that it has been before: not by a normal distribution, which real
// series do not have, but by a histogram, and beyond what was ever seen by a power law
// fitted to its tail (B. M. Hill, "A Simple General Approach to Inference About the Tail
// of a Distribution", 1975; for streams: Siffer, Fouque, Termier and Largouet, "Anomaly
// Detection in Streams with Extreme Value Theory", KDD 2017).
package anomaly

import "math"

const (
	// Warmup is how many points a detector learns from before it says anything.
	Warmup = 100

	// Threshold is the score from which on a point is an anomaly.
	Threshold = 0.5

	// A point scores Threshold where the odds against it are e to this.
	surprising = 6.5

	fastRate = 0.5      // of the level where the series just was
	slowRate = 1. / 500 // of the level where it has been for long
	recent   = 12       // points whose mean and variation are watched
	forget   = 1. / 3000
	hold     = 1. / 300 // how fast a detector gets over what it has reported
)

// Result is what a detector makes of a point.
type Result struct {
	// Score is from 0, nothing, to 1. What goes on after it was reported scores 0, until
	// it gets more surprising or a few hundred points have passed.
	Score float64
	// Expected is about where the point should have been.
	Expected float64
}

// Detector watches one series. It belongs to one goroutine.
type Detector struct {
	n          int
	fast, slow float64
	last       [recent]float64

	step, level, variation tail

	reported float64 // surprise, fading
}

// New returns a detector that has seen nothing.
func New() *Detector { return &Detector{} }

// Add takes the next point, which must be finite.
func (d *Detector) Add(v float64) Result {
	if d.n == 0 {
		d.fast, d.slow = v, v
		for i := range d.last {
			d.last[i] = v
		}
	}
	d.last[d.n%recent] = v
	d.n++
	mean, deviation := spread(&d.last)

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

	if d.n <= Warmup {
		return Result{Expected: expected}
	}
	d.reported *= 1 - hold
	if surprise <= d.reported {
		return Result{Expected: expected}
	}
	d.reported = surprise
	return Result{Score: 1 - math.Exp2(-surprise/surprising), Expected: expected}
}

func spread(x *[recent]float64) (mean, deviation float64) {
	for _, v := range x {
		mean += v / recent
	}
	for _, v := range x {
		deviation += (v - mean) * (v - mean) / recent
	}
	return mean, math.Sqrt(deviation)
}

// A tail is a histogram of numbers from 0 up, four buckets an octave, that forgets.
type tail struct {
	weight [bins]float32
	total  float64
	unit   float64 // weight of the next number: it grows, so that the old ones shrink
}

const (
	perOctave = 4
	lowest    = -30 // octave of the first bucket but one; the first is for smaller numbers
	bins      = 60 * perOctave
)

func bin(a float64) int {
	if !(a > 0) {
		return 0
	}
	return int(min(max((math.Log2(a)-lowest)*perOctave, 0), bins-1))
}

func (t *tail) add(a float64) {
	t.unit = max(t.unit, 1) / (1 - forget)
	t.weight[bin(a)] += float32(t.unit)
	t.total += t.unit
	if t.unit > 1e20 {
		for i := range t.weight {
			t.weight[i] /= float32(t.unit)
		}
		t.total /= t.unit
		t.unit = 1
	}
}

// surprise is minus the logarithm of how likely a number as large as a is.
func (t *tail) surprise(a float64) float64 {
	if t.total == 0 {
		return 0
	}
	const share = 0.02 // of the weight makes the tail
	at, above, excess := bins-1, 0.0, 0.0
	for ; at > 0 && above+float64(t.weight[at]) <= share*t.total; at-- {
		above += float64(t.weight[at])
	}
	b := bin(a)
	if b <= at {
		within := 0.0
		for _, w := range t.weight[b:] {
			within += float64(w)
		}
		return -math.Log(within / t.total)
	}
	for i := at + 1; i < bins; i++ {
		excess += float64(t.weight[i]) * float64(i-at)
	}
	// As if one number two buckets out had been seen, so that an empty tail is one, too.
	mean := (excess + 2*t.unit) / (above + t.unit)
	return -math.Log((above+t.unit)/(t.total+t.unit)) + float64(b-at)/mean
}
