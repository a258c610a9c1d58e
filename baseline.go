package perfmon

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon/internal/jsonnum"
	"github.com/backend-prs/perfmon/internal/stats"
)

// Baseline is what the service's metrics were like over a stretch of stable time.
type Baseline struct {
	At      time.Time // when it was established, and its window ended
	Window  time.Duration
	Metrics map[string]BaselineMetric
}

// BaselineMetric is what one metric was like.
type BaselineMetric struct {
	Mean   float64
	StdDev float64
	Points int

	estimate stats.Mean
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
	return "perfmon: no baseline can be established: " + strings.Join(e.Missing, " ")
}

// watched reports whether a metric is one that a regression is worth an alert for: what
// users of the service feel and what it runs out of, and the host's own. Of response
// times one speaks for all.
func watched(metric Metric) bool {
	switch metric.Name {
	case ResponseTimeP95, ThroughputRPS, ErrorRate, CPUUsagePercent, MemoryUsagePercent, MemoryUsageMB,
		CacheHitRate, DatabasePoolUsage, DatabaseQueryTimeAvg, QueueSize:
		return true
	}
	_, isBuiltin := builtinIndex[metric.Name]
	return !isBuiltin && metric.Worse != Neutral
}

// Regression is a metric that is worse than in the baseline, by more than its
// sensitivity and more than chance would explain.
type Regression struct {
	Metric   string
	Baseline float64 // mean of the baseline
	Current  float64 // mean of the last 15 minutes
	Change   float64 // percent of the baseline; NaN where that is 0
	Limit    float64 // the mean from which on it counts
	PValue   float64
}

// baselines owns the baselines and what came of comparing with the newest.
type baselines struct {
	mu          sync.Mutex
	list        []Baseline   // oldest first; mu
	regressions []Regression // of the last point; mu
}

// EstablishBaseline makes a baseline of the last window, an hour where that is 0: at least ten
// intervals, at most the retention. With too few points in it, or while a metric is
// shifting, it is refused with a *NotReadyError.
func (m *Monitor) EstablishBaseline(window time.Duration) (Baseline, error) {
	if window == 0 {
		window = DefaultBaseline
	}
	if window < MinTrendPoints*m.interval || window > m.Retention() {
		return Baseline{}, fmt.Errorf("perfmon: baseline: %w", &FieldError{"duration", window,
			fmt.Sprintf("%v to %v", MinTrendPoints*m.interval, m.Retention())})
	}
	s := m.History(Scope{}, window)
	if want := int(baselineCoverage * float64(window/m.interval)); len(s.Times) < want {
		return Baseline{}, &NotReadyError{[]string{fmt.Sprintf("The last %v hold %d points; %d are needed, of %v each.", window, len(s.Times), want, m.interval)}}
	}
	b := Baseline{At: m.wall(), Window: window, Metrics: map[string]BaselineMetric{}}
	var missing []string
	for _, metric := range m.Metrics() {
		values := present(s.Values[metric.Name])
		if metric.Worse == Neutral || float64(len(values)) < metricCoverage*float64(len(s.Times)) {
			continue
		}
		mean := stats.EstimateMean(values)
		_, variance := stats.MeanVariance(values)
		b.Metrics[metric.Name] = BaselineMetric{mean.Value, math.Sqrt(variance), len(values), mean}
		if why := m.shifting(metric, values); why != "" {
			missing = append(missing, why)
		}
	}
	if len(b.Metrics) == 0 {
		missing = append(missing, "No metric has enough values.")
	}
	if len(missing) > 0 {
		return Baseline{}, &NotReadyError{missing}
	}
	m.baselines.add(b)
	return b, nil
}

// shifting says why a metric is not stable: its halves differ by more than the
// sensitivity, and it is no chance. Metrics of the runtime and the machine come and go
// with collections and neighbours; they are not asked to be.
func (m *Monitor) shifting(metric Metric, values []float64) string {
	if requestMetric(metric.Name) < 0 {
		return ""
	}
	half := len(values) / 2
	before, after := stats.EstimateMean(values[:half]), stats.EstimateMean(values[half:])
	d := stats.Compare(before, after)
	limit := m.sensitivity(metric.Name) * math.Abs(before.Value)
	if math.Abs(d.Value) <= limit || d.PValue >= significance/float64(len(requestMetrics)) {
		return ""
	}
	return fmt.Sprintf("%s is shifting: its mean went from %s to %s.", metric.Name, withUnit(before.Value, metric.Unit), withUnit(after.Value, metric.Unit))
}

