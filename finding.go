package perfmon

import (
	"github.com/backend-prs/perfmon/internal/lifecycle"
)

// Severity is how bad an alert is.
type Severity string

const (
	Warning  Severity = "warning"
	Critical Severity = "critical"
)

// level is the severity as the life of alerts knows it; none is good.
func (s Severity) level() lifecycle.Level {
	switch s {
	case Warning:
		return lifecycle.Warning
	case Critical:
		return lifecycle.Critical
	}
	return lifecycle.Good
}

func severityOf(l lifecycle.Level) Severity {
	switch l {
	case lifecycle.Warning:
		return Warning
	case lifecycle.Critical:
		return Critical
	}
	return ""
}

// Cause says what an alert comes from.
type Cause string

const (
	CauseThreshold  Cause = "threshold"  // a value is past a limit
	CauseAbsence    Cause = "absence"    // a metric that had values has none
	CauseRegression Cause = "regression" // a metric is worse than its baseline
	CauseAnomaly    Cause = "anomaly"    // a metric does not fit its own past
	CauseHost       Cause = "host"       // the host raised it
)

// A finding is what a judge says of a key. Judges are pure functions from values and
// rules to findings, so that they can be run over the past as well as over now. The
// alert book knows findings alone.
type finding struct {
	key      Key
	unit     string
	severity Severity // "" when the value is good
	value    Value
	limit    Value
	cause    Cause
	evidence map[string]any // becomes the alert's metadata
	message  MessageData    // what a message may say of it, but for the severity

	life   lifecycle.Rule
	atOnce bool // one finding is enough
	// threshold is the rule that watches the key; nil where none does.
	threshold *Threshold
}
