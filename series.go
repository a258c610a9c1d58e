package perfmon

import (
	"math"
	"time"

	"golang.org/x/exp/slices"
)

// Series are columns of values over one axis of time, ascending.
type Series struct {
	Times   []time.Time       `json:"times"`
	Metrics map[string]Column `json:"metrics"`
}

// Column is one metric of a Series.
type Column struct {
	Unit   string    `json:"unit"`
	Worse  Direction `json:"worse_when"`
	Values Values    `json:"values"` // one for each time
}

// Downsample returns the series with at most n points, for a chart. Each is the worst
// of those it stands for, by the metric's direction, so that zooming out hides no
// violation; where that is neutral, their mean.
func (s Series) Downsample(n int) Series {
	if n <= 0 || len(s.Times) <= n {
		return s
	}
	d := Series{Times: make([]time.Time, n), Metrics: make(map[string]Column, len(s.Metrics))}
	edge := func(i int) int { return i * len(s.Times) / n }
	for i := range n {
		d.Times[i] = s.Times[edge(i+1)-1]
	}
	for name, column := range s.Metrics {
		values := make(Values, n)
		for i := range n {
			values[i] = condense(column.Values[edge(i):edge(i+1)], column.Worse)
		}
		column.Values = values
		d.Metrics[name] = column
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
	read := func(name string, into func(Values)) {
		if len(metrics) > 0 && !slices.Contains(metrics, name) {
			return
		}
		values := make(Values, n)
		into(values)
		m, _ := c.find(name)
		s.Metrics[name] = Column{m.Unit, m.Worse, values}
	}
	if scope == (Scope{}) {
		for name, column := range h.service {
			read(name, func(values Values) {
				for i := range values {
					values[i] = column.At(from + i)
				}
			})
		}
		return s, true
	}
	sh := h.scopes[scope]
	if sh == nil {
		return s, false
	}
	for i := range requestMetrics {
		read(builtin[i].Name, func(values Values) { h.read(sh, i, from, values) })
	}
	return s, true
}

// read sets values to a figure of a scope at point from and those that follow it, with the
// zeros that close leaves out; mu is held.
func (h *history) read(s *scopeHistory, figure, from int, values []float64) {
	s.columns.Read(figure, from, values)
	switch figure {
	case throughputFigure:
		for i, v := range values {
			if math.IsNaN(v) && h.ring.Time(from+i).UnixMilli() >= s.first.UnixMilli() {
				values[i] = 0
			}
		}
	case errorRateFigure:
		var rps [64]float64
		for len(values) > 0 {
			n := min(len(values), len(rps))
			s.columns.Read(throughputFigure, from, rps[:n])
			for i, v := range values[:n] {
				if math.IsNaN(v) && rps[i] > 0 {
					values[i] = 0
				}
			}
			from, values = from+n, values[n:]
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
