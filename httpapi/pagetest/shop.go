package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/sketch"
)

// shop is a service that never was: its past is computed, with a daily rhythm, a deploy
// that made it slower, an hour in which it did not run, and two incidents.
type shop struct {
	endpoints int
	custom    int           // metrics of its own
	past      time.Duration // 0: none
	failing   bool          // every request fails, and everything is past its limit
	incident  bool          // payments fail at present
	quiet     bool          // no request comes
	slow      bool          // every request takes three times as long
	longNames bool

	rng    *rand.Rand
	gauges []*perfmon.Gauge
}

const interval = time.Minute

// source lets several goroutines draw from one sequence.
type source struct {
	mu   sync.Mutex
	from rand.Source // mu
}

func (s *source) Uint64() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.from.Uint64()
}

// open starts the monitor of the shop, with its past in a store. Further options come last.
func (s *shop) open(ctx context.Context, further ...perfmon.Option) (*perfmon.Monitor, error) {
	s.rng = rand.New(&source{from: rand.NewPCG(1, 2)})
	now := time.Now()
	var store perfmon.MemoryStore
	if err := s.remember(&store, now); err != nil {
		return nil, err
	}
	options := []perfmon.Option{
		perfmon.WithService(perfmon.Service{Name: "shop", Environment: "demo", Instance: "shop-1", Version: "v2.4.1"}),
		perfmon.WithStep(time.Second), perfmon.WithInterval(interval), perfmon.WithStore(&store),
		perfmon.WithThreshold(perfmon.Threshold{Metric: perfmon.ErrorRate, Scope: perfmon.ScopeEndpoint, Warning: perfmon.ValueOf(10), Critical: perfmon.ValueOf(30), MinRequests: 20}),
		perfmon.WithThreshold(perfmon.Threshold{Metric: perfmon.ResponseTimeP95, Scope: perfmon.ScopeEndpoint, AppliesTo: "GET /reports/*", Warning: perfmon.ValueOf(5), MinRequests: 20}),
		perfmon.WithoutSystemMetrics(), // they would be those of this machine
		perfmon.WithCollector(shopCollector{s}),
		perfmon.WithNotifier("chat", channel{}, perfmon.Route{Severity: perfmon.Critical}), perfmon.WithNotifier("pager", channel{errors.New("the key is not known")}),
	}
	m, err := perfmon.New(append(options, further...)...)
	if err != nil {
		return nil, err
	}
	for i := range s.custom {
		g, err := m.Metrics().Gauge(perfmon.Metric{Name: customName(i), Unit: []string{"s", "count", "MiB"}[i%3], Worse: perfmon.HigherIsWorse, Help: "A metric of the shop's own."})
		if err != nil {
			return nil, err
		}
		s.gauges = append(s.gauges, g)
	}
	if err := m.Start(ctx); err != nil {
		return nil, err
	}
	go s.live(ctx, m)
	return m, nil
}

func customName(i int) string {
	return []string{"replication_lag", "carts_open", "cache_size_mb"}[i%3] + strings.Repeat("_more", min(i/3, 1)) + map[bool]string{true: fmt.Sprintf("_%d", i)}[i >= 3]
}

// shopCollector feeds what a real service has from the system, its database and its queue.
type shopCollector struct{ s *shop }

func (shopCollector) Name() string { return "shop" }

var collected = []string{
	perfmon.CPUUsagePercent, perfmon.ProcessCPUPercent, perfmon.MemoryUsagePercent, perfmon.MemoryUsageMB, perfmon.DatabasePoolUsage, perfmon.QueueSize,
	perfmon.Goroutines, perfmon.HeapMB, perfmon.HeapGoalMB, perfmon.AllocRateMB, perfmon.GCPauseP99, perfmon.GCCPUPercent, perfmon.SchedLatencyP99,
	perfmon.OSThreads, perfmon.OpenFDs,
}

func (shopCollector) Metrics() []perfmon.Metric {
	list := make([]perfmon.Metric, len(collected))
	for i, name := range collected {
		list[i].Name = name
	}
	return list
}

func (c shopCollector) Collect(_ context.Context, set func(string, float64)) error {
	f := c.s.figures(time.Now())
	for _, name := range collected {
		set(name, f[name])
	}
	return nil
}

// wave is the rhythm of a day: 0 at four in the morning, 1 at four in the afternoon.
func wave(at time.Time) float64 {
	hour := float64(at.Hour()) + float64(at.Minute())/60
	return (1 - math.Cos((hour-4)/24*2*math.Pi)) / 2
}

