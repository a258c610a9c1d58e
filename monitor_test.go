package perfmon_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/internal/golden"
)

// In a bubble of synctest, time is made up, and a goroutine that is left behind fails
// the test.
func TestStartAndCloseInAnyOrder(t *testing.T) {
	for name, script := range map[string]string{
		"never started": "c", "once": "sc", "twice": "sscc", "closed first": "cs", "mixed": "scsc", "not closed, context over": "sx", "then closed": "sxcc",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, err := perfmon.New()
				if err != nil {
					t.Fatal(err)
				}
				m.OnAlert(func(perfmon.AlertEvent) {})
				m.Subscribe(func(perfmon.Sample) {})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				closed := false
				for _, step := range script {
					switch step {
					case 's':
						if err := m.Start(ctx); closed != errors.Is(err, perfmon.ErrClosed) {
							t.Errorf("closed is %v, Start returns %v", closed, err)
						}
						time.Sleep(25 * time.Second) // made up: two steps
					case 'c':
						if err := m.Close(); err != nil {
							t.Error(err)
						}
						closed = true
					case 'x':
						cancel()
						closed = true
					}
				}
				if closed {
					if cancelTwice := m.OnAlert(func(perfmon.AlertEvent) { t.Error("told after the end") }); true {
						cancelTwice()
						cancelTwice()
					}
				}
				warning := perfmon.ValueOf(1)
				for what, err := range map[string]error{
					"Raise": second(m.Alerts().Raise(perfmon.HostAlert{Metric: "x", Severity: perfmon.Warning, Message: "x"})),
					"Set":   second(m.Thresholds().Set(perfmon.Threshold{Metric: perfmon.QueueSize, Warning: warning}, "test")),
					"Gauge": second(m.Metrics().Gauge(metric("g"))),
				} {
					if closed != errors.Is(err, perfmon.ErrClosed) {
						t.Errorf("closed is %v, %s returns %v", closed, what, err)
					}
				}
			})
		})
	}
}

func second[T any](_ T, err error) error { return err }

func TestCloseNamesWhatDoesNotReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := perfmon.New(perfmon.WithoutSystemMetrics())
		if err != nil {
			t.Fatal(err)
		}
		release := make(chan struct{})
		m.Subscribe(func(perfmon.Sample) { <-release })
		m.OnAlert(func(perfmon.AlertEvent) { <-release })
		if err := m.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Alerts().Raise(perfmon.HostAlert{Metric: "x", Severity: perfmon.Warning, Message: "m"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(11 * time.Second)
		began := time.Now()
		if err := m.Close(); err == nil {
			t.Error("Close does not say that a callback hangs")
		}
		if d := time.Since(began); d != 5*time.Second {
			t.Errorf("Close took %v, want the 5 s of grace", d)
		}
		close(release)
		synctest.Wait()
	})
}

// Percentiles, rates and errors against sorting and counting the same requests.
func TestRequestFigures(t *testing.T) {
	b := start(t)
	rng := rand.New(rand.NewPCG(1, 2))
	var durations []float64
	var sum float64
	failed := 0
	const n = 5000
	for range n {
		d := time.Duration(math.Exp(rng.NormFloat64()) * 20e6)
		status := 200
		if rng.IntN(50) == 0 {
			status, failed = 503, failed+1
		}
		b.request(d, status)
		durations = append(durations, d.Seconds())
		sum += d.Seconds()
	}
	s := b.step()
	slices.Sort(durations)
	exact := func(q float64) float64 { return durations[int(math.Ceil(q*n))-1] }
	for metric, want := range map[string]float64{
		perfmon.ResponseTimeP50: exact(0.5), perfmon.ResponseTimeP95: exact(0.95), perfmon.ResponseTimeP99: exact(0.99),
		perfmon.ResponseTimeAvg: sum / n,
	} {
		if got := b.value(s, metric); math.Abs(got-want)/want > 0.01 {
			t.Errorf("%s = %v, want %v", metric, got, want)
		}
	}
	if got := b.value(s, perfmon.ThroughputRPS); got != n/10.0 {
		t.Errorf("throughput %v, want %v", got, n/10.0)
	}
	if got, want := b.value(s, perfmon.ErrorRate), 100*float64(failed)/n; math.Abs(got-want) > 1e-9 {
		t.Errorf("error rate %v, want %v", got, want)
	}

	// The next step had no requests: no rate of errors, no times, and no throughput.
	s = b.step()
	for _, metric := range []string{perfmon.ResponseTimeP50, perfmon.ResponseTimeAvg, perfmon.ErrorRate} {
		if v, ok := s.Value(metric); ok {
			t.Errorf("%s of no requests is %v, want absent", metric, v)
		}
	}
	if got := b.value(s, perfmon.ThroughputRPS); got != 0 {
		t.Errorf("throughput %v, want 0", got)
	}
}

