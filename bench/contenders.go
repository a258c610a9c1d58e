package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	vm "github.com/VictoriaMetrics/metrics"
	chimiddleware "github.com/go-chi/chi/v5/middleware"
	"github.com/gorilla/handlers"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	slokmetrics "github.com/slok/go-http-metrics/metrics/prometheus"
	slokmiddleware "github.com/slok/go-http-metrics/middleware"
	slokstd "github.com/slok/go-http-metrics/middleware/std"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/middleware"
)

// routes is how many different endpoints the requests go to in turn.
const routes = 50

// writer is a response writer of the kind that the server of HTTP/1.1 gives: a Flusher, a
// Hijacker, a ReaderFrom and a CloseNotifier.
type writer struct{ header http.Header }

func (w *writer) Header() http.Header                 { return w.header }
func (w *writer) Write(b []byte) (int, error)         { return len(b), nil }
func (w *writer) WriteString(s string) (int, error)   { return len(s), nil }
func (w *writer) WriteHeader(int)                     {}
func (w *writer) Flush()                              {}
func (w *writer) CloseNotify() <-chan bool            { return nil }
func (w *writer) ReadFrom(r io.Reader) (int64, error) { return io.Copy(io.Discard, r) }
func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return nil, nil, errors.New("there is no connection")
}

var (
	contentType = []string{"text/plain; charset=utf-8"}
	body        = []byte("ok")
)

// answer is the handler that all are around: it sets a header and writes two bytes.
var answer http.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
	w.Header()["Content-Type"] = contentType
	_, _ = w.Write(body)
})

// pattern is the one that http.ServeMux would set for a route.
func pattern(i int) string { return fmt.Sprintf("GET /api/v1/resource%d/{id}", i) }

// requests are made ahead.
func requests(n int) []*http.Request {
	list := make([]*http.Request, n)
	for i := range list {
		r, err := http.NewRequest("GET", fmt.Sprintf("/api/v1/resource%d/7", i), nil)
		if err != nil {
			panic(err)
		}
		r.Pattern = patterns[i]
		r.Header.Set("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
		list[i] = r
	}
	return list
}

// patterns are the same strings for all, as a router's are.
var patterns = func() (list [routes]string) {
	for i := range list {
		list[i] = pattern(i)
	}
	return list
}()

// around makes a contender of handlers: one for each route, or one for all.
func around(name string, n int, handlers ...http.Handler) contender {
	return contender{name, func() func(int) {
		list, w, at := requests(n), &writer{http.Header{}}, 0
		all := make([]http.Handler, n)
		for i := range all {
			all[i] = handlers[i%len(handlers)]
		}
		return func(count int) {
			for range count {
				all[at].ServeHTTP(w, list[at])
				if at++; at == n {
					at = 0
				}
			}
		}
	}}
}

// eachRoute makes a handler for every route, for those who name it ahead.
func eachRoute(wrap func(route string) http.Handler) []http.Handler {
	list := make([]http.Handler, routes)
	for i := range list {
		list[i] = wrap(pattern(i))
	}
	return list
}

// twoReadings is the limit: no middleware that times requests costs less.
func twoReadings() http.Handler {
	epoch := time.Now()
	var negative atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Since(epoch)
		answer.ServeHTTP(w, r)
		if d := time.Since(epoch) - start; d < 0 {
			negative.Add(1)
		}
	})
}

func newMonitor(opts ...perfmon.Option) *perfmon.Monitor {
	m, err := perfmon.New(opts...)
	if err != nil {
		log.Fatal(err)
	}
	return m
}

func perfmonAround(opts ...middleware.Option) http.Handler {
	return middleware.New(newMonitor(), opts...)(answer)
}

var who = middleware.Identity{User: "user-17", Session: "session-4711", Organization: "acme"}

func identify(*http.Request) middleware.Identity { return who }

