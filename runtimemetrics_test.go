package perfmon_test

import (
	"errors"
	"runtime/metrics"
	"strings"
	"sync"
	"testing"

	"github.com/backend-prs/perfmon"
)

// Every name that the toolchain has can be a metric.
func TestEveryRuntimeMetric(t *testing.T) {
	var names []string
	for _, d := range metrics.All() {
		if !strings.HasPrefix(d.Name, "/godebug/") { // as many again, all alike
			names = append(names, d.Name)
		}
	}
	b := start(t, perfmon.WithRuntimeMetrics(names...), perfmon.WithRuntimeMetrics("/godebug/non-default-behavior/httpservecontentkeepheaders:events"))
	s := b.step()
	values := 0
	for _, m := range b.Metrics().All() {
		if v, ok := s.Value(m.Name); ok && strings.HasPrefix(m.Name, "go_") {
			values++
			if v < 0 {
				t.Errorf("%s is %v", m.Name, v)
			}
		}
		if strings.HasPrefix(m.Name, "go_") && (m.Help == "" || m.Unit == "") {
			t.Errorf("%s has no help or no unit: %+v", m.Name, m)
		}
	}
	if values < len(names)/2 {
		t.Errorf("%d values of %d names", values, len(names))
	}
}

// What the scheduler and locks do is seen.
func TestSchedulerAndLocks(t *testing.T) {
	b := start(t, perfmon.WithRuntimeMetrics(
		"/sched/goroutines/waiting:goroutines", "/sched/goroutines/runnable:goroutines", "/sched/goroutines/running:goroutines",
		"/sync/mutex/wait/total:seconds", "/sched/latencies:seconds", "/gc/heap/allocs:bytes",
	))
	stop := make(chan struct{})
	var begun sync.WaitGroup
	for range 200 {
		begun.Add(1)
		go func() { begun.Done(); <-stop }()
	}
	begun.Wait()
	s := b.step()
	close(stop)
	if got := b.value(s, "go_sched_goroutines_waiting_goroutines"); got < 150 {
		t.Errorf("%v goroutines wait, 200 do", got)
	}
	if got := b.value(s, "go_sched_goroutines_running_goroutines"); got < 1 {
		t.Errorf("%v goroutines run", got)
	}
	for _, name := range []string{"go_sched_goroutines_runnable_goroutines", "go_sync_mutex_wait_total_seconds", "go_sched_latencies_seconds_p99", "go_gc_heap_allocs_bytes"} {
		b.value(s, name)
	}
	m, _ := b.Metrics().Get("go_gc_heap_allocs_bytes")
	if m.Unit != "B/s" || m.Kind != perfmon.KindCounter {
		t.Errorf("allocations are %+v", m)
	}
}

func TestRuntimeMetricsAreRefused(t *testing.T) {
	for name, names := range map[string][]string{
		"none": nil, "unknown": {"/sched/fibers:fibers"}, "twice": {"/sched/gomaxprocs:threads", "/sched/gomaxprocs:threads"},
	} {
		var field *perfmon.FieldError
		if _, err := perfmon.New(perfmon.WithRuntimeMetrics(names...)); !errors.As(err, &field) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
