package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/client"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/text"
)

func (a *app) thresholds() *cobra.Command {
	cmd := tabular(a.verb("thresholds", "List thresholds, change and try them", `
Lists thresholds. With --metric and what is to be changed, it changes one, as "thresholds set" does; only the fields that
are named change, all of them or none.`,
		"thresholds", "thresholds --metric=response_time_p95 --threshold-type=warning --threshold-value=2.0", "thresholds --metric=error_rate --enable"))
	cmd.Flags().SortFlags = false
	cmd.Flags().String("metric", "", "`metric` of the threshold; alone, it lists those of this metric")
	typ := cmd.Flags().String("threshold-type", "", "`warning` or critical: which limit to set")
	value := cmd.Flags().Float64("threshold-value", 0, "the `limit`, in the metric's unit")
	enable := cmd.Flags().Bool("enable", false, "switch the threshold on")
	disable := cmd.Flags().Bool("disable", false, "switch the threshold off")
	cmd.MarkFlagsMutuallyExclusive("enable", "disable")
	cmd.MarkFlagsRequiredTogether("threshold-type", "threshold-value")
	a.complete(cmd, "threshold-type", func() []string { return []string{"warning", "critical"} })
	a.completeMetric(cmd, "metric")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		change := client.ThresholdChange{Metric: cmd.Flag("metric").Value.String(), Updates: map[string]any{}}
		switch {
		case *typ == "warning" || *typ == "critical":
			change.Updates[*typ+"_threshold"] = *value
		case *typ != "":
			return fmt.Errorf("--threshold-type: %q is not valid: want warning or critical", *typ)
		}
		if *enable || *disable {
			change.Updates["enabled"] = *enable
		}
		switch {
		case len(change.Updates) == 0:
			return a.printThresholds(cmd, change.Metric)
		case change.Metric == "":
			return fmt.Errorf("--metric: it is missing: want the metric whose threshold is to be changed")
		case a.format == "csv":
			return errNoCSV
		}
		return a.putThreshold(cmd, change)
	}
	cmd.AddCommand(a.listThresholds(), a.setThreshold(), a.switchThreshold("enable", true), a.switchThreshold("disable", false), a.removeThreshold(), a.backTest())
	return cmd
}

// errNoCSV refuses CSV where something is changed.
var errNoCSV = fmt.Errorf("--output-format: csv is not valid here: a change has no table; want text or json")

func (a *app) listThresholds() *cobra.Command {
	cmd := tabular(a.verb("list", "List thresholds", "Lists thresholds with the values in force.", "thresholds list --wide"))
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return a.printThresholds(cmd, "") }
	return cmd
}

// printThresholds lists the thresholds of a metric, "" for all. In JSON there are always
// all, as the API has them.
func (a *app) printThresholds(cmd *cobra.Command, metric string) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	list, err := c.Thresholds(cmd.Context())
	if err != nil {
		return err
	}
	var kept []client.Threshold
	for _, t := range list.Body.Thresholds {
		if metric == "" || t.Metric == metric {
			kept = append(kept, t)
		}
	}
	t := thresholdTable(a.style(), a.units(cmd.Context(), c), kept)
	return a.show(list.Raw, a.clock.Now(), t, func(p *text.Page) {
		if t.Len() == 0 {
			p.Line("No thresholds.")
			return
		}
		p.Table(t)
	})
}

// signs write comparisons for people.
var signs = map[perfmon.Comparison]string{perfmon.Greater: ">", perfmon.Less: "<", perfmon.Equal: "="}

func thresholdTable(s text.Style, u units, list []client.Threshold) *text.Table {
	t := &text.Table{Columns: []text.Column{
		{Head: "metric", Field: "metric_name"}, {Head: "for each", Field: "scope"}, {Head: "matching", Field: "applies_to", Least: 8},
		{Head: "", Field: "comparison"}, {Head: "warning", Field: "warning_threshold", Right: true}, {Head: "critical", Field: "critical_threshold", Right: true},
		{Head: "in a row", Field: "consecutive_violations", Right: true}, {Head: "cooldown", Field: "cooldown_minutes", Right: true, Wide: true},
		{Head: "requests", Field: "min_requests", Right: true, Wide: true}, {Head: "absent after", Field: "absent_after_seconds", Right: true, Wide: true},
		{Head: "", Field: "enabled"}, {Head: "runbook", Field: "runbook", Wide: true},
	}}
	for _, x := range list {
		unit := u[x.Metric]
		cooldown := max(x.Cooldown, 0)
		absent := text.Cell{Text: text.Absent}
		if x.AbsentAfter > 0 {
			absent = text.Cell{Text: text.Duration(x.AbsentAfter), Raw: plain(x.AbsentAfter.Seconds())}
		}
		requests := text.Cell{Text: text.Absent}
		if x.MinRequests > 0 {
			requests = count(uint64(x.MinRequests))
		}
		t.Add(same(x.Metric), same(string(x.Scope)), same(x.AppliesTo), text.Cell{Text: signs[x.Comparison], Raw: string(x.Comparison)}, number(x.Warning, unit), number(x.Critical, unit),
			count(uint64(x.ConsecutiveViolations)), text.Cell{Text: text.Duration(cooldown), Raw: plain(cooldown.Minutes())},
			requests, absent, yes(!x.Disabled, "on", s.Yellow("off")), same(x.Runbook))
	}
	return t
}

