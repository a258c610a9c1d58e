package perfmon

import (
	"context"
	"io"
	"log/slog"

	"golang.org/x/exp/slices"
)

// A Store may have two methods more. Close() error is called when its monitor is closed, or
// could not be made. Notes() []string is asked after Load for what people should know.

// notable is a store that has something to say when it was opened.
type notable interface{ Notes() []string }

// readNotes logs what the store has to say; mu is held.
func (j *journal) readNotes() {
	n, ok := j.store.(notable)
	if !ok {
		return
	}
	var notes []string
	text, _ := contain(func() error { notes = slices.Clone(n.Notes()); return nil }, func(string) {})
	if text != "" {
		notes = []string{text}
	}
	for _, note := range notes {
		note = truncate(cleanText(note), maxErrorText)
		j.notes = append(j.notes, note)
		j.log.write(slog.LevelError, "the store was opened, but not as it was left", "note", note)
	}
}

// close writes what still waits for the store, and closes it.
func (j *journal) close() error {
	j.mu.Lock()
	defer j.unlock()
	if j.store == nil {
		return nil
	}
	_ = j.flush() // what fails is in the log and in health
	return j.closeStore()
}

// closeStore closes the store where it can be closed; mu is held.
func (j *journal) closeStore() error {
	c, ok := j.store.(io.Closer)
	if !ok || j.late != nil {
		return nil // a call that hangs still uses it
	}
	return j.call(func(context.Context, func()) error { return c.Close() }, func() {})
}

// hostError is an error of the host's code: its text is read with care, and errors.Is and
// errors.As see it.
type hostError struct{ err error }

func (e *hostError) Error() string { return describe(e.err) }

func (e *hostError) Unwrap() error { return e.err }