func (s *shop) noise(spread float64) float64 { return math.Exp(spread * s.rng.NormFloat64()) }

// incident is how bad it is at a time that is so long ago: 0 to 1.
func incident(ago time.Duration) float64 {
	switch {
	case ago > 20*time.Minute && ago < 32*time.Minute, ago > 15*time.Hour && ago < 15*time.Hour+40*time.Minute:
		return 1
	}
	return 0
}

const (
	deployAgo = 5 * time.Hour // that made it slower
	gapFrom   = 9 * time.Hour
	gapTo     = 8 * time.Hour
)

// figures are the values of the service at a time, but for those of requests.
func (s *shop) figures(at time.Time) map[string]float64 {
	w := wave(at)
	bad := incident(time.Since(at))
	f := map[string]float64{
		perfmon.CPUUsagePercent: min(12+38*w*s.noise(0.06)+25*bad, 100), perfmon.ProcessCPUPercent: 8 + 30*w*s.noise(0.06),
		perfmon.MemoryUsagePercent: 41 + 3*w + 0.4*s.rng.NormFloat64(), perfmon.MemoryUsageMB: 312 + 24*w + 2*s.rng.NormFloat64(),
		perfmon.CacheHitRate: min(94-4*bad*s.noise(0.3)+s.rng.NormFloat64(), 100), perfmon.DatabasePoolUsage: min(18+30*w*s.noise(0.15)+40*bad, 100),
		perfmon.DatabaseQueryTimeAvg: 0.0042 * s.noise(0.1) * (1 + 4*bad), perfmon.QueueSize: math.Floor(6 * w * s.noise(0.4)),
		perfmon.ActiveUsers: math.Floor(40 + 420*w*s.noise(0.03)), perfmon.ActiveSessions: math.Floor(46 + 480*w*s.noise(0.03)),
		perfmon.Goroutines: math.Floor(180 + 120*w*s.noise(0.05)), perfmon.HeapMB: 120 + 40*s.rng.Float64(), perfmon.HeapGoalMB: 210 + 8*s.rng.NormFloat64(),
		perfmon.AllocRateMB: 20 + 60*w*s.noise(0.05), perfmon.GCPauseP99: 0.00018 * s.noise(0.3), perfmon.GCCPUPercent: 0.4 + 0.8*w*s.noise(0.1),
		perfmon.SchedLatencyP99: 0.00009 * s.noise(0.4), perfmon.OSThreads: 14, perfmon.OpenFDs: math.Floor(60 + 80*w),
		perfmon.RequestsInFlight: math.Floor(2 + 9*w*s.noise(0.3) + 30*bad), perfmon.StreamsOpen: 2,
	}
	if s.failing {
		f[perfmon.CPUUsagePercent], f[perfmon.MemoryUsagePercent], f[perfmon.CacheHitRate], f[perfmon.DatabasePoolUsage] = 99, 95, 12, 100
	}
	return f
}

// remember fills a store with the shop's past.
func (s *shop) remember(store *perfmon.MemoryStore, now time.Time) error {
	if s.past == 0 {
		return nil
	}
	ctx := context.Background()
	begin := now.Add(-s.past).Truncate(interval)
	for at := begin; at.Before(now.Add(-interval)); at = at.Add(interval) {
		if ago := now.Sub(at); ago < gapFrom && ago > gapTo {
			continue
		}
		if err := store.AddPoint(ctx, s.point(at, now.Sub(at))); err != nil {
			return err
		}
	}
	return store.Append(ctx, 0, s.records(now))
}

// endpoint is what a route of the shop is like.
type endpoint struct {
	name   string
	rate   float64 // requests each second at noon
	median float64 // seconds
	spread float64
}

