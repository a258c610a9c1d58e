package main

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/DataDog/sketches-go/ddsketch"
	hdr "github.com/HdrHistogram/hdrhistogram-go"
	vm "github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/sketch"
)

// durations are what recorders record: lognormal around 10 ms.
var durations = func() (list [4096]time.Duration) {
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range list {
		list[i] = time.Duration(math.Exp(rng.NormFloat64()) * 1e7)
	}
	return list
}()

// recording makes a contender of a way to record durations. each is called once for each
// worker, for those who have something of its own.
func recording(name string, each func() func(time.Duration)) contender {
	return contender{name, func() func(int) {
		record, at := each(), 0
		return func(n int) {
			for range n {
				record(durations[at&(len(durations)-1)])
				at++
			}
		}
	}}
}

// shared is recording for what all workers share.
func shared(name string, record func(time.Duration)) contender {
	return recording(name, func() func(time.Duration) { return record })
}

// recorders are ways to record one duration. The first is what all else is compared with.
func recorders() []contender {
	m := newMonitor()
	timer, err := m.Metrics().Timer(perfmon.Metric{Name: "work"})
	if err != nil {
		panic(err)
	}
	var one sketch.Atomic
	type ownLine struct {
		_ [64]byte
		n atomic.Uint64
		_ [64]byte
	}
	victoria := vm.NewSet().NewHistogram("seconds")
	classic := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "seconds"})
	native := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "seconds", NativeHistogramBucketFactor: 1.1})
	otel, err := metric.NewMeterProvider(metric.WithReader(metric.NewManualReader())).Meter("bench").Float64Histogram("seconds")
	if err != nil {
		panic(err)
	}
	dd, err := ddsketch.NewDefaultDDSketch(0.01)
	if err != nil {
		panic(err)
	}
	high := hdr.New(1, int64(time.Hour), 2)
	var ddLock, highLock sync.Mutex
	response := perfmon.Response{Method: "GET", Pattern: pattern(0), Status: 200}
	background := context.Background()
	return []contender{
		recording("one uncontended atomic addition", func() func(time.Duration) {
			var line ownLine
			return func(time.Duration) { line.n.Add(1) }
		}),
		recording("**perfmon** `Recorder.Record`, a whole request", func() func(time.Duration) {
			r := m.NewRecorder()
			return func(d time.Duration) { r.Record(d, &response) }
		}),
		shared("**perfmon** `Timer.Record`", timer.Record),
		shared("**perfmon** `RecordQuery`", m.RecordQuery),
		shared("**perfmon** `RecordCacheHit`", func(time.Duration) { m.RecordCacheHit() }),
		shared("**perfmon** `sketch.Atomic`", func(d time.Duration) { one.Add(uint64(d)) }),
		shared("VictoriaMetrics/metrics, histogram", func(d time.Duration) { victoria.Update(d.Seconds()) }),
		shared("HdrHistogram, 2 digits, and a mutex", func(d time.Duration) {
			highLock.Lock()
			_ = high.RecordValue(int64(d))
			highLock.Unlock()
		}),
		shared("DDSketch, 1 %, and a mutex", func(d time.Duration) {
			ddLock.Lock()
			_ = dd.Add(d.Seconds())
			ddLock.Unlock()
		}),
		shared("client_golang, classic histogram", func(d time.Duration) { classic.Observe(d.Seconds()) }),
		shared("client_golang, native histogram", func(d time.Duration) { native.Observe(d.Seconds()) }),
		shared("OpenTelemetry SDK, histogram", func(d time.Duration) { otel.Record(background, d.Seconds()) }),
	}
}
