package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/spf13/cobra"

	"github.com/backend-prs/perfmon/analyze"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/text"
)

// comparison is the JSON of compare, which other programs rely on.
type comparison struct {
	Verdict string           `json:"verdict"` // regression, improvement, same or unsure
	Change  analyze.Value    `json:"change_percent"`
	CI95    [2]analyze.Value `json:"ci95_percent"`
	PValue  analyze.Value    `json:"p_value"`
	N       [2]int           `json:"n"`
}

const (
	// surely is the p-value below which a difference is real.
	surely = 0.05
	// sameWithin is how sure it has to be that a difference is small.
	sameWithin = 0.95
)

func (a *app) compare() *cobra.Command {
	cmd := a.verb("compare A.csv B.csv", "Whether B is worse than A, by how much, and how sure", `
Compares the means of two series, allowing for points that depend on those before. It is "same" when the means are surely
less than --tolerance apart, "regression" or "improvement" when they surely differ, and "unsure" else.

Exit codes: 0 same or improvement, 1 regression, 3 unsure.`,
		"compare before.csv after.csv", "compare main.csv branch.csv --worse lower --tolerance 2 --output-format json")
	cmd.Args = cobra.ExactArgs(2)
	f := a.csvFlags(cmd)
	tolerance := cmd.Flags().Float64("tolerance", 5, "a difference of at most so many `percent` is none")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		worse, err := f.direction()
		switch {
		case err != nil:
			return err
		case !(*tolerance >= 0) || math.IsInf(*tolerance, 0):
			return fmt.Errorf("--tolerance: %v is not valid: want a number of percent, at least 0", *tolerance)
		case args[0] == "-" && args[1] == "-":
			return errors.New("compare: both files are the standard input: want one of them at most")
		}
		var means [2]analyze.Mean
		for i, name := range args {
			c, _, err := a.read(name, f, false)
			if err != nil {
				return err
			}
			_, values := c.Held()
			means[i] = analyze.EstimateMean(values)
			means[i].N = c.Len()
		}
		out := compareMeans(means[0], means[1], worse, *tolerance)
		switch out.Verdict {
		case "regression":
			a.exit(exitWarning)
		case "unsure":
			a.exit(exitUnknown)
		}
		data, err := json.Marshal(out)
		if err != nil {
			return err
		}
		return a.show(data, time.Time{}, nil, func(p *text.Page) { writeComparison(p, args, means, out) })
	}
	return cmd
}

// compareMeans says whether b is worse than a. Differences are percent of a.
func compareMeans(a, b analyze.Mean, worse analyze.Direction, tolerance float64) comparison {
	d := analyze.Compare(a, b)
	base := math.Abs(a.Value.Float())
	out := comparison{Verdict: "unsure", PValue: d.PValue, N: [2]int{a.N, b.N}}
	if base > 0 {
		share := func(v analyze.Value) analyze.Value { return analyze.ValueOf(v.Float() / base * 100) }
		out.Change, out.CI95 = share(d.Value), [2]analyze.Value{share(d.Low), share(d.High)}
	}
	switch change := d.Value.Float(); {
	case d.Within(tolerance/100*base) >= sameWithin:
		out.Verdict = "same"
	case !(d.PValue.Float() < surely):
	case (change > 0) == (worse == analyze.HigherIsWorse):
		out.Verdict = "regression"
	default:
		out.Verdict = "improvement"
	}
	return out
}

func writeComparison(p *text.Page, names []string, means [2]analyze.Mean, c comparison) {
	line := p.Severity(c.Verdict, c.Verdict)
	if !c.Change.IsAbsent() {
		line += ": the mean changed by " + text.Percent(c.Change)
		if !c.CI95[0].IsAbsent() {
			line += ", 95 % between " + text.Percent(c.CI95[0]) + " and " + text.Percent(c.CI95[1])
		}
	}
	if !c.PValue.IsAbsent() {
		line += " (p " + text.Probability(c.PValue) + ")"
	}
	p.Text(0, line)
	p.Line("")
	t := &text.Table{Columns: []text.Column{{Head: "file", Least: 10}, {Head: "points", Right: true}, {Head: "mean", Right: true}, {Head: "± error", Right: true}}}
	for i, name := range names {
		t.Add(same(name), count(uint64(means[i].N)), number(means[i].Value, ""), number(means[i].StdErr, ""))
	}
	p.Table(t)
	if means[0].StdErr.IsAbsent() || means[1].StdErr.IsAbsent() {
		p.Text(0, "A mean needs at least 5 points.")
	}
}
