package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/backend-prs/perfmon/cmd/perfmon/internal/client"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/text"
)

func (a *app) silences() *cobra.Command {
	const long = "Lists what holds back notifications of alerts for a while, newest first. Those that are over are kept for 90 days."
	cmd := a.verb("silences", "List silences, add and end them", long,
		"silences --active-only", "silences add --for 2h --reason 'new disks' --metric 'disk_*'", "silences end 01KNCV2NHTPR1QGF3G2QSXS4Q1")
	list := a.verb("list", "List silences", long, "silences list --wide")
	for _, cmd := range []*cobra.Command{cmd, list} {
		a.listSilences(tabular(cmd))
	}
	cmd.AddCommand(list, a.addSilence(), a.endSilence())
	return cmd
}

func (a *app) listSilences(cmd *cobra.Command) {
	q := newQuery(cmd)
	q.bool("active-only", "active_only", "those that are not over")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		list, err := c.Silences(cmd.Context(), q.values())
		if err != nil {
			return err
		}
		t := a.silenceTable(a.clock.Now(), list.Body.Silences)
		return a.show(list.Raw, a.clock.Now(), t, func(p *text.Page) {
			if t.Len() == 0 {
				p.Line("No silences.")
				return
			}
			p.Table(t)
		})
	}
}

func (a *app) silenceTable(now time.Time, list []client.Silence) *text.Table {
	t := &text.Table{Columns: []text.Column{
		{Head: "id", Field: "silence_id"}, {Head: "", Field: "active"}, {Head: "from", Field: "from", Wide: true}, {Head: "until", Field: "until"},
		{Head: "metric", Field: "metric_name", Least: 6}, {Head: "scope", Field: "scope", Wide: true}, {Head: "endpoint", Field: "endpoint", Wide: true},
		{Head: "organization", Field: "organization_id", Wide: true}, {Head: "held", Field: "held_back", Right: true},
		{Head: "by", Field: "by", Wide: true}, {Head: "reason", Field: "reason", Least: 10},
	}}
	for _, s := range list {
		until := s.Until
		if !s.EndedAt.IsZero() {
			until = s.EndedAt
		}
		state := "over"
		if now.Before(s.From) && s.EndedAt.IsZero() {
			state = "to come"
		}
		t.Add(same(s.ID), yes(s.Active, "on", state), a.moment(now, s.From), a.moment(now, until), same(s.Metric), same(string(s.Scope)), same(s.Endpoint),
			same(s.Organization), count(s.HeldBack), same(s.By), same(s.Reason))
	}
	return t
}

func (a *app) addSilence() *cobra.Command {
	cmd := a.verb("add", "Hold back notifications for a while", `
Holds back what notifiers would tell of some alerts: of those that all flags match. Patterns have * for any text. An alert
that is still open when the silence is over is told then.`,
		"silences add --for 2h --reason 'new disks' --metric 'disk_*'",
		"silences add --until 2026-03-01T14:00:00Z --reason 'load test' --endpoint 'GET /reports/*'")
	f := cmd.Flags()
	f.SortFlags = false
	n := client.NewSilence{}
	var length time.Duration
	f.StringVar(&n.Reason, "reason", "", "why, a `text`")
	f.DurationVar(&length, "for", 0, "how long, a `duration` such as 2h")
	f.StringVar(&n.Until, "until", "", "until this `time`, such as 2026-03-01T12:00:00Z")
	f.StringVar(&n.From, "from", "", "from this `time` on (default now)")
	f.StringVar(&n.Metric, "metric", "", "a `pattern` of metrics (default all)")
	f.StringVar(&n.Scope, "scope", "", "`service`, endpoint or organization (default all)")
	f.StringVar(&n.Endpoint, "endpoint", "", "a `pattern` of endpoints (default all)")
	f.StringVar(&n.Organization, "organization", "", "a `pattern` of organizations (default all)")
	cmd.MarkFlagsMutuallyExclusive("for", "until")
	cmd.MarkFlagsOneRequired("for", "until")
	a.complete(cmd, "scope", func() []string { return []string{"service", "endpoint", "organization"} })
	a.completeMetric(cmd, "metric")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if f.Changed("for") {
			minutes := length.Minutes()
			n.Minutes = &minutes
		}
		c, err := a.client()
		if err != nil {
			return err
		}
		added, err := c.AddSilence(cmd.Context(), n)
		if err != nil {
			return err
		}
		return a.showSilence(added)
	}
	return cmd
}

func (a *app) showSilence(s client.Answer[client.SilenceChanged]) error {
	t := a.silenceTable(a.clock.Now(), []client.Silence{s.Body.Silence})
	return a.show(s.Raw, a.clock.Now(), nil, func(p *text.Page) { p.Table(t) })
}

func (a *app) endSilence() *cobra.Command {
	cmd := a.verb("end ID", "End a silence now", "Ends a silence now, or takes back one that has not begun.", "silences end 01KNCV2NHTPR1QGF3G2QSXS4Q1")
	cmd.Args = cobra.ExactArgs(1)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		ended, err := c.EndSilence(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		return a.showSilence(ended)
	}
	return cmd
}