// A percentile of a point is that of all its requests, not a mean of its steps.
func TestPointMergesItsSteps(t *testing.T) {
	b := start(t)
	var all []float64
	for step := range 6 {
		n := 1000
		if step == 5 {
			n = 10 // few, but slow
		}
		for i := range n {
			d := time.Duration(1+i%10) * time.Millisecond * time.Duration(1+50*(step/5))
			b.request(d, 200)
			all = append(all, d.Seconds())
		}
		b.step()
	}
	slices.Sort(all)
	want := all[int(math.Ceil(0.99*float64(len(all))))-1]
	h := series(b.t, b.Monitor, perfmon.Scope{}, time.Hour, perfmon.ResponseTimeP99, perfmon.ThroughputRPS)
	if len(h.Times) != 1 {
		t.Fatalf("%d points, want 1", len(h.Times))
	}
	if got := h.Metrics[perfmon.ResponseTimeP99].Values[0]; math.Abs(got-want)/want > 0.01 {
		t.Errorf("p99 of the point is %v, of its requests %v", got, want)
	}
	if got := h.Metrics[perfmon.ThroughputRPS].Values[0]; math.Abs(got-5010.0/60) > 1e-4 {
		t.Errorf("throughput of the point is %v, want %v", got, 5010.0/60)
	}
	// An endpoint's column says the same.
	e := series(b.t, b.Monitor, perfmon.Scope{Endpoint: "GET /"}, time.Hour)
	if got := e.Metrics[perfmon.ResponseTimeP99].Values[0]; math.Abs(got-want)/want > 0.01 {
		t.Errorf("p99 of the endpoint's point is %v, want %v", got, want)
	}
}

func TestCountersOfTheHost(t *testing.T) {
	b := start(t)
	for _, metric := range []string{perfmon.CacheHitRate, perfmon.DatabaseQueryTimeAvg, perfmon.ActiveUsers, perfmon.ActiveSessions, perfmon.QueueSize} {
		if v, ok := b.step().Value(metric); ok {
			t.Errorf("%s is %v though nobody feeds it", metric, v)
		}
	}
	b.RecordCacheHit()
	b.RecordCacheHit()
	b.RecordCacheHit()
	b.RecordCacheMiss()
	b.RecordQuery(100 * time.Millisecond)
	b.RecordQuery(300 * time.Millisecond)
	for _, user := range []string{"ann", "bob", "ann"} {
		b.rec.Record(time.Millisecond, &perfmon.Response{Status: 200, User: user, Session: "s-" + user})
	}
	b.RecordActivity("cyd", "")
	s := b.step()
	for metric, want := range map[string]float64{
		perfmon.CacheHitRate: 75, perfmon.DatabaseQueryTimeAvg: 0.2, perfmon.ActiveUsers: 3, perfmon.ActiveSessions: 2,
	} {
		if got := b.value(s, metric); math.Abs(got-want) > 1e-9 {
			t.Errorf("%s = %v, want %v", metric, got, want)
		}
	}
	for range 33 { // 5 min and the slice that was begun
		s = b.step()
	}
	if got := b.value(s, perfmon.ActiveUsers); got != 0 {
		t.Errorf("%v users active after 5 min of silence", got)
	}
	if v, ok := s.Value(perfmon.CacheHitRate); ok {
		t.Errorf("a hit rate of %v without lookups", v)
	}
}

func TestInFlightAndStreams(t *testing.T) {
	b := start(t)
	request, stream, ignored := b.NewRecorder(), b.NewRecorder(), b.NewRecorder()
	began := request.Start()
	stream.Start()
	stream.OpenStream()
	ignored.Start()
	ignored.Discard()
	s := b.step()
	if got := b.value(s, perfmon.RequestsInFlight); got != 1 {
		t.Errorf("%v requests in flight, want 1", got)
	}
	if got := b.value(s, perfmon.StreamsOpen); got != 1 {
		t.Errorf("%v streams open, want 1", got)
	}
	request.EndAfter(request.Took(began), &perfmon.Response{Method: "GET", Pattern: "/slow", Status: 200})
	stream.CloseStream()
	stream.EndAfter(time.Second, &perfmon.Response{Method: "GET", Pattern: "/ws", Status: 101, Stream: true})
	s = b.step()
	if got := b.value(s, perfmon.RequestsInFlight) + b.value(s, perfmon.StreamsOpen); got != 0 {
		t.Errorf("%v in flight or open, want 0", got)
	}
	if got := b.value(s, perfmon.ThroughputRPS); got != 0.2 {
		t.Errorf("throughput %v, want two responses in 10 s", got)
	}
	// The request took the 10 s of the step on the mock clock; the stream does not count.
	if got := b.value(s, perfmon.ResponseTimeP99); math.Abs(got-10) > 0.1 {
		t.Errorf("p99 is %v s, want the 10 s of the request", got)
	}
}

