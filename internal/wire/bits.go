package wire

import "math/bits"

// Bits packs bits, the first into the highest of a byte.
type Bits struct {
	Out  []byte
	bits uint64
	n    int
}

// Write appends the n lowest bits of v, at most 32; the others are 0.
func (w *Bits) Write(v uint32, n int) {
	w.bits = w.bits<<n | uint64(v)
	w.n += n
	for w.n >= 8 {
		w.n -= 8
		w.Out = append(w.Out, byte(w.bits>>w.n))
	}
}

// End fills the last byte with zeros and returns all.
func (w *Bits) End() []byte {
	if w.n > 0 {
		w.Write(0, 8-w.n)
	}
	return w.Out
}

// BitReader reads bits; past the end of In they are zeros.
type BitReader struct {
	In   []byte
	bits uint64 // the next ones, from the highest on
	n    int    // how many of them there are
}

func (r *BitReader) fill() {
	for r.n <= 56 {
		if len(r.In) > 0 {
			r.bits |= uint64(r.In[0]) << (56 - r.n)
			r.In = r.In[1:]
		}
		r.n += 8
	}
}

// Read returns the next n bits, at most 32.
func (r *BitReader) Read(n int) uint32 {
	if n == 0 {
		return 0
	}
	r.fill()
	v := uint32(r.bits >> (64 - n))
	r.bits <<= n
	r.n -= n
	return v
}

// Ones reads ones and the zero that ends them, most at most, which no zero ends.
func (r *BitReader) Ones(most int) int {
	r.fill()
	q := min(bits.LeadingZeros64(^r.bits), most)
	n := q + 1
	if q == most {
		n = most
	}
	r.bits <<= n
	r.n -= n
	return q
}
