package perfmon

import (
	"math"
	"strings"
	"sync"
	"time"

	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon/internal/digest"
	"github.com/backend-prs/perfmon/internal/ring"
	"github.com/backend-prs/perfmon/internal/traffic"
)

// history owns all points. The step loop adds to it, everybody reads.
type history struct {
	mu        sync.RWMutex
	retention time.Duration
	ring      *ring.Ring
	service   map[string]ring.Column
	scopes    map[Scope]*scopeHistory
}

// scopeHistory is what is kept of an endpoint or an organization.
type scopeHistory struct {
	columns [len(requestMetrics)]ring.Column
	digests digest.Log
	pending traffic.Delta // since the last point
}

func newHistory(points int, retention time.Duration) *history {
	return &history{
		retention: retention,
		ring:      ring.New(points),
		service:   map[string]ring.Column{},
		scopes:    map[Scope]*scopeHistory{},
	}
}

// has reports whether anything was ever counted for a scope.
func (h *history) has(scope Scope) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.scopes[scope] != nil
}

// count adds what a step counted for a scope.
func (h *history) count(scope Scope, d *traffic.Delta) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.scopes[scope]
	if s == nil {
		s = &scopeHistory{}
		for i := range s.columns {
			s.columns[i] = h.ring.Logs()
		}
		h.scopes[scope] = s
	}
	s.pending.Merge(d)
}

// forget drops what was counted since the last point.
func (h *history) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.scopes {
		s.pending.Reset()
	}
}

// close makes a point of the service's values, by position in the catalog, and of
// what was counted for each scope since the last one, elapsed ago.
func (h *history) close(at time.Time, elapsed time.Duration, c *catalog, values []float64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ring.Append(at)
	for i, v := range values {
		if math.IsNaN(v) {
			continue
		}
		name := c.metrics[i].Name
		if h.service[name] == nil {
			h.service[name] = h.ring.Floats()
		}
		h.service[name].Set(v)
	}
	for _, s := range h.scopes {
		for i, v := range requestValues(&s.pending, elapsed) {
			// An error rate of 0, which is the most frequent, is left out and told by
			// the throughput when it is read.
			if !math.IsNaN(v) && (v != 0 || i != errorRateColumn) {
				s.columns[i].Set(v)
			}
		}
		s.digests.Add(at, elapsed, &s.pending.Times, s.pending.Responses, s.pending.Errors)
		s.digests.Trim(at.Add(-h.retention))
		s.pending.Reset()
	}
}

// Places in requestMetrics.
const (
	throughputColumn = 4
	errorRateColumn  = 5
)

// requestValues turns counts into the values of requestMetrics, NaN for absent ones.
func requestValues(d *traffic.Delta, elapsed time.Duration) (v [len(requestMetrics)]float64) {
	times := d.ResponseTimes()
	v[0], v[1], v[2], v[3] = times.P50, times.P95, times.P99, times.Mean
	v[throughputColumn], v[errorRateColumn] = math.NaN(), math.NaN()
	if elapsed > 0 {
		v[throughputColumn] = float64(d.Responses) / elapsed.Seconds()
	}
	if d.Responses > 0 {
		v[errorRateColumn] = 100 * float64(d.Errors) / float64(d.Responses)
	}
	return v
}

// Series are columns of values over one axis of time, ascending.
type Series struct {
	Times  []time.Time
	Values map[string][]float64 // by metric; NaN is absent
}

// History returns the points of the last window, the whole retention where that is
// 0: of the metrics named, or of all that have any. Scopes of endpoints and
// organizations have the metrics of requests.
func (m *Monitor) History(scope Scope, window time.Duration, metrics ...string) Series {
	h := m.history
	now := m.wall()
	h.mu.RLock()
	defer h.mu.RUnlock()
	from := 0
	if window > 0 {
		from = h.ring.After(now.Add(-window))
	}
	n := h.ring.Len() - from
	s := Series{Times: make([]time.Time, n), Values: map[string][]float64{}}
	for i := range s.Times {
		s.Times[i] = h.ring.Time(from + i)
	}
	read := func(name string, c ring.Column) {
		if c == nil || len(metrics) > 0 && !slices.Contains(metrics, name) {
			return
		}
		values := make([]float64, n)
		for i := range values {
			values[i] = c.At(from + i)
		}
		s.Values[name] = values
	}
	if scope == (Scope{}) {
		for name, c := range h.service {
			read(name, c)
		}
	} else if sh := h.scopes[scope]; sh != nil {
		for i, c := range sh.columns {
			read(requestMetrics[i], c)
		}
		for i := range s.Values[ErrorRate] {
			if v := &s.Values[ErrorRate][i]; math.IsNaN(*v) && sh.columns[throughputColumn].At(from+i) > 0 {
				*v = 0
			}
		}
	}
	return s
}

