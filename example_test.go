package perfmon_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/middleware"
)

// A service that is watched, and hears of alerts.
func Example() {
	m, err := perfmon.New()
	if err != nil {
		log.Fatal(err)
	}
	m.OnAlert(func(e perfmon.AlertEvent) { log.Print(e) })
	if err := m.Start(context.Background()); err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "hello") })
	log.Print(http.ListenAndServe(":8080", middleware.New(m)(mux)))
}

// A metric of the host's own, with a threshold and an alert like any other.
func ExampleMetrics_Gauge() {
	m, err := perfmon.New()
	if err != nil {
		log.Fatal(err)
	}
	lag, err := m.Metrics().Gauge(perfmon.Metric{Name: "replication_lag", Unit: "s", Worse: perfmon.HigherIsWorse, Help: "How far the replica is behind."})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := m.Thresholds().Set(perfmon.Threshold{Metric: "replication_lag", Warning: perfmon.ValueOf(5), Critical: perfmon.ValueOf(30)}, "example"); err != nil {
		log.Fatal(err)
	}
	lag.Set(0.4)
	_, err = m.Metrics().Gauge(perfmon.Metric{Name: "Replication Lag"})
	fmt.Println(err)
	// Output: perfmon: collector gauge Replication Lag: Metric.Name: "Replication Lag" is not valid: want 1 to 64 of a-z, 0-9 and _, a letter first
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
	m, err := perfmon.New(perfmon.WithoutSystemMetrics())
	if err != nil {
		log.Fatal(err)
	}
	m.OnAlert(func(e perfmon.AlertEvent) { fmt.Println(e) })
	if _, err := m.Alerts().Raise(perfmon.HostAlert{Metric: "backup_age", Severity: perfmon.Critical, Message: "no backup since Monday"}); err != nil {
		log.Fatal(err)
	}
	if err := m.Close(); err != nil { // callbacks get what waits for them
		log.Fatal(err)
	}
	// Output: critical opened: no backup since Monday
}

// Reports may be slow: their endpoints have a limit of their own.
func ExampleThresholds_Set() {
	m, err := perfmon.New()
	if err != nil {
		log.Fatal(err)
	}
	t, err := m.Thresholds().Set(perfmon.Threshold{
		Metric: perfmon.ResponseTimeP95, Scope: perfmon.ScopeEndpoint, AppliesTo: "GET /reports/*", Warning: perfmon.ValueOf(20),
	}, "example")
	fmt.Println(t.Comparison, t.Warning, t.Critical, err)
	// Output: greater 20 absent <nil>
}

// A change is applied whole or not at all.
func ExampleThresholds_Update() {
	m, err := perfmon.New()
	if err != nil {
		log.Fatal(err)
	}
	p95 := perfmon.ThresholdID{Metric: perfmon.ResponseTimeP95}
	warning, critical := perfmon.ValueOf(0.5), perfmon.ValueOf(1.5)
	t, err := m.Thresholds().Update(p95, perfmon.ThresholdUpdate{Warning: &warning, Critical: &critical}, "example")
	fmt.Println(t.Warning, t.Critical, err)
	warning = perfmon.ValueOf(3)
	_, err = m.Thresholds().Update(p95, perfmon.ThresholdUpdate{Warning: &warning}, "example")
	fmt.Println(err)
	// Output:
	// 0.5 1.5 <nil>
	// perfmon: threshold of response_time_p95 for the service: Critical: 1.5 is not valid: want at least the warning limit of 3
}

// What is slow, over the last hour.
func ExampleHistory_Endpoints() {
	m, err := perfmon.New()
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range m.History().Endpoints(time.Hour) {
		fmt.Printf("%s: %d requests, p95 %v s\n", e.Endpoint, e.Requests, e.P95)
	}
	// Output:
}

// A service that was stable for an hour is what later hours are held against.
func ExampleBaselines_Establish() {
	m, err := perfmon.New()
	if err != nil {
		log.Fatal(err)
	}
	_, err = m.Baselines().Establish(0, "example")
	fmt.Println(err)
	// Output: perfmon: no baseline can be established: The last 1h0m0s hold 0 points; 54 are needed, of 1m0s each.
}
