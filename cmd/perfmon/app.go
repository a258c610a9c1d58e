package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/spf13/cobra"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/client"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/target"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/text"
)

// Exit codes.
const (
	exitFine     = 0
	exitWarning  = 1
	exitCritical = 2
	exitUnknown  = 3 // could not tell, or could not do
)

// app is one run of the command, with all that it reads and writes.
type app struct {
	in       io.Reader
	out, err io.Writer
	getenv   func(string) string
	clock    clock.Clock
	zone     *time.Location
	width    int  // of out; 0: no limit
	terminal bool // out is one
	progress bool // err is one

	server  target.Flags
	format  string // text, json or csv
	wide    bool
	timeout time.Duration
	code    int
}

// run runs the command and returns its exit code.
func (a *app) run(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(seedArgs(args))
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	if err := root.ExecuteContext(ctx); err != nil {
		if !errors.Is(err, errTold) {
			fmt.Fprintln(a.err, "perfmon:", text.CleanLines(err.Error()))
		}
		return exitUnknown
	}
	return a.code
}

// errTold is the error of a verb that has said what is wrong.
var errTold = errors.New("told already")

// seedArgs takes --action=VERB for VERB, as the command had it that this one follows.
func seedArgs(args []string) []string {
	for i, arg := range args {
		if arg == "--" {
			break
		}
		verb, ok := strings.CutPrefix(arg, "--action=")
		rest := args[i+1:]
		if !ok && arg == "--action" && len(rest) > 0 {
			verb, rest, ok = rest[0], rest[1:], true
		}
		if ok {
			return append(append([]string{verb}, args[:i]...), rest...)
		}
	}
	return args
}

// verb makes a command. Each shows examples, which are what follows "perfmon " on a line.
func (a *app) verb(use, short, long string, examples ...string) *cobra.Command {
	for i := range examples {
		examples[i] = "  perfmon " + examples[i]
	}
	return &cobra.Command{
		Use: use, Short: short, Long: paragraphs(long), Example: strings.Join(examples, "\n"),
		Args: cobra.NoArgs, DisableFlagsInUseLine: true,
	}
}

// helpWidth is how wide help is.
const helpWidth = 80

// paragraphs breaks the lines of a text anew, but for those that are indented.
func paragraphs(s string) string {
	var out []string
	for _, block := range strings.Split(strings.TrimSpace(s), "\n\n") {
		if !strings.HasPrefix(block, " ") {
			block = strings.Join(text.Wrap(strings.ReplaceAll(block, "\n", " "), helpWidth), "\n")
		}
		out = append(out, block)
	}
	return strings.Join(out, "\n\n")
}

// tabular marks a verb that has CSV.
func tabular(cmd *cobra.Command) *cobra.Command {
	if cmd.Annotations == nil {
		cmd.Annotations = map[string]string{}
	}
	cmd.Annotations["csv"] = "true"
	return cmd
}

// check refuses formats that a verb does not have, before it does anything.
func (a *app) check(cmd *cobra.Command, _ []string) error {
	switch a.format {
	case "text", "json":
		return nil
	case "csv":
		if cmd.Annotations["csv"] == "" {
			return fmt.Errorf("--output-format: csv is not valid here: %s has no table; want text or json", cmd.CommandPath())
		}
		return nil
	}
	return fmt.Errorf("--output-format: %q is not valid: want text, json or csv", a.format)
}

// client returns the client of the server that flags, environment and file name.
func (a *app) client() (*client.Client, error) {
	t, err := target.Resolve(a.server, a.getenv)
	if err != nil {
		return nil, err
	}
	base, err := client.Parse(t.URL)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.From, err)
	}
	c, err := client.New(base, t.Token, a.timeout)
	if err != nil {
		return nil, err
	}
	if t.Withheld != "" {
		fmt.Fprintln(a.err, "perfmon:", t.Withheld)
	}
	return c, nil
}

// page begins an answer for people as of a time.
func (a *app) page(now time.Time) *text.Page {
	if now.IsZero() {
		now = a.clock.Now()
	}
	return &text.Page{Style: a.style(), Width: a.width, Wide: a.wide, Now: now, Zone: a.zone}
}

// style colours on a terminal, unless NO_COLOR is set (no-color.org).
func (a *app) style() text.Style {
	return text.Style{Color: a.terminal && a.getenv("NO_COLOR") == "" && a.getenv("TERM") != "dumb"}
}

// show writes an answer in the format asked for: the API's own JSON, a table, or what
// write makes of it for people.
func (a *app) show(raw []byte, now time.Time, table *text.Table, write func(*text.Page)) error {
	switch a.format {
	case "json":
		return a.raw(raw)
	case "csv":
		return table.CSV(a.out)
	}
	p := a.page(now)
	write(p)
	_, err := io.WriteString(a.out, p.String())
	return err
}

// raw writes an answer as it came, with a newline at its end.
func (a *app) raw(data []byte) error {
	if _, err := a.out.Write(bytes.TrimSuffix(data, []byte("\n"))); err != nil {
		return err
	}
	_, err := io.WriteString(a.out, "\n")
	return err
}

// exit makes the exit code at least as bad as code.
func (a *app) exit(code int) { a.code = max(a.code, code) }

// exitHealth takes the exit code from the health of the service.
func (a *app) exitHealth(s perfmon.HealthStatus) {
	switch s {
	case perfmon.Healthy:
	case perfmon.HealthWarning:
		a.exit(exitWarning)
	case perfmon.HealthCritical:
		a.exit(exitCritical)
	default:
		a.exit(exitUnknown)
	}
}