func TestStatusesThatAreErrors(t *testing.T) {
	b := start(t, perfmon.WithErrorStatus(func(status int) bool { return status == 404 || status >= 500 }))
	for _, status := range []int{200, 302, 404, 500, 0, 1000, -1, 99} {
		b.request(time.Millisecond, status)
	}
	if got := b.value(b.step(), perfmon.ErrorRate); got != 75 {
		t.Errorf("error rate %v %%, want 75", got)
	}
}

// One monitor or ten: they share nothing.
func TestTenMonitors(t *testing.T) {
	var benches []*bench
	for range 10 {
		benches = append(benches, start(t))
	}
	var wg sync.WaitGroup
	for i, b := range benches {
		wg.Go(func() {
			for range i {
				b.request(time.Millisecond, 200)
			}
		})
	}
	wg.Wait()
	for i, b := range benches {
		if got := b.value(b.step(), perfmon.ThroughputRPS); got != float64(i)/10 {
			t.Errorf("monitor %d has a throughput of %v, want %v", i, got, float64(i)/10)
		}
	}
}

// The figures that Go and the system give are there, and within reason.
func TestSystemFigures(t *testing.T) {
	clk := clock.NewMock()
	m, err := perfmon.New(perfmon.WithClock(clk))
	if err != nil {
		t.Fatal(err)
	}
	samples := make(chan perfmon.Sample)
	defer m.Subscribe(func(s perfmon.Sample) { samples <- s })()
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	clk.Add(m.Step())
	s := <-samples
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	for _, metric := range []string{
		perfmon.MemoryUsageMB, perfmon.MemoryUsagePercent, perfmon.Goroutines, perfmon.HeapMB, perfmon.HeapGoalMB, perfmon.OSThreads, perfmon.OpenFDs,
	} {
		if v, ok := s.Value(metric); !ok || !(v > 0) {
			t.Errorf("%s = %v, %v, want something above 0", metric, v, ok)
		}
	}
}

func TestDisabledMonitorRestsAndWakes(t *testing.T) {
	b := start(t)
	b.request(time.Millisecond, 200)
	b.step()
	yes, no := true, false
	if _, err := b.Config().Update(perfmon.SettingsUpdate{Enabled: &no}, "test"); err != nil {
		t.Fatal(err)
	}
	if b.Recording() {
		t.Error("a disabled monitor records")
	}
	for range 60 {
		b.clock.Add(b.Step())
	}
	select {
	case s := <-b.samples:
		t.Errorf("a disabled monitor made a sample at %v", s.Time)
	default:
	}
	if _, err := b.Config().Update(perfmon.SettingsUpdate{Enabled: &yes}, "test"); err != nil {
		t.Fatal(err)
	}
	b.clock.Add(b.Step()) // this one only begins anew
	for range 50 {
		b.request(time.Millisecond, 200)
	}
	if got := b.value(b.step(), perfmon.ThroughputRPS); got != 5 {
		t.Errorf("throughput %v after waking, want 5: the pause is no part of the step", got)
	}
	for range 5 {
		b.step() // the first point
	}
	got := series(b.t, b.Monitor, perfmon.Scope{Endpoint: "GET /"}, 0, perfmon.ThroughputRPS).Metrics[perfmon.ThroughputRPS].Values
	if len(got) != 1 || math.Abs(got[0]-50.0/60) > 0.001 {
		t.Errorf("throughput of the endpoint's first point %v, want %v: what came before the pause is no part of it", got, 50.0/60)
	}
}

func TestSampleJSON(t *testing.T) {
	b := start(t, perfmon.WithMetricFunc(perfmon.Metric{Name: "tenants", Unit: "count"}, func() float64 { return 7 }))
	b.request(20*time.Millisecond, 200)
	s := b.step()
	data, err := s.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	golden.JSON(t, "sample.json", data)
	if diff := cmp.Diff(7.0, b.value(s, "tenants"), cmpopts.EquateApprox(0, 0)); diff != "" {
		t.Error(diff)
	}
}