func (bs *baselines) add(b Baseline) {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	bs.list = append(bs.list, b)
	bs.trim(b.At)
}

// trim drops what is too old; mu is held.
func (bs *baselines) trim(now time.Time) {
	bs.list = slices.DeleteFunc(bs.list, func(b Baseline) bool { return now.Sub(b.At) > BaselineRetention })
	if extra := len(bs.list) - maxBaselines; extra > 0 {
		bs.list = slices.Delete(bs.list, 0, extra)
	}
}

// Baselines returns the baselines of the last 7 days, the newest, which is the one in
// force, first.
func (m *Monitor) Baselines() []Baseline {
	m.baselines.mu.Lock()
	defer m.baselines.mu.Unlock()
	m.baselines.trim(m.wall())
	list := slices.Clone(m.baselines.list)
	slices.Reverse(list)
	return list
}

// Regressions returns what is worse than in the baseline in force, as of the last
// point. Each violates its metric for the threshold of the service, too, as a warning,
// and so becomes an alert with the same life.
func (m *Monitor) Regressions() []Regression {
	m.baselines.mu.Lock()
	defer m.baselines.mu.Unlock()
	return slices.Clone(m.baselines.regressions)
}

// compare holds the recent points against the baseline in force. The step loop calls
// it for each point.
func (m *Monitor) compare() {
	found := []Regression{}
	if list := m.Baselines(); len(list) > 0 {
		s := m.History(Scope{}, recentWindow)
		for name, base := range list[0].Metrics {
			metric, _ := m.Metric(name)
			if !watched(metric) {
				continue
			}
			if r, ok := regression(metric, base, present(s.Values[name]), m.sensitivity(name), len(list[0].Metrics)); ok {
				found = append(found, r)
			}
		}
	}
	slices.SortFunc(found, func(a, b Regression) int { return strings.Compare(a.Metric, b.Metric) })
	m.baselines.mu.Lock()
	m.baselines.regressions = found
	m.baselines.mu.Unlock()
}

// sensitivity returns by which share a metric has to be worse.
func (m *Monitor) sensitivity(metric string) float64 {
	if s, ok := m.sensitivities[metric]; ok {
		return s
	}
	return m.Settings().RegressionSensitivity
}

// regression decides about one of so many metrics.
func regression(metric Metric, base BaselineMetric, recent []float64, sensitivity float64, metrics int) (Regression, bool) {
	if len(recent) < MinTrendPoints {
		return Regression{}, false
	}
	current := stats.EstimateMean(recent)
	d := stats.Compare(base.estimate, current)
	r := Regression{Metric: metric.Name, Baseline: base.Mean, Current: current.Value, PValue: d.PValue, Change: math.NaN()}
	sign := 1.0
	if metric.Worse == LowerIsWorse {
		sign = -1
	}
	r.Limit = base.Mean + sign*sensitivity*math.Abs(base.Mean)
	if base.Mean != 0 {
		r.Change = 100 * d.Value / math.Abs(base.Mean)
	}
	return r, sign*(current.Value-r.Limit) > 0 && d.PValue < significance/float64(metrics)
}

// MarshalJSON returns the fields in snake_case.
func (b Baseline) MarshalJSON() ([]byte, error) {
	at, err := b.At.MarshalJSON()
	if err != nil {
		return nil, err
	}
	out := fmt.Appendf(nil, `{"established_at":%s,"duration_minutes":%g,"metrics":{`, at, b.Window.Minutes())
	names := make([]string, 0, len(b.Metrics))
	for name := range b.Metrics {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		if i > 0 {
			out = append(out, ',')
		}
		out = fmt.Appendf(out, `%q:{"mean":`, name)
		out = jsonnum.Append(out, b.Metrics[name].Mean)
		out = append(out, `,"std_dev":`...)
		out = jsonnum.Append(out, b.Metrics[name].StdDev)
		out = fmt.Appendf(out, `,"points":%d}`, b.Metrics[name].Points)
	}
	return append(out, "}}"...), nil
}

// MarshalJSON returns the fields in snake_case.
func (r Regression) MarshalJSON() ([]byte, error) {
	b := fmt.Appendf(nil, `{"metric_name":%q`, r.Metric)
	for _, f := range []struct {
		name  string
		value float64
	}{{"baseline", r.Baseline}, {"current", r.Current}, {"change_percent", r.Change}, {"limit", r.Limit}, {"p_value", r.PValue}} {
		b = fmt.Appendf(b, `,"%s":`, f.name)
		b = jsonnum.Append(b, f.value)
	}
	return append(b, '}'), nil
}
