package perfmon_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/httpapi"
	"github.com/backend-prs/perfmon/middleware"
)

func hello(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "hello, %s\n", r.PathValue("name"))
}

// The whole of it in a plain net/http service.
func Example() {
	m, err := perfmon.New()
	if err != nil {
		log.Fatal(err)
	}
	m.OnAlert(func(e perfmon.AlertEvent) { log.Print(e) })
	api, err := httpapi.New(m, httpapi.WithBearerToken(os.Getenv("PERFMON_TOKEN")))
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello/{name}", hello)
	mux.Handle(httpapi.DefaultPrefix, api)
	if err := m.Start(context.Background()); err != nil {
		log.Fatal(err)
	}
	err = http.ListenAndServe(":8080", middleware.New(m)(mux))
	log.Fatal(errors.Join(err, m.Close()))
}

// A metric of the host's own, with a threshold and an alert like any other.
func ExampleMonitor_Gauge() {
	m, err := perfmon.New(perfmon.WithThreshold(perfmon.Threshold{Metric: perfmon.QueueSize, Warning: 100, Critical: 1000}))
	if err != nil {
		log.Fatal(err)
	}
	lag, err := m.Gauge(perfmon.Metric{Name: "replication_lag", Unit: "s", Worse: perfmon.HigherIsWorse, Help: "How far the replica is behind."})
	if err != nil {
		log.Fatal(err)
	}
	if err := m.SetThreshold(perfmon.Threshold{Metric: "replication_lag", Warning: 5, Critical: 30}); err != nil {
		log.Fatal(err)
	}
	lag.Set(0.4)
	_, err = m.Gauge(perfmon.Metric{Name: "Replication Lag"})
	fmt.Println(err)
	// Output: perfmon: metric name: "Replication Lag" is not valid: want 1 to 64 of a-z, 0-9 and _, a letter first
}

// Samples come once a step. A test steps the clock itself.
func ExampleMonitor_Subscribe() {
	mock := clock.NewMock()
	m, err := perfmon.New(perfmon.WithClock(mock), perfmon.WithoutSystemMetrics())
	if err != nil {
		log.Fatal(err)
	}
	samples := make(chan perfmon.Sample)
	cancel := m.Subscribe(func(s perfmon.Sample) { samples <- s })
	defer cancel()
	if err := m.Start(context.Background()); err != nil {
		log.Fatal(err)
	}
	m.NewRecorder().Record(250*time.Millisecond, &perfmon.Response{Method: "GET", Pattern: "/", Status: 200})
	mock.Add(m.Step())
	s := <-samples
	rps, _ := s.Value(perfmon.ThroughputRPS)
	_, queried := s.Value(perfmon.DatabaseQueryTimeAvg)
	fmt.Println(rps, queried)
	if err := m.Close(); err != nil {
		log.Fatal(err)
	}
	// Output: 0.1 false
}

func ExampleMonitor_OnAlert() {
	mock := clock.NewMock()
	m, err := perfmon.New(perfmon.WithClock(mock), perfmon.WithoutSystemMetrics(), perfmon.WithAlertMessage("{{.Metric.Name}} is {{.Value}}"))
	if err != nil {
		log.Fatal(err)
	}
	m.OnAlert(func(e perfmon.AlertEvent) { fmt.Println(e) })
	if _, err := m.Raise(perfmon.HostAlert{Metric: "backup_age", Severity: perfmon.Critical, Message: "no backup since Monday"}); err != nil {
		log.Fatal(err)
	}
	if err := m.Close(); err != nil { // delivers what is queued
		log.Fatal(err)
	}
	// Output: critical opened: no backup since Monday
}

func ExampleMonitor_UpdateThreshold() {
	m, err := perfmon.New()
	if err != nil {
		log.Fatal(err)
	}
	warning, critical := 0.5, 1.5
	t, err := m.UpdateThreshold(perfmon.ResponseTimeP95, perfmon.ScopeService, perfmon.ThresholdUpdate{Warning: &warning, Critical: &critical})
	fmt.Println(t.Warning, t.Critical, err)
	warning = 3
	_, err = m.UpdateThreshold(perfmon.ResponseTimeP95, perfmon.ScopeService, perfmon.ThresholdUpdate{Warning: &warning})
	fmt.Println(err)
	// Output:
	// 0.5 1.5 <nil>
	// perfmon: threshold of response_time_p95: critical_threshold: 1.5 is not valid: want at least the warning_threshold of 3
}
