package boltstore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/boltstore"
)

// mount makes a file system in memory. It needs root, and the right to mount.
func mount(t *testing.T, options string, flags uintptr) string {
	t.Helper()
	folder := t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", flags, options); err != nil {
		t.Skipf("mounting a file system in memory needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, 0); err != nil {
			t.Error(err)
		}
	})
	return folder
}

func TestReadOnly(t *testing.T) {
	folder := mount(t, "size=1m", syscall.MS_RDONLY)
	_, err := perfmon.New(perfmon.WithoutSystemMetrics(), perfmon.WithStore(boltstore.At(filepath.Join(folder, "perfmon.db"))))
	if err == nil || !errors.Is(err, syscall.EROFS) || !strings.HasSuffix(err.Error(), "read-only file system: the folder and the file have to be writable") {
		t.Errorf("%v", err)
	}
}

// On a full disk nothing that was acknowledged is lost, and what was not is not there.
func TestFullDisk(t *testing.T) {
	path := filepath.Join(mount(t, "size=512k", 0), "perfmon.db")
	s, _ := open(t, path)
	number := uint64(0)
	for {
		r := marker(number + 1)
		r.Marker.Title = strings.Repeat("t", 5000)
		err := s.Append(t.Context(), number, []perfmon.Record{r})
		if err == nil {
			number++
			continue
		}
		if !errors.Is(err, syscall.ENOSPC) || number < 20 {
			t.Fatalf("after %d records: %v", number, err)
		}
		break
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if got := load(t, s); len(got.Records) != int(number) {
		t.Errorf("%d records are there, of %d", len(got.Records), number)
	}
	closed(t, s)
	if got := load(t, s); len(got.Records) != int(number) || len(s.Notes()) > 0 {
		t.Errorf("opened again, %d records are there, of %d; %q", len(got.Records), number, s.Notes())
	}
}

// awaited is a store that says how its points went.
type awaited struct {
	*boltstore.Store
	added chan error
	hang  atomic.Pointer[chan struct{}]
}

func (s *awaited) AddPoint(ctx context.Context, p perfmon.Point) error {
	if c := s.hang.Load(); c != nil {
		<-*c
	}
	err := s.Store.AddPoint(ctx, p)
	s.added <- err
	return err
}

// A monitor whose disk is full goes on in memory, says so, and writes what it still holds
// when there is room again.
func TestMonitorOnAFullDisk(t *testing.T) {
	folder := mount(t, "size=1m", 0)
	clk := clock.NewMock()
	clk.Set(noon)
	s := &awaited{Store: boltstore.At(filepath.Join(folder, "perfmon.db")), added: make(chan error, 1)}
	m, err := perfmon.New(perfmon.WithoutSystemMetrics(), perfmon.WithClock(clk), perfmon.WithStep(time.Minute), perfmon.WithStore(s))
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	rec := m.NewRecorder()
	minute := func() error {
		for i := range 20 {
			rec.Record(time.Duration(i)*time.Millisecond, &perfmon.Response{Method: "GET", Pattern: fmt.Sprint("/", i), Status: 200})
		}
		clk.Add(time.Minute)
		return <-s.added
	}
	minutes := 10
	for range minutes {
		if err := minute(); err != nil {
			t.Fatal(err)
		}
	}
	filler, err := os.Create(filepath.Join(folder, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	for chunk := make([]byte, 4096); err == nil; {
		_, err = filler.Write(chunk)
	}
	_ = filler.Close()
	for n := 0; ; n++ {
		minutes++
		if err := minute(); err != nil {
			break
		}
		if n > 1000 {
			t.Fatal("the disk is full and does not matter")
		}
	}
	if _, err := m.Markers().Add(perfmon.NewMarker{Kind: perfmon.MarkerNote, Title: strings.Repeat("t", 200)}, "ann"); !errors.Is(err, perfmon.ErrStore) || !strings.Contains(err.Error(), "no space left on device") {
		t.Errorf("an action that cannot be kept: %v", err)
	}
	<-s.added // it tried to write the point first
	if h := m.Health(perfmon.AlertQuery{}); !strings.Contains(h.Store, "no space left on device") {
		t.Errorf("health says %q", h.Store)
	}
	if d := m.Diagnostics(); d.Store.PendingPoints != 1 || d.Points != minutes {
		t.Errorf("%d points wait and %d of %d are held", d.Store.PendingPoints, d.Points, minutes)
	}
	if err := os.Remove(filler.Name()); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the one that waits, and a new one
		if err := minute(); err != nil {
			t.Fatal(err)
		}
		minutes++
		if len(s.added) > 0 {
			<-s.added
		}
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if h := m.Health(perfmon.AlertQuery{}); h.Store != "" {
		t.Errorf("health says %q", h.Store)
	}
	_, held := open(t, s.Path())
	if len(held.Points) != minutes {
		t.Errorf("%d of %d points are in the file", len(held.Points), minutes)
	}
}
