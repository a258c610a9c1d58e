package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/client"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/text"
)

func (a *app) alerts() *cobra.Command {
	const long = `
Lists alerts, newest first. The exit code is that of the worst active alert on the list.`
	examples := []string{
		"alerts --hours=24", "alerts --severity=critical --active-only", "alerts --metric error_rate --output-format csv",
		"alerts acknowledge 01KNCV2NHTPR1QGF3G2QSXS4Q1",
	}
	cmd := a.verb("alerts", "List alerts, and act on them", long, examples...)
	list := a.verb("list", "List alerts", long, "alerts list --hours=24 --wide", "alerts list --endpoint 'GET /orders/{id}'")
	for _, cmd := range []*cobra.Command{cmd, list} {
		a.listAlerts(tabular(cmd))
	}
	cmd.AddCommand(list, a.showAlert(),
		a.act("acknowledge", "Say that somebody is at an alert", "It stays active, and reminders stop."),
		a.act("dismiss", "Take alerts off the active list", "A dismissed alert does not come back until its value has recovered."),
		a.act("escalate", "Make warnings critical", "People are notified of it."))
	return cmd
}

func (a *app) listAlerts(cmd *cobra.Command) {
	q := newQuery(cmd)
	q.number("hours", "hours", "alerts that changed in the last `hours`, and all active ones (default 24)")
	q.text("until", "until", "the window ends at this `time`, such as 2026-03-01T12:00:00Z (default now)")
	q.text("severity", "severity", "`warning` or critical (default both)")
	q.bool("active-only", "active_only", "those that are open or acknowledged")
	q.text("metric", "metric", "alerts of this `metric`")
	q.text("endpoint", "endpoint", "alerts of this `route`, such as 'GET /orders/{id}'")
	q.int("limit", "limit", "at most this `many`, 1 to 1000 (default 100)")
	q.text("cursor", "cursor", "the `place` where an earlier list ended")
	a.complete(cmd, "severity", func() []string { return []string{"warning", "critical"} })
	a.completeMetric(cmd, "metric")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		list, err := c.Alerts(cmd.Context(), q.values())
		if err != nil {
			return err
		}
		for _, alert := range list.Body.Alerts {
			a.exitAlert(alert)
		}
		t := a.alertTable(list.Body)
		return a.show(list.Raw, a.clock.Now(), t, func(p *text.Page) {
			if t.Len() == 0 {
				p.Line("No alerts.")
				return
			}
			a.writeAlerts(p, list.Body)
			if next := list.Body.NextCursor; next != nil {
				p.Line("")
				p.Line("There are more: --cursor %s", text.Clean(*next))
			}
		})
	}
}

// exitAlert takes an active alert into the exit code.
func (a *app) exitAlert(alert perfmon.Alert) {
	switch {
	case !alert.Active():
	case alert.Severity == perfmon.Critical:
		a.exit(exitCritical)
	default:
		a.exit(exitWarning)
	}
}

func (a *app) alertTable(list client.Alerts) *text.Table {
	s := a.style()
	t := &text.Table{Columns: []text.Column{
		{Head: "opened", Field: "timestamp"}, {Head: "severity", Field: "severity"}, {Head: "state", Field: "state"},
		{Head: "id", Field: "alert_id"}, {Head: "message", Least: 20},
		{Field: "metric_name"}, {Head: "endpoint", Field: "endpoint", Wide: true}, {Head: "organization", Field: "organization_id", Wide: true},
		{Head: "value", Field: "current_value", Right: true, Wide: true}, {Head: "limit", Field: "threshold_value", Right: true, Wide: true},
		{Field: "unit"}, {Head: "changed", Field: "updated_at", Wide: true}, {Head: "reopened", Field: "reopened", Right: true, Wide: true}, {Field: "message"},
		{Head: "silenced until", Field: "silenced_until", Wide: true},
	}}
	now := a.clock.Now()
	for _, x := range list.Alerts {
		severity := graded(s, string(x.Severity))
		if !x.Active() {
			severity = same(string(x.Severity)) // colours are for what is going on
		}
		t.Add(a.moment(now, x.OpenedAt), severity, graded(s, string(x.State)), same(x.ID), text.Cell{Text: text.Clean(x.Message)},
			text.Cell{Raw: x.Metric}, same(x.Endpoint), same(x.Organization), number(x.Value, x.Unit), number(x.Threshold, x.Unit),
			text.Cell{Raw: x.Unit}, a.moment(now, x.UpdatedAt), count(uint64(x.Reopened)), text.Cell{Raw: x.Message}, a.silencedUntil(now, list.Silenced, x.ID))
	}
	return t
}

