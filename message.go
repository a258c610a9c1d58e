package perfmon

import (
	"bytes"
	"errors"
	"fmt"
	"text/template"
)

// MessageData is what the template of WithAlertMessage is given.
type MessageData struct {
	Metric     Metric
	Severity   Severity
	Scope      Scope
	Cause      Cause
	Value      string // with its unit, such as "2.41 s"; empty where there is none
	Threshold  string // the limit that was passed, likewise
	Comparison Comparison
	// Consecutive is how many violations in a row opened the alert.
	Consecutive int
	Baseline    string   // of a regression: what Value was in the baseline
	Before      string   // of a fall of throughput: what it was before
	Absent      string   // of an absence: how long there has been no value
	Worst       []string // of an alert of the service: its worst endpoints, each with its value
}

const (
	maxMessage = 1000

	defaultMessage = `{{.Metric.Name}} of {{.Scope}} ` +
		`{{if .Absent}}has had no value for {{.Absent}}` +
		`{{else if .Baseline}}is {{.Value}}, worse than its baseline of {{.Baseline}}` +
		`{{else}}is {{.Value}}, {{if .Before}}down from {{.Before}}, {{end}}past the {{.Severity}} limit of {{.Threshold}}{{end}}` +
		`{{range $i, $e := .Worst}}{{if $i}}, {{else}}; worst: {{end}}{{$e}}{{end}}`
)

// parseMessage parses a template and tries it on every cause.
func parseMessage(text string) (*template.Template, error) {
	t, err := template.New("alert").Parse(text)
	if err != nil {
		return nil, err
	}
	d := MessageData{
		Metric: builtin[0].Metric, Severity: Critical, Cause: CauseThreshold, Value: "6.1 s", Threshold: "5 s", Comparison: Greater,
		Consecutive: 3, Worst: []string{"GET / (7.3 s)"},
	}
	regression, absence, fall := d, d, d
	regression.Cause, regression.Baseline, regression.Worst = CauseRegression, "4.1 s", nil
	absence.Cause, absence.Value, absence.Threshold, absence.Absent = CauseAbsence, "", "", "1m0s"
	fall.Before = "9 s"
	for _, d := range []MessageData{d, regression, absence, fall} {
		message, err := renderMessage(t, d)
		if err == nil && message == "" {
			err = errors.New("the text is empty")
		}
		if err != nil {
			return nil, err
		}
	}
	return t, nil
}

func renderMessage(t *template.Template, d MessageData) (string, error) {
	var b bytes.Buffer
	if err := t.Execute(&b, d); err != nil {
		return "", err
	}
	return truncate(cleanText(b.String()), maxMessage), nil
}

// message words a finding.
func (b *alertBook) message(f *finding) string {
	d := f.message
	d.Severity = f.severity
	if limit, ok := f.limit.Get(); ok {
		d.Threshold = withUnit(limit, f.unit)
	}
	text, err := renderMessage(b.template, d)
	if err != nil || text == "" { // of a template that fails for some values only
		return fmt.Sprintf("%s is past its %s limit", f.key, f.severity)
	}
	return text
}
