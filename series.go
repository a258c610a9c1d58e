package perfmon

import (
	"math"
	"time"
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
