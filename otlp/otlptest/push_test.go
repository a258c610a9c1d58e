package otlptest

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/otlp"
)

// bench is a monitor on a mock clock.
type bench struct {
	*perfmon.Monitor
	t       *testing.T
	clock   *clock.Mock
	rec     *perfmon.Recorder
	samples chan perfmon.Sample
}

func start(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, clock: clock.NewMock(), samples: make(chan perfmon.Sample, 1)}
	b.clock.Set(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	m, err := perfmon.New(perfmon.WithClock(b.clock), perfmon.WithoutSystemMetrics(),
		perfmon.WithService(perfmon.Service{Name: "told", Version: "1.2", Instance: "a", Environment: "test"}))
	if err != nil {
		t.Fatal(err)
	}
	b.Monitor, b.rec = m, m.NewRecorder()
	over := make(chan struct{})
	m.Subscribe(func(s perfmon.Sample) {
		select {
		case b.samples <- s:
		case <-over:
		}
	})
	if err := m.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		close(over)
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func (b *bench) step() {
	b.t.Helper()
	b.clock.Add(b.Step())
	select {
	case <-b.samples:
	case <-time.After(30 * time.Second):
		b.t.Fatal("no sample came of a step")
	}
}

func (b *bench) request(d time.Duration, method, pattern string, status int) {
	b.rec.Record(d, &perfmon.Response{Method: method, Pattern: pattern, Status: status})
}

// traffic is a step of requests.
func (b *bench) traffic() {
	b.t.Helper()
	for range 9 {
		b.request(5*time.Millisecond, "GET", "GET shop.example/orders/{id}", 200)
	}
	b.request(60*time.Millisecond, "GET", "/orders/{id}", 200)
	b.request(20*time.Second, "POST", "/orders", 503)
	b.request(time.Millisecond, "PROPFIND", "/dav/", 404)
	b.request(time.Millisecond, "GET", "", 404)
	b.RecordQuery(250 * time.Millisecond)
	b.RecordCacheHit()
	b.RecordCacheMiss()
	b.step()
}

// environment has the exporter push to an address, and only when it is told to.
func environment(t *testing.T, protocol, addr string, more ...string) {
	t.Helper()
	for _, kv := range append([]string{
		"OTEL_EXPORTER_OTLP_PROTOCOL=" + protocol, "OTEL_EXPORTER_OTLP_ENDPOINT=http://" + addr,
		"OTEL_METRIC_EXPORT_INTERVAL=3600000", "OTEL_SERVICE_NAME=shop", "OTEL_RESOURCE_ATTRIBUTES=team=checkout,service.version=2.0",
	}, more...) {
		name, value, _ := strings.Cut(kv, "=")
		t.Setenv(name, value)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		if !errors.Is(err, context.Canceled) { // by Close
			t.Errorf("the SDK would print: %v", err)
		}
	}))
}

