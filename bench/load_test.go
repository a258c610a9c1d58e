package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/httpapi"
	"github.com/backend-prs/perfmon/middleware"
	"github.com/backend-prs/perfmon/sketch"
)

// The load: as many streams as there may be, four for each principal.
const (
	loadStreams = 256
	loadCalls   = 200 // of the API, a second
	loadTraffic = 300 // requests of the host's own handler, a second
	loadAlerts  = 1   // a second; each goes to every stream
)

var load = flag.String("load", "1", "the seconds of BenchmarkLoad's slices, with commas between")

// past is a store that holds two days of 100 endpoints, and keeps nothing.
type past struct{ hours int }

func (past) Append(context.Context, uint64, []perfmon.Record) error { return nil }
func (past) AddPoint(context.Context, perfmon.Point) error          { return nil }
func (p past) Load(_ context.Context, _ func(perfmon.Record) error, point func(perfmon.Point) error) error {
	var times sketch.Sketch
	for i := range uint64(60) {
		times.Add((5 + i) * uint64(time.Millisecond))
	}
	data, err := times.AppendBinary(nil)
	if err != nil {
		return err
	}
	now := time.Now().UTC()
	for i := 60 * p.hours; i > 0; i-- {
		wave := math.Sin(float64(i) / 30)
		next := perfmon.Point{Time: now.Add(-time.Duration(i) * time.Minute), ElapsedSeconds: 60, Values: map[string]perfmon.Value{}}
		for _, metric := range []string{perfmon.ResponseTimeP50, perfmon.ResponseTimeP95, perfmon.ResponseTimeP99, perfmon.ResponseTimeAvg, perfmon.ErrorRate, perfmon.ThroughputRPS, perfmon.HeapMB, perfmon.CPUUsagePercent} {
			next.Values[metric] = perfmon.ValueOf(2 + wave + float64(i%7)/10)
		}
		for e := range 100 {
			next.Scopes = append(next.Scopes, perfmon.ScopePoint{Scope: perfmon.Scope{Endpoint: fmt.Sprintf("GET /api/v1/resource%d/{id}", e)}, Requests: 60, Times: data})
		}
		if err := point(next); err != nil {
			return err
		}
	}
	return nil
}

// host is a service with a monitor, and a witness of what its own handler takes.
type host struct {
	tb     testing.TB
	m      *perfmon.Monitor
	api    *httpapi.API
	server *httptest.Server
	served atomic.Int64
	times  atomic.Pointer[sketch.Atomic] // of the slice
}

func newHost(opts ...perfmon.Option) (*host, error) {
	m, err := perfmon.New(opts...)
	if err != nil {
		return nil, err
	}
	if err := m.Start(context.Background()); err != nil {
		return nil, err
	}
	api, err := httpapi.New(m, httpapi.WithAuthorizer(func(r *http.Request) (httpapi.Principal, error) {
		return httpapi.Principal{Name: r.Header.Get("As"), SuperAdmin: true}, nil
	}))
	if err != nil {
		return nil, err
	}
	h := &host{m: m, api: api}
	h.times.Store(&sketch.Atomic{})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", orders)
	mux.Handle(httpapi.DefaultPrefix, api)
	monitored := middleware.New(m)(mux)
	h.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/orders/") {
			monitored.ServeHTTP(w, r)
			return
		}
		times, began := h.times.Load(), time.Now()
		monitored.ServeHTTP(w, r)
		times.Add(uint64(time.Since(began)))
		h.served.Add(1)
	}))
	return h, nil
}

// runHost makes a host for a test.
func runHost(tb testing.TB, opts ...perfmon.Option) *host {
	tb.Helper()
	h, err := newHost(opts...)
	if err != nil {
		tb.Fatal(err)
	}
	h.tb = tb
	return h
}

// twin is a host with two days of history in a process of its own, until its input ends.
func twin(in io.Reader, out *json.Encoder) error {
	h, err := newHost(perfmon.WithStore(past{48}))
	if err != nil {
		return err
	}
	if err := out.Encode(h.server.URL); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, in)
	return err
}

