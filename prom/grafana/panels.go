package main

import "fmt"

// Kinds of panels, as Grafana calls them.
const (
	timeseries = "timeseries"
	stat       = "stat"
	table      = "table"
)

// panel is a panel of the dashboard. NS_ and SEL in a query stand for the namespace and for
// the job and instance that are chosen.
type panel struct {
	kind          string
	title, help   string
	unit          string // Grafana's name of it
	width, height int
	queries       []query
}

type query struct{ expr, legend string }

// quantile takes a percentile from native histograms, or from classic ones where there are
// none. by is "" or begins with a label to keep.
func quantile(q float64, by string) string {
	const window = "[$__rate_interval]"
	classic := "le"
	if by != "" {
		classic = "le, " + by
	}
	return fmt.Sprintf(`histogram_quantile(%[1]g, sum by (%[2]s) (rate(NS_response_time_seconds{SEL}%[4]s))) or histogram_quantile(%[1]g, sum by (%[3]s) (rate(NS_response_time_seconds_bucket{SEL}%[4]s)))`,
		q, by, classic, window)
}

const endpoint = "{{method}} {{handler}}"

// panels are in the order in which they are shown, left to right.
var panels = []panel{
	{stat, "Requests", "Responses per second, streams left out.", "reqps", 6, 4, []query{{`sum(rate(NS_responses_total{SEL}[$__rate_interval]))`, ""}}},
	{stat, "Errors", "Share of responses that failed.", "percentunit", 6, 4, []query{{`sum(rate(NS_errors_total{SEL}[$__rate_interval])) / sum(rate(NS_responses_total{SEL}[$__rate_interval]))`, ""}}},
	{stat, "p95", "95 of 100 responses were this fast or faster.", "s", 6, 4, []query{{quantile(0.95, ""), ""}}},
	{stat, "Active alerts", "Alerts that are open or acknowledged.", "none", 6, 4, []query{{`sum(NS_alerts{SEL}) or vector(0)`, ""}}},

	{timeseries, "Requests by class of status", "Per second.", "reqps", 12, 8, []query{{`sum by (code) (rate(NS_responses_total{SEL}[$__rate_interval]))`, "{{code}}"}}},
	{timeseries, "Response times", "Percentiles of all requests.", "s", 12, 8, []query{{quantile(0.5, ""), "p50"}, {quantile(0.95, ""), "p95"}, {quantile(0.99, ""), "p99"}}},
	{timeseries, "p95 by endpoint", "The ten slowest.", "s", 12, 8, []query{{"topk(10, " + quantile(0.95, "handler, method") + ")", endpoint}}},
	{timeseries, "Share of time by endpoint", "Of the time that all requests took: where to look for what makes the service busy.", "percentunit", 12, 8, []query{{
		`topk(10, sum by (handler, method) (rate(NS_response_time_seconds_sum{SEL}[$__rate_interval])) or histogram_sum(sum by (handler, method) (rate(NS_response_time_seconds{SEL}[$__rate_interval]))))` +
			` / scalar(sum(rate(NS_response_time_seconds_sum{SEL}[$__rate_interval])) or histogram_sum(sum(rate(NS_response_time_seconds{SEL}[$__rate_interval]))))`, endpoint,
	}}},
	{timeseries, "Requests by endpoint", "The ten busiest, per second.", "reqps", 12, 8, []query{{`topk(10, sum by (handler, method) (rate(NS_responses_total{SEL}[$__rate_interval])))`, endpoint}}},
	{timeseries, "Errors by endpoint", "Per second.", "reqps", 12, 8, []query{{`topk(10, sum by (handler, method) (rate(NS_errors_total{SEL}[$__rate_interval])))`, endpoint}}},

	{table, "Alerts", "Those that are active.", "none", 24, 6, []query{{`NS_alerts{SEL}`, ""}}},

	{timeseries, "Processors", "How busy they are that the process may use, and what it takes of them.", "percentunit", 8, 8, []query{
		{`NS_cpu_usage_ratio{SEL}`, "{{instance}}: all"}, {`NS_process_cpu_ratio{SEL}`, "{{instance}}: this process"}}},
	{timeseries, "Memory", "Resident memory, and what of the heap is in use.", "bytes", 8, 8, []query{
		{`NS_memory_usage_bytes{SEL}`, "{{instance}}: resident"}, {`NS_heap_bytes{SEL}`, "{{instance}}: heap"}, {`NS_heap_goal_bytes{SEL}`, "{{instance}}: goal of the next collection"}}},
	{timeseries, "Memory in use", "Of the memory that the process may use.", "percentunit", 8, 8, []query{{`NS_memory_usage_ratio{SEL}`, "{{instance}}"}}},
	{timeseries, "In flight", "Requests being handled, and open streams.", "none", 8, 8, []query{
		{`NS_requests_in_flight{SEL}`, "{{instance}}: requests"}, {`NS_streams_open{SEL}`, "{{instance}}: streams"}}},
	{timeseries, "Goroutines and threads", "", "none", 8, 8, []query{{`NS_goroutines{SEL}`, "{{instance}}: goroutines"}, {`NS_os_threads{SEL}`, "{{instance}}: threads"}}},
	{timeseries, "Pauses and delays of the runtime", "99 of 100 were this short or shorter.", "s", 8, 8, []query{
		{`NS_gc_pause_p99_seconds{SEL}`, "{{instance}}: garbage collection"}, {`NS_sched_latency_p99_seconds{SEL}`, "{{instance}}: wait for a processor"}}},
	{timeseries, "Allocation and collection", "", "Bps", 8, 8, []query{{`NS_alloc_rate_bytes_per_second{SEL}`, "{{instance}}: allocated"}}},
	{timeseries, "Garbage collector", "What it takes of the processors.", "percentunit", 8, 8, []query{{`NS_gc_cpu_ratio{SEL}`, "{{instance}}"}}},
	{timeseries, "Open files", "", "none", 8, 8, []query{{`NS_open_fds{SEL}`, "{{instance}}"}}},
	{timeseries, "Cache", "Share of lookups that hit.", "percentunit", 8, 8, []query{
		{`sum(rate(NS_cache_lookups_total{result="hit", SEL}[$__rate_interval])) / sum(rate(NS_cache_lookups_total{SEL}[$__rate_interval]))`, "hits"}}},
	{timeseries, "Database", "Mean time of a query.", "s", 8, 8, []query{
		{`sum(rate(NS_database_query_seconds_total{SEL}[$__rate_interval])) / sum(rate(NS_database_queries_total{SEL}[$__rate_interval]))`, "mean"}}},
	{timeseries, "Pool and queue", "Connections in use of those allowed, and jobs waiting.", "none", 8, 8, []query{
		{`NS_database_pool_usage_ratio{SEL}`, "{{instance}}: pool, 0 to 1"}, {`NS_queue_size{SEL}`, "{{instance}}: queue"}}},
	{timeseries, "Users and sessions", "Distinct ones of the last 5 minutes.", "none", 12, 8, []query{
		{`NS_active_users{SEL}`, "{{instance}}: users"}, {`NS_active_sessions{SEL}`, "{{instance}}: sessions"}}},
	{timeseries, "Age of the figures", "How long ago the monitor read them: less than its step and a scrape.", "s", 12, 8, []query{
		{`time() - NS_last_step_timestamp_seconds{SEL}`, "{{instance}}"}}},
	{timeseries, "The monitor's step", "How long a step takes, and how long the oldest record waits for the store.", "s", 8, 8, []query{
		{`NS_step_duration_seconds{SEL}`, "{{instance}}: step"}, {`NS_store_lag_seconds{SEL}`, "{{instance}}: store"}}},
	{timeseries, "What the monitor lost or contained", "Per second.", "none", 8, 8, []query{
		{`NS_dropped_per_second{SEL}`, "{{instance}}: dropped"}, {`NS_events_merged_per_second{SEL}`, "{{instance}}: events merged"},
		{`NS_requests_folded_per_second{SEL}`, "{{instance}}: requests past the limit of endpoints"}, {`NS_panics_contained_per_second{SEL}`, "{{instance}}: panics"},
		{`NS_collector_failures_per_second{SEL}`, "{{instance}}: collectors failed"}, {`NS_store_errors_per_second{SEL}`, "{{instance}}: store failed"}}},
	{timeseries, "What the monitor holds", "Points, alerts and events.", "bytes", 8, 8, []query{{`NS_held_bytes{SEL}`, "{{instance}}"}}},
	{timeseries, "Waiting for the store", "Records and points.", "none", 8, 8, []query{{`NS_store_pending{SEL}`, "{{instance}}"}}},
}
