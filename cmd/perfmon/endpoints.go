package main

import (
	"github.com/spf13/cobra"

	"github.com/backend-prs/perfmon/cmd/perfmon/internal/client"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/text"
)

func (a *app) endpoints() *cobra.Command {
	cmd := tabular(a.verb("endpoints", "All endpoints beside each other", `
Lists the endpoints that had requests: first the one that most of all time was spent on.`,
		"endpoints --hours 1", "endpoints --output-format csv > endpoints.csv"))
	q := newQuery(cmd)
	q.instance()
	q.number("hours", "hours", "how far back, in `hours` (default 24)")
	q.int("points", "points", "so `many` points for each series, 1 to 300 (default 60)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		e, err := c.Endpoints(cmd.Context(), q.values())
		if err != nil {
			return err
		}
		t := endpointTable(e.Body)
		return a.show(e.Raw, e.Body.GeneratedAt, t, func(p *text.Page) {
			if t.Len() == 0 {
				p.Line("No requests in the last %s.", text.Hours(e.Body.Hours))
				return
			}
			p.Table(t)
		})
	}
	return cmd
}

func endpointTable(e client.Endpoints) *text.Table {
	t := &text.Table{Columns: []text.Column{
		{Head: "endpoint", Field: "endpoint", Least: 22}, {Head: "time", Field: "share", Right: true}, {Head: "requests", Field: "requests", Right: true},
		{Field: "errors"}, {Head: "rate", Field: "throughput_rps", Right: true}, {Head: "errors", Field: "error_rate", Right: true},
		{Head: "p50", Field: "response_time_p50", Right: true, Wide: true}, {Head: "p95", Field: "response_time_p95", Right: true},
		{Head: "p99", Field: "response_time_p99", Right: true, Wide: true}, {Head: "mean", Field: "response_time_avg", Right: true, Wide: true},
		{Head: "course of p95", Least: 8},
	}}
	for _, x := range e.Endpoints {
		t.Add(same(x.Endpoint), number(x.Share, "%"), count(x.Requests), text.Cell{Raw: count(x.Errors).Raw}, number(x.Throughput, "1/s"),
			number(x.ErrorRate, "%"), number(x.P50, "s"), number(x.P95, "s"), number(x.P99, "s"), number(x.Avg, "s"),
			text.Cell{Text: text.Spark(x.Series.P95, 20)})
	}
	return t
}
