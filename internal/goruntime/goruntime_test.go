package goruntime_test

import (
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/backend-prs/perfmon/internal/goruntime"
)

var sink []byte

func TestFiguresFollowWhatTheProgramDoes(t *testing.T) {
	r := goruntime.NewReader()
	var w goruntime.Window
	r.Read()
	r.Since(&w, time.Second)

	const n = 64
	stop := make(chan struct{})
	for range n {
		go func() { <-stop }()
	}
	defer close(stop)
	for range 32 {
		sink = make([]byte, 1<<20)
	}
	runtime.GC()
	r.Read()
	got := r.Since(&w, 2*time.Second)

	if int(got.Goroutines) < n || int(got.Goroutines) > runtime.NumGoroutine()+n {
		t.Errorf("%v goroutines, %d were just started", got.Goroutines, n)
	}
	if got.AllocRateMB < 16 || got.AllocRateMB > 20 {
		t.Errorf("allocated %v MiB/s, want 32 MiB in 2 s", got.AllocRateMB)
	}
	if !(got.GCPauseP99 > 0 && got.GCPauseP99 < 10) {
		t.Errorf("a collection's pause is given as %v s", got.GCPauseP99)
	}
	if !(got.SchedLatencyP99 > 0 && got.SchedLatencyP99 < 60) {
		t.Errorf("%d goroutines were started, and waited for %v s", n, got.SchedLatencyP99)
	}
	if !(got.HeapGoalMB > 1 && got.HeapGoalMB < 1<<20) {
		t.Errorf("the next collection aims at %v MiB", got.HeapGoalMB)
	}
	if !(got.HeapMB > 0 && got.HeapMB < got.HeapGoalMB+64) {
		t.Errorf("heap of %v MiB with a goal of %v MiB", got.HeapMB, got.HeapGoalMB)
	}
	if !(got.GCCPUPercent > 0 && got.GCCPUPercent <= 100) {
		t.Errorf("the collector took %v %% of the processors", got.GCCPUPercent)
	}
}

func TestNoPauseIsAbsent(t *testing.T) {
	r := goruntime.NewReader()
	var w goruntime.Window
	r.Read()
	r.Since(&w, time.Second)
	got := r.Since(&w, time.Second) // the very same reading again
	if !math.IsNaN(got.GCPauseP99) || !math.IsNaN(got.GCCPUPercent) || got.AllocRateMB != 0 {
		t.Errorf("an empty window yields %+v", got)
	}
}
