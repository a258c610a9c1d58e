package perfmon

import (
	"fmt"
	"math"
	"sync"
	"time"

	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon/internal/anomaly"
	"github.com/backend-prs/perfmon/internal/jsonnum"
)

// Anomaly is a point of a metric that does not fit the metric's own past.
type Anomaly struct {
	Metric string
	At     time.Time
	Value  float64 // in the metric's unit
	// Expected is about where the value should have been.
	Expected float64
	// Score is how little it fits, from 0.5 to 1.
	Score float64
}

// MarshalJSON returns the fields in snake_case.
func (a Anomaly) MarshalJSON() ([]byte, error) {
	at, err := a.At.MarshalJSON()
	if err != nil {
		return nil, err
	}
	b := fmt.Appendf(nil, `{"metric_name":%q,"at":%s`, a.Metric, at)
	for _, f := range []struct {
		name  string
		value float64
	}{{"value", a.Value}, {"expected", a.Expected}, {"score", a.Score}} {
		b = fmt.Appendf(b, `,"%s":`, f.name)
		b = jsonnum.Append(b, f.value)
	}
	return append(b, '}'), nil
}

// maxAnomalies is how many are kept.
const maxAnomalies = 1000

// anomalies owns what was found, and a detector for each metric of the service.
type anomalies struct {
	detectors []*anomaly.Detector // by position in the catalog; the step loop's

	mu   sync.Mutex
	list []Anomaly // oldest first; mu
}

// look gives the detectors a point's values, by position in the catalog.
func (as *anomalies) look(at time.Time, c *catalog, values []float64) {
	for i, v := range values {
		if i == len(as.detectors) {
			as.detectors = append(as.detectors, anomaly.New())
		}
		if math.IsNaN(v) {
			continue
		}
		r := as.detectors[i].Add(v)
		if r.Score < anomaly.Threshold {
			continue
		}
		as.mu.Lock()
		if len(as.list) == maxAnomalies {
			as.list = slices.Delete(as.list, 0, 1)
		}
		as.list = append(as.list, Anomaly{c.metrics[i].Name, at, v, r.Expected, r.Score})
		as.mu.Unlock()
	}
}

// Anomalies returns the points of the service's metrics in the last window (0: the
// retention) that did not fit, newest first, the newest 1000 at most. Every metric is
// learnt as its points come; the first hundred say nothing. What goes on after it was
// found is not found again and again.
func (m *Monitor) Anomalies(window time.Duration) []Anomaly {
	if window <= 0 || window > m.Retention() {
		window = m.Retention()
	}
	since := m.wall().Add(-window)
	m.anomalies.mu.Lock()
	defer m.anomalies.mu.Unlock()
	list := []Anomaly{}
	for i := len(m.anomalies.list) - 1; i >= 0; i-- {
		if a := m.anomalies.list[i]; a.At.After(since) {
			list = append(list, a)
		}
	}
	return list
}
