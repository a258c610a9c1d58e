package httpapi

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html"
	"io"
	"math"
	"strings"
	"time"

	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/internal/fill"
)

//go:embed report.html
var pageText string

//go:embed report.css
var pageStyle string

// pageTemplate has the style in it, which is ours; what is filled in is escaped, as text
// and within double quotes alone.
var pageTemplate = fill.Must(fill.Parse(strings.Replace(pageText, "{{.Style}}", pageStyle, 1)))

// reportPolicy lets the page do nothing but use its own style. The page repeats it, for
// when it is opened from a file.
var reportPolicy = func() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"
}()

// reportPage is what the template shows.
type reportPage struct {
	*perfmon.Report
	Policy  string
	Title   string
	Span    string // the window
	Uptime  string
	Recent  string // the window of trends
	Targets []pageTarget
	Changes []string
	Newest  []pageEvent
	Worse   []pageRegression
	// BaselineAt is when the baseline was established; empty where there is none.
	BaselineAt string
	Worst      []pageRequests
	Tenants    []pageRequests
	Listed     []pageAlert
	More       int // alerts that are not listed
	Figures    []pageMetric
	Charts     []chart
}

type pageEvent struct{ Kind, Version, At, By, Title string }

type pageTarget struct{ Metric, Goal, Value, Met, Over string }

type pageRegression struct{ Metric, Before, Now, Change string }

type pageRequests struct{ Name, Requests, Errors, P50, P95, P99, Throughput string }

type pageAlert struct{ Severity, Since, Length, State, Message string }

type pageMetric struct{ Name, Mean, Low, High, P95, Trend string }

// A page lists at most so many alerts and events.
const pageAlerts, pageEvents = 100, 100

// writeReportHTML writes a report as a page that needs nothing else.
func writeReportHTML(w io.Writer, r *perfmon.Report) error {
	p := reportPage{
		Report: r,
		Policy: reportPolicy,
		Title:  fmt.Sprintf("%s: %s report", r.Service.Name, r.Type),
		Span:   moment(r.From) + " to " + moment(r.GeneratedAt) + " UTC (" + length(r.GeneratedAt.Sub(r.From)) + ")",
		Uptime: length(time.Duration(r.Service.UptimeSeconds * float64(time.Second))),
	}
	units := map[string]string{}
	for _, m := range r.Metrics {
		units[m.Metric] = m.Unit
		p.Recent = length(minutes(m.Trend.WindowMinutes)) // the same for all
		if m.Summary.Count == 0 {
			continue
		}
		s := m.Summary
		p.Figures = append(p.Figures, pageMetric{
			m.Metric, figure(s.Mean, m.Unit), figure(s.Min, m.Unit), figure(s.Max, m.Unit), figure(s.P95, m.Unit), string(m.Trend.Direction),
		})
	}
	p.Changes = changes(r)
	newest := r.Events[:min(len(r.Events), pageEvents)]
	for _, e := range newest {
		p.Newest = append(p.Newest, pageEvent{string(e.Kind), e.Version, e.At.UTC().Format("2006-01-02 15:04"), e.By, e.Title})
	}
	if r.Baseline != nil {
		p.BaselineAt = r.Baseline.At.UTC().Format("2006-01-02 15:04")
	}
	for _, t := range r.Health.Targets {
		p.Targets = append(p.Targets, target(t, units[t.Metric]))
	}
	for _, g := range r.Regressions {
		unit := units[g.Metric]
		p.Worse = append(p.Worse, pageRegression{
			g.Metric, figure(perfmon.ValueOf(g.Baseline), unit), figure(perfmon.ValueOf(g.Current), unit), figure(g.Change, "%"),
		})
	}
	p.Worst, p.Tenants = requestRows(r.WorstEndpoints), requestRows(r.Organizations)
	for i, a := range r.Alerts {
		if i == pageAlerts {
			p.More = len(r.Alerts) - i
			break
		}
		p.Listed = append(p.Listed, pageAlert{
			string(a.Severity), a.OpenedAt.UTC().Format("2006-01-02 15:04"), length(time.Duration(a.DurationSeconds * float64(time.Second))), string(a.State), a.Message,
		})
	}
	p.Charts = charts(r, newest)
	var b strings.Builder
	if err := pageTemplate.Write(&b, p, html.EscapeString); err != nil {
		return err
	}
	_, err := w.Write([]byte(b.String()))
	return err
}

