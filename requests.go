package perfmon

import (
	"fmt"
	"math"
	"time"

	"github.com/backend-prs/perfmon/internal/traffic"
	"github.com/backend-prs/perfmon/sketch"
)

// requestFigures are the values of the metrics of requests, in the order of builtin.
type requestFigures [requestMetrics]float64

// Places in requestFigures.
const (
	p50Figure = iota
	p95Figure
	p99Figure
	avgFigure
	throughputFigure
	errorRateFigure
)

// quantiles of response times that figures have.
var quantiles = []float64{0.5, 0.95, 0.99}

// figures turns counts into the values of the metrics of requests, NaN for absent ones.
func figures(times *sketch.Sketch, responses, failed uint64, elapsed time.Duration) (f requestFigures) {
	f[avgFigure] = times.Summarize(quantiles, f[:len(quantiles)])
	for i := range f[:avgFigure+1] {
		f[i] /= float64(time.Second)
	}
	f[throughputFigure], f[errorRateFigure] = math.NaN(), math.NaN()
	if elapsed > 0 {
		f[throughputFigure] = float64(responses) / elapsed.Seconds()
	}
	if responses > 0 {
		f[errorRateFigure] = 100 * float64(failed) / float64(responses)
	}
	return f
}

func deltaFigures(d *traffic.Delta, elapsed time.Duration) requestFigures {
	return figures(&d.Times, d.Responses, d.Errors, elapsed)
}

// RequestStats are the figures of requests over a window. The percentiles are those of
// all requests in it, with at most 1 % relative error.
type RequestStats struct {
	Scope
	// From is when the window begins: up to 10 minutes or an interval before what was
	// asked, or up to 1 hour in the part of the past that is more than an hour ago.
	From       time.Time `json:"from"`
	Requests   uint64    `json:"requests"`
	Errors     uint64    `json:"errors"`
	Throughput Value     `json:"throughput_rps"`    // 1/s
	ErrorRate  Value     `json:"error_rate"`        // %; absent without requests, and so are the times
	P50        Value     `json:"response_time_p50"` // s
	P95        Value     `json:"response_time_p95"` // s
	P99        Value     `json:"response_time_p99"` // s
	Avg        Value     `json:"response_time_avg"` // s
}

// String names the scope and its figures.
func (s RequestStats) String() string {
	return fmt.Sprintf("%v: %d requests, %d errors, p95 %v s", s.Scope, s.Requests, s.Errors, s.P95)
}

// Totals are what was counted for a scope since the monitor was made. They never go
// down.
type Totals struct {
	Scope
	Requests uint64 `json:"requests"`
	Errors   uint64 `json:"errors"`
	// Statuses are the requests by class of status, 1xx first; streams are left out.
	Statuses [5]uint64 `json:"statuses"`
	// Times is the sketch of all response times in nanoseconds. It is the caller's own.
	Times *sketch.Sketch `json:"times"`
}

// String names the scope and its totals.
func (t Totals) String() string {
	return fmt.Sprintf("%v: %d requests, %d errors", t.Scope, t.Requests, t.Errors)
}

// EndpointTotals are the totals of an endpoint, with its response times by class of status.
type EndpointTotals struct {
	Totals
	// StatusTimes are the sketches of the response times in nanoseconds by class of status,
	// 1xx first, nil where there was none. Together they are Times. They are the caller's own.
	StatusTimes [5]*sketch.Sketch `json:"status_times"`
	// Exemplars are responses whose trace is known, the oldest first: the latest of each class
	// of status and magnitude of duration, of which there are eight: below 1 ms, and from there
	// on by factors of 4 up to 4.096 s and more. There are at most 40. See [Recorder.Exemplar].
	Exemplars []Exemplar `json:"exemplars,omitempty"`
}

// Exemplar is a response that stands for those of about its duration. It leads to a trace.
type Exemplar struct {
	TraceID  string        `json:"trace_id"`
	Duration time.Duration `json:"duration_ns"`
	Time     time.Time     `json:"time"`         // when it ended
	Class    int           `json:"status_class"` // 1 to 5: 2 is a status of 2xx
}

// String names the duration and the trace.
func (e Exemplar) String() string {
	return fmt.Sprintf("%v in trace %s", e.Duration, e.TraceID)
}

