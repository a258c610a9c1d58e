package perfmon_test

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/backend-prs/perfmon"
)

// models is how many random courses TestAlertsAreAsTheModelSays plays of each kind.
var models = flag.Int("models", 2, "how many random courses of alerts are compared with the model")

// Whatever values come and whatever anybody does, alerts and what is told of them are, step
// by step, what a simple model says.
func TestAlertsAreAsTheModelSays(t *testing.T) {
	for _, c := range []struct {
		name     string
		inARow   int
		cooldown time.Duration
		absent   time.Duration
		values   bool // else the host alone knows what is wrong
	}{
		{"thresholds", 3, 4 * time.Minute, 0, true},
		{"one violation is enough", 1, time.Minute, 0, true},
		{"no cooldown", 2, 0, 0, true},
		{"absence", 2, 3 * time.Minute, time.Minute, true},
		{"alerts of the host", 3, 2 * time.Minute, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(*models) {
				play(t, seed, &alertModel{inARow: c.inARow, cooldown: c.cooldown, absentAfter: c.absent, valued: -1}, c.values)
				if t.Failed() {
					return
				}
			}
		})
	}
}

// play drives a monitor and a model alike.
func play(t *testing.T, seed uint64, m *alertModel, values bool) {
	random := rand.New(rand.NewPCG(seed, 13))
	b := start(t, perfmon.WithoutDefaultThresholds(), perfmon.WithAlertCooldown(m.cooldown), perfmon.WithConsecutiveViolations(m.inARow))
	go func() { // they are looked at where they are held
		for range b.events {
		}
	}()
	gauge, err := b.Metrics().Gauge(metric("pressure"))
	if err != nil {
		t.Fatal(err)
	}
	gauge.Clear()
	if values {
		_, err := b.Thresholds().Set(perfmon.Threshold{
			Metric: "pressure", Warning: perfmon.ValueOf(50), Critical: perfmon.ValueOf(90), AbsentAfter: m.absentAfter,
		}, "test")
		if err != nil {
			t.Fatal(err)
		}
	}
	var history []string
	note := func(format string, a ...any) { history = append(history, fmt.Sprintf(format, a...)) }
	compare := follow(t, b, m)
	value, left := 0.0, 0
	for range 600 {
		if left--; left <= 0 {
			value = []float64{10, 10, 10, 70, 70, 95, 95, math.NaN()}[random.IntN(8)]
			left = 1 + random.IntN(2*m.inARow+2)
			if math.IsNaN(value) && random.IntN(3) == 0 {
				left = 20
				if random.IntN(8) == 0 {
					left = 370 // more than an hour
				}
			}
		}
		if values {
			gauge.Set(value)
			m.pass(b.Step(), severityAt(value), !math.IsNaN(value))
			note("%v", value)
		} else {
			m.pass(b.Step(), "", false)
			note("-")
		}
		b.step()
		if !compare(seed, history) {
			return
		}
		if random.IntN(6) == 0 {
			note("%s", byHand(t, b, m, random))
			if !compare(seed, history) {
				return
			}
		}
	}
	if len(m.alerts) < 3 {
		t.Errorf("seed %d made %d alerts", seed, len(m.alerts))
	}
}

func severityAt(value float64) perfmon.Severity {
	switch {
	case value > 90:
		return perfmon.Critical
	case value > 50:
		return perfmon.Warning
	}
	return ""
}

// byHand does one thing by hand to both.
func byHand(t *testing.T, b *bench, m *alertModel, random *rand.Rand) (what string) {
	what = []string{"acknowledge", "dismiss", "escalate", "resolve", "raise", "raise"}[random.IntN(6)]
	if what == "raise" {
		severity := []perfmon.Severity{perfmon.Warning, perfmon.Critical}[random.IntN(2)]
		if _, err := b.Alerts().Raise(perfmon.HostAlert{Metric: "pressure", Severity: severity, Message: "by the host"}); err != nil {
			t.Fatal(err)
		}
		m.raise(severity)
		return "raise " + string(severity)
	}
	all, _ := b.Alerts().List(perfmon.AlertQuery{})
	if len(all) == 0 {
		return "nothing"
	}
	newest := random.IntN(min(len(all), 2)) // of a list whose first is the newest
	do := map[string]func(string, string) (perfmon.Alert, error){
		"acknowledge": b.Alerts().Acknowledge, "dismiss": b.Alerts().Dismiss, "escalate": b.Alerts().Escalate, "resolve": b.Alerts().Resolve,
	}[what]
	i := len(all) - 1 - newest
	_, err := do(all[newest].ID, "somebody")
	if err != nil && !errors.Is(err, perfmon.ErrNotActive) {
		t.Fatal(err)
	}
	if did := m.act(what, i); did != (err == nil) {
		t.Errorf("%s alert %d: %v; the model says that it is active: %v", what, i, err, did)
	}
	return fmt.Sprint(what, " ", i)
}

// follow returns a function that compares a monitor with a model; false where they differ.
func follow(t *testing.T, b *bench, m *alertModel) func(seed uint64, history []string) bool {
	var number uint64
	var told []modelEvent
	return func(seed uint64, history []string) bool {
		all, _ := b.Alerts().List(perfmon.AlertQuery{})
		at := map[string]int{}
		got := make([]*modelAlert, len(all))
		for i, a := range all {
			place := len(all) - 1 - i
			at[a.ID] = place
			got[place] = &modelAlert{Severity: a.Severity, State: a.State, Cause: a.Cause, Reopened: a.Reopened, Quiet: a.Quiet}
		}
		events := b.Alerts().Events(number, 0)
		number = events.Last
		for _, e := range events.List {
			told = append(told, modelEvent{at[e.Alert.ID], e.Change, e.Alert.Severity, e.Alert.State})
		}
		diff := cmp.Diff(m.alerts, got, cmpopts.IgnoreUnexported(modelAlert{}), cmpopts.EquateEmpty()) + cmp.Diff(m.told, told, cmpopts.EquateEmpty())
		if diff == "" {
			return !t.Failed()
		}
		t.Errorf("seed %d, after %v: the model (-) and the monitor (+) differ:\n%s", seed, history[max(0, len(history)-60):], diff)
		return false
	}
}
