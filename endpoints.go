package perfmon

import (
	"time"
)

// EndpointTable has the endpoints of a window beside each other.
type EndpointTable struct {
	Times     []time.Time   `json:"times"`     // of the series of every endpoint
	Endpoints []EndpointRow `json:"endpoints"` // the largest share first
}

// EndpointRow is an endpoint of an EndpointTable.
type EndpointRow struct {
	RequestStats
	// Share is which part it has of the time that the requests of all endpoints took, in
	// percent: where to look for what makes the service busy.
	Share  Value          `json:"share"`
	Series EndpointSeries `json:"series"`
}

// EndpointSeries are the points of an endpoint, one value for each time of the table.
type EndpointSeries struct {
	P95        Values `json:"response_time_p95"` // s
	Throughput Values `json:"throughput_rps"`    // 1/s
	ErrorRate  Values `json:"error_rate"`        // %
}

// EndpointTable returns the figures of every endpoint that had requests in the last window
// (0: the retention), each with at most so many points (0: all) for a small chart. As in
// Downsample, a point is the worst of those it stands for.
func (h History) EndpointTable(window time.Duration, points int) EndpointTable {
	var t EndpointTable
	var seconds []float64
	if since := h.since(window); h.beyond(since) {
		t, seconds = h.archivedTable(since, points)
	} else {
		t, seconds = h.m.history.endpoints(h.m.Now(), h.window(window), points)
	}
	total := 0.0
	for _, s := range seconds {
		total += s
	}
	for i := range t.Endpoints {
		t.Endpoints[i].Share = ValueOf(100 * seconds[i] / total)
	}
	sortFunc(t.Endpoints, func(a, b EndpointRow) int {
		x, y := a.Share.Float(), b.Share.Float()
		if x > y || !(y > x) && a.Endpoint < b.Endpoint {
			return -1
		}
		return 1
	})
	return t
}

// endpoints reads what is held of all endpoints in one go, so that the figures of all are of
// the same moment: a row for each, its share left out, and the seconds that its requests
// took.
func (h *history) endpoints(now time.Time, window time.Duration, points int) (t EndpointTable, seconds []float64) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	from, n := h.window(now.Add(-window), time.Time{})
	if points <= 0 || points > n {
		points = n
	}
	edge := func(i int) int { return i * n / points }
	t = EndpointTable{Times: make([]time.Time, points), Endpoints: []EndpointRow{}}
	for i := range t.Times {
		t.Times[i] = h.ring.Time(from + edge(i+1) - 1)
	}
	all := make([]float64, n)
	column := func(s *scopeHistory, figure int) Values {
		h.read(s, figure, from, all)
		values := make(Values, points)
		for i := range values {
			values[i] = condense(all[edge(i):edge(i+1)], builtin[figure].Worse)
		}
		return values
	}
	h.sumUp(now, window, isEndpoint, func(sum *requestSum) {
		if sum.requests == 0 {
			return
		}
		s := h.scopes[sum.scope]
		t.Endpoints = append(t.Endpoints, EndpointRow{
			RequestStats: sum.stats(now),
			Series:       EndpointSeries{column(s, p95Figure), column(s, throughputFigure), column(s, errorRateFigure)},
		})
		seconds = append(seconds, sum.seconds())
	})
	return t, seconds
}

// seconds is the time that the requests took.
func (r *requestSum) seconds() float64 {
	if r.times.Count() == 0 {
		return 0
	}
	return r.times.Mean() / float64(time.Second) * float64(r.times.Count())
}
