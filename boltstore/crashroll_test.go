package boltstore_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/boltstore"
)

// perRoll is how many points the child rolls up into a block.
const perRoll = 10

// minutes returns which minutes a file has, each as often as it is there: as a point, or in a
// block, whose data has its first and last minute.
func minutes(ctx context.Context, s *boltstore.Store) (held map[int]int, next int, err error) {
	held = map[int]int{}
	err = s.Load(ctx, func(perfmon.Record) error { return nil }, func(p perfmon.Point) error {
		held[int(p.Time.Sub(noon).Minutes())]++
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	err = s.Blocks(ctx, 0, noon, noon.Add(1e6*time.Minute), func(b perfmon.Block) error {
		var first, last int
		if _, err := fmt.Sscan(string(b.Data), &first, &last); err != nil {
			return err
		}
		for minute := first; minute <= last; minute++ {
			held[minute]++
		}
		return nil
	})
	for held[next] > 0 {
		next++
	}
	return held, next, err
}

// rollChild adds points and rolls them up, and says what is done.
func rollChild(path string) error {
	ctx := context.Background()
	s := boltstore.At(path)
	_, n, err := minutes(ctx, s)
	if err != nil {
		return err
	}
	first := n // the first that is not in a block
	if err := s.Points(ctx, noon.Add(-time.Minute), noon.Add(1e6*time.Minute), func(p perfmon.Point) error {
		first = min(first, int(p.Time.Sub(noon).Minutes()))
		return nil
	}); err != nil {
		return err
	}
	told("started")
	for ; ; n++ {
		if err := s.AddPoint(ctx, point(n)); err != nil {
			return err
		}
		told("point %d", n)
		if n%perRoll != perRoll-1 {
			continue
		}
		data := fmt.Sprintf("%d %d %s", first, n, strings.Repeat("x", rand.IntN(50_000)))
		roll := perfmon.Roll{Blocks: []perfmon.Block{{From: point(first).Time, Data: []byte(data)}}, Through: point(n).Time}
		if err := s.Roll(ctx, roll); err != nil {
			return err
		}
		first = n + 1
	}
}

// Whenever the process is killed while it rolls points up, each point is there once: by
// itself or in its block.
func TestKillWhileRolling(t *testing.T) {
	path := filepath.Join(t.TempDir(), "perfmon.db")
	acked := -1
	note := func(t *testing.T, line string) {
		var n int
		if _, err := fmt.Sscanf(line, "point %d", &n); err == nil {
			acked = max(acked, n)
		}
	}
	rounds := max(*kills/4, 1)
	for i := range rounds {
		runAndKill(t, "roll", path, time.Duration(rand.IntN(100))*time.Millisecond, note)
		s := boltstore.At(path)
		held, next, err := minutes(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if notes := s.Notes(); len(notes) > 0 {
			t.Fatalf("the file was damaged: %q", notes)
		}
		closed(t, s)
		for minute, n := range held {
			if n != 1 || minute >= next {
				t.Errorf("minute %d is there %d times, and those before %d are there", minute, n, next)
			}
		}
		if next <= acked {
			t.Errorf("minute %d was acknowledged, and %d is the first that is missing", acked, next)
		}
		if t.Failed() {
			t.Fatalf("after %d kills", i+1)
		}
	}
	if acked < rounds {
		t.Errorf("only %d points in %d kills", acked, rounds)
	}
	t.Logf("%d kills, %d points", rounds, acked+1)
}
