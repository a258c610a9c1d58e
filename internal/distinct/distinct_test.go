package distinct_test

import (
	"fmt"
	"math"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/backend-prs/perfmon/internal/distinct"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func newWindow() *distinct.Window { return distinct.New(5*time.Minute, 10, epoch) }

func TestCountAgreesWithTheNumberAdded(t *testing.T) {
	for _, n := range []int{0, 1, 2, 10, 100, 1000, 10_000, 100_000, 1_000_000} {
		w := newWindow()
		for i := range n {
			w.Add("user-" + strconv.Itoa(i))
			w.Add("user-" + strconv.Itoa(i/2))
		}
		// Small numbers are exact. For large ones five standard errors: the seed is
		// random, so the bound must be wide to hold on every run.
		allowed := 0.0
		if n > 100 {
			allowed = 5 * 0.0115 * float64(n)
		}
		if got := w.Count(); math.Abs(float64(got)-float64(n)) > allowed {
			t.Errorf("%d different strings are counted as %d", n, got)
		}
	}
}

func TestWindowSlides(t *testing.T) {
	w := newWindow()
	now := epoch
	advance := func(d time.Duration) {
		now = now.Add(d)
		w.Advance(now)
	}
	check := func(want uint64) {
		t.Helper()
		if got := w.Count(); got != want {
			t.Errorf("at %v: %d, want %d", now.Sub(epoch), got, want)
		}
	}
	w.Add("a")
	check(1)
	advance(3 * time.Minute)
	w.Add("b")
	check(2)
	advance(2 * time.Minute)
	check(2) // a was seen exactly five minutes ago
	advance(30 * time.Second)
	check(1)
	advance(3 * time.Minute)
	check(0)
	w.Add("c")
	advance(24 * time.Hour)
	check(0)
	w.Add("d")
	advance(-time.Hour) // a clock set back
	check(1)
	advance(6 * time.Minute)
	check(0)
}

func TestConcurrentAdds(t *testing.T) {
	w := newWindow()
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 1000 {
				w.Add(fmt.Sprint(g%2, "-", i))
			}
		})
	}
	for i := range 20 {
		w.Advance(epoch.Add(time.Duration(i) * time.Second))
		w.Count()
	}
	wg.Wait()
	if got := w.Count(); got < 1880 || got > 2120 {
		t.Errorf("2000 different strings are counted as %d", got)
	}
}

func TestAddDoesNotAllocate(t *testing.T) {
	w := newWindow()
	w.Add("a")
	if n := testing.AllocsPerRun(1000, func() { w.Add("a") }); n != 0 {
		t.Errorf("Add allocates %v times", n)
	}
}
