//go:build unix

package prom_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/backend-prs/perfmon/prom"
)

// busy is a service with 100 endpoints, each with response times over three decades.
func busy(t testing.TB, options ...prom.Option) *bench {
	t.Helper()
	b := start(t, nil, options...)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 100 {
		for j := range 1000 {
			status := 200
			if j%50 == 0 {
				status = 500
			}
			b.request(time.Duration(10e6*math.Exp(random.NormFloat64())), "GET", fmt.Sprintf("/endpoint/%d", i), status)
		}
	}
	b.step()
	return b
}

// What a scrape of 100 busy endpoints takes, in text form and as Prometheus reads native
// histograms, and how long the answer is.
func BenchmarkScrape(b *testing.B) {
	const protobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
	for _, test := range []struct {
		name, accept string
		options      []prom.Option
	}{
		{"classic", "", nil},
		{"classic and native", protobuf, nil},
		{"classic and native, schema 3", protobuf, []prom.Option{prom.WithNativeSchema(3)}},
		{"native alone", protobuf, []prom.Option{prom.WithBuckets()}},
		{"classic within 2 %", "", []prom.Option{prom.WithBuckets(prom.BucketsWithin(0.02, 0.005, 10)...)}},
		{"classic, public names too", "", []prom.Option{prom.WithPublicNames()}},
	} {
		b.Run(test.name, func(b *testing.B) {
			service := busy(b, test.options...)
			b.ReportAllocs()
			size, before := 0, processorTime(b)
			for b.Loop() {
				w := httptest.NewRecorder()
				r := httptest.NewRequest("GET", "/metrics", nil)
				r.Header.Set("Accept", test.accept)
				service.handler.ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					b.Fatal(w.Body)
				}
				size = w.Body.Len()
			}
			b.ReportMetric(float64(size)/1024, "KiB")
			b.ReportMetric(float64(processorTime(b)-before)/1e6/float64(b.N), "cpu-ms/op")
		})
	}
}

// processorTime is what this process has had of the processors: what it takes itself, however
// busy the machine is.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Scrapes at the same time as requests, steps and each other find every endpoint's figures
// of one moment: as many response times as responses.
func TestScrapesAtTheSameTime(t *testing.T) {
	b := start(t, nil)
	c, err := prom.New(b.Monitor)
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(c)
	var group sync.WaitGroup
	over := make(chan struct{})
	for range 4 {
		group.Go(func() {
			last := map[string]float64{}
			for {
				select {
				case <-over:
					return
				default:
				}
				families, err := registry.Gather()
				if err != nil {
					t.Error(err)
					return
				}
				times, responses := 0.0, 0.0
				for _, f := range families {
					for _, m := range f.Metric {
						switch f.GetName() {
						case "perfmon_response_time_seconds":
							times += float64(m.GetHistogram().GetSampleCount())
						case "perfmon_responses_total":
							responses += m.GetCounter().GetValue()
						}
					}
				}
				if times != responses || times < last["times"] {
					t.Errorf("%g response times, %g before, of %g responses", times, last["times"], responses)
					return
				}
				last["times"] = times
			}
		})
	}
	for i := range 100 {
		for j := range 20 {
			b.request(time.Duration(i*j)*time.Millisecond, "GET", fmt.Sprintf("/%d", j%5), 200+100*(j%4))
		}
		b.step()
	}
	close(over)
	group.Wait()
}
