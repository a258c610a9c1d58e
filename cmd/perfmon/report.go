package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/backend-prs/perfmon/cmd/perfmon/internal/client"
)

func (a *app) report() *cobra.Command {
	cmd := tabular(a.verb("report", "A report to keep or to hand on", `
Writes a report as JSON, CSV or a page of HTML that prints well. It goes to the standard output, or to the file of --output;
a folder there takes the name that the server gives.`,
		"report --type=summary --hours=24 --format=html --output report.html", "report --type=detailed --hours=168 --format=csv > week.csv", "report --format html --output ."))
	q := newQuery(cmd)
	q.instance()
	q.text("type", "type", "`summary` or detailed (default summary)")
	q.number("hours", "hours", "how far back, in `hours` (default 24)")
	q.text("format", "format", "`json`, csv or html (default json, or what --output-format says)")
	output := cmd.Flags().StringP("output", "o", "", "write to this `file`, or into this folder")
	a.complete(cmd, "type", func() []string { return []string{"summary", "detailed"} })
	a.complete(cmd, "format", func() []string { return []string{"json", "csv", "html"} })
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		values := q.values()
		if values["format"] == "" && a.format == "csv" {
			values["format"] = "csv"
		}
		c, err := a.client()
		if err != nil {
			return err
		}
		if *output == "" {
			return c.Report(cmd.Context(), values, func(string) (io.Writer, error) { return a.out, nil })
		}
		return a.download(cmd, c, values, *output)
	}
	return cmd
}

// download writes a report to a file, which is there whole or not at all.
func (a *app) download(cmd *cobra.Command, c *client.Client, values client.Query, output string) (err error) {
	var part *os.File
	name := output
	err = c.Report(cmd.Context(), values, func(given string) (io.Writer, error) {
		if info, err := os.Stat(output); err == nil && info.IsDir() {
			name = output + string(os.PathSeparator) + given
		}
		part, err = os.OpenFile(name+".part", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
		return part, err
	})
	if part != nil {
		if e := part.Close(); err == nil {
			err = e
		}
		if err == nil {
			err = os.Rename(part.Name(), name)
		}
		if err != nil {
			_ = os.Remove(part.Name())
		}
	}
	if err == nil {
		fmt.Fprintln(a.err, name)
	}
	return err
}
