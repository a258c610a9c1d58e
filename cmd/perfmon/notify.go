package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/text"
)

func (a *app) notify() *cobra.Command {
	const long = "Lists the notifiers, which tell people of alerts, and how each fares. --wide lists what they could not deliver, too."
	cmd := a.verb("notify", "List notifiers, and try them", long, "notify", "notify who response_time_p95 --severity critical", "notify test on-call")
	list := a.verb("list", "List notifiers", long, "notify list --wide")
	for _, cmd := range []*cobra.Command{cmd, list} {
		a.listNotifiers(tabular(cmd))
	}
	cmd.AddCommand(list, a.whoIsTold(), a.testNotifier(), a.resend())
	return cmd
}

func (a *app) listNotifiers(cmd *cobra.Command) {
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		list, err := c.Notifiers(cmd.Context())
		if err != nil {
			return err
		}
		now := a.clock.Now()
		t := notifierTable(a.page(now), list.Body.Notifiers)
		return a.show(list.Raw, now, t, func(p *text.Page) {
			if t.Len() == 0 {
				p.Line("No notifiers.")
				return
			}
			p.Table(t)
			if p.Wide {
				writeDeadLetters(p, list.Body.Notifiers)
			}
		})
	}
}

func notifierTable(p *text.Page, list []perfmon.NotifierStatus) *text.Table {
	t := &text.Table{Columns: []text.Column{
		{Head: "name", Field: "notifier", Least: 8}, {Head: "waiting", Field: "waiting", Right: true}, {Head: "queued", Field: "queued", Right: true, Wide: true},
		{Head: "delivered", Field: "delivered", Right: true}, {Head: "failed", Field: "failed", Right: true}, {Head: "dead", Field: "dead", Right: true},
		{Head: "last success", Field: "last_success"}, {Head: "next try", Field: "next_try", Wide: true}, {Head: "last error", Field: "last_error", Least: 12},
	}}
	at := func(t time.Time) text.Cell {
		if t.IsZero() {
			return text.Cell{Text: text.Absent}
		}
		return text.Cell{Text: p.Time(t), Raw: text.Stamp(t)}
	}
	for _, n := range list {
		t.Add(same(n.Name), count(uint64(n.Waiting)), count(uint64(n.Queued)), count(n.Delivered), count(n.Failed), count(n.Dead),
			at(n.LastSuccess), at(n.NextTry), same(n.LastError))
	}
	return t
}

func writeDeadLetters(p *text.Page, list []perfmon.NotifierStatus) {
	for _, n := range list {
		if len(n.DeadLetters) == 0 {
			continue
		}
		p.Head("Not delivered by %s", text.Clean(n.Name))
		t := &text.Table{Columns: []text.Column{{Head: "given up"}, {Head: "id"}, {Head: "tries", Right: true}, {Head: "title", Least: 20}, {Head: "error", Least: 20}}}
		for _, l := range n.DeadLetters {
			t.Add(text.Cell{Text: p.Time(l.At)}, same(l.ID), count(uint64(l.Tries)), same(l.Title), same(l.Error))
		}
		p.Table(t)
	}
}

func (a *app) whoIsTold() *cobra.Command {
	cmd := tabular(a.verb("who METRIC", "Who would be told of an alert", `
Says which notifiers would be told of an alert at a time, and why: by their routes, the hours of those, and silences.
Nothing is sent.`, "notify who response_time_p95", "notify who error_rate --severity warning --endpoint 'GET /orders/{id}' --at 2026-03-01T03:00:00Z"))
	q := newQuery(cmd)
	q.text("severity", "severity", "`warning` or critical (default critical)")
	q.text("endpoint", "endpoint", "an alert of this `route` (default of the service)")
	q.text("organization", "organization", "an alert of this `organization`")
	q.text("at", "at", "at this `time`, such as 2026-03-01T12:00:00Z (default now)")
	a.complete(cmd, "severity", func() []string { return []string{"warning", "critical"} })
	cmd.Args = cobra.ExactArgs(1)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		values := q.values()
		values["metric"] = args[0]
		who, err := c.WhoIsTold(cmd.Context(), values)
		if err != nil {
			return err
		}
		now := a.clock.Now()
		t := &text.Table{Columns: []text.Column{
			{Head: "notifier", Field: "notifier", Least: 8}, {Head: "told", Field: "told"}, {Head: "later", Field: "later"}, {Head: "why", Field: "why", Least: 20},
			{Head: "silence", Field: "silence_id", Wide: true},
		}}
		for _, told := range who.Body.Notifiers {
			later := text.Cell{Text: text.Absent}
			if !told.Later.IsZero() {
				later = a.moment(now, told.Later)
			}
			t.Add(same(told.Notifier), yes(told.Told, "yes", "no"), later, same(told.Why), same(told.Silence))
		}
		return a.show(who.Raw, now, t, func(p *text.Page) {
			if t.Len() == 0 {
				p.Line("No notifiers.")
				return
			}
			p.Table(t)
		})
	}
	return cmd
}

func (a *app) testNotifier() *cobra.Command {
	cmd := a.verb("test NAME", "Send a test message", `
Sends a test message through a notifier, now and once, and says what became of it. The exit code is 2 where it was not
delivered.`, "notify test on-call")
	cmd.Args = cobra.ExactArgs(1)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		tested, err := c.TestNotifier(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		if !tested.Body.Delivered {
			a.exit(exitCritical)
		}
		return a.show(tested.Raw, a.clock.Now(), nil, func(p *text.Page) {
			if tested.Body.Delivered {
				p.Line("%s has taken the test message.", text.Clean(tested.Body.Notifier))
				return
			}
			p.Text(2, p.Severity("critical", "not delivered")+": "+text.Clean(tested.Body.Error))
		})
	}
	return cmd
}

func (a *app) resend() *cobra.Command {
	cmd := a.verb("resend NAME ID", "Send a message again that could not be delivered", `
Sends a message again that a notifier could not deliver. "notify list --wide" lists those that are kept.`,
		"notify resend on-call 01KNCV2NHTPR1QGF3G2QSXS4Q1")
	cmd.Args = cobra.ExactArgs(2)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		resent, err := c.Resend(cmd.Context(), args[0], args[1])
		if err != nil {
			return err
		}
		return a.show(resent.Raw, a.clock.Now(), nil, func(p *text.Page) { p.Line("%s tries it again.", text.Clean(resent.Body.Notifier)) })
	}
	return cmd
}
