package prom_test

import (
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// A real Prometheus scrapes examples/prometheus, a program of its own. Its requests are all
// counted, their traces found, and a restart is one counter reset.
func TestExampleService(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "service")
	if out, err := exec.Command("go", "-C", "../examples/prometheus", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	addr := freeAddress(t)
	p := startPrometheus(t, addr, "--enable-feature=exemplar-storage")
	t.Setenv("ENHANCED_MONITORING_INTERVAL", "1") // so is the step
	const series = `perfmon_response_time_seconds_count{handler="/hello/{name}",method="GET"}`

	stop := startService(t, binary, addr)
	greet(t, addr, 40)
	p.until(series, 40)
	traces := 0
	for _, s := range p.exemplars(`perfmon_response_time_seconds_bucket{handler="/hello/{name}"}`).Data {
		for _, e := range s.Exemplars {
			if e.Labels["trace_id"] != traceOf(0) {
				t.Errorf("%v has %v", s.SeriesLabels, e)
			}
			traces++
		}
	}
	if traces == 0 {
		t.Error("there is no exemplar")
	}
	stop()
	p.until("count(up == 0)", 1)
	startService(t, binary, addr)
	greet(t, addr, 10)
	p.until(series, 10)
	for name, want := range map[string]float64{
		series: 1,
		`perfmon_responses_total{handler="/hello/{name}",code="2xx"}`: 1,
		`perfmon_errors_total{handler="/hello/{name}"}`:               0, // it was 0 and is
	} {
		if got := p.value(fmt.Sprintf("resets(%s[10m])", name)); got != want {
			t.Errorf("%s: %g resets, not %g", name, got, want)
		}
	}
}

// startService starts a program that listens on an address, and returns what ends it.
func startService(t *testing.T, binary, addr string) (stop func()) {
	t.Helper()
	cmd := exec.Command(binary, "-addr", addr)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	t.Cleanup(stop)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 3000 {
		if answer, err := http.Get("http://" + addr + "/metrics"); err == nil {
			_ = answer.Body.Close()
			return stop
		}
		<-tick.C
	}
	t.Fatal("the service does not listen within a minute")
	return nil
}

// greet sends so many requests, all of one trace.
func greet(t *testing.T, addr string, n int) {
	t.Helper()
	for range n {
		r, err := http.NewRequest("GET", "http://"+addr+"/hello/you", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("traceparent", "00-"+traceOf(0)+"-00f067aa0ba902b7-01")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if _ = answer.Body.Close(); answer.StatusCode != http.StatusOK {
			t.Fatal(answer.Status)
		}
	}
}
