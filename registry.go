package perfmon

import (
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/exp/slices"
)

// MaxMetrics bounds how many metrics a monitor holds, the built-in ones included.
const MaxMetrics = 500

// selfFeeder is what diagnostics call the monitor itself.
const selfFeeder = "the monitor itself"

// catalog is the set of metrics at one time. It is never changed, only replaced.
type catalog struct {
	metrics []Metric
	index   map[string]int
}

// find returns a metric by its name.
func (c *catalog) find(name string) (Metric, bool) {
	if i, ok := c.index[name]; ok {
		return c.metrics[i], true
	}
	return Metric{}, false
}

// registry owns which metrics there are, and what feeds each of them.
type registry struct {
	current atomic.Pointer[catalog]
	refused atomic.Uint64 // metrics that found no room

	mu     sync.Mutex
	feeder map[string]string // by metric: what feeds it; mu
}

func newRegistry() *registry {
	r := &registry{feeder: map[string]string{}}
	c := &catalog{index: builtinIndex}
	for _, m := range builtin {
		c.metrics = append(c.metrics, m.Metric)
		switch m.from {
		case fromMiddleware:
			r.feeder[m.Name] = "middleware"
		case fromSelf:
			if m.hint == "" { // else only where there is a store
				r.feeder[m.Name] = selfFeeder
			}
		case fromRuntime:
			r.feeder[m.Name] = "runtime/metrics"
		}
	}
	r.current.Store(c)
	return r
}

func (r *registry) catalog() *catalog { return r.current.Load() }

// feed registers the metrics that are new and notes what feeds all of them; by is empty
// where nothing does yet. It does so for all or, with an error, for none.
func (r *registry) feed(by string, metrics ...Metric) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.current.Load()
	if len(old.metrics) == MaxMetrics { // before anything is copied: a host may try for ever
		for _, m := range metrics {
			if _, known := old.index[m.Name]; !known && m.validate() == nil {
				r.refused.Add(1)
				return noRoom(m)
			}
		}
	}
	c := &catalog{metrics: slices.Clone(old.metrics), index: make(map[string]int, len(old.index)+len(metrics))}
	for name, i := range old.index {
		c.index[name] = i
	}
	for i, m := range metrics {
		if err := m.validate(); err != nil {
			return err
		}
		if slices.ContainsFunc(metrics[:i], func(o Metric) bool { return o.Name == m.Name }) {
			return &FieldError{"Metric.Name", m.Name, "each metric once"}
		}
		if _, known := c.index[m.Name]; known {
			if other := r.feeder[m.Name]; other != "" || by == "" {
				return &FieldError{"Metric.Name", m.Name, taken(other)}
			}
			continue
		}
		if len(c.metrics) == MaxMetrics {
			r.refused.Add(1)
			return noRoom(m)
		}
		c.index[m.Name] = len(c.metrics)
		c.metrics = append(c.metrics, m)
	}
	for _, m := range metrics {
		if by != "" {
			r.feeder[m.Name] = by
		}
	}
	r.current.Store(c)
	return nil
}

func noRoom(m Metric) error {
	return &FieldError{"Metric.Name", m.Name, fmt.Sprintf("one of at most %d metrics", MaxMetrics)}
}

func taken(by string) string {
	if by == "" {
		return "a name that no other metric has"
	}
	return "a metric that is not fed by " + by
}

// by names what feeds a metric, "" where nothing does.
func (r *registry) by(metric string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.feeder[metric]
}

// without notes that a source is left out.
func (r *registry) without(s source) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range builtin {
		if m.from == s {
			delete(r.feeder, m.Name)
		}
	}
}
