package perfmon

import (
	"errors"
	"fmt"
)

// Errors that a caller may want to tell apart, with errors.Is.
var (
	// ErrClosed is returned by what needs a monitor that is not closed.
	ErrClosed = errors.New("perfmon: the monitor is closed")
	// ErrNotFound is returned for an alert, a threshold or a metric that is not there.
	ErrNotFound = errors.New("not found")
	// ErrNotActive is returned for an act on an alert that is over.
	ErrNotActive = errors.New("the alert is not active")
)

// FieldError says which setting, threshold field or parameter is wrong, with what
// value, and what would be right. Nothing was changed.
type FieldError struct {
	Field string // its name, as the caller wrote it
	Value any    // what it was
	Want  string // what it may be
}

// Error names all three.
func (e *FieldError) Error() string {
	value := fmt.Sprintf("%#v", e.Value)
	if s, ok := e.Value.(fmt.Stringer); ok {
		value = s.String()
	}
	if len(value) > 120 {
		value = value[:120] + "…"
	}
	return fmt.Sprintf("%s: %s is not valid: want %s", e.Field, value, e.Want)
}
