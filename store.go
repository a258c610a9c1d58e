package perfmon

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/exp/slices"
)

// Record is one change: the whole new state of one thing, numbered in the order of all
// changes. Exactly one of its pointers is set. A record and what it points to never change.
type Record struct {
	// Number orders the records of a monitor: it ascends. Where an action failed there
	// is a gap.
	Number uint64 `json:"number"`
	// Time is the date of the change.
	Time time.Time `json:"time"`
	// Author says who made it; ByMonitor where nobody did by hand.
	Author string `json:"author"`

	Alert     *AlertRecord     `json:"alert,omitempty"`
	Threshold *ThresholdRecord `json:"threshold,omitempty"`
	Settings  *SettingsRecord  `json:"settings,omitempty"`
	Baseline  *Baseline        `json:"baseline,omitempty"`
	Detector  *DetectorRecord  `json:"detector,omitempty"`
	Marker    *Marker          `json:"marker,omitempty"`

	Silence     *Silence           `json:"silence,omitempty"`
	Outbox      *OutboxRecord      `json:"outbox,omitempty"`
	DeadLetters *DeadLettersRecord `json:"dead_letters,omitempty"`
}

// ThresholdRecord is a threshold as it was set, or the last of one that was removed.
type ThresholdRecord struct {
	Threshold Threshold `json:"threshold"`
	Removed   bool      `json:"removed,omitempty"`
}

// Identity names the thing that the record is about. Of the records with the same
// identity only the latest still matters: a store may drop the others.
func (r Record) Identity() string {
	switch {
	case r.Alert != nil && r.Alert.Alert != nil:
		return "alert " + r.Alert.Alert.ID
	case r.Alert != nil:
		return "key " + r.Alert.Key.Metric + "\x00" + r.Alert.Key.Endpoint + "\x00" + r.Alert.Key.Organization
	case r.Threshold != nil:
		id := r.Threshold.Threshold.ID()
		return "threshold " + id.Metric + "\x00" + string(id.Scope) + "\x00" + id.AppliesTo
	case r.Settings != nil:
		return "settings"
	case r.Baseline != nil:
		return "baseline " + r.Baseline.At.UTC().Format(time.RFC3339Nano)
	case r.Detector != nil:
		return "detector " + r.Detector.Metric
	case r.Marker != nil:
		return "marker " + r.Marker.ID
	case r.Silence != nil:
		return "silence " + r.Silence.ID
	case r.Outbox != nil:
		return "outbox " + r.Outbox.Notifier
	case r.DeadLetters != nil:
		return "dead letters " + r.DeadLetters.Notifier
	}
	return ""
}

// Point is one value of history for every metric, and the requests of every scope, over
// one interval.
type Point struct {
	Time           time.Time        `json:"time"` // when the interval ended
	ElapsedSeconds float64          `json:"elapsed_seconds"`
	Values         map[string]Value `json:"values"` // of the service; absent ones are left out
	Scopes         []ScopePoint     `json:"scopes,omitempty"`
}

// ScopePoint is what was counted for an endpoint or an organization over an interval.
type ScopePoint struct {
	Scope
	Requests uint64 `json:"requests"`
	Errors   uint64 `json:"errors"`
	// Times is the sketch of the response times in nanoseconds, as
	// sketch.Sketch.AppendBinary writes it.
	Times []byte `json:"times"`
}

// String names the scope and what was counted.
func (p ScopePoint) String() string {
	return fmt.Sprintf("%v: %d requests, %d errors", p.Scope, p.Requests, p.Errors)
}

// Store keeps the records and points of a monitor, so that a later monitor goes on
// where this one ended. It belongs to one monitor at a time. A monitor calls it from one goroutine at a time, never on the
// path of a request, and does not wait for a call past its deadline.
type Store interface {
	// Append keeps records, all of them or, with an error, none. after is the number of
	// the last record that the monitor knows to be in the store; where that is not the
	// last one, others were appended since, and Append returns ErrConflict.
	Append(ctx context.Context, after uint64, records []Record) error
	// AddPoint keeps a point.
	AddPoint(ctx context.Context, p Point) error
	// Load calls record for the latest record of each identity, by number, and then
	// point for each point, by time. It stops at the first error and returns it.
	Load(ctx context.Context, record func(Record) error, point func(Point) error) error
}

// ErrConflict is returned by Store.Append when the store holds records that the
// monitor does not know yet.
var ErrConflict = errors.New("other records were appended meanwhile")

// MemoryStore is a Store in memory: it outlives its monitor, but not the process. Use it
// in tests. The zero value is empty and ready. It is safe for concurrent use.
type MemoryStore struct {
	mu      sync.Mutex
	number  uint64
	records map[string]Record // the latest, by identity
	points  []Point
}

// memoryPoints bounds the points that a MemoryStore keeps.
const memoryPoints = MaxPoints

// Append implements Store.
func (s *MemoryStore) Append(_ context.Context, after uint64, records []Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if after != s.number {
		return ErrConflict
	}
	if s.records == nil {
		s.records = map[string]Record{}
	}
	for _, r := range records {
		s.records[r.Identity()] = r
		s.number = r.Number
	}
	return nil
}

// AddPoint implements Store.
func (s *MemoryStore) AddPoint(_ context.Context, p Point) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.points) == memoryPoints {
		s.points = slices.Delete(s.points, 0, 1)
	}
	s.points = append(s.points, p)
	return nil
}

// Load implements Store.
func (s *MemoryStore) Load(_ context.Context, record func(Record) error, point func(Point) error) error {
	s.mu.Lock()
	records := make([]Record, 0, len(s.records))
	for _, r := range s.records {
		records = append(records, r)
	}
	points := slices.Clone(s.points)
	s.mu.Unlock()
	sortFunc(records, func(a, b Record) int {
		if a.Number < b.Number {
			return -1
		}
		return 1
	})
	for _, r := range records {
		if err := record(r); err != nil {
			return err
		}
	}
	for _, p := range points {
		if err := point(p); err != nil {
			return err
		}
	}
	return nil
}
