package block

import "github.com/backend-prs/perfmon/internal/wire"

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
	w := wire.Bits{Out: make([]byte, 0, shortest/8+1)}
	for _, u := range differences {
		if q := u >> best; q < escape {
			w.Write(1<<(q+1)-2, int(q)+1) // q ones and a zero
			w.Write(u&(1<<best-1), best)
		} else {
			w.Write(1<<escape-1, escape)
			w.Write(u, escapeBits)
		}
	}
	return wire.AppendBytes(append(b, byte(best)), w.End())
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
	r := wire.BitReader{In: in.Bytes()}
	code := int32(0)
	for i := range codes {
		q := r.Ones(escape)
		if q == escape {
			code += unzigzag(r.Read(escapeBits))
		} else {
			code += unzigzag(uint32(q)<<k | r.Read(k))
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
