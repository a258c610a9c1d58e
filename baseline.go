package perfmon

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon/analyze"
)

// Baseline is what the service's metrics were like over a stretch of stable time.
type Baseline struct {
	At              time.Time                 `json:"established_at"` // its window ended then
	By              string                    `json:"established_by"`
	DurationMinutes float64                   `json:"duration_minutes"` // of its window
	Metrics         map[string]BaselineMetric `json:"metrics"`
}

// BaselineMetric is what one metric was like.
type BaselineMetric struct {
	Mean   float64 `json:"mean"`
	StdDev Value   `json:"std_dev"`
	Points int     `json:"points"`
	// Estimate is the mean with its standard error, for comparisons.
	Estimate analyze.Mean `json:"estimate"`
}

const (
	// DefaultBaseline is the window of a baseline.
	DefaultBaseline = time.Hour
	// BaselineRetention is how long baselines are kept.
	BaselineRetention = 7 * 24 * time.Hour

	// A baseline needs a point for so much of its window, and a metric a value in so
	// much of the points.
	baselineCoverage = 0.9
	metricCoverage   = 0.8

	// Regressions look at the points of the last recentWindow.
	recentWindow = 15 * time.Minute

	// significance is the p-value below which a difference is real, for all metrics
	// together.
	significance = 0.01

	maxBaselines = 1000
)

// NotReadyError says what is missing for a baseline.
type NotReadyError struct {
	Missing []string // one sentence each
}

// Error joins what is missing.
func (e *NotReadyError) Error() string {
	return "no baseline can be established: " + strings.Join(e.Missing, " ")
}

// Regression is a metric that is worse than in the baseline, by more than its
// sensitivity and more than chance would explain.
type Regression struct {
	Metric   string  `json:"metric_name"`
	Baseline float64 `json:"baseline"`       // mean of the baseline
	Current  float64 `json:"current"`        // mean of the last 15 minutes
	Change   Value   `json:"change_percent"` // percent of the baseline; absent where that is 0
	Limit    float64 `json:"limit"`          // the mean from which on it counts
	PValue   Value   `json:"p_value"`
	Points   int     `json:"points"` // in the last 15 minutes
}

// Baselines establishes and reads the baselines of a monitor.
type Baselines struct{ m *Monitor }

// Baselines returns the baselines of the monitor.
func (m *Monitor) Baselines() Baselines { return Baselines{m} }

// Establish makes a baseline of the last window, an hour where that is 0: at least ten
// intervals, at most the retention. by names who does it. With too few points in the
// window, or while a metric is shifting, it is refused with a *NotReadyError. Other
// errors: *FieldError, ErrClosed, ErrStore.
func (bs Baselines) Establish(window time.Duration, by string) (b Baseline, err error) {
	m := bs.m
	if window == 0 {
		window = DefaultBaseline
	}
	least, most := analyze.MinTrendPoints*m.interval, m.settings.get().Retention
	if window < least || window > most {
		return b, fmt.Errorf("perfmon: baseline: %w", &FieldError{"Window", window, fmt.Sprintf("%v to %v", least, most)})
	}
	err = m.change(by, func(now moment) ([]Record, error) {
		s := m.History().series(window)
		if want := int(baselineCoverage * float64(window/m.interval)); len(s.Times) < want {
			return nil, &NotReadyError{[]string{fmt.Sprintf("The last %v hold %d points; %d are needed, of %v each.", window, len(s.Times), want, m.interval)}}
		}
		made, missing := establish(m.registry.catalog(), m.settings.get(), s)
		if len(missing) > 0 {
			return nil, &NotReadyError{missing}
		}
		made.At, made.By, made.DurationMinutes = now.wall, author(by), window.Minutes()
		b = made
		return []Record{{Baseline: &made}}, nil
	})
	return b, err
}

// establish describes the metrics of a series, or says what is missing.
func establish(c *catalog, settings *Settings, s Series) (b Baseline, missing []string) {
	b.Metrics = map[string]BaselineMetric{}
	for _, metric := range c.metrics {
		values := present(s.Metrics[metric.Name].Values)
		if metric.Worse == Neutral || len(values) == 0 || float64(len(values)) < metricCoverage*float64(len(s.Times)) {
			continue
		}
		mean := analyze.EstimateMean(values)
		b.Metrics[metric.Name] = BaselineMetric{mean.Value.Float(), analyze.Summarize(values).StdDev, len(values), mean}
		if why := shifting(metric, values, settings.sensitivity(metric.Name)); why != "" {
			missing = append(missing, why)
		}
	}
	if len(b.Metrics) == 0 {
		missing = append(missing, "No metric has enough values.")
	}
	return b, missing
}

// present returns the values that are not NaN.
func present(values []float64) []float64 {
	kept := make([]float64, 0, len(values))
	for _, v := range values {
		if !math.IsNaN(v) {
			kept = append(kept, v)
		}
	}
	return kept
}

