package otlp

import (
	"context"
	"math"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/backend-prs/perfmon"
)

// Option sets up an exporter or a producer. A nil Option is refused.
type Option func(*Producer) error

// advised are the bounds in seconds that the semantic conventions advise for
// http.server.request.duration.
var advised = []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}

// WithBuckets sets the upper bounds of buckets, in seconds, ascending, at most 1000. Default:
// those that the semantic conventions advise, 5 ms to 10 s. They do not count where
// OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION says
// base2_exponential_bucket_histogram.
func WithBuckets(bounds ...float64) Option {
	return func(p *Producer) error {
		if len(bounds) == 0 || len(bounds) > 1000 {
			return &perfmon.FieldError{Field: "buckets", Value: len(bounds), Want: "1 to 1000 bounds"}
		}
		for i, b := range bounds {
			if !(b > 0) || math.IsInf(b, 0) || i > 0 && b <= bounds[i-1] {
				return &perfmon.FieldError{Field: "buckets", Value: b, Want: "bounds above 0 that ascend"}
			}
		}
		p.bounds = append([]float64(nil), bounds...)
		return nil
	}
}

// WithDatabaseSystem sets the attribute db.system.name of database queries, such as
// "postgresql". Default: "other_sql".
func WithDatabaseSystem(name string) Option {
	return func(p *Producer) error {
		if name == "" || len(name) > 100 {
			return &perfmon.FieldError{Field: "database system", Value: name, Want: "1 to 100 bytes"}
		}
		p.database = name
		return nil
	}
}

// newResource says which process the figures are of: what the environment says goes before
// what the monitor was told.
func newResource(ctx context.Context, s perfmon.Service) (*resource.Resource, error) {
	var told []attribute.KeyValue
	for _, a := range []struct{ key, value string }{
		{"service.name", s.Name}, {"service.version", s.Version}, {"service.instance.id", s.Instance}, {"deployment.environment.name", s.Environment},
	} {
		if a.value != "" {
			told = append(told, attribute.String(a.key, valid(a.value)))
		}
	}
	env, err := resource.New(ctx, resource.WithFromEnv())
	if err != nil {
		return nil, err
	}
	all, err := resource.Merge(resource.Default(), resource.NewSchemaless(told...))
	if err != nil {
		return nil, err
	}
	return resource.Merge(all, env)
}
