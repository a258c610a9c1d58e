package boltstore_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/boltstore"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// content is all that a store gives back.
type content struct {
	Records []perfmon.Record
	Points  []perfmon.Point
}

func load(t testing.TB, s perfmon.Store) (c content) {
	t.Helper()
	if err := s.Load(t.Context(), func(r perfmon.Record) error { c.Records = append(c.Records, r); return nil },
		func(p perfmon.Point) error { c.Points = append(c.Points, p); return nil }); err != nil {
		t.Fatal(err)
	}
	return c
}

// marker is a record of a thing that has no other.
func marker(n uint64) perfmon.Record {
	return perfmon.Record{Number: n, Time: noon, Author: "ann", Marker: &perfmon.Marker{ID: fmt.Sprint("m", n), At: noon, Kind: perfmon.MarkerNote, Title: strings.Repeat("t", int(n%100))}}
}

func point(minute int) perfmon.Point {
	return perfmon.Point{
		Time: noon.Add(time.Duration(minute) * time.Minute), ElapsedSeconds: 60,
		Values: map[string]perfmon.Value{"error_rate": perfmon.ValueOf(float64(minute)), "queue_size": perfmon.ValueOf(1.0 / 3)},
		Scopes: []perfmon.ScopePoint{{Scope: perfmon.Scope{Endpoint: "GET /"}, Requests: uint64(minute), Errors: 1, Times: []byte{1, 1, 2}}, {Scope: perfmon.Scope{Organization: "acme"}, Requests: 9, Times: []byte{1, 0}}},
	}
}

// open returns a store whose file is open, and what it holds.
func open(t testing.TB, path string) (*boltstore.Store, content) {
	t.Helper()
	s := boltstore.At(path)
	c := load(t, s)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, c
}

func closed(t testing.TB, s *boltstore.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// A store behaves as the one in memory does, whatever is done to it and however often it is
// closed and opened.
func TestAgreesWithMemory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "perfmon.db")
	s, _ := open(t, path)
	memory := &perfmon.MemoryStore{}
	rng := rand.New(rand.NewPCG(1, 1))
	number, minute := uint64(0), 0
	for range 300 {
		switch rng.IntN(5) {
		case 0, 1:
			after := number
			var records []perfmon.Record
			for range 1 + rng.IntN(5) {
				number += uint64(1 + rng.IntN(2))
				r := marker(number)
				r.Marker.ID = fmt.Sprint("m", rng.IntN(20))
				records = append(records, r)
			}
			if rng.IntN(10) == 0 {
				after++ // others were appended since
			}
			a, b := s.Append(t.Context(), after, records), memory.Append(t.Context(), after, records)
			if errors.Is(a, perfmon.ErrConflict) != errors.Is(b, perfmon.ErrConflict) || (a == nil) != (b == nil) {
				t.Fatalf("append after %d: %v, in memory %v", after, a, b)
			}
			if a != nil {
				number = after - 1
			}
		case 2, 3:
			minute++
			if err := errors.Join(s.AddPoint(t.Context(), point(minute)), memory.AddPoint(t.Context(), point(minute))); err != nil {
				t.Fatal(err)
			}
		case 4:
			closed(t, s)
			var got content
			s, got = open(t, path)
			if diff := cmp.Diff(load(t, memory), got, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("(-memory +file):\n%s", diff)
			}
			if err := s.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A clock that was set back leaves no points of the future behind.
func TestClockSetBack(t *testing.T) {
	s, _ := open(t, filepath.Join(t.TempDir(), "perfmon.db"))
	for _, minute := range []int{1, 2, 5, 6, 3} {
		if err := s.AddPoint(t.Context(), point(minute)); err != nil {
			t.Fatal(err)
		}
	}
	var got []int
	for _, p := range load(t, s).Points {
		got = append(got, int(p.Time.Sub(noon).Minutes()))
	}
	if diff := cmp.Diff([]int{1, 2, 3}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What cannot be opened is refused by New with a message that says what would be right.
func TestRefused(t *testing.T) {
	folder := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	taken := filepath.Join(folder, "taken.db")
	open(t, taken)
	later, err := os.ReadFile("testdata/later.bolt")
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := os.ReadFile("testdata/foreign.bolt")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, path, want string
		is               error
	}{
		{"locked", taken, "taken.db: another process or monitor has it open; give each a file of its own", boltstore.ErrLocked},
		{"a later format", write("later.db", later), "later.db: it was written by a later version of perfmon: it has format 1000, and this one reads formats up to ", boltstore.ErrFormat},
		{"a file of others", write("foreign.db", foreign), "foreign.db: it is no file of boltstore", nil},
		{"any file", write("text.db", []byte(strings.Repeat("hello ", 3000))), "text.db: it is no file of boltstore", nil},
		{"a folder", folder, "is a directory", nil},
		{"no folder", filepath.Join(folder, "none", "perfmon.db"), "no such file or directory: the folder has to exist", os.ErrNotExist},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before, _ := os.ReadFile(test.path)
			m, err := perfmon.New(perfmon.WithoutSystemMetrics(), perfmon.WithStore(boltstore.At(test.path)))
			if err == nil {
				t.Fatal(m.Close())
			}
			if !strings.Contains(err.Error(), test.want) || test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("%v, want %q", err, test.want)
			}
			if after, _ := os.ReadFile(test.path); string(after) != string(before) {
				t.Error("the file was changed")
			}
		})
	}
	left, err := filepath.Glob(filepath.Join(folder, "*.damaged*"))
	if err != nil || len(left) > 0 {
		t.Errorf("files of others were set aside: %v, %v", left, err)
	}
}

// After Close, and before Load, calls are refused.
func TestNotOpen(t *testing.T) {
	s := boltstore.At(filepath.Join(t.TempDir(), "perfmon.db"))
	if err := s.AddPoint(t.Context(), point(1)); err == nil {
		t.Error("a point was kept in a file that is not open")
	}
	load(t, s)
	closed(t, s)
	closed(t, s)
	if err := s.Append(t.Context(), 0, []perfmon.Record{marker(1)}); err == nil {
		t.Error("a record was kept in a file that is closed")
	}
}