// silencedUntil is a cell that says until when an alert is silenced, empty where it is not.
func (a *app) silencedUntil(now time.Time, silenced map[string]client.Silenced, id string) text.Cell {
	if s, ok := silenced[id]; ok {
		return a.moment(now, s.Until)
	}
	return text.Cell{}
}

// narrow is the width below which the message of an alert has lines of its own.
const narrow = 140

// writeAlerts lists alerts as a table, or where that is too narrow for messages in two
// lines or more.
func (a *app) writeAlerts(p *text.Page, list client.Alerts) {
	if p.Wide || p.Width == 0 || p.Width >= narrow {
		p.Table(a.alertTable(list))
		return
	}
	for _, x := range list.Alerts {
		severity := text.Pad(string(x.Severity), 8)
		if x.Active() {
			severity = p.Severity(string(x.Severity), severity)
		}
		p.Line("%s  %s  %s  %s", text.Pad(p.Time(x.OpenedAt), 12), severity, p.Severity(string(x.State), text.Pad(string(x.State), 12)), x.ID)
		p.Hang(" ", 14, text.Clean(x.Message))
		if s, ok := list.Silenced[x.ID]; ok {
			p.Hang(" ", 14, "silenced until "+p.Time(s.Until))
		}
	}
}

func (a *app) showAlert() *cobra.Command {
	cmd := a.verb("show ID", "One alert, with all that happened to it", "Shows one alert, with all that happened to it.",
		"alerts show 01KNCV2NHTPR1QGF3G2QSXS4Q1")
	cmd.Args = cobra.ExactArgs(1)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		one, err := c.Alert(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		a.exitAlert(one.Body.Alert)
		return a.show(one.Raw, a.clock.Now(), nil, func(p *text.Page) { a.writeAlert(p, one.Body) })
	}
	return cmd
}

func (a *app) writeAlert(p *text.Page, one client.Alert) {
	x := one.Alert
	p.Text(2, p.Severity(string(x.Severity), string(x.Severity))+": "+text.Clean(x.Message))
	p.Line("")
	row := func(name, value string) {
		if value != "" {
			p.Hang(p.Dim(name), 14, value)
		}
	}
	row("id", x.ID)
	row("state", p.Severity(string(x.State), string(x.State)))
	row("about", text.Clean(x.Metric+" of "+x.Scope.String()))
	row("cause", string(x.Cause))
	row("value", text.Value(x.Value, x.Unit)+", limit "+text.Value(x.Threshold, x.Unit))
	row("user", text.Clean(x.UserID))
	if x.Reopened > 0 {
		row("reopened", text.Plural(x.Reopened, "time"))
	}
	if x.Quiet {
		row("quiet", "nobody was notified of it")
	}
	if one.Silenced != nil {
		row("silenced", "until "+p.Time(one.Silenced.Until)+" "+one.Silenced.ID)
	}
	if data, err := x.Metadata.MarshalJSON(); err == nil && len(x.Metadata.Map()) > 0 {
		row("metadata", text.Clean(string(data)))
	}
	p.Head("What happened")
	t := &text.Table{Columns: []text.Column{{Head: "at"}, {Head: "change"}, {Head: "by"}, {Head: "severity"}, {Head: "value", Right: true}, {Head: "limit", Right: true}, {Head: "note", Least: 10}}}
	for _, c := range x.Changes {
		t.Add(a.moment(p.Now, c.At), same(string(c.Change)), same(c.By), graded(p.Style, string(c.Severity)), number(c.Value, x.Unit), number(c.Threshold, x.Unit), same(c.Note))
	}
	p.Table(t)
}

func (a *app) act(action, short, more string) *cobra.Command {
	cmd := a.verb(action+" ID...", short, short+". "+more+" Alerts that are over, or not there, do not keep the others from it; the exit code is 3 then.",
		"alerts "+action+" 01KNCV2NHTPR1QGF3G2QSXS4Q1",
		fmt.Sprintf("alerts --active-only --output-format csv | cut -d, -f4 | sed 1d | xargs perfmon alerts %s", action))
	cmd.Args = cobra.MinimumNArgs(1)
	cmd.RunE = func(cmd *cobra.Command, ids []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		acted, err := c.Act(cmd.Context(), action, ids...)
		if err != nil {
			return err
		}
		t := &text.Table{Columns: []text.Column{{Head: "id"}, {Head: "result"}, {Head: "", Least: 20}}}
		for _, r := range acted.Body.Results {
			said := r.Detail
			if said == "" && r.Alert != nil {
				said = r.Alert.Message
			}
			switch r.Result {
			case "not_active", "not_found", "forbidden", "failed":
				a.exit(exitUnknown)
			}
			t.Add(same(r.ID), same(r.Result), same(said))
		}
		return a.show(acted.Raw, a.clock.Now(), nil, func(p *text.Page) { p.Table(t) })
	}
	return cmd
}
