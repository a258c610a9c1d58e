package sketch

import (
	"encoding/binary"
	"errors"
	"math"
)

// AppendBinary appends the sketch's compact form: for each bucket in use the gap to
// the one before it and its count, as unsigned varints. An empty sketch appends
// nothing.
func (s *Sketch) AppendBinary(b []byte) ([]byte, error) {
	last := -1
	s.each(func(i int, n uint64) {
		b = binary.AppendUvarint(b, uint64(i-last))
		b = binary.AppendUvarint(b, n)
		last = i
	})
	return b, nil
}

var errEncoding = errors.New("sketch: damaged encoding")

// MergeBinary adds what a compact form counted. Damaged data yields an error and
// changes nothing.
func (s *Sketch) MergeBinary(data []byte) error {
	if _, err := walk(data, s.count, nil); err != nil {
		return err
	}
	_, err := walk(data, s.count, s.addN)
	return err
}

// walk reads data, checks it and calls f, where there is one, for each bucket. The
// sum of all counts and held has to fit 64 bits.
func walk(data []byte, held uint64, f func(i int, n uint64)) (uint64, error) {
	last := -1
	for len(data) > 0 {
		gap, k := binary.Uvarint(data)
		if k <= 0 || gap == 0 || gap > numPages*pageLen {
			return 0, errEncoding
		}
		data = data[k:]
		n, k := binary.Uvarint(data)
		if k <= 0 || n == 0 || n > math.MaxUint64-held {
			return 0, errEncoding
		}
		data = data[k:]
		last += int(gap)
		if last >= numPages*pageLen {
			return 0, errEncoding
		}
		held += n
		if f != nil {
			f(last, n)
		}
	}
	return held, nil
}
