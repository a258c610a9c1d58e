package logcount_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/internal/paired"
	"github.com/backend-prs/perfmon/logcount"
)

// Put the counting handler around the one that writes.
func ExampleRecords_Handler() {
	m, err := perfmon.New()
	if err != nil {
		log.Fatal(err)
	}
	records, err := logcount.New(m)
	if err != nil {
		log.Fatal(err)
	}
	logger := slog.New(records.Handler(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTime})))
	logger.Warn("the disk is nearly full", "percent", 91) // log_warnings counts it
	// Output: level=WARN msg="the disk is nearly full" percent=91
}

func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

func newRecords(t testing.TB) (*perfmon.Monitor, *logcount.Records) {
	t.Helper()
	m, err := perfmon.New()
	if err != nil {
		t.Fatal(err)
	}
	r, err := logcount.New(m)
	if err != nil {
		t.Fatal(err)
	}
	return m, r
}

// counts returns how many records there were of each level.
func counts(m *perfmon.Monitor) map[string]uint64 {
	got := map[string]uint64{}
	for _, total := range m.Metrics().Totals() {
		if level, ok := strings.CutPrefix(total.Metric, "log_"); ok && total.Count > 0 {
			got[level] = total.Count
		}
	}
	return got
}

// It is a handler as slog wants one, around any that is.
func TestIsAHandler(t *testing.T) {
	_, records := newRecords(t)
	var buf bytes.Buffer
	err := slogtest.TestHandler(records.Handler(slog.NewJSONHandler(&buf, nil)), func() []map[string]any {
		var all []map[string]any
		for line := range bytes.Lines(buf.Bytes()) {
			var r map[string]any
			if err := json.Unmarshal(line, &r); err != nil {
				t.Fatal(err)
			}
			all = append(all, r)
		}
		return all
	})
	if err != nil {
		t.Error(err)
	}
}

func TestCountsByLevel(t *testing.T) {
	m, records := newRecords(t)
	logger := slog.New(records.Handler(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelDebug - 1})))
	logger.With("a", 1).Debug("x")
	logger.WithGroup("g").With("b", 2).Info("x")
	logger.Log(t.Context(), slog.LevelInfo+2, "x")
	logger.Log(t.Context(), slog.LevelDebug-1, "x")
	logger.Log(t.Context(), slog.LevelDebug-2, "too low for the handler")
	logger.Warn("x")
	logger.Error("x")
	logger.Log(t.Context(), slog.LevelError+4, "x")
	want := map[string]uint64{"debugs": 2, "infos": 2, "warnings": 1, "errors": 2}
	if diff := cmp.Diff(want, counts(m)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// broken is a handler whose disk is full.
type broken struct{ slog.Handler }

var errDisk = errors.New("no space left")

func (broken) Enabled(context.Context, slog.Level) bool  { return true }
func (broken) Handle(context.Context, slog.Record) error { return errDisk }
func (b broken) WithAttrs([]slog.Attr) slog.Handler      { return b }
func (b broken) WithGroup(string) slog.Handler           { return b }

// A handler that fails is still seen to fail, and what it was given counts.
func TestErrorsPass(t *testing.T) {
	m, records := newRecords(t)
	err := records.Handler(broken{}).Handle(t.Context(), slog.NewRecord(time.Time{}, slog.LevelError, "x", 0))
	if !errors.Is(err, errDisk) {
		t.Errorf("the error is %v", err)
	}
	if diff := cmp.Diff(map[string]uint64{"errors": 1}, counts(m)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAroundItselfCountsOnce(t *testing.T) {
	m, records := newRecords(t)
	h := records.Handler(slog.NewTextHandler(io.Discard, nil))
	slog.New(records.Handler(h)).Info("x")
	slog.New(records.Handler(h.WithGroup("g"))).Info("x")
	if diff := cmp.Diff(map[string]uint64{"infos": 2}, counts(m)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBadArguments(t *testing.T) {
	m, _ := newRecords(t)
	for name, monitor := range map[string]*perfmon.Monitor{"none": nil, "counted already": m} {
		var field *perfmon.FieldError
		if _, err := logcount.New(monitor); !errors.As(err, &field) || !strings.HasPrefix(fmt.Sprint(err), "logcount: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func BenchmarkRecord(b *testing.B) {
	_, records := newRecords(b)
	bare := slog.NewTextHandler(io.Discard, nil)
	call := func(h slog.Handler) func() {
		logger := slog.New(h)
		return func() { logger.Info("an order", "id", 7) }
	}
	paired.Compare(b, call(bare), call(records.Handler(bare)))
}
