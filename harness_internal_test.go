package perfmon

import (
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/backend-prs/perfmon/internal/traffic"
)

// start of time for monitors that no test starts.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// resting returns a monitor on a mock clock that does nothing by itself.
func resting(t testing.TB, opts ...Option) (*Monitor, *clock.Mock) {
	t.Helper()
	mock := clock.NewMock()
	mock.Set(epoch)
	m, err := New(append([]Option{WithClock(mock), WithoutSystemMetrics(), WithoutDefaultThresholds()}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return m, mock
}

// at is a moment of a resting monitor.
func at(d time.Duration) moment { return moment{wall: epoch.Add(d), elapsed: d} }

// remember adds a point of one metric of the service to history.
func (m *Monitor) remember(d time.Duration, metric string, v float64) {
	c := m.registry.catalog()
	values := absent(len(c.metrics))
	values[c.index[metric]] = v
	m.history.close(epoch.Add(d), time.Minute, 48*time.Hour, c, values, false)
}

// sampleOf returns a sample of some metrics.
func (m *Monitor) sampleOf(values map[string]float64) *Sample {
	c := m.registry.catalog()
	s := &Sample{catalog: c, values: absent(len(c.metrics))}
	for name, v := range values {
		s.values[c.index[name]] = v
	}
	return s
}

var errorRateMetric = Metric{Name: ErrorRate, Unit: "%"}

// counts are n responses of which some failed, each of 10 ms.
func counts(n, failed uint64) *traffic.Counts {
	c := &traffic.Counts{Responses: n, Errors: failed}
	for range n {
		c.Times.Add(uint64(10 * time.Millisecond))
	}
	return c
}

// has reports whether anything is held of a scope.
func (h *history) has(scope Scope) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.scopes[scope] != nil
}
