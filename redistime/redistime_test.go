package redistime_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/internal/paired"
	"github.com/backend-prs/perfmon/redistime"
)

// counts are what was counted of commands.
type counts struct{ timed, asked, failed, lookups, hits uint64 }

func countsOf(m *perfmon.Monitor) (c counts) {
	for _, total := range m.Metrics().Totals() {
		switch total.Metric {
		case "redis_time":
			c.timed = total.Count
		case "redis_error_rate":
			c.asked, c.failed = total.Count, total.Hits
		case "redis_hit_rate":
			c.lookups, c.hits = total.Count, total.Hits
		}
	}
	return c
}

// Every kind of command counts as what it is.
func TestCommands(t *testing.T) {
	s := startRedis(t)
	b := newBench(t)
	client := newClient(t, s)
	if err := redistime.Watch(b.Monitor, client, redistime.AsCache()); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if err := newClient(t, s).LPush(ctx, "list", "work").Err(); err != nil {
		t.Fatal(err)
	}
	calls := []struct {
		name string
		call func() error
		want counts
	}{
		{"set", func() error { return client.Set(ctx, "a", 1, 0).Err() }, counts{1, 1, 0, 0, 0}},
		{"get", func() error { return client.Get(ctx, "a").Err() }, counts{1, 1, 0, 1, 1}},
		{"a miss", func() error { return client.Get(ctx, "none").Err() }, counts{1, 1, 0, 1, 0}},
		{"many", func() error { return client.MGet(ctx, "a", "none", "a").Err() }, counts{1, 1, 0, 3, 2}},
		{"a field", func() error { return client.HGet(ctx, "h", "none").Err() }, counts{1, 1, 0, 1, 0}},
		{"the wrong type", func() error { return client.LPush(ctx, "a", 1).Err() }, counts{1, 1, 1, 0, 0}},
		{"a lookup of the wrong type", func() error { return client.HGet(ctx, "a", "f").Err() }, counts{1, 1, 1, 0, 0}},
		{"a pipeline", func() error {
			_, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
				p.Get(ctx, "a")
				p.Get(ctx, "none")
				p.Set(ctx, "b", 1, 0)
				return nil
			})
			return err
		}, counts{1, 1, 0, 2, 1}},
		{"one that waits on purpose", func() error { return client.BLPop(ctx, time.Minute, "list").Err() }, counts{0, 1, 0, 0, 0}},
		{"a transaction to be tried again", func() error {
			return client.Watch(ctx, func(tx *redis.Tx) error {
				if err := client.Set(ctx, "a", 2, 0).Err(); err != nil {
					return err
				}
				_, err := tx.TxPipelined(ctx, func(p redis.Pipeliner) error { p.Set(ctx, "a", 3, 0); return nil })
				return err
			}, "a")
		}, counts{3, 3, 0, 0, 0}}, // watch, set and the transaction
	}
	for _, c := range calls {
		before := countsOf(b.Monitor)
		err := c.call()
		after := countsOf(b.Monitor)
		got := counts{after.timed - before.timed, after.asked - before.asked, after.failed - before.failed, after.lookups - before.lookups, after.hits - before.hits}
		if got != c.want {
			t.Errorf("%s (%v) counts as %+v, want %+v", c.name, err, got, c.want)
		}
	}
	got := b.step()
	if got["hit_rate"] != got[perfmon.CacheHitRate] || got["hit_rate"] != 50 {
		t.Errorf("4 of 8 lookups hit: %v", got)
	}
	if _, known := got["time_p95"]; !known {
		t.Errorf("there is no time of commands: %v", got)
	}
}

// What waits for a connection of a real pool is seen.
func TestPool(t *testing.T) {
	s := startRedis(t)
	b := newBench(t)
	client := newClient(t, s)
	if err := redistime.Watch(b.Monitor, client); err != nil {
		t.Fatal(err)
	}
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if got := b.step(); got["pool_usage"] != 0 || got["pool_waits"] != 0 || b.says() != "" {
		t.Errorf("idle: %v, %q", got, b.says())
	}
	done := make(chan error)
	for range 2 { // both connections
		go func() { done <- client.BLPop(context.Background(), 0, "work").Err() }()
	}
	full := func() bool { p := client.PoolStats(); return p.TotalConns == 2 && p.IdleConns == 0 }
	eventually(t, "the pool is not full", full)
	if got := b.step(); got["pool_usage"] != 100 {
		t.Errorf("full: %v", got)
	}
	other := newClient(t, s)
	go func() { done <- client.Ping(context.Background()).Err() }() // waits
	eventually(t, "nobody waits", func() bool { return client.PoolStats().PendingRequests > 0 })
	if err := other.LPush(t.Context(), "work", 1, 2).Err(); err != nil {
		t.Error(err)
	}
	for range 3 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if got := b.step(); got["pool_waits"] != 0.1 || !(got["pool_wait_time_avg"] > 0) || got["pool_usage"] != 0 {
		t.Errorf("one has waited: %v", got)
	}
}

