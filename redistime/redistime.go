// Package redistime times the commands of go-redis, and watches its pool.
//
//	err := redistime.Watch(m, client)
//
// It feeds redis_time_p50, _p95, _p99 and _avg, in seconds; redis_error_rate and
// redis_hit_rate, in percent; and of the pool redis_pool_usage, in percent,
// redis_pool_hit_rate, the share of commands that found a free connection, redis_pool_waits,
// per second, redis_pool_wait_time_avg, in seconds, and redis_pool_timeouts, per second.
package redistime

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/backend-prs/perfmon"
)

// Client is what Watch needs of *redis.Client, *redis.ClusterClient and *redis.Ring.
type Client interface {
	AddHook(redis.Hook)
	PoolStats() *redis.PoolStats
}

// Option sets up Watch.
type Option func(*hook)

// AsCache counts hits and misses for the built-in cache_hit_rate as well, with its threshold
// and its place in the dashboard: for a Redis that is a cache.
func AsCache() Option { return func(h *hook) { h.asCache = true } }

// Watch registers the metrics, adds a hook to the client and a collector of its pool to the
// monitor. Call it once for each monitor, before the client is used.
//
// A command is timed from its call to its answer, with the wait for a connection and what
// go-redis tries again; a pipeline or transaction as one. Commands that wait on purpose, such
// as BLPOP and XREAD, are not timed. An error is what go-redis returns, other than redis.Nil,
// a transaction that has to be tried again, and what the caller cancelled. A hit is a key or a
// field that GET, GETEX, GETDEL, HGET, MGET or HMGET found.
//
// Of a cluster and a ring the pools count together, and have no usage. While there is no
// connection and the last attempt to connect failed, the figures of the pool are absent, and
// diagnostics say why. A nil monitor or client, and a monitor that has these metrics already,
// is refused with a *perfmon.FieldError.
func Watch(m *perfmon.Monitor, client Client, opts ...Option) error {
	if m == nil {
		return fmt.Errorf("redistime: %w", &perfmon.FieldError{Field: "monitor", Value: nil, Want: "a *perfmon.Monitor"})
	}
	if client == nil {
		return fmt.Errorf("redistime: %w", &perfmon.FieldError{Field: "client", Value: nil, Want: "a client"})
	}
	h := &hook{m: m}
	for _, o := range opts {
		o(h)
	}
	if err := h.register(); err != nil {
		return fmt.Errorf("redistime: %w", err)
	}
	p, err := newPool(m, client, h)
	if err != nil {
		return fmt.Errorf("redistime: %w", err)
	}
	if err := m.Metrics().AddCollector(p); err != nil {
		return fmt.Errorf("redistime: %w", err)
	}
	client.AddHook(h)
	return nil
}

// hook is what go-redis calls around its commands.
type hook struct {
	m       *perfmon.Monitor
	asCache bool
	times   *perfmon.Timer
	errors  *perfmon.Share
	hits    *perfmon.Share
	down    atomic.Pointer[error] // of the last attempt to connect; nil where it succeeded
}

func (h *hook) register() (err error) {
	ms := h.m.Metrics()
	if h.times, err = ms.Timer(perfmon.Metric{Name: "redis_time", Worse: perfmon.HigherIsWorse, Help: "Time of a Redis command."}); err != nil {
		return err
	}
	if h.errors, err = ms.Share(perfmon.Metric{Name: "redis_error_rate", Worse: perfmon.HigherIsWorse, Help: "Share of Redis commands that failed."}); err != nil {
		return err
	}
	h.hits, err = ms.Share(perfmon.Metric{Name: "redis_hit_rate", Worse: perfmon.LowerIsWorse, Help: "Share of keys and fields looked up in Redis that were there."})
	return err
}

// DialHook is called by go-redis.
func (h *hook) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := next(ctx, network, addr)
		switch {
		case err == nil:
			h.down.Store(nil)
		case failed(err):
			h.down.Store(&err)
		}
		return conn, err
	}
}

// ProcessHook is called by go-redis.
func (h *hook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		name := cmd.Name()
		if setsUp(name) {
			return next(ctx, cmd)
		}
		began := h.m.Elapsed()
		err := next(ctx, cmd)
		h.end(began, err, waits(name))
		h.look(name, cmd, err) // which the command itself gets later
		return err
	}
}

// ProcessPipelineHook is called by go-redis.
func (h *hook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if len(cmds) == 0 || setsUp(cmds[0].Name()) {
			return next(ctx, cmds)
		}
		began := h.m.Elapsed()
		err := next(ctx, cmds)
		h.end(began, err, false)
		for _, cmd := range cmds {
			h.look(cmd.Name(), cmd, cmd.Err())
		}
		return err
	}
}

