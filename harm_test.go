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

// exit ends the goroutine, as t.FailNow does in code that a host shares with its tests.
func exit() { runtime.Goexit() }

// badError is what a function returns that forgets to return a plain nil.
type badError struct{ text string }

func (e *badError) Error() string { return e.text }

// A collector's error is the host's own code: its Error may panic, be huge, or take its
// time.
func TestErrorsOfCollectors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failing := func(name string, err func() error) perfmon.Option {
			return perfmon.WithCollector(collector{name, []perfmon.Metric{metric(name)}, func(_ context.Context, set func(string, float64)) error {
				set(name, 1)
				return err()
			}})
		}
		release := make(chan struct{})
		m, err := perfmon.New(perfmon.WithoutSystemMetrics(),
			failing("typed_nil", func() error { var e *badError; return e }),
			failing("huge", func() error { return errors.New(strings.Repeat("x", 10<<20)) }),
			failing("slow_text", func() error { return slowError{release} }),
			failing("panics", func() error { var e *badError; panic(e) }),
			failing("exits", func() error { exit(); return nil }),
		)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(25 * time.Second)
		status := map[string]perfmon.CollectorStatus{}
		for _, c := range m.Diagnostics().Collectors {
			status[c.Name] = c
			if len(c.LastError) > 2<<10 {
				t.Errorf("%s keeps an error of %d bytes", c.Name, len(c.LastError))
			}
		}
		for name, want := range map[string]string{"typed_nil": "cannot be read", "huge": "xxx", "exits": "Goexit", "panics": "panic"} {
			if c := status[name]; c.Runs != 2 || c.Failures != 2 || !strings.Contains(c.LastError, want) {
				t.Errorf("%s: %+v", name, c)
			}
		}
		if s, ok := m.Current(); !ok || time.Since(s.Time) > 10*time.Second {
			t.Errorf("the latest sample is of %v", s.Time)
		}
		close(release)
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
}

type slowError struct{ release chan struct{} }

func (e slowError) Error() string { <-e.release; return "slow" }

// A logger that blocks, panics or ends its goroutine stops neither steps nor Close.
func TestLoggersDoNoHarm(t *testing.T) {
	for name, handle := range map[string]func(release chan struct{}){
		"blocks": func(release chan struct{}) { <-release },
		"panics": func(chan struct{}) { panic("full disk") },
		"exits":  func(chan struct{}) { exit() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				var n atomic.Uint64
				m, err := perfmon.New(perfmon.WithoutSystemMetrics(),
					perfmon.WithLogger(slog.New(handler{func() { handle(release) }})),
					perfmon.WithMetricFunc(metric("x"), func() float64 {
						n.Add(1)
						if n.Load()%2 == 1 {
							panic("boo")
						}
						return 1
					}))
				if err != nil {
					t.Fatal(err)
				}
				if err := m.Start(t.Context()); err != nil {
					t.Fatal(err)
				}
				time.Sleep(205*10*time.Second + time.Second)
				if got := n.Load(); got != 205 {
					t.Errorf("%d steps, want 205", got)
				}
				began := time.Now()
				err = m.Close()
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("Close took %v", took)
				}
				if blocked := name == "blocks"; blocked != (err != nil && strings.Contains(err.Error(), "the logger")) {
					t.Errorf("Close returns %v", err)
				}
				if d := m.Diagnostics().LogDropped; name == "blocks" && d == 0 {
					t.Error("messages that found no room are not counted")
				}
				close(release)
				synctest.Wait()
			})
		})
	}
}

type handler struct{ handle func() }

func (h handler) Enabled(context.Context, slog.Level) bool  { return true }
func (h handler) Handle(context.Context, slog.Record) error { h.handle(); return nil }
func (h handler) WithAttrs([]slog.Attr) slog.Handler        { return h }
func (h handler) WithGroup(string) slog.Handler             { return h }

