package block

import (
	"math/bits"

	"github.com/backend-prs/perfmon/internal/wire"
)

// Columns are written as the differences of each code to the one before, by Rice's code
// (Robert Rice, "Some Practical Universal Noiseless Coding Techniques", JPL 1979): a
// difference, made positive, is cut into its k lowest bits and the rest, which is written as
// so many ones and a zero. A column takes the k that makes it shortest. Where the rest is
// long, as where values begin and end, escape ones and 17 bits are written instead.
const (
	escape     = 16
	escapeBits = 17
	maxK       = 16
	constant   = 255 // in place of k: all codes are the same
)

// zigzag makes a difference positive, small ones small.
func zigzag(d int32) uint32 { return uint32(d<<1) ^ uint32(d>>31) }

func unzigzag(u uint32) int32 { return int32(u>>1) ^ -int32(u&1) }

// appendColumn appends a column: k, its length in bytes, and its bits; or constant and the
// code.
func appendColumn(b []byte, codes []uint16) []byte {
	if same(codes) {
		b = append(b, constant)
		return wire.AppendUint(b, uint64(codes[0]))
	}
	differences := make([]uint32, len(codes))
	before := int32(0)
	for i, c := range codes {
		differences[i] = zigzag(int32(c) - before)
		before = int32(c)
	}
	best, shortest := 0, int(^uint(0)>>1)
	for k := range maxK {
		if n := riceBits(differences, k); n < shortest {
			best, shortest = k, n
		}
	}
	w := writer{out: make([]byte, 0, shortest/8+1)}
	for _, u := range differences {
		if q := u >> best; q < escape {
			w.write(1<<(q+1)-2, int(q)+1) // q ones and a zero
			w.write(u&(1<<best-1), best)
		} else {
			w.write(1<<escape-1, escape)
			w.write(u, escapeBits)
		}
	}
	return wire.AppendBytes(append(b, byte(best)), w.end())
}

func riceBits(differences []uint32, k int) (n int) {
	for _, u := range differences {
		if q := int(u >> k); q < escape {
			n += q + 1 + k
		} else {
			n += escape + escapeBits
		}
	}
	return n
}

func same(codes []uint16) bool {
	for _, c := range codes {
		if c != codes[0] {
			return false
		}
	}
	return len(codes) > 0
}

// readColumn reads n codes.
func readColumn(in *wire.Reader, n int) []uint16 {
	kind := in.Take(1)
	if in.Err() != nil {
		return nil
	}
	codes := make([]uint16, n)
	if kind[0] == constant {
		code := uint16(in.Uint())
		for i := range codes {
			codes[i] = code
		}
		return codes
	}
	k := int(kind[0] & 31)
	r := reader{in: in.Bytes()}
	code := int32(0)
	for i := range codes {
		q := r.ones(escape)
		if q == escape {
			code += unzigzag(r.read(escapeBits))
		} else {
			code += unzigzag(uint32(q)<<k | r.read(k))
		}
		codes[i] = uint16(code)
	}
	return codes
}

// skipColumn passes over a column.
func skipColumn(in *wire.Reader) {
	if kind := in.Take(1); in.Err() == nil && kind[0] == constant {
		in.Uint()
	} else {
		in.Bytes()
	}
}

// writer packs bits, the first into the highest of a byte.
type writer struct {
	out  []byte
	bits uint64
	n    int
}

func (w *writer) write(v uint32, n int) {
	w.bits = w.bits<<n | uint64(v)
	w.n += n
	for w.n >= 8 {
		w.n -= 8
		w.out = append(w.out, byte(w.bits>>w.n))
	}
}

func (w *writer) end() []byte {
	if w.n > 0 {
		w.write(0, 8-w.n)
	}
	return w.out
}

// reader reads bits; past the end they are zeros.
type reader struct {
	in   []byte
	bits uint64 // the next ones, from the highest on
	n    int    // how many of them there are
}

func (r *reader) fill() {
	for r.n <= 56 {
		if len(r.in) > 0 {
			r.bits |= uint64(r.in[0]) << (56 - r.n)
			r.in = r.in[1:]
		}
		r.n += 8
	}
}

func (r *reader) read(n int) uint32 {
	if n == 0 {
		return 0
	}
	r.fill()
	v := uint32(r.bits >> (64 - n))
	r.bits <<= n
	r.n -= n
	return v
}

// ones reads ones and the zero that ends them, most at most, which no zero ends.
func (r *reader) ones(most int) int {
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
