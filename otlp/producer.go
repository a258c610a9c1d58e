package otlp

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/backend-prs/perfmon"
)

// Producer hands the figures of a monitor to a reader of the OpenTelemetry SDK:
//
//	metric.NewPeriodicReader(exporter, metric.WithProducer(producer))
//
// It is safe for concurrent use, runs no code of the host and takes only locks that are held
// for microseconds. Its totals are cumulative.
type Producer struct {
	m        *perfmon.Monitor
	bounds   []float64
	database string
	begun    time.Time

	exponential bool // histograms
	delta       bool // histograms and counters

	mu   sync.Mutex
	last map[pointKey]any // the points of the time before, where delta is set; mu
	then time.Time        // when that was; mu
}

// scope names what makes the figures.
const scope = "github.com/backend-prs/perfmon/otlp"

// NewProducer returns a producer over a monitor. A nil monitor, and an option that is wrong,
// is a *perfmon.FieldError.
func NewProducer(m *perfmon.Monitor, options ...Option) (*Producer, error) {
	if m == nil {
		return nil, fmt.Errorf("otlp: %w", &perfmon.FieldError{Field: "monitor", Value: nil, Want: "a *perfmon.Monitor"})
	}
	p := &Producer{m: m, bounds: advised, database: "other_sql", begun: m.Now().Add(-m.Uptime())}
	for _, o := range options {
		if o == nil {
			return nil, fmt.Errorf("otlp: %w", &perfmon.FieldError{Field: "Option", Value: nil, Want: "an option"})
		}
		if err := o(p); err != nil {
			return nil, fmt.Errorf("otlp: %w", err)
		}
	}
	return p, nil
}

// follow takes over what the environment has told an exporter of the kind of histograms and
// of what figures count from.
func (p *Producer) follow(e metric.Exporter) {
	_, p.exponential = e.Aggregation(metric.InstrumentKindHistogram).(metric.AggregationBase2ExponentialHistogram)
	p.delta = e.Temporality(metric.InstrumentKindHistogram) == metricdata.DeltaTemporality
	p.last, p.then = map[pointKey]any{}, p.begun
}

// Produce returns the figures as they were at the latest step. A panic in it, which would be
// a bug of this package, is an error.
func (p *Producer) Produce(context.Context) (list []metricdata.ScopeMetrics, err error) {
	defer func() {
		if r := recover(); r != nil {
			list, err = nil, fmt.Errorf("otlp: panic: %v", r)
		}
	}()
	if p.delta { // what is gathered later must not be compared first
		p.mu.Lock()
		defer p.mu.Unlock()
	}
	b := &batch{p: p, start: p.begun, now: p.m.Now()}
	b.requests()
	b.totals()
	b.sample()
	b.alerts()
	b.runtime()
	if p.delta {
		p.sinceLast(b)
	}
	return []metricdata.ScopeMetrics{{Scope: instrumentation.Scope{Name: scope}, Metrics: b.metrics}}, nil
}

// batch is what one call of Produce gathers.
type batch struct {
	p          *Producer
	start, now time.Time
	metrics    []metricdata.Metrics
}

func (b *batch) add(name, unit, help string, data metricdata.Aggregation) {
	b.metrics = append(b.metrics, metricdata.Metrics{Name: name, Unit: unit, Description: valid(help), Data: data})
}

// counter adds what never goes down.
func (b *batch) counter(name, unit, help string, points ...metricdata.DataPoint[int64]) {
	if len(points) > 0 {
		b.add(name, unit, help, metricdata.Sum[int64]{DataPoints: points, Temporality: metricdata.CumulativeTemporality, IsMonotonic: true})
	}
}

// level adds what goes up and down, and may be added up over processes.
func (b *batch) level(name, unit, help string, points ...metricdata.DataPoint[int64]) {
	if len(points) > 0 {
		b.add(name, unit, help, metricdata.Sum[int64]{DataPoints: points, Temporality: metricdata.CumulativeTemporality})
	}
}

func (b *batch) gauge(name, unit, help string, v float64) {
	b.add(name, unit, help, metricdata.Gauge[float64]{DataPoints: []metricdata.DataPoint[float64]{{Time: b.now, Value: v}}})
}

func (b *batch) point(v int64, attributes ...attribute.KeyValue) metricdata.DataPoint[int64] {
	return metricdata.DataPoint[int64]{Attributes: attribute.NewSet(attributes...), StartTime: b.start, Time: b.now, Value: v}
}

// valid returns text that OTLP takes.
func valid(text string) string { return strings.ToValidUTF8(text, "\ufffd") }
