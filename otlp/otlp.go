// Package otlp pushes the figures of a perfmon monitor to an OpenTelemetry collector, or to
// what speaks OTLP itself, such as Datadog, New Relic and Grafana Cloud:
//
//	e, err := otlp.Start(m)
//	if err != nil {
//		return err
//	}
//	defer e.Close()
//
// Where to, and how often, the environment says, as for every OpenTelemetry SDK:
// OTEL_EXPORTER_OTLP_ENDPOINT and the other OTEL_EXPORTER_OTLP_ variables,
// OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES and OTEL_METRIC_EXPORT_INTERVAL, 60 s by
// default. Names and attributes are those of OpenTelemetry's semantic conventions, where it
// has any; docs/exporters.md lists all there is.
//
// A service that has a MeterProvider of its own gives its reader a [Producer] instead.
package otlp

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/backend-prs/perfmon"
)

// Exporter pushes until it is closed. It is safe for concurrent use. It runs beside the
// service: whether its receiver answers, hangs or is away, requests and the monitor go on.
// What it pushes are totals since the start, so a push that fails loses no counts.
type Exporter struct {
	provider *metric.MeterProvider // nil: switched off by OTEL_SDK_DISABLED
	close    func() error

	mu     sync.Mutex
	status Status // mu
}

// Status is how the pushes have fared.
type Status struct {
	Pushes    uint64    // that were accepted
	Failures  uint64    // that were not
	LastError string    // of the latest failure; "" where there was none
	LastPush  time.Time // when the latest was accepted, by real time
}

// Start begins to push the figures of a monitor, which may start later. Errors: a
// *perfmon.FieldError for a nil monitor, an option or a protocol that is not known, and what
// the exporter of the SDK says of its variables. That nobody listens is no error.
func Start(m *perfmon.Monitor, options ...Option) (*Exporter, error) {
	e := &Exporter{close: func() error { return nil }}
	producer, err := NewProducer(m, options...)
	if err != nil {
		return nil, err
	}
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") {
		return e, nil
	}
	ctx := context.Background()
	exporter, err := newExporter(ctx)
	if err != nil {
		return nil, fmt.Errorf("otlp: %w", err)
	}
	resource, err := newResource(ctx, m.Service())
	if err != nil {
		return nil, fmt.Errorf("otlp: %w", err)
	}
	producer.follow(exporter)
	reader := metric.NewPeriodicReader(&noting{exporter, e}, metric.WithProducer(producer))
	e.provider = metric.NewMeterProvider(metric.WithReader(reader), metric.WithResource(resource))
	e.close = sync.OnceValue(e.shutDown)
	return e, nil
}

// newExporter makes the one that the environment names.
func newExporter(ctx context.Context) (metric.Exporter, error) {
	name := "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL"
	protocol := os.Getenv(name)
	if protocol == "" {
		name = "OTEL_EXPORTER_OTLP_PROTOCOL"
		protocol = os.Getenv(name)
	}
	switch protocol {
	case "grpc":
		return otlpmetricgrpc.New(ctx)
	case "", "http/protobuf":
		return otlpmetrichttp.New(ctx)
	}
	return nil, &perfmon.FieldError{Field: name, Value: protocol, Want: `"grpc" or "http/protobuf"`}
}

// Push pushes at once, and returns when the receiver has answered or ctx ends.
func (e *Exporter) Push(ctx context.Context) error {
	if e.provider == nil {
		return nil
	}
	before := e.Status().Failures
	if err := e.provider.ForceFlush(ctx); err != nil {
		return fmt.Errorf("otlp: %w", err)
	}
	if s := e.Status(); s.Failures > before {
		return fmt.Errorf("otlp: %s", s.LastError)
	}
	return nil
}

// closeGrace is how long Close waits for the last push.
const closeGrace = 5 * time.Second

// Close pushes once more and ends, within 5 s. Close the monitor after it. Closing twice
// changes nothing. That the last push failed is no error; the status has it.
func (e *Exporter) Close() error { return e.close() }

func (e *Exporter) shutDown() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
	defer cancel()
	if err := e.provider.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("otlp: %w", err)
	}
	return nil
}

// Status returns how the pushes have fared.
func (e *Exporter) Status() Status {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.status
}

// noting is an exporter that keeps errors in the status, and from the SDK, which would print
// each of them to the standard error of the service.
type noting struct {
	metric.Exporter
	e *Exporter
}

func (n *noting) Export(ctx context.Context, metrics *metricdata.ResourceMetrics) error {
	err := n.Exporter.Export(ctx, metrics)
	n.e.mu.Lock()
	defer n.e.mu.Unlock()
	if err != nil {
		n.e.status.Failures++
		n.e.status.LastError = err.Error()
		return nil
	}
	n.e.status.Pushes++
	n.e.status.LastPush = time.Now()
	return nil
}
