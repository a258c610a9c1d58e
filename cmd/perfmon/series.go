package main

import (
	"cmp"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/backend-prs/perfmon/cmd/perfmon/internal/client"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/text"
)

func (a *app) series() *cobra.Command {
	cmd := tabular(a.verb("series [METRIC]", "The past of metrics, as charts", `
Draws the past of one metric, or of all, for the service, an endpoint or an organization. CSV has a line for each
point.`,
		"series response_time_p95 --hours 6", "series --endpoint 'GET /orders/{id}'", "series --output-format csv > series.csv"))
	q := newQuery(cmd)
	q.instance()
	q.text("endpoint", "endpoint", "of this `route`, such as 'GET /orders/{id}'")
	q.text("organization", "organization", "of this `organization`")
	q.number("hours", "hours", "how far back, in `hours` (default 24)")
	q.text("until", "until", "the window ends at this `time`, such as 2026-03-01T12:00:00Z (default now)")
	q.int("points", "points", "at most so `many` points for each series (default 300)")
	q.text("metric", "metric", "the `metric`, as its argument")
	a.completeMetric(cmd, "metric")
	cmd.Args = cobra.MaximumNArgs(1)
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		return a.metricNames(cmd), cobra.ShellCompDirectiveNoFileComp
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		values := q.values()
		if len(args) > 0 {
			values["metric"] = args[0]
		}
		c, err := a.client()
		if err != nil {
			return err
		}
		s, err := c.Series(cmd.Context(), values)
		if err != nil {
			return err
		}
		return a.show(s.Raw, s.Body.GeneratedAt, seriesTable(s.Body), func(p *text.Page) { writeSeries(p, s.Body) })
	}
	return cmd
}

// writeSeries draws a chart of each metric, or a line where there are many.
func writeSeries(p *text.Page, s client.Series) {
	names := slices.Sorted(maps.Keys(s.Series.Metrics))
	if len(s.Series.Times) == 0 || len(names) == 0 {
		p.Line("No points of %s in the %s up to %s.", text.Clean(s.Scope.String()), text.Hours(s.Hours), p.Time(s.Until))
		return
	}
	if len(names) == 1 {
		column := s.Series.Metrics[names[0]]
		p.Line("%s of %s, %s", p.Bold(text.Clean(names[0])), text.Clean(s.Scope.String()), text.Plural(len(s.Series.Times), "point"))
		p.Chart(text.Chart{Times: s.Series.Times, Values: column.Values, Unit: column.Unit, Height: 10})
		return
	}
	p.Line("%s from %s to %s", p.Bold(text.Clean(s.Scope.String())), p.Time(s.Series.Times[0]), p.Time(s.Series.Times[len(s.Series.Times)-1]))
	t := &text.Table{Columns: []text.Column{{Head: "metric"}, {Head: "last", Right: true}, {Head: "course", Least: 8}}}
	for _, name := range names {
		column := s.Series.Metrics[name]
		last := text.Number(column.Values[len(column.Values)-1], column.Unit)
		t.Add(same(name), text.Cell{Text: last}, text.Cell{Text: text.Spark(column.Values, max(cmp.Or(p.Width, 80)-38, 20))})
	}
	p.Table(t)
}

// seriesTable has a row for each point.
func seriesTable(s client.Series) *text.Table {
	names := slices.Sorted(maps.Keys(s.Series.Metrics))
	t := &text.Table{Columns: []text.Column{{Head: "time", Field: "time"}}}
	for _, name := range names {
		t.Columns = append(t.Columns, text.Column{Head: name, Field: name})
	}
	for i, at := range s.Series.Times {
		row := []text.Cell{{Raw: text.Stamp(at)}}
		for _, name := range names {
			row = append(row, text.Cell{Raw: plain(s.Series.Metrics[name].Values[i])})
		}
		t.Add(row...)
	}
	return t
}
