// Package bench measures what perfmon costs on the request path beside its rivals.
//
//	go -C bench test -bench . -benchmem -count 6 | tee new.txt && benchstat new.txt
package bench

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	vm "github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	slokmetrics "github.com/slok/go-http-metrics/metrics/prometheus"
	slokmiddleware "github.com/slok/go-http-metrics/middleware"
	slokstd "github.com/slok/go-http-metrics/middleware/std"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/middleware"
)

// routes is how many different endpoints the requests go to in turn.
const routes = 50

// writer is a response writer that does nothing, as the server's does it all elsewhere.
type writer struct{ header http.Header }

func (w *writer) Header() http.Header         { return w.header }
func (w *writer) Write(b []byte) (int, error) { return len(b), nil }
func (w *writer) WriteHeader(int)             {}
func (w *writer) Flush()                      {}

var ok = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })

// requests are made ahead, with the pattern that http.ServeMux would set.
func requests() []*http.Request {
	list := make([]*http.Request, routes)
	for i := range list {
		pattern := fmt.Sprintf("/route%d/{id}", i)
		r, err := http.NewRequest("GET", fmt.Sprintf("/route%d/7", i), nil)
		if err != nil {
			panic(err)
		}
		r.Pattern = pattern
		list[i] = r
	}
	return list
}

func measure(b *testing.B, h http.Handler) {
	b.Helper()
	b.Run("serial", func(b *testing.B) {
		list, w := requests(), &writer{http.Header{}}
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			h.ServeHTTP(w, list[i%routes])
			i++
		}
	})
	b.Run("parallel", func(b *testing.B) {
		list := requests()
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			w := &writer{http.Header{}}
			for i := 0; pb.Next(); i++ {
				h.ServeHTTP(w, list[i%routes])
			}
		})
	})
}

func BenchmarkBareHandler(b *testing.B) { measure(b, ok) }

// BenchmarkTwoClockReads is the limit: no middleware that times requests costs less.
func BenchmarkTwoClockReads(b *testing.B) {
	epoch := time.Now()
	var sum time.Duration
	measure(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Since(epoch)
		ok(w, r)
		if d := time.Since(epoch) - start; d < 0 {
			sum += d
		}
	}))
}

func BenchmarkPerfmon(b *testing.B) {
	m, err := perfmon.New()
	if err != nil {
		b.Fatal(err)
	}
	measure(b, middleware.New(m)(ok))
}

func BenchmarkPerfmonWithIdentity(b *testing.B) {
	m, err := perfmon.New()
	if err != nil {
		b.Fatal(err)
	}
	id := middleware.Identity{User: "user-17", Session: "session-4711", Organization: "acme"}
	measure(b, middleware.New(m, middleware.WithIdentity(func(*http.Request) middleware.Identity { return id }))(ok))
}

func BenchmarkPerfmonWithRoute(b *testing.B) {
	m, err := perfmon.New()
	if err != nil {
		b.Fatal(err)
	}
	measure(b, middleware.New(m, middleware.WithRoute(func(r *http.Request) string { return r.Pattern }))(ok))
}

// statusWriter is what wiring a metrics library by hand takes.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// BenchmarkVictoriaMetrics is wired by hand, with the metrics looked up ahead.
func BenchmarkVictoriaMetrics(b *testing.B) {
	type pair struct {
		total *vm.Counter
		time  *vm.Histogram
	}
	set := vm.NewSet()
	pairs := map[string]pair{}
	for _, r := range requests() {
		pairs[r.Pattern] = pair{
			set.NewCounter(fmt.Sprintf(`requests_total{path=%q,code="204"}`, r.Pattern)),
			set.NewHistogram(fmt.Sprintf(`request_seconds{path=%q}`, r.Pattern)),
		}
	}
	measure(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		sw := &statusWriter{ResponseWriter: w, status: 200}
		ok(sw, r)
		p := pairs[r.Pattern]
		p.total.Inc()
		p.time.UpdateDuration(start)
	}))
}

func BenchmarkSlokHTTPMetrics(b *testing.B) {
	m := slokmiddleware.New(slokmiddleware.Config{
		Recorder: slokmetrics.NewRecorder(slokmetrics.Config{Registry: prometheus.NewRegistry()}),
	})
	handlers := map[string]http.Handler{}
	for _, r := range requests() {
		handlers[r.Pattern] = slokstd.Handler(r.Pattern, m, ok)
	}
	measure(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handlers[r.Pattern].ServeHTTP(w, r) }))
}

// BenchmarkPromhttp counts, times and tracks what is in flight, per route.
func BenchmarkPromhttp(b *testing.B) {
	total := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "requests_total"}, []string{"path", "code", "method"})
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "seconds"}, []string{"path", "code", "method"})
	flight := prometheus.NewGauge(prometheus.GaugeOpts{Name: "in_flight"})
	handlers := map[string]http.Handler{}
	for _, r := range requests() {
		label := prometheus.Labels{"path": r.Pattern}
		handlers[r.Pattern] = promhttp.InstrumentHandlerInFlight(flight,
			promhttp.InstrumentHandlerDuration(seconds.MustCurryWith(label),
				promhttp.InstrumentHandlerCounter(total.MustCurryWith(label), ok)))
	}
	measure(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handlers[r.Pattern].ServeHTTP(w, r) }))
}
