package perfmon_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
)

// A share is computed from all that was counted, in a point as in a step; without anything
// to count it is absent.
func TestShare(t *testing.T) {
	b := start(t)
	s, err := b.Metrics().Share(perfmon.Metric{Name: "answered", Worse: perfmon.LowerIsWorse})
	if err != nil {
		t.Fatal(err)
	}
	for i, add := range [][2]uint64{{1, 10}, {0, 0}, {90, 90}, {0, 0}, {0, 0}, {0, 0}} {
		s.Add(add[0], add[1])
		got, known := b.step().Value("answered")
		switch want := 100 * float64(add[0]) / float64(max(add[1], 1)); {
		case known != (add[1] > 0):
			t.Errorf("step %d: known is %v with %d counted", i, known, add[1])
		case known && got != want:
			t.Errorf("step %d: %v %%, want %v", i, got, want)
		}
	}
	if got := series(t, b.Monitor, perfmon.Scope{}, 0, "answered").Metrics["answered"].Values; !cmp.Equal(got, perfmon.Values{91}) {
		t.Errorf("the point is %v, want 91 of 100", got)
	}
	totals := b.Metrics().Totals()
	want := perfmon.MetricTotal{Metric: "answered", Count: 100, Hits: 91}
	if diff := cmp.Diff(want, totals[len(totals)-1]); diff != "" {
		t.Errorf("total (-want +got):\n%s", diff)
	}
}

// Totals that something else counts begin with the first that is seen, and begin anew where
// they have fallen.
func TestFollow(t *testing.T) {
	b := start(t)
	c, err := b.Metrics().Counter(perfmon.Metric{Name: "waits"})
	if err != nil {
		t.Fatal(err)
	}
	mean, err := b.Metrics().Mean(perfmon.Metric{Name: "wait"})
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.Metrics().Share(perfmon.Metric{Name: "hits"})
	if err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		name       string
		n          uint64
		waited     time.Duration
		rate, wait float64
		known      bool
	}{
		{"the first is where counting begins", 1000, time.Hour, 0, 0, false},
		{"it grows", 1020, time.Hour + 10*time.Second, 2, 0.5, true},
		{"nothing happens", 1020, time.Hour + 10*time.Second, 0, 0, false},
		{"it begins anew", 10, time.Second, 0, 0, false},
		{"it grows again", 20, 4 * time.Second, 1, 0.3, true},
	}
	for _, step := range steps {
		c.Follow(step.n)
		mean.Follow(step.n, step.waited)
		s.Follow(step.n/2, step.n)
		sample := b.step()
		wait, known := sample.Value("wait")
		if rate := b.value(sample, "waits"); rate != step.rate || wait != step.wait || known != step.known {
			t.Errorf("%s: %v/s, a wait of %v (%v), want %v/s, %v (%v)", step.name, rate, wait, known, step.rate, step.wait, step.known)
		}
		if share, known := sample.Value("hits"); known != step.known || known && share != 50 {
			t.Errorf("%s: a share of %v (%v)", step.name, share, known)
		}
	}
}

// What totals grow by while the monitor is paused counts nowhere.
func TestFollowOverAPause(t *testing.T) {
	b := start(t)
	c, err := b.Metrics().Counter(perfmon.Metric{Name: "waits"})
	if err != nil {
		t.Fatal(err)
	}
	c.Follow(100)
	b.step()
	pause := func(enabled bool) {
		t.Helper()
		if _, err := b.Config().Update(perfmon.SettingsUpdate{Enabled: &enabled}, "a test"); err != nil {
			t.Fatal(err)
		}
		b.clock.Add(b.Step())
	}
	pause(false)
	pause(true)
	c.Follow(1_000_000)
	if got := b.value(b.step(), "waits"); got != 0 {
		t.Errorf("%v waits a second after the pause", got)
	}
	c.Follow(1_000_020)
	if got := b.value(b.step(), "waits"); got != 2 {
		t.Errorf("%v waits a second, want 2", got)
	}
}
