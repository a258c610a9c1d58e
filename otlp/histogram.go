package otlp

import (
	"math"
	"time"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/backend-prs/perfmon/sketch"
)

// histogram adds a histogram of seconds with a point for each sketch of nanoseconds.
func (b *batch) histogram(name, help string, points []timed) {
	if len(points) == 0 {
		return
	}
	if b.p.exponential {
		h := metricdata.ExponentialHistogram[float64]{Temporality: metricdata.CumulativeTemporality}
		for _, t := range points {
			p := exponential(t.times)
			p.Attributes, p.StartTime, p.Time, p.Exemplars = t.attributes, b.start, b.now, t.exemplars
			h.DataPoints = append(h.DataPoints, p)
		}
		b.add(name, "s", help, h)
		return
	}
	h := metricdata.Histogram[float64]{Temporality: metricdata.CumulativeTemporality}
	for _, t := range points {
		p := explicit(t.times, b.p.bounds)
		p.Attributes, p.StartTime, p.Time, p.Exemplars = t.attributes, b.start, b.now, t.exemplars
		h.DataPoints = append(h.DataPoints, p)
	}
	b.add(name, "s", help, h)
}

// explicit counts what a sketch holds in buckets, whose upper bounds belong to them.
func explicit(times *sketch.Sketch, bounds []float64) (p metricdata.HistogramDataPoint[float64]) {
	p.Bounds, p.BucketCounts = bounds, make([]uint64, len(bounds)+1)
	at := 0
	for i, n := range times.Buckets() {
		low, _ := sketch.Bounds(i)
		for at < len(bounds) && float64(low) > bounds[at]*float64(time.Second) {
			at++
		}
		p.BucketCounts[at] += n
	}
	p.Count, p.Sum = times.Count(), seconds(times)
	return p
}

// scale is how fine exponential histograms are: each power of two has 2^scale buckets, about
// as many as a sketch.
const scale = 6

// exponential counts what a sketch holds in buckets of which number i begins above
// 2^(i/2^scale).
func exponential(times *sketch.Sketch) (p metricdata.ExponentialHistogramDataPoint[float64]) {
	p.Scale, p.Count, p.Sum = scale, times.Count(), seconds(times)
	positive := &p.PositiveBucket
	for i, n := range times.Buckets() {
		if i == 0 {
			p.ZeroCount = n
			continue
		}
		number := int32(math.Ceil(math.Log2(sketch.Middle(i)/float64(time.Second))*(1<<scale))) - 1
		if len(positive.Counts) == 0 {
			positive.Offset = number
		}
		for int(number-positive.Offset) >= len(positive.Counts) {
			positive.Counts = append(positive.Counts, 0)
		}
		positive.Counts[number-positive.Offset] += n
	}
	return p
}

// seconds returns the sum of a sketch's values.
func seconds(times *sketch.Sketch) float64 {
	if times.Count() == 0 {
		return 0
	}
	return times.Mean() * float64(times.Count()) / float64(time.Second)
}
