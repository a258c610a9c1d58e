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
	Name            string                    `json:"name,omitempty"` // empty: one that regressions are judged by
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
	// Estimate is the mean with its standard error, for comparisons. It is of the window,
	// and of the time before it that was like it, up to four windows in all: so it tells
	// better how much the metric varies.
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

	// baselineReach is how many windows a baseline looks back for points like its own.
	baselineReach = 4

	// usualDays is how many days before are asked what is usual at an hour.
	usualDays = 7

	// significance is the p-value below which a shift is real, for all metrics together.
	significance = 0.01

	maxBaselines     = 1000
	maxBaselineBytes = 16 << 20
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
	Baseline float64 `json:"baseline"` // mean of the baseline, and of what was like it before
	Current  float64 `json:"current"`  // mean of the last 30 points, or 15 minutes where that is longer
	// Change is by how much Current is above Baseline, in percent of that, with its 95 %
	// confidence interval; absent where Baseline is 0.
	Change     Value   `json:"change_percent"`
	ChangeLow  Value   `json:"change_low"`
	ChangeHigh Value   `json:"change_high"`
	Limit      float64 `json:"limit"` // the mean from which on it counts
	PValue     Value   `json:"p_value"`
	Points     int     `json:"points"` // that Current is the mean of
}

// Baselines establishes and reads the baselines of a monitor.
type Baselines struct{ m *Monitor }

// Baselines returns the baselines of the monitor.
func (m *Monitor) Baselines() Baselines { return Baselines{m} }

// Establish makes a baseline of the last window, an hour where that is 0: at least ten
// intervals, at most the retention. It is in force until the next one. by names who does
// it. With too few points in the window, or while a metric is shifting, it is refused with
// a *NotReadyError. Other errors: *FieldError, ErrClosed, ErrStore.
func (bs Baselines) Establish(window time.Duration, by string) (Baseline, error) {
	return bs.EstablishAs("", window, by)
}

// maxBaselineName bounds the name of a baseline, in bytes.
const maxBaselineName = 80

// EstablishAs makes a baseline with a name, at most 80 bytes, such as "before 2.0": it is
// kept as others are and compared with on demand, by Against, and raises no alert. A name
// that is used again is renewed: the newest of that name counts. Without a name it is
// Establish.
func (bs Baselines) EstablishAs(name string, window time.Duration, by string) (b Baseline, err error) {
	m := bs.m
	if len(name) > maxBaselineName {
		return b, fmt.Errorf("perfmon: baseline: %w", &FieldError{"Name", truncate(name, maxBaselineName), fmt.Sprintf("at most %d bytes", maxBaselineName)})
	}
	if window == 0 {
		window = DefaultBaseline
	}
	least, most := analyze.MinTrendPoints*m.interval, m.settings.get().Retention
	if window < least || window > most {
		return b, fmt.Errorf("perfmon: baseline: %w", &FieldError{"Window", window, fmt.Sprintf("%v to %v", least, most)})
	}
	err = m.change(by, func(now moment) ([]Record, error) {
		made, err := m.establish(name, window, now)
		if err != nil {
			return nil, err
		}
		made.By = author(by)
		b = made
		return []Record{{Baseline: &made}}, nil
	})
	return b, err
}

// establish makes a baseline of the last window, or says what is missing.
func (m *Monitor) establish(name string, window time.Duration, now moment) (Baseline, error) {
	s := m.History().series(baselineReach * window)
	before := pointsUpTo(s.Times, now.wall.Add(-window))
	if want := int(baselineCoverage * float64(window/m.interval)); len(s.Times)-before < want {
		return Baseline{}, &NotReadyError{[]string{fmt.Sprintf("The last %v hold %d points; %d are needed, of %v each.", window, len(s.Times)-before, want, m.interval)}}
	}
	b, missing := establish(m.registry.catalog(), m.settings.get(), s, before)
	if len(missing) > 0 {
		return Baseline{}, &NotReadyError{missing}
	}
	b.Name, b.At, b.DurationMinutes = name, now.wall, window.Minutes()
	return b, nil
}

