package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/client"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/text"
)

func (a *app) events() *cobra.Command {
	const long = "Lists deploys and notes, newest first."
	cmd := a.verb("events", "List deploys and notes, and add them", long, "events", "events add --version v2.3.1", "events add --note 'new database'")
	list := a.verb("list", "List deploys and notes", long, "events list --hours 720 --kind deploy")
	for _, cmd := range []*cobra.Command{cmd, list} {
		a.listEvents(tabular(cmd))
	}
	cmd.AddCommand(list, a.addEvent())
	return cmd
}

func (a *app) listEvents(cmd *cobra.Command) {
	q := newQuery(cmd)
	q.number("hours", "hours", "how far back, in `hours` (default 168)")
	q.text("kind", "kind", "`deploy` or note (default both)")
	q.int("limit", "limit", "at most this `many`, 1 to 1000 (default 100)")
	q.text("cursor", "cursor", "the `place` where an earlier list ended")
	a.complete(cmd, "kind", func() []string { return []string{"deploy", "note"} })
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		list, err := c.Events(cmd.Context(), q.values())
		if err != nil {
			return err
		}
		t := a.eventTable(a.clock.Now(), list.Body.Events)
		return a.show(list.Raw, a.clock.Now(), t, func(p *text.Page) {
			if t.Len() == 0 {
				p.Line("No events.")
				return
			}
			p.Table(t)
			if next := list.Body.NextCursor; next != nil {
				p.Line("")
				p.Line("There are more: --cursor %s", text.Clean(*next))
			}
		})
	}
}

func (a *app) eventTable(now time.Time, list []perfmon.Marker) *text.Table {
	t := &text.Table{Columns: []text.Column{
		{Head: "at", Field: "at"}, {Head: "kind", Field: "kind"}, {Head: "version", Field: "version", Least: 8}, {Head: "title", Field: "title", Least: 10},
		{Head: "by", Field: "by"}, {Head: "id", Field: "event_id", Wide: true},
	}}
	for _, e := range list {
		t.Add(a.moment(now, e.At), same(string(e.Kind)), same(e.Version), same(e.Title), same(e.By), same(e.ID))
	}
	return t
}

func (a *app) addEvent() *cobra.Command {
	cmd := a.verb("add", "Say that something happened now", `
Adds a deploy, with a --version, a --title or both, or a note. It happened now. Charts, reports and the dashboard
show it.`,
		"events add --version v2.3.1 --title 'new checkout'", "events add --note 'cache cleared'")
	cmd.Flags().SortFlags = false
	deployed := cmd.Flags().String("version", "", "the `version` that was deployed")
	title := cmd.Flags().String("title", "", "what the deploy is, a `text`")
	note := cmd.Flags().String("note", "", "a `text`: what else happened")
	cmd.MarkFlagsMutuallyExclusive("version", "note")
	cmd.MarkFlagsMutuallyExclusive("title", "note")
	cmd.MarkFlagsOneRequired("version", "title", "note")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		e := client.NewEvent{Kind: string(perfmon.MarkerDeploy), Version: *deployed, Title: *title}
		if *note != "" {
			e = client.NewEvent{Kind: string(perfmon.MarkerNote), Title: *note}
		}
		added, err := c.AddEvent(cmd.Context(), e)
		if err != nil {
			return err
		}
		t := a.eventTable(added.Body.Event.At, []perfmon.Marker{added.Body.Event})
		return a.show(added.Raw, added.Body.Event.At, nil, func(p *text.Page) { p.Table(t) })
	}
	return cmd
}
