package prom

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/backend-prs/perfmon"
)

// plan says what each metric of the monitor is called.
type plan struct {
	totals map[string]*prometheus.Desc // of the host's counters, timers and means, by name
	gauges []gauge
}

// gauge is how the latest value of a metric is shown.
type gauge struct {
	metric string
	desc   *prometheus.Desc
	scale  float64
}

// plan goes through the metrics in the order they were registered, so that a later one never
// takes a name from an earlier one. The host's counters and means are no gauges: their rate
// follows from the totals. A share is one, as a ratio.
func (c *Collector) plan(totals []perfmon.MetricTotal) plan {
	p := plan{totals: map[string]*prometheus.Desc{}}
	timers, counters, means := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, t := range totals {
		switch {
		case t.Metric == perfmon.CacheHitRate || t.Metric == perfmon.DatabaseQueryTimeAvg:
		case t.Times != nil:
			timers[t.Metric] = true
		case isMean(t):
			means[t.Metric] = true
		default:
			counters[t.Metric] = true
		}
	}
	taken := fixedNames()
	for _, m := range c.m.Metrics().All() {
		if means[m.Name] {
			name, _ := exported(m)
			p.totals[m.Name] = c.desc(taken.take(name, m.Name), m)
			continue
		}
		if counters[m.Name] && m.Unit != "%" {
			name := taken.take(trimmed(m.Name, trimReserved)+"_total", m.Name+"_total")
			p.totals[m.Name] = c.desc(name, m)
			continue
		}
		if timer, ok := strings.CutSuffix(m.Name, "_p50"); ok && timers[timer] { // the first of its four
			name := taken.take(trimmed(timer, trimSeconds)+"_seconds", timer+"_seconds")
			p.totals[timer] = c.desc(name, m)
		}
		own := m
		own.Name = strings.TrimPrefix(m.Name, "perfmon_") // figures of the monitor itself begin with it
		name, scale := exported(own)
		p.gauges = append(p.gauges, gauge{m.Name, c.desc(taken.take(name, m.Name), m), scale})
	}
	return p
}

// isMean reports whether a total is of a mean of durations, which has no distribution.
func isMean(t perfmon.MetricTotal) bool {
	_, ok := t.Seconds.Get()
	return ok && t.Times == nil
}

func (c *Collector) desc(name string, m perfmon.Metric) *prometheus.Desc {
	help := m.Help
	if help == "" { // which promtool would complain of
		help = "The metric " + m.Name + " of the service."
	}
	return prometheus.NewDesc(c.namespace+"_"+name, valid(help), nil, nil)
}

// valid returns text that Prometheus takes.
func valid(text string) string { return strings.ToValidUTF8(text, "\ufffd") }
