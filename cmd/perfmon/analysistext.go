package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/backend-prs/perfmon/analyze"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/course"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/csvfile"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/text"
)

// shownRows is how many changes and anomalies are shown without --wide.
const shownRows = 10

func writeAnalysis(p *text.Page, name string, r *csvfile.Reader, c *course.Course, t analyze.Trend, worse analyze.Direction) {
	times, values := c.Held()
	columns := p.Bold(text.Clean(r.ValueColumn))
	if r.TimeColumn != "" {
		columns += " by " + text.Clean(r.TimeColumn)
	}
	p.Line("%s of %s: %s from %s to %s", columns, text.Clean(name), text.Plural(c.Len(), "point"),
		p.Time(times[0]), p.Time(times[len(times)-1]))
	var more string
	if !c.Step().IsAbsent() {
		more = "one each " + text.Value(c.Step(), "s")
	}
	if r.Skipped > 0 {
		more = strings.TrimPrefix(more+", ", ", ") + p.Yellow(text.Plural(r.Skipped, "bad row")+" left out")
	}
	if c.Stride() > 1 {
		more += fmt.Sprintf("; held as means of %d, percentiles of a sample of %s", c.Stride(), text.Count(course.Limit))
	}
	if more != "" {
		p.Text(0, more)
	}
	p.Line("")
	summary := c.Summary()
	number := text.Spread(summary.StdDev)
	chart := text.Chart{Times: times, Values: values, FromLeast: true, Number: number}
	for _, x := range t.ChangePoints {
		chart.Marks = append(chart.Marks, x.Time)
	}
	p.Chart(chart)
	writeSummary(p, summary, number)
	writeAnalyzedTrend(p, t, worse, number)
	if s, ok := c.Season(); ok {
		p.Line("rhythm      about every %s, which explains %.0f %% of the variation", text.Duration(s.Period.Round(time.Second)), 100*s.Share)
	} else {
		p.Line("rhythm      none found")
	}
	writeAnomalies(p, c.Anomalies(), number)
}

func writeSummary(p *text.Page, s analyze.Summary, write func(float64) string) {
	number := func(v analyze.Value) text.Cell { return text.Cell{Text: write(v.Float())} }
	t := &text.Table{}
	for _, head := range []string{"mean", "median", "deviation", "min", "p90", "p95", "p99", "max"} {
		t.Columns = append(t.Columns, text.Column{Head: head, Right: true})
	}
	t.Add(number(s.Mean), number(s.Median), number(s.StdDev), number(s.Min), number(s.P90), number(s.P95), number(s.P99), number(s.Max))
	p.Line("")
	p.Table(t)
	if !s.MeanLow.IsAbsent() {
		p.Line("%s", p.Dim("the mean is between "+write(s.MeanLow.Float())+" and "+write(s.MeanHigh.Float())+", 95 %"))
	}
	p.Line("")
}

func writeAnalyzedTrend(p *text.Page, t analyze.Trend, worse analyze.Direction, number func(float64) string) {
	if t.Missing != "" {
		p.Text(12, "trend       not known: "+t.Missing)
		return
	}
	line := "trend       " + p.Severity(string(t.Direction), string(t.Direction)) + " (" + worse.String() + " is worse), confidence " + t.ConfidenceLevel
	if !t.ChangePercent.IsAbsent() {
		line += ": " + text.Percent(t.ChangePercent) + ", 95 % between " + text.Percent(t.ChangeLow) + " and " + text.Percent(t.ChangeHigh)
	}
	p.Text(12, line)
	p.Line("slope       %s per hour", text.Value(t.SlopePerHour, ""))
	shown := t.ChangePoints
	if !p.Wide && len(shown) > shownRows {
		shown = shown[:shownRows]
	}
	for i, x := range shown {
		label := "            "
		if i == 0 {
			label = "changed   ▲ "
		}
		p.Line("%s%s, row %s: %s to %s, %s", label, p.Time(x.Time), text.Count(uint64(x.Index)), number(x.Before.Float()), number(x.After.Float()), text.Percent(x.ChangePercent))
	}
	writeMore(p, len(t.ChangePoints)-len(shown))
	if len(t.ChangePoints) == 0 {
		p.Line("changed     never for good")
	}
}

func writeAnomalies(p *text.Page, list []course.Anomaly, number func(float64) string) {
	if len(list) == 0 {
		p.Line("anomalies   none")
		return
	}
	word := "anomalies"
	if len(list) == 1 {
		word = "anomaly"
	}
	p.Head("%s %s", text.Count(uint64(len(list))), word)
	t := &text.Table{Columns: []text.Column{{Head: "time"}, {Head: "row", Right: true}, {Head: "value", Right: true}, {Head: "expected", Right: true}, {Head: "score", Right: true}}}
	shown := list
	if !p.Wide && len(list) > shownRows { // then the most surprising ones
		shown = slices.Clone(list)
		slices.SortStableFunc(shown, func(a, b course.Anomaly) int { return cmp.Compare(b.Score, a.Score) })
		shown = shown[:shownRows]
	}
	for _, x := range shown {
		t.Add(text.Cell{Text: p.Time(x.Time)}, count(uint64(x.Index)), text.Cell{Text: number(x.Value.Float())}, text.Cell{Text: number(x.Expected.Float())}, text.Cell{Text: fmt.Sprintf("%.2f", x.Score)})
	}
	p.Table(t)
	writeMore(p, len(list)-len(shown))
}

// writeMore says how many rows are left out.
func writeMore(p *text.Page, n int) {
	if n > 0 {
		p.Line("%s", p.Dim("and "+text.Count(uint64(n))+" more: --wide shows all"))
	}
}
