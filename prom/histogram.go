package prom

import (
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/backend-prs/perfmon/sketch"
)

// histogram is a classic and a native histogram in one, as a client_golang Histogram is.
type histogram struct {
	desc   *prometheus.Desc
	labels []*dto.LabelPair
	data   *dto.Histogram
}

func (h histogram) Desc() *prometheus.Desc { return h.desc }

func (h histogram) Write(out *dto.Metric) error {
	out.Label, out.Histogram = h.labels, h.data
	return nil
}

// zeroThreshold is up to where a value counts as 0; client_golang's own.
const zeroThreshold = prometheus.DefNativeHistogramZeroThreshold

// newHistogram makes one of a sketch of nanoseconds. All that it holds was counted, so
// nothing of it ever goes down while the sketch grows.
func newHistogram(desc *prometheus.Desc, times *sketch.Sketch, bounds []float64, native *nativeBuckets, labels ...string) histogram {
	count, sum := times.Count(), 0.0
	if count > 0 {
		sum = times.Mean() * float64(count) / float64(time.Second)
	}
	threshold := zeroThreshold
	h := &dto.Histogram{
		SampleCount: &count, SampleSum: &sum, Bucket: make([]*dto.Bucket, len(bounds)),
		Schema: &native.schema, ZeroThreshold: &threshold,
	}
	var zero, seen uint64
	var encoded spans
	at := 0
	for i, n := range times.Buckets() {
		low, _ := sketch.Bounds(i)
		for ; at < len(bounds) && float64(low) > bounds[at]*float64(time.Second); at++ {
			h.Bucket[at] = classic(bounds[at], seen)
		}
		seen += n
		if i == 0 {
			zero = n
		} else {
			encoded.add(int(native.index[i]), int64(n))
		}
	}
	for ; at < len(bounds); at++ {
		h.Bucket[at] = classic(bounds[at], seen)
	}
	h.ZeroCount = &zero
	h.PositiveSpan, h.PositiveDelta = encoded.finish()
	if len(h.PositiveSpan) == 0 { // it says that this is a native histogram, too
		h.PositiveSpan = []*dto.BucketSpan{{Offset: new(int32), Length: new(uint32)}}
	}
	return histogram{desc, prometheus.MakeLabelPairs(desc, labels), h}
}

func classic(bound float64, seen uint64) *dto.Bucket {
	return &dto.Bucket{UpperBound: &bound, CumulativeCount: &seen}
}

// nativeBuckets say in which native bucket each bucket of a sketch counts: the one that its
// middle lies in. Number i ends at 2^(i/2^schema) seconds, which belongs to it.
type nativeBuckets struct {
	schema int32
	index  []int32
}

func newNativeBuckets(schema int32) *nativeBuckets {
	b := &nativeBuckets{schema: schema, index: make([]int32, sketch.Bucket(sketch.Max)+1)}
	for i := 1; i < len(b.index); i++ {
		b.index[i] = int32(math.Ceil(math.Log2(sketch.Middle(i)/float64(time.Second)) * float64(int(1)<<schema)))
	}
	return b
}

// spans encodes native buckets, which come in ascending order.
type spans struct {
	list   []*dto.BucketSpan
	deltas []int64
	index  int   // of the bucket that is being counted
	count  int64 // of it; 0: there is none
	next   int   // the bucket after the last of list
	last   int64 // the count of the last of list
}

// maxGap is how many empty buckets in a row cost less than a new span.
const maxGap = 2

func (s *spans) add(index int, n int64) {
	if s.count > 0 && index == s.index {
		s.count += n
		return
	}
	s.flush()
	s.index, s.count = index, n
}

// flush encodes the bucket that was being counted.
func (s *spans) flush() {
	if s.count == 0 {
		return
	}
	gap := s.index - s.next
	if len(s.list) == 0 || gap > maxGap {
		offset, length := int32(gap), uint32(0)
		s.list = append(s.list, &dto.BucketSpan{Offset: &offset, Length: &length})
	} else {
		for range gap {
			s.append(0)
		}
	}
	s.append(s.count)
	s.next = s.index + 1
}

func (s *spans) append(count int64) {
	*s.list[len(s.list)-1].Length++
	s.deltas = append(s.deltas, count-s.last)
	s.last = count
}

func (s *spans) finish() ([]*dto.BucketSpan, []int64) {
	s.flush()
	return s.list, s.deltas
}
