package main

import (
	"github.com/spf13/cobra"

	"github.com/backend-prs/perfmon/cmd/perfmon/internal/text"
)

func (a *app) metrics() *cobra.Command {
	cmd := tabular(a.verb("metrics", "What is measured", "Lists all metrics, with or without values.", "metrics", "metrics --output-format csv"))
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		list, err := c.Metrics(cmd.Context())
		if err != nil {
			return err
		}
		t := &text.Table{Columns: []text.Column{
			{Head: "metric", Field: "metric_name"}, {Head: "unit", Field: "unit"}, {Head: "kind", Field: "kind"}, {Head: "worse when", Field: "worse_when"},
			{Field: "builtin"}, {Head: "", Field: "help", Least: 20},
		}}
		for _, m := range list.Body.Metrics {
			t.Add(same(m.Name), same(m.Unit), same(m.Kind.String()), same(m.Worse.String()), yes(m.BuiltIn, "", ""), same(m.Help))
		}
		return a.show(list.Raw, a.clock.Now(), t, func(p *text.Page) { p.Table(t) })
	}
	return cmd
}
