package perfmon_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/backend-prs/perfmon"
)

// A slow, a failing and a panicking collector cost their own metrics alone, and
// diagnostics says so.
func TestCollectorsDoNotHarmEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		late := make(chan func(string, float64), 1)
		list := []collector{
			{"good", []perfmon.Metric{metric("good")}, func(_ context.Context, set func(string, float64)) error {
				set("good", 1)
				set("nobody_registered_this", 1)
				return nil
			}},
			{"failing", []perfmon.Metric{metric("failing"), metric("failing_not")}, func(_ context.Context, set func(string, float64)) error {
				set("failing_not", 2)
				return errors.New("no such table")
			}},
			{"panicking", []perfmon.Metric{metric("panicking")}, func(context.Context, func(string, float64)) error { panic("boo") }},
			{"slow", []perfmon.Metric{metric("slow"), metric("slow_before")}, func(_ context.Context, set func(string, float64)) error {
				set("slow_before", 3)
				late <- set
				<-release // it does not care about its context
				set("slow", 4)
				return nil
			}},
			{"polite", []perfmon.Metric{metric("polite")}, func(ctx context.Context, _ func(string, float64)) error {
				<-ctx.Done()
				return ctx.Err()
			}},
			{"odd", []perfmon.Metric{metric("nan"), metric("inf")}, func(_ context.Context, set func(string, float64)) error {
				set("nan", math.NaN())
				set("inf", math.Inf(1))
				return nil
			}},
		}
		opts := []perfmon.Option{perfmon.WithoutSystemMetrics()}
		for _, c := range list {
			opts = append(opts, perfmon.WithCollector(c))
		}
		m, err := perfmon.New(opts...)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(36 * time.Second) // three steps, each with a timeout of 5 s

		s, ok := m.Current()
		if !ok {
			t.Fatal("no sample")
		}
		got := map[string]float64{}
		for m, v := range s.All() {
			if strings.Contains("good failing failing_not panicking slow slow_before polite nan inf", m.Name) {
				got[m.Name] = v
			}
		}
		nan := math.NaN()
		// At the third step the slow one is still at its first.
		want := map[string]float64{
			"good": 1, "failing": nan, "failing_not": 2, "panicking": nan, "slow": nan, "slow_before": nan, "polite": nan, "nan": nan, "inf": nan,
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" {
			t.Errorf("values (-want +got):\n%s", diff)
		}

		type row struct{ Runs, Failures, Panics, Timeouts, Skipped uint64 }
		rows := map[string]row{}
		errs := map[string]string{}
		for _, c := range m.Diagnostics().Collectors {
			rows[c.Name] = row{c.Runs, c.Failures, c.Panics, c.Timeouts, c.Skipped}
			errs[c.Name] = c.LastError
		}
		wantRows := map[string]row{
			"good": {3, 3, 0, 0, 0}, "failing": {3, 3, 0, 0, 0}, "panicking": {3, 3, 3, 0, 0}, "slow": {0, 0, 0, 1, 2}, "odd": {3, 0, 0, 0, 0},
			"polite": rows["polite"],
		}
		if diff := cmp.Diff(wantRows, rows); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if rows["polite"].Runs != 3 || rows["polite"].Failures != 3 {
			t.Errorf("the polite one fared %+v", rows["polite"])
		}
		for name, want := range map[string]string{
			"good": `it set the metric "nobody_registered_this", which its method Metrics does not name`, "failing": "no such table", "panicking": "boo", "slow": "no answer within 5s",
		} {
			if !strings.Contains(errs[name], want) {
				t.Errorf("%s: the last error is %q, want %q", name, errs[name], want)
			}
		}

		close(release)
		(<-late)("slow", 5) // after its time: dropped, and no race
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A collector that goes on failing is logged once, until it works again.
func TestFailuresAreLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var works atomic.Bool
		m, err := perfmon.New(perfmon.WithoutSystemMetrics(), perfmon.WithLogger(slog.New(slog.NewTextHandler(&log, nil))),
			perfmon.WithMetricFunc(metric("x"), func() float64 {
				if !works.Load() {
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
		steps := func(n int) int {
			time.Sleep(time.Duration(n)*m.Step() + time.Second)
			synctest.Wait()
			return strings.Count(log.String(), "a collector failed")
		}
		if n := steps(2); n != 1 {
			t.Errorf("two failures in a row are logged %d times:\n%s", n, log.String())
		}
		works.Store(true)
		steps(1)
		works.Store(false)
		if n := steps(1); n != 2 || !strings.Contains(log.String(), "boo") {
			t.Errorf("a failure after a success is logged %d times in all:\n%s", n, log.String())
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A collector that is always late, but comes back, is logged once, too.
func TestLatenessIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		m, err := perfmon.New(perfmon.WithoutSystemMetrics(), perfmon.WithLogger(slog.New(slog.NewTextHandler(&log, nil))),
			perfmon.WithMetricFunc(metric("x"), func() float64 { time.Sleep(6 * time.Second); return 1 }))
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(58 * time.Second)
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		if n := strings.Count(log.String(), "a collector failed"); n != 1 {
			t.Errorf("five late runs are logged %d times:\n%s", n, log.String())
		}
	})
}

func TestMetricsAddedAtRunTime(t *testing.T) {
	b := start(t)
	b.step()
	g, err := b.Metrics().Gauge(perfmon.Metric{Name: "temperature", Unit: "°C", Worse: perfmon.HigherIsWorse, Help: "Of the room."})
	if err != nil {
		t.Fatal(err)
	}
	if v, ok := b.step().Value("temperature"); ok {
		t.Errorf("a gauge nobody set is %v", v)
	}
	g.Set(21.5)
	if got := b.value(b.step(), "temperature"); got != 21.5 {
		t.Errorf("the gauge is %v, want 21.5", got)
	}
	for _, clear := range []func(){g.Clear, func() { g.Set(math.Inf(-1)) }, func() { g.Set(math.NaN()) }} {
		g.Set(1)
		clear()
		if v, ok := b.step().Value("temperature"); ok {
			t.Errorf("a cleared gauge is %v", v)
		}
	}
	// First-class: it has history, thresholds and alerts like any other.
	if _, err := b.Thresholds().Set(perfmon.Threshold{Metric: "temperature", Warning: perfmon.ValueOf(30), Critical: perfmon.ValueOf(40)}, "test"); err != nil {
		t.Fatal(err)
	}
	g.Set(35)
	b.step()
	b.step()
	b.step()
	if e := b.event(); e.Alert.Metric != "temperature" || e.Alert.Message != "temperature of service is 35 °C, past the warning limit of 30 °C" {
		t.Errorf("the alert says %q", e.Alert.Message)
	}
	if h := series(b.t, b.Monitor, perfmon.Scope{}, 0, "temperature"); len(h.Metrics["temperature"].Values) == 0 {
		t.Error("it has no history")
	}
	if _, err := b.Metrics().Gauge(perfmon.Metric{Name: "temperature"}); err == nil {
		t.Error("the same name is accepted twice")
	}
}

// A collector may feed a built-in metric that nothing else feeds, once.
func TestCollectorOfBuiltinMetric(t *testing.T) {
	b := start(t, perfmon.WithQueueSize(func() int { return 12 }))
	if got := b.value(b.step(), perfmon.QueueSize); got != 12 {
		t.Errorf("queue size %v, want 12", got)
	}
	again := collector{"again", []perfmon.Metric{{Name: perfmon.QueueSize}, metric("fresh")}, none}
	err := b.Metrics().AddCollector(again)
	if err == nil || !strings.Contains(err.Error(), "queue_size") {
		t.Errorf("the second feeder of queue_size is met with %v", err)
	}
	if _, ok := b.Metrics().Get("fresh"); ok {
		t.Error("a refused collector left a metric behind")
	}
}

func TestMetricsAreBounded(t *testing.T) {
	m, err := perfmon.New(perfmon.WithoutSystemMetrics())
	if err != nil {
		t.Fatal(err)
	}
	var last error
	for i := range perfmon.MaxMetrics + 10 {
		name := "m" + strings.Repeat("x", i%30) + string(rune('a'+i%26)) + string(rune('a'+i/26%26))
		_, err := m.Metrics().Gauge(perfmon.Metric{Name: name})
		if err != nil {
			last = err
		}
	}
	if n := len(m.Metrics().All()); n > perfmon.MaxMetrics || last == nil {
		t.Errorf("%d metrics, last error %v", n, last)
	}
}
