package ring

// Code returns the logarithmic code of a number that Rows keep: two bytes, 0 for NaN.
func Code(v float64) uint16 { return encode(v) }

// Number returns the number that a code stands for, NaN for 0.
func Number(code uint16) float64 { return decode(code) }

// SetCode gives the newest point the code of a value in a column.
func (c *Rows) SetCode(column int, code uint16) {
	slot := c.r.newest
	c.turnTo(slot / spanLen)
	c.row(slot % spanLen)[column] = code
}
