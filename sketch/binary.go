package sketch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Version is the first byte of the encoding that this package writes. It stands for
// the layout of the buckets, too: sketches of one version can always be merged.
const Version = 1

// ErrDamaged is what decoding returns, wrapped, for data that AppendBinary cannot have
// written.
var ErrDamaged = errors.New("damaged encoding")

// AppendBinary appends the sketch's encoding, which takes about a byte and a half for
// each bucket in use: the version, the count of values as an unsigned varint, and for
// each bucket in use its count, times two, as an unsigned varint. Where that is not the
// bucket right after the one before, one is added, and the number of empty buckets
// between follows. The error is always nil.
func (s *Sketch) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, Version)
	b = binary.AppendUvarint(b, s.count)
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

// MarshalBinary returns the sketch's encoding; see [Sketch.AppendBinary].
func (s *Sketch) MarshalBinary() ([]byte, error) { return s.AppendBinary(nil) }

// UnmarshalBinary makes s what was encoded. An unknown version and damaged data yield
// an error and change nothing.
func (s *Sketch) UnmarshalBinary(data []byte) error {
	buckets, err := check(data)
	if err != nil {
		return err
	}
	s.Reset()
	s.mergeBuckets(buckets)
	return nil
}

// MergeBinary adds what an encoding counted, of this process or of another. An unknown
// version and damaged data yield an error and change nothing.
func (s *Sketch) MergeBinary(data []byte) error {
	count, buckets, err := header(data)
	if err != nil {
		return err
	}
	if s.wraps == nil && s.count+count <= math.MaxUint32 { // nearly always: no bucket can pass 2^32
		if !s.mergeSmall(buckets, uint32(count)) {
			return notSum(count)
		}
		return nil
	}
	if buckets, err = check(data); err != nil {
		return err
	}
	s.mergeBuckets(buckets)
	return nil
}

// header returns the count of an encoding, and the buckets' part of it.
func header(data []byte) (count uint64, buckets []byte, err error) {
	if len(data) == 0 {
		return 0, nil, fmt.Errorf("sketch: %w: it is empty", ErrDamaged)
	}
	if data[0] != Version {
		return 0, nil, fmt.Errorf("sketch: encoding of version %d: this package reads version %d", data[0], Version)
	}
	count, k := binary.Uvarint(data[1:])
	if k <= 0 || count > maxCount {
		return 0, nil, fmt.Errorf("sketch: %w: no count of values", ErrDamaged)
	}
	return count, data[1+k:], nil
}

func notSum(count uint64) error {
	return fmt.Errorf("sketch: %w: its buckets do not add up to %d values", ErrDamaged, count)
}

// check returns the buckets' part of an encoding that is sound.
func check(data []byte) ([]byte, error) {
	count, buckets, err := header(data)
	if err != nil {
		return nil, err
	}
	if sum, ok := total(buckets); !ok || sum != count {
		return nil, notSum(count)
	}
	return buckets, nil
}

// mergeSmall adds the buckets of so many values, where none can pass 2^32. It reads them
// once, which takes half as long as checking them first; where they turn out to be damaged,
// it takes back what it has added.
func (s *Sketch) mergeSmall(buckets []byte, count uint32) bool {
	read, left := s.addBuckets(buckets, count, 1)
	if left != 0 {
		s.addBuckets(buckets[:read], count, math.MaxUint32) // -1 times
		return false
	}
	s.count += uint64(count)
	return true
}

// addBuckets adds so many times what buckets hold, at most count values, and leaves s.count
// to the caller. It returns how much it has read, and how many of count are left; these are
// not 0 where buckets are damaged.
func (s *Sketch) addBuckets(buckets []byte, count, times uint32) (read int, left uint32) {
	var page *[pageLen]uint32
	at := -1 // of page
	left = count
	for i, p := 0, 0; p < len(buckets); i++ {
		n, k := uint64(buckets[p]), 1
		if n >= 0x80 { // few are
			if n, k = binary.Uvarint(buckets[p:]); k <= 0 {
				return read, max(left, 1)
			}
		}
		p += k
		if n&1 == 1 {
			skipped, k := uvarint(buckets[p:])
			if k <= 0 || skipped == 0 || skipped >= numBuckets {
				return read, max(left, 1)
			}
			p += k
			i += int(skipped)
		}
		if n >>= 1; i >= numBuckets || n == 0 || n > uint64(left) {
			return read, max(left, 1)
		}
		if i>>subBits != at {
			at = i >> subBits
			page = s.page(at)
		}
		page[i&(pageLen-1)] += times * uint32(n)
		left -= uint32(n)
		read = p
	}
	return read, left
}

// total adds up buckets; ok is false where they are damaged.
func total(buckets []byte) (sum uint64, ok bool) {
	for i, p := 0, 0; p < len(buckets); i++ {
		n, k := uvarint(buckets[p:])
		if k <= 0 {
			return 0, false
		}
		p += k
		if n&1 == 1 {
			skipped, k := uvarint(buckets[p:])
			if k <= 0 || skipped == 0 || skipped >= numBuckets {
				return 0, false
			}
			p += k
			i += int(skipped)
		}
		if n >>= 1; i >= numBuckets || n == 0 || n > maxCount-sum {
			return 0, false
		}
		sum += n
	}
	return sum, true
}

// mergeBuckets adds buckets that are sound.
func (s *Sketch) mergeBuckets(buckets []byte) {
	var page *[pageLen]uint32
	at := -1 // of page
	for i, p := 0, 0; p < len(buckets); i++ {
		n, k := uvarint(buckets[p:])
		p += k
		if n&1 == 1 {
			skipped, k := uvarint(buckets[p:])
			p += k
			i += int(skipped)
		}
		if i>>subBits != at {
			at = i >> subBits
			page = s.page(at)
		}
		s.addTo(page, i, n>>1)
	}
}

// uvarint is binary.Uvarint with a short way for a single byte, which most are.
func uvarint(b []byte) (uint64, int) {
	if len(b) > 0 && b[0] < 0x80 {
		return uint64(b[0]), 1
	}
	return binary.Uvarint(b)
}
