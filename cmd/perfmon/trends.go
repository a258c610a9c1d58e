package main

import (
	"github.com/spf13/cobra"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/client"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/text"
)

func (a *app) trends() *cobra.Command {
	cmd := tabular(a.verb("trends", "Whether metrics get better or worse", `
Compares the last window of each metric, an hour by default, with the one before it. With --metric it draws both
windows, with a mark where the level changed for good.`,
		"trends", "trends --metric response_time_p95 --hours 6"))
	q := newQuery(cmd)
	q.instance()
	q.text("metric", "metric", "this `metric` alone")
	q.number("hours", "hours", "the window, in `hours` (default 1)")
	q.int("points", "points", "at most so `many` points for each series (default 300)")
	a.completeMetric(cmd, "metric")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		values := q.values()
		list, err := c.Trends(cmd.Context(), values)
		if err != nil {
			return err
		}
		t := trendTable(a.style(), list.Body)
		return a.show(list.Raw, list.Body.GeneratedAt, t, func(p *text.Page) {
			if t.Len() == 0 {
				p.Line("No metric has points yet.")
				return
			}
			p.Table(t)
			if x := list.Body.Trends[0]; x.Missing != "" && values["metric"] == "" {
				p.Line("")
				p.Text(0, p.Dim("not known: "+text.Clean(x.Missing)))
			}
			if values["metric"] != "" {
				writeTrend(p, list.Body)
			}
		})
	}
	return cmd
}

func trendTable(s text.Style, list client.Trends) *text.Table {
	t := &text.Table{Columns: []text.Column{
		{Head: "metric", Field: "metric_name"}, {Head: "direction", Field: "direction"}, {Head: "confidence", Field: "confidence"},
		{Head: "change", Field: "change_percent", Right: true}, {Field: "change_low"}, {Field: "change_high"}, {Head: "95 % between", Right: true},
		{Head: "per hour", Field: "slope_per_hour", Right: true, Wide: true}, {Head: "p", Field: "p_value", Right: true, Wide: true},
		{Head: "points", Field: "points", Right: true}, {Head: "missing", Field: "missing", Wide: true},
	}}
	for _, x := range list.Trends {
		between := text.Absent
		if !x.ChangeLow.IsAbsent() {
			between = text.Percent(x.ChangeLow) + " … " + text.Percent(x.ChangeHigh)
		}
		unit := list.Series.Metrics[x.Metric].Unit
		direction := graded(s, string(x.Direction))
		if x.Missing != "" {
			direction.Text = s.Dim("not known")
		}
		t.Add(same(x.Metric), direction, text.Cell{Text: x.ConfidenceLevel, Raw: plain(x.Confidence)}, percent(x.ChangePercent),
			text.Cell{Raw: text.Plain(x.ChangeLow)}, text.Cell{Raw: text.Plain(x.ChangeHigh)}, text.Cell{Text: between},
			number(x.SlopePerHour, unit), text.Cell{Text: text.Probability(x.PValue), Raw: text.Plain(x.PValue)}, count(uint64(x.Points)), same(x.Missing))
	}
	return t
}

// writeTrend draws the metric of a trend.
func writeTrend(p *text.Page, list client.Trends) {
	x := list.Trends[0]
	column := list.Series.Metrics[x.Metric]
	if x.Missing != "" {
		p.Line("")
		p.Text(0, "It cannot be told: "+text.Clean(x.Missing))
	}
	p.Head("%s, the last %s", text.Clean(x.Metric), text.Hours(2*list.Hours))
	chart := text.Chart{Times: list.Series.Times, Values: column.Values, Unit: column.Unit}
	for _, c := range x.ChangePoints {
		chart.Marks = append(chart.Marks, c.Time)
	}
	p.Chart(chart)
	writeChangePoints(p, x, column.Unit)
}

func writeChangePoints(p *text.Page, x perfmon.Trend, unit string) {
	if len(x.ChangePoints) == 0 {
		return
	}
	p.Line("")
	for _, c := range x.ChangePoints {
		p.Line("▲ %s  from %s to %s, %s", p.Time(c.Time), text.Value(c.Before, unit), text.Value(c.After, unit), text.Percent(c.ChangePercent))
	}
}
