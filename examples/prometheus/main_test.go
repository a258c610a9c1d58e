package main

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/backend-prs/perfmon"
)

// A request is in the next scrape once a step has ended.
func TestService(t *testing.T) {
	clk := clock.NewMock()
	m, err := perfmon.New(perfmon.WithClock(clk))
	if err != nil {
		t.Fatal(err)
	}
	handler, err := service(m)
	if err != nil {
		t.Fatal(err)
	}
	samples := make(chan perfmon.Sample, 10)
	m.Subscribe(func(s perfmon.Sample) { samples <- s })
	if err := m.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/hello/you", nil))
	clk.Add(m.Step())
	select {
	case <-samples:
	case <-time.After(30 * time.Second):
		t.Fatal("no sample came of a step")
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{
		`perfmon_response_time_seconds_count{handler="/hello/{name}",method="GET"} 1`, "perfmon_goroutines ", "go_goroutines ",
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s is not in\n%s", want, w.Body)
		}
	}
}