// The server hangs, dies, and is back: the program gets go-redis' own errors, and the figures
// say what there is to say.
func TestSlowDownAndBack(t *testing.T) {
	s := startRedis(t)
	b := newBench(t)
	client := newClient(t, s)
	if err := redistime.Watch(b.Monitor, client); err != nil {
		t.Fatal(err)
	}
	ask := func() error { return client.Ping(context.Background()).Err() }
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	if got := b.step(); got["error_rate"] != 0 || b.says() != "" {
		t.Errorf("up: %v, %q", got, b.says())
	}

	s.freeze()
	slow := make(chan error)
	go func() { slow <- ask() }()
	eventually(t, "nothing is under way", func() bool { return client.PoolStats().IdleConns == 0 })
	got := b.step()
	if _, known := got["time_avg"]; known || got["pool_usage"] != 50 {
		t.Errorf("while a command hangs: %v", got)
	}
	b.clock.Add(3 * time.Second)
	s.thaw()
	if err := <-slow; err != nil {
		t.Errorf("slow: %v", err)
	}
	if got := b.step(); got["time_avg"] < 12.8 || got["time_avg"] > 13.2 || got["error_rate"] != 0 { // a step and 3 s
		t.Errorf("slow: %v", got)
	}

	s.stop()
	eventually(t, "dead connections are still in the pool", func() bool { return ask() != nil && client.PoolStats().TotalConns == 0 })
	got = b.step()
	if got["error_rate"] != 100 {
		t.Errorf("down: %v", got)
	}
	if _, known := got["pool_usage"]; known {
		t.Errorf("a pool without a server has a usage: %v", got)
	}
	if !strings.Contains(b.says(), "last attempt failed") {
		t.Errorf("diagnostics say %q", b.says())
	}
	got = b.step()
	for _, name := range []string{"time_avg", "error_rate", "hit_rate", "pool_usage", "pool_wait_time_avg"} {
		if v, known := got[name]; known {
			t.Errorf("down, nobody asks, and %s is %v", name, v)
		}
	}

	s.start()
	eventually(t, "the client has not come back", func() bool { return ask() == nil })
	b.step()
	if err := ask(); err != nil {
		t.Error(err)
	}
	got = b.step()
	if _, known := got["time_avg"]; !known || got["error_rate"] != 0 || got["pool_usage"] != 0 {
		t.Errorf("back: %v", got)
	}
}

// What the caller cancels counts as nothing.
func TestCancelled(t *testing.T) {
	s := startRedis(t)
	b := newBench(t)
	client := newClient(t, s)
	if err := redistime.Watch(b.Monitor, client); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := client.Ping(ctx).Err(); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	if got := countsOf(b.Monitor); got != (counts{}) {
		t.Errorf("%+v", got)
	}
}

func TestBadArguments(t *testing.T) {
	b := newBench(t)
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	defer func() { _ = client.Close() }()
	if err := redistime.Watch(b.Monitor, client); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"no monitor": redistime.Watch(nil, client), "no client": redistime.Watch(b.Monitor, nil), "twice": redistime.Watch(b.Monitor, client),
	} {
		var field *perfmon.FieldError
		if !errors.As(err, &field) || !strings.HasPrefix(err.Error(), "redistime: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func BenchmarkCommand(b *testing.B) {
	s := startRedis(b)
	m, err := perfmon.New()
	if err != nil {
		b.Fatal(err)
	}
	bare, timed := newClient(b, s), newClient(b, s)
	if err := redistime.Watch(m, timed); err != nil {
		b.Fatal(err)
	}
	// Without a server: a hook that answers by itself, so that what is around it is seen.
	instant, timedInstant := newClient(b, s), newClient(b, s)
	m2, err := perfmon.New()
	if err != nil {
		b.Fatal(err)
	}
	if err := redistime.Watch(m2, timedInstant); err != nil {
		b.Fatal(err)
	}
	instant.AddHook(answers{})
	timedInstant.AddHook(answers{})
	call := func(c *redis.Client) func() {
		ctx := context.Background()
		return func() { _ = c.Get(ctx, "key").Err() }
	}
	b.Run("nothing", func(b *testing.B) { paired.Compare(b, call(instant), call(timedInstant)) })
	b.Run("loopback", func(b *testing.B) { paired.Compare(b, call(bare), call(timed)) })
}

type answers struct{ redis.Hook }

func (answers) DialHook(next redis.DialHook) redis.DialHook { return next }
func (answers) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(context.Context, redis.Cmder) error { return nil }
}
func (answers) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
