package main

import (
	"github.com/spf13/cobra"

	"github.com/backend-prs/perfmon/cmd/perfmon/internal/client"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/text"
)

func (a *app) anomalies() *cobra.Command {
	cmd := tabular(a.verb("anomalies", "Points that do not fit their own past", `
Lists the points that do not fit the past of their metric, newest first. Those of an endpoint or an organization are looked
for when you ask.`,
		"anomalies", `anomalies --endpoint "GET /orders/{id}" --hours 6`))
	q := newQuery(cmd)
	q.text("metric", "metric", "this `metric` alone")
	q.text("endpoint", "endpoint", "of this route `pattern`")
	q.text("organization", "organization", "of this `organization`")
	q.number("hours", "hours", "the last `hours` (default 24)")
	a.completeMetric(cmd, "metric")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		list, err := c.Anomalies(cmd.Context(), q.values())
		if err != nil {
			return err
		}
		t := anomalyTable(a.page(list.Body.GeneratedAt), a.units(cmd.Context(), c), list.Body)
		return a.show(list.Raw, list.Body.GeneratedAt, t, func(p *text.Page) {
			if t.Len() == 0 {
				p.Line("There are none in %s.", text.Hours(list.Body.Hours))
				return
			}
			p.Table(t)
		})
	}
	return cmd
}

func anomalyTable(p *text.Page, u units, list client.Anomalies) *text.Table {
	t := &text.Table{Columns: []text.Column{
		{Head: "at", Field: "at"}, {Head: "metric", Field: "metric_name"}, {Head: "value", Field: "value", Right: true},
		{Head: "expected", Field: "expected", Right: true}, {Head: "score", Field: "score", Right: true},
	}}
	for _, x := range list.Anomalies {
		t.Add(text.Cell{Text: p.Time(x.At), Raw: text.Stamp(x.At)}, same(x.Metric), number(x.Value, u[x.Metric]), number(x.Expected, u[x.Metric]),
			text.Cell{Text: plain(x.Score), Raw: plain(x.Score)})
	}
	return t
}
