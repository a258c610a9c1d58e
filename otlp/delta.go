package otlp

import (
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// Some receivers, such as Datadog's, want what came since the push before and no totals:
// OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=delta. The SDK converts its own
// instruments alone. As with those, what a push carries that fails is not pushed again.

// pointKey names a point of a metric.
type pointKey struct {
	metric     string
	attributes attribute.Distinct
}

// sinceLast turns the totals of a batch into what came since the batch before. The caller
// holds mu.
func (p *Producer) sinceLast(b *batch) {
	next := map[pointKey]any{}
	for i := range b.metrics {
		m := &b.metrics[i]
		switch data := m.Data.(type) {
		case metricdata.Sum[int64]:
			if data.IsMonotonic {
				data.Temporality = metricdata.DeltaTemporality
				data.DataPoints = deltas(p, m.Name, next, data.DataPoints, subtractSum)
				m.Data = data
			}
		case metricdata.Histogram[float64]:
			data.Temporality = metricdata.DeltaTemporality
			data.DataPoints = deltas(p, m.Name, next, data.DataPoints, subtractExplicit)
			m.Data = data
		case metricdata.ExponentialHistogram[float64]:
			data.Temporality = metricdata.DeltaTemporality
			data.DataPoints = deltas(p, m.Name, next, data.DataPoints, subtractExponential)
			m.Data = data
		}
	}
	p.last, p.then = next, b.now
}

type (
	sumPoint         = metricdata.DataPoint[int64]
	explicitPoint    = metricdata.HistogramDataPoint[float64]
	exponentialPoint = metricdata.ExponentialHistogramDataPoint[float64]
)

// deltas returns points less what they were. One that began anew, because its endpoint was
// away for long, counts whole.
func deltas[P sumPoint | explicitPoint | exponentialPoint](p *Producer, metric string, next map[pointKey]any, points []P, subtract func(P, *P) (P, attribute.Set)) []P {
	for i, point := range points {
		_, set := subtract(point, nil)
		key := pointKey{metric, set.Equivalent()}
		next[key] = point
		var before *P
		if last, ok := p.last[key].(P); ok {
			before = &last
		}
		points[i], _ = subtract(point, before)
	}
	for i := range points {
		begin(&points[i], p)
	}
	return points
}

// begin says since when a point counts.
func begin(point any, p *Producer) {
	switch point := point.(type) {
	case *sumPoint:
		point.StartTime = p.then
	case *explicitPoint:
		point.StartTime = p.then
	case *exponentialPoint:
		point.StartTime = p.then
	}
}

func subtractSum(p sumPoint, before *sumPoint) (sumPoint, attribute.Set) {
	if before != nil && before.Value <= p.Value {
		p.Value -= before.Value
	}
	return p, p.Attributes
}

func subtractExplicit(p explicitPoint, before *explicitPoint) (explicitPoint, attribute.Set) {
	if before == nil || before.Count > p.Count {
		return p, p.Attributes
	}
	counts := append([]uint64(nil), p.BucketCounts...)
	for i, n := range before.BucketCounts {
		counts[i] -= min(n, counts[i])
	}
	p.BucketCounts = counts
	p.Exemplars = fresh(p.Exemplars, before.Exemplars)
	p.Count -= before.Count
	p.Sum = max(p.Sum-before.Sum, 0)
	return p, p.Attributes
}

func subtractExponential(p exponentialPoint, before *exponentialPoint) (exponentialPoint, attribute.Set) {
	if before == nil || before.Count > p.Count {
		return p, p.Attributes
	}
	counts := append([]uint64(nil), p.PositiveBucket.Counts...)
	for i, n := range before.PositiveBucket.Counts {
		if at := int(before.PositiveBucket.Offset-p.PositiveBucket.Offset) + i; at >= 0 && at < len(counts) {
			counts[at] -= min(n, counts[at])
		}
	}
	p.PositiveBucket.Counts = counts
	p.Exemplars = fresh(p.Exemplars, before.Exemplars)
	p.Count -= before.Count
	p.ZeroCount -= min(before.ZeroCount, p.ZeroCount)
	p.Sum = max(p.Sum-before.Sum, 0)
	return p, p.Attributes
}