// Close names what does not return, and with a mock clock that nobody moves it returns
// all the same.
func TestCloseWithHungCodeAndAMockClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clk := clock.NewMock()
		release := make(chan struct{})
		m, err := perfmon.New(perfmon.WithoutSystemMetrics(), perfmon.WithClock(clk),
			perfmon.WithCollector(collector{"hung", []perfmon.Metric{metric("x")}, func(context.Context, func(string, float64)) error { <-release; return nil }}))
		if err != nil {
			t.Fatal(err)
		}
		m.OnAlert(func(perfmon.AlertEvent) {})
		if err := m.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		clk.Add(m.Step())
		err = m.Close()
		if err == nil || !strings.Contains(err.Error(), "collector hung") || strings.Contains(err.Error(), "callback") {
			t.Errorf("Close returns %v", err)
		}
		close(release)
		synctest.Wait()
	})
}

// A sample waits for no collector longer than a twentieth of a step; what a slow one
// sets within its timeout is in the next sample.
func TestSamplesDoNotWaitForSlowCollectors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := perfmon.New(perfmon.WithoutSystemMetrics(), perfmon.WithMetricFunc(metric("slow"), func() float64 { time.Sleep(4 * time.Second); return 7 }))
		if err != nil {
			t.Fatal(err)
		}
		var last time.Time
		var oldest time.Duration
		seen := 0
		m.Subscribe(func(s perfmon.Sample) {
			if !last.IsZero() {
				oldest = max(oldest, time.Since(last))
			}
			last = s.Time
			if v, ok := s.Value("slow"); ok && v == 7 {
				seen++
			}
		})
		if err := m.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		if oldest > 10*time.Second {
			t.Errorf("a sample was %v old when the next one came", oldest)
		}
		if seen < 55 {
			t.Errorf("%d of 60 samples have the slow value", seen)
		}
	})
}

// Names from outside reach messages and logs clean.
func TestNamesAreCleanInMessages(t *testing.T) {
	b := start(t, perfmon.WithThreshold(perfmon.Threshold{Metric: perfmon.ErrorRate, Scope: perfmon.ScopeOrganization, Warning: perfmon.ValueOf(5)}),
		perfmon.WithoutDefaultThresholds())
	for range 3 {
		for range 100 {
			b.rec.Record(time.Millisecond, &perfmon.Response{Pattern: "/", Status: 500, Organization: "evil\ncritical opened: \x1b[31m\xff"})
		}
		b.step()
	}
	e := b.event()
	for what, s := range map[string]string{"event": e.String(), "message": e.Alert.Message, "organization": e.Alert.Organization} {
		if strings.ContainsAny(s, "\n\x1b") || strings.ToValidUTF8(s, "?") != s {
			t.Errorf("%s: %q", what, s)
		}
	}
	a, err := b.Alerts().Raise(perfmon.HostAlert{Metric: "m", Severity: perfmon.Warning, Message: "a\nb\xff", Scope: perfmon.Scope{Endpoint: "GET /\n"}})
	if err != nil || strings.Contains(a.Message+a.Endpoint, "\n") {
		t.Errorf("%v: %q in %q", err, a.Message, a.Endpoint)
	}
}

// Metadata may be of the host's types, whose methods may panic.
func TestMetadataOfTheHost(t *testing.T) {
	b := start(t)
	_, err := b.Alerts().Raise(perfmon.HostAlert{Metric: "m", Severity: perfmon.Warning, Message: "m", Metadata: map[string]any{"x": panics{}}})
	var field *perfmon.FieldError
	if !errors.As(err, &field) || field.Field != "Metadata" {
		t.Errorf("got %v", err)
	}
	b.step()
}

type panics struct{}

func (panics) MarshalJSON() ([]byte, error) { panic("boo") }

