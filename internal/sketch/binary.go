package sketch

import (
	"encoding/binary"
	"errors"
	"math"
)

// AppendBinary appends the sketch's compact form: for each bucket in use its count,
// times two, as an unsigned varint. Where it is not the bucket right after the one
// before, one is added to that, and how many were left out follows. An empty sketch
// appends nothing. The error is always nil.
func (s *Sketch) AppendBinary(b []byte) ([]byte, error) {
	next := 0
	s.each(func(i int, n uint64) {
		if i == next {
			b = binary.AppendUvarint(b, n<<1)
		} else {
			b = binary.AppendUvarint(b, n<<1|1)
			b = binary.AppendUvarint(b, uint64(i-next))
		}
		next = i + 1
	})
	return b, nil
}

var errEncoding = errors.New("sketch: damaged encoding")

// MergeBinary adds what a compact form counted. Damaged data yields an error and
// changes nothing.
func (s *Sketch) MergeBinary(data []byte) error {
	if err := walk(data, nil); err != nil {
		return err
	}
	return walk(data, s.addN)
}

// walk reads data, checks it and calls f, where there is one, for each bucket.
func walk(data []byte, f func(i int, n uint64)) error {
	for i := 0; len(data) > 0; i++ {
		n, k := binary.Uvarint(data)
		if k <= 0 {
			return errEncoding
		}
		data = data[k:]
		if n&1 == 1 {
			skipped, k := binary.Uvarint(data)
			if k <= 0 || skipped == 0 || skipped >= numPages*pageLen {
				return errEncoding
			}
			data = data[k:]
			i += int(skipped)
		}
		if n >>= 1; i >= numPages*pageLen || n == 0 || n > math.MaxUint32 {
			return errEncoding
		}
		if f != nil {
			f(i, n)
		}
	}
	return nil
}

// MergeOwn is MergeBinary for data that AppendBinary has made in this process: it does
// not check it first, and stops where it is damaged all the same.
func (s *Sketch) MergeOwn(data []byte) {
	var page *[pageLen]uint32
	at := -1 // of page
	for i, p := 0, 0; p < len(data); i++ {
		n := uint64(data[p])
		p++
		if n >= 0x80 {
			long, k := binary.Uvarint(data[p-1:])
			if k <= 0 {
				return
			}
			n, p = long, p-1+k
		}
		if n&1 == 1 {
			skipped, k := binary.Uvarint(data[p:])
			if k <= 0 || skipped >= numPages*pageLen {
				return
			}
			i, p = i+int(skipped), p+k
		}
		if i>>subBits != at {
			if at = i >> subBits; at >= numPages {
				return
			}
			if s.pages[at] == nil {
				s.pages[at] = new([pageLen]uint32)
			}
			page = s.pages[at]
		}
		bucket := &page[i&(pageLen-1)]
		n = min(n>>1, uint64(math.MaxUint32-*bucket))
		*bucket += uint32(n)
		s.count += n
	}
}
