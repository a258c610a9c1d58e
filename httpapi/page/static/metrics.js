// What the page knows of metrics: names for people, and which share a chart.

const labels = {
  response_time_p50: "Response time p50", response_time_p95: "Response time p95", response_time_p99: "Response time p99",
  response_time_avg: "Mean response time", throughput_rps: "Throughput", error_rate: "Error rate",
  requests_in_flight: "Requests in flight", streams_open: "Open streams", active_users: "Active users",
  active_sessions: "Active sessions", cpu_usage_percent: "CPU usage", process_cpu_percent: "CPU of this process",
  memory_usage_percent: "Memory usage", memory_usage_mb: "Resident memory", cache_hit_rate: "Cache hit rate",
  database_pool_usage: "Database pool usage", database_query_time_avg: "Mean query time", queue_size: "Queue size",
  goroutines: "Goroutines", heap_mb: "Heap", heap_goal_mb: "Heap goal", alloc_rate_mb: "Allocation rate",
  gc_pause_p99: "GC pause p99", gc_cpu_percent: "CPU of the GC", sched_latency_p99: "Scheduling latency p99",
  os_threads: "OS threads", open_fds: "Open files",
  perfmon_step_duration: "Step of the monitor", perfmon_events_merged: "Alert events merged", perfmon_dropped: "Dropped by the monitor",
  perfmon_requests_folded: "Requests not counted apart", perfmon_panics_contained: "Panics contained",
  perfmon_collector_failures: "Collector failures", perfmon_store_errors: "Store errors", perfmon_store_pending: "Waiting for the store",
  perfmon_store_lag: "Store lag", perfmon_held_mb: "Memory of the monitor",
};

/** label is a metric's name for people. */
export function label(name) {
  return labels[name] ?? name.charAt(0).toUpperCase() + name.slice(1).replaceAll("_", " ");
}

/** inSentence is label within a sentence: "error rate", "CPU usage", "p95". */
export function inSentence(name) {
  const l = label(name);
  return /^[A-Z]{2}/.test(l) ? l : l.charAt(0).toLowerCase() + l.slice(1);
}

/** percentiles is the chart of a timing: as its lines lie, the highest first. */
export function percentiles(title, name) {
  return { title, metrics: [`${name}_p99`, `${name}_p95`, `${name}_p50`], labels: ["p99", "p95", "p50"], colours: [2, 1, 3], main: 1 };
}

// Charts that come first, and those that follow. Each has at most four metrics, of one unit.
const first = [
  percentiles("Response time", "response_time"),
  { title: "Throughput", metrics: ["throughput_rps"] },
  { title: "Error rate", metrics: ["error_rate"] },
  { title: "CPU usage", metrics: ["cpu_usage_percent", "process_cpu_percent"], labels: ["all", "this process"] },
  { title: "Memory usage", metrics: ["memory_usage_percent"] },
  { title: "Requests in flight", metrics: ["requests_in_flight", "streams_open"], labels: ["requests", "streams"] },
];
const rest = [
  { title: "Cache hit rate", metrics: ["cache_hit_rate"] },
  { title: "Mean query time", metrics: ["database_query_time_avg"] },
  { title: "Database pool usage", metrics: ["database_pool_usage"] },
  { title: "Queue size", metrics: ["queue_size"] },
  { title: "Users and sessions", metrics: ["active_users", "active_sessions"], labels: ["users", "sessions"] },
  { title: "Mean response time", metrics: ["response_time_avg"] },
  { title: "Memory of this process", metrics: ["memory_usage_mb", "heap_mb", "heap_goal_mb"], labels: ["resident", "heap", "heap goal"] },
  { title: "Goroutines", metrics: ["goroutines"] },
  { title: "Allocation rate", metrics: ["alloc_rate_mb"] },
  { title: "GC pause and scheduling latency, p99", metrics: ["gc_pause_p99", "sched_latency_p99"], labels: ["GC pause", "scheduling"] },
  { title: "CPU of the garbage collector", metrics: ["gc_cpu_percent"] },
  { title: "OS threads", metrics: ["os_threads"] },
  { title: "Open files", metrics: ["open_fds"] },
];

// What the monitor says of itself.
const itself = [
  { title: "Step of the monitor", metrics: ["perfmon_step_duration"] },
  { title: "What the monitor contains and drops", metrics: ["perfmon_panics_contained", "perfmon_dropped", "perfmon_events_merged", "perfmon_requests_folded"], labels: ["panics", "dropped", "events merged", "requests folded"] },
  { title: "Collector and store errors", metrics: ["perfmon_collector_failures", "perfmon_store_errors"], labels: ["collectors", "store"] },
  { title: "Waiting for the store", metrics: ["perfmon_store_pending"] },
  { title: "Store lag", metrics: ["perfmon_store_lag"] },
  { title: "Memory of the monitor", metrics: ["perfmon_held_mb"] },
];

/**
 * charts groups the metrics that have values into charts: those that come first, the
 * host's own, the rest, and those of the monitor itself.
 */
export function charts(present) {
  const known = new Set([...first, ...rest, ...itself].flatMap((c) => c.metrics));
  const fed = (list) => list.map((c) => pick(c, present)).filter(Boolean);
  const own = [...present].filter((name) => !known.has(name)).sort();
  return { first: fed(first), own: group(own), rest: fed(rest), itself: fed(itself) };
}

// The percentiles of one timer share a chart.
function group(names) {
  const found = [];
  const taken = new Set();
  for (const name of names) {
    if (taken.has(name)) continue;
    const base = name.replace(/_p50$/, "");
    const family = percentiles(label(base), base);
    if (base !== name && family.metrics.every((n) => names.includes(n))) {
      family.metrics.forEach((n) => taken.add(n));
      found.push(family);
    } else {
      found.push({ title: label(name), metrics: [name] });
    }
  }
  return found;
}

function pick(chart, present) {
  const at = chart.metrics.map((name, i) => i).filter((i) => present.has(chart.metrics[i]));
  if (at.length === 0) return null;
  const wanted = chart.metrics[chart.main ?? 0];
  const metrics = at.map((i) => chart.metrics[i]);
  const of = (list) => list && at.map((i) => list[i]);
  return { title: chart.title, metrics, labels: of(chart.labels), colours: of(chart.colours), main: Math.max(metrics.indexOf(wanted), 0) };
}
