package perfmon

import (
	"fmt"
	"math"
	"sync"
	"time"

	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon/internal/digest"
	"github.com/backend-prs/perfmon/internal/ring"
	"github.com/backend-prs/perfmon/internal/traffic"
)

// History reads the points of a monitor, and what follows from them.
type History struct{ m *Monitor }

// History returns the history of the monitor.
func (m *Monitor) History() History { return History{m} }

// Series returns the points of the last window, the whole retention where that is 0:
// of the metrics named, or of all that have any. Endpoints and organizations have the
// metrics of requests. A metric or a scope that the monitor does not know is
// ErrNotFound.
func (h History) Series(scope Scope, window time.Duration, metrics ...string) (Series, error) {
	return h.between(back(h.m.Now(), window), time.Time{}, scope, metrics)
}

// SeriesUntil is Series for a window that ends at a time, whose point belongs to it.
func (h History) SeriesUntil(until time.Time, scope Scope, window time.Duration, metrics ...string) (Series, error) {
	return h.between(back(until, window), until, scope, metrics)
}

// between returns the points after since and not after until; zero times are no limits.
func (h History) between(since, until time.Time, scope Scope, metrics []string) (Series, error) {
	c := h.m.registry.catalog()
	for _, name := range metrics {
		if _, ok := c.find(name); !ok {
			return Series{}, fmt.Errorf("perfmon: metric %q: %w", truncate(name, 80), ErrNotFound)
		}
	}
	var s Series
	var ok bool
	if h.beyond(since) {
		s, ok = h.archivedSeries(scope, since, until, metrics)
	} else {
		s, ok = h.m.history.series(scope, since, until, c, metrics)
	}
	if !ok {
		return Series{}, fmt.Errorf("perfmon: scope %q: %w", truncate(scope.String(), 300), ErrNotFound)
	}
	return s, nil
}

// series is Series for what is known to be there.
func (h History) series(window time.Duration, metrics ...string) Series {
	if since := back(h.m.Now(), window); h.beyond(since) {
		s, _ := h.archivedSeries(Scope{}, since, time.Time{}, metrics)
		return s
	}
	s, _ := h.m.history.series(Scope{}, back(h.m.Now(), window), time.Time{}, h.m.registry.catalog(), metrics)
	return s
}

// back returns when a window begins that ends at a time; zero: where history does.
func back(from time.Time, window time.Duration) time.Time {
	if window <= 0 {
		return time.Time{}
	}
	return from.Add(-window)
}

// Totals returns what was counted for a scope since the monitor was made; the zero
// Scope is the service. Where a scope was not used for longer than the retention, it
// begins anew. A scope that the monitor does not know is ErrNotFound.
func (h History) Totals(scope Scope) (Totals, error) {
	var c traffic.Counts
	ok := true
	switch scope.Kind() {
	case ScopeService:
		h.m.traffic.Total(&c)
	case ScopeEndpoint:
		ok = h.m.traffic.Endpoints.Total(scope.Endpoint, &c)
	default:
		ok = h.m.traffic.Organizations.Total(scope.Organization, &c)
	}
	if !ok {
		return Totals{}, fmt.Errorf("perfmon: scope %q: %w", truncate(scope.String(), 300), ErrNotFound)
	}
	return Totals{scope, c.Responses, c.Errors, c.Classes, &c.Times}, nil
}

// history owns all points. The step loop adds to it, everybody reads.
type history struct {
	mu      sync.RWMutex
	ring    *ring.Ring
	points  int // capacity
	service map[string]ring.Column
	scopes  map[Scope]*scopeHistory
	begun   time.Time // since when there is anything; zero: there is not
}

// scopeHistory is what is kept of an endpoint or an organization.
type scopeHistory struct {
	columns [requestMetrics]ring.Column
	digests digest.Log
	pending traffic.Counts // since the last point
	last    time.Time      // of the last point with requests
}

