// Package logcount counts the records that a service logs, by level.
//
//	records, err := logcount.New(m)
//	...
//	slog.SetDefault(slog.New(records.Handler(slog.NewJSONHandler(os.Stderr, nil))))
//
// It feeds log_debugs, log_infos, log_warnings and log_errors, each per second. A level in
// between counts as the one below it, as slog prints it. What the handler's level leaves out
// is not counted. Records pass as they are: attributes, groups, context and errors.
package logcount

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/backend-prs/perfmon"
)

// Records counts what any number of handlers handle. It is safe for concurrent use.
type Records struct {
	counters [4]*perfmon.Counter // by level: debug, info, warn, error
}

// New registers the metrics. A nil monitor, and one that has them already, is refused with a
// *perfmon.FieldError: take one Records for all handlers.
func New(m *perfmon.Monitor) (*Records, error) {
	if m == nil {
		return nil, fmt.Errorf("logcount: %w", &perfmon.FieldError{Field: "monitor", Value: nil, Want: "a *perfmon.Monitor"})
	}
	r := &Records{}
	for i, metric := range []perfmon.Metric{
		{Name: "log_debugs", Help: "Records below the level of information, per second."},
		{Name: "log_infos", Help: "Records of the level of information, per second."},
		{Name: "log_warnings", Help: "Records of the level of warnings, per second.", Worse: perfmon.HigherIsWorse},
		{Name: "log_errors", Help: "Records of the level of errors and above, per second.", Worse: perfmon.HigherIsWorse},
	} {
		counter, err := m.Metrics().Counter(metric)
		if err != nil {
			return nil, fmt.Errorf("logcount: %w", err)
		}
		r.counters[i] = counter
	}
	return r, nil
}

// Handler returns a handler that counts what next handles. One that counts for these Records
// already is returned as it is. next must not be nil.
func (r *Records) Handler(next slog.Handler) slog.Handler {
	if h, ok := next.(handler); ok && h.records == r {
		return h // or each record would count twice
	}
	return handler{next, r}
}

type handler struct {
	next    slog.Handler
	records *Records
}

func (h handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

func (h handler) Handle(ctx context.Context, r slog.Record) error {
	h.records.counters[place(r.Level)].Add(1)
	return h.next.Handle(ctx, r)
}

// place is where the counter of a level is.
func place(level slog.Level) int {
	switch {
	case level < slog.LevelInfo:
		return 0
	case level < slog.LevelWarn:
		return 1
	case level < slog.LevelError:
		return 2
	}
	return 3
}

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.next.WithAttrs(attrs), h.records}
}

func (h handler) WithGroup(name string) slog.Handler {
	return handler{h.next.WithGroup(name), h.records}
}
