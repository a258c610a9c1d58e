package boltstore_test

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/boltstore"
	"github.com/backend-prs/perfmon/httpapi"
)

var yearFile = flag.String("year", "", "file with a year of history, for the benchmarks; TestMakeYear makes it where it is missing, in about 15 minutes")

// Figures of the year: 100 endpoints and 15 metrics.
const yearEndpoints = 100

// yearOptions are those of the service that has the year.
func yearOptions(path string, clk clock.Clock, interval time.Duration) []perfmon.Option {
	options := []perfmon.Option{
		perfmon.WithoutSystemMetrics(), perfmon.WithClock(clk), perfmon.WithStore(boltstore.At(path)), perfmon.WithStep(interval), perfmon.WithInterval(interval),
		perfmon.WithRetention(48 * time.Hour), perfmon.WithQueueSize(func() int { return rand.IntN(9) }),
	}
	// With requests' six, those in flight, streams and the queue, these make 15 metrics.
	for i := range 6 {
		options = append(options, perfmon.WithMetricFunc(perfmon.Metric{Name: fmt.Sprint("own", i)}, func() float64 { return 100 * rand.Float64() }))
	}
	return options
}

// live runs a service for so long: each endpoint has so many requests an interval.
func live(t testing.TB, path string, clk *clock.Mock, interval, length time.Duration, requests int) {
	t.Helper()
	m, err := perfmon.New(yearOptions(path, clk, interval)...)
	if err != nil {
		t.Fatal(err)
	}
	samples := make(chan perfmon.Sample, 1)
	m.Subscribe(func(s perfmon.Sample) { samples <- s })
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	rec := m.NewRecorder()
	rng := rand.New(rand.NewPCG(1, uint64(clk.Now().Unix())))
	responses := make([]perfmon.Response, yearEndpoints)
	for i := range responses {
		responses[i] = perfmon.Response{Method: "GET", Pattern: fmt.Sprintf("/api/v1/resource%d/{id}", i), Status: 200}
	}
	for range int(length / interval) {
		busy := 0.6 + 0.4*math.Sin(2*math.Pi*float64(clk.Now().Unix()%86400)/86400)
		for i := range responses {
			for j := range int(busy*float64(requests)) + rng.IntN(5) {
				responses[i].Status = 200
				if j == 0 && rng.IntN(20) == 0 {
					responses[i].Status = 500
				}
				rec.Record(time.Duration(math.Exp(rng.NormFloat64()*0.7)*float64(5+i%45)*1e6), &responses[i])
			}
		}
		clk.Add(interval)
		<-samples
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if s := m.Diagnostics().Store; s.Failure != "" || s.Lost > 0 {
		t.Fatalf("%+v", s)
	}
}

// TestMakeYear lives a year: 363 days in intervals of 5 minutes, so that it ends, and two
// days and a half in the minutes that are the default.
func TestMakeYear(t *testing.T) {
	if *yearFile == "" {
		t.Skip("only with -year FILE")
	}
	if _, err := os.Stat(*yearFile); err == nil {
		t.Skip("it is there already")
	}
	clk := clock.NewMock()
	clk.Set(noon.Add(-365 * 24 * time.Hour))
	for range 11 {
		live(t, *yearFile, clk, 5*time.Minute, 33*24*time.Hour, 60)
		info, err := os.Stat(*yearFile)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%v: %.1f MB", clk.Now().Format(time.DateOnly), float64(info.Size())/1e6)
	}
	live(t, *yearFile, clk, time.Minute, noon.Sub(clk.Now()), 60)
}

// BenchmarkOpen48h opens a file with 48 h of 100 endpoints in minutes, and 10,000 alerts.
func BenchmarkOpen48h(b *testing.B) {
	path := filepath.Join(b.TempDir(), "perfmon.db")
	clk := clock.NewMock()
	clk.Set(noon.Add(-48 * time.Hour))
	live(b, path, clk, time.Minute, 48*time.Hour, 60)
	m, err := perfmon.New(append(yearOptions(path, clk, time.Minute), perfmon.WithAlertCooldown(0))...)
	if err != nil {
		b.Fatal(err)
	}
	for i := range 10_000 {
		a, err := m.Alerts().Raise(perfmon.HostAlert{
			Metric: "own", Severity: perfmon.Warning, Scope: perfmon.Scope{Endpoint: fmt.Sprintf("/api/v1/resource%d/{id}", i%100)}, Value: perfmon.ValueOf(float64(i)),
			Message: "own of /api/v1/resource/{id} is 7.53 %, past the warning limit of 5 %", Metadata: map[string]any{"cause": "threshold", "requests": i, "consecutive_violations": 3},
		})
		if err == nil {
			_, err = m.Alerts().Acknowledge(a.ID, "ann")
		}
		if err == nil {
			_, err = m.Alerts().Resolve(a.ID, "ann")
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		m, err := perfmon.New(yearOptions(path, clk, time.Minute)...)
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if list, _ := m.Alerts().List(perfmon.AlertQuery{}); len(list) != 10_000 || m.Diagnostics().Points < 2879 {
			b.Fatalf("%d alerts and %d points", len(list), m.Diagnostics().Points)
		}
		if err := m.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(info.Size())/1e6, "MB")
}

// yearCopy returns a copy of the year's file, and a clock at its end.
func yearCopy(tb testing.TB) (string, *clock.Mock) {
	tb.Helper()
	if *yearFile == "" {
		tb.Skip("only with -year FILE")
	}
	data, err := os.ReadFile(*yearFile)
	if err != nil {
		tb.Fatal(err)
	}
	path := filepath.Join(tb.TempDir(), "perfmon.db")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		tb.Fatal(err)
	}
	clk := clock.NewMock()
	clk.Set(noon)
	return path, clk
}

// BenchmarkOpenYear opens the year: the check of the file, what New takes over, and Close.
func BenchmarkOpenYear(b *testing.B) {
	path, clk := yearCopy(b)
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		m, err := perfmon.New(yearOptions(path, clk, time.Minute)...)
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := m.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(info.Size())/1e6, "MB")
}

// BenchmarkYear asks for a year, and for a month, with the year in the file. No answer is one
// that was kept: each is made anew.
func BenchmarkYear(b *testing.B) {
	path, clk := yearCopy(b)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	m, err := perfmon.New(yearOptions(path, clk, time.Minute)...)
	if err != nil {
		b.Fatal(err)
	}
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&after)
	if err := m.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	for _, call := range []string{"dashboard/?hours=8760", "dashboard/?hours=720", "dashboard/?hours=48", "endpoints/?hours=8760", "endpoints/?hours=720", "series/?hours=8760&endpoint=GET%20/api/v1/resource7/%7Bid%7D", "reports/?hours=8760"} {
		b.Run(call, func(b *testing.B) {
			r := httptest.NewRequest("GET", httpapi.DefaultPrefix+call, nil)
			r.Header.Set("Authorization", "Bearer 0123456789abcdef")
			for b.Loop() {
				b.StopTimer()
				api, err := httpapi.New(m, httpapi.WithBearerToken("0123456789abcdef")) // without a kept answer
				if err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				w := httptest.NewRecorder()
				api.ServeHTTP(w, r)
				if w.Code != 200 {
					b.Fatal(w.Body)
				}
			}
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB-held")
		})
	}
	if err := m.Close(); err != nil {
		b.Error(err)
	}
}
