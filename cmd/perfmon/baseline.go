package main

import (
	"cmp"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/client"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/text"
)

func (a *app) baseline() *cobra.Command {
	const long = `
Shows the baseline in force, what is worse than it, and the earlier ones of the last 7 days.`
	cmd := tabular(a.verb("baseline", "Show the baseline, and set it", long+" With --baseline-duration it sets a new one.",
		"baseline", "baseline --baseline-duration=120", "baseline set --baseline-duration 30", `baseline --name "before 2.0"`))
	minutes, name, q := baselineFlag(cmd), nameFlag(cmd), newQuery(cmd)
	q.instance()
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		switch {
		case !cmd.Flags().Changed("baseline-duration"):
			return a.showBaseline(cmd, *name, q)
		case a.format == "csv":
			return errNoCSV
		}
		return a.putBaseline(cmd, *name, minutes)
	}
	show := tabular(a.verb("show", "Show the baseline", long, "baseline show --wide"))
	shown, of := nameFlag(show), newQuery(show)
	of.instance()
	show.RunE = func(cmd *cobra.Command, _ []string) error { return a.showBaseline(cmd, *shown, of) }
	set := a.verb("set", "Make a baseline of the last minutes", `
Makes a baseline of the last minutes. With too few points, or while a metric is shifting, it is refused, and what is
missing is said.`, "baseline set", "baseline set --baseline-duration=120")
	window, called := baselineFlag(set), nameFlag(set)
	set.RunE = func(cmd *cobra.Command, _ []string) error { return a.putBaseline(cmd, *called, window) }
	cmd.AddCommand(show, set)
	return cmd
}

func baselineFlag(cmd *cobra.Command) *float64 {
	return cmd.Flags().Float64("baseline-duration", 0, "of so many `minutes` (default 60)")
}

func nameFlag(cmd *cobra.Command) *string {
	return cmd.Flags().String("name", "", "the newest baseline of this `name`, which raises no alert")
}

func (a *app) showBaseline(cmd *cobra.Command, name string, of *query) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	q := of.values()
	if name != "" {
		q["name"] = name
	}
	b, err := c.Baselines(cmd.Context(), q)
	if err != nil {
		return err
	}
	u := a.units(cmd.Context(), c)
	var t *text.Table
	if b.Body.Current == nil {
		t = baselineTable(u, &perfmon.Baseline{})
	} else {
		t = baselineTable(u, b.Body.Current)
	}
	return a.show(b.Raw, a.clock.Now(), t, func(p *text.Page) {
		if b.Body.Current == nil {
			p.Text(0, "There is no baseline. \"perfmon baseline set\" makes one; \"perfmon test\" says what is missing for it.")
			return
		}
		writeBaselines(p, u, b.Body, t)
	})
}

func (a *app) putBaseline(cmd *cobra.Command, name string, minutes *float64) error {
	if !cmd.Flags().Changed("baseline-duration") {
		minutes = nil
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	set, err := c.SetBaseline(cmd.Context(), name, minutes)
	if err != nil {
		return err
	}
	u := a.units(cmd.Context(), c)
	b := set.Body.Baseline
	return a.show(set.Raw, b.At, nil, func(p *text.Page) {
		writeBaselines(p, u, client.Baselines{Current: &b}, baselineTable(u, &b))
	})
}

func writeBaselines(p *text.Page, u units, b client.Baselines, t *text.Table) {
	p.Line("Baseline of %s up to %s, by %s", text.Hours(b.Current.DurationMinutes/60), p.Time(b.Current.At), text.Clean(b.Current.By))
	if len(b.Regressions) > 0 {
		p.Head("Worse than the baseline")
		worse := &text.Table{Columns: []text.Column{{Head: "metric"}, {Head: "baseline", Right: true}, {Head: "now", Right: true}, {Head: "change", Right: true}, {Head: "counts from", Right: true}, {Head: "p", Right: true}}}
		for _, r := range b.Regressions {
			unit := u[r.Metric]
			worse.Add(text.Cell{Text: p.Yellow(text.Clean(r.Metric))}, text.Cell{Text: text.Number(r.Baseline, unit)}, text.Cell{Text: text.Number(r.Current, unit)},
				percent(r.Change), text.Cell{Text: text.Number(r.Limit, unit)}, text.Cell{Text: text.Probability(r.PValue)})
		}
		p.Table(worse)
	}
	p.Head("Metrics")
	p.Table(t)
	if len(b.History) > 0 {
		p.Head("Earlier")
		for _, e := range b.History {
			called := ""
			if e.Name != "" {
				called = ", " + text.Clean(e.Name)
			}
			p.Line("%s  %s, by %s%s", p.Time(e.At), text.Hours(e.DurationMinutes/60), text.Clean(e.By), called)
		}
	}
}

func baselineTable(u units, b *perfmon.Baseline) *text.Table {
	t := &text.Table{Columns: []text.Column{
		{Head: "metric", Field: "metric_name"}, {Head: "mean", Field: "mean", Right: true}, {Head: "deviation", Field: "std_dev", Right: true}, {Head: "points", Field: "points", Right: true},
	}}
	for _, name := range slices.SortedFunc(maps.Keys(b.Metrics), cmp.Compare[string]) {
		m := b.Metrics[name]
		t.Add(same(name), number(perfmon.ValueOf(m.Mean), u[name]), number(m.StdDev, u[name]), count(uint64(m.Points)))
	}
	return t
}
