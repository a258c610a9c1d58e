package perfmon

import (
	"context"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"golang.org/x/exp/slices"
)

// Queue lengths of subscribers. What does not fit is dropped and counted.
const (
	sampleQueue = 16
	alertQueue  = 256
)

// OnAlert calls f for each alert that opened, escalated, was acknowledged, was
// dismissed or resolved, in that order and one at a time, in a goroutine of f's own.
// An f that is slow misses what does not fit its queue of 256; one that panics is
// called again for the next. Both are counted in Diagnostics. cancel ends it, at once
// and for good, and may be called from anywhere, f included. OnAlert panics when f is
// nil.
func (m *Monitor) OnAlert(f func(AlertEvent)) (cancel func()) {
	if f == nil {
		panic("perfmon: OnAlert: f is nil")
	}
	return m.alertSubs.add(f)
}

// Subscribe calls f with the live sample of each step. All else is as with OnAlert,
// but the queue holds 16.
func (m *Monitor) Subscribe(f func(Sample)) (cancel func()) {
	if f == nil {
		panic("perfmon: Subscribe: f is nil")
	}
	return m.sampleSubs.add(f)
}

// SubscriberStatus is how a subscriber has fared.
type SubscriberStatus struct {
	To        string `json:"to"` // "alerts" or "samples"
	Queued    int    `json:"queued"`
	Delivered uint64 `json:"delivered"`
	Dropped   uint64 `json:"dropped"` // because the queue was full
	Panics    uint64 `json:"panics"`
}

// subscribers hands values of one kind to any number of functions, each with a
// bounded queue and a goroutine of its own, which lives from the first value on.
type subscribers[T any] struct {
	kind  string
	queue int
	log   *slog.Logger

	mu      sync.Mutex
	list    []*subscriber[T] // mu
	closed  bool             // mu
	running sync.WaitGroup
}

type subscriber[T any] struct {
	f         func(T)
	log       *slog.Logger
	queue     chan T
	cancelled chan struct{}
	running   bool // guarded by the mutex of subscribers

	delivered, dropped, panics atomic.Uint64
}

func (ss *subscribers[T]) add(f func(T)) (cancel func()) {
	s := &subscriber[T]{f: f, log: ss.log, queue: make(chan T, ss.queue), cancelled: make(chan struct{})}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if ss.closed {
		return func() {}
	}
	ss.list = append(ss.list, s)
	return sync.OnceFunc(func() {
		close(s.cancelled)
		ss.mu.Lock()
		defer ss.mu.Unlock()
		ss.list = slices.DeleteFunc(ss.list, func(o *subscriber[T]) bool { return o == s })
	})
}

// publish never waits.
func (ss *subscribers[T]) publish(v T) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if ss.closed {
		return
	}
	for _, s := range ss.list {
		select {
		case s.queue <- v:
		default:
			s.dropped.Add(1)
		}
		if !s.running {
			s.running = true
			ss.running.Go(s.run)
		}
	}
}

func (s *subscriber[T]) run() {
	for {
		select {
		case <-s.cancelled:
			return
		case v, ok := <-s.queue:
			if !ok {
				return
			}
			select {
			case <-s.cancelled:
				return
			default:
				s.call(v)
			}
		}
	}
}

func (s *subscriber[T]) call(v T) {
	defer func() {
		// Only the first is logged: all of them are counted.
		if p := recover(); p != nil && s.panics.Add(1) == 1 {
			stack := string(firstLines(debug.Stack(), 16))
			quietly(func() { s.log.Error("perfmon: a callback panicked", "panic", p, "stack", stack) })
		}
	}()
	s.delivered.Add(1)
	s.f(v)
}

// close lets each subscriber work off its queue and ends it.
func (ss *subscribers[T]) close() {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if ss.closed {
		return
	}
	ss.closed = true
	for _, s := range ss.list {
		close(s.queue)
	}
}

func (ss *subscribers[T]) status() []SubscriberStatus {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	list := []SubscriberStatus{}
	for _, s := range ss.list {
		list = append(list, SubscriberStatus{ss.kind, len(s.queue), s.delivered.Load(), s.dropped.Load(), s.panics.Load()})
	}
	return list
}

// wait waits for wg, but not longer than ctx, and reports whether it ended.
func wait(ctx context.Context, wg *sync.WaitGroup) bool {
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return false
	}
}