func newHistory(points int) *history {
	return &history{points: points, ring: ring.New(points), service: map[string]ring.Column{}, scopes: map[Scope]*scopeHistory{}}
}

// begin notes since when figures are counted.
func (h *history) begin(at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.begun.IsZero() {
		h.begun = at
	}
}

// has reports whether anything is held of a scope.
func (h *history) has(scope Scope) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.scopes[scope] != nil
}

// count adds what a step counted for a scope.
func (h *history) count(scope Scope, at time.Time, d *traffic.Counts) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.scope(scope)
	s.last = at
	s.pending.Merge(d)
}

// scope returns what is kept of a scope, made where it is new; mu is held.
func (h *history) scope(scope Scope) *scopeHistory {
	s := h.scopes[scope]
	if s == nil {
		s = &scopeHistory{}
		for i := range s.columns {
			s.columns[i] = h.ring.Logs()
		}
		h.scopes[scope] = s
	}
	return s
}

// forget drops what was counted since the last point.
func (h *history) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.scopes {
		s.pending.Reset()
	}
}

// requests returns what all endpoints have counted since the last point.
func (h *history) requests(into *traffic.Counts) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for scope, s := range h.scopes {
		if scope.Kind() == ScopeEndpoint {
			into.Merge(&s.pending)
		}
	}
}

// close makes a point of the service's values, by position in the catalog, and of what
// was counted for each scope since the last one, elapsed ago. It returns the point where
// keep is set. Scopes that had nothing for the retention are dropped.
func (h *history) close(at time.Time, elapsed, retention time.Duration, c *catalog, values []float64, keep bool) (p Point) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ring.Append(at)
	p = Point{Time: at, ElapsedSeconds: elapsed.Seconds(), Values: map[string]Value{}}
	for i, v := range values {
		if math.IsNaN(v) {
			continue
		}
		h.set(c.metrics[i].Name, v)
		if keep {
			p.Values[c.metrics[i].Name] = ValueOf(v)
		}
	}
	for scope, s := range h.scopes {
		if keep && s.pending.Responses > 0 {
			data, _ := s.pending.Times.AppendBinary(nil) // its error is always nil
			p.Scopes = append(p.Scopes, ScopePoint{scope, s.pending.Responses, s.pending.Errors, data})
		}
		s.close(at, elapsed, retention)
		if at.Sub(s.last) > retention {
			h.drop(scope)
		}
	}
	return p
}

// set gives a metric of the service its value in the newest point; mu is held.
func (h *history) set(name string, v float64) {
	if h.service[name] == nil {
		h.service[name] = h.ring.Floats()
	}
	h.service[name].Set(v)
}

// close makes a point of what is pending.
func (s *scopeHistory) close(at time.Time, elapsed, retention time.Duration) {
	for i, v := range deltaFigures(&s.pending, elapsed) {
		// An error rate of 0, which is the most frequent, is left out and known by the
		// throughput when it is read.
		if !math.IsNaN(v) && (v != 0 || i != errorRateFigure) {
			s.columns[i].Set(v)
		}
	}
	s.digests.Add(at, elapsed, &s.pending.Times, s.pending.Responses, s.pending.Errors)
	s.digests.Trim(at.Add(-retention))
	s.pending.Reset()
}

// drop forgets a scope; mu is held.
func (h *history) drop(scope Scope) {
	for _, c := range h.scopes[scope].columns {
		h.ring.Remove(c)
	}
	delete(h.scopes, scope)
}

// release forgets scopes whose names were given back.
func (h *history) release(scopes []Scope) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, scope := range scopes {
		if h.scopes[scope] != nil {
			h.drop(scope)
		}
	}
}

