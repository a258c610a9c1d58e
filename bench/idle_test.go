//go:build unix

package main

import (
	"syscall"
	"testing"
	"time"

	"github.com/backend-prs/perfmon"
)

// BenchmarkIdleMonitor reports the processor time of a step of a monitor that has nothing
// to do but read the system and the runtime: as much of it each 10 s is what perfmon
// costs an idle service.
func BenchmarkIdleMonitor(b *testing.B) {
	const step, steps = 100 * time.Millisecond, 50
	m, err := perfmon.New(perfmon.WithStep(step), perfmon.WithInterval(time.Second))
	if err != nil {
		b.Fatal(err)
	}
	done := make(chan struct{}, steps)
	m.Subscribe(func(perfmon.Sample) { done <- struct{}{} })
	if err := m.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before, n := used(), 0
	for b.Loop() {
		for range steps {
			<-done
		}
		n += steps
	}
	perStep := (used() - before) / time.Duration(n)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(perStep.Seconds()*1e3, "cpu-ms/step")
	b.ReportMetric(100*perStep.Seconds()/10, "%-of-a-processor-at-10s")
	if err := m.Close(); err != nil {
		b.Error(err)
	}
}
