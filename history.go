package perfmon

import (
	"fmt"
	"math"
	"sync"
	"time"

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
	if h.m.parent != nil {
		return h.m.viewTotals(scope)
	}
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
	service map[string]*ring.Floats
	scopes  map[Scope]*scopeHistory
	begun   time.Time // since when there is anything; zero: there is not
	version uint64    // counts what changes points

	bytes int // what the points take, about, as of the latest one

	counting time.Time      // since when what is pending is counted: the last point, or the end of a gap
	pending  traffic.Counts // of all endpoints

	windows windows
}

// scopeHistory is what is kept of an endpoint or an organization.
type scopeHistory struct {
	columns *ring.Rows // of the metrics of requests
	digests digest.Log
	pending traffic.Counts // since the last point
	first   time.Time      // of the first point with requests
	last    time.Time      // of the last one
}

func newHistory(points int) *history {
	return &history{points: points, ring: ring.New(points), service: map[string]*ring.Floats{}, scopes: map[Scope]*scopeHistory{}}
}

// begin notes since when figures are counted.
func (h *history) begin(at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.counting = at; h.begun.IsZero() {
		h.begun = at
	}
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
		s = &scopeHistory{columns: h.ring.Rows(figureScales)}
		h.scopes[scope] = s
	}
	return s
}

// forget drops what was counted since the last point, and counts from now on.
func (h *history) forget(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counting = now
	h.pending.Reset()
	for _, s := range h.scopes {
		s.pending.Reset()
	}
}

// countAll adds what a step counted for all endpoints together.
func (h *history) countAll(d *traffic.Counts) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pending.Merge(d)
}

// requests adds what all endpoints have counted since the last point.
func (h *history) requests(into *traffic.Counts) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	into.Merge(&h.pending)
}

// close makes a point of the service's values, by position in the catalog, and of what
// was counted for each scope since the last one, elapsed ago. It returns the point where
// keep is set. Scopes that had nothing for the retention are dropped.
func (h *history) close(at time.Time, elapsed, retention time.Duration, c *catalog, values []float64, keep bool) (p Point) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.version++
	h.windows.prune(h.version, h.newest().Before(at))
	h.ring.Append(at)
	h.counting = at
	h.pending.Reset()
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
		h.windows.closing(s)
		s.close(at, elapsed, retention)
		if at.Sub(s.last) > retention {
			h.drop(scope)
		}
	}
	h.measure()
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
	if s.first.IsZero() || at.Before(s.first) {
		s.first = at
	}
	for i, v := range deltaFigures(&s.pending, elapsed) {
		// An error rate of 0, which is the most frequent, is left out and known by the
		// throughput when it is read, and a throughput of 0 by the time.
		if !math.IsNaN(v) && (v != 0 || i != errorRateFigure && i != throughputFigure) {
			s.columns.Set(i, v)
		}
	}
	if s.pending.Responses == 0 { // it went quiet
		s.pending = traffic.Counts{}
	}
	s.digests.Add(at, elapsed, &s.pending.Times, s.pending.Responses, s.pending.Errors)
	s.digests.Trim(at.Add(-retention))
	s.pending.Reset()
}

// drop forgets a scope; mu is held.
func (h *history) drop(scope Scope) {
	s := h.scopes[scope]
	h.ring.Remove(s.columns)
	h.windows.drop(s)
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
	h.version++
	h.windows = windows{}
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
	h.version++
	old := h.ring
	h.points, h.ring = points, ring.New(points)
	from := max(old.Len()-points, 0)
	service := h.service
	h.service = map[string]*ring.Floats{}
	for name := range service {
		h.service[name] = h.ring.Floats()
	}
	columns := map[*scopeHistory]*ring.Rows{}
	for _, s := range h.scopes {
		columns[s] = s.columns
		s.columns = h.ring.Rows(figureScales)
	}
	for i := from; i < old.Len(); i++ {
		h.ring.Append(old.Time(i))
		for name, c := range service {
			if v := c.At(i); !math.IsNaN(v) {
				h.service[name].Set(v)
			}
		}
		for s, c := range columns {
			for j := range requestMetrics {
				if v := c.At(j, i); !math.IsNaN(v) {
					s.columns.Set(j, v)
				}
			}
		}
	}
}

// newest returns the time of the newest point, zero where there is none; mu is held.
func (h *history) newest() time.Time {
	if n := h.ring.Len(); n > 0 {
		return h.ring.Time(n - 1)
	}
	return time.Time{}
}

// state returns a number that changes with the points.
func (h *history) state() uint64 {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.version
}

// fed reports whether a metric of the service has a column.
func (h *history) fed(metric string) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.service[metric] != nil
}

// since returns how many points there are after t.
func (h *history) since(t time.Time) int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.ring.Len() - h.ring.After(t)
}

// last returns the latest value of a metric of the service, and its time; ok is false where
// none is held.
func (h *history) last(metric string) (at time.Time, v float64, ok bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	column := h.service[metric]
	if column == nil {
		return at, 0, false
	}
	for i := h.ring.Len() - 1; i >= 0; i-- {
		if v := column.At(i); !math.IsNaN(v) {
			return h.ring.Time(i), v, true
		}
	}
	return at, 0, false
}

// len returns how many points are held.
func (h *history) len() int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.ring.Len()
}