// statusWriter is what wiring a metrics library by hand takes.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// victoria is wired by hand: requests in flight, a counter and a histogram, which are
// looked up ahead. Its writer hides the server's Flusher and the like.
func victoria() []http.Handler {
	set := vm.NewSet()
	flight := set.NewGauge("in_flight", nil)
	return eachRoute(func(route string) http.Handler {
		total := set.NewCounter(fmt.Sprintf(`requests_total{path=%q,code="200"}`, route))
		failed := set.NewCounter(fmt.Sprintf(`requests_total{path=%q,code="500"}`, route))
		seconds := set.NewHistogram(fmt.Sprintf(`request_seconds{path=%q}`, route))
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			start := time.Now()
			flight.Inc()
			sw := &statusWriter{ResponseWriter: w, status: 200}
			answer.ServeHTTP(sw, r)
			if sw.status >= 500 {
				failed.Inc()
			} else {
				total.Inc()
			}
			seconds.UpdateDuration(start)
			flight.Dec()
		})
	})
}

func slok() []http.Handler {
	m := slokmiddleware.New(slokmiddleware.Config{
		Recorder: slokmetrics.NewRecorder(slokmetrics.Config{Registry: prometheus.NewRegistry()}),
	})
	return eachRoute(func(route string) http.Handler { return slokstd.Handler(route, m, answer) })
}

// prometheusHTTP counts, times and tracks what is in flight, by route.
func prometheusHTTP(opts prometheus.HistogramOpts) []http.Handler {
	opts.Name = "seconds"
	labels := []string{"path", "code", "method"}
	total := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "requests_total"}, labels)
	seconds := prometheus.NewHistogramVec(opts, labels)
	flight := prometheus.NewGauge(prometheus.GaugeOpts{Name: "in_flight"})
	return eachRoute(func(route string) http.Handler {
		label := prometheus.Labels{"path": route}
		return promhttp.InstrumentHandlerInFlight(flight,
			promhttp.InstrumentHandlerDuration(seconds.MustCurryWith(label),
				promhttp.InstrumentHandlerCounter(total.MustCurryWith(label), answer)))
	})
}

// classicOpts are those of the default buckets.
var classicOpts prometheus.HistogramOpts

func openTelemetry() http.Handler { return openTelemetryAround(answer) }

func openTelemetryAround(h http.Handler) http.Handler {
	provider := metric.NewMeterProvider(metric.WithReader(metric.NewManualReader()))
	return otelhttp.NewHandler(h, "bench", otelhttp.WithMeterProvider(provider))
}

// chiUsual are the middlewares that chi's documentation begins with, its log thrown away.
func chiUsual() http.Handler {
	logger := chimiddleware.RequestLogger(&chimiddleware.DefaultLogFormatter{Logger: log.New(io.Discard, "", 0), NoColor: true})
	return chimiddleware.RequestID(logger(chimiddleware.Recoverer(answer)))
}

// gorillaUsual logs, its log thrown away, and recovers.
func gorillaUsual() http.Handler {
	return handlers.CombinedLoggingHandler(io.Discard, handlers.RecoveryHandler()(answer))
}

// requestPath are all contenders around a handler; the first is the limit.
func requestPath() []contender {
	one := perfmonAround()
	return []contender{
		around("the limit: two readings of the clock", routes, twoReadings()),
		around("nothing", routes, answer),
		around("**perfmon**", routes, perfmonAround()),
		around("**perfmon**, one route", 1, one),
		around("**perfmon**, with user, session and organization", routes, perfmonAround(middleware.WithIdentity(identify))),
		around("**perfmon**, routes named by a function", routes, perfmonAround(middleware.WithRoute(func(r *http.Request) string { return r.Pattern }))),
		around("**perfmon**, with exemplars by traceparent", routes, perfmonAround(middleware.WithTraceID(middleware.TraceParent))),
		around("VictoriaMetrics/metrics, wired by hand", routes, victoria()...),
		around("slok/go-http-metrics", routes, slok()...),
		around("promhttp, three instruments", routes, prometheusHTTP(classicOpts)...),
		around("promhttp, with a native histogram", routes, prometheusHTTP(prometheus.HistogramOpts{NativeHistogramBucketFactor: 1.1})...),
		around("otelhttp, with its SDK", routes, openTelemetry()),
		around("chi's RequestID, Logger and Recoverer", routes, chiUsual()),
		around("gorilla's CombinedLoggingHandler and RecoveryHandler", routes, gorillaUsual()),
	}
}
