package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/backend-prs/perfmon/analyze"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/course"
	"github.com/backend-prs/perfmon/cmd/perfmon/internal/csvfile"
)

// csvFlags are the flags of what reads CSV files.
type csvFlags struct {
	o      csvfile.Options
	worse  string
	zone   string
	strict bool
}

func (a *app) csvFlags(cmd *cobra.Command) *csvFlags {
	f := &csvFlags{}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.o.Time, "time", "", "`column` of the times, by its head or its number (default: it is found)")
	flags.StringVar(&f.o.Value, "value", "", "`column` of the values, by its head or its number (default: it is found)")
	flags.DurationVar(&f.o.Step, "step", 0, "how far rows are apart where there are no times, a `duration`")
	flags.StringVar(&f.zone, "zone", "UTC", "`zone` of times that do not say one, such as Europe/Berlin")
	flags.StringVar(&f.worse, "worse", "higher", "which way the series gets worse: `higher` or lower")
	flags.BoolVar(&f.strict, "strict", false, "fail where a row is bad")
	a.complete(cmd, "worse", func() []string { return []string{"higher", "lower"} })
	return f
}

// direction reads --worse.
func (f *csvFlags) direction() (d analyze.Direction, err error) {
	if f.worse != "higher" && f.worse != "lower" {
		return d, fmt.Errorf("--worse: %q is not valid: want higher or lower", f.worse)
	}
	return d, d.UnmarshalText([]byte(f.worse))
}

// read reads a file. Its bad rows are told; with --strict they are an error.
func (a *app) read(name string, f *csvFlags, scores bool) (*course.Course, *csvfile.Reader, error) {
	zone, err := time.LoadLocation(f.zone)
	if err != nil {
		return nil, nil, fmt.Errorf("--zone: %q is not valid: want the name of a zone such as Europe/Berlin", f.zone)
	}
	f.o.Zone = zone
	in, err := a.open(name)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = in.Close() }()
	fault := func(err error) (*course.Course, *csvfile.Reader, error) {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	r, err := csvfile.NewReader(in, f.o)
	if err != nil {
		return fault(err)
	}
	c := course.New(scores)
	for {
		p, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fault(err)
		}
		if err := c.Add(p.Time, p.Value); err != nil {
			return fault(err)
		}
	}
	c.End()
	if r.Skipped > 0 {
		fmt.Fprintf(a.err, "perfmon: %s: %d of %d rows are bad:\n", name, r.Skipped, r.Skipped+c.Len())
		for _, bad := range r.Bad {
			fmt.Fprintf(a.err, "  line %d: %s\n", bad.Line, bad.Why)
		}
		if more := r.Skipped - len(r.Bad); more > 0 {
			fmt.Fprintf(a.err, "  and %d more\n", more)
		}
	}
	switch {
	case r.Skipped > 0 && f.strict:
		return nil, nil, errTold
	case c.Len() == 0:
		return fault(errors.New("it has no row with a number"))
	}
	return c, r, nil
}

// analysis is the JSON of analyze, which other programs rely on.
type analysis struct {
	Points       int                   `json:"points"`
	Skipped      int                   `json:"skipped"`
	Step         analyze.Value         `json:"step_seconds"`
	Summary      analyze.Summary       `json:"summary"`
	Trend        analysisTrend         `json:"trend"`
	ChangePoints []analyze.ChangePoint `json:"change_points"`
	Anomalies    []course.Anomaly      `json:"anomalies"`
	Scores       []float64             `json:"scores,omitempty"`
}

// analysisTrend is what that JSON has of a trend.
type analysisTrend struct {
	Direction     analyze.TrendDirection `json:"direction"`
	Confidence    float64                `json:"confidence"`
	Level         string                 `json:"confidence_level"`
	ChangePercent analyze.Value          `json:"change_percent"`
	SlopePerHour  analyze.Value          `json:"slope_per_hour"`
	PValue        analyze.Value          `json:"p_value"`
}

func (a *app) analyze() *cobra.Command {
	cmd := a.verb("analyze FILE.csv", "What a series of numbers in a CSV file does", `
Reads a series of numbers, - from the standard input, and shows a summary, a chart, whether it gets
better or worse, where its level changed for good, what does not fit its own past, and its rhythm. It needs no service.

The trend compares what came after the surest change of level with what came before; without one, the later half with the
earlier.

The columns of times and values are found, or named. Times are RFC 3339, 2006-01-02 15:04:05 and the like, or Unix
times; they may be at any distance and in any order. Bad rows are left out and told. A series of more than a million points is
read through once: its trend is that of means of neighbours, and its percentiles are those of a sample.`,
		"analyze latency.csv", "analyze hits.csv --value hit_rate --worse lower", "analyze - --step 1m --output-format json < values.txt",
		"series response_time_p95 --output-format csv | perfmon analyze -")
	cmd.Args = cobra.ExactArgs(1)
	f := a.csvFlags(cmd)
	scores := cmd.Flags().Bool("scores", false, "in JSON, the anomaly score of every point")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		worse, err := f.direction()
		if err != nil {
			return err
		}
		c, r, err := a.read(args[0], f, *scores)
		if err != nil {
			return err
		}
		trend := c.Trend(worse)
		if a.format == "json" {
			data, err := json.Marshal(newAnalysis(c, r, trend))
			if err != nil {
				return err
			}
			return a.raw(data)
		}
		p := a.page(time.Time{})
		p.Zone = f.o.Zone // as in the file
		writeAnalysis(p, args[0], r, c, trend, worse)
		_, err = io.WriteString(a.out, p.String())
		return err
	}
	return cmd
}

func newAnalysis(c *course.Course, r *csvfile.Reader, t analyze.Trend) analysis {
	out := analysis{
		Points: c.Len(), Skipped: r.Skipped, Step: c.Step(), Summary: c.Summary(),
		Trend:        analysisTrend{t.Direction, t.Confidence, t.ConfidenceLevel, t.ChangePercent, t.SlopePerHour, t.PValue},
		ChangePoints: t.ChangePoints, Anomalies: c.Anomalies(), Scores: c.Scores(),
	}
	if out.Anomalies == nil {
		out.Anomalies = []course.Anomaly{}
	}
	return out
}
