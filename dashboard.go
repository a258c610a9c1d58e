package perfmon

import "time"

// Dashboard is everything for a first look.
type Dashboard struct {
	GeneratedAt     time.Time          `json:"generated_at"`
	Hours           float64            `json:"hours"`
	StepSeconds     float64            `json:"step_seconds"`     // how often there is a sample
	IntervalSeconds float64            `json:"interval_seconds"` // how much time a point stands for
	RetentionHours  float64            `json:"retention_hours"`  // how long points are kept in memory
	HistoryHours    float64            `json:"history_hours"`    // how far back Hours may reach; see History.Reach
	Service         ServiceStatus      `json:"service"`
	Health          Health             `json:"health"`
	Current         *Sample            `json:"current"` // nil before the first step has ended
	Summary         map[string]Summary `json:"summary"` // by metric
	Series          Series             `json:"series"`
	Endpoints       []RequestStats     `json:"endpoints"`
	Organizations   []RequestStats     `json:"organizations"`
	Baseline        *Baseline          `json:"baseline"` // in force; nil without one
	Regressions     []Regression       `json:"regressions"`
	Anomalies       []Anomaly          `json:"anomalies"`
	Events          []Marker           `json:"events"`          // of the window, newest first
	Trends          []Trend            `json:"trends,omitzero"` // where asked for
	Alerts          []Alert            `json:"alerts,omitzero"` // where asked for, newest first
	Fleet           *FleetStatus       `json:"fleet,omitempty"` // nil where there is one replica
}

// ServiceStatus is which process the figures are of, and for how long it was watched.
type ServiceStatus struct {
	Service
	UptimeSeconds float64 `json:"uptime"`
}

// DashboardQuery says what a Dashboard shows.
type DashboardQuery struct {
	Window time.Duration // how far it reaches back; 0: the retention
	Points int           // at most this many for each series; 0: all
	Trends bool
	Alerts bool
	// Visible picks the alerts that count and are shown, at most Visible.Limit.
	Visible AlertQuery
}

// Dashboard returns everything for a first look, in one call.
func (m *Monitor) Dashboard(q DashboardQuery) Dashboard {
	h := m.History()
	now := m.Now()
	window, retention := q.Window, m.settings.get().Retention
	if window <= 0 {
		window = retention
	}
	window = min(window, h.Reach())
	s := h.series(window)
	endpoints, organizations := h.endpointsAndOrganizations(window)
	d := Dashboard{
		GeneratedAt:     now,
		Hours:           window.Hours(),
		StepSeconds:     m.stepLength.Seconds(),
		IntervalSeconds: m.interval.Seconds(),
		RetentionHours:  retention.Hours(),
		HistoryHours:    h.Reach().Hours(),
		Service:         ServiceStatus{m.service, m.Uptime().Seconds()},
		Health:          m.Health(q.Visible),
		Summary:         m.summaries(window, s),
		Series:          s.Downsample(q.Points),
		Endpoints:       endpoints,
		Organizations:   organizations,
		Regressions:     []Regression{},
		Anomalies:       h.Anomalies(window),
		Events:          h.Markers(window),
	}
	if sample, ok := m.Current(); ok {
		d.Current = &sample
	}
	if s, ok := m.Fleet(); ok {
		d.Fleet = &s
	}
	if b, ok := m.Baselines().Current(); ok {
		d.Baseline = &b
		d.Regressions = m.Baselines().Regressions()
	}
	if q.Trends {
		d.Trends = m.trends()
	}
	if q.Alerts {
		visible := q.Visible
		visible.Since = now.Add(-window)
		d.Alerts, _ = m.Alerts().List(visible)
	}
	return d
}
