package perfmon

import "time"

// renewalTries is after how many intervals a renewal that was refused is tried again: to
// look whether all is steady costs as much as to establish.
const renewalTries = 10

// renewal returns the record of a baseline that takes the place of the one in force, over
// as long a window, when that is old enough by the settings. Not while a metric is worse
// than in the old one, or has an alert: what is wrong must not become what is normal. The
// worker calls it for each point.
func (m *Monitor) renewal(now moment) []Record {
	every := m.settings.get().BaselineRenewal
	old, ok := m.Baselines().Current()
	if every == 0 || !ok || now.wall.Sub(old.At) < every || now.elapsed < m.baselines.tryAgain {
		return nil
	}
	m.baselines.tryAgain = now.elapsed + renewalTries*m.interval
	if len(m.baselines.found()) > 0 || m.alerting(old) {
		return nil
	}
	window := time.Duration(old.DurationMinutes * float64(time.Minute))
	made, err := m.establish("", window, now)
	if err != nil {
		return nil // too few points, or shifting: later
	}
	made.By = ByMonitor
	return []Record{{Baseline: &made}}
}

// alerting reports whether a metric of a baseline has an alert of the service.
func (m *Monitor) alerting(b Baseline) bool {
	for name := range b.Metrics {
		if k, ok := m.alerts.key(Key{Metric: name}); ok && k.Life.Status.Active() {
			return true
		}
	}
	return false
}