// orders is the host's own handler: it makes a page of 50 orders.
func orders(w http.ResponseWriter, r *http.Request) {
	type item struct {
		ID, Customer string
		Cents        int
		At           time.Time
	}
	list := make([]item, 50)
	for i := range list {
		list[i] = item{r.PathValue("id"), fmt.Sprint("customer ", i), i * 100, time.Now()}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(list)
}

// loadClient is another process.
type loadClient struct {
	tb  testing.TB
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func (h *host) start(role string, o order) *loadClient {
	h.tb.Helper()
	c := &loadClient{tb: h.tb, cmd: exec.Command(os.Args[0])}
	c.cmd.Env = append(os.Environ(), roleVariable+"="+role)
	c.cmd.Stderr = os.Stderr
	in, err := c.cmd.StdinPipe()
	if err != nil {
		h.tb.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		h.tb.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		h.tb.Fatal(err)
	}
	h.tb.Cleanup(func() { _ = c.cmd.Process.Kill() })
	c.in, c.out = in, bufio.NewReader(out)
	if o.URL == "" {
		o.URL = h.server.URL
	}
	c.say(o)
	return c
}

func (c *loadClient) say(v any) {
	c.tb.Helper()
	if err := json.NewEncoder(c.in).Encode(v); err != nil {
		c.tb.Fatal(err)
	}
}

func (c *loadClient) hear(v any) {
	c.tb.Helper()
	line, err := c.out.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, v)
	}
	if err != nil {
		c.tb.Fatal(err)
	}
}

// end waits for the process.
func (c *loadClient) end() {
	c.tb.Helper()
	_ = c.in.Close()
	if err := c.cmd.Wait(); err != nil {
		c.tb.Error(err)
	}
}

// slice returns what the host's handler took for so long, while f goes on.
func (h *host) slice(d time.Duration, f func()) *sketch.Sketch {
	times := &sketch.Atomic{}
	h.times.Store(times)
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(time.Second / loadAlerts)
		f()
	}
	h.times.Store(&sketch.Atomic{})
	s := &sketch.Sketch{}
	times.Drain(&sketch.Cursor{}, s)
	return s
}

// underLoad is a slice with all streams and so many calls a second. Where there is a URL
// they are those of another service.
func (h *host) underLoad(d time.Duration, calls int, url string) (*sketch.Sketch, watched) {
	h.tb.Helper()
	c := h.start(watchRole, order{URL: url, Streams: loadStreams, Rate: calls})
	var open string
	c.hear(&open)
	numbers := []uint64{}
	times := h.slice(d, func() {
		if url != "" {
			return
		}
		a, err := h.m.Alerts().Raise(perfmon.HostAlert{
			Metric: "load", Severity: perfmon.Warning, Message: "one of many", Scope: perfmon.Scope{Endpoint: fmt.Sprint(time.Now().UnixNano())},
		})
		if err != nil {
			h.tb.Fatal(err)
		}
		numbers = append(numbers, a.Record)
	})
	c.say(numbers)
	var w watched
	c.hear(&w)
	c.end()
	if w.Streams != loadStreams || len(w.Wrong) > 0 || url == "" && len(numbers) == 0 {
		h.tb.Errorf("%d of %d streams have all of %d events: %v", w.Streams, loadStreams, len(numbers), w.Wrong)
	}
	for _, refused := range w.Refused {
		if refused != "429, Retry-After: 10" {
			h.tb.Errorf("a stream too many is answered by %s", refused)
		}
	}
	return times, w
}

