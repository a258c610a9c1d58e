package perfmon

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/backend-prs/perfmon/internal/fill"
)

// MessageData is what the text of an alert may say.
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
	Expected    string   // of an anomaly: about where Value should have been
	Before      string   // of a fall of throughput: what it was before
	Absent      string   // of an absence: how long there has been no value
	Worst       []string // of an alert of the service: its worst endpoints, each with its value
}

const maxMessage = 1000

// messageMaker words alerts; ok is false where it has no words.
type messageMaker func(d MessageData) (text string, ok bool)

// defaultMessage names the metric, its scope, its value, and what it is past.
func defaultMessage(d MessageData) (string, bool) {
	text := fmt.Sprintf("%s of %v ", d.Metric.Name, d.Scope)
	switch {
	case d.Absent != "":
		text += "has had no value for " + d.Absent
	case d.Baseline != "":
		text += "is " + d.Value + ", worse than its baseline of " + d.Baseline
	case d.Expected != "":
		text += "is " + d.Value + ", unlike its past: about " + d.Expected + " was expected"
	default:
		text += "is " + d.Value + ", "
		if d.Before != "" {
			text += "down from " + d.Before + ", "
		}
		text += fmt.Sprintf("past the %s limit of %s", d.Severity, d.Threshold)
	}
	if len(d.Worst) > 0 {
		text += "; worst: " + strings.Join(d.Worst, ", ")
	}
	return text, true
}

// messageView is what a text's fields are of: MessageData, with the kind of the scope as a
// field.
type messageView struct {
	MessageData
	Scope scopeView
}

type scopeView struct {
	Scope
	Kind ScopeKind
}

// parseMessage parses a text and tries it on every cause.
func parseMessage(text string) (messageMaker, error) {
	t, err := fill.Parse(text)
	if err != nil {
		return nil, err
	}
	render := func(d MessageData) (string, error) {
		var b strings.Builder
		err := t.Write(&b, messageView{d, scopeView{d.Scope, d.Scope.Kind()}}, nil)
		return b.String(), err
	}
	for _, d := range MessageExamples() {
		message, err := render(d)
		if err == nil && cleanText(message) == "" {
			err = errors.New("the text is empty")
		}
		if err != nil {
			return nil, err
		}
	}
	return func(d MessageData) (string, bool) {
		message, err := render(d)
		return message, err == nil
	}, nil
}

// MessageExamples returns what a text may be given: one for each cause of an alert, for
// trying a text before it is used.
func MessageExamples() []MessageData {
	d := MessageData{
		Metric: builtin[0].Metric, Severity: Critical, Cause: CauseThreshold, Value: "6.1 s", Threshold: "5 s", Comparison: Greater,
		Consecutive: 3, Worst: []string{"GET / (7.3 s)"},
	}
	regression, absence, fall, anomaly := d, d, d, d
	regression.Cause, regression.Baseline, regression.Worst = CauseRegression, "4.1 s", nil
	absence.Cause, absence.Value, absence.Threshold, absence.Absent = CauseAbsence, "", "", "1m0s"
	fall.Before = "9 s"
	anomaly.Cause, anomaly.Severity, anomaly.Expected, anomaly.Worst = CauseAnomaly, Warning, "1.2 s", nil
	anomaly.Threshold, anomaly.Consecutive = "", 1
	return []MessageData{d, regression, absence, fall, anomaly}
}

// messageDeadline is how long a function of the host may take to word an alert.
const messageDeadline = 100 * time.Millisecond

// hostMessage words alerts by a function of the host. It waits messageDeadline of real
// time; as long as a call has not returned, there are no further ones.
func hostMessage(f func(MessageData) string) messageMaker {
	var running atomic.Bool
	return func(d MessageData) (string, bool) {
		if !running.CompareAndSwap(false, true) {
			return "", false
		}
		said := make(chan string, 1)
		go func() {
			text := ""
			defer func() { // also where f ends its goroutine
				if recover() != nil {
					text = ""
				}
				running.Store(false)
				said <- text
			}()
			text = f(d)
		}()
		deadline := time.NewTimer(messageDeadline)
		defer deadline.Stop()
		select {
		case text := <-said:
			return text, true
		case <-deadline.C:
			return "", false
		}
	}
}

// message words a finding.
func (b *alertBook) message(f *finding) string {
	d := f.message
	d.Severity = f.severity
	if limit, ok := f.limit.Get(); ok {
		d.Threshold = withUnit(limit, f.unit)
	}
	text, ok := b.words(d)
	if text = truncate(cleanText(text), maxMessage); !ok || text == "" { // they fail for some values only
		return fmt.Sprintf("%s is past its %s limit", f.key, f.severity)
	}
	return text
}
