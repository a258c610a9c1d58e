package perfmon

import (
	"context"
	"sync"
	"time"

	"github.com/backend-prs/perfmon/internal/traffic"
)

// LiveInterval is how often those who watch get a live sample.
const LiveInterval = time.Second

// live takes samples between steps while somebody watches. It owns the watchers; it is
// safe for concurrent use.
type live struct {
	m    *Monitor
	subs subscribers[Sample]

	mu       sync.Mutex
	watchers int                // mu
	ctx      context.Context    // of the monitor's life; nil before the start; mu
	stop     context.CancelFunc // ends the samples; nil while there are none; mu
	closed   bool               // mu
	running  sync.WaitGroup
}

// Watch calls f about each second with a live sample, as OnAlert calls its function. Of
// the samples that wait for f, the newest 16 are kept.
//
// A live sample has the metrics of requests over the time since the one before, requests
// in flight, open streams, cache_hit_rate and database_query_time_avg where the host
// records what they are made of, and those of the Go runtime. A figure of which nothing
// came in that time is absent, and a quiet second has a throughput of 0. Other metrics are
// not in it: collectors are asked once a step, whoever watches. Thresholds and history go
// by steps alone. While the monitor is not started or not enabled there are no live
// samples. While nobody watches, nothing is done.
//
// cancel ends it, at once and for good; it may be called from anywhere, also from f and
// twice. Watch panics when f is nil.
func (m *Monitor) Watch(f func(Sample)) (cancel func()) {
	if f == nil {
		panic("perfmon: Watch: f is nil")
	}
	l := &m.live
	l.mu.Lock()
	defer l.mu.Unlock()
	remove := l.subs.add(functionName(f), f, &recent{})
	l.watchers++
	l.run()
	var once sync.Once
	return func() {
		remove()
		once.Do(l.leave)
	}
}

func (l *live) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.watchers--; l.watchers == 0 && l.stop != nil {
		l.stop()
		l.stop = nil
	}
}

// begin says that the monitor has started, until ctx ends.
func (l *live) begin(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ctx = ctx
	l.run()
}

// end waits until no more samples are taken. The context of begin has ended.
func (l *live) end() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.running.Wait()
}

// run begins to take samples where there is somebody to watch; mu is held.
func (l *live) run() {
	if l.watchers == 0 || l.stop != nil || l.ctx == nil || l.closed {
		return
	}
	ctx, stop := context.WithCancel(l.ctx)
	l.stop = stop
	ticker := l.m.clock.Ticker(LiveInterval)
	window := newLiveWindow(l.m)
	l.running.Go(func() {
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				l.sample(ctx, window)
			}
		}
	})
}

// sample publishes what a window says. A panic in it, which would be a bug of this
// package, costs the sample and not the host.
func (l *live) sample(ctx context.Context, w *liveWindow) {
	defer func() {
		if p := recover(); p != nil {
			l.m.stepFailed(p)
		}
	}()
	s, ok := w.next()
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if ctx.Err() == nil { // else the watchers of now have another window
		l.subs.publish(s)
	}
}

// liveWindow turns what is counted all the time into figures of the time between two
// calls. It has places of its own in all counters, so that no step is disturbed.
type liveWindow struct {
	m        *Monitor
	requests *traffic.Live
	meters   []meter
	catalog  *catalog
	places   []int // of the metrics in builtin

	begun  time.Duration // elapsed time
	paused bool          // nothing was read since begun
	counts traffic.Counts
}

func newLiveWindow(m *Monitor) *liveWindow {
	w := &liveWindow{
		m: m, requests: m.loop.reader.Live(), meters: []meter{m.cacheMeter(), m.queryMeter()},
		catalog: &catalog{index: map[string]int{}}, begun: m.watch.now().elapsed,
	}
	for _, meter := range w.meters {
		meter.endStep(0, func(int, float64) {}) // from now on
	}
	if m.readsRuntime {
		w.meters = append(w.meters, newRuntimeMeter())
	}
	for i, b := range builtin {
		if !m.isLive(&b) {
			continue
		}
		w.catalog.index[b.Name] = len(w.catalog.metrics)
		w.catalog.metrics = append(w.catalog.metrics, b.Metric)
		w.places = append(w.places, i)
	}
	return w
}

// isLive reports whether a metric is in live samples.
func (m *Monitor) isLive(b *builtinMetric) bool {
	switch b.from {
	case fromMiddleware:
		return true
	case fromRuntime:
		return m.readsRuntime
	}
	switch b.Name {
	case CacheHitRate, DatabaseQueryTimeAvg:
		return m.registry.by(b.Name) == "" // else a collector feeds it, once a step
	}
	return false
}

// next returns the sample of the time since the last call; ok is false where there is
// none, because the monitor is not enabled or a gap lies between.
func (w *liveWindow) next() (s Sample, ok bool) {
	if !w.m.enabled.Load() {
		w.paused = true
		return s, false
	}
	now := w.m.watch.now()
	elapsed := now.elapsed - w.begun
	w.begun = now.elapsed
	all := absent(len(builtin))
	inFlight, streams := w.requests.Read(&w.counts)
	f := deltaFigures(&w.counts, elapsed)
	copy(all, f[:])
	all[builtinIndex[RequestsInFlight]] = float64(inFlight)
	all[builtinIndex[StreamsOpen]] = float64(streams)
	for _, meter := range w.meters {
		meter.endStep(elapsed, into(all))
	}
	gap := w.paused || elapsed <= 0 || elapsed > gapSteps*LiveInterval
	w.paused = false
	values := make([]float64, len(w.places))
	for i, place := range w.places {
		values[i] = all[place]
	}
	return Sample{Time: now.wall, catalog: w.catalog, values: values}, !gap
}
