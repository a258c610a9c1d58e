package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/text"
)

func (a *app) backTest() *cobra.Command {
	cmd := tabular(a.verb("backtest METRIC", "When a threshold would have fired", `
Shows when a threshold would have opened alerts, as it is or with the fields that flags name. It changes nothing.`,
		"thresholds backtest response_time_p95 --hours 24 --warning 0.3"))
	a.which(cmd)
	window := cmd.Flags().Float64("hours", 0, "how far back, in `hours` (default 24)")
	read := a.updates(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		to := change(cmd, args[0])
		var err error
		if to.Updates, err = read(); err != nil {
			return err
		}
		if cmd.Flags().Changed("hours") {
			to.Hours = window
		}
		c, err := a.client()
		if err != nil {
			return err
		}
		b, err := c.BackTest(cmd.Context(), to)
		if err != nil {
			return err
		}
		t := a.firingTable(b.Body.GeneratedAt, a.units(cmd.Context(), c)[args[0]], b.Body.Firings)
		return a.show(b.Raw, b.Body.GeneratedAt, t, func(p *text.Page) {
			if t.Len() == 0 {
				p.Line("It would not have fired in the last %s.", text.Hours(b.Body.Hours))
				return
			}
			p.Line("It would have fired %s in the last %s:", text.Plural(t.Len(), "time"), text.Hours(b.Body.Hours))
			p.Line("")
			p.Table(t)
		})
	}
	return cmd
}

func (a *app) firingTable(now time.Time, unit string, list []perfmon.Firing) *text.Table {
	s := a.style()
	t := &text.Table{Columns: []text.Column{
		{Head: "from", Field: "from"}, {Head: "to", Field: "to"}, {Head: "for", Right: true}, {Head: "severity", Field: "severity"},
		{Head: "value", Field: "value", Right: true}, {Head: "of", Least: 10}, {Field: "endpoint"}, {Field: "organization_id"},
	}}
	for _, f := range list {
		to, end := a.moment(now, f.To), f.To
		if f.To.IsZero() {
			to, end = text.Cell{Text: "still open"}, now
		}
		t.Add(a.moment(now, f.From), to, text.Cell{Text: text.Duration(end.Sub(f.From))}, graded(s, string(f.Severity)),
			number(f.Value, unit), scopeCell(f.Scope), text.Cell{Raw: f.Endpoint}, text.Cell{Raw: f.Organization})
	}
	return t
}
