package perfmon_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/backend-prs/perfmon"
)

// A cache of the host counts its hits and misses.
func ExampleMetrics_Cache() {
	m, err := perfmon.New()
	if err != nil {
		log.Fatal(err)
	}
	sessions, err := m.Metrics().Cache("sessions")
	if err != nil {
		log.Fatal(err)
	}
	sessions.Hit()       // cache_sessions_hits, and cache_sessions_hit_rate
	sessions.Miss()      // cache_sessions_misses
	sessions.SetSize(42) // cache_sessions_size
	_, known := m.Metrics().Get("cache_sessions_hit_rate")
	fmt.Println(known)
	// Output: true
}

// A queue is read once a step.
func ExampleQueue() {
	jobs, busy := make(chan time.Time, 100), 3 // when each was put in
	m, err := perfmon.New(perfmon.WithCollector(perfmon.Queue("mail", func(context.Context) (perfmon.QueueState, error) {
		return perfmon.QueueState{Depth: len(jobs), OldestAge: -1, Busy: busy, Workers: 8}, nil
	})))
	if err != nil {
		log.Fatal(err)
	}
	metric, _ := m.Metrics().Get("queue_mail_depth")
	fmt.Println(metric.Name, metric.Unit)
	// Output: queue_mail_depth count
}

// What the scheduler and locks do, by the names that the runtime has for it.
func ExampleWithRuntimeMetrics() {
	m, err := perfmon.New(perfmon.WithRuntimeMetrics(
		"/sched/goroutines/runnable:goroutines", "/sched/goroutines/running:goroutines", "/sched/goroutines/waiting:goroutines",
		"/sync/mutex/wait/total:seconds",
	))
	if err != nil {
		log.Fatal(err)
	}
	metric, _ := m.Metrics().Get("go_sync_mutex_wait_total_seconds")
	fmt.Println(metric.Unit, metric.Kind)
	// Output: s/s counter
}

// Totals that a library counts become a rate and a mean.
func ExampleCounter_Follow() {
	m, err := perfmon.New()
	if err != nil {
		log.Fatal(err)
	}
	retries, err := m.Metrics().Counter(perfmon.Metric{Name: "broker_retries"})
	if err != nil {
		log.Fatal(err)
	}
	retries.Follow(1000) // where counting begins
	retries.Follow(1003)
	fmt.Println(retries.Total())
	// Output: 3
}