// establish describes the metrics of a series but for its first points, which are before
// the window, or says what is missing.
func establish(c *catalog, settings *Settings, s Series, before int) (b Baseline, missing []string) {
	b.Metrics = map[string]BaselineMetric{}
	for _, metric := range c.metrics {
		column := s.Metrics[metric.Name].Values
		if metric.Worse == Neutral || len(column) == 0 {
			continue
		}
		values := present(column[before:])
		if len(values) == 0 || float64(len(values)) < metricCoverage*float64(len(s.Times)-before) {
			continue
		}
		steady := analyze.Steady(s.Times, column, before)
		b.Metrics[metric.Name] = BaselineMetric{
			analyze.EstimateMean(values).Value.Float(), analyze.Summarize(values).StdDev, len(values), analyze.EstimateMean(column[steady:]),
		}
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

// List returns the baselines of the last 7 days, the newest first.
func (bs Baselines) List() []Baseline { return bs.m.baselines.all(bs.m.Now()) }

// Current returns the baseline in force, the newest of those without a name; ok is false
// where there is none of the last 7 days.
func (bs Baselines) Current() (b Baseline, ok bool) { return newest(bs.List(), "") }

// newest returns the first baseline of a name.
func newest(list []Baseline, name string) (b Baseline, ok bool) {
	if i := slices.IndexFunc(list, func(b Baseline) bool { return b.Name == name }); i >= 0 {
		return list[i], true
	}
	return b, false
}

// Regressions returns what is worse than in the baseline in force, as of the last
// point. Each is a warning about its metric, and so becomes an alert like any other.
func (bs Baselines) Regressions() []Regression { return bs.m.baselines.found() }

// Against returns what is now worse than in the newest baseline of a name. Where there is
// none of the last 7 days, it is ErrNotFound.
func (bs Baselines) Against(name string) ([]Regression, error) {
	b, ok := newest(bs.List(), name)
	if !ok {
		return nil, fmt.Errorf("perfmon: baseline %q: %w", truncate(name, maxBaselineName), ErrNotFound)
	}
	return bs.m.judgeNow(b, nil), nil
}

// baselines owns the baselines and what came of comparing with the newest. What it hands
// out never changes.
type baselines struct {
	mu          sync.Mutex
	list        []Baseline   // oldest first; mu
	bytes       int          // that list takes, about; mu
	dropped     uint64       // of list, to make room; mu
	regressions []Regression // of the last point; mu

	since map[string]time.Time // since when a metric has regressed; of the step loop

	tryAgain time.Duration // elapsed time of the next try of a renewal; of the worker
}

// apply takes over a record.
func (bs *baselines) apply(b Baseline) {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	bs.list = append(bs.list, b)
	bs.bytes += b.size()
	for len(bs.list) > maxBaselines || bs.bytes > maxBaselineBytes && len(bs.list) > 2 {
		oldest := 0
		if bs.inForce() == 0 {
			oldest = 1 // those with names must not end what regressions are judged by
		}
		bs.bytes -= bs.list[oldest].size()
		bs.list = slices.Delete(bs.list, oldest, oldest+1)
		bs.dropped++
	}
}

// inForce returns the place of the newest baseline without a name, negative where there is
// none; mu is held.
func (bs *baselines) inForce() int {
	for i := len(bs.list) - 1; i >= 0; i-- {
		if bs.list[i].Name == "" {
			return i
		}
	}
	return -1
}

// size is about what a baseline takes in memory.
func (b *Baseline) size() int { return 256 + len(b.Name) + len(b.By) + 192*len(b.Metrics) }

// all drops what is too old and returns the rest, newest first.
func (bs *baselines) all(now time.Time) []Baseline {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	bs.list = slices.DeleteFunc(bs.list, func(b Baseline) bool {
		old := now.Sub(b.At) > BaselineRetention
		if old {
			bs.bytes -= b.size()
		}
		return old
	})
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
	since := map[string]time.Time{}
	if b, ok := m.Baselines().Current(); ok {
		found = m.judgeNow(b, m.baselines.since)
		for _, r := range found {
			since[r.Metric] = m.Now()
			if at, ok := m.baselines.since[r.Metric]; ok {
				since[r.Metric] = at
			}
		}
	}
	m.baselines.since = since
	m.baselines.mu.Lock()
	defer m.baselines.mu.Unlock()
	m.baselines.regressions = found
}

// recentSpan is over how much time regressions are looked for: half an hour of minutes.
func (m *Monitor) recentSpan() time.Duration {
	return max(15*time.Minute, analyze.RegressionPoints*m.interval)
}

// judgeNow returns what is now worse than in a baseline. since says since when metrics
// have been: what has been for a day is worse than was usual a day ago no more.
func (m *Monitor) judgeNow(b Baseline, since map[string]time.Time) []Regression {
	now, span := m.Now(), m.recentSpan()
	usual := func(metric string) (values []float64) {
		if at, ok := since[metric]; ok && now.Sub(at) > 24*time.Hour-2*span {
			return nil
		}
		s := m.History().series(usualDays*24*time.Hour+2*span, metric)
		for day := 1; day <= usualDays; day++ {
			ago := now.AddDate(0, 0, -day)
			from, to := pointsUpTo(s.Times, ago.Add(-2*span)), pointsUpTo(s.Times, ago.Add(span))
			values = append(values, s.Metrics[metric].Values[from:to]...)
		}
		return values
	}
	return judgeBaseline(m.registry.catalog(), m.settings.get(), b, m.History().series(span), usual)
}

// judgeBaseline returns what of a series is worse than in a baseline. usual returns the
// values of a metric at about the same hours of the days before, as far as they are held.
func judgeBaseline(c *catalog, settings *Settings, b Baseline, recent Series, usual func(metric string) []float64) []Regression {
	found := []Regression{}
	for _, metric := range c.metrics {
		base, ok := b.Metrics[metric.Name]
		if !ok || !watched(metric) {
			continue
		}
		values, sensitivity := present(recent.Metrics[metric.Name].Values), settings.sensitivity(metric.Name)
		r, worse := regression(metric, base, values, sensitivity)
		if worse && analyze.Unusual(base.Estimate, values, usual(metric.Name), metric.Worse, sensitivity) {
			found = append(found, r)
		}
	}
	return found
}

// regression decides about one metric.
func regression(metric Metric, base BaselineMetric, recent []float64, sensitivity float64) (Regression, bool) {
	d, worse := analyze.Regressed(base.Estimate, recent, metric.Worse, sensitivity)
	sign := 1.0
	if metric.Worse == LowerIsWorse {
		sign = -1
	}
	mean := base.Estimate.Value.Float()
	percent := func(v Value) Value { return ValueOf(100 * v.Float() / math.Abs(mean)) } // absent where the mean is 0
	return Regression{
		Metric: metric.Name, Baseline: mean, Current: mean + d.Value.Float(), PValue: d.PValue, Points: len(recent),
		Limit:  mean + sign*sensitivity*math.Abs(mean),
		Change: percent(d.Value), ChangeLow: percent(d.Low), ChangeHigh: percent(d.High),
	}, worse
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
				"cause": CauseRegression, "baseline": r.Baseline, "change_percent": r.Change, "change_low": r.ChangeLow, "change_high": r.ChangeHigh,
				"p_value": r.PValue, "points": r.Points,
				"baseline_established_at": b.At,
			}
		}
		findings = append(findings, f)
	}
	return findings
}
