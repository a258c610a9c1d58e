package httpapi_test

import (
	"encoding/json"
	"testing"
	"time"

	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon"
)

// second lets one pass that ends no step.
func (s *served) second() { s.clock.Add(time.Second) }

// sampleOf reads the sample in an event.
func sampleOf(t *testing.T, e sseEvent) perfmon.Sample {
	t.Helper()
	var s perfmon.Sample
	if err := json.Unmarshal([]byte(e.data), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// While somebody watches, a stream has live figures each second, whoever else watches.
func TestRealtimeLive(t *testing.T) {
	for protocol, listen := range protocols {
		t.Run(protocol, func(t *testing.T) {
			s := serve(t)
			server := listen(t, s.api)
			s.step()
			var all []*client
			for _, as := range []string{"root", "root", "acme", "globex"} {
				all = append(all, realtime(t, server, as, ""))
			}
			for _, c := range all {
				c.next("metrics") // which it has when it hears of everything
			}
			s.waitWatched(1)
			for second := range 9 {
				if second > 0 {
					s.requests("acme", 7)
				}
				s.second()
				for _, c := range all {
					e := c.next("live")
					got := sampleOf(t, e)
					v, _ := got.Value(perfmon.ThroughputRPS)
					failed, some := got.Value(perfmon.ErrorRate)
					if want := float64(100 * min(second, 1)); !got.Time.Equal(s.Now()) || v != want || some != (second > 0) || some && failed != 7 {
						t.Errorf("second %d: %s", second, e.data)
					}
				}
			}
			s.clock.Add(time.Second)
			for _, c := range all {
				v, _ := sampleOf(t, c.next("metrics")).Value(perfmon.ThroughputRPS)
				if v != 80 { // of 8 seconds of ten
					t.Errorf("the step has a throughput of %v", v)
				}
			}
			for _, c := range all {
				c.close()
			}
			s.waitWatched(0)
		})
	}
}

// waitWatched waits until so many callbacks get live samples.
func (s *served) waitWatched(n int) {
	s.t.Helper()
	for range 3000 {
		got := 0
		for _, sub := range s.Diagnostics().Subscribers {
			if sub.To == "live" {
				got++
			}
		}
		if got == n {
			return
		}
		time.Sleep(10 * time.Millisecond) // what the server's goroutine does cannot be heard of
	}
	s.t.Fatalf("not %d callbacks get live samples: %+v", n, s.Diagnostics().Subscribers)
}

// Where a step is no longer than a second, its samples are live enough.
func TestRealtimeOfShortSteps(t *testing.T) {
	s := serve(t, perfmon.WithStep(time.Second))
	c := realtime(t, listen(t, s.api, false, nil), "root", "")
	s.raise("own", "")
	c.next("alert")
	if slices.ContainsFunc(s.Diagnostics().Subscribers, func(sub perfmon.SubscriberStatus) bool { return sub.To == "live" }) {
		t.Error("live samples are taken")
	}
	for range 3 {
		s.step()
		if e := receive(t, c.events); e.name != "metrics" {
			t.Errorf("%v", e)
		}
	}
}
