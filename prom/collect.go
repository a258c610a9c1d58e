package prom

import (
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/backend-prs/perfmon"
)

// codes name the classes of status.
var codes = [5]string{"1xx", "2xx", "3xx", "4xx", "5xx"}

// requests sends what was counted for each endpoint.
func (c *Collector) requests(add func(prometheus.Metric)) {
	for _, e := range c.m.History().EndpointTotals() {
		handler, method := endpoint(e.Endpoint)
		add(newHistogram(c.fixed.times, e.Times, c.buckets, c.native, handler, method).with(e.Exemplars))
		counted := uint64(0)
		for class, n := range e.Statuses {
			counted += n
			if n > 0 || class > 0 { // those of which there may be one later begin at 0
				add(counter(c.fixed.responses, float64(n), handler, method, codes[class]))
			}
			if times := e.StatusTimes[class]; c.public && times != nil {
				add(newHistogram(c.fixed.public, times, c.buckets, c.native, handler, method, codes[class]).with(ofClass(e.Exemplars, class+1)))
			}
		}
		add(counter(c.fixed.errors, float64(e.Errors), handler, method))
		if e.Requests > counted {
			add(counter(c.fixed.streams, float64(e.Requests-counted), handler, method))
		}
	}
}

// host sends what the host counts, and the latest value of every metric.
func (c *Collector) host(add func(prometheus.Metric)) {
	totals := c.m.Metrics().Totals()
	plan := c.plan(totals)
	for _, t := range totals {
		c.total(t, plan.totals[t.Metric], add)
	}
	sample, ok := c.m.Current()
	if !ok || c.m.Now().Sub(sample.Time) > staleSteps*c.m.Step() {
		return
	}
	for _, g := range plan.gauges {
		if v, ok := sample.Value(g.metric); ok {
			add(constant(g.desc, prometheus.GaugeValue, v*g.scale))
		}
	}
}

// staleSteps is after how many steps a sample is too old to be shown.
const staleSteps = 5

// total sends what was counted for a metric. Of the cache and the database that is nothing
// where the host does not use them.
func (c *Collector) total(t perfmon.MetricTotal, desc *prometheus.Desc, add func(prometheus.Metric)) {
	switch {
	case t.Metric == perfmon.CacheHitRate:
		if t.Count > 0 {
			add(counter(c.fixed.lookups, float64(t.Hits), "hit"))
			add(counter(c.fixed.lookups, float64(t.Count-t.Hits), "miss"))
		}
	case t.Metric == perfmon.DatabaseQueryTimeAvg:
		if t.Count > 0 {
			add(counter(c.fixed.queries, float64(t.Count)))
			add(counter(c.fixed.querySeconds, t.Seconds.Float()))
		}
	case desc == nil: // a share, which is a gauge, or registered since the plan was made
	case t.Times != nil:
		add(newHistogram(desc, t.Times, c.buckets, c.native))
	case isMean(t):
		add(prometheus.MustNewConstSummary(desc, t.Count, t.Seconds.Float(), nil))
	default:
		add(counter(desc, float64(t.Count)))
	}
}

// maxAlerts bounds how many active alerts are shown: the newest.
const maxAlerts = 200

// alerts sends the active alerts, as Prometheus keeps those of its own rules in ALERTS.
func (c *Collector) alerts(add func(prometheus.Metric)) {
	list, _ := c.m.Alerts().List(perfmon.AlertQuery{Active: true, Limit: maxAlerts})
	type key struct{ metric, state, severity, handler, method, organization string }
	seen := map[key]bool{}
	for _, a := range list {
		state := "firing"
		if a.State == perfmon.AlertAcknowledged {
			state = "acknowledged"
		}
		handler, method := endpoint(a.Endpoint)
		k := key{a.Metric, state, string(a.Severity), handler, method, a.Organization}
		if !seen[k] {
			seen[k] = true
			add(constant(c.fixed.alerts, prometheus.GaugeValue, 1, k.metric, k.state, k.severity, k.handler, k.method, k.organization))
		}
	}
}

// itself sends what the figures are of, and how the exporter does.
func (c *Collector) itself(add func(prometheus.Metric)) {
	s := c.m.Service()
	add(constant(c.fixed.service, prometheus.GaugeValue, 1, s.Name, s.Environment, s.Instance, s.Version))
	if sample, ok := c.m.Current(); ok {
		at := float64(sample.Time.UnixNano()) / float64(time.Second)
		add(constant(c.fixed.lastStep, prometheus.GaugeValue, math.Round(at*1000)/1000))
	}
	add(counter(c.fixed.panics, float64(c.panics.Load())))
}

func counter(desc *prometheus.Desc, v float64, labels ...string) prometheus.Metric {
	return constant(desc, prometheus.CounterValue, v, labels...)
}

func constant(desc *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) prometheus.Metric {
	for i := range labels {
		labels[i] = valid(labels[i])
	}
	return prometheus.MustNewConstMetric(desc, kind, v, labels...)
}
