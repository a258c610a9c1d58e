package sketch

import "math"

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
