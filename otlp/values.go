package otlp

import (
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/backend-prs/perfmon"
)

// prefix begins the names of metrics that the semantic conventions do not have.
const prefix = "perfmon."

// totals adds what the host counts.
func (b *batch) totals() {
	for _, t := range b.p.m.Metrics().Totals() {
		switch {
		case t.Metric == perfmon.CacheHitRate:
			if t.Count > 0 {
				b.counter(prefix+"cache.lookups", "{lookup}", "Lookups of the cache by result, hit or miss.",
					b.point(int64(t.Hits), attribute.String("result", "hit")), b.point(int64(t.Count-t.Hits), attribute.String("result", "miss")))
			}
		case t.Metric == perfmon.DatabaseQueryTimeAvg:
			if t.Count > 0 {
				b.mean("db.client.operation.duration", "Duration of database client operations.", t, attribute.String("db.system.name", b.p.database))
			}
		case t.Times != nil:
			b.histogram(prefix+t.Metric, b.help(t.Metric+"_avg"), []timed{{attributes: *attribute.EmptySet(), times: t.Times}})
		case b.isShare(t.Metric): // a gauge; see sample
		case isMean(t):
			b.mean(prefix+t.Metric, b.help(t.Metric), t)
		default:
			b.counter(prefix+t.Metric, "1", b.help(t.Metric), b.point(int64(t.Count)))
		}
	}
}

// mean adds a count and a sum of durations of which perfmon keeps no distribution. The one
// bucket says so.
func (b *batch) mean(name, help string, t perfmon.MetricTotal, attributes ...attribute.KeyValue) {
	b.add(name, "s", help, metricdata.Histogram[float64]{
		Temporality: metricdata.CumulativeTemporality,
		DataPoints: []metricdata.HistogramDataPoint[float64]{{
			Attributes: attribute.NewSet(attributes...), StartTime: b.start, Time: b.now,
			Count: t.Count, BucketCounts: []uint64{t.Count}, Sum: t.Seconds.Float(),
		}},
	})
}

// isMean reports whether a total is of durations that have no distribution.
func isMean(t perfmon.MetricTotal) bool {
	_, ok := t.Seconds.Get()
	return ok && t.Times == nil
}

// isShare reports whether a metric that is counted is a share in percent.
func (b *batch) isShare(metric string) bool {
	m, _ := b.p.m.Metrics().Get(metric)
	return m.Unit == "%"
}

// help returns a metric's sentence.
func (b *batch) help(metric string) string {
	m, _ := b.p.m.Metrics().Get(metric)
	return m.Help
}

// conventional are the metrics for which the semantic conventions have a name, and which
// are levels.
var conventional = map[string]struct {
	name, unit string
	scale      float64
}{
	perfmon.RequestsInFlight: {"http.server.active_requests", "{request}", 1},
	perfmon.MemoryUsageMB:    {"process.memory.usage", "By", 1 << 20},
	perfmon.OpenFDs:          {"process.unix.file_descriptor.count", "{file_descriptor}", 1},
	perfmon.OSThreads:        {"process.thread.count", "{thread}", 1},
}

// inGo are the metrics that runtime adds under the names of the semantic conventions.
var inGo = map[string]bool{perfmon.Goroutines: true, perfmon.HeapGoalMB: true, perfmon.AllocRateMB: true}

// staleSteps is after how many steps a sample is too old to be shown.
const staleSteps = 5

// sample adds the latest value of every metric.
func (b *batch) sample() {
	sample, ok := b.p.m.Current()
	if !ok || b.now.Sub(sample.Time) > staleSteps*b.p.m.Step() {
		return
	}
	counters := map[string]bool{}
	for _, t := range b.p.m.Metrics().Totals() {
		counters[t.Metric] = t.Times == nil && t.Metric != perfmon.DatabaseQueryTimeAvg && !b.isShare(t.Metric)
	}
	for m, v := range sample.All() {
		if v != v || counters[m.Name] || inGo[m.Name] { // absent, or there already
			continue
		}
		if c, ok := conventional[m.Name]; ok {
			b.level(c.name, c.unit, m.Help, b.point(int64(v*c.scale)))
			continue
		}
		unit, scale := baseUnit(m.Unit)
		name := strings.TrimPrefix(m.Name, "perfmon_") // figures of the monitor itself say it already
		b.gauge(prefix+name, unit, m.Help, v*scale)
	}
}

// baseUnit returns what a unit is in the Unified Code for Units of Measure, and by what a
// value is multiplied. A unit that is not known stays.
func baseUnit(unit string) (string, float64) {
	switch unit {
	case "", "count":
		return "1", 1
	case "%":
		return "1", 0.01
	case "ms":
		return "s", 1e-3
	case "MiB":
		return "By", 1 << 20
	case "MiB/s":
		return "By/s", 1 << 20
	}
	return unit, 1
}

// maxAlerts bounds how many active alerts are shown: the newest.
const maxAlerts = 200

// alerts adds the active alerts.
func (b *batch) alerts() {
	list, _ := b.p.m.Alerts().List(perfmon.AlertQuery{Active: true, Limit: maxAlerts})
	var points []metricdata.DataPoint[int64]
	seen := map[attribute.Distinct]bool{}
	for _, a := range list {
		attributes := []attribute.KeyValue{
			attribute.String("perfmon.metric", a.Metric), attribute.String("perfmon.severity", string(a.Severity)),
			attribute.String("perfmon.state", string(a.State)),
		}
		if a.Endpoint != "" {
			attributes = append(attributes, endpointAttributes(a.Endpoint)...)
		}
		if a.Organization != "" {
			attributes = append(attributes, attribute.String("perfmon.organization", valid(a.Organization)))
		}
		p := b.point(1, attributes...)
		if !seen[p.Attributes.Equivalent()] {
			seen[p.Attributes.Equivalent()] = true
			points = append(points, p)
		}
	}
	b.level(prefix+"alerts", "{alert}", "1 for each active alert.", points...)
}