// Downsample returns the series with at most n points, for a chart. Each is the worst
// of those it stands for, by the metric's direction in worse, so that zooming out
// hides no violation; where that is neutral, their mean.
func (s Series) Downsample(n int, worse func(metric string) Direction) Series {
	if n <= 0 || len(s.Times) <= n {
		return s
	}
	d := Series{Times: make([]time.Time, n), Values: map[string][]float64{}}
	edge := func(i int) int { return i * len(s.Times) / n }
	for i := range n {
		d.Times[i] = s.Times[edge(i+1)-1]
	}
	for name, values := range s.Values {
		direction := worse(name)
		out := make([]float64, n)
		for i := range n {
			out[i] = condense(values[edge(i):edge(i+1)], direction)
		}
		d.Values[name] = out
	}
	return d
}

func condense(values []float64, worse Direction) float64 {
	result, n := math.NaN(), 0
	for _, v := range values {
		switch {
		case math.IsNaN(v):
			continue
		case n == 0:
			result = v
		case worse == HigherIsWorse:
			result = max(result, v)
		case worse == LowerIsWorse:
			result = min(result, v)
		default:
			result += v
		}
		n++
	}
	if worse == Neutral && n > 0 {
		result /= float64(n)
	}
	return result
}

// ScopeStats are the figures of an endpoint or an organization over a window. The
// percentiles are those of all its requests, with at most 1 % relative error.
type ScopeStats struct {
	Scope      Scope
	From       time.Time // when the window begins: before what was asked by less than 10 min, past an hour by less than 1 h
	Requests   uint64
	Errors     uint64
	Throughput float64 // 1/s
	ErrorRate  float64 // %; NaN without requests, and so are the times
	P50        float64 // s
	P95        float64 // s
	P99        float64 // s
	Avg        float64 // s
}

// Endpoints returns the figures of every endpoint that had requests in the last
// window (0: the retention), the busiest first.
func (m *Monitor) Endpoints(window time.Duration) []ScopeStats {
	return m.scopeStats(ScopeEndpoint, window)
}

// Organizations does the same for organizations.
func (m *Monitor) Organizations(window time.Duration) []ScopeStats {
	return m.scopeStats(ScopeOrganization, window)
}

// Requests returns the figures of all requests in the last window, 0 for the
// retention, whatever their endpoint.
func (m *Monitor) Requests(window time.Duration) ScopeStats {
	h := m.history
	now := m.wall()
	if window <= 0 || window > h.retention {
		window = h.retention
	}
	s := ScopeStats{From: now.Add(-window)}
	if up := m.startedAt(); s.From.Before(up) {
		s.From = up
	}
	var sum traffic.Counts
	h.mu.RLock()
	for scope, sh := range h.scopes {
		if scope.Kind() == ScopeEndpoint {
			sh.sum(now.Add(-window), &sum, &s)
		}
	}
	h.mu.RUnlock()
	s.finish(now, &sum)
	return s
}

func (m *Monitor) scopeStats(kind ScopeKind, window time.Duration) []ScopeStats {
	h := m.history
	now := m.wall()
	if window <= 0 || window > h.retention {
		window = h.retention
	}
	begin := now.Add(-window)
	if up := m.startedAt(); begin.Before(up) {
		begin = up
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	list := []ScopeStats{}
	var sum traffic.Counts
	for scope, sh := range h.scopes {
		if scope.Kind() != kind {
			continue
		}
		sum.Reset()
		s := ScopeStats{Scope: scope, From: begin}
		sh.sum(now.Add(-window), &sum, &s)
		if s.Requests == 0 {
			continue
		}
		s.finish(now, &sum)
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b ScopeStats) int {
		if a.Requests != b.Requests {
			if a.Requests > b.Requests {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Scope.String(), b.Scope.String())
	})
	return list
}

// sum adds what was counted after since, up to now.
func (sh *scopeHistory) sum(since time.Time, counts *traffic.Counts, s *ScopeStats) {
	sum := sh.digests.Since(since, &counts.Times)
	counts.Times.Merge(&sh.pending.Times)
	s.Requests += sum.Responses + sh.pending.Responses
	s.Errors += sum.Errors + sh.pending.Errors
	if !sum.From.IsZero() && sum.From.Before(s.From) {
		s.From = sum.From
	}
}

// finish derives rates and times from what was summed up.
func (s *ScopeStats) finish(now time.Time, counts *traffic.Counts) {
	times := counts.ResponseTimes()
	s.P50, s.P95, s.P99, s.Avg = times.P50, times.P95, times.P99, times.Mean
	s.Throughput, s.ErrorRate = math.NaN(), math.NaN()
	if elapsed := now.Sub(s.From).Seconds(); elapsed > 0 {
		s.Throughput = float64(s.Requests) / elapsed
	}
	if s.Requests > 0 {
		s.ErrorRate = 100 * float64(s.Errors) / float64(s.Requests)
	}
}
