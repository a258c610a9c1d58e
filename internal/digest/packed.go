package digest

import (
	"encoding/binary"
	"math/bits"

	"github.com/backend-prs/perfmon/internal/wire"
	"github.com/backend-prs/perfmon/sketch"
)

// A sketch of the past is packed: its first bucket and how many follow up to the last as
// unsigned varints, and the count of each by Rice's code (Robert Rice, "Some Practical
// Universal Noiseless Coding Techniques", JPL 1979). What is coded is by how much a count
// differs from what those before it lead to expect; the parameter follows from how much
// they differed. That takes about half of the sketch's own encoding, whose place is where
// others read it. Two buckets in a row without a value are followed by how many more of
// them there are.
func pack(s *sketch.Sketch) []byte {
	var scratch [2048]byte
	first, last := -1, 0
	for i := range s.Buckets() {
		if first < 0 {
			first = i
		}
		last = i
	}
	if first < 0 {
		return nil
	}
	b := binary.AppendUvarint(scratch[:0], uint64(first))
	p := packer{Bits: wire.Bits{Out: binary.AppendUvarint(b, uint64(last-first))}}
	next := first
	for i, n := range s.Buckets() {
		p.empty(i - next)
		p.count(n)
		next = i + 1
	}
	return append([]byte(nil), p.End()...)
}

// addPacked adds to s what was packed.
func addPacked(data []byte, s *sketch.Sketch) {
	if len(data) == 0 {
		return
	}
	first, k := binary.Uvarint(data)
	more, n := binary.Uvarint(data[k:])
	r := wire.BitReader{In: data[k+n:]}
	var e expectation
	for i, last := int(first), int(first+more); i <= last; i++ {
		n := e.read(&r)
		if e.next(n); n > 0 {
			s.AddBucket(i, n)
		} else if e.zeros == 2 {
			i += readRun(&r)
			e.zeros = 0
		}
	}
}

// expectation is what counts so far lead to expect of the next one. Means are of the
// latest few, each a quarter of what is left.
type expectation struct {
	mean  uint64 // times 16
	off   uint64 // how much counts differed, made positive, times 16
	zeros int    // counts of 0 in a row, up to 2
}

func (e *expectation) expected() int64 { return int64((e.mean + 8) / 16) }

// bits returns Rice's parameter: how many low bits of a difference are written as they are.
func (e *expectation) bits() int { return min(bits.Len64(e.off/24), 32) }

// next takes the next count.
func (e *expectation) next(n uint64) {
	u := zigzag(int64(n) - e.expected())
	e.off += 4*min(u, maxMean) - e.off/4
	e.mean += 4*min(n, maxMean) - e.mean/4
	if e.zeros++; n > 0 {
		e.zeros = 0
	}
}

// maxMean is the most that a mean can be of.
const maxMean = 1 << 40

// zigzag makes a difference positive, small ones small.
func zigzag(d int64) uint64 { return uint64(d<<1) ^ uint64(d>>63) }

func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

// escape ones are followed by the length of a number, in six bits, and its bits.
const (
	escape     = 12
	escapeBits = 6
)

func (e *expectation) read(r *wire.BitReader) uint64 {
	k := e.bits()
	q := r.Ones(escape)
	var u uint64
	if q == escape {
		length := int(r.Read(escapeBits))
		u = uint64(r.Read(max(length-32, 0)))<<32 | uint64(r.Read(min(length, 32)))
	} else {
		u = uint64(q)<<k | uint64(r.Read(k))
	}
	return uint64(e.expected() + unzigzag(u))
}

type packer struct {
	wire.Bits
	expectation
}

// count writes a count.
func (p *packer) count(n uint64) {
	k := p.bits()
	u := zigzag(int64(n) - p.expected())
	if q := u >> k; q < escape {
		p.Write(1<<(q+1)-2, int(q)+1) // q ones and a zero
		p.Write(uint32(u&(1<<k-1)), k)
	} else {
		length := bits.Len64(u) // 63 at most
		p.Write(1<<escape-1, escape)
		p.Write(uint32(length), escapeBits)
		p.Write(uint32(u>>32), max(length-32, 0))
		p.Write(uint32(u&(1<<min(length, 32)-1)), min(length, 32))
	}
	p.next(n)
}

// empty writes so many counts of 0.
func (p *packer) empty(n int) {
	for ; n > 0; n-- {
		if p.count(0); p.zeros == 2 {
			p.run(n - 1)
			p.zeros = 0
			return
		}
	}
}

// run writes how many more counts of 0 there are, by Elias' gamma code (Peter Elias,
// "Universal Codeword Sets and Representations of the Integers", 1975).
func (p *packer) run(n int) {
	length := bits.Len(uint(n + 1))
	p.Write(1<<length-2, length) // length-1 ones and a zero
	p.Write(uint32(n+1)&(1<<(length-1)-1), length-1)
}

func readRun(r *wire.BitReader) int {
	more := r.Ones(32)
	return 1<<more + int(r.Read(more)) - 1
}
