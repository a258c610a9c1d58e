package prom

import "github.com/prometheus/client_golang/prometheus"

// publicName is what most dashboards read response times by.
const publicName = "http_request_duration_seconds"

// descs describe the metrics that every collector has.
type descs struct {
	times, responses, errors, streams *prometheus.Desc // by endpoint
	lookups, queries, querySeconds    *prometheus.Desc
	alerts                            *prometheus.Desc
	service, lastStep, panics         *prometheus.Desc

	public *prometheus.Desc // only with WithPublicNames
}

func newDescs(namespace string) descs {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(namespace+"_"+name, help, labels, nil)
	}
	return descs{
		times:        desc("response_time_seconds", "Response times, streams left out.", "handler", "method"),
		responses:    desc("responses_total", "Responses by class of status, streams left out.", "handler", "method", "code"),
		errors:       desc("errors_total", "Responses that failed by the rule of the service, streams included.", "handler", "method"),
		streams:      desc("streams_total", "Event streams and upgraded connections that ended.", "handler", "method"),
		lookups:      desc("cache_lookups_total", "Lookups of the cache by result, hit or miss.", "result"),
		queries:      desc("database_queries_total", "Database queries."),
		querySeconds: desc("database_query_seconds_total", "Time that database queries took."),
		alerts:       desc("alerts", "1 for each active alert.", "alertname", "alertstate", "severity", "handler", "method", "organization"),
		service:      desc("service_info", "1; the labels say which process this is.", "service", "environment", "replica", "version"),
		lastStep:     desc("last_step_timestamp_seconds", "When the metrics were last read."),
		panics:       desc("exporter_panics_total", "Scrapes in which this exporter failed, which would be a bug of it."),

		public: prometheus.NewDesc(publicName, "Response times by class of status, streams left out.", []string{"handler", "method", "code"}, nil),
	}
}

// all returns those that do not depend on an option.
func (d *descs) all() []*prometheus.Desc {
	return []*prometheus.Desc{
		d.times, d.responses, d.errors, d.streams, d.lookups, d.queries, d.querySeconds, d.alerts, d.service, d.lastStep, d.panics,
	}
}

// fixedNames are the names of descs without the namespace, and those of the parts of
// histograms: no metric of the host may get them.
func fixedNames() names {
	n := names{}
	for _, name := range []string{
		"response_time_seconds", "responses_total", "errors_total", "streams_total", "cache_lookups_total",
		"database_queries_total", "database_query_seconds_total", "alerts", "service_info", "last_step_timestamp_seconds",
		"exporter_panics_total",
	} {
		n[name] = true
	}
	return n
}
