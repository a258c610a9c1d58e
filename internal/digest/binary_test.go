package digest_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon/internal/digest"
	"github.com/backend-prs/perfmon/sketch"
)

func encode(t testing.TB, l *digest.Log) []byte {
	t.Helper()
	data, err := l.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// filled returns a log of so many minutes, of which the last ended at noon.
func filled(minutes int) *digest.Log {
	rng := rand.New(rand.NewPCG(1, uint64(minutes)))
	log := &digest.Log{}
	for i := range minutes {
		var s sketch.Sketch
		n := rng.IntN(50)
		for range n {
			s.Add(uint64(rng.ExpFloat64() * 1e7))
		}
		log.Add(noon.Add(time.Duration(i+1-minutes)*time.Minute), time.Minute, &s, uint64(n), uint64(n/4))
	}
	return log
}

// A log that is restored answers as the old one does, now and with what is added later.
func TestLogIsRestored(t *testing.T) {
	for _, minutes := range []int{0, 1, 25, 600} {
		old := filled(minutes)
		restored := filled(7) // what it held before is gone
		if err := restored.UnmarshalBinary(encode(t, old)); err != nil {
			t.Fatal(err)
		}
		for i := range 200 {
			if i%20 == 0 {
				for _, window := range []time.Duration{time.Minute, time.Hour, 12 * time.Hour} {
					var a, b sketch.Sketch
					since := noon.Add(-window)
					if diff := cmp.Diff(old.Since(since, &a), restored.Since(since, &b)); diff != "" || a.Quantile(0.99) != b.Quantile(0.99) && a.Count() > 0 {
						t.Fatalf("%d minutes, %d later, %v (-want +got):\n%s", minutes, i, window, diff)
					}
				}
				if diff := cmp.Diff(encode(t, old), encode(t, restored)); diff != "" {
					t.Fatalf("%d minutes, %d later (-want +got):\n%s", minutes, i, diff)
				}
			}
			for _, l := range []*digest.Log{old, restored} {
				var s sketch.Sketch
				s.Add(uint64(i) * 1e6)
				at := noon.Add(time.Duration(i+1) * time.Minute)
				l.Add(at, time.Minute, &s, 2, 1)
				l.Trim(at.Add(-5 * time.Hour))
			}
		}
	}
}

func TestRefusedEncodings(t *testing.T) {
	sound := encode(t, filled(3))
	change := func(i int, b byte) []byte {
		data := append([]byte{}, sound...)
		data[i] = b
		return data
	}
	tests := []struct {
		name    string
		data    []byte
		want    string
		damaged bool
	}{
		{"empty", nil, "digest: damaged encoding: it is empty", true},
		{"a later version", change(0, 9), "digest: encoding of version 9: this package reads version 1", false},
		{"cut", sound[:len(sound)-1], "digest: entry 0: damaged encoding: a sketch of", true},
		{"cut early", sound[:5], "digest: entry 0: damaged encoding: a number is cut", true},
		{"no responses", change(13, 0), "digest: entry 0: damaged encoding: 0 responses and", true},
		{"more errors than responses", change(13, 1), "digest: entry 0: damaged encoding: 1 responses and", true},
		{"a damaged sketch", change(len(sound)-1, 0x80), "digest: entry 0: sketch: damaged encoding: ", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			log := filled(1)
			before := encode(t, log)
			err := log.UnmarshalBinary(test.data)
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Fatalf("%v, want %q", err, test.want)
			}
			if damaged := errors.Is(err, digest.ErrDamaged) || errors.Is(err, sketch.ErrDamaged); damaged != test.damaged {
				t.Errorf("%v is ErrDamaged: %v, want %v", err, damaged, test.damaged)
			}
			if diff := cmp.Diff(before, encode(t, log)); diff != "" {
				t.Errorf("it was changed (-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzUnmarshalBinary(f *testing.F) {
	for _, minutes := range []int{0, 1, 200} {
		f.Add(encode(f, filled(minutes)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var log, again digest.Log
		if log.UnmarshalBinary(data) != nil {
			return
		}
		if err := again.UnmarshalBinary(encode(t, &log)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(encode(t, &log), encode(t, &again)); diff != "" {
			t.Fatalf("the round trip changes it (-want +got):\n%s", diff)
		}
		var s sketch.Sketch
		s.Add(1)
		log.Add(noon, time.Minute, &s, 1, 0)
		log.Since(time.Time{}, &s)
		log.Trim(noon)
	})
}
