package otlp

import (
	"math"
	"runtime/metrics"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// What is read of the runtime. The names it goes by in go.* are those of the semantic
// conventions.
const (
	memoryTotal    = "/memory/classes/total:bytes"
	memoryReleased = "/memory/classes/heap/released:bytes"
	memoryStacks   = "/memory/classes/heap/stacks:bytes"
	memoryLimit    = "/gc/gomemlimit:bytes"
	allocBytes     = "/gc/heap/allocs:bytes"
	allocObjects   = "/gc/heap/allocs:objects"
	heapGoal       = "/gc/heap/goal:bytes"
	goroutines     = "/sched/goroutines:goroutines"
	processors     = "/sched/gomaxprocs:threads"
	gogc           = "/gc/gogc:percent"
	latencies      = "/sched/latencies:seconds"
)

// runtime adds go.*.
func (b *batch) runtime() {
	names := []string{memoryTotal, memoryReleased, memoryStacks, memoryLimit, allocBytes, allocObjects, heapGoal, goroutines, processors, gogc, latencies}
	samples := make([]metrics.Sample, len(names))
	for i, name := range names {
		samples[i].Name = name
	}
	metrics.Read(samples)
	numbers := map[string]int64{}
	for _, s := range samples {
		if s.Value.Kind() == metrics.KindUint64 {
			numbers[s.Name] = int64(min(s.Value.Uint64(), math.MaxInt64))
		}
	}
	kind := func(name string) attribute.KeyValue { return attribute.String("go.memory.type", name) }
	b.level("go.memory.used", "By", "Memory used by the Go runtime.",
		b.point(numbers[memoryStacks], kind("stack")),
		b.point(numbers[memoryTotal]-numbers[memoryReleased]-numbers[memoryStacks], kind("other")))
	if limit := numbers[memoryLimit]; limit != math.MaxInt64 {
		b.level("go.memory.limit", "By", "Go runtime memory limit configured by the user, if a limit exists.", b.point(limit))
	}
	b.counter("go.memory.allocated", "By", "Memory allocated to the heap by the application.", b.point(numbers[allocBytes]))
	b.counter("go.memory.allocations", "{allocation}", "Count of allocations to the heap by the application.", b.point(numbers[allocObjects]))
	b.level("go.memory.gc.goal", "By", "Heap size target for the end of the GC cycle.", b.point(numbers[heapGoal]))
	b.level("go.goroutine.count", "{goroutine}", "Count of live goroutines.", b.point(numbers[goroutines]))
	b.level("go.processor.limit", "{thread}", "The number of OS threads that can execute user-level Go code simultaneously.", b.point(numbers[processors]))
	b.level("go.config.gogc", "%", "Heap size target percentage configured by the user, otherwise 100.", b.point(numbers[gogc]))
	if v := samples[len(samples)-1].Value; v.Kind() == metrics.KindFloat64Histogram {
		b.schedule(v.Float64Histogram())
	}
}

// schedule adds go.schedule.duration, in the buckets of the other histograms. A bucket of the
// runtime counts where its middle lies; the sum is of those middles.
func (b *batch) schedule(h *metrics.Float64Histogram) {
	p := metricdata.HistogramDataPoint[float64]{
		StartTime: b.start, Time: b.now, Bounds: scheduleBounds, BucketCounts: make([]uint64, len(scheduleBounds)+1),
	}
	for i, n := range h.Counts {
		if n == 0 {
			continue
		}
		low, high := max(h.Buckets[i], 0), h.Buckets[i+1]
		if math.IsInf(high, 1) {
			high = low
		}
		middle, at := (low+high)/2, 0
		for at < len(scheduleBounds) && middle > scheduleBounds[at] {
			at++
		}
		p.BucketCounts[at] += n
		p.Count += n
		p.Sum += middle * float64(n)
	}
	b.add("go.schedule.duration", "s", "The time goroutines have spent in the scheduler in a runnable state before actually running.",
		metricdata.Histogram[float64]{Temporality: metricdata.CumulativeTemporality, DataPoints: []metricdata.HistogramDataPoint[float64]{p}})
}

// scheduleBounds are from 1 µs to 1 s, in seconds.
var scheduleBounds = []float64{1e-6, 1e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1}
