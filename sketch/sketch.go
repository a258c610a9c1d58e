// Package sketch counts values in log-linear buckets, so that percentiles can be
// read with a bounded relative error and sketches of parts can be added up to the
// sketch of the whole: the percentiles of several processes, or of a day, are then
// those of all their values, which a mean of percentiles never is.
//
//	var s sketch.Sketch
//	s.Add(uint64(elapsed)) // nanoseconds
//	p99 := time.Duration(s.Quantile(0.99))
//
// Every power of two is cut into 64 buckets of equal width. A value is reported as
// the middle of its bucket, which is at most 1/128 = 0.78 % away from it. Values
// below 128 have a bucket each and are exact. An empty sketch takes 56 bytes, and
// each power of two that holds a value 264 more.
//
// The layout is the one of HdrHistogram (Gil Tene, "HdrHistogram: A High Dynamic
// Range Histogram", 2012); that such a histogram is a fully mergeable quantile
// sketch of relative error is shown by Masson, Rim and Lee, "DDSketch: A Fast and
// Fully-Mergeable Quantile Sketch with Relative-Error Guarantees", VLDB 2019.
package sketch

import (
	"math"
	"math/bits"
	"unsafe"
)

const (
	subBits  = 6            // 64 buckets an octave
	pageLen  = 1 << subBits // buckets of one page: one octave
	maxBits  = 42           // values need at most 42 bits
	numPages = maxBits - subBits + 1

	numBuckets = numPages * pageLen
	maxCount   = 1<<62 - 1 // of values in a sketch; the encoding needs two bits

	// Max is the largest value told apart: 73 minutes, counted in nanoseconds.
	// Larger values count as Max.
	Max = 1<<maxBits - 1

	// RelativeError bounds |reported-true|/true for values from 0 to Max.
	RelativeError = 1.0 / (2 * pageLen)
)

// index returns the bucket of v.
func index(v uint64) int {
	if v > Max {
		v = Max
	}
	s := bits.Len64(v) - subBits - 1
	if s < 0 {
		s = 0
	}
	return s<<subBits + int(v>>uint(s))
}

// middle returns the value that stands for bucket i.
func middle(i int) float64 {
	if i < 2*pageLen {
		return float64(i)
	}
	s := i>>subBits - 1
	low := uint64(i-s<<subBits) << uint(s)
	return float64(low) + float64(uint64(1)<<uint(s)-1)/2
}

// Sketch counts values. The zero value is empty and ready. It belongs to one goroutine
// at a time; [Atomic] is for many writers. It counts to 2^62-1 values and stays there.
type Sketch struct {
	pages []*[pageLen]uint32 // of the bits in have, ascending; counts modulo 2^32
	have  uint64             // a bit for each page that there is
	used  uint64             // a bit for each page that holds something
	wraps map[int]uint64     // by bucket: what its count lost in passing 2^32
	count uint64
}

// at returns page i, which there is.
func (s *Sketch) at(i int) *[pageLen]uint32 { return s.pages[bits.OnesCount64(s.have&(1<<i-1))] }

// Add counts v once. A value above [Max] counts as Max.
func (s *Sketch) Add(v uint64) { s.addN(index(v), 1) }

func (s *Sketch) addN(i int, n uint64) { s.addTo(s.page(i>>subBits), i, n) }

// addTo adds n to bucket i, which is on the page given.
func (s *Sketch) addTo(page *[pageLen]uint32, i int, n uint64) {
	n = min(n, maxCount-s.count)
	bucket := &page[i&(pageLen-1)]
	sum := uint64(*bucket) + n
	*bucket = uint32(sum)
	s.count += n
	if sum > math.MaxUint32 {
		s.wrap(i, sum&^math.MaxUint32)
	}
}

//go:noinline
func (s *Sketch) wrap(i int, n uint64) {
	if s.wraps == nil {
		s.wraps = map[int]uint64{}
	}
	s.wraps[i] += n
}

// page returns page i, to be written to, and makes it where there is none.
func (s *Sketch) page(i int) *[pageLen]uint32 {
	s.used |= 1 << i
	at := bits.OnesCount64(s.have & (1<<i - 1))
	if s.have>>i&1 == 0 {
		s.have |= 1 << i
		s.pages = append(s.pages, nil)
		copy(s.pages[at+1:], s.pages[at:])
		s.pages[at] = new([pageLen]uint32)
	}
	return s.pages[at]
}

// Count returns how many values were counted.
func (s *Sketch) Count() uint64 { return s.count }

// Reset empties the sketch and keeps its memory.
func (s *Sketch) Reset() {
	for used := s.used; used != 0; used &= used - 1 {
		clear(s.at(bits.TrailingZeros64(used))[:])
	}
	s.used, s.wraps, s.count = 0, nil, 0
}

// Merge adds all that o counted. It does not change o.
func (s *Sketch) Merge(o *Sketch) {
	if o.wraps != nil || o.count > maxCount-s.count {
		o.each(s.addN)
		return
	}
	for used := o.used; used != 0; used &= used - 1 {
		i := bits.TrailingZeros64(used)
		s.mergePage(i, o.at(i))
	}
	s.count += o.count
}

