package otlp_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/otlp"
)

// What a push of 100 busy endpoints takes before it is sent.
func BenchmarkProduce(b *testing.B) {
	clk := clock.NewMock()
	m, err := perfmon.New(perfmon.WithClock(clk), perfmon.WithoutSystemMetrics())
	if err != nil {
		b.Fatal(err)
	}
	samples := make(chan perfmon.Sample, 10)
	m.Subscribe(func(s perfmon.Sample) { samples <- s })
	if err := m.Start(context.Background()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = m.Close() })
	recorder, random := m.NewRecorder(), rand.New(rand.NewPCG(1, 2))
	for i := range 100 {
		for range 1000 {
			d := time.Duration(10e6 * math.Exp(random.NormFloat64()))
			recorder.Record(d, &perfmon.Response{Method: "GET", Pattern: fmt.Sprintf("/endpoint/%d", i), Status: 200})
		}
	}
	clk.Add(m.Step())
	<-samples
	producer, err := otlp.NewProducer(m)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		list, err := producer.Produce(b.Context())
		if err != nil || len(list[0].Metrics[0].Data.(metricdata.Histogram[float64]).DataPoints) != 100 {
			b.Fatal(list, err)
		}
	}
}
