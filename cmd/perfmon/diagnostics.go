package main

import (
	"github.com/spf13/cobra"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/text"
)

func (a *app) diagnostics() *cobra.Command {
	cmd := a.verb("diagnostics", "Why there is, or is not, a figure or an alert", `
Shows of each metric what feeds it, of each threshold what holds it back, and how collectors, callbacks and the store
fare.`, "diagnostics", "diagnostics --wide")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		d, err := c.Diagnostics(cmd.Context())
		if err != nil {
			return err
		}
		u := a.units(cmd.Context(), c)
		return a.show(d.Raw, d.Body.Time, nil, func(p *text.Page) { writeDiagnostics(p, u, d.Body) })
	}
	return cmd
}

func writeDiagnostics(p *text.Page, u units, d perfmon.Diagnostics) {
	p.Line("The monitor is %s.", monitorLine(p, d))
	p.Head("Metrics")
	t := &text.Table{Columns: []text.Column{{Head: "metric"}, {Head: "value", Right: true}, {Head: "age", Right: true}, {Head: "fed by", Least: 20}}}
	for _, m := range d.Metrics {
		age := text.Absent
		if s, ok := m.AgeSeconds.Get(); ok {
			age = text.Seconds(s)
		}
		t.Add(same(m.Metric), number(m.Value, u[m.Metric]), text.Cell{Text: age}, same(m.By))
	}
	p.Table(t)
	p.Head("Thresholds")
	t = &text.Table{Columns: []text.Column{{Head: "metric"}, {Head: "of", Least: 8}, {Head: "run", Right: true}, {Head: "state"}, {Head: "why", Least: 20}}}
	for _, x := range d.Thresholds {
		of := x.Scope.String()
		if x.AppliesTo != "" {
			of = x.AppliesTo
		}
		t.Add(same(x.Metric), same(of), text.Cell{Text: plain(float64(x.Run)) + "/" + plain(float64(x.Needed))}, graded(p.Style, x.State), same(x.Why))
	}
	p.Table(t)
	writeWorkings(p, d)
}

// writeWorkings shows how what a monitor is made of fares.
func writeWorkings(p *text.Page, d perfmon.Diagnostics) {
	if len(d.Collectors) > 0 {
		p.Head("Collectors")
		t := &text.Table{Columns: []text.Column{{Head: "name", Least: 10}, {Head: "runs", Right: true}, {Head: "failed", Right: true}, {Head: "timed out", Right: true}, {Head: "took", Right: true}, {Head: "last error", Least: 12}}}
		for _, c := range d.Collectors {
			t.Add(same(c.Name), count(c.Runs), count(c.Failures), count(c.Timeouts), text.Cell{Text: text.Number(c.LastSeconds, "s")}, same(c.LastError))
		}
		p.Table(t)
	}
	if len(d.Subscribers) > 0 {
		p.Head("Callbacks")
		t := &text.Table{Columns: []text.Column{{Head: "to"}, {Head: "callback", Least: 20}, {Head: "waiting", Right: true}, {Head: "delivered", Right: true}, {Head: "dropped", Right: true}, {Head: "panics", Right: true}}}
		for _, s := range d.Subscribers {
			t.Add(same(s.To), same(s.Callback), count(uint64(s.Queued)), count(s.Delivered), count(s.Dropped), count(s.Panics))
		}
		p.Table(t)
	}
	if len(d.Notifiers) > 0 {
		p.Head("Notifiers")
		p.Table(notifierTable(p, d.Notifiers))
	}
	p.Head("Tables")
	for _, t := range d.Tables {
		p.Line("%s  %d of %d used, %s folded", text.Clean(t.Table), t.Used, t.Limit, text.Plural(int(t.Folded), "response"))
	}
	p.Head("Analyses")
	for _, s := range d.Analyses {
		state := "ready"
		if !s.Ready {
			state = p.Yellow("not ready") + ", needs " + text.Clean(s.Needs)
		}
		p.Text(2, text.Clean(s.Analysis)+": "+state+"; has "+text.Clean(s.Has))
	}
}
