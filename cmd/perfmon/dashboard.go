package main

import (
	"cmp"

	"github.com/spf13/cobra"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/client"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/text"
)

// keyMetrics are shown first, in this order.
var keyMetrics = []string{
	perfmon.ResponseTimeP95, perfmon.ThroughputRPS, perfmon.ErrorRate, perfmon.CPUUsagePercent, perfmon.MemoryUsagePercent, perfmon.RequestsInFlight,
}

func (a *app) dashboard() *cobra.Command {
	cmd := a.verb("dashboard", "Everything for a first look", `
Shows health, key metrics, trends, endpoints, alerts and events of a window. With --wide, all metrics that have
values. The exit code is that of the health.`,
		"dashboard --hours=24", "dashboard --hours 1 --wide")
	q := newQuery(cmd)
	q.instance()
	q.number("hours", "hours", "how far back, in `hours` (default 24)")
	q.int("points", "points", "in JSON, at most so `many` points for each series (default 300)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		values := q.values()
		values["trends"], values["alerts"] = "true", "true"
		d, err := c.Dashboard(cmd.Context(), values)
		if err != nil {
			return err
		}
		a.exitHealth(d.Body.Health.Status)
		return a.show(d.Raw, d.Body.GeneratedAt, nil, func(p *text.Page) { a.writeDashboard(p, &d.Body) })
	}
	return cmd
}

func (a *app) writeDashboard(p *text.Page, d *perfmon.Dashboard) {
	p.Line("%s", serviceLine(p, d))
	headline(p, d.Health)
	p.Head("Metrics, last %s", text.Hours(d.Hours))
	p.Table(metricTable(p, d))
	a.writeTrends(p, d)
	if len(d.Endpoints) > 0 {
		n := min(len(d.Endpoints), 10)
		if p.Wide {
			n = len(d.Endpoints)
		}
		p.Head("Endpoints, %d of %d", n, len(d.Endpoints))
		p.Table(requestTable(p, d.Endpoints[:n]))
	}
	if len(d.Alerts) > 0 {
		n := min(len(d.Alerts), 5)
		if p.Wide {
			n = len(d.Alerts)
		}
		p.Head("Alerts, the latest %d of %d", n, len(d.Alerts))
		a.writeAlerts(p, client.Alerts{Alerts: d.Alerts[:n]})
	}
	if len(d.Events) > 0 {
		p.Head("Events")
		p.Table(a.eventTable(p.Now, d.Events[:min(len(d.Events), 5)]))
	}
}

// serviceLine says which service it is.
func serviceLine(p *text.Page, d *perfmon.Dashboard) string {
	s := d.Service
	line := p.Bold(text.Clean(cmp.Or(s.Name, "the service")))
	for _, part := range []string{s.Version, s.Environment, s.Instance} {
		if part != "" {
			line += "  " + text.Clean(part)
		}
	}
	return line + p.Dim("  up "+text.Seconds(s.UptimeSeconds)+", "+p.Time(d.GeneratedAt))
}

// metricTable has the key metrics, or with wide all that have values.
func metricTable(p *text.Page, d *perfmon.Dashboard) *text.Table {
	t := &text.Table{Columns: []text.Column{
		{Head: "metric"}, {Head: "now", Right: true}, {Head: "median", Right: true}, {Head: "p95", Right: true}, {Head: "max", Right: true}, {Head: "course", Least: 8},
	}}
	var current perfmon.Sample
	if d.Current != nil {
		current = *d.Current
	}
	for _, name := range shownMetrics(p, d, current) {
		column, summary := d.Series.Metrics[name], d.Summary[name]
		unit := cmp.Or(column.Unit, builtinUnits()[name])
		now, ok := current.Value(name)
		value := perfmon.ValueOf(now)
		if !ok {
			value = perfmon.Value{}
		}
		t.Add(same(name), number(value, unit), number(summary.Median, unit), number(summary.P95, unit), number(summary.Max, unit),
			text.Cell{Text: text.Spark(column.Values, sparkWidth(p))})
	}
	return t
}

func shownMetrics(p *text.Page, d *perfmon.Dashboard, current perfmon.Sample) []string {
	if !p.Wide {
		return keyMetrics
	}
	var names []string
	for m := range current.All() {
		_, now := current.Value(m.Name)
		if _, past := d.Series.Metrics[m.Name]; past || now {
			names = append(names, m.Name)
		}
	}
	return names
}

// sparkWidth is how many columns a sparkline takes.
func sparkWidth(p *text.Page) int {
	if p.Width == 0 || p.Wide {
		return 40
	}
	return max(min(p.Width-56, 60), 10)
}

// writeTrends says what changed, the surest first.
func (a *app) writeTrends(p *text.Page, d *perfmon.Dashboard) {
	var lines []string
	for _, t := range d.Trends {
		if t.Direction == perfmon.Stable {
			continue
		}
		line := p.Severity(string(t.Direction), string(t.Direction)) + ": " + text.Clean(t.Metric) + " " + text.Percent(t.ChangePercent) +
			" within " + text.Hours(t.WindowMinutes/60) + ", confidence " + t.ConfidenceLevel
		lines = append(lines, line)
	}
	for _, r := range d.Regressions {
		lines = append(lines, p.Yellow("regression")+": "+text.Clean(r.Metric)+" "+text.Percent(r.Change)+" against the baseline")
	}
	for _, x := range d.Anomalies[:min(len(d.Anomalies), 3)] {
		unit := cmp.Or(d.Series.Metrics[x.Metric].Unit, builtinUnits()[x.Metric])
		lines = append(lines, "anomaly: "+text.Clean(x.Metric)+" was "+text.Value(x.Value, unit)+" at "+p.Time(x.At)+", expected about "+text.Value(x.Expected, unit))
	}
	if len(lines) == 0 {
		return
	}
	p.Head("What changed")
	for _, line := range lines {
		p.Text(2, line)
	}
}

// requestTable has figures of requests by endpoint.
func requestTable(p *text.Page, list []perfmon.RequestStats) *text.Table {
	t := &text.Table{Columns: []text.Column{
		{Head: "endpoint", Least: 16}, {Head: "requests", Right: true}, {Head: "rate", Right: true}, {Head: "errors", Right: true},
		{Head: "p50", Right: true}, {Head: "p95", Right: true}, {Head: "p99", Right: true, Wide: true}, {Head: "mean", Right: true, Wide: true},
	}}
	for _, s := range list {
		t.Add(scopeCell(s.Scope), count(s.Requests), number(s.Throughput, "1/s"), number(s.ErrorRate, "%"),
			number(s.P50, "s"), number(s.P95, "s"), number(s.P99, "s"), number(s.Avg, "s"))
	}
	return t
}
