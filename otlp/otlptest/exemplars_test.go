package otlptest

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A real collector receives exemplars whose trace ID is one of OpenTelemetry's: with totals
// each time until a later one takes their place, and with deltas once.
func TestExemplars(t *testing.T) {
	const first, second, third = "4bf92f3577b34da6a3ce929d0e0e4736", "0000000000000000000000000000000a", "abababababababababababababababab"
	for name, test := range map[string]struct {
		environment []string
		want        []string
	}{
		"totals": {nil, []string{
			"2xx cumulative histogram exemplar 0.05 of " + first, "5xx cumulative histogram exemplar 2 of " + second,
			"2xx cumulative histogram exemplar 0.05 of " + first, "5xx cumulative histogram exemplar 2 of " + second + " exemplar 0.25 of " + third,
		}},
		"deltas": {[]string{"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=delta"}, []string{
			"2xx delta histogram exemplar 0.05 of " + first, "5xx delta histogram exemplar 2 of " + second,
			"2xx delta histogram", "5xx delta histogram exemplar 0.25 of " + third,
		}},
		"exponential deltas": {[]string{
			"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=delta",
			"OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION=base2_exponential_bucket_histogram",
		}, []string{
			"2xx delta exponential exemplar 0.05 of " + first, "5xx delta exponential exemplar 2 of " + second,
			"2xx delta exponential", "5xx delta exponential exemplar 0.25 of " + third,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			grpc, http := freeAddress(t), freeAddress(t)
			c := startCollector(t, grpc, http)
			environment(t, "http/protobuf", http, test.environment...)
			b := start(t)
			e := startExporter(t, b.Monitor)
			traced := func(d time.Duration, status int, trace string) {
				b.request(d, "GET", "/", status)
				b.rec.Exemplar(d, "GET", "/", status, trace)
			}
			traced(50*time.Millisecond, 200, first)
			traced(2*time.Second, 503, second)
			traced(5*time.Millisecond, 200, "another-kind-of-id")
			var got []string
			for i := range 2 {
				b.step()
				if err := e.Push(t.Context()); err != nil {
					t.Fatal(err)
				}
				_, points := c.last()
				for _, set := range []string{"http.request.method=GET,http.route=/,perfmon.status_class=2xx", "error.type=5xx,http.request.method=GET,http.route=/,perfmon.status_class=5xx"} {
					point := points["http.server.request.duration{"+set+"}"]
					kind, _, _ := strings.Cut(point, " s ")
					_, exemplars, any := strings.Cut(point, " exemplar ")
					if any {
						kind += " exemplar " + exemplars
					}
					got = append(got, set[len(set)-3:]+" "+kind)
				}
				if i == 0 {
					traced(250*time.Millisecond, 500, third)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
