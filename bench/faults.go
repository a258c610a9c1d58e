package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/middleware"
)

// hostFaults are what code of the host does at each step.
var hostFaults = []struct {
	name string
	do   func(release <-chan struct{}) error
}{
	{"nothing is wrong", func(<-chan struct{}) error { return nil }},
	{"panic", func(<-chan struct{}) error { panic("boo") }},
	{"hang", func(release <-chan struct{}) error { <-release; return nil }},
	{"fail with 1 MB of text", func(<-chan struct{}) error { return errors.New(strings.Repeat("x", 1<<20)) }},
	{"come back after the deadline", func(<-chan struct{}) error { time.Sleep(150 * time.Millisecond); return nil }},
}

// faulty measures what clients of a service wait at the 99th percentile while a collector,
// two callbacks and the store of its monitor do something wrong at each step, 10 times a second.
func faulty(quick bool) string {
	rounds, requests := 40, 5000
	if quick {
		rounds, requests = 2, 50
	}
	// Each lives only while it is measured, so that the faults of one are not felt by others.
	names := []string{"no monitor", "no monitor, once more"}
	bare := func() *faultyServer {
		s := httptest.NewServer(shop)
		return &faultyServer{s, s.Close}
	}
	servers := []func() *faultyServer{bare, bare}
	for _, f := range hostFaults {
		names = append(names, f.name)
		servers = append(servers, func() *faultyServer { return newFaultyServer(f.do) })
	}
	p50, p99 := make([][]float64, len(servers)), make([][]float64, len(servers))
	for round := range rounds {
		for j := range servers {
			i := (j + round) % len(servers)
			s := servers[i]()
			s.ask(100)
			times := s.ask(requests)
			s.close()
			p50[i], p99[i] = append(p50[i], quantile(times, 0.5)), append(p99[i], quantile(times, 0.99))
		}
	}
	var b strings.Builder
	b.WriteString("| code of the host | p50, µs | p99, µs | p99 × no monitor |\n| --- | ---: | ---: | ---: |\n")
	for i, name := range names {
		ratios := make([]float64, rounds)
		for r := range ratios {
			ratios[r] = p99[i][r] / p99[0][r]
		}
		fmt.Fprintf(&b, "| %s | %.0f | %.0f | %.3f (%.3f to %.3f) |\n", name, median(p50[i]), median(p99[i]), median(ratios), quantile(ratios, 0.25), quantile(ratios, 0.75))
	}
	return b.String()
}

var shop = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "a product") })

type faultyServer struct {
	server *httptest.Server
	close  func()
}

// newFaultyServer serves a shop whose monitor has a step each 100 ms.
func newFaultyServer(do func(<-chan struct{}) error) *faultyServer {
	release := make(chan struct{})
	f := func() error { return do(release) }
	m, err := perfmon.New(perfmon.WithStep(perfmon.MinStep), perfmon.WithInterval(perfmon.MinStep), perfmon.WithRetention(time.Minute),
		perfmon.WithCollector(faultyCollector{f}), perfmon.WithStore(faultyStore{f}))
	if err != nil {
		panic(err)
	}
	m.Subscribe(func(perfmon.Sample) { _ = f() })
	m.Watch(func(perfmon.Sample) { _ = f() })
	if err := m.Start(context.Background()); err != nil {
		panic(err)
	}
	s := httptest.NewServer(middleware.New(m)(shop))
	return &faultyServer{s, func() { close(release); s.Close(); _ = m.Close() }}
}

// ask sends requests one after the other and returns what each took, in µs.
func (s *faultyServer) ask(n int) []float64 {
	times := make([]float64, 0, n)
	for range n {
		began := time.Now()
		response, err := s.server.Client().Get(s.server.URL)
		if err != nil {
			panic(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
		times = append(times, float64(time.Since(began).Nanoseconds())/1e3)
	}
	return slices.Clip(times)
}

type faultyCollector struct{ do func() error }

func (faultyCollector) Name() string { return "faulty" }
func (faultyCollector) Metrics() []perfmon.Metric {
	return []perfmon.Metric{{Name: "faulty", Unit: "count"}}
}
func (c faultyCollector) Collect(context.Context, func(string, float64)) error { return c.do() }

type faultyStore struct{ do func() error }

func (s faultyStore) Append(context.Context, uint64, []perfmon.Record) error { return s.do() }
func (s faultyStore) AddPoint(context.Context, perfmon.Point) error          { return s.do() }
func (s faultyStore) Load(context.Context, func(perfmon.Record) error, func(perfmon.Point) error) error {
	return nil
}