// EndpointTotals returns what was counted for every endpoint that had a response since the
// monitor was made, in the order they were first seen. What it holds of an endpoint is of
// one moment. An endpoint that was not used for longer than the retention is left out, and
// begins anew when it comes back.
func (h History) EndpointTotals() []EndpointTotals {
	list := []EndpointTotals{}
	h.m.traffic.Endpoints.ClassTotals(func(name string, c *traffic.Counts, times *[5]*sketch.Sketch, noted []*traffic.Exemplar) {
		totals := Totals{Scope{Endpoint: name}, c.Responses, c.Errors, c.Classes, &c.Times}
		var exemplars []Exemplar
		for _, x := range noted {
			exemplars = append(exemplars, Exemplar(*x))
		}
		list = append(list, EndpointTotals{totals, *times, exemplars})
	})
	return list
}

// Requests returns the figures of all requests of the service in the last window, 0 for
// the retention.
func (h History) Requests(window time.Duration) RequestStats {
	now := h.m.Now()
	since := h.since(window)
	if !h.beyond(since) {
		return h.m.history.sum(now, h.window(window)).stats(now)
	}
	for _, sum := range h.archivedSums(since, isEndpoint, true) {
		return sum.stats(now)
	}
	return (&requestSum{from: since}).stats(now)
}

// Endpoints returns the figures of every endpoint that had requests in the last
// window (0: the retention), the busiest first.
func (h History) Endpoints(window time.Duration) []RequestStats {
	return h.stats(window, isEndpoint)
}

// Organizations does the same for organizations.
func (h History) Organizations(window time.Duration) []RequestStats {
	return h.stats(window, isOrganization)
}

// endpointsAndOrganizations returns both, and reads the store once.
func (h History) endpointsAndOrganizations(window time.Duration) (endpoints, organizations []RequestStats) {
	endpoints, organizations = []RequestStats{}, []RequestStats{}
	for _, s := range h.stats(window, func(s Scope) bool { return isEndpoint(s) || isOrganization(s) }) {
		if isEndpoint(s.Scope) {
			endpoints = append(endpoints, s)
		} else {
			organizations = append(organizations, s)
		}
	}
	return endpoints, organizations
}

func isEndpoint(s Scope) bool     { return s.Kind() == ScopeEndpoint }
func isOrganization(s Scope) bool { return s.Kind() == ScopeOrganization }

func (h History) stats(window time.Duration, pick func(Scope) bool) []RequestStats {
	list := []RequestStats{}
	now := h.m.Now()
	h.sums(now, window, pick, func(sum *requestSum) {
		if sum.requests > 0 {
			list = append(list, sum.stats(now))
		}
	})
	sortFunc(list, func(a, b RequestStats) int {
		switch {
		case a.Requests > b.Requests, a.Requests == b.Requests && a.name() < b.name():
			return -1
		}
		return 1
	})
	return list
}

// sums calls f with what was counted in the window before now, for each scope that pick
// picks: from memory and, further back, from the store.
func (h History) sums(now time.Time, window time.Duration, pick func(Scope) bool, f func(*requestSum)) {
	since := h.since(window)
	if !h.beyond(since) {
		h.m.history.sums(now, h.window(window), pick, f)
		return
	}
	list := h.archivedSums(since, pick, false)
	for i := range list {
		f(&list[i])
	}
}

// window returns how long a window of so long is, 0 for the retention: not longer than
// history reaches back.
func (h History) window(window time.Duration) time.Duration {
	if window <= 0 {
		window = h.m.settings.get().Retention
	}
	return min(window, h.Reach())
}

// since returns when a window of so long begins.
func (h History) since(window time.Duration) time.Time { return h.m.Now().Add(-h.window(window)) }

// stats derives the figures from what was summed up.
func (r *requestSum) stats(now time.Time) RequestStats {
	f := figures(&r.times, r.requests, r.failed, now.Sub(r.from))
	return RequestStats{
		Scope: r.scope, From: r.from, Requests: r.requests, Errors: r.failed,
		Throughput: ValueOf(f[throughputFigure]), ErrorRate: ValueOf(f[errorRateFigure]),
		P50: ValueOf(f[p50Figure]), P95: ValueOf(f[p95Figure]), P99: ValueOf(f[p99Figure]), Avg: ValueOf(f[avgFigure]),
	}
}
