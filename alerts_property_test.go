package perfmon_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/backend-prs/perfmon"
)

// Whatever the values, and whatever anybody does by hand: there is never a second alert
// for a metric and scope beside one that is not resolved, nobody is told of an opening
// within the cooldown of the one before, an escalation keeps the alert's identity, and
// what is told agrees with what is kept.
func TestAlertInvariants(t *testing.T) {
	const cooldown = 4 * time.Minute
	for seed := range uint64(8) {
		rng := rand.New(rand.NewPCG(seed, 7))
		b := start(t, perfmon.WithAlertCooldown(cooldown), perfmon.WithoutDefaultThresholds(),
			perfmon.WithThreshold(perfmon.Threshold{Metric: perfmon.ErrorRate, Warning: perfmon.ValueOf(20), Critical: perfmon.ValueOf(50), ConsecutiveViolations: 2, MinRequests: 1}),
			perfmon.WithThreshold(perfmon.Threshold{Metric: perfmon.ErrorRate, Scope: perfmon.ScopeEndpoint, Warning: perfmon.ValueOf(20), Critical: perfmon.ValueOf(50), MinRequests: 1}),
		)
		type life struct {
			id       string
			critical bool
			opened   time.Time // last told of
		}
		told := map[string]*life{}
		percent := [3]int{}
		for range 250 {
			for i := range percent {
				if rng.IntN(5) == 0 {
					percent[i] = rng.IntN(100)
				}
				for j := range 20 {
					r := perfmon.Response{Pattern: fmt.Sprint("/", i), Status: 200}
					if j*5 < percent[i] {
						r.Status = 500
					}
					b.rec.Record(time.Millisecond, &r)
				}
			}
			b.step()
			if all, _ := b.Alerts().List(perfmon.AlertQuery{}); len(all) > 0 && rng.IntN(4) == 0 {
				a := all[rng.IntN(len(all))]
				act := []func(string, string) (perfmon.Alert, error){b.Alerts().Acknowledge, b.Alerts().Dismiss, b.Alerts().Escalate, b.Alerts().Resolve}[rng.IntN(4)]
				_, _ = act(a.ID, "somebody") // it may not apply
			}

			held := map[string]string{}
			all, _ := b.Alerts().List(perfmon.AlertQuery{})
			for _, a := range all {
				key := a.Metric + " " + a.Scope.String()
				if a.State == perfmon.AlertResolved {
					continue
				}
				if other, ok := held[key]; ok {
					t.Fatalf("seed %d: %s has two alerts, %s and %s", seed, key, other, a.ID)
				}
				held[key] = a.ID
			}
			for more := true; more; {
				var e perfmon.AlertEvent
				select {
				case e = <-b.events:
				default:
					more = false
					continue
				}
				key := e.Alert.Metric + " " + e.Alert.Scope.String()
				l := told[key]
				fail := func(what string) {
					t.Fatalf("seed %d: %v %v of %s: %s; before: %+v", seed, e.At, e, e.Alert.ID, what, l)
				}
				switch e.Change {
				case perfmon.ChangeOpened:
					if l != nil && e.At.Sub(l.opened) < cooldown && !(e.Alert.Reopened > 0 && e.Alert.Severity == perfmon.Critical) {
						fail("an opening within the cooldown")
					}
					if l != nil && e.Alert.ID < l.id {
						fail("its ID sorts before an earlier one's")
					}
					told[key] = &life{e.Alert.ID, e.Alert.Severity == perfmon.Critical, e.At}
				case perfmon.ChangeEscalated:
					if l == nil || l.id != e.Alert.ID || l.critical && e.Alert.Reopened == 0 || e.Alert.Severity != perfmon.Critical {
						fail("it is another alert, or was critical already")
					}
					l.critical = true
				case perfmon.ChangeAcknowledged, perfmon.ChangeDismissed, perfmon.ChangeResolved:
					if l == nil || l.id != e.Alert.ID {
						fail("nobody was told that it opened")
					}
				default:
					fail("it should not be told of")
				}
				if e.By != perfmon.ByMonitor && e.By != "somebody" || strings.TrimSpace(e.Alert.Message) == "" {
					fail("by whom, or no message")
				}
			}
		}
		if len(told) < 2 {
			t.Errorf("seed %d: only %d keys had an alert", seed, len(told))
		}
	}
}
