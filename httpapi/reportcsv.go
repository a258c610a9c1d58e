package httpapi

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/backend-prs/perfmon"
)

// writeReportCSV writes a report as RFC 4180 has it: a summary as one row for each
// metric, a detailed report as one row for each point. What is absent is an empty cell.
func writeReportCSV(w io.Writer, r *perfmon.Report) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	rows := summaryRows
	if r.Type == perfmon.ReportDetailed {
		rows = pointRows
	}
	for row := range rows(r) {
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// summaryRows yields the names of the columns and a row for each metric.
func summaryRows(r *perfmon.Report) func(yield func([]string) bool) {
	regressions := map[string]perfmon.Value{}
	for _, g := range r.Regressions {
		regressions[g.Metric] = g.Change
	}
	return func(yield func([]string) bool) {
		if !yield([]string{
			"metric_name", "unit", "worse_when", "count", "mean", "median", "std_dev", "min", "max", "p90", "p95", "p99", "mean_low", "mean_high",
			"trend", "confidence", "confidence_level", "change_percent", "regression_percent",
		}) {
			return
		}
		for _, m := range r.Metrics {
			s, t := m.Summary, m.Trend
			row := []string{defuse(m.Metric), defuse(m.Unit), m.Worse.String(), strconv.Itoa(s.Count)}
			for _, v := range []perfmon.Value{s.Mean, s.Median, s.StdDev, s.Min, s.Max, s.P90, s.P95, s.P99, s.MeanLow, s.MeanHigh} {
				row = append(row, cell(v, 64))
			}
			row = append(row, string(t.Direction), cell(perfmon.ValueOf(t.Confidence), 64), t.ConfidenceLevel, cell(t.ChangePercent, 64), cell(regressions[m.Metric], 64))
			if !yield(row) {
				return
			}
		}
	}
}

// pointRows yields the names of the columns and a row for each point.
func pointRows(r *perfmon.Report) func(yield func([]string) bool) {
	return func(yield func([]string) bool) {
		row := []string{"time"}
		var columns []perfmon.Values
		for _, m := range r.Metrics {
			row = append(row, defuse(m.Metric))
			columns = append(columns, r.Series.Metrics[m.Metric].Values)
		}
		if !yield(row) {
			return
		}
		for i, at := range r.Series.Times {
			row = append(row[:0], at.UTC().Format(time.RFC3339Nano))
			for _, values := range columns {
				text := ""
				if i < len(values) {
					text = cell(perfmon.ValueOf(values[i]), 32) // how precisely points are kept
				}
				row = append(row, text)
			}
			if !yield(row) {
				return
			}
		}
	}
}

// cell is a number as a cell, empty where it is absent.
func cell(v perfmon.Value, bits int) string {
	f, ok := v.Get()
	if !ok {
		return ""
	}
	return strconv.FormatFloat(f, 'g', -1, bits)
}

// defuse keeps a spreadsheet from running a text as a formula: it begins those that could
// be one with an apostrophe (OWASP, "CSV Injection"). Spaces before do not help.
func defuse(text string) string {
	if strings.ContainsRune("=+-@\t\r\n＝＋－＠", firstRune(strings.TrimLeft(text, " "))) {
		return "'" + text
	}
	return text
}

// firstRune is the first character, or one that is harmless.
func firstRune(s string) rune {
	for _, c := range s {
		return c
	}
	return 'a'
}
