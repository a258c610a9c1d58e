package perfmon

import (
	"time"

	"golang.org/x/exp/slices"
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
	since := h.since(window)
	if h.beyond(since) {
		return h.archivedTable(since, points)
	}
	times, sums := h.m.history.endpoints(since, points)
	return h.table(times, sums)
}

// table makes a table of what was summed up.
func (h History) table(times []time.Time, sums []endpointSum) EndpointTable {
	t := EndpointTable{Times: times, Endpoints: make([]EndpointRow, 0, len(sums))}
	total := 0.0
	for i := range sums {
		total += sums[i].seconds()
	}
	for i := range sums {
		t.Endpoints = append(t.Endpoints, EndpointRow{h.finish(sums[i].requestSum), ValueOf(100 * sums[i].seconds() / total), sums[i].series})
	}
	slices.SortFunc(t.Endpoints, func(a, b EndpointRow) int {
		x, y := a.Share.Float(), b.Share.Float()
		if x > y || !(y > x) && a.Endpoint < b.Endpoint {
			return -1
		}
		return 1
	})
	return t
}

// endpointSum is what was counted for an endpoint in a window, and its points.
type endpointSum struct {
	requestSum
	series EndpointSeries
}

// seconds is the time that its requests took.
func (s *endpointSum) seconds() float64 {
	if s.times.Count() == 0 {
		return 0
	}
	return s.times.Mean() / float64(time.Second) * float64(s.times.Count())
}

// endpoints reads what is held of all endpoints in one go, so that the figures of all are of
// the same moment.
func (h *history) endpoints(since time.Time, points int) ([]time.Time, []endpointSum) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	from, n := h.window(since, time.Time{})
	if points <= 0 || points > n {
		points = n
	}
	edge := func(i int) int { return i * n / points }
	times := make([]time.Time, points)
	for i := range times {
		times[i] = h.ring.Time(from + edge(i+1) - 1)
	}
	var sums []endpointSum
	p95, rps, failed := make([]float64, n), make([]float64, n), make([]float64, n)
	for scope, s := range h.scopes {
		if scope.Kind() != ScopeEndpoint {
			continue
		}
		sum := endpointSum{requestSum: requestSum{scope: scope, from: h.earliest(since)}}
		sum.add(s, since)
		if sum.requests == 0 {
			continue
		}
		for i := range n {
			p95[i], rps[i], failed[i] = s.columns[p95Figure].At(from+i), s.columns[throughputFigure].At(from+i), s.columns[errorRateFigure].At(from+i)
		}
		withZeros(failed, func(i int) float64 { return rps[i] })
		column := func(figure int, all []float64) Values {
			values := make(Values, points)
			for i := range values {
				values[i] = condense(all[edge(i):edge(i+1)], builtin[figure].Worse)
			}
			return values
		}
		sum.series = EndpointSeries{column(p95Figure, p95), column(throughputFigure, rps), column(errorRateFigure, failed)}
		sums = append(sums, sum)
	}
	return times, sums
}
