package boltstore_test

import (
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/boltstore"
)

var damages = flag.Int("damages", 100, "how many files TestDamagedFiles damages")

// soundFile returns a file with so many records and points.
func soundFile(t testing.TB, path string, records, points int) []byte {
	t.Helper()
	s := boltstore.At(path)
	load(t, s)
	for n := range records {
		if err := s.Append(t.Context(), uint64(n), []perfmon.Record{marker(uint64(n + 1))}); err != nil {
			t.Fatal(err)
		}
	}
	for n := range points {
		if err := s.AddPoint(t.Context(), point(n)); err != nil {
			t.Fatal(err)
		}
	}
	closed(t, s)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// damaged opens a file that may be damaged. It has to open or be refused; what opens holds
// nothing that was not written, takes more, and the file that was damaged is kept.
func damaged(t *testing.T, path string, data []byte, records, points int) (opened, aside bool) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	s := boltstore.At(path)
	var last uint64
	seen := 0
	err := s.Load(t.Context(), func(r perfmon.Record) error {
		if r.Marker == nil || r.Identity() != marker(r.Number).Identity() || r.Marker.Title != marker(r.Number).Marker.Title || r.Number > uint64(records) {
			t.Errorf("record %d was not written", r.Number)
		}
		last = max(last, r.Number)
		return nil
	}, func(p perfmon.Point) error {
		n := int(p.Time.Sub(noon).Minutes())
		if diff := cmp.Diff(point(n), p); diff != "" {
			t.Errorf("a point was not written so (-want +got):\n%s", diff)
		}
		seen++
		return nil
	})
	kept, _ := filepath.Glob(path + ".damaged-*")
	for _, name := range kept {
		if got, err := os.ReadFile(name); err != nil || string(got) != string(data) {
			t.Errorf("%s is not the damaged file: %v", name, err)
		}
		if err := os.Remove(name); err != nil {
			t.Error(err)
		}
	}
	if err != nil {
		closed(t, s)
		t.Logf("%v", err)
		if text := err.Error(); !strings.HasPrefix(text, "boltstore: ") || strings.Contains(text, "panic") {
			t.Errorf("refused with %q", text)
		}
		return false, len(kept) > 0
	}
	if len(kept) != len(s.Notes()) {
		t.Errorf("%d files are kept, and the notes are %q", len(kept), s.Notes())
	}
	if len(kept) == 0 && seen != points {
		t.Errorf("%d of %d points are there, and nobody is told", seen, points)
	}
	if err := errors.Join(s.AddPoint(t.Context(), point(points+1)), s.Append(t.Context(), last, []perfmon.Record{marker(last + 1)})); err != nil {
		t.Errorf("it does not go on after record %d: %v", last, err)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	closed(t, s)
	return true, len(kept) > 0
}

// Bytes that change, and files that are cut, at random places: opened or refused, never a
// panic, and the damaged file kept.
func TestDamagedFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "perfmon.db")
	const records, points = 150, 120
	sound := soundFile(t, path, records, points)
	rounds := *damages
	set, refused, harmless := 0, 0, 0
	for i := range rounds {
		rng := rand.New(rand.NewPCG(uint64(i), 7))
		data := append([]byte{}, sound...)
		switch i % 4 {
		case 0: // one bit
			data[rng.IntN(len(data))] ^= 1 << rng.IntN(8)
		case 1: // a page of rubbish
			at := rng.IntN(len(data)/512) * 512
			for j := at; j < min(at+4096, len(data)); j++ {
				data[j] = byte(rng.Uint32())
			}
		case 2: // cut
			data = data[:rng.IntN(len(data))]
		case 3: // headers of pages, which lead elsewhere
			for range 3 {
				page := rng.IntN(len(data)/4096) * 4096
				data[page+rng.IntN(64)] = byte(rng.Uint32())
			}
		}
		opened, aside := damaged(t, path, data, records, points)
		switch {
		case !opened:
			refused++
		case aside:
			set++
		default:
			harmless++
		}
		if t.Failed() {
			t.Fatalf("round %d", i)
		}
	}
	t.Logf("%d set aside, %d refused, %d harmless", set, refused, harmless)
	if set < rounds/10 || harmless == 0 {
		t.Errorf("%d files were set aside, %d refused and %d harmless: the test damages too much or too little", set, refused, harmless)
	}
}

// What is sound in a damaged file goes on: with one value damaged, that one is missing.
func TestSalvage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "perfmon.db")
	data := soundFile(t, path, 30, 20)
	title := strings.Repeat("t", 17) + `"` // of record 17 alone
	at := strings.LastIndex(string(data), `"m17"`)
	if at < 0 || !strings.Contains(string(data), title) {
		t.Fatal("record 17 is not in the file")
	}
	data[at+1] = 'x'
	for i := range len(data) - 5 { // also where an earlier write left it
		if string(data[i:i+5]) == `"m17"` {
			data[i+1] = 'x'
		}
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	s, got := open(t, path)
	if len(got.Records) != 29 || len(got.Points) != 20 {
		t.Errorf("%d of 29 records and %d of 20 points are there", len(got.Records), len(got.Points))
	}
	for _, r := range got.Records {
		if r.Number == 17 {
			t.Error("the damaged record is there")
		}
	}
	notes := s.Notes()
	if len(notes) != 1 || !strings.Contains(notes[0], "of records: the checksum of a value does not match; it is kept as perfmon.db.damaged-") {
		t.Errorf("the notes are %q", notes)
	}
	if err := s.Append(t.Context(), 30, []perfmon.Record{marker(31)}); err != nil {
		t.Errorf("it does not go on: %v", err)
	}
}

// A file that is cut while it is open is an error and no crash.
func TestCutWhileOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "perfmon.db")
	soundFile(t, path, 100, 200)
	s := boltstore.At(path)
	load(t, s)
	if err := os.Truncate(path, 8192); err != nil {
		t.Fatal(err)
	}
	err := s.Load(t.Context(), func(perfmon.Record) error { return nil }, func(perfmon.Point) error { return nil })
	if err == nil || errors.Is(err, os.ErrNotExist) {
		t.Errorf("reading what is not there: %v", err)
	}
	_ = s.Close()
	if opened, aside := damaged(t, path, mustRead(t, path), 100, 200); !opened || !aside {
		t.Errorf("opened again: %v, set aside: %v", opened, aside)
	}
}

func mustRead(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
