package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	tea "charm.land/bubbletea/v2"
	"github.com/spf13/cobra"

	"github.com/backend-prs/perfmon/cmd/perfmon/internal/client"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/screen"
)

func (a *app) watch() *cobra.Command {
	cmd := a.verb("watch", "The live dashboard, in the terminal", `
Shows health, key metrics, endpoints and alerts as they change, and acts on alerts by key: a acknowledges, d dismisses, e
escalates, ? lists all. When the stream breaks off, it says so and how old the figures are, and connects again.

JSON is a line for each event of the stream, with its name and its data, until it is interrupted; it needs no terminal.`,
		"watch", "watch --env production", "watch --output-format json | jq 'select(.event == \"alert\")'")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		if a.format == "json" {
			return a.follow(cmd, c)
		}
		if !a.terminal {
			return errors.New("watch: it needs a terminal; for programs there is watch --output-format json")
		}
		// What is wrong from the start is told before the screen is taken.
		if _, err := c.Session(cmd.Context()); err != nil {
			return err
		}
		u := a.units(cmd.Context(), c)
		ctx, cancel := context.WithCancel(cmd.Context())
		defer cancel()
		m := screen.New(ctx, c, a.clock, a.zone, a.style(), keyMetrics, func(metric string) string { return u[metric] })
		p := tea.NewProgram(m, tea.WithContext(ctx), tea.WithInput(a.in), tea.WithOutput(a.out))
		go c.Follow(ctx, a.clock, func(e client.Event) { p.Send(e) })
		_, err = p.Run()
		if errors.Is(err, tea.ErrInterrupted) || cmd.Context().Err() != nil {
			return nil
		}
		return err
	}
	return cmd
}

// follow prints the events of the stream.
func (a *app) follow(cmd *cobra.Command, c *client.Client) error {
	if _, err := c.Session(cmd.Context()); err != nil {
		return err
	}
	c.Follow(cmd.Context(), a.clock, func(e client.Event) {
		switch {
		case e.Lost != nil:
			fmt.Fprintf(a.err, "perfmon: the stream ended: %v; next try in %v\n", e.Lost.Err, e.Lost.Retry)
		case e.Name != "":
			line, err := json.Marshal(map[string]any{"event": e.Name, "data": json.RawMessage(e.Data)})
			if err == nil {
				_ = a.raw(line)
			}
		}
	})
	return nil
}
