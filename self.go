package perfmon

import (
	"time"
)

// selfMeter reads how the monitor itself fares, once a step: nothing is done for it on the
// path of a request.
type selfMeter struct {
	m           *Monitor
	step, point selfTotals
}

// selfTotals count since the start.
type selfTotals struct {
	merged, dropped, folded, panics, failures, storeErrors uint64
}

func (s *selfMeter) endStep(elapsed time.Duration, set func(int, float64)) {
	totals := s.m.selfTotals()
	s.rates(&s.step, totals, elapsed, set)
	set(builtinIndex[SelfStepDuration], s.m.loop.took.Seconds())
	set(builtinIndex[SelfHeldMB], float64(s.m.heldBytes())/(1<<20))
	if s.m.hasStore {
		st := s.m.journal.status()
		set(builtinIndex[SelfStorePending], float64(st.PendingRecords+st.PendingPoints))
		lag := 0.0
		if !st.WaitingSince.IsZero() {
			lag = max(s.m.watch.now().wall.Sub(st.WaitingSince).Seconds(), 0)
		}
		set(builtinIndex[SelfStoreLag], lag)
	}
}

// endPoint sets what is counted; of the others a point is the mean of its steps.
func (s *selfMeter) endPoint(elapsed time.Duration, set func(int, float64)) {
	s.rates(&s.point, s.m.selfTotals(), elapsed, set)
}

func (s *selfMeter) rates(begun *selfTotals, now selfTotals, elapsed time.Duration, set func(int, float64)) {
	rate := func(metric string, begun, now uint64) {
		if seconds := elapsed.Seconds(); seconds > 0 {
			set(builtinIndex[metric], float64(now-min(begun, now))/seconds) // a cancelled subscriber takes its counts along
		}
	}
	rate(SelfMerged, begun.merged, now.merged)
	rate(SelfDropped, begun.dropped, now.dropped)
	rate(SelfFolded, begun.folded, now.folded)
	rate(SelfPanics, begun.panics, now.panics)
	rate(SelfCollectorFailures, begun.failures, now.failures)
	if s.m.hasStore {
		rate(SelfStoreErrors, begun.storeErrors, now.storeErrors)
	}
	*begun = now
}

// selfTotals adds up what Diagnostics has one by one.
func (m *Monitor) selfTotals() selfTotals {
	st := m.journal.status()
	t := selfTotals{
		dropped:     m.worker.dropped.Load() + m.log.dropped.Load() + st.Lost,
		folded:      m.traffic.Endpoints.Folded() + m.traffic.Organizations.Folded(),
		panics:      m.stepPanics.Load() + m.log.panics.Load(),
		storeErrors: st.Errors,
	}
	for _, r := range m.collectors.all() {
		failures, panics := r.failures()
		t.failures += failures
		t.panics += panics
	}
	for i := range m.hooks {
		t.panics += m.hooks[i].panics.Load()
	}
	for _, counts := range []func() (merged, dropped, panics uint64){m.alertSubs.totals, m.sampleSubs.totals, m.live.subs.totals} {
		merged, dropped, panics := counts()
		t.merged += merged
		t.dropped += dropped
		t.panics += panics
	}
	return t
}

// heldBytes is about what points, alerts and events take.
func (m *Monitor) heldBytes() int {
	return m.history.bytesHeld() + m.alerts.bytesHeld() + m.events.bytesHeld()
}

// failures returns how many runs failed or took too long, and how many of them panicked.
func (r *runner) failures() (failures, panics uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status.Failures + r.status.Timeouts, r.status.Panics
}

// totals adds up how the subscribers fared.
func (ss *subscribers[T]) totals() (merged, dropped, panics uint64) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	for _, s := range ss.list {
		merged += s.merged.Load()
		panics += s.panics.Load()
		if r, ok := any(s.inbox).(*recent); ok {
			dropped += r.dropped
		}
	}
	return merged, dropped, panics
}

// bytesHeld is as of the latest point.
func (h *history) bytesHeld() int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.bytes
}

// measure counts what the points take; mu is held.
func (h *history) measure() {
	h.bytes = h.ring.Bytes()
	for _, s := range h.scopes {
		h.bytes += s.digests.Bytes()
	}
}

func (b *alertBook) bytesHeld() int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.bytes
}

func (l *eventLog) bytesHeld() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bytes
}
