package main

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/backend-prs/perfmon/cmd/perfmon/internal/client"
)

// query gathers the parameters of a call from flags. Those that are not given are not
// sent, so that the server's defaults hold.
type query struct {
	cmd    *cobra.Command
	params []param
}

type param struct{ flag, name string }

func newQuery(cmd *cobra.Command) *query {
	cmd.Flags().SortFlags = false
	return &query{cmd: cmd}
}

// number adds a flag with a number, which the server checks.
func (q *query) number(flag, name, usage string) {
	q.cmd.Flags().Float64(flag, 0, usage)
	q.params = append(q.params, param{flag, name})
}

// int adds a flag with a whole number.
func (q *query) int(flag, name, usage string) {
	q.cmd.Flags().Int(flag, 0, usage)
	q.params = append(q.params, param{flag, name})
}

// text adds a flag with a text.
func (q *query) text(flag, name, usage string) {
	q.cmd.Flags().String(flag, "", usage)
	q.params = append(q.params, param{flag, name})
}

// bool adds a flag that is on or off.
func (q *query) bool(flag, name, usage string) {
	q.cmd.Flags().Bool(flag, false, usage)
	q.params = append(q.params, param{flag, name})
}

// instance adds the flag for a replica of a fleet.
func (q *query) instance() {
	q.text("instance", "instance", "of a fleet: the figures of this `replica` alone")
}

// values are the parameters that were given.
func (q *query) values() client.Query {
	values := client.Query{}
	for _, p := range q.params {
		if f := q.cmd.Flags().Lookup(p.flag); f.Changed {
			values[p.name] = f.Value.String()
		}
	}
	return values
}

// metricNames asks the server which metrics it has, for the shell.
func (a *app) metricNames(cmd *cobra.Command) []string {
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	a.timeout = min(a.timeout, 2*time.Second) // somebody waits for the key
	c, err := a.client()
	if err != nil {
		return nil
	}
	list, err := c.Metrics(ctx)
	if err != nil {
		return nil
	}
	var names []string
	for _, m := range list.Body.Metrics {
		names = append(names, cobra.CompletionWithDesc(m.Name, m.Help))
	}
	return names
}

// hours writes a window as a parameter.
func hours(d time.Duration) string { return strconv.FormatFloat(d.Hours(), 'g', -1, 64) }
