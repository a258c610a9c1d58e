package perfmon

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon/internal/lifecycle"
)

// Firing is an alert that a threshold would have opened.
type Firing struct {
	Scope              // what it would be about
	From     time.Time `json:"from"`
	To       time.Time `json:"to,omitzero"` // zero: it would still be open
	Severity Severity  `json:"severity"`    // the highest it would have reached
	Value    Value     `json:"value"`       // at its opening
}

// String says what would have been wrong, and from when to when.
func (f Firing) String() string {
	to := "now"
	if !f.To.IsZero() {
		to = f.To.Format(time.RFC3339)
	}
	return fmt.Sprintf("%s of %v from %s to %s: %v", f.Severity, f.Scope, f.From.Format(time.RFC3339), to, f.Value)
}

// MaxFirings is how many firings a back-test returns.
const MaxFirings = 10_000

// BackTest returns the alerts that a threshold would have opened over the last window, 0 for
// the retention, oldest first. A threshold of endpoints or organizations is tested on each
// that it would watch beside the thresholds that there are, of those that sees picks (nil:
// all); those that an alert of the service would have muted are returned as well. It judges
// points where a live threshold judges steps, so something that lasted less than an interval
// may look different. Whether the threshold is enabled does not matter. It runs in the
// caller's goroutine, until ctx ends. Errors: *FieldError, also of the Window where there
// would be more than MaxFirings; that of ctx.
func (ts Thresholds) BackTest(ctx context.Context, t Threshold, window time.Duration, sees func(Scope) bool) ([]Firing, error) {
	m := ts.m
	t, err := t.complete(m.registry.catalog())
	if err != nil {
		return nil, fmt.Errorf("perfmon: back-test: %w", err)
	}
	t.Disabled = false
	since := m.History().since(window)
	settings := *m.settings.get()
	settings.ConsecutiveViolations = t.effective(&settings).ConsecutiveViolations
	// As many points as last about as long as the steps.
	t.ConsecutiveViolations = max(1, int(math.Round(float64(settings.ConsecutiveViolations)*float64(m.stepLength)/float64(m.interval))))
	c, list := m.registry.catalog(), ts.with(t)
	firings := []Firing{}
	for _, scope := range m.history.scopesOf(t.Scope) {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("perfmon: back-test: %w", err)
		}
		if sees != nil && !sees(scope) {
			continue
		}
		if w := watching(list, Key{t.Metric, scope}); w == nil || w.ID() != t.ID() {
			continue // by a pattern that is more specific
		}
		if s, ok := m.history.series(scope, since.Add(-beforeSpan), time.Time{}, c, []string{t.Metric, ThroughputRPS}); ok {
			firings = append(firings, backTest(t, scope, &settings, c, s, since, m.interval)...)
		}
		if len(firings) > MaxFirings {
			return nil, fmt.Errorf("perfmon: back-test: %w", &FieldError{"Window", window, fmt.Sprintf("a window in which the threshold fires at most %d times", MaxFirings)})
		}
	}
	sortStableFunc(firings, func(a, b Firing) int { return a.From.Compare(b.From) })
	return firings, nil
}

// with returns the thresholds as they would be with t.
func (ts Thresholds) with(t Threshold) []Threshold {
	list := slices.DeleteFunc(ts.All(), func(other Threshold) bool { return other.ID() == t.ID() })
	return append(list, t)
}

// scopesOf returns the scopes of a kind of which anything is held, by name.
func (h *history) scopesOf(kind ScopeKind) []Scope {
	if kind == ScopeService {
		return []Scope{{}}
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	var list []Scope
	for scope := range h.scopes {
		if scope.Kind() == kind {
			list = append(list, scope)
		}
	}
	sortFunc(list, func(a, b Scope) int { return strings.Compare(a.name(), b.name()) })
	return list
}

// backTest runs the judge of thresholds and the life of alerts over the points of a scope.
// It is pure.
func backTest(t Threshold, scope Scope, settings *Settings, c *catalog, s Series, since time.Time, interval time.Duration) []Firing {
	metric, _ := c.find(t.Metric)
	values, rates := s.Metrics[t.Metric].Values, s.Metrics[ThroughputRPS].Values
	before := slidingMedian{times: s.Times, values: rates, span: beforeSpan}
	var state lifecycle.State
	var runBegan int
	firings := []Firing{}
	for i, at := range s.Times {
		o := observed{key: Key{t.Metric, scope}, metric: metric}
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
		if t.Metric == ThroughputRPS {
			o.before = before.at(s.Times[runBegan])
		}
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
			firings = append(firings, Firing{Scope: f.key.Scope, From: at, Value: f.value})
			last++
		case lifecycle.Reopened:
			firings[last].To = time.Time{}
		case lifecycle.Resolved:
			firings[last].To = at
		}
		if level := firings[last].Severity.level(); state.Level > level {
			firings[last].Severity = severityOf(state.Level)
		}
	}
	return firings
}