func startExporter(t *testing.T, m *perfmon.Monitor, options ...otlp.Option) *otlp.Exporter {
	t.Helper()
	e, err := otlp.Start(m, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// itself are the figures of the monitor itself that a monitor without a store has.
var itself = []string{
	"perfmon.step_duration{}", "perfmon.events_merged{}", "perfmon.dropped{}", "perfmon.requests_folded{}", "perfmon.panics_contained{}",
	"perfmon.collector_failures{}", "perfmon.held_mb{}",
}

// only returns the points that are of requests and of what the host records.
func only(points map[string]string) map[string]string {
	list := map[string]string{}
	for name, value := range points {
		if !strings.HasPrefix(name, "go.") && !slices.Contains(itself, name) {
			list[name] = value
		}
	}
	return list
}

const advised = " in [0.005 0.01 0.025 0.05 0.075 0.1 0.25 0.5 0.75 1 2.5 5 7.5 10]"

// A real collector receives what the monitor counted, under the names of the semantic
// conventions, by both protocols.
func TestPush(t *testing.T) {
	grpc, http := freeAddress(t), freeAddress(t)
	c := startCollector(t, grpc, http)
	for protocol, addr := range map[string]string{"grpc": grpc, "http/protobuf": http} {
		t.Run(protocol, func(t *testing.T) {
			environment(t, protocol, addr)
			b := start(t)
			e := startExporter(t, b.Monitor, otlp.WithDatabaseSystem("postgresql"))
			if _, err := b.Alerts().Raise(perfmon.HostAlert{Metric: "disk", Severity: perfmon.Warning, Message: "full"}); err != nil {
				t.Fatal(err)
			}
			spare, err := b.Metrics().Share(perfmon.Metric{Name: "spare_percent", Help: "Parts that were spare."})
			if err != nil {
				t.Fatal(err)
			}
			wait, err := b.Metrics().Mean(perfmon.Metric{Name: "lock_wait", Help: "Wait for a lock."})
			if err != nil {
				t.Fatal(err)
			}
			wait.Follow(10, time.Minute)
			b.traffic()
			spare.Add(1, 4)
			wait.Follow(14, time.Minute+2*time.Second)
			b.traffic()
			if err := e.Push(t.Context()); err != nil {
				t.Fatal(err)
			}
			resource, points := c.last()
			if want := "deployment.environment.name=test,service.instance.id=a,service.name=shop,service.version=2.0,team=checkout,telemetry.sdk.language=go,telemetry.sdk.name=opentelemetry,telemetry.sdk.version=" + otel.Version(); resource != want {
				t.Errorf("resource %s, not %s", resource, want)
			}
			want := map[string]string{
				"http.server.request.duration{http.request.method=GET,http.route=/orders/{id},perfmon.status_class=2xx}":            "cumulative histogram s count 20 sum 0.2103 of [18 0 0 0 2 0 0 0 0 0 0 0 0 0 0]" + advised,
				"http.server.request.duration{error.type=5xx,http.request.method=POST,http.route=/orders,perfmon.status_class=5xx}": "cumulative histogram s count 2 sum 40 of [0 0 0 0 0 0 0 0 0 0 0 0 0 0 2]" + advised,
				"http.server.request.duration{http.request.method=_OTHER,http.route=/dav/,perfmon.status_class=4xx}":                "cumulative histogram s count 2 sum 0.002007 of [2 0 0 0 0 0 0 0 0 0 0 0 0 0 0]" + advised,
				"http.server.request.duration{http.request.method=_OTHER,perfmon.status_class=4xx}":                                 "cumulative histogram s count 2 sum 0.002007 of [2 0 0 0 0 0 0 0 0 0 0 0 0 0 0]" + advised,
				"http.server.active_requests{}":                                                   "cumulative sum {request} 0",
				"db.client.operation.duration{db.system.name=postgresql}":                         "cumulative histogram s count 2 sum 0.5 of [2] in []",
				"perfmon.cache.lookups{result=hit}":                                               "cumulative counter {lookup} 2",
				"perfmon.cache.lookups{result=miss}":                                              "cumulative counter {lookup} 2",
				"perfmon.alerts{perfmon.metric=disk,perfmon.severity=warning,perfmon.state=open}": "cumulative sum {alert} 1",
				"perfmon.spare_percent{}":                                                         "gauge 1 0.25",
				"perfmon.lock_wait{}":                                                             "cumulative histogram s count 4 sum 2 of [4] in []",
				"perfmon.cache_hit_rate{}":                                                        "gauge 1 0.5",
				"perfmon.database_query_time_avg{}":                                               "gauge s 0.25",
				"perfmon.error_rate{}":                                                            "gauge 1 0.07692",
				"perfmon.response_time_avg{}":                                                     "gauge s 1.547",
				"perfmon.response_time_p50{}":                                                     "gauge s 0.005014",
				"perfmon.response_time_p95{}":                                                     "gauge s 20",
				"perfmon.response_time_p99{}":                                                     "gauge s 20",
				"perfmon.streams_open{}":                                                          "gauge 1 0",
				"perfmon.throughput_rps{}":                                                        "gauge 1/s 1.3",
			}
			if diff := cmp.Diff(want, only(points)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, name := range []string{
				"go.memory.used{go.memory.type=stack}", "go.memory.used{go.memory.type=other}", "go.memory.allocated{}", "go.memory.allocations{}",
				"go.memory.gc.goal{}", "go.goroutine.count{}", "go.processor.limit{}", "go.config.gogc{}", "go.schedule.duration{}",
			} {
				if v := points[name]; v == "" || strings.HasSuffix(v, " 0") {
					t.Errorf("%s is %q", name, v)
				}
			}
			for _, name := range itself {
				if points[name] == "" {
					t.Errorf("there is no %s", name)
				}
			}
		})
	}
}

// What the environment says of histograms and of what figures count from is done.
func TestPreferences(t *testing.T) {
	grpc, http := freeAddress(t), freeAddress(t)
	c := startCollector(t, grpc, http)
	environment(t, "http/protobuf", http, "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=delta",
		"OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION=base2_exponential_bucket_histogram")
	b := start(t)
	e := startExporter(t, b.Monitor)
	const orders = "http.server.request.duration{http.request.method=GET,http.route=/orders/{id},perfmon.status_class=2xx}"
	for i, test := range []struct {
		steps                 int
		orders, hits, queries string
	}{
		{1, "delta exponential s count 10 sum 0.1052 scale 6: 230 buckets from -489", "delta counter {lookup} 1", "delta histogram s count 1 sum 0.25 of [1] in []"},
		{2, "delta exponential s count 20 sum 0.2103 scale 6: 230 buckets from -489", "delta counter {lookup} 2", "delta histogram s count 2 sum 0.5 of [2] in []"},
		{0, "delta exponential s count 0 sum 0 scale 6: 230 buckets from -489", "delta counter {lookup} 0", "delta histogram s count 0 sum 0 of [0] in []"},
	} {
		for range test.steps {
			b.traffic()
		}
		if err := e.Push(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, points := c.last()
		got := []string{points[orders], points["perfmon.cache.lookups{result=hit}"], points["db.client.operation.duration{db.system.name=other_sql}"]}
		for j := range got {
			got[j] = strings.Replace(got[j], "count  ", "count 0 ", 1) // JSON leaves a 0 out
			got[j] = strings.TrimSpace(got[j])
		}
		if diff := cmp.Diff([]string{test.orders, test.hits, test.queries}, got); diff != "" {
			t.Errorf("push %d (-want +got):\n%s", i, diff)
		}
	}
}

// A collector that is away, or takes a connection and never answers, costs the host
// nothing; when it is back it has the totals of all requests.
func TestDownSlowAndBack(t *testing.T) {
	for name, protocol := range map[string]string{"grpc": "grpc", "http": "http/protobuf"} {
		t.Run(name, func(t *testing.T) {
			addr, other := freeAddress(t), freeAddress(t)
			environment(t, protocol, addr, "OTEL_METRIC_EXPORT_INTERVAL=50", "OTEL_METRIC_EXPORT_TIMEOUT=200")
			b := start(t)
			e := startExporter(t, b.Monitor)
			served := 0
			serve := func() {
				b.traffic()
				served++
			}
			serve()
			until(t, "a push fails", func() bool { return e.Status().Failures >= 2 })

			hung, err := net.Listen("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			var taken atomic.Int64
			go func() {
				for {
					if _, err := hung.Accept(); err != nil {
						return
					}
					taken.Add(1) // and says nothing
				}
			}()
			before := e.Status().Failures
			until(t, "pushes fail whose connection was taken", func() bool { return taken.Load() > 0 && e.Status().Failures >= before+2 })
			serve()
			if s := e.Status(); s.Pushes != 0 || s.LastError == "" || !s.LastPush.IsZero() {
				t.Errorf("status %+v", s)
			}
			_ = hung.Close()

			grpc, http := addr, other
			if protocol != "grpc" {
				grpc, http = other, addr
			}
			c := startCollector(t, grpc, http)
			serve()
			until(t, "a push is accepted", func() bool { return e.Status().Pushes >= 3 })
			_, points := c.last()
			if got := points["perfmon.cache.lookups{result=hit}"]; got != "cumulative counter {lookup} 3" || served != 3 {
				t.Errorf("after %d steps: %s", served, got)
			}
		})
	}
}

// An exporter that is closed while its receiver hangs ends nevertheless, and is switched off
// by the variable that switches off every SDK.
func TestCloseAndSwitchedOff(t *testing.T) {
	hung, err := net.Listen("tcp", "127.0.0.1:0") // the kernel takes connections; nobody answers
	if err != nil {
		t.Fatal(err)
	}
	defer hung.Close()
	environment(t, "http/protobuf", hung.Addr().String(), "OTEL_METRIC_EXPORT_TIMEOUT=300")
	b := start(t)
	e, err := otlp.Start(b.Monitor)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Push(t.Context()); err == nil {
		t.Error("a push that nobody answers succeeded")
	}
	for range 2 {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Setenv("OTEL_SDK_DISABLED", "true")
	e = startExporter(t, b.Monitor)
	if err := e.Push(t.Context()); err != nil || e.Status() != (otlp.Status{}) {
		t.Errorf("%v, %+v", err, e.Status())
	}
}
