package boltstore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/boltstore"
)

// A file of an earlier format is brought up to date, with all that is in it.
func TestEarlierFormat(t *testing.T) {
	path := filepath.Join(t.TempDir(), "perfmon.db")
	if err := os.WriteFile(path, mustRead(t, "testdata/format1.bolt"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it is of the present format
		s := boltstore.At(path)
		got := load(t, s)
		var want content
		for n := range 12 {
			want.Records = append(want.Records, marker(uint64(n+1)))
		}
		for n := range 9 {
			want.Points = append(want.Points, point(n))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if err := s.Roll(t.Context(), perfmon.Roll{}); err != nil {
			t.Error(err)
		}
		if notes := s.Notes(); len(notes) > 0 {
			t.Errorf("the notes are %q", notes)
		}
		closed(t, s)
	}
}

// What is trimmed makes room for what comes: the file does not grow with time.
func TestSpaceIsReused(t *testing.T) {
	s, _ := open(t, filepath.Join(t.TempDir(), "perfmon.db"))
	size := func() int64 {
		info, err := os.Stat(s.Path())
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	var early int64
	for hour := range 300 {
		from := noon.Add(time.Duration(hour) * time.Hour)
		for minute := range 5 {
			if err := s.AddPoint(t.Context(), point(hour*60+minute)); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Append(t.Context(), uint64(hour), []perfmon.Record{marker(uint64(hour + 1))}); err != nil {
			t.Fatal(err)
		}
		roll := perfmon.Roll{
			Blocks:  []perfmon.Block{{Tier: 0, From: from, Data: make([]byte, 20_000)}, {Tier: 1, From: from.Truncate(24 * time.Hour), Data: make([]byte, 5000*(1+hour%24))}},
			Through: from.Add(2 * time.Minute), Oldest: []time.Time{from.Add(-24 * time.Hour), from.Add(-72 * time.Hour)},
			Keep: func(identity string) bool { return identity >= fmt.Sprint("marker m", hour-5) },
		}
		if err := s.Roll(t.Context(), roll); err != nil {
			t.Fatal(err)
		}
		if hour == 100 {
			early = size()
		}
	}
	if late := size(); late > early+early/4 {
		t.Errorf("the file had %d bytes after 100 hours, and %d after 300", early, late)
	}
	blocks := 0
	if err := s.Blocks(t.Context(), 0, noon, noon.Add(1000*time.Hour), func(perfmon.Block) error { blocks++; return nil }); err != nil || blocks != 25 {
		t.Errorf("%d blocks of tier 0 are there, want 25; %v", blocks, err)
	}
	held := load(t, s)
	if n := len(held.Points); n != 2 {
		t.Errorf("%d points are there, want the two that were not rolled up", n)
	}
	if n := len(held.Records); n < 5 || n > 20 || held.Records[n-1].Number != 300 {
		t.Errorf("%d records are there, the last of number %d", n, held.Records[n-1].Number)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// hanging is a store whose disk hangs, or takes its time.
type hanging struct {
	*boltstore.Store
	hang  atomic.Bool
	slow  time.Duration
	freed chan struct{}
}

func (s *hanging) wait() {
	time.Sleep(s.slow)
	if s.hang.Load() {
		<-s.freed
	}
}

func (s *hanging) AddPoint(ctx context.Context, p perfmon.Point) error {
	s.wait()
	return s.Store.AddPoint(ctx, p)
}

func (s *hanging) Append(ctx context.Context, after uint64, records []perfmon.Record) error {
	s.wait()
	return s.Store.Append(ctx, after, records)
}

// While the disk hangs the monitor goes on in memory and says so; when it is back, what was
// held is written.
func TestDiskThatHangs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "perfmon.db")
	synctest.Test(t, func(t *testing.T) {
		s := &hanging{Store: boltstore.At(path), freed: make(chan struct{})}
		m, err := perfmon.New(perfmon.WithoutSystemMetrics(), perfmon.WithStore(s))
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5*time.Minute + time.Second)
		s.hang.Store(true)
		time.Sleep(10 * time.Minute)
		if h := m.Health(perfmon.AlertQuery{}); !strings.Contains(h.Store, "has not returned after 5s") {
			t.Errorf("health says %q", h.Store)
		}
		if d := m.Diagnostics(); d.Store.PendingPoints != 10 || d.Points != 15 {
			t.Errorf("%d points wait and %d are held", d.Store.PendingPoints, d.Points)
		}
		if _, err := m.Markers().Add(perfmon.NewMarker{Kind: perfmon.MarkerNote, Title: "t"}, "ann"); !errors.Is(err, perfmon.ErrStore) {
			t.Errorf("an action that cannot be kept: %v", err)
		}
		s.hang.Store(false)
		close(s.freed)
		time.Sleep(time.Minute)
		if d := m.Diagnostics(); d.Store.PendingPoints != 0 || d.Store.Failure != "" {
			t.Errorf("after it was back: %+v", d.Store)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	if held := load(t, boltstoreAt(t, path)); len(held.Points) != 16 {
		t.Errorf("%d of 16 points are in the file", len(held.Points))
	}
}

func boltstoreAt(t *testing.T, path string) *boltstore.Store {
	s := boltstore.At(path)
	t.Cleanup(func() { closed(t, s) })
	return s
}

// A disk that takes 100 ms for each write delays no request and nobody who asks, and a sample
// by a twentieth of a step at most, in which its alerts may be told before it.
func TestSlowDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "perfmon.db")
	synctest.Test(t, func(t *testing.T) {
		s := &hanging{Store: boltstore.At(path), slow: 100 * time.Millisecond}
		m, err := perfmon.New(perfmon.WithoutSystemMetrics(), perfmon.WithStore(s), perfmon.WithStep(time.Second), perfmon.WithInterval(time.Second),
			perfmon.WithMetricFunc(perfmon.Metric{Name: "wave"}, func() float64 { return float64(time.Now().Unix() / 5 % 2) }),
			perfmon.WithThreshold(perfmon.Threshold{Metric: "wave", Warning: perfmon.ValueOf(0.5)}))
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		var late atomic.Int64
		m.Subscribe(func(x perfmon.Sample) {
			late.Store(max(late.Load(), int64(time.Since(x.Time)))) // in made-up time, which only waiting takes
		})
		if err := m.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		rec := m.NewRecorder()
		for range 600 {
			time.Sleep(100 * time.Millisecond)
			before := time.Now()
			rec.Record(time.Millisecond, &perfmon.Response{Method: "GET", Pattern: "/", Status: 200})
			m.Health(perfmon.AlertQuery{})
			m.Dashboard(perfmon.DashboardQuery{Alerts: true})
			if took := time.Since(before); took > 0 {
				t.Fatalf("after %v, a request and those who ask took %v", before.Sub(began), took)
			}
		}
		if d := time.Duration(late.Load()); d > m.Step()/20 {
			t.Errorf("a sample came %v late", d)
		}
		if d := m.Diagnostics(); d.StepsDropped > 0 || d.Store.Lost > 0 {
			t.Errorf("%d steps were dropped, %d points lost", d.StepsDropped, d.Store.Lost)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
}
