package perfmon

import (
	"time"

	"github.com/backend-prs/perfmon/internal/goruntime"
)

// WithRuntimeMetrics adds metrics of the Go runtime by the names that package
// runtime/metrics gives them, such as "/sched/goroutines/runnable:goroutines" or
// "/sync/mutex/wait/total:seconds". A metric is named go_ and the runtime's name with _
// between its parts, go_sched_goroutines_runnable_goroutines. What is a level is a gauge.
// What only grows is a rate per second: seconds waited for locks in a second are goroutines
// that wait, on average. A distribution becomes two metrics, _p50 and _p99, absent while
// nothing adds to it. A name that the toolchain does not have is refused.
func WithRuntimeMetrics(names ...string) Option {
	return func(c *config) error {
		if len(names) == 0 {
			return &FieldError{"WithRuntimeMetrics", nil, "at least one name of runtime/metrics"}
		}
		for _, name := range names {
			named, ok := goruntime.Find(name)
			if !ok {
				return &FieldError{"WithRuntimeMetrics", name, "a name of runtime/metrics that this toolchain has"}
			}
			c.runtime = append(c.runtime, named)
		}
		return nil
	}
}

// namedMetrics describes the metrics that a name of the runtime becomes.
func namedMetrics(n goruntime.Named) []Metric {
	name := n.MetricName()
	switch n.Form {
	case goruntime.Rate:
		return []Metric{{name, n.Unit, KindCounter, Neutral, n.Help}}
	case goruntime.Distribution:
		return []Metric{
			{name + "_p50", n.Unit, KindTiming, Neutral, "Half are this or less: " + n.Help},
			{name + "_p99", n.Unit, KindTiming, Neutral, "99 of 100 are this or less: " + n.Help},
		}
	}
	return []Metric{{name, n.Unit, KindGauge, Neutral, n.Help}}
}

// namedMeter reads one name of the runtime.
type namedMeter struct {
	reader      *goruntime.NamedReader
	at          [2]int
	step, point goruntime.NamedWindow
}

func newNamedMeter(n goruntime.Named, position func(string) int) *namedMeter {
	m := &namedMeter{reader: goruntime.NewNamedReader(n)}
	for i, metric := range namedMetrics(n) {
		m.at[i] = position(metric.Name)
	}
	ignore := func(int, float64) {}
	m.endStep(0, ignore)
	m.endPoint(0, ignore)
	return m
}

func (m *namedMeter) endStep(elapsed time.Duration, set func(int, float64)) {
	m.reader.Read()
	m.reader.Since(&m.step, elapsed, func(i int, v float64) { set(m.at[i], v) })
}

func (m *namedMeter) endPoint(elapsed time.Duration, set func(int, float64)) {
	if m.reader.IsLevel() {
		return // the mean of the steps
	}
	m.reader.Since(&m.point, elapsed, func(i int, v float64) { set(m.at[i], v) })
}
