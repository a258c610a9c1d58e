package prom

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/backend-prs/perfmon"
)

// plan says what each metric of the monitor is called.
type plan struct {
	totals map[string]*prometheus.Desc // of the host's counters and timers, by name
	gauges []gauge
}

// gauge is how the latest value of a metric is shown.
type gauge struct {
	metric string
	desc   *prometheus.Desc
	scale  float64
}

// plan goes through the metrics in the order they were registered, so that a later one never
// takes a name from an earlier one. The host's counters are no gauges: their rate follows from
// the total.
func (c *Collector) plan(totals []perfmon.MetricTotal) plan {
	p := plan{totals: map[string]*prometheus.Desc{}}
	timers, counters := map[string]bool{}, map[string]bool{}
	for _, t := range totals {
		switch {
		case t.Metric == perfmon.CacheHitRate || t.Metric == perfmon.DatabaseQueryTimeAvg:
		case t.Times != nil:
			timers[t.Metric] = true
		default:
			counters[t.Metric] = true
		}
	}
	taken := fixedNames()
	for _, m := range c.m.Metrics().All() {
		if counters[m.Name] {
			name := taken.take(trimmed(m.Name, trimReserved)+"_total", m.Name+"_total")
			p.totals[m.Name] = c.desc(name, m)
			continue
		}
		if timer, ok := strings.CutSuffix(m.Name, "_p50"); ok && timers[timer] { // the first of its four
			name := taken.take(trimmed(timer, trimSeconds)+"_seconds", timer+"_seconds")
			p.totals[timer] = c.desc(name, m)
		}
		name, scale := exported(m)
		p.gauges = append(p.gauges, gauge{m.Name, c.desc(taken.take(name, m.Name), m), scale})
	}
	return p
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