// which adds the flags that say which threshold is meant, beside its metric.
func (a *app) which(cmd *cobra.Command) {
	cmd.Flags().SortFlags = false
	cmd.Flags().String("scope", "", "what it is about: `service`, endpoint or organization (default service)")
	cmd.Flags().String("applies-to", "", "a `pattern` of endpoints or organizations, such as 'GET /reports/*'")
	a.complete(cmd, "scope", func() []string { return []string{"service", "endpoint", "organization"} })
	cmd.Args = cobra.ExactArgs(1)
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return a.metricNames(cmd), cobra.ShellCompDirectiveNoFileComp
	}
}

// change is the body that flags say, without updates.
func change(cmd *cobra.Command, metric string) client.ThresholdChange {
	return client.ThresholdChange{Metric: metric, Scope: cmd.Flag("scope").Value.String(), AppliesTo: cmd.Flag("applies-to").Value.String()}
}

// updates adds the flags of a threshold's fields. The function that it returns reads
// those that were given.
func (a *app) updates(cmd *cobra.Command) func() (map[string]any, error) {
	f := cmd.Flags()
	f.String("warning", "", "warning `limit` in the metric's unit, or none")
	f.String("critical", "", "critical `limit` in the metric's unit, or none")
	f.String("comparison", "", "what violates a limit: `greater`, less or equal")
	f.String("in-a-row", "", "how `many` violations in a row open an alert, or default")
	f.String("cooldown", "", "how long after an alert opened no other one opens: a `duration` such as 15m, or default")
	f.String("min-requests", "", "how `many` requests a value must rest on, or default")
	f.String("runbook", "", "a `link` to what to do about an alert, or none")
	f.String("absent-after", "", "how long the metric may have no value: a `duration` such as 2m, or never")
	a.complete(cmd, "comparison", func() []string { return []string{"greater", "less", "equal"} })
	return func() (map[string]any, error) {
		updates := map[string]any{}
		for _, field := range []struct {
			flag, name, none string
			unit             time.Duration // of a duration in JSON
		}{
			{"warning", "warning_threshold", "none", 0}, {"critical", "critical_threshold", "none", 0},
			{"comparison", "comparison", "", 0}, {"in-a-row", "consecutive_violations", "default", 0},
			{"cooldown", "cooldown_minutes", "default", time.Minute}, {"min-requests", "min_requests", "default", 0},
			{"absent-after", "absent_after_seconds", "never", time.Second},
			{"runbook", "runbook", "none", asText},
		} {
			given := f.Lookup(field.flag)
			if !given.Changed {
				continue
			}
			v, err := fieldValue(field.flag, given.Value.String(), field.none, field.unit)
			if err != nil {
				return nil, err
			}
			updates[field.name] = v
		}
		return updates, nil
	}
}

// asText stands for the unit of a field that is a text.
const asText = -1

// fieldValue reads the value of a field: none stands for null.
func fieldValue(flag, s, none string, unit time.Duration) (any, error) {
	switch {
	case none == "":
		return s, nil
	case s == none:
		return nil, nil
	case unit == asText:
		return s, nil
	case unit > 0:
		d, err := time.ParseDuration(s)
		if err != nil {
			return nil, fmt.Errorf("--%s: %q is not valid: want a duration such as 15m, or %s", flag, s, none)
		}
		return float64(d) / float64(unit), nil
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return nil, fmt.Errorf("--%s: %q is not valid: want a number, or %s", flag, s, none)
	}
	return v, nil
}

func (a *app) setThreshold() *cobra.Command {
	cmd := a.verb("set METRIC", "Change a threshold, or add one", `
Changes the fields that flags name, all of them or none. Where there is no such threshold, it is added.`,
		"thresholds set response_time_p95 --warning 0.5 --critical 2",
		"thresholds set response_time_p95 --scope endpoint --applies-to 'GET /reports/*' --warning 5 --critical none")
	a.which(cmd)
	read := a.updates(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		to := change(cmd, args[0])
		var err error
		if to.Updates, err = read(); err != nil {
			return err
		}
		if len(to.Updates) == 0 {
			return fmt.Errorf("thresholds set: there is nothing to change: want a flag such as --warning 0.5")
		}
		return a.putThreshold(cmd, to)
	}
	return cmd
}

func (a *app) switchThreshold(name string, on bool) *cobra.Command {
	short := map[bool]string{true: "Switch a threshold on", false: "Switch a threshold off"}[on]
	more := map[bool]string{true: ".", false: ". An open alert of it is resolved."}[on]
	cmd := a.verb(name+" METRIC", short, short+more, "thresholds "+name+" error_rate")
	a.which(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		to := change(cmd, args[0])
		to.Updates = map[string]any{"enabled": on}
		return a.putThreshold(cmd, to)
	}
	return cmd
}

func (a *app) putThreshold(cmd *cobra.Command, to client.ThresholdChange) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	set, err := c.SetThreshold(cmd.Context(), to)
	if err != nil {
		return err
	}
	t := thresholdTable(a.style(), a.units(cmd.Context(), c), []client.Threshold{set.Body.Threshold})
	return a.show(set.Raw, a.clock.Now(), nil, func(p *text.Page) { p.Table(t) })
}

func (a *app) removeThreshold() *cobra.Command {
	cmd := a.verb("remove METRIC", "Remove a threshold", "Removes a threshold. An open alert of it is resolved.",
		"thresholds remove queue_size", "thresholds remove response_time_p95 --scope endpoint --applies-to 'GET /reports/*'")
	a.which(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		which := change(cmd, args[0])
		if err := c.RemoveThreshold(cmd.Context(), client.Query{"metric_name": which.Metric, "scope": which.Scope, "applies_to": which.AppliesTo}); err != nil {
			return err
		}
		return a.show([]byte(`{}`), a.clock.Now(), nil, func(p *text.Page) { p.Line("Removed the threshold of %s.", text.Clean(args[0])) })
	}
	return cmd
}
