package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/client"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/text"
)

func (a *app) status() *cobra.Command {
	cmd := a.verb("status", "Whether the service is well, and whether it is watched", `
Shows in a few lines whether the service is well, and whether the monitor has what it needs: fresh metrics,
thresholds, history and a baseline. The exit code is that of the health.

JSON is an object with the answers of two calls of the API: "health" and "diagnostics".`,
		"status", "status --output-format=json")
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
		d, err := c.Diagnostics(cmd.Context())
		if err != nil {
			return err
		}
		raw, err := json.Marshal(map[string]json.RawMessage{"health": h.Raw, "diagnostics": d.Raw})
		if err != nil {
			return err
		}
		a.exitHealth(h.Body.Status)
		return a.show(raw, h.Body.GeneratedAt, nil, func(p *text.Page) { writeStatus(p, h.Body, d.Body) })
	}
	return cmd
}

func writeStatus(p *text.Page, h client.Health, d perfmon.Diagnostics) {
	headline(p, h.Health)
	p.Line("")
	row := func(name, format string, args ...any) {
		p.Hang(p.Dim(name), 13, fmt.Sprintf(format, args...))
	}
	row("monitor", "%s", monitorLine(p, d))
	row("metrics", "%s", metricsLine(d))
	row("history", "%s of %s, of %s kept", text.Plural(d.Points, "point"), text.Seconds(d.IntervalSeconds), text.Hours(d.RetentionHours))
	row("thresholds", "%s", thresholdsLine(d))
	row("alerts", "%d active, %d held", d.Alerts.Active, d.Alerts.Held)
	for _, s := range d.Analyses {
		state := "ready"
		if !s.Ready {
			state = p.Yellow("not ready") + ": it needs " + s.Needs + "; it has " + s.Has
		}
		row(s.Analysis, "%s", state)
	}
	store := d.Store.Kind
	if d.Store.Failure != "" {
		store = p.Red("fails") + ": " + text.Clean(d.Store.Failure)
	}
	row("store", "%s", store)
	for _, c := range d.Collectors {
		if c.LastError != "" && c.Failures > 0 {
			row("collector", "%s failed %s of %s runs: %s", text.Clean(c.Name), text.Count(c.Failures), text.Count(c.Runs), text.Clean(c.LastError))
		}
	}
}

// headline says how the service is.
func headline(p *text.Page, h perfmon.Health) {
	p.Text(2, p.Severity(string(h.Status), text.Clean(string(h.Status)))+": "+text.Clean(h.Reason))
	if !h.Since.IsZero() {
		p.Line("  %s", p.Dim("since "+p.Time(h.Since)+", "+p.Ago(h.Since)))
	}
	if h.Store != "" {
		p.Text(2, p.Yellow("The store: ")+text.Clean(h.Store))
	}
}

func monitorLine(p *text.Page, d perfmon.Diagnostics) string {
	switch {
	case d.Closed:
		return p.Red("closed")
	case !d.Enabled:
		return p.Yellow("not enabled: nothing is recorded")
	case d.Started.IsZero():
		return p.Yellow("not started")
	}
	up := d.Time.Sub(d.Started)
	return fmt.Sprintf("on for %s, a step each %s", text.Duration(up), text.Duration(time.Duration(d.StepSeconds*1e9)))
}

func metricsLine(d perfmon.Diagnostics) string {
	fed, oldest := 0, 0.0
	for _, m := range d.Metrics {
		if m.Fed {
			fed++
			if age, ok := m.AgeSeconds.Get(); ok {
				oldest = max(oldest, age)
			}
		}
	}
	line := fmt.Sprintf("%d of %d have values", fed, len(d.Metrics))
	if fed > 0 {
		line += ", at most " + text.Seconds(oldest) + " old"
	}
	return line
}

// thresholdsLine counts thresholds by their state.
func thresholdsLine(d perfmon.Diagnostics) string {
	count := map[string]int{}
	for _, t := range d.Thresholds {
		count[t.State]++
	}
	line := fmt.Sprintf("%d watched", len(d.Thresholds))
	for _, state := range []string{"clear", "open", "acknowledged", "dismissed", "resolved"} {
		if n := count[state]; n > 0 {
			line += fmt.Sprintf(", %d %s", n, state)
		}
	}
	return line
}
