package analyze

import "math"

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

	maxUnit  = 1e20 // keeps weights within float32
	maxTotal = maxUnit / forget * 2
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
	if t.unit > maxUnit {
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
