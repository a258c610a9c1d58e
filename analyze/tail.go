package analyze

import "math"

// A tail is a histogram of numbers from 0 up, four buckets an octave, that forgets. It
// spans 60 octaves, 40 of them below the first number that was not 0: so it is the same
// in every unit.
type tail struct {
	weight [bins]float32
	total  float64
	unit   float64 // weight of the next number: it grows, so that the old ones shrink
	first  float64 // the first number that was not 0
}

const (
	perOctave = 4
	below     = 40 // octaves below the first number
	bins      = 60 * perOctave

	maxUnit  = 1e20 // keeps weights within float32
	maxTotal = maxUnit / forget * 2
)

// bin returns the bucket of a number; the first one is for 0 and what is hardly more.
// Powers of two of the first number are in the middle of theirs, so that rounding does
// not move them.
func (t *tail) bin(a float64) int {
	if !(a > 0) || t.first == 0 {
		return 0
	}
	return int(min(max((math.Log2(a/t.first)+below)*perOctave+0.5, 0), bins-1))
}

func (t *tail) add(a float64) {
	if t.first == 0 && a > 0 {
		t.first = a
	}
	t.unit = max(t.unit, 1) / (1 - forget)
	t.weight[t.bin(a)] += float32(t.unit)
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
	if t.first == 0 {
		if a > 0 { // nothing but 0 was seen
			return math.Log(t.total/t.unit + 1)
		}
		return 0
	}
	const share = 0.02 // of the weight makes the tail
	at, above, excess := bins-1, 0.0, 0.0
	for ; at > 0 && above+float64(t.weight[at]) <= share*t.total; at-- {
		above += float64(t.weight[at])
	}
	b := t.bin(a)
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
