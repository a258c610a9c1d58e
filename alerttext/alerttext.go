// Package alerttext words alerts by text/template, for those whose words need more than the
// fields of perfmon.WithAlertMessage:
//
//	words, err := alerttext.Template(`{{.Severity}}: {{.Metric.Name | printf "%q"}} is {{.Value}}`)
//	if err != nil {
//		log.Fatal(err)
//	}
//	m, err := perfmon.New(perfmon.WithAlertMessageFunc(words))
//
// It is a package of its own because a program with text/template in it keeps every
// exported method of every type: two megabytes, and more in a large program.
package alerttext

import (
	"errors"
	"fmt"
	"strings"
	"text/template"

	"github.com/backend-prs/perfmon"
)

// Template returns a function that words alerts by a template, which is given a
// perfmon.MessageData. It is tried on every cause of an alert first: the error says why it
// does not parse, does not run, or says nothing.
func Template(text string) (words func(perfmon.MessageData) string, err error) {
	t, err := template.New("alert").Parse(text)
	if err != nil {
		return nil, fmt.Errorf("alerttext: %w", err)
	}
	for _, d := range perfmon.MessageExamples() {
		said, err := render(t, d)
		if err == nil && strings.TrimSpace(said) == "" {
			err = errors.New("the text is empty")
		}
		if err != nil {
			return nil, fmt.Errorf("alerttext: %s: %w", d.Cause, err)
		}
	}
	return func(d perfmon.MessageData) string {
		said, err := render(t, d)
		if err != nil {
			return "" // the alert gets a plain text
		}
		return said
	}, nil
}

func render(t *template.Template, d perfmon.MessageData) (string, error) {
	var b strings.Builder
	err := t.Execute(&b, d)
	return b.String(), err
}
