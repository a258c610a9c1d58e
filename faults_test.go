package perfmon_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/backend-prs/perfmon"
)

// faults are what code of the host may do. What hangs comes back when release is closed.
var faults = map[string]func(release <-chan struct{}) error{
	"panics":             func(<-chan struct{}) error { panic("boo") },
	"panics with nil":    func(<-chan struct{}) error { panic(nil) }, //nolint:govet // a host may
	"panics badly":       func(<-chan struct{}) error { var e *badError; panic(e) },
	"ends its goroutine": func(<-chan struct{}) error { exit(); return nil },
	"fails":              func(<-chan struct{}) error { return errors.New(strings.Repeat("x", 1<<20)) },
	"fails badly":        func(<-chan struct{}) error { var e *badError; return e },
	"hangs":              func(release <-chan struct{}) error { <-release; return nil },
	"is late":            func(<-chan struct{}) error { time.Sleep(25 * time.Second); return nil },
}

// places are where code of the host runs.
var places = map[string]func(do func() error) []perfmon.Option{
	"collector": func(do func() error) []perfmon.Option {
		return []perfmon.Option{perfmon.WithCollector(collector{"bad", []perfmon.Metric{metric("bad")}, func(_ context.Context, set func(string, float64)) error {
			set("bad", math.Inf(1))
			set("nobody's\n", math.NaN())
			return do()
		}})}
	},
	"metric function": func(do func() error) []perfmon.Option {
		return []perfmon.Option{perfmon.WithMetricFunc(metric("bad"), func() float64 { _ = do(); return math.NaN() })}
	},
	"logger": func(do func() error) []perfmon.Option {
		return []perfmon.Option{perfmon.WithLogger(slog.New(handler{func() { _ = do() }})),
			perfmon.WithMetricFunc(metric("reason"), func() float64 { panic("a reason to log") })}
	},
	"words of alerts": func(do func() error) []perfmon.Option {
		return []perfmon.Option{perfmon.WithAlertMessageFunc(func(perfmon.MessageData) string { _ = do(); return strings.Repeat("\n", 1<<20) })}
	},
	"store": func(do func() error) []perfmon.Option { return []perfmon.Option{perfmon.WithStore(faultyStore{do})} },
	"companion": func(do func() error) []perfmon.Option {
		return []perfmon.Option{perfmon.WithCompanion("bad", faultyCompanion{do})}
	},
}

type faultyCompanion struct{ do func() error }

func (faultyCompanion) Validate() error                                      { return nil }
func (c faultyCompanion) Run(context.Context, *perfmon.Monitor, func(error)) { _ = c.do() }

type faultyStore struct{ do func() error }

func (s faultyStore) Append(context.Context, uint64, []perfmon.Record) error { return s.do() }
func (s faultyStore) AddPoint(context.Context, perfmon.Point) error          { return s.do() }
func (s faultyStore) Load(context.Context, func(perfmon.Record) error, func(perfmon.Point) error) error {
	return nil
}

// callbacks are places that are not options.
var callbacks = map[string]func(m *perfmon.Monitor, do func() error){
	"alert callback":  func(m *perfmon.Monitor, do func() error) { m.OnAlert(func(perfmon.AlertEvent) { _ = do() }) },
	"sample callback": func(m *perfmon.Monitor, do func() error) { m.Subscribe(func(perfmon.Sample) { _ = do() }) },
	"live callback":   func(m *perfmon.Monitor, do func() error) { m.Watch(func(perfmon.Sample) { _ = do() }) },
}

// Whatever code of the host does wrong, every request is counted, a sample comes of each
// step, the incident in the middle is told, Close returns within its grace, and when what
// hung has come back no goroutine is left: else the bubble of the test does not end.
func TestFaultsHarmNobody(t *testing.T) {
	for fault, f := range faults {
		for place, options := range places {
			t.Run(place+" "+fault, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					release := make(chan struct{})
					withFault(t, options(func() error { return f(release) }), nil, release)
				})
			})
		}
		for place, subscribe := range callbacks {
			t.Run(place+" "+fault, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					release := make(chan struct{})
					withFault(t, nil, func(m *perfmon.Monitor) { subscribe(m, func() error { return f(release) }) }, release)
				})
			})
		}
	}
}

// withFault runs a monitor for ten minutes.
func withFault(t *testing.T, options []perfmon.Option, subscribe func(*perfmon.Monitor), release chan struct{}) {
	t.Helper()
	m, err := perfmon.New(append(options, perfmon.WithoutSystemMetrics())...)
	if err != nil {
		t.Fatal(err)
	}
	var samples, opened, resolved atomic.Uint64
	m.Subscribe(func(perfmon.Sample) { samples.Add(1) })
	m.OnAlert(func(e perfmon.AlertEvent) {
		switch {
		case e.Alert.Metric != perfmon.ErrorRate:
		case e.Change == perfmon.ChangeOpened:
			opened.Add(1)
		case e.Change == perfmon.ChangeResolved:
			resolved.Add(1)
		}
	})
	if subscribe != nil {
		subscribe(m)
	}
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	recorder, served := m.NewRecorder(), uint64(0)
	for second := range 10 * 60 {
		for range 20 {
			status := 200
			if second >= 120 && second < 240 {
				status = 500
			}
			recorder.Record(time.Millisecond, &perfmon.Response{Method: "GET", Pattern: "/", Status: status})
			served++
		}
		time.Sleep(time.Second)
	}
	time.Sleep(time.Second)
	total, err := m.History().Totals(perfmon.Scope{})
	if err != nil || total.Requests != served {
		t.Errorf("%d requests were counted of %d: %v", total.Requests, served, err)
	}
	if n := samples.Load(); n != 60 {
		t.Errorf("%d samples were taken, want 60", n)
	}
	if opened.Load() != 1 || resolved.Load() != 1 {
		t.Errorf("the incident was told opened %d times and resolved %d times", opened.Load(), resolved.Load())
	}
	if d := m.Diagnostics(); d.StepPanics != 0 {
		t.Errorf("%d steps failed", d.StepPanics)
	}
	began := time.Now()
	_ = m.Close() // names what hangs
	if took := time.Since(began); took > 25*time.Second {
		t.Errorf("Close took %v", took)
	}
	close(release)
	time.Sleep(time.Minute) // what is late comes back
	synctest.Wait()
	if n := runtime.NumGoroutine(); n > 50 {
		t.Errorf("%d goroutines are left", n)
	}
}

