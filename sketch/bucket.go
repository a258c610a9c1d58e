package sketch

import (
	"iter"
	"math"
)

// Bucket returns the number of the bucket that counts v, from 0. Buckets are numbered by
// their values; the layout belongs to [Version].
func Bucket(v uint64) int { return index(v) }

// BucketOf returns the number of the bucket whose middle v is, as quantiles are; ok is false
// where v is no middle.
func BucketOf(v float64) (i int, ok bool) {
	if !(v >= 0 && v <= Max) {
		return 0, false
	}
	i = index(uint64(v))
	return i, math.Abs(middle(i)-v) <= 1e-9*v
}

// Middle returns the value that stands for bucket i, 0 where there is no such bucket.
func Middle(i int) float64 {
	if i < 0 || i >= numBuckets {
		return 0
	}
	return middle(i)
}

// Bounds returns the least and the largest value that bucket i counts, both 0 where there is
// no such bucket.
func Bounds(i int) (low, high uint64) {
	switch {
	case i < 0 || i >= numBuckets:
		return 0, 0
	case i < 2*pageLen:
		return uint64(i), uint64(i)
	}
	s := uint(i>>subBits - 1)
	low = uint64(i-int(s)<<subBits) << s
	return low, low + 1<<s - 1
}

// Buckets yields the number and the count of every bucket that holds something, in ascending
// order. The sketch must not change meanwhile.
func (s *Sketch) Buckets() iter.Seq2[int, uint64] {
	return func(yield func(int, uint64) bool) {
		more := true
		s.each(func(i int, n uint64) { more = more && yield(i, n) })
	}
}

// AddBucket counts n values of bucket i, as [Sketch.Buckets] yields them. It does nothing where
// there is no such bucket.
func (s *Sketch) AddBucket(i int, n uint64) {
	if i >= 0 && i < numBuckets && n > 0 {
		s.addN(i, n)
	}
}
