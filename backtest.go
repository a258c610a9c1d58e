package perfmon

import (
	"fmt"
	"math"
	"time"

	"github.com/backend-prs/perfmon/internal/lifecycle"
)

// Firing is an alert that a threshold would have opened.
type Firing struct {
	From     time.Time `json:"from"`
	To       time.Time `json:"to,omitzero"` // zero: it would still be open
	Severity Severity  `json:"severity"`    // the highest it would have reached
	Value    Value     `json:"value"`       // at its opening
}

// BackTest returns the alerts that a threshold of the service would have opened over the
// last window, 0 for the retention, oldest first. It judges points where a live threshold
// judges steps, so something that lasted less than an interval may look different.
// Errors: *FieldError; ErrNotFound where the threshold is not of the service.
func (ts Thresholds) BackTest(t Threshold, window time.Duration) ([]Firing, error) {
	m := ts.m
	t, err := t.complete(m.registry.catalog())
	if err != nil {
		return nil, fmt.Errorf("perfmon: back-test: %w", err)
	}
	if t.Scope != ScopeService {
		return nil, fmt.Errorf("perfmon: back-test of %v: %w", t.ID(), ErrNotFound)
	}
	h := m.History()
	window = m.Now().Sub(h.since(window))
	s := h.series(window+beforeSpan, t.Metric, ThroughputRPS)
	settings := *m.settings.get()
	settings.ConsecutiveViolations = t.effective(&settings).ConsecutiveViolations
	// As many points as last about as long as the steps.
	t.ConsecutiveViolations = max(1, int(math.Round(float64(settings.ConsecutiveViolations)*float64(m.stepLength)/float64(m.interval))))
	return backTest(t, &settings, m.registry.catalog(), s, m.Now().Add(-window), m.interval), nil
}

// backTest runs the judge of thresholds and the life of alerts over points. It is pure.
func backTest(t Threshold, settings *Settings, c *catalog, s Series, since time.Time, interval time.Duration) []Firing {
	metric, _ := c.find(t.Metric)
	values, rates := s.Metrics[t.Metric].Values, s.Metrics[ThroughputRPS].Values
	var state lifecycle.State
	var runBegan int
	firings := []Firing{}
	for i, at := range s.Times {
		o := observed{key: Key{Metric: t.Metric}, metric: metric}
		if values != nil {
			o.value = ValueOf(values[i])
		}
		if requestMetric(t.Metric) >= 0 && rates != nil && !math.IsNaN(rates[i]) {
			o.requests = uint64(rates[i]*interval.Seconds() + 0.5)
			if t.Metric != ThroughputRPS && o.requests < uint64(t.leastRequests()) {
				o.value = Value{}
			}
		}
		if state.Violating == 0 && state.Status == lifecycle.Clear {
			runBegan = i
		}
		o.before = medianBefore(s.Times, rates, s.Times[runBegan], beforeSpan)
		f, ok := judgeThreshold(&t, settings, o)
		if !ok || !at.After(since) {
			continue
		}
		var changes []lifecycle.Transition
		state, changes = state.Next(f.life, lifecycle.Event{Kind: lifecycle.Observe, At: at.Sub(s.Times[0]), Level: f.severity.level(), AtOnce: f.atOnce})
		firings = fire(firings, changes, f, state, at)
	}
	return firings
}

// fire carries what changed over to the list.
func fire(firings []Firing, changes []lifecycle.Transition, f finding, state lifecycle.State, at time.Time) []Firing {
	for _, c := range changes {
		last := len(firings) - 1
		switch c.Change {
		case lifecycle.Opened:
			firings = append(firings, Firing{From: at, Severity: severityOf(state.Level), Value: f.value})
		case lifecycle.Reopened:
			firings[last].To = time.Time{}
		case lifecycle.Escalated:
			firings[last].Severity = Critical
		case lifecycle.Resolved:
			firings[last].To = at
		}
	}
	return firings
}
