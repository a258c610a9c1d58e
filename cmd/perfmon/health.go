package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/text"
)

func (a *app) health() *cobra.Command {
	cmd := tabular(a.verb("health", "Health, and the targets of the service", `
Shows whether the service is healthy, and each of its targets with its value. A missed target is no alarm. The exit code
is that of the health.`,
		"health", "health --env production --output-format=json"))
	q := newQuery(cmd)
	q.instance()
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		h, err := c.Health(cmd.Context(), q.values())
		if err != nil {
			return err
		}
		a.exitHealth(h.Body.Status)
		t := targetTable(a.style(), h.Body.Targets)
		return a.show(h.Raw, h.Body.GeneratedAt, t, func(p *text.Page) {
			headline(p, h.Body.Health)
			p.Head("Targets")
			p.Table(t)
		})
	}
	return cmd
}

func targetTable(s text.Style, targets []perfmon.Target) *text.Table {
	t := &text.Table{Columns: []text.Column{
		{Head: "metric", Field: "metric_name"}, {Head: "target", Field: "target", Right: true}, {Field: "comparison"}, {Head: "value", Field: "value", Right: true},
		{Head: "", Field: "met"}, {Head: "over", Field: "over", Least: 10},
	}}
	u := builtinUnits() // targets are of built-in metrics
	for _, g := range targets {
		unit := u[g.Metric]
		sign := "over "
		if g.Comparison == perfmon.Less {
			sign = "under "
		}
		met, raw := s.Dim("not known"), ""
		if g.Met != nil {
			met, raw = s.Yellow("missed"), strconv.FormatBool(*g.Met)
			if *g.Met {
				met = "met"
			}
		}
		t.Add(same(g.Metric), text.Cell{Text: sign + text.Number(g.Limit, unit), Raw: plain(g.Limit)}, text.Cell{Raw: string(g.Comparison)},
			number(g.Value, unit), text.Cell{Text: met, Raw: raw}, same(g.Over))
	}
	return t
}
