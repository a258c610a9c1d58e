package perfmon

import (
	"fmt"
	"math"
	"time"

	"golang.org/x/exp/slices"

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
	times.Quantiles(quantiles, f[:len(quantiles)])
	f[avgFigure] = times.Mean()
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
	// From is when the window begins: up to 10 minutes before what was asked, or up to
	// 1 hour in the part of the past that is more than an hour ago.
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

// Requests returns the figures of all requests of the service in the last window, 0 for
// the retention.
func (h History) Requests(window time.Duration) RequestStats {
	all := h.sums(h.since(window), func(s Scope) bool { return s.Kind() == ScopeEndpoint }, true)
	if len(all) == 0 {
		return h.finish(requestSum{})
	}
	return h.finish(all[0])
}

// Endpoints returns the figures of every endpoint that had requests in the last
// window (0: the retention), the busiest first.
func (h History) Endpoints(window time.Duration) []RequestStats {
	return h.stats(ScopeEndpoint, window)
}

// Organizations does the same for organizations.
func (h History) Organizations(window time.Duration) []RequestStats {
	return h.stats(ScopeOrganization, window)
}

func (h History) stats(kind ScopeKind, window time.Duration) []RequestStats {
	list := []RequestStats{}
	for _, sum := range h.sums(h.since(window), func(s Scope) bool { return s.Kind() == kind }, false) {
		if sum.requests > 0 {
			list = append(list, h.finish(sum))
		}
	}
	slices.SortFunc(list, func(a, b RequestStats) int {
		switch {
		case a.Requests > b.Requests, a.Requests == b.Requests && a.name() < b.name():
			return -1
		}
		return 1
	})
	return list
}

// sums adds up what was counted after since, from memory and, further back, from the store.
func (h History) sums(since time.Time, pick func(Scope) bool, together bool) []requestSum {
	if h.beyond(since) {
		return h.archivedSums(since, pick, together)
	}
	return h.m.history.sum(since, pick, together)
}

// since returns when a window of so long begins, 0 for the retention.
func (h History) since(window time.Duration) time.Time {
	if window <= 0 {
		window = h.m.settings.get().Retention
	}
	window = min(window, h.Reach())
	return h.m.Now().Add(-window)
}

// finish derives the figures from what was summed up.
func (h History) finish(sum requestSum) RequestStats {
	now := h.m.Now()
	f := figures(&sum.times, sum.requests, sum.failed, now.Sub(sum.from))
	return RequestStats{
		Scope: sum.scope, From: sum.from, Requests: sum.requests, Errors: sum.failed,
		Throughput: ValueOf(f[throughputFigure]), ErrorRate: ValueOf(f[errorRateFigure]),
		P50: ValueOf(f[p50Figure]), P95: ValueOf(f[p95Figure]), P99: ValueOf(f[p99Figure]), Avg: ValueOf(f[avgFigure]),
	}
}

// requestSum is what was counted for a scope in a window.
type requestSum struct {
	scope            Scope
	from             time.Time
	requests, failed uint64
	times            sketch.Sketch
}

// sum adds up what was counted after since, for each scope that is picked, or for all of
// them together.
func (h *history) sum(since time.Time, pick func(Scope) bool, together bool) []requestSum {
	h.mu.RLock()
	defer h.mu.RUnlock()
	begin := h.earliest(since)
	var sums []requestSum
	for scope, s := range h.scopes {
		if !pick(scope) {
			continue
		}
		if len(sums) == 0 || !together {
			sums = append(sums, requestSum{scope: scope, from: begin})
		}
		sums[len(sums)-1].add(s, since)
	}
	if together && len(sums) > 0 {
		sums[0].scope = Scope{}
	}
	return sums
}

// add adds what was counted for a scope after since.
func (sum *requestSum) add(s *scopeHistory, since time.Time) {
	d := s.digests.Since(since, &sum.times)
	sum.times.Merge(&s.pending.Times)
	sum.requests += d.Responses + s.pending.Responses
	sum.failed += d.Errors + s.pending.Errors
	if !d.From.IsZero() && d.From.Before(sum.from) {
		sum.from = d.From
	}
}

// earliest returns since, or when figures began where that is later; mu is held.
func (h *history) earliest(since time.Time) time.Time {
	if since.Before(h.begun) {
		return h.begun
	}
	return since
}