func (h *hook) end(began time.Duration, err error, waits bool) {
	if errors.Is(err, context.Canceled) {
		return
	}
	if !waits {
		h.times.Record(h.m.Elapsed() - began)
	}
	if failed(err) {
		h.errors.Add(1, 1)
	} else {
		h.errors.Add(0, 1)
	}
}

func failed(err error) bool {
	return err != nil && !errors.Is(err, redis.Nil) && !errors.Is(err, redis.TxFailedErr) && !errors.Is(err, context.Canceled)
}

// setsUp reports whether a command is one that go-redis sets a connection up with. It tries
// some that an older Redis does not know.
func setsUp(name string) bool {
	switch name {
	case "hello", "auth", "client", "select", "readonly":
		return true
	}
	return false
}

// waits reports whether a command waits on purpose.
func waits(name string) bool {
	switch name {
	case "blpop", "brpop", "brpoplpush", "blmove", "blmpop", "bzpopmin", "bzpopmax", "bzmpop", "xread", "xreadgroup", "wait", "waitaof":
		return true
	}
	return false
}

// look counts what a command looked up and found.
func (h *hook) look(name string, cmd redis.Cmder, err error) {
	switch name {
	case "get", "getex", "getdel", "hget":
		switch {
		case err == nil:
			h.found(1, 1)
		case errors.Is(err, redis.Nil):
			h.found(0, 1)
		}
	case "mget", "hmget":
		list, ok := cmd.(*redis.SliceCmd)
		if !ok || err != nil {
			return
		}
		hits := 0
		for _, v := range list.Val() {
			if v != nil {
				hits++
			}
		}
		h.found(hits, len(list.Val()))
	}
}

func (h *hook) found(hits, of int) {
	h.hits.Add(uint64(hits), uint64(of))
	if !h.asCache {
		return
	}
	for i := range of {
		if i < hits {
			h.m.RecordCacheHit()
		} else {
			h.m.RecordCacheMiss()
		}
	}
}

// pool reads the client's statistics once a step.
type pool struct {
	client          Client
	hook            *hook
	size            int // 0: not known
	found           *perfmon.Share
	waits, timeouts *perfmon.Counter
	waitTime        *perfmon.Mean
}

const usage = "redis_pool_usage"

func newPool(m *perfmon.Monitor, client Client, h *hook) (p *pool, err error) {
	p = &pool{client: client, hook: h}
	if c, ok := client.(*redis.Client); ok {
		p.size = c.Options().PoolSize
	}
	ms := m.Metrics()
	if p.found, err = ms.Share(perfmon.Metric{Name: "redis_pool_hit_rate", Worse: perfmon.LowerIsWorse, Help: "Share of Redis commands that found a free connection."}); err != nil {
		return nil, err
	}
	if p.waits, err = ms.Counter(perfmon.Metric{Name: "redis_pool_waits", Worse: perfmon.HigherIsWorse, Help: "Waits for a Redis connection, per second."}); err != nil {
		return nil, err
	}
	if p.timeouts, err = ms.Counter(perfmon.Metric{Name: "redis_pool_timeouts", Worse: perfmon.HigherIsWorse, Help: "Waits for a Redis connection that were given up, per second."}); err != nil {
		return nil, err
	}
	p.waitTime, err = ms.Mean(perfmon.Metric{Name: "redis_pool_wait_time_avg", Worse: perfmon.HigherIsWorse, Help: "Mean time that waits for a Redis connection took."})
	return p, err
}

func (p *pool) Name() string { return "redis" }

func (p *pool) Metrics() []perfmon.Metric {
	return []perfmon.Metric{{Name: usage, Unit: "%", Worse: perfmon.HigherIsWorse, Help: "Redis connections in use, of those allowed."}}
}

func (p *pool) Collect(_ context.Context, set func(string, float64)) error {
	s := p.client.PoolStats()
	p.found.Follow(uint64(s.Hits), uint64(s.Hits)+uint64(s.Misses))
	p.waits.Follow(uint64(s.WaitCount))
	p.timeouts.Follow(uint64(s.Timeouts))
	p.waitTime.Follow(uint64(s.WaitCount), time.Duration(s.WaitDurationNs))
	if down := p.hook.down.Load(); down != nil && s.TotalConns == 0 {
		return fmt.Errorf("no connection, and the last attempt failed: %w", *down)
	}
	inUse := math.NaN()
	if p.size > 0 {
		inUse = 100 * float64(s.TotalConns-min(s.IdleConns, s.TotalConns)) / float64(p.size)
	}
	set(usage, inUse)
	return nil
}