// charts draws every metric of a detailed report, and of a summary those that have a
// target and those that got worse.
func charts(r *perfmon.Report, events []perfmon.Marker) []chart {
	s := r.Series.Downsample(chartPoints)
	var list []chart
	var deploys []time.Time
	for _, e := range events {
		if e.Kind == perfmon.MarkerDeploy {
			deploys = append(deploys, e.At)
		}
	}
	for _, m := range r.Metrics {
		column := s.Metrics[m.Metric]
		if m.Summary.Count == 0 || r.Type != perfmon.ReportDetailed && !notable(r, m) {
			continue
		}
		list = append(list, newChart(m.Metric, m.Unit, r.From, r.GeneratedAt, s.Times, column.Values, deploys))
	}
	return list
}

// notable reports whether a summary shows the chart of a metric.
func notable(r *perfmon.Report, m perfmon.ReportMetric) bool {
	return m.Trend.Direction == perfmon.Degrading ||
		slices.ContainsFunc(r.Health.Targets, func(t perfmon.Target) bool { return t.Metric == m.Metric }) ||
		slices.ContainsFunc(r.Regressions, func(g perfmon.Regression) bool { return g.Metric == m.Metric })
}

// changes says in words which metrics are going somewhere.
func changes(r *perfmon.Report) []string {
	var list []string
	for _, m := range r.Metrics {
		t := m.Trend
		if t.Direction == perfmon.Stable || t.Level() == "low" {
			continue
		}
		does := "changed"
		if change, ok := t.ChangePercent.Get(); ok {
			does = "rose"
			if change < 0 {
				does = "fell"
			}
			does += fmt.Sprintf(" by %.3g %%", math.Abs(change))
		}
		text := fmt.Sprintf("%s %s in the last %s compared with the %s before: it is %s (confidence %s).",
			m.Metric, does, length(minutes(t.WindowMinutes)), length(minutes(t.WindowMinutes)), t.Direction, t.Level())
		if n := len(t.ChangePoints); n > 0 {
			last := t.ChangePoints[n-1]
			text += fmt.Sprintf(" Its mean went from %s to %s at %s UTC.", figure(last.Before, m.Unit), figure(last.After, m.Unit), moment(last.Time))
		}
		list = append(list, text)
	}
	return list
}

// target is a row about a health target.
func target(t perfmon.Target, unit string) pageTarget {
	row := pageTarget{t.Metric, "under ", figure(t.Value, unit), "not known", t.Over}
	if t.Comparison == perfmon.Greater {
		row.Goal = "over "
	}
	row.Goal += figure(perfmon.ValueOf(t.Limit), unit)
	if t.Met != nil {
		row.Met = "missed"
		if *t.Met {
			row.Met = "met"
		}
	}
	return row
}

func requestRows(list []perfmon.RequestStats) []pageRequests {
	var rows []pageRequests
	for _, s := range list {
		name := s.Endpoint
		if s.Organization != "" {
			name = s.Organization
		}
		rows = append(rows, pageRequests{
			name, fmt.Sprint(s.Requests), figure(s.ErrorRate, "%"), figure(s.P50, "s"), figure(s.P95, "s"), figure(s.P99, "s"), figure(s.Throughput, "1/s"),
		})
	}
	return rows
}

func minutes(m float64) time.Duration { return time.Duration(m * float64(time.Minute)) }

// moment is a time for people, in UTC.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }

// length is a length of time for people, in its two largest units.
func length(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%.3g s", d.Seconds())
	}
	d = d.Round(time.Second)
	text, parts := "", 0
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}} {
		n := d / unit.length
		if d -= n * unit.length; n > 0 {
			text += fmt.Sprintf(" %d %s", n, unit.name)
		}
		if text != "" {
			parts++
		}
		if parts == 2 {
			break
		}
	}
	return text[1:]
}
