// Package prom shows the figures of a perfmon monitor to Prometheus: a collector for the
// registry that a service has already.
//
//	c, err := prom.New(m)
//	if err != nil {
//		return err
//	}
//	prometheus.MustRegister(c)
//	mux.Handle("GET /metrics", promhttp.Handler())
//
// Names and units are those of Prometheus: seconds, bytes, ratios from 0 to 1, and _total
// for what is counted. Response times are a classic and a native histogram in one,
// with exemplars where the middleware knows traces.
// docs/exporters.md lists all there is.
package prom

import (
	"fmt"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/backend-prs/perfmon"
)

// Collector is a prometheus.Collector over a monitor. It is safe for concurrent use. A
// scrape runs no code of the host, takes only locks that are held for microseconds, and
// costs the request path nothing. A panic in it, which would be a bug of this package, is
// contained and counted: the scrape then lacks what comes after it.
//
// A collector may be registered before the monitor has started. After its end, and while it
// is not enabled, gauges are absent and totals stay what they are.
type Collector struct {
	m         *perfmon.Monitor
	namespace string
	buckets   []float64
	schema    int32
	public    bool

	native *nativeBuckets
	fixed  descs
	panics atomic.Uint64
}

// New returns a collector over a monitor. A nil monitor, and an option that is wrong, is a
// *perfmon.FieldError.
func New(m *perfmon.Monitor, options ...Option) (*Collector, error) {
	if m == nil {
		return nil, fmt.Errorf("prom: %w", &perfmon.FieldError{Field: "monitor", Value: nil, Want: "a *perfmon.Monitor"})
	}
	c := &Collector{m: m, namespace: "perfmon", buckets: prometheus.DefBuckets, schema: 6}
	for _, o := range options {
		if o == nil {
			return nil, fmt.Errorf("prom: %w", &perfmon.FieldError{Field: "Option", Value: nil, Want: "an option"})
		}
		if err := o(c); err != nil {
			return nil, fmt.Errorf("prom: %w", err)
		}
	}
	c.native = newNativeBuckets(c.schema)
	c.fixed = newDescs(c.namespace)
	return c, nil
}

// Describe sends what is always there. Metrics that the host registers later are not among
// it, so a pedantic registry refuses them, and prometheus.NewRegistry does not.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range c.fixed.all() {
		ch <- d
	}
	if c.public {
		ch <- c.fixed.public
	}
	p := c.plan(c.m.Metrics().Totals())
	for _, desc := range p.totals {
		ch <- desc
	}
	for _, g := range p.gauges {
		ch <- g.desc
	}
}

// Collect sends the figures as they were at the latest step.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	for _, metric := range c.gather() {
		ch <- metric
	}
}

// gather makes all metrics before any is sent, so that who reads slowly holds up nothing.
func (c *Collector) gather() (list []prometheus.Metric) {
	add := func(m prometheus.Metric) { list = append(list, m) }
	for _, part := range []func(func(prometheus.Metric)){c.requests, c.host, c.alerts, c.itself} {
		c.contain(part, add)
	}
	return list
}

func (c *Collector) contain(part func(func(prometheus.Metric)), add func(prometheus.Metric)) {
	defer func() {
		if recover() != nil {
			c.panics.Add(1)
		}
	}()
	part(add)
}
