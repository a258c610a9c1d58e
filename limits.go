package perfmon

import "time"

// LimitStatus says how far something has grown that is bounded. docs/limits.md has what
// each one means, and how to change it.
type LimitStatus struct {
	Limit string `json:"limit"` // what is bounded, such as "endpoints"
	Unit  string `json:"unit"`  // "count", "bytes" or "1/s"
	Most  int    `json:"most"`
	Used  int    `json:"used"`
	Hit   uint64 `json:"hit"` // how often there was no room, since the monitor was made
}

// maxCallbacks bounds how many callbacks of a kind a monitor has: more than that is a host
// that adds one for each request.
const maxCallbacks = 1000

// limits lists what the monitor bounds.
func (m *Monitor) limits() []LimitStatus {
	endpoints, organizations := m.traffic.Endpoints, m.traffic.Organizations
	alerts := m.alerts.counts()
	store := m.journal.status()
	events, eventBytes, eventsDropped := m.events.held()
	anomalies, anomaliesDropped := m.anomalies.held()
	baselines, baselineBytes, baselinesDropped := m.baselines.held()
	markers, markersDropped := m.markers.held()
	jobs := m.worker.waiting()
	callbacks, refused := m.callbacks()
	const count, bytes = "count", "bytes"
	list := []LimitStatus{
		{"endpoints", count, endpoints.Limit(), endpoints.Used(), endpoints.Folded()},
		{"organizations", count, organizations.Limit(), organizations.Used(), organizations.Folded()},
		{"metrics", count, MaxMetrics, len(m.registry.catalog().metrics), m.registry.refused.Load()},
		{"thresholds", count, MaxThresholds, len(m.thresholds.all()), m.thresholds.refused.Load()},
		{"points", count, int(m.settings.get().Retention / m.interval), m.history.len(), 0},
		{"alerts", count, maxAlerts, alerts.Held, alerts.Dropped},
		{"alert_bytes", bytes, maxAlertBytes, alerts.Bytes, m.alerts.stripped.Load()},
		{"alert_keys", count, maxRaisedKeys, m.alerts.size(), m.alerts.refused.Load()},
		{"events", count, maxEvents, events, eventsDropped},
		{"event_bytes", bytes, maxEventBytes, eventBytes, eventsDropped},
		{"anomalies", count, maxAnomalies, anomalies, anomaliesDropped},
		{"baselines", count, maxBaselines, baselines, baselinesDropped},
		{"baseline_bytes", bytes, maxBaselineBytes, baselineBytes, baselinesDropped},
		{"markers", count, maxMarkers, markers, markersDropped},
		{"callbacks", count, maxCallbacks, callbacks, refused},
		{"log_messages", count, logQueue, m.log.waiting(), m.log.dropped.Load()},
		{"step_jobs", count, maxJobs, jobs, m.worker.dropped.Load()},
		{"store_records", count, pendingRecords, store.PendingRecords, store.Lost},
		{"store_points", count, pendingPoints, store.PendingPoints, store.Lost},
		{"archive_reads", count, maxArchiveReads, len(m.archiveReads), m.archiveRefused.Load()},
	}
	return append(append(list, m.notifyLimits()...), m.fleetLimits()...)
}

// notifyLimits lists what is bounded of notifiers and silences. What each notifier has for
// itself is that of the one with the most.
func (m *Monitor) notifyLimits() []LimitStatus {
	var queue, letters, bytes int
	var full, forgotten uint64
	for _, c := range m.channels {
		dead := c.dead.Load()
		queue, letters, bytes = max(queue, len(c.state.Load().Queue)), max(letters, len(dead.Letters)), max(bytes, dead.bytes())
		full += c.full.Load()
		forgotten += c.forgotten.Load()
	}
	pending, over := m.silences.held(m.Now())
	return []LimitStatus{
		{"notifiers", "count", MaxNotifiers, len(m.channels), 0},
		{"notifier_messages", "count", maxQueued, queue, full},
		{"dead_letters", "count", maxDeadLetters, letters, forgotten},
		{"dead_letter_bytes", "bytes", maxDeadLetterBytes, bytes, forgotten},
		{"silences", "count", MaxSilences, pending, m.silences.refused.Load()},
		{"silences_over", "count", maxOldSilences, over, m.silences.dropped.Load()},
	}
}

// fleetLimits lists what is bounded of a fleet; all is 0 where there is none.
func (m *Monitor) fleetLimits() []LimitStatus {
	var views, states int
	var viewless, joint uint64
	if f := m.fleet; f != nil {
		f.mu.Lock()
		views, states, viewless, joint = len(f.views), len(f.outbox), f.viewless, f.joint
		f.mu.Unlock()
	}
	return []LimitStatus{
		{"fleet_views", "count", maxReplicaViews, views, viewless},
		{"fleet_states", "count", outboxStates + keptStates, states, joint},
	}
}

func (l *silenceList) held(now time.Time) (pending, over int) {
	pending = l.pending(now)
	l.mu.RLock()
	defer l.mu.RUnlock()
	return pending, max(len(l.list)-pending, 0)
}

// callbacks returns how many there are of the kind with the most, and how many were refused.
func (m *Monitor) callbacks() (most int, refused uint64) {
	for _, counts := range []func() (int, uint64){m.alertSubs.held, m.sampleSubs.held, m.live.subs.held} {
		n, r := counts()
		most = max(most, n)
		refused += r
	}
	return most, refused
}

func (ss *subscribers[T]) held() (n int, refused uint64) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	return len(ss.list), ss.refused
}

func (l *eventLog) held() (n, bytes int, dropped uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.events), l.bytes, l.dropped
}

func (as *anomalies) held() (n int, dropped uint64) {
	as.mu.Lock()
	defer as.mu.Unlock()
	return len(as.list), as.dropped
}

func (bs *baselines) held() (n, bytes int, dropped uint64) {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	return len(bs.list), bs.bytes, bs.dropped
}

func (ms *markers) held() (n int, dropped uint64) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	return len(ms.list), ms.dropped
}

func (w *worker) waiting() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.jobs)
}

func (l *hostLog) waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.queue)
}
