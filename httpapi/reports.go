package httpapi

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/backend-prs/perfmon"
)

// format is a way to write a report.
type format struct {
	name        string // and the end of the file's name
	contentType string
	policy      string // Content-Security-Policy
	write       func(w io.Writer, r *perfmon.Report) error
}

var formats = []format{
	{"json", "application/json; charset=utf-8", "", writeReportJSON},
	{"csv", "text/csv; charset=utf-8; header=present", "", writeReportCSV},
	{"html", "text/html; charset=utf-8", reportPolicy + "; frame-ancestors 'none'; sandbox", writeReportHTML},
}

// report is a download of how the service did.
func (a *API) report(r *request) (answer, error) {
	q := readParams(r)
	a = a.of(q)
	query := perfmon.ReportQuery{
		Type:    perfmon.ReportType(q.oneOf("type", string(perfmon.ReportSummary), string(perfmon.ReportDetailed))),
		Window:  q.hours("hours", 24*time.Hour, a.reach()),
		Visible: r.by.alerts(),
	}
	chosen := formats[0]
	name := q.oneOf("format", "json", "csv", "html")
	for _, f := range formats {
		if f.name == name {
			chosen = f
		}
	}
	if err := q.finish(); err != nil {
		return nil, err
	}
	release, err := a.room(r.Context())
	if err != nil {
		return nil, err
	}
	defer release()
	report := a.m.Report(query)
	report.Health = r.by.health(report.Health)
	report.Organizations = r.by.organizations(report.Organizations)
	report.Baseline, report.Events = r.by.baseline(report.Baseline), r.by.markers(report.Events)
	for i := range report.Alerts {
		report.Alerts[i].Alert = r.by.alert(report.Alerts[i].Alert)
	}
	return &download{a, chosen, &report}, nil
}

// download is a report on its way to a file. It is written as it is made, so its length
// is not known before.
type download struct {
	a      *API
	format format
	report *perfmon.Report
}

func (d *download) write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", d.format.contentType)
	h.Set("Content-Disposition", `attachment; filename="`+reportName(d.report)+"."+d.format.name+`"`)
	if d.format.policy != "" {
		h.Set("Content-Security-Policy", d.format.policy)
	}
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return
	}
	out := bufio.NewWriterSize(w, 32<<10)
	failed := d.format.write(out, d.report)
	gone := out.Flush()
	if failed != nil && gone == nil {
		d.a.failure(r, failed)
	}
	if failed != nil || gone != nil {
		panic(http.ErrAbortHandler) // so that nobody takes a part for the whole
	}
}

// maxFileName bounds what the name of a file has of the service's name.
const maxFileName = 64

// reportName is the name of the report's file, such as
// perfmon-shop-summary-2026-03-01T1200Z.
func reportName(r *perfmon.Report) string {
	plain := func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '_', c == '-':
			return c
		}
		return '-'
	}
	parts := []string{"perfmon"}
	service := strings.Map(plain, r.Service.Name)
	if service = strings.Trim(service[:min(len(service), maxFileName)], ".-"); service != "" {
		parts = append(parts, service)
	}
	return strings.Join(append(parts, string(r.Type), r.GeneratedAt.Format("2006-01-02T1504Z")), "-")
}

// writeReportJSON writes what json.Marshal returns of a report, the series column by
// column: they are most of it.
func writeReportJSON(w io.Writer, r *perfmon.Report) error {
	head := *r
	head.Series = perfmon.Series{}
	data, err := json.Marshal(head)
	if err != nil {
		return err
	}
	times, err := json.Marshal(r.Series.Times)
	if err != nil {
		return err
	}
	parts := [][]byte{data[:len(data)-1], []byte(`,"series":{"times":`), times, []byte(`,"metrics":{`)}
	for i, name := range sortedKeys(r.Series.Metrics) {
		column, err := json.Marshal(r.Series.Metrics[name])
		if err != nil {
			return err
		}
		if i > 0 {
			parts = append(parts, []byte(","))
		}
		parts = append(parts, []byte(`"`+name+`":`), column)
		if err := writeAll(w, parts); err != nil {
			return err
		}
		parts = parts[:0]
	}
	return writeAll(w, append(parts, []byte("}}}\n")))
}

func writeAll(w io.Writer, parts [][]byte) error {
	for _, p := range parts {
		if _, err := w.Write(p); err != nil {
			return err
		}
	}
	return nil
}
