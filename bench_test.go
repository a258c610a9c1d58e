package perfmon_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/httpapi"
)

// fill runs a monitor through so many hours of traffic on 100 endpoints, in steps of a
// minute, with a gauge for each metric that nothing else feeds.
func fill(tb testing.TB, hours int) (*perfmon.Monitor, *clock.Mock, func()) {
	tb.Helper()
	clk := clock.NewMock()
	samples := make(chan perfmon.Sample, 1)
	m, err := perfmon.New(perfmon.WithClock(clk), perfmon.WithStep(time.Minute), perfmon.WithQueueSize(func() int { return 3 }),
		perfmon.WithMetricFunc(perfmon.Metric{Name: perfmon.DatabasePoolUsage}, func() float64 { return 50 }))
	if err != nil {
		tb.Fatal(err)
	}
	m.Subscribe(func(s perfmon.Sample) { samples <- s })
	if err := m.Start(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	recorders := make([]*perfmon.Recorder, runtime.GOMAXPROCS(0))
	for i := range recorders {
		recorders[i] = m.NewRecorder()
	}
	patterns := make([]string, 100)
	for i := range patterns {
		patterns[i] = fmt.Sprintf("/api/v1/resource%d/{id}", i)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	minute := func() {
		for i, pattern := range patterns {
			for j := range 60 { // one request a second, lognormal around 5 to 50 ms
				status := 200
				if j == 0 && i%10 == 0 {
					status = 500
				}
				d := time.Duration(math.Exp(rng.NormFloat64()*0.7) * float64(5+i%45) * 1e6)
				recorders[j%len(recorders)].Record(d, &perfmon.Response{Method: "GET", Pattern: pattern, Status: status, User: patterns[j], Session: patterns[j]})
			}
		}
		m.RecordCacheHit()
		m.RecordQuery(time.Millisecond)
		clk.Add(time.Minute)
		<-samples
	}
	for range 60 * hours {
		minute()
	}
	return m, clk, minute
}

// BenchmarkMemory48h reports what a monitor holds after 48 h of all built-in metrics and
// 100 busy endpoints.
func BenchmarkMemory48h(b *testing.B) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	m, _, _ := fill(b, 48)
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&after)
	for b.Loop() {
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB")
	b.ReportMetric(0, "ns/op")
	if err := m.Close(); err != nil {
		b.Error(err)
	}
}

// BenchmarkStep measures a step, a point included, of 100 busy endpoints: 6000 requests
// are recorded and drained, and the system is read.
func BenchmarkStep(b *testing.B) {
	m, _, minute := fill(b, 1)
	for b.Loop() {
		minute()
	}
	if err := m.Close(); err != nil {
		b.Error(err)
	}
}

// BenchmarkAPI measures the longest answers with 48 h held.
func BenchmarkAPI(b *testing.B) {
	m, _, _ := fill(b, 48)
	api, err := httpapi.New(m, httpapi.WithBearerToken("0123456789abcdef"))
	if err != nil {
		b.Fatal(err)
	}
	for _, call := range []string{
		"dashboard/?hours=48&trends=true&alerts=true", "dashboard/?hours=48&points=2880", "endpoints/?hours=48", "alerts/?hours=48", "thresholds/", "health/", "diagnostics/",
	} {
		b.Run(call, func(b *testing.B) {
			r := httptest.NewRequest("GET", httpapi.DefaultPrefix+call, nil)
			r.Header.Set("Authorization", "Bearer 0123456789abcdef")
			for b.Loop() {
				w := httptest.NewRecorder()
				api.ServeHTTP(w, r)
				if w.Code != 200 {
					b.Fatal(w.Body)
				}
			}
		})
	}
	for _, scope := range []string{"service", "endpoint"} {
		b.Run("thresholds/backtest/ of "+scope, func(b *testing.B) {
			body := `{"metric_name":"error_rate","scope":"` + scope + `","hours":48,"updates":{"warning_threshold":1}}`
			for b.Loop() {
				r := httptest.NewRequest("POST", httpapi.DefaultPrefix+"thresholds/backtest/", strings.NewReader(body))
				r.Header.Set("Authorization", "Bearer 0123456789abcdef")
				r.Header.Set("Content-Type", "application/json")
				w := httptest.NewRecorder()
				api.ServeHTTP(w, r)
				if w.Code != 200 {
					b.Fatal(w.Body)
				}
			}
		})
	}
	if err := m.Close(); err != nil {
		b.Error(err)
	}
}
