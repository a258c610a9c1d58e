package prom_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/middleware"
	"github.com/backend-prs/perfmon/prom"
)

// shop is a service that is monitored as any other, whose handlers take real time.
type shop struct {
	*perfmon.Monitor
	metrics, app http.Handler
	failed       sync.Map // the traces of requests that failed
}

func newShop(t *testing.T) *shop {
	t.Helper()
	m, err := perfmon.New(perfmon.WithStep(time.Second), perfmon.WithInterval(10*time.Second), perfmon.WithStore(&perfmon.MemoryStore{}))
	if err != nil {
		t.Fatal(err)
	}
	c, err := prom.New(m, prom.WithBuckets(prom.BucketsWithin(0.02, 0.001, 2)...), prom.WithPublicNames())
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(c)
	s := &shop{Monitor: m, metrics: promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /products/{id}", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Duration(2e6 * math.Exp(rand.NormFloat64()*0.8))) // a handler works for a time
	})
	mux.HandleFunc("POST /orders", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Duration(10e6 * math.Exp(rand.NormFloat64()*0.5)))
		if rand.IntN(5) == 0 {
			s.failed.Store(middleware.TraceParent(r), true)
			http.Error(w, "no", http.StatusBadGateway)
		}
	})
	if err := m.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	s.app = middleware.New(m, middleware.WithTraceID(middleware.TraceParent))(mux)
	return s
}

// traceOf is the trace of the request with a number: every fourth is a POST.
func traceOf(i int64) string { return fmt.Sprintf("%032x", i+1) }