// mergePage adds a page, and leaves the count of all values to the caller.
func (s *Sketch) mergePage(i int, from *[pageLen]uint32) {
	to := s.page(i)
	if small(to) && small(from) { // nearly always: two buckets at a time carry nothing over
		sums, words := wordsOf(to), wordsOf(from)
		for j := range sums {
			sums[j] += words[j]
		}
		return
	}
	for j, n := range from {
		sum := uint64(to[j]) + uint64(n)
		to[j] = uint32(sum)
		if sum > math.MaxUint32 {
			s.wrap(i<<subBits+j, 1<<32)
		}
	}
}

// Subtract takes away all that o counted, where o is an earlier state of s. A bucket of
// which o counted more than s becomes empty. It does not change o.
func (s *Sketch) Subtract(o *Sketch) {
	o.each(func(i int, n uint64) {
		if s.used>>(i>>subBits)&1 == 0 {
			return
		}
		bucket := &s.at(i >> subBits)[i&(pageLen-1)]
		had := uint64(*bucket) + s.wraps[i]
		left := had - min(n, had)
		*bucket = uint32(left)
		s.count -= had - left
		if s.wraps == nil {
			return
		}
		delete(s.wraps, i)
		if high := left &^ math.MaxUint32; high > 0 {
			s.wraps[i] = high
		}
	})
}

// wordsOf returns a page as words of two buckets, which the compiler does not do itself:
// merging takes half as long.
func wordsOf(page *[pageLen]uint32) *[pageLen / 2]uint64 {
	return (*[pageLen / 2]uint64)(unsafe.Pointer(page))
}

// small reports whether every bucket of a page is below 2^31.
func small(page *[pageLen]uint32) bool {
	var all uint64
	for _, w := range wordsOf(page) {
		all |= w
	}
	return all&(1<<63|1<<31) == 0
}

// Mean returns the mean of the values, NaN when there are none. It is at most 0.78 % off.
func (s *Sketch) Mean() float64 { return s.Summarize(nil, nil) }

// Summarize sets dst[i] to the quantile qs[i], as Quantiles does, and returns the mean, in
// one pass. dst is as long as qs.
func (s *Sketch) Summarize(qs, dst []float64) (mean float64) {
	if s.count == 0 {
		for i := range dst {
			dst[i] = math.NaN()
		}
		return math.NaN()
	}
	if s.wraps != nil {
		s.Quantiles(qs, dst)
		var sum float64
		s.each(func(i int, n uint64) { sum += middle(i) * float64(n) })
		return sum / float64(s.count)
	}
	next, seen, sum := 0, uint64(0), 0.0
	for used := s.used; used != 0; used &= used - 1 {
		i := bits.TrailingZeros64(used)
		n, places := addUp(s.at(i))
		// The buckets of a page are equally far apart.
		first := i << subBits
		sum += float64(n)*middle(first) + float64(places)*(middle(first+1)-middle(first))
		for ; next < len(qs) && seen+n >= rank(qs[next], s.count); next++ {
			dst[next] = middle(first + s.find(i, rank(qs[next], s.count)-seen))
		}
		seen += n
	}
	return sum / float64(s.count)
}

// addUp returns how many values a page holds, and the sum of their places in it.
func addUp(page *[pageLen]uint32) (n, places uint64) {
	for j, c := range page {
		n += uint64(c)
		places += uint64(c) * uint64(j)
	}
	return n, places
}

// find returns the bucket of page i that holds its nth value, counted from 1.
func (s *Sketch) find(i int, nth uint64) int {
	var seen uint64
	for j, c := range s.at(i) {
		if seen += uint64(c); seen >= nth {
			return j
		}
	}
	return pageLen - 1
}

// CountUpTo returns how many values are at most v, as far as buckets tell: values that
// share v's bucket, at most 1.6 % above it, count as well. It never falls as v rises.
func (s *Sketch) CountUpTo(v uint64) uint64 {
	var sum uint64
	last := index(v)
	s.each(func(i int, n uint64) {
		if i <= last {
			sum += n
		}
	})
	return sum
}

// Quantile returns the smallest value with at least the share q of all values at or
// below it (the nearest-rank definition), NaN when there are none. q is from 0 to 1;
// outside it counts as the nearer of the two.
func (s *Sketch) Quantile(q float64) float64 {
	var v [1]float64
	s.Quantiles([]float64{q}, v[:])
	return v[0]
}

// Quantiles sets dst[i] to the quantile qs[i] in one pass. qs ascends, and dst is at
// least as long; what is beyond qs is set to NaN.
func (s *Sketch) Quantiles(qs, dst []float64) {
	for i := range dst {
		dst[i] = math.NaN()
	}
	if s.count == 0 {
		return
	}
	next, seen := 0, uint64(0)
	s.each(func(i int, n uint64) {
		seen += n
		for next < len(qs) && seen >= rank(qs[next], s.count) {
			dst[next] = middle(i)
			next++
		}
	})
}

// rank is the position, from 1, of quantile q among n sorted values.
func rank(q float64, n uint64) uint64 {
	r := math.Ceil(q * float64(n))
	switch {
	case !(r >= 1): // NaN too
		return 1
	case r >= float64(n): // also where float64 rounds n up
		return n
	}
	return uint64(r)
}

// each calls f for every bucket that holds something, in ascending order.
func (s *Sketch) each(f func(i int, n uint64)) {
	for used := s.used; used != 0; used &= used - 1 {
		p := bits.TrailingZeros64(used)
		for j, low := range s.at(p) {
			n := uint64(low)
			if s.wraps != nil {
				n += s.wraps[p<<subBits+j]
			}
			if n != 0 {
				f(p<<subBits+j, n)
			}
		}
	}
}
