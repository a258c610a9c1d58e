package perfmon

import "github.com/backend-prs/perfmon/analyze"

// anomalyFindings turns the anomalies that go on into findings: a warning for each metric
// whose anomaly is towards what is worse, and nothing bad about the others that are
// watched.
func anomalyFindings(c *catalog, s *Settings, ongoing map[string]Anomaly) []finding {
	var findings []finding
	for _, metric := range c.metrics {
		if !watched(metric) {
			continue
		}
		f := finding{key: Key{Metric: metric.Name}, unit: metric.Unit, cause: CauseAnomaly}
		f.life.Violations, f.life.Cooldown = s.ConsecutiveViolations, s.AlertCooldown
		if a, ok := ongoing[metric.Name]; ok && a.worse(metric.Worse) {
			f.severity, f.value, f.atOnce = Warning, a.Value, true
			f.message = MessageData{
				Metric: metric, Cause: CauseAnomaly, Consecutive: 1,
				Value: withUnit(a.Value.Float(), metric.Unit), Expected: withUnit(a.Expected.Float(), metric.Unit),
			}
			f.evidence = map[string]any{"cause": CauseAnomaly, "expected": a.Expected, "score": a.Score, "at": a.At}
		}
		findings = append(findings, f)
	}
	return findings
}

// worse reports whether an anomaly is towards what is worse.
func (a Anomaly) worse(than analyze.Direction) bool {
	if than == LowerIsWorse {
		return a.Value.Float() < a.Expected.Float()
	}
	return than == HigherIsWorse && a.Value.Float() > a.Expected.Float()
}

// withAnomalies adds what the detectors found, where that is asked for. As with
// regressions, where a threshold watches the same metric and had no value to judge, only
// what is bad counts.
func (m *Monitor) withAnomalies(findings []finding, watch *watcher, s *Settings, sample *Sample) []finding {
	if !s.AnomalyAlerts {
		return findings
	}
	return m.withJudged(findings, watch, s, sample, anomalyFindings(sample.catalog, s, m.anomalies.ongoing()))
}
