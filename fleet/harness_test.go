package fleet_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/redis/go-redis/v9"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/fleet"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// replica is one of several monitors on clocks of their own.
type replica struct {
	*perfmon.Monitor
	t     testing.TB
	name  string
	clock *clock.Mock
	rec   *perfmon.Recorder
	proxy *proxy
	close func()

	mu     sync.Mutex
	events []perfmon.AlertEvent // mu
}

// limits are the thresholds of the tests.
func limits() []perfmon.Option {
	return []perfmon.Option{
		perfmon.WithoutSystemMetrics(), perfmon.WithoutDefaultThresholds(),
		perfmon.WithThreshold(perfmon.Threshold{Metric: perfmon.ErrorRate, Warning: perfmon.ValueOf(5), Critical: perfmon.ValueOf(10), Comparison: perfmon.Greater}),
	}
}

// join starts a replica whose clock is so far ahead.
func join(t testing.TB, s *server, name string, ahead time.Duration, options ...perfmon.Option) *replica {
	t.Helper()
	p := startProxy(t, s.addr())
	r := joinBy(t, clientOf(redis.UniversalOptions{Addrs: []string{p.l.Addr().String()}}), name, ahead, options...)
	r.proxy = p
	return r
}

// clientOf returns a client that waits briefly.
func clientOf(o redis.UniversalOptions) redis.UniversalClient {
	o.MaxRetries, o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.DialerRetries = -1, 300*time.Millisecond, 300*time.Millisecond, 300*time.Millisecond, 1
	return redis.NewUniversalClient(&o)
}

// joinBy is join with a client of one's own, and without a proxy.
func joinBy(t testing.TB, client redis.UniversalClient, name string, ahead time.Duration, options ...perfmon.Option) *replica {
	t.Helper()
	r := &replica{t: t, name: name, clock: clock.NewMock()}
	r.clock.Set(noon.Add(ahead))
	options = append(append([]perfmon.Option{
		perfmon.WithClock(r.clock), perfmon.WithService(perfmon.Service{Name: "shop", Instance: name, Version: "v1"}),
		perfmon.WithFleet(fleet.Redis(client, "shop")),
	}, limits()...), options...)
	m, err := perfmon.New(options...)
	if err != nil {
		t.Fatal(err)
	}
	r.Monitor, r.rec = m, m.NewRecorder()
	m.OnAlert(func(e perfmon.AlertEvent) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.events = append(r.events, e)
	})
	if err := m.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	r.close = func() {
		once.Do(func() {
			if err := m.Close(); err != nil {
				t.Error(err)
			}
			_ = client.Close()
		})
	}
	t.Cleanup(r.close)
	return r
}

// serve counts requests, so many of them failed.
func (r *replica) serve(endpoint string, n, failed int, took time.Duration) {
	for i := range n {
		status := 200
		if i < failed {
			status = 500
		}
		r.rec.Record(took, &perfmon.Response{Method: "GET", Pattern: endpoint, Status: status})
	}
}

// step lets every replica take a step, one after the other, and its exchange end.
func step(replicas ...*replica) {
	for _, r := range replicas {
		r.t.Helper()
		before := r.status().Rounds
		r.clock.Add(r.Step())
		r.wait(fmt.Sprintf("round %d", before+1), func() bool { return r.status().Rounds > before })
	}
}

func (r *replica) status() perfmon.FleetStatus {
	s, ok := r.Fleet()
	if !ok {
		r.t.Fatal("there is no fleet")
	}
	return s
}

// wait waits for what goroutines and a real server do; nothing is timed by it.
func (r *replica) wait(what string, f func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !f(); {
		if time.Now().After(deadline) {
			r.t.Fatalf("%s: waited for %s in vain: %+v", r.name, what, r.status())
		}
		time.Sleep(200 * time.Microsecond)
	}
}

// told returns how often each change was told here.
func (r *replica) told() map[perfmon.AlertChange]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := map[perfmon.AlertChange]int{}
	for _, e := range r.events {
		n[e.Change]++
	}
	return n
}

// whole returns the figures of the fleet as this replica has them.
func (r *replica) whole() *perfmon.Monitor {
	r.t.Helper()
	v, ok := r.Instance("")
	if !ok || v == r.Monitor {
		r.t.Fatalf("%s shows no figures of the fleet: %+v", r.name, r.status())
	}
	return v
}

func (r *replica) alerts() []perfmon.Alert {
	list, _ := r.Alerts().List(perfmon.AlertQuery{})
	return list
}