// shifting says why a metric is not stable: its halves differ by more than the
// sensitivity, and that is no chance. Metrics of the runtime and the machine come and go
// with collections and neighbours; they need not be stable.
func shifting(metric Metric, values []float64, sensitivity float64) string {
	if requestMetric(metric.Name) < 0 {
		return ""
	}
	half := len(values) / 2
	before, after := analyze.EstimateMean(values[:half]), analyze.EstimateMean(values[half:])
	d := analyze.Compare(before, after)
	p, ok := d.PValue.Get()
	if !ok || math.Abs(d.Value.Float()) <= sensitivity*math.Abs(before.Value.Float()) || p >= significance/requestMetrics {
		return ""
	}
	return fmt.Sprintf("%s is shifting: its mean went from %s to %s.", metric.Name,
		withUnit(before.Value.Float(), metric.Unit), withUnit(after.Value.Float(), metric.Unit))
}

// List returns the baselines of the last 7 days, the newest, which is the one in force,
// first.
func (bs Baselines) List() []Baseline { return bs.m.baselines.all(bs.m.Now()) }

// Regressions returns what is worse than in the baseline in force, as of the last
// point. Each is a warning about its metric, and so becomes an alert like any other.
func (bs Baselines) Regressions() []Regression { return bs.m.baselines.found() }

// baselines owns the baselines and what came of comparing with the newest. What it hands
// out never changes.
type baselines struct {
	mu          sync.Mutex
	list        []Baseline   // oldest first; mu
	regressions []Regression // of the last point; mu
}

// apply takes over a record.
func (bs *baselines) apply(b Baseline) {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	bs.list = append(bs.list, b)
	if extra := len(bs.list) - maxBaselines; extra > 0 {
		bs.list = slices.Delete(bs.list, 0, extra)
	}
}

// all drops what is too old and returns the rest, newest first.
func (bs *baselines) all(now time.Time) []Baseline {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	bs.list = slices.DeleteFunc(bs.list, func(b Baseline) bool { return now.Sub(b.At) > BaselineRetention })
	list := slices.Clone(bs.list)
	slices.Reverse(list)
	return list
}

func (bs *baselines) found() []Regression {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	return append([]Regression{}, bs.regressions...)
}

// compare holds the recent points against the baseline in force. The step loop calls
// it for each point.
func (m *Monitor) compare() {
	var found []Regression
	if list := m.Baselines().List(); len(list) > 0 {
		found = judgeBaseline(m.registry.catalog(), m.settings.get(), list[0], m.History().series(recentWindow))
	}
	m.baselines.mu.Lock()
	defer m.baselines.mu.Unlock()
	m.baselines.regressions = found
}

// judgeBaseline returns what of a series is worse than in a baseline.
func judgeBaseline(c *catalog, settings *Settings, b Baseline, recent Series) []Regression {
	found := []Regression{}
	for _, metric := range c.metrics {
		base, ok := b.Metrics[metric.Name]
		if !ok || !watched(metric) {
			continue
		}
		values := present(recent.Metrics[metric.Name].Values)
		if r, ok := regression(metric, base, values, settings.sensitivity(metric.Name), len(b.Metrics)); ok {
			found = append(found, r)
		}
	}
	return found
}

// regression decides about one of so many metrics.
func regression(metric Metric, base BaselineMetric, recent []float64, sensitivity float64, metrics int) (Regression, bool) {
	if len(recent) < analyze.MinTrendPoints {
		return Regression{}, false
	}
	current := analyze.EstimateMean(recent)
	d := analyze.Compare(base.Estimate, current)
	sign := 1.0
	if metric.Worse == LowerIsWorse {
		sign = -1
	}
	r := Regression{
		Metric: metric.Name, Baseline: base.Mean, Current: current.Value.Float(), PValue: d.PValue, Points: len(recent),
		Limit: base.Mean + sign*sensitivity*math.Abs(base.Mean),
	}
	r.Change = ValueOf(100 * d.Value.Float() / math.Abs(base.Mean)) // absent where the mean is 0
	p, ok := d.PValue.Get()
	return r, ok && sign*(r.Current-r.Limit) > 0 && p < significance/float64(metrics)
}

// regressionFindings turns regressions into findings: a warning for each metric that is
// worse, and nothing bad about the others that a baseline watches.
func regressionFindings(c *catalog, s *Settings, b Baseline, regressions []Regression) []finding {
	var findings []finding
	for _, metric := range c.metrics {
		if _, ok := b.Metrics[metric.Name]; !ok || !watched(metric) {
			continue
		}
		f := finding{key: Key{Metric: metric.Name}, unit: metric.Unit, cause: CauseRegression}
		f.life.Violations, f.life.Cooldown = s.ConsecutiveViolations, s.AlertCooldown
		if i := slices.IndexFunc(regressions, func(r Regression) bool { return r.Metric == metric.Name }); i >= 0 {
			r := regressions[i]
			f.severity, f.value, f.limit = Warning, ValueOf(r.Current), ValueOf(r.Limit)
			f.message = MessageData{
				Metric: metric, Cause: CauseRegression, Consecutive: f.life.Violations,
				Value: withUnit(r.Current, metric.Unit), Baseline: withUnit(r.Baseline, metric.Unit),
			}
			f.evidence = map[string]any{
				"cause": CauseRegression, "baseline": r.Baseline, "change_percent": r.Change, "p_value": r.PValue, "points": r.Points,
				"baseline_established_at": b.At,
			}
		}
		findings = append(findings, f)
	}
	return findings
}
