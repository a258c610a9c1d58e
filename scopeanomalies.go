package perfmon

import (
	"time"

	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon/analyze"
)

// maxLearnt is how many points of a scope are learnt from when its anomalies are asked for:
// a week of minutes. It bounds the cost of an answer.
const maxLearnt = 7 * 24 * 60

// AnomaliesOf returns the points of a scope in the last window (0: the retention) that did
// not fit, newest first, at most 1000: of one metric, or of all where metric is empty.
//
// For the service, that is what Anomalies returns. For an endpoint or an organization
// nothing is learnt as points come; a detector learns from the points held, up to a week of
// minutes, each time this is called, which takes some microseconds a point and metric. A
// metric or a scope that the monitor does not know is ErrNotFound.
func (h History) AnomaliesOf(metric string, scope Scope, window time.Duration) ([]Anomaly, error) {
	var metrics []string
	if metric != "" {
		metrics = []string{metric}
	}
	s, err := h.Series(scope, 0, metrics...)
	if err != nil {
		return nil, err
	}
	if scope == (Scope{}) {
		return slices.DeleteFunc(h.Anomalies(window), func(a Anomaly) bool { return metric != "" && a.Metric != metric }), nil
	}
	since := h.since(window)
	begin := max(len(s.Times)-maxLearnt, 0)
	list := []Anomaly{}
	for name, column := range s.Metrics {
		d := analyze.NewDetector()
		for i := begin; i < min(len(s.Times), len(column.Values)); i++ {
			v := column.Values[i]
			if r := d.Add(s.Times[i], v); r.Score >= analyze.AnomalyScore && s.Times[i].After(since) {
				list = append(list, Anomaly{name, s.Times[i], ValueOf(v), ValueOf(r.Expected), r.Score})
			}
		}
	}
	sortFunc(list, func(a, b Anomaly) int {
		switch {
		case !a.At.Equal(b.At):
			return b.At.Compare(a.At)
		case a.Metric < b.Metric:
			return -1
		}
		return 1
	})
	return list[:min(len(list), maxAnomalies)], nil
}