// close ends the host and looks for what was lost, and for what is left.
func (h *host) close(traffic *loadClient, goroutines int) {
	h.tb.Helper()
	_ = traffic.in.Close()
	var s sent
	traffic.hear(&s)
	traffic.end()
	if len(s.Failed) > 0 || int64(s.Requests) != h.served.Load() {
		h.tb.Errorf("%d requests were sent, %d answered, %d failed: %.500s", s.Requests, h.served.Load(), len(s.Failed), s.Failed)
	}
	counted := make(chan uint64, 100)
	h.m.Subscribe(func(perfmon.Sample) {
		totals, err := h.m.History().Totals(perfmon.Scope{Endpoint: "GET /orders/{id}"})
		if err != nil {
			h.tb.Error(err)
		}
		counted <- totals.Requests
	})
	if got := <-counted; got != uint64(s.Requests) { // of the step that follows
		h.tb.Errorf("%d requests are counted, %d were sent", got, s.Requests)
	}
	h.server.Close()
	if err := h.api.Close(); err != nil {
		h.tb.Error(err)
	}
	if err := h.m.Close(); err != nil {
		h.tb.Error(err)
	}
	http.DefaultClient.CloseIdleConnections()
	for range 300 {
		if runtime.NumGoroutine() <= goroutines {
			return
		}
		time.Sleep(100 * time.Millisecond) // the runtime tells nobody when one ends
	}
	h.tb.Errorf("%d goroutines, and %d before", runtime.NumGoroutine(), goroutines)
}

// Under as many streams and calls as there may be, no request of the host is lost, each
// stream has every event, and nothing is left in the end. How long requests take then,
// BenchmarkLoad says.
func TestLoad(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	h := runHost(t, perfmon.WithStep(2*time.Second), perfmon.WithInterval(2*time.Second))
	traffic := h.start(trafficRole, order{Rate: loadTraffic})
	_, w := h.underLoad(3*time.Second, loadCalls, "")
	if w.Live < loadStreams || w.Calls == 0 {
		t.Errorf("%d live events in %d streams, %d calls", w.Live, loadStreams, w.Calls)
	}
	h.close(traffic, goroutines)
}

// BenchmarkLoad compares what the host's own handler takes with 256 streams and 200 API
// calls a second, and without them, in slices that follow each other. In others the same
// load is that of another process on the same machine, which says what of the difference
// comes of the machine.
//
//	go -C bench test -run '^$' -bench Load -benchtime 1x . -load 30,6,6
func BenchmarkLoad(b *testing.B) {
	goroutines := runtime.NumGoroutine()
	h := runHost(b, perfmon.WithStore(past{48}))
	traffic := h.start(trafficRole, order{Rate: loadTraffic})
	another := h.start(twinRole, order{})
	var twinURL string
	another.hear(&twinURL)
	time.Sleep(3 * time.Second)
	us := func(s *sketch.Sketch, q float64) float64 { return s.Quantile(q) / 1000 }
	figures := map[string][]float64{} // p99 by kind of slice
	for _, text := range strings.Split(*load, ",") {
		n, err := strconv.Atoi(text)
		if err != nil {
			b.Fatal(err)
		}
		d := time.Duration(n) * time.Second
		note := func(kind string, s *sketch.Sketch, w watched) {
			b.Logf("%2d s, %-18s p50 %4.0f p99 %5.0f µs of the handler; %4d calls, p50 %.1f p99 %.1f ms; %d live events",
				n, kind+":", us(s, 0.5), us(s, 0.99), w.Calls, w.P50*1000, w.P99*1000, w.Live)
			figures[kind] = append(figures[kind], us(s, 0.99))
		}
		note("without", h.slice(d, func() {}), watched{})
		if n >= 6 { // streams may be opened 50 a second
			s, w := h.underLoad(d, 0, "")
			note("streams", s, w)
			s, w = h.underLoad(d, loadCalls, twinURL)
			note("of another", s, w)
		}
		s, w := h.underLoad(d, loadCalls, "")
		note("streams and calls", s, w)
	}
	_ = another.in.Close()
	h.close(traffic, goroutines)
	middle := func(list []float64) float64 {
		list = slices.Clone(list)
		slices.Sort(list)
		return (list[(len(list)-1)/2] + list[len(list)/2]) / 2
	}
	for kind, list := range figures {
		b.ReportMetric(middle(list), "p99-µs-"+strings.ReplaceAll(kind, " ", "-"))
	}
	b.ReportMetric(0, "ns/op")
}
