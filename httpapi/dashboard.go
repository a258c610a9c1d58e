package httpapi

import (
	"net/http"
	"time"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/internal/jsonnum"
)

const (
	defaultPoints = 300
	maxPoints     = 10_000

	// dashboardAlerts bounds the alerts of a dashboard; GET alerts/ has the rest.
	dashboardAlerts = 100
)

// dashboard is everything a page needs for a first look, in one answer.
func (a *api) dashboard(r *http.Request, p Principal) (int, any, error) {
	q := readParams(r)
	window := q.hours("hours", a.m.Retention())
	trends, alerts := q.bool("trends"), q.bool("alerts")
	points := q.int("points", defaultPoints, 1, maxPoints)
	if err := q.finish(); err != nil {
		return 0, nil, err
	}
	now := a.m.Now()
	history := a.m.History(perfmon.Scope{}, window)
	out := struct {
		GeneratedAt   time.Time                  `json:"generated_at"`
		Hours         float64                    `json:"hours"`
		Service       service                    `json:"service"`
		Health        health                     `json:"health"`
		Current       *perfmon.Sample            `json:"current"`
		Summary       map[string]perfmon.Summary `json:"summary"`
		Series        series                     `json:"series"`
		Endpoints     []scopeStats               `json:"endpoints"`
		Organizations []scopeStats               `json:"organizations"`
		Baseline      *perfmon.Baseline          `json:"baseline"`
		Regressions   []perfmon.Regression       `json:"regressions"`
		Anomalies     []perfmon.Anomaly          `json:"anomalies"`
		Trends        *[]perfmon.Trend           `json:"trends,omitempty"`
		Alerts        *[]perfmon.Alert           `json:"alerts,omitempty"`
	}{
		GeneratedAt:   now,
		Hours:         window.Hours(),
		Service:       service{a.m.Service(), a.m.Uptime().Seconds()},
		Health:        a.healthFor(p),
		Summary:       map[string]perfmon.Summary{},
		Endpoints:     []scopeStats{},
		Organizations: []scopeStats{},
		Regressions:   []perfmon.Regression{},
		Anomalies:     a.m.Anomalies(window),
	}
	if baselines := a.m.Baselines(); len(baselines) > 0 {
		out.Baseline = &baselines[0]
		out.Regressions = append(out.Regressions, a.m.Regressions()...)
	}
	if sample, ok := a.m.Current(); ok {
		out.Current = &sample
	}
	for name, values := range history.Values {
		out.Summary[name] = perfmon.Summarize(values)
	}
	out.Series = a.series(history, points)
	for _, s := range a.m.Endpoints(window) {
		out.Endpoints = append(out.Endpoints, newScopeStats(s))
	}
	for _, s := range a.m.Organizations(window) {
		if p.sees(s.Scope.Organization) {
			out.Organizations = append(out.Organizations, newScopeStats(s))
		}
	}
	if trends {
		list := []perfmon.Trend{}
		for _, m := range a.m.Metrics() {
			if history.Values[m.Name] != nil {
				list = append(list, a.m.Trend(m.Name, perfmon.Scope{}, 0))
			}
		}
		out.Trends = &list
	}
	if alerts {
		query := p.alerts()
		query.Since, query.Limit = now.Add(-window), dashboardAlerts
		list, _ := a.m.Alerts(query)
		if list == nil {
			list = []perfmon.Alert{}
		}
		out.Alerts = &list
	}
	return http.StatusOK, out, nil
}

type service struct {
	perfmon.Service
	Uptime float64 `json:"uptime"` // seconds
}

// scopeStats are perfmon.ScopeStats in JSON.
type scopeStats struct {
	Endpoint     string    `json:"endpoint,omitempty"`
	Organization string    `json:"organization_id,omitempty"`
	From         time.Time `json:"from"`
	Requests     uint64    `json:"requests"`
	Errors       uint64    `json:"errors"`
	Throughput   number    `json:"throughput_rps"`
	ErrorRate    number    `json:"error_rate"`
	P50          number    `json:"response_time_p50"`
	P95          number    `json:"response_time_p95"`
	P99          number    `json:"response_time_p99"`
	Avg          number    `json:"response_time_avg"`
}

func newScopeStats(s perfmon.ScopeStats) scopeStats {
	return scopeStats{
		s.Scope.Endpoint, s.Scope.Organization, s.From, s.Requests, s.Errors, number(s.Throughput),
		number(s.ErrorRate), number(s.P50), number(s.P95), number(s.P99), number(s.Avg),
	}
}

// series are columns over one axis of time.
type series struct {
	Times   []time.Time       `json:"times"`
	Metrics map[string]column `json:"metrics"`
}

type column struct {
	Unit   string            `json:"unit"`
	Worse  perfmon.Direction `json:"worse_when"`
	Values numbers           `json:"values"`
}

func (a *api) series(s perfmon.Series, points int) series {
	s = s.Downsample(points, func(name string) perfmon.Direction {
		m, _ := a.m.Metric(name)
		return m.Worse
	})
	out := series{Times: s.Times, Metrics: map[string]column{}}
	for name, values := range s.Values {
		m, _ := a.m.Metric(name)
		out.Metrics[name] = column{m.Unit, m.Worse, values}
	}
	return out
}

// number is null when it is absent.
type number float64

func (n number) MarshalJSON() ([]byte, error) { return jsonnum.Append(nil, float64(n)), nil }

// numbers are written without a call for each.
type numbers []float64

func (ns numbers) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, 8*len(ns)+2)
	b = append(b, '[')
	for i, v := range ns {
		if i > 0 {
			b = append(b, ',')
		}
		b = jsonnum.Append(b, v)
	}
	return append(b, ']'), nil
}
