package ring

// Code returns the logarithmic code of a number that Logs keeps: two bytes, 0 for NaN.
func Code(v float64) uint16 { return encode(v) }

// Number returns the number that a code stands for, NaN for 0.
func Number(code uint16) float64 { return decode(code) }

// Coded is a column of Logs, whose codes can be read and set as they are.
type Coded interface {
	Column
	// Code returns the code of point i, counted from the oldest.
	Code(i int) uint16
	// SetCode gives the newest point a code.
	SetCode(code uint16)
}

func (c *logs) Code(i int) uint16 {
	s := c.r.slot(i)
	if chunk := c.chunks[s/chunkLen]; chunk != nil {
		return chunk[s%chunkLen]
	}
	return codeAbsent
}

func (c *logs) SetCode(code uint16) {
	s := c.r.newest
	chunk := c.chunks[s/chunkLen]
	if chunk == nil {
		if code == codeAbsent {
			return
		}
		chunk = new([chunkLen]uint16)
		c.chunks[s/chunkLen] = chunk
	}
	chunk[s%chunkLen] = code
}
