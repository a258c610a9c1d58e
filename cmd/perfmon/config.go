package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/backend-prs/perfmon/cmd/perfmon/internal/client"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/text"
)

func (a *app) config() *cobra.Command {
	const long = "Shows the settings in force, and where each comes from."
	cmd := tabular(a.verb("config", "Show settings, and change them", long, "config --output-format=json", "config get alert_cooldown_minutes", "config set alert_cooldown_minutes=5 trend_analysis=false"))
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return a.printConfig(cmd, nil) }
	get := tabular(a.verb("get [NAME...]", "Show settings", long+" Names pick some; with one name, text is the value alone.", "config get", "config get retention_hours"))
	get.Args = cobra.ArbitraryArgs
	get.RunE = a.printConfig
	cmd.AddCommand(get, a.setConfig())
	return cmd
}

func (a *app) printConfig(cmd *cobra.Command, names []string) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	got, err := c.Config(cmd.Context())
	if err != nil {
		return err
	}
	values, err := settingValues(got.Body)
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, ok := values[name]; !ok {
			return fmt.Errorf("config: %q is not valid: want one of %s", name, join(slices.Sorted(maps.Keys(values))))
		}
	}
	if len(names) == 1 && a.format == "text" {
		_, err := fmt.Fprintln(a.out, text.Clean(string(values[names[0]])))
		return err
	}
	t := a.configTable(got.Body, values, names)
	return a.show(got.Raw, a.clock.Now(), t, func(p *text.Page) { p.Table(t) })
}

// settingValues returns the settings by name, as JSON.
func settingValues(c client.Config) (map[string]json.RawMessage, error) {
	data, err := json.Marshal(c.Settings)
	if err != nil {
		return nil, err
	}
	values := map[string]json.RawMessage{}
	return values, json.Unmarshal(data, &values)
}

// configTable has the settings that are named, or all.
func (a *app) configTable(c client.Config, values map[string]json.RawMessage, names []string) *text.Table {
	t := &text.Table{Columns: []text.Column{
		{Head: "setting", Field: "setting"}, {Head: "value", Field: "value", Right: true, Least: 10}, {Head: "from", Field: "source"}, {Head: "", Least: 10},
		{Field: "variable"}, {Field: "by"}, {Field: "at"},
	}}
	if len(names) == 0 {
		names = slices.Sorted(maps.Keys(values))
	}
	now := a.clock.Now()
	for _, name := range names {
		o := c.Origins[name]
		more := o.Variable
		if !o.At.IsZero() {
			more = strings.TrimSpace(a.page(now).Time(o.At) + " " + o.By)
		}
		t.Add(same(name), same(string(values[name])), same(string(o.Source)), text.Cell{Text: text.Clean(more)},
			text.Cell{Raw: o.Variable}, text.Cell{Raw: o.By}, text.Cell{Raw: text.Stamp(o.At)})
	}
	return t
}

func (a *app) setConfig() *cobra.Command {
	cmd := a.verb("set NAME=VALUE...", "Change settings", `
Changes settings, all that are named or none. Names and units are those of "config"; the sensitivity of a single metric
is sensitivities.METRIC, and null takes it away.`,
		"config set alert_cooldown_minutes=5 consecutive_violations=2", "config set sensitivities.error_rate=0.3", "config set sensitivities.error_rate=null")
	cmd.Args = cobra.MinimumNArgs(1)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		updates, err := settingUpdates(args)
		if err != nil {
			return err
		}
		c, err := a.client()
		if err != nil {
			return err
		}
		set, err := c.SetConfig(cmd.Context(), updates)
		if err != nil {
			return err
		}
		values, err := settingValues(set.Body)
		if err != nil {
			return err
		}
		names := slices.Sorted(maps.Keys(updates))
		t := a.configTable(set.Body, values, names)
		return a.show(set.Raw, a.clock.Now(), nil, func(p *text.Page) { p.Table(t) })
	}
	return cmd
}

// settingUpdates reads NAME=VALUE.
func settingUpdates(args []string) (map[string]json.RawMessage, error) {
	const sensitivities = "sensitivities"
	updates, own := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	for _, arg := range args {
		name, value, ok := strings.Cut(arg, "=")
		if !ok || name == "" || !json.Valid([]byte(value)) {
			return nil, fmt.Errorf("config set: %q is not valid: want NAME=VALUE, with a number, true, false or null for VALUE", arg)
		}
		to := updates
		if metric, ok := strings.CutPrefix(name, sensitivities+"."); ok {
			to, name = own, metric
		}
		if _, twice := to[name]; twice {
			return nil, fmt.Errorf("config set: %s is given twice", name)
		}
		to[name] = json.RawMessage(value)
	}
	if len(own) > 0 {
		if _, twice := updates[sensitivities]; twice {
			return nil, fmt.Errorf("config set: %s is given twice, whole and for single metrics", sensitivities)
		}
		data, err := json.Marshal(own)
		if err != nil {
			return nil, err
		}
		updates[sensitivities] = data
	}
	return updates, nil
}