func (s *shop) routes() []endpoint {
	known := []endpoint{
		{"GET /products/{id}", 34, 0.006, 0.5}, {"GET /products", 16, 0.019, 0.5}, {"POST /orders/{id}/pay", 9, 0.110, 0.45}, {"POST /orders", 9, 0.031, 0.5},
		{"GET /orders", 7, 0.012, 0.5}, {"POST /login", 3, 0.062, 0.2}, {"GET /reports/sales", 0.6, 0.9, 0.6}, {"GET /search", 11, 0.041, 0.8},
		{"PUT /cart/{id}", 8, 0.009, 0.4}, {"GET /healthz", 1, 0.0002, 0.3},
	}
	for i := len(known); i < s.endpoints; i++ {
		known = append(known, endpoint{fmt.Sprintf("GET /api/v1/%s/{id}", []string{"reviews", "stock", "prices", "images", "offers"}[i%5]+fmt.Sprint(i)), 0.4 + 2/float64(i-8), 0.004 * float64(1+i%7), 0.5})
	}
	known = known[:min(s.endpoints, len(known))]
	if s.longNames {
		for i := range known {
			known[i].name += "/" + strings.Repeat("a-very-long-segment-of-a-path/", 7) + "{id}"
			known[i].name = known[i].name[:200]
		}
	}
	return known
}

// point is one minute of the past.
func (s *shop) point(at time.Time, ago time.Duration) perfmon.Point {
	w := 0.15 + 0.85*wave(at)
	bad := incident(ago)
	p := perfmon.Point{Time: at, ElapsedSeconds: interval.Seconds(), Values: map[string]perfmon.Value{}}
	for name, v := range s.figures(at) {
		p.Values[name] = perfmon.ValueOf(v)
	}
	for i := range s.custom {
		p.Values[customName(i)] = perfmon.ValueOf(float64(1+i) * (1 + w) * s.noise(0.1))
	}
	var all sketch.Sketch
	var requests, failed uint64
	for i, e := range s.routes() {
		n := uint64(e.rate*w*interval.Seconds()*s.noise(0.05) + 0.5)
		if s.quiet || n == 0 {
			continue
		}
		sp := perfmon.ScopePoint{Scope: perfmon.Scope{Endpoint: e.name}, Requests: n}
		sp.Errors = s.errors(i, n, bad)
		var times sketch.Sketch
		for range n {
			times.Add(uint64(s.duration(e, i, ago < deployAgo, bad)))
		}
		sp.Times, _ = times.AppendBinary(nil)
		all.Merge(&times)
		requests += n
		failed += sp.Errors
		p.Scopes = append(p.Scopes, sp)
	}
	s.requestFigures(p.Values, &all, requests, failed)
	return p
}

func (s *shop) requestFigures(values map[string]perfmon.Value, all *sketch.Sketch, requests, failed uint64) {
	values[perfmon.ThroughputRPS] = perfmon.ValueOf(float64(requests) / interval.Seconds())
	if requests == 0 {
		return
	}
	for name, q := range map[string]float64{perfmon.ResponseTimeP50: 0.5, perfmon.ResponseTimeP95: 0.95, perfmon.ResponseTimeP99: 0.99} {
		values[name] = perfmon.ValueOf(all.Quantile(q) / 1e9)
	}
	values[perfmon.ResponseTimeAvg] = perfmon.ValueOf(all.Mean() / 1e9)
	values[perfmon.ErrorRate] = perfmon.ValueOf(100 * float64(failed) / float64(requests))
}

func (s *shop) errors(i int, n uint64, bad float64) uint64 {
	share := 0.001
	if i == 2 && bad > 0 { // the payment provider has a bad day
		share = 0.9
	}
	if s.failing {
		share = 1
	}
	failed := uint64(0)
	for range n {
		if s.rng.Float64() < share {
			failed++
		}
	}
	return failed
}

func (s *shop) duration(e endpoint, i int, slower bool, bad float64) time.Duration {
	d := e.median * math.Exp(e.spread*s.rng.NormFloat64())
	if slower && i%3 == 1 {
		d *= 1.35
	}
	if i == 2 && bad > 0 {
		d += 0.8
	}
	return time.Duration(d * float64(time.Second))
}

// tick is a tenth of a second of the present.
func (s *shop) tick(m *perfmon.Monitor, rec *perfmon.Recorder, at time.Time) {
	for i, g := range s.gauges {
		g.Set(float64(1+i) * (1.5 + 0.1*s.rng.NormFloat64()))
	}
	if s.quiet {
		return
	}
	m.RecordCacheHit()
	m.RecordQuery(time.Duration(4e6 * s.noise(0.2)))
	w, bad := 0.15+0.85*wave(at), 0.0
	if s.incident {
		bad = 1
	}
	for i, e := range s.routes() {
		n := e.rate * w / 10
		for ; n > s.rng.Float64(); n-- {
			method, pattern, _ := strings.Cut(e.name, " ")
			r := perfmon.Response{Method: method, Pattern: pattern, Status: 200}
			if s.errors(i, 1, bad) > 0 {
				r.Status = 500
			}
			took := s.duration(e, i, true, bad)
			if s.slow {
				took *= 3
			}
			rec.Record(took, &r)
		}
	}
}

