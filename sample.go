package perfmon

import (
	"encoding/json"
	"iter"
	"math"
	"time"

	"golang.org/x/exp/slices"
)

// Sample is the value of every metric at one instant. It never changes, so it may be
// kept and shared. The zero Sample has no metrics.
type Sample struct {
	// Time is when the sample was taken.
	Time time.Time

	catalog *catalog
	values  []float64 // by position in the catalog; NaN is absent
}

// Value returns a metric's value in its unit; ok is false when it is absent.
func (s Sample) Value(metric string) (v float64, ok bool) {
	if s.catalog == nil {
		return 0, false
	}
	i, known := s.catalog.index[metric]
	if !known || i >= len(s.values) || math.IsNaN(s.values[i]) {
		return 0, false
	}
	return s.values[i], true
}

// All yields every metric with its value, absent ones as NaN, in the order they are
// shown in.
func (s Sample) All() iter.Seq2[Metric, float64] {
	return func(yield func(Metric, float64) bool) {
		for i, v := range s.values {
			if !yield(s.catalog.metrics[i], v) {
				return
			}
		}
	}
}

// MarshalJSON returns an object with "timestamp" and every metric by name, null where
// it is absent.
func (s Sample) MarshalJSON() ([]byte, error) {
	t, err := json.Marshal(s.Time.UTC())
	if err != nil {
		return nil, err
	}
	b := append([]byte(`{"timestamp":`), t...)
	for m, v := range s.All() {
		b = append(b, `,"`...)
		b = append(b, m.Name...)
		b = append(b, `":`...)
		number, err := ValueOf(v).MarshalJSON()
		if err != nil {
			return nil, err
		}
		b = append(b, number...)
	}
	return append(b, '}'), nil
}

// UnmarshalJSON reads what MarshalJSON writes. Of metrics that are not built in, only
// the names are known then; they follow the built-in ones, sorted.
func (s *Sample) UnmarshalJSON(data []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return err
	}
	var at time.Time
	if err := json.Unmarshal(fields["timestamp"], &at); err != nil {
		return err
	}
	delete(fields, "timestamp")
	c := &catalog{index: make(map[string]int, len(fields))}
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		i, builtinA := builtinIndex[a]
		j, builtinB := builtinIndex[b]
		switch {
		case builtinA && builtinB:
			return i - j
		case builtinA:
			return -1
		case builtinB:
			return 1
		}
		if a < b {
			return -1
		}
		return 1
	})
	values := make([]float64, len(names))
	for i, name := range names {
		var v Value
		if err := json.Unmarshal(fields[name], &v); err != nil {
			return err
		}
		values[i] = v.Float()
		metric := Metric{Name: name}
		if at, ok := builtinIndex[name]; ok {
			metric = builtin[at].Metric
		}
		c.index[name] = i
		c.metrics = append(c.metrics, metric)
	}
	*s = Sample{Time: at, catalog: c, values: values}
	return nil
}