// Ten thousand organizations that alert at once, and as many alerts as are kept, take no
// time that grows with their square.
func TestManyAlertsAtOnce(t *testing.T) {
	b := start(t, perfmon.WithMaxOrganizations(10_000), perfmon.WithoutDefaultThresholds(), perfmon.WithConsecutiveViolations(1),
		perfmon.WithThreshold(perfmon.Threshold{Metric: perfmon.ErrorRate, Scope: perfmon.ScopeOrganization, Warning: perfmon.ValueOf(5), MinRequests: 1}))
	for i := range 10_000 {
		b.rec.Record(time.Millisecond, &perfmon.Response{Pattern: "/", Status: 500, Organization: fmt.Sprint("org", i)})
	}
	began := time.Now()
	b.step()
	if took := time.Since(began); took > 20*time.Second { // it took 6 s of a mutex before; this only catches the square
		t.Errorf("it took %v", took)
	}
	if got := b.Diagnostics().Alerts; got.Active != 10_000 {
		t.Errorf("%+v", got)
	}
}

// The alerts held have a budget in bytes.
func TestAlertBytesAreBounded(t *testing.T) {
	b := start(t, perfmon.WithAlertCooldown(0))
	meta := map[string]any{"x": strings.Repeat("y", 15<<10)}
	for i := range 4000 {
		a, err := b.Alerts().Raise(perfmon.HostAlert{Metric: "m", Severity: perfmon.Warning, Message: "m", Metadata: meta, Scope: perfmon.Scope{Endpoint: fmt.Sprint(i)}})
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			if _, err := b.Alerts().Resolve(a.ID, "test"); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := b.Diagnostics().Alerts; got.Bytes > 33<<20 || got.Active != 2000 || got.Dropped == 0 {
		t.Errorf("%+v", got)
	}
}

// Health costs nothing that grows with what alerts carry.
func TestHealthClonesNoAlert(t *testing.T) {
	b := start(t)
	meta := map[string]any{"x": strings.Repeat("y", 4<<10)}
	for i := range 5000 {
		if _, err := b.Alerts().Raise(perfmon.HostAlert{Metric: "m", Severity: perfmon.Warning, Message: "m", Metadata: meta, Scope: perfmon.Scope{Endpoint: fmt.Sprint(i)}}); err != nil {
			t.Fatal(err)
		}
	}
	b.step()
	if n := testing.AllocsPerRun(5, func() { b.Health(perfmon.AlertQuery{}) }); n > 500 {
		t.Errorf("Health allocates %v times", n)
	}
}

// What was not used for the retention is forgotten, with its history; a route seen late
// finds room.
func TestIdleNamesAndHistoryAreGivenBack(t *testing.T) {
	b := start(t, perfmon.WithMaxEndpoints(10), perfmon.WithRetention(2*time.Hour), perfmon.WithStep(time.Minute))
	for i := range 10 {
		b.rec.Record(time.Millisecond, &perfmon.Response{Method: "GET", Pattern: fmt.Sprint("/old", i), Status: 200})
	}
	for range 130 {
		b.step()
	}
	if d := b.Diagnostics(); d.Tables[0].Used != 0 {
		t.Errorf("the table holds %+v", d.Tables[0])
	}
	if _, err := b.History().Series(perfmon.Scope{Endpoint: "GET /old1"}, 0); !errors.Is(err, perfmon.ErrNotFound) {
		t.Errorf("its history: %v", err)
	}
	b.rec.Record(time.Millisecond, &perfmon.Response{Method: "GET", Pattern: "/new", Status: 200})
	b.step()
	if got := b.History().Endpoints(time.Minute); len(got) != 1 || got[0].Endpoint != "GET /new" {
		t.Errorf("endpoints: %v", got)
	}
}

// Values beyond single precision, and none at all, go through everything.
func TestExtremeValues(t *testing.T) {
	v := 0.0
	b := start(t, perfmon.WithMetricFunc(metric("x"), func() float64 { return v }))
	for _, v = range []float64{1e300, -1e300, 1e-300, 5e-324, math.MaxFloat64, math.Inf(1), math.NaN(), 0} {
		b.step()
	}
	if d := b.Diagnostics(); d.StepPanics != 0 {
		t.Errorf("%d steps panicked", d.StepPanics)
	}
}

// Keys of alerts that are over are forgotten while the monitor is disabled, too.
func TestDisabledMonitorForgetsKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := perfmon.New(perfmon.WithoutSystemMetrics(), perfmon.WithEnabled(false), perfmon.WithAlertCooldown(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		for round := range 6 {
			for i := range 10_000 {
				a, err := m.Alerts().Raise(perfmon.HostAlert{Metric: "m", Severity: perfmon.Warning, Message: "m", Scope: perfmon.Scope{Endpoint: fmt.Sprint(round, "/", i)}})
				if err != nil {
					t.Fatalf("round %d: %v", round, err)
				}
				if _, err := m.Alerts().Resolve(a.ID, "test"); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(2 * time.Minute)
			synctest.Wait()
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
}

// More alerts than are kept may be active; when they are over, the history is as long as
// ever.
func TestHistoryOfAlertsShrinksAgain(t *testing.T) {
	b := start(t, perfmon.WithAlertCooldown(0))
	var ids []string
	for i := range 11_000 {
		a, err := b.Alerts().Raise(perfmon.HostAlert{Metric: "m", Severity: perfmon.Warning, Message: "m", Scope: perfmon.Scope{Endpoint: fmt.Sprint(i)}})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, a.ID)
	}
	for _, id := range ids {
		if _, err := b.Alerts().Resolve(id, "test"); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.Diagnostics().Alerts; got.Held != 10_000 || got.Active != 0 {
		t.Errorf("%+v", got)
	}
}

// Alerts that were over 90 days ago are dropped; what is active stays.
func TestOldAlertsAreDropped(t *testing.T) {
	b := start(t, perfmon.WithStep(time.Hour), perfmon.WithInterval(time.Hour), perfmon.WithRetention(48*time.Hour), perfmon.WithoutDefaultThresholds())
	var ids []string
	for _, metric := range []string{"over", "active"} {
		a, err := b.Alerts().Raise(perfmon.HostAlert{Metric: metric, Severity: perfmon.Warning, Message: "m"})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, a.ID)
	}
	if _, err := b.Alerts().Resolve(ids[0], "test"); err != nil {
		t.Fatal(err)
	}
	for range 90 * 24 {
		b.step()
	}
	if got := b.Diagnostics().Alerts.Held; got != 2 {
		t.Errorf("%d alerts after 90 days", got)
	}
	b.step()
	if _, err := b.Alerts().Get(ids[0]); !errors.Is(err, perfmon.ErrNotFound) {
		t.Errorf("the old alert after 90 days: %v", err)
	}
	if _, err := b.Alerts().Get(ids[1]); err != nil {
		t.Errorf("the active one: %v", err)
	}
}

// A removed threshold is not put back by an update in flight, and what All returned can
// be set without freezing the settings in.
func TestThresholdsSideBySide(t *testing.T) {
	b := start(t)
	id := perfmon.ThresholdID{Metric: perfmon.ErrorRate}
	for range 200 {
		if _, err := b.Thresholds().Set(perfmon.Threshold{Metric: perfmon.ErrorRate, Warning: perfmon.ValueOf(5)}, "test"); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		removed := make(chan struct{})
		wg.Go(func() {
			defer close(removed)
			if err := b.Thresholds().Remove(id, "test"); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			for i := range 10 {
				v := perfmon.ValueOf(float64(i))
				_, _ = b.Thresholds().Update(id, perfmon.ThresholdUpdate{Warning: &v}, "test")
			}
		})
		wg.Wait()
		if _, err := b.Thresholds().Get(id); !errors.Is(err, perfmon.ErrNotFound) {
			t.Fatalf("removed, and yet there: %v", err)
		}
	}
	for _, threshold := range b.Thresholds().All() {
		if _, err := b.Thresholds().Set(threshold, "test"); err != nil {
			t.Error(err)
		}
	}
	five := 5
	if _, err := b.Config().Update(perfmon.SettingsUpdate{ConsecutiveViolations: &five}, "test"); err != nil {
		t.Fatal(err)
	}
	for _, threshold := range b.Thresholds().All() {
		if n := b.Thresholds().Effective(threshold).ConsecutiveViolations; n != 5 {
			t.Errorf("%v takes %d violations", threshold.ID(), n)
		}
	}
}
