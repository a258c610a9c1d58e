package perfmon

import (
	"fmt"
	"time"

	"github.com/backend-prs/perfmon/analyze"
)

// ReportType is how much a report holds.
type ReportType string

const (
	ReportSummary  ReportType = "summary"  // series of at most 300 points
	ReportDetailed ReportType = "detailed" // every point
)

// Report is how a service did over a window: what it was like, what changed, what got
// worse, and what alerts there were.
type Report struct {
	GeneratedAt    time.Time      `json:"generated_at"`
	Type           ReportType     `json:"type"`
	From           time.Time      `json:"from"` // when the window begins; it ends at GeneratedAt
	Hours          float64        `json:"hours"`
	Service        ServiceStatus  `json:"service"`
	Health         Health         `json:"health"`
	Requests       RequestStats   `json:"requests"`        // of the whole service
	Metrics        []ReportMetric `json:"metrics"`         // all but those of the monitor itself, in the order they are shown in
	WorstEndpoints []RequestStats `json:"worst_endpoints"` // at most five, the worst first; see WorstEndpoints
	Endpoints      []RequestStats `json:"endpoints"`       // the busiest first
	Organizations  []RequestStats `json:"organizations"`
	Baseline       *Baseline      `json:"baseline"` // in force; nil without one
	Regressions    []Regression   `json:"regressions"`
	Anomalies      []Anomaly      `json:"anomalies"` // of the window, newest first
	Events         []Marker       `json:"events"`    // of the window, newest first
	Alerts         []ReportAlert  `json:"alerts"`    // active, or changed in the window; newest first
	Series         Series         `json:"series,omitzero"`
}

// ReportMetric is a metric of the service in a report.
type ReportMetric struct {
	Metric  string    `json:"metric_name"`
	Unit    string    `json:"unit"`
	Worse   Direction `json:"worse_when"`
	Summary Summary   `json:"summary"` // of all its points in the window
	// Trend compares the last hour, or the second half of a window shorter than two,
	// with as much time before it.
	Trend Trend `json:"trend"`
}

// ReportAlert is an alert with its length.
type ReportAlert struct {
	Alert
	// DurationSeconds is how long ago it opened where it is active, else how long it
	// took from its opening to its latest change.
	DurationSeconds float64 `json:"duration_seconds"`
}

// ReportQuery says what a Report holds.
type ReportQuery struct {
	Type   ReportType    // ReportDetailed; anything else is a summary
	Window time.Duration // how far it reaches back; 0: the retention
	// Visible picks the alerts that count and are listed.
	Visible AlertQuery
}

const (
	reportPoints    = 300
	reportEndpoints = 5
)

// Report returns how the service did.
func (m *Monitor) Report(q ReportQuery) Report {
	h := m.History()
	now := m.Now()
	from := h.since(q.Window)
	window := now.Sub(from)
	s := h.series(window)
	endpoints, organizations := h.endpointsAndOrganizations(window)
	r := Report{
		GeneratedAt:   now,
		Type:          ReportSummary,
		From:          from,
		Hours:         window.Hours(),
		Service:       ServiceStatus{m.service, m.Uptime().Seconds()},
		Health:        m.Health(q.Visible),
		Requests:      h.Requests(window),
		Metrics:       m.reportMetrics(s, min(window/2, time.Hour)),
		Endpoints:     endpoints,
		Organizations: organizations,
		Regressions:   []Regression{},
		Anomalies:     h.Anomalies(window),
		Events:        h.Markers(window),
		Series:        s,
	}
	if q.Type == ReportDetailed {
		r.Type = ReportDetailed
	} else {
		r.Series = s.Downsample(reportPoints)
	}
	r.WorstEndpoints = WorstEndpoints(r.Endpoints, reportEndpoints)
	if b, ok := m.Baselines().Current(); ok {
		r.Baseline = &b
		r.Regressions = m.Baselines().Regressions()
	}
	visible := q.Visible
	visible.Since = from
	alerts, _ := m.Alerts().List(visible)
	r.Alerts = make([]ReportAlert, len(alerts))
	for i, a := range alerts {
		r.Alerts[i] = ReportAlert{a, a.length(now).Seconds()}
	}
	return r
}

// reportMetrics describes all metrics, those without points too, so that reports have the
// same rows and columns whatever is fed. How the monitor itself fares is no news of the service.
func (m *Monitor) reportMetrics(s Series, window time.Duration) []ReportMetric {
	list := []ReportMetric{}
	for _, metric := range m.registry.catalog().metrics {
		if aboutSelf(metric.Name) {
			continue
		}
		trend, err := m.History().Trend(metric.Name, Scope{}, window)
		if err != nil {
			continue // cannot be: the catalog only grows
		}
		list = append(list, ReportMetric{metric.Name, metric.Unit, metric.Worse, analyze.Summarize(s.Metrics[metric.Name].Values), trend})
	}
	return list
}

// String names the metric and where it goes.
func (m ReportMetric) String() string { return m.Trend.String() }

// String names the service and the window.
func (r Report) String() string {
	return fmt.Sprintf("%s report of %s, %s to %s: %s", r.Type, r.Service.Name, r.From.Format(time.RFC3339), r.GeneratedAt.Format(time.RFC3339), r.Health.Status)
}

// length is how long the alert has been there, or was.
func (a *Alert) length(now time.Time) time.Duration {
	end := a.UpdatedAt
	if a.Active() {
		end = now
	}
	return max(end.Sub(a.OpenedAt), 0)
}

// WorstEndpoints returns the n worst of a list, the worst first: those furthest past a
// health target, by the larger of response_time_p95 / 2 s and error_rate / 1 %. Figures
// of fewer than 20 requests say little, so those endpoints come last.
func WorstEndpoints(list []RequestStats, n int) []RequestStats {
	sorted := append([]RequestStats{}, list...)
	sortStableFunc(sorted, func(a, b RequestStats) int {
		x, y := a.badness(), b.badness()
		enough, other := a.Requests >= leastForWorst, b.Requests >= leastForWorst
		switch {
		case enough && !other, enough == other && x > y:
			return -1
		case !enough && other, enough == other && x < y:
			return 1
		}
		return 0
	})
	return sorted[:min(max(n, 0), len(sorted))]
}

// leastForWorst is how many requests an endpoint is judged by.
const leastForWorst = 20

// badness is how far the figures are past the health targets: past 1 they miss one.
func (s RequestStats) badness() float64 {
	worst := 0.0
	if v, ok := s.P95.Get(); ok {
		worst = max(worst, v/targetP95)
	}
	if v, ok := s.ErrorRate.Get(); ok {
		worst = max(worst, v/targetErrorRate)
	}
	return worst
}