// records are the alerts and deploys of the past.
func (s *shop) records(now time.Time) []perfmon.Record {
	var records []perfmon.Record
	add := func(r perfmon.Record) {
		r.Number = uint64(len(records) + 1)
		records = append(records, r)
	}
	for i, ago := range []time.Duration{30 * time.Hour, deployAgo} {
		at := now.Add(-ago)
		add(perfmon.Record{Time: at, Author: perfmon.ByMonitor, Marker: &perfmon.Marker{ID: fmt.Sprintf("deploy-%d", i), At: at, Kind: perfmon.MarkerDeploy, Version: []string{"v2.3.0", "v2.4.1"}[i], By: perfmon.ByMonitor}})
	}
	for i, past := range []struct {
		metric   string
		scope    perfmon.Scope
		severity perfmon.Severity
		from, to time.Duration // ago
		value    float64
		limit    float64
		unit     string
		state    perfmon.AlertState
	}{
		{perfmon.ErrorRate, perfmon.Scope{}, perfmon.Critical, 15*time.Hour + 37*time.Minute, 15*time.Hour - 2*time.Minute, 11.2, 10, "%", perfmon.AlertResolved},
		{perfmon.ErrorRate, perfmon.Scope{Endpoint: s.routes()[min(2, s.endpoints-1)].name}, perfmon.Critical, 15*time.Hour + 38*time.Minute, 15*time.Hour - time.Minute, 90.4, 30, "%", perfmon.AlertResolved},
		{perfmon.ResponseTimeP95, perfmon.Scope{}, perfmon.Warning, 15*time.Hour + 36*time.Minute, 15*time.Hour + 3*time.Minute, 2.31, 2, "s", perfmon.AlertDismissed},
		{perfmon.ErrorRate, perfmon.Scope{}, perfmon.Warning, 31 * time.Minute, 19 * time.Minute, 8.1, 5, "%", perfmon.AlertResolved},
		{perfmon.ErrorRate, perfmon.Scope{Endpoint: s.routes()[min(2, s.endpoints-1)].name}, perfmon.Critical, 31 * time.Minute, 18 * time.Minute, 89.7, 30, "%", perfmon.AlertResolved},
	} {
		opened, ended := now.Add(-past.from), now.Add(-past.to)
		value, limit := perfmon.ValueOf(past.value), perfmon.ValueOf(past.limit)
		a := &perfmon.Alert{
			ID: fmt.Sprintf("past-%d", i), Metric: past.metric, Scope: past.scope, Severity: past.severity, State: past.state, Cause: perfmon.CauseThreshold,
			Unit: past.unit, Value: value, Threshold: limit, OpenedAt: opened, UpdatedAt: ended,
			Message: fmt.Sprintf("%s of %v is %g %s, past the %s limit of %g %s", past.metric, past.scope, past.value, past.unit, past.severity, past.limit, past.unit),
			Changes: []perfmon.AlertTransition{
				{Change: perfmon.ChangeOpened, At: opened, By: perfmon.ByMonitor, Severity: perfmon.Warning, Value: value, Threshold: limit},
				{Change: perfmon.ChangeAcknowledged, At: opened.Add(3 * time.Minute), By: "ann", Severity: past.severity, Value: value, Threshold: limit},
				{Change: map[bool]perfmon.AlertChange{true: perfmon.ChangeDismissed, false: perfmon.ChangeResolved}[past.state == perfmon.AlertDismissed], At: ended, By: perfmon.ByMonitor, Severity: past.severity, Value: perfmon.ValueOf(0.4), Threshold: limit},
			},
		}
		a.Record = uint64(len(records) + 1)
		add(perfmon.Record{Time: ended, Author: perfmon.ByMonitor, Alert: &perfmon.AlertRecord{Key: a.Key(), Alert: a, Change: perfmon.ChangeResolved}})
	}
	return records
}

// channel is a notifier that delivers to nobody, or fails for good.
type channel struct{ err error }

func (c channel) Notify(context.Context, perfmon.Notification) error {
	if c.err != nil {
		return &perfmon.UndeliverableError{Err: c.err}
	}
	return nil
}
