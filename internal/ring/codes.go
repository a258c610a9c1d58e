package ring

import "math"

// Scale turns the numbers of a column into codes of two bytes and back. Code 0 is NaN, and
// neighbouring numbers had better have neighbouring codes: those of 64 points together take
// as many bits as they differ in.
type Scale struct {
	Code   func(v float64) uint16    // 0 for NaN
	Number func(code uint16) float64 // called with other codes than 0
}

// number returns the number of a code in single precision, NaN for 0.
func (s *Scale) number(code uint16) float64 {
	if code == codeAbsent {
		return math.NaN()
	}
	return float64(float32(s.Number(code)))
}

// Logarithmic is the scale of numbers from 0 to a thousand million, which are at most 0.04 %
// off. Negative numbers are kept as 0.
var Logarithmic = Scale{Code, Number}

// Code returns the logarithmic code of a number: two bytes, 0 for NaN.
func Code(v float64) uint16 { return encode(v) }

// Number returns the number that a code stands for, NaN for 0.
func Number(code uint16) float64 { return decode(code) }

// SetCode gives the newest point the code of a value in a column.
func (c *Rows) SetCode(column int, code uint16) {
	slot := c.r.newest
	c.turnTo(slot / spanLen)
	c.row(slot % spanLen)[column] = code
}
