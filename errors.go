package perfmon

import (
	"errors"
	"fmt"
	"time"
)

// Errors that a caller may want to distinguish, with errors.Is.
var (
	// ErrClosed is returned by what needs a monitor that is not closed.
	ErrClosed = errors.New("the monitor is closed")
	// ErrNotFound is returned for an alert, a threshold, a metric or a scope that is
	// not there.
	ErrNotFound = errors.New("not found")
	// ErrNotActive is returned for an action on an alert that is over.
	ErrNotActive = errors.New("the alert is not active")
	// ErrStore is returned for an action that the store could not keep. It has not
	// happened.
	ErrStore = errors.New("the store failed")
)

// FieldError says which option, field or parameter is wrong, with what value, and what
// would be right. Nothing was changed.
type FieldError struct {
	Field string // the Go name, or that of an environment variable
	Value any    // what it was
	Want  string // what it may be
}

// Error names all three.
func (e *FieldError) Error() string {
	value := fmt.Sprintf("%#v", e.Value)
	switch v := e.Value.(type) {
	case nil:
		value = "nil"
	case time.Duration:
		value = v.String()
	case fmt.Stringer:
		value = v.String()
	}
	return fmt.Sprintf("%s: %s is not valid: want %s", e.Field, truncate(value, 120), e.Want)
}

// wrap gives an error of this package its prefix, and nil none.
func wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("perfmon: %w", err)
}

// truncate cuts s to at most n bytes, between characters, and marks the cut.
func truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
	const mark = "…"
	n -= len(mark)
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n] + mark
}
