package perfmon_test

import (
	"math"
	"sync/atomic"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
)

// wallClock is a mock clock whose time of day can be set without moving time itself, as
// somebody does who corrects the clock of a machine.
type wallClock struct {
	*clock.Mock
	offset atomic.Int64
}

func (c *wallClock) Now() time.Time                  { return c.Mock.Now().Add(time.Duration(c.offset.Load())) }
func (c *wallClock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }
func (c *wallClock) Until(t time.Time) time.Duration { return t.Sub(c.Now()) }

// A cooldown lasts its length of elapsed time, whatever is done to the clock on the
// wall: a new incident after it is told though the clock was set back by a day.
func TestCooldownGoesByElapsedTime(t *testing.T) {
	for name, jump := range map[string]time.Duration{"back": -24 * time.Hour, "a little back": -time.Minute, "not at all": 0} {
		t.Run(name, func(t *testing.T) {
			wall := &wallClock{Mock: clock.NewMock()}
			wall.Set(noon)
			b := start(t, perfmon.WithClock(wall))
			b.clock = wall.Mock
			for range 3 {
				b.errors(50)
			}
			for range 3 {
				b.errors(0)
			}
			wall.offset.Store(int64(jump))
			for range 60 { // ten minutes: still within the cooldown
				b.errors(0)
			}
			for range 3 {
				b.errors(50)
			}
			for range 3 {
				b.errors(0)
			}
			want := []string{"opened critical error_rate of service", "resolved critical error_rate of service"}
			if diff := cmp.Diff(want, b.told()); diff != "" {
				t.Errorf("within the cooldown (-want +got):\n%s", diff)
			}
			for range 40 {
				b.errors(0)
			}
			for range 3 {
				b.errors(50)
			}
			if diff := cmp.Diff([]string{"opened critical error_rate of service"}, b.told()); diff != "" {
				t.Errorf("after it (-want +got):\n%s", diff)
			}
			if up := b.Uptime(); up < 15*time.Minute || up > 30*time.Minute {
				t.Errorf("the uptime is %v", up)
			}
		})
	}
}

// IDs ascend though the clock was set back.
func TestIDsAscend(t *testing.T) {
	b := start(t, perfmon.WithAlertCooldown(0))
	last := ""
	for i := range 20 {
		if i == 10 {
			b.clock.Set(b.clock.Now().Add(-24 * time.Hour))
		}
		a, err := b.Alerts().Raise(perfmon.HostAlert{Metric: "m", Severity: perfmon.Warning, Message: "m"})
		if err != nil {
			t.Fatal(err)
		}
		if a.ID <= last {
			t.Errorf("%s comes after %s", a.ID, last)
		}
		last = a.ID
		if _, err := b.Alerts().Resolve(a.ID, "test"); err != nil {
			t.Fatal(err)
		}
	}
}

// What is told belongs together: severity, value and limit are those of one moment.
func TestWordsAreTrue(t *testing.T) {
	b := start(t, perfmon.WithAlertCooldown(5*time.Minute))
	for range 3 {
		b.errors(30)
	}
	for range 3 {
		b.errors(0)
	}
	for range 40 { // back at warning level, until the cooldown is over
		b.errors(6)
	}
	var got []string
	for range 3 {
		got = append(got, b.event().String())
	}
	want := []string{
		"critical opened: error_rate of service is 30 %, past the critical limit of 10 %; worst: GET / (30 %)",
		"critical resolved after 30s: error_rate of service is 0 %",
		"warning opened: error_rate of service is 6 %, past the warning limit of 5 %; worst: GET / (6 %)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A run of both kinds is a warning, and says which limit all of it passed. An alert whose
// metric goes away, or comes back, says so.
func TestWordsFollowWhatIsWrong(t *testing.T) {
	v := math.NaN()
	b := start(t, perfmon.WithoutDefaultThresholds(), perfmon.WithMetricFunc(perfmon.Metric{Name: "g", Unit: "jobs"}, func() float64 { return v }),
		perfmon.WithThreshold(perfmon.Threshold{Metric: "g", Warning: perfmon.ValueOf(5), Critical: perfmon.ValueOf(10), AbsentAfter: time.Minute}))
	for _, v = range []float64{6, 6, 50} {
		b.step()
	}
	v = math.NaN()
	for range 7 {
		b.step()
	}
	for _, v = range []float64{7, 7} {
		b.step()
	}
	for _, v = range []float64{1, 1, 1} {
		b.step()
	}
	var got []string
	for range 4 {
		got = append(got, b.event().String())
	}
	want := []string{
		"warning opened: g of service is 50 jobs, past the warning limit of 5 jobs",
		"critical escalated: g of service has had no value for 1m0s",
		"critical updated: g of service is 7 jobs, past the warning limit of 5 jobs",
		"critical resolved after 2m0s: g of service is 1 jobs",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