// The clock on the wall jumps, or the machine sleeps: no request is lost before or after
// it, samples go on, and nobody is paged for a gap.
func TestClockJumpsPageNobody(t *testing.T) {
	for _, jump := range []time.Duration{-24 * time.Hour, -time.Second, time.Second, time.Minute, time.Hour, 8 * time.Hour, 60 * 24 * time.Hour} {
		t.Run(jump.String(), func(t *testing.T) {
			wall := &wallClock{Mock: clock.NewMock()}
			wall.Set(noon)
			each := perfmon.Threshold{Metric: perfmon.ThroughputRPS, Scope: perfmon.ScopeEndpoint, Warning: perfmon.ValueOf(0.5)}
			b := start(t, perfmon.WithClock(wall), perfmon.WithThreshold(each), perfmon.WithMetricFunc(metric("x"), func() float64 { return 1 }),
				perfmon.WithThreshold(perfmon.Threshold{Metric: "x", Warning: perfmon.ValueOf(5), AbsentAfter: time.Minute}))
			b.clock = wall.Mock
			served := uint64(0)
			live := func() {
				for range 90 {
					for i := range 200 {
						b.rec.Record(time.Millisecond, &perfmon.Response{Method: "GET", Pattern: fmt.Sprint("/", i%50), Status: 200})
						served++
					}
					b.clock.Add(b.Step())
				}
			}
			live()
			wall.offset.Store(int64(jump))
			live()
			if told := b.told(); len(told) != 0 {
				t.Errorf("%d alerts: %v", len(told), told[0])
			}
			total, err := b.History().Totals(perfmon.Scope{})
			for n := 0; total.Requests != served && n < 30; n++ { // a mock clock may run ahead of the steps
				b.clock.Add(b.Step())
				total, err = b.History().Totals(perfmon.Scope{})
			}
			if err != nil || total.Requests != served {
				t.Errorf("%d of %d requests were counted: %v", total.Requests, served, err)
			}
			series := series(t, b.Monitor, perfmon.Scope{}, 0)
			for i := 1; i < len(series.Times); i++ {
				if !series.Times[i].After(series.Times[i-1]) {
					t.Fatalf("the point of %v follows that of %v", series.Times[i], series.Times[i-1])
				}
			}
			if s, ok := b.Current(); !ok || b.Now().Sub(s.Time) > time.Minute {
				t.Errorf("the latest sample is of %v, and it is %v", s.Time, b.Now())
			}
		})
	}
}

// Close while everything is in use: nothing panics, and it returns.
func TestCloseUnderLoad(t *testing.T) {
	for range 20 {
		before := runtime.NumGoroutine()
		m, err := perfmon.New(perfmon.WithStep(perfmon.MinStep), perfmon.WithInterval(perfmon.MinStep), perfmon.WithStore(&perfmon.MemoryStore{}))
		if err != nil {
			t.Fatal(err)
		}
		m.OnAlert(func(perfmon.AlertEvent) {})
		if err := m.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		stop := make(chan struct{})
		var wg sync.WaitGroup
		var calls atomic.Uint64
		for i, f := range []func(i int){
			func(i int) {
				m.NewRecorder().Record(time.Millisecond, &perfmon.Response{Method: "GET", Pattern: fmt.Sprint("/", i), Status: 200, Organization: fmt.Sprint(i)})
			},
			func(i int) {
				_, _ = m.Alerts().Raise(perfmon.HostAlert{Metric: "m", Severity: perfmon.Warning, Message: "m", Scope: perfmon.Scope{Endpoint: fmt.Sprint(i % 100)}})
			},
			func(i int) { _, _ = m.Metrics().Gauge(metric(fmt.Sprint("m", i))) },
			func(int) { m.Diagnostics(); m.Dashboard(perfmon.DashboardQuery{}) },
			func(int) { m.Watch(func(perfmon.Sample) {})(); m.Subscribe(func(perfmon.Sample) {})() },
			func(i int) {
				n := 1 + i%5
				_, _ = m.Config().Update(perfmon.SettingsUpdate{ConsecutiveViolations: &n}, "test")
			},
		} {
			wg.Go(func() {
				for n := 0; ; n++ {
					select {
					case <-stop:
						return
					default:
						f(n*10 + i)
						calls.Add(1)
					}
				}
			})
		}
		for calls.Load() < 200 {
			runtime.Gosched()
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		close(stop)
		wg.Wait()
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		for range 1000 {
			if runtime.NumGoroutine() <= before {
				break
			}
			runtime.Gosched()
		}
		if n := runtime.NumGoroutine(); n > before+5 {
			t.Errorf("%d goroutines before, %d after", before, n)
		}
	}
}