// restore takes over a point of an earlier monitor.
func (h *history) restore(p Point, retention time.Duration) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	elapsed := inUnits(p.ElapsedSeconds, time.Second)
	if h.begun.IsZero() {
		h.begun = p.Time.Add(-elapsed)
	}
	h.ring.Append(p.Time)
	for name, v := range p.Values {
		h.set(name, v.Float())
	}
	for _, sp := range p.Scopes {
		s := h.scope(sp.Scope)
		if err := s.pending.Times.MergeBinary(sp.Times); err != nil {
			return fmt.Errorf("point of %v, %v: %w", p.Time, sp.Scope, err)
		}
		s.pending.Responses, s.pending.Errors, s.last = sp.Requests, sp.Errors, p.Time
	}
	for scope, s := range h.scopes {
		s.close(p.Time, elapsed, retention)
		if p.Time.Sub(s.last) > retention {
			h.drop(scope)
		}
	}
	return nil
}

// setRetention keeps so many points from now on, and of those there are the newest.
func (h *history) setRetention(retention, interval time.Duration) {
	points := int(retention / interval)
	h.mu.Lock()
	defer h.mu.Unlock()
	if points == h.points {
		return
	}
	old := h.ring
	h.points, h.ring = points, ring.New(points)
	from := max(old.Len()-points, 0)
	service := h.service
	h.service = map[string]ring.Column{}
	for name := range service {
		h.service[name] = h.ring.Floats()
	}
	columns := map[*scopeHistory][requestMetrics]ring.Column{}
	for _, s := range h.scopes {
		columns[s] = s.columns
		for i := range s.columns {
			s.columns[i] = h.ring.Logs()
		}
	}
	copyPoint := func(to, from ring.Column, i int) {
		if v := from.At(i); !math.IsNaN(v) {
			to.Set(v)
		}
	}
	for i := from; i < old.Len(); i++ {
		h.ring.Append(old.Time(i))
		for name, c := range service {
			copyPoint(h.service[name], c, i)
		}
		for s, cs := range columns {
			for j, c := range cs {
				copyPoint(s.columns[j], c, i)
			}
		}
	}
}

// len returns how many points are held.
func (h *history) len() int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.ring.Len()
}

// series reads columns, after since and not after until; zero times are no limits. ok is
// false for a scope that is not known.
func (h *history) series(scope Scope, since, until time.Time, c *catalog, metrics []string) (s Series, ok bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	from, n := h.window(since, until)
	s = Series{Times: make([]time.Time, n), Metrics: map[string]Column{}}
	for i := range s.Times {
		s.Times[i] = h.ring.Time(from + i)
	}
	read := func(name string, column ring.Column) {
		if len(metrics) > 0 && !slices.Contains(metrics, name) {
			return
		}
		values := make(Values, n)
		for i := range values {
			values[i] = column.At(from + i)
		}
		m, _ := c.find(name)
		s.Metrics[name] = Column{m.Unit, m.Worse, values}
	}
	if scope == (Scope{}) {
		for name, column := range h.service {
			read(name, column)
		}
		return s, true
	}
	sh := h.scopes[scope]
	if sh == nil {
		return s, false
	}
	for i, column := range sh.columns {
		read(builtin[i].Name, column)
	}
	if column, ok := s.Metrics[ErrorRate]; ok {
		withZeros(column.Values, func(i int) float64 { return sh.columns[throughputFigure].At(from + i) })
	}
	return s, true
}

// withZeros adds the error rates of 0, which are not kept: of points that have none, and
// had requests.
func withZeros(errorRates []float64, throughput func(i int) float64) {
	for i, v := range errorRates {
		if math.IsNaN(v) && throughput(i) > 0 {
			errorRates[i] = 0
		}
	}
}

// window returns the first point after since, and how many there are from it up to until;
// zero times are no limits. mu is held.
func (h *history) window(since, until time.Time) (from, n int) {
	to := h.ring.Len()
	if !since.IsZero() {
		from = h.ring.After(since)
	}
	if !until.IsZero() {
		to = h.ring.After(until)
	}
	return from, max(to-from, 0)
}