// serve sends so many requests, from 32 clients at the same time.
func (s *shop) serve(n int) {
	var left atomic.Int64
	left.Store(int64(n))
	var clients sync.WaitGroup
	for range 32 {
		clients.Go(func() {
			for i := left.Add(-1); i >= 0; i = left.Add(-1) {
				method, path := "GET", "/products/"+strconv.Itoa(int(i))
				if i%4 == 0 {
					method, path = "POST", "/orders"
				}
				r := httptest.NewRequest(method, path, nil)
				r.Header.Set("traceparent", "00-"+traceOf(i)+"-00f067aa0ba902b7-01")
				s.app.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
	clients.Wait()
}

// A real Prometheus scrapes a service. Its percentiles are within 2 % of perfmon's: by the
// classic histogram, and in another Prometheus, which is told to read native histograms and
// then reads no classic ones, by those. A restart of the service is one counter reset, and
// nothing else.
func TestPrometheus(t *testing.T) {
	scraped := &target{}
	service := httptest.NewServer(scraped)
	t.Cleanup(service.Close)
	addr := service.Listener.Addr().String()
	classic := startPrometheus(t, addr, "--enable-feature=exemplar-storage")
	native := startPrometheus(t, addr, "--enable-feature=native-histograms,exemplar-storage")
	const classicCount, nativeCount = `sum(perfmon_response_time_seconds_count)`, `histogram_count(sum(perfmon_response_time_seconds))`
	first := newShop(t)
	scraped.shop.Store(first)
	first.serve(6000)
	classic.until(classicCount, 6000)
	native.until(nativeCount, 6000)

	for endpoint, labels := range map[string]string{
		"GET /products/{id}": `{handler="/products/{id}",method="GET"}`, "POST /orders": `{handler="/orders",method="POST"}`,
	} {
		totals, err := first.History().Totals(perfmon.Scope{Endpoint: endpoint})
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range []float64{0.5, 0.9, 0.95, 0.99} {
			want := totals.Times.Quantile(q) / float64(time.Second)
			agree := func(name string, got float64) {
				off := math.Abs(got-want) / want
				t.Logf("%s p%g, %s: %.4g s, perfmon %.4g s: %.2f %% off", endpoint, 100*q, name, got, want, 100*off)
				if !(off <= 0.02) {
					t.Errorf("%s p%g, %s: %g s, perfmon %g s", endpoint, 100*q, name, got, want)
				}
			}
			agree("classic", classic.value(fmt.Sprintf("histogram_quantile(%g, perfmon_response_time_seconds_bucket%s)", q, labels)))
			agree("public classic", classic.value(fmt.Sprintf("histogram_quantile(%g, sum by (le) (http_request_duration_seconds_bucket%s))", q, labels)))
			agree("native", native.value(fmt.Sprintf("histogram_quantile(%g, perfmon_response_time_seconds%s)", q, labels)))
			agree("public native", native.value(fmt.Sprintf("histogram_quantile(%g, sum(http_request_duration_seconds%s))", q, labels)))
		}
	}
	failed, of5xx := classic.value(`sum(perfmon_errors_total)`), classic.value(`sum(http_request_duration_seconds_count{code=~"5.."})`)
	if failed != of5xx || failed == 0 {
		t.Errorf("%g errors, %g responses of 5xx", failed, of5xx)
	}
	checkDashboard(t, classic, native)
	checkExemplars(t, first, classic, "_bucket")
	checkExemplars(t, first, native, "")

	// The service restarts: it is away for a few scrapes and begins at 0.
	scraped.shop.Store(nil)
	classic.until(`count(up == 0)`, 1)
	native.until(`count(up == 0)`, 1)
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	second := newShop(t)
	second.serve(1000)
	scraped.shop.Store(second)
	classic.until(classicCount, 1000)
	native.until(nativeCount, 1000)
	for name, p := range map[string]*prometheusProcess{
		`perfmon_response_time_seconds_count`:             classic,
		`perfmon_response_time_seconds_bucket{le="+Inf"}`: classic,
		`perfmon_responses_total{code="2xx"}`:             native, // whose resets() passes native histograms over
	} {
		if got, series := p.value(fmt.Sprintf("sum(resets(%s[10m]))", name)), p.value(fmt.Sprintf("count(%s)", name)); got != series || series != 2 {
			t.Errorf("%s: %g resets of %g series, not one each", name, got, series)
		}
	}
	// Every series that there was before is there again under the same labels.
	const all = `{__name__=~"perfmon_.+|http_.+", __name__!~".*(_bucket|_alerts)"}`
	if before, now := classic.value("count(last_over_time("+all+"[10m]))"), classic.value("count("+all+")"); before != now {
		t.Errorf("%g series in all, and %g after the restart", before, now)
	}
}

// target is what is scraped: a shop, or none while it is away.
type target struct{ shop atomic.Pointer[shop] }

func (t *target) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s := t.shop.Load()
	if s == nil {
		http.Error(w, "away", http.StatusServiceUnavailable)
		return
	}
	s.metrics.ServeHTTP(w, r)
}

// prometheusProcess is a real Prometheus.
type prometheusProcess struct {
	t   *testing.T
	url string
}

// startPrometheus starts one that scrapes an address.
func startPrometheus(t *testing.T, scraped string, flags ...string) *prometheusProcess {
	t.Helper()
	binary, err := exec.LookPath("prometheus")
	if err != nil {
		t.Fatal("this test needs Prometheus: apt-get install prometheus")
	}
	p := &prometheusProcess{t: t}
	dir := t.TempDir()
	config := fmt.Sprintf("global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: shop\n  static_configs:\n  - targets: [%q]\n", scraped)
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	addr := freeAddress(t)
	p.url = "http://" + addr
	var out bytes.Buffer
	cmd := exec.Command(binary, append(flags, "--config.file="+filepath.Join(dir, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+addr)...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s", out.Bytes())
		}
	})
	return p
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// ask returns the values of a query's answer.
func (p *prometheusProcess) ask(query string) ([]float64, error) {
	answer, err := http.Get(p.url + "/api/v1/query?" + url.Values{"query": {query}}.Encode())
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	var body struct {
		Error string
		Data  struct {
			Result []struct{ Value [2]any }
		}
	}
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil {
		return nil, err
	}
	if body.Error != "" {
		return nil, fmt.Errorf("%s: %s", query, body.Error)
	}
	var values []float64
	for _, r := range body.Data.Result {
		text, _ := r.Value[1].(string)
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}

// value returns the one value of a query's answer.
func (p *prometheusProcess) value(query string) float64 {
	p.t.Helper()
	values, err := p.ask(query)
	if err != nil || len(values) != 1 {
		p.t.Errorf("%s: %v, %v", query, values, err)
		return math.NaN()
	}
	return values[0]
}

// until waits until a query has a value, for a minute.
func (p *prometheusProcess) until(query string, want float64) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond) // Prometheus goes by real time
	defer tick.Stop()
	for {
		values, err := p.ask(query)
		if err == nil && len(values) == 1 && values[0] == want {
			return
		}
		select {
		case <-ctx.Done():
			p.t.Fatalf("%s: %v, %v, and not %g within a minute", query, values, err, want)
		case <-tick.C:
		}
	}
}
