package perfmon

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
	baselines, baselinesDropped := m.baselines.held()
	markers, markersDropped := m.markers.held()
	jobs := m.worker.waiting()
	callbacks, refused := m.callbacks()
	const count, bytes = "count", "bytes"
	return []LimitStatus{
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
		{"markers", count, maxMarkers, markers, markersDropped},
		{"callbacks", count, maxCallbacks, callbacks, refused},
		{"log_messages", count, logQueue, m.log.waiting(), m.log.dropped.Load()},
		{"step_jobs", count, maxJobs, jobs, m.worker.dropped.Load()},
		{"store_records", count, pendingRecords, store.PendingRecords, store.Lost},
		{"store_points", count, pendingPoints, store.PendingPoints, store.Lost},
		{"archive_reads", count, maxArchiveReads, len(m.archiveReads), m.archiveRefused.Load()},
	}
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

func (bs *baselines) held() (n int, dropped uint64) {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	return len(bs.list), bs.dropped
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
