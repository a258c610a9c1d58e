package perfmon

import (
	"fmt"

	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon/analyze"
)

// Direction says which way a metric gets worse. The zero value is Neutral.
type Direction = analyze.Direction

const (
	Neutral       = analyze.Neutral       // neither way
	HigherIsWorse = analyze.HigherIsWorse // such as latency
	LowerIsWorse  = analyze.LowerIsWorse  // such as a cache's hit rate
)

// Kind says what sort of number a metric is. From it follow how the steps of an
// interval make a point, how replicas are merged, and what type exporters give it.
type Kind uint8

const (
	// KindGauge is a level at one moment. A point is the mean of its steps.
	KindGauge Kind = iota
	// KindCounter is what was counted, as a rate or a share. A point is computed from
	// the counts of the whole interval.
	KindCounter
	// KindTiming is a mean or a percentile of durations. A point is computed from all
	// durations of the interval.
	KindTiming
)

var kinds = [...]string{"gauge", "counter", "timing"}

// String returns "gauge", "counter" or "timing".
func (k Kind) String() string {
	if int(k) < len(kinds) {
		return kinds[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// MarshalText returns what String does.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (k *Kind) UnmarshalText(text []byte) error {
	i := slices.Index(kinds[:], string(text))
	if i < 0 {
		return &FieldError{"Kind", string(text), `"gauge", "counter" or "timing"`}
	}
	*k = Kind(i)
	return nil
}

// Metric describes a named series of numbers.
type Metric struct {
	// Name is unique in a monitor: 1 to 64 of a-z, 0-9 and _, a letter first.
	Name string `json:"name"`
	// Unit is what the numbers count, such as "s", "%", "MiB", "1/s" or "count".
	Unit string `json:"unit"`
	// Kind is what sort of number it is. The zero value is a gauge.
	Kind Kind `json:"kind"`
	// Worse is the way in which the metric gets worse. The zero value is Neutral.
	Worse Direction `json:"worse_when"`
	// Help is one sentence for people.
	Help string `json:"help"`
}

// BuiltIn reports whether perfmon itself brings a metric of this name.
func (m Metric) BuiltIn() bool {
	_, ok := builtinIndex[m.Name]
	return ok
}

// The built-in metrics. Times are in seconds, shares in percent, sizes in MiB.
const (
	ActiveUsers          = "active_users"
	ActiveSessions       = "active_sessions"
	CacheHitRate         = "cache_hit_rate"
	DatabasePoolUsage    = "database_pool_usage"
	DatabaseQueryTimeAvg = "database_query_time_avg"
	QueueSize            = "queue_size"
	ErrorRate            = "error_rate"
	MemoryUsageMB        = "memory_usage_mb"
	MemoryUsagePercent   = "memory_usage_percent"
	CPUUsagePercent      = "cpu_usage_percent"
	ProcessCPUPercent    = "process_cpu_percent"
	ResponseTimeP50      = "response_time_p50"
	ResponseTimeP95      = "response_time_p95"
	ResponseTimeP99      = "response_time_p99"
	ResponseTimeAvg      = "response_time_avg"
	ThroughputRPS        = "throughput_rps"
	RequestsInFlight     = "requests_in_flight"
	StreamsOpen          = "streams_open"
	Goroutines           = "goroutines"
	HeapMB               = "heap_mb"
	HeapGoalMB           = "heap_goal_mb"
	AllocRateMB          = "alloc_rate_mb"
	GCPauseP99           = "gc_pause_p99"
	GCCPUPercent         = "gc_cpu_percent"
	SchedLatencyP99      = "sched_latency_p99"
	OSThreads            = "os_threads"
	OpenFDs              = "open_fds"
)

// The built-in metrics of perfmon itself.
const (
	SelfStepDuration      = "perfmon_step_duration"
	SelfMerged            = "perfmon_events_merged"
	SelfDropped           = "perfmon_dropped"
	SelfFolded            = "perfmon_requests_folded"
	SelfPanics            = "perfmon_panics_contained"
	SelfCollectorFailures = "perfmon_collector_failures"
	SelfStoreErrors       = "perfmon_store_errors"
	SelfStorePending      = "perfmon_store_pending"
	SelfStoreLag          = "perfmon_store_lag"
	SelfHeldMB            = "perfmon_held_mb"
)

// source says what feeds a built-in metric.
type source uint8

const (
	fromMiddleware source = iota // the middleware; always
	fromRuntime                  // runtime/metrics
	fromSystem                   // the collector named "system"
	fromSelf                     // the monitor, of itself; those of the store only where there is one
	fromHost                     // the host records it, or gives a collector
)

// builtinMetric is all there is to say about a built-in metric.
type builtinMetric struct {
	Metric
	from source
	// watched: a regression of it is worth an alert. Of the response times one speaks
	// for all.
	watched bool
	// hint says how the host feeds it.
	hint string
}

const storeHint = "use WithStore"

const identityHint = "give the middleware an identity (middleware.WithIdentity) or call RecordActivity"

// builtin has one row for each built-in metric, in the order they are shown in. The
// metrics of requests, which every scope has, come first, in the order of
// requestFigures.
var builtin = [...]builtinMetric{
	{Metric{ResponseTimeP50, "s", KindTiming, HigherIsWorse, "Half of all responses were this fast or faster."}, fromMiddleware, false, ""},
	{Metric{ResponseTimeP95, "s", KindTiming, HigherIsWorse, "95 of 100 responses were this fast or faster."}, fromMiddleware, true, ""},
	{Metric{ResponseTimeP99, "s", KindTiming, HigherIsWorse, "99 of 100 responses were this fast or faster."}, fromMiddleware, false, ""},
	{Metric{ResponseTimeAvg, "s", KindTiming, HigherIsWorse, "Mean response time."}, fromMiddleware, false, ""},
	{Metric{ThroughputRPS, "1/s", KindCounter, LowerIsWorse, "Responses per second."}, fromMiddleware, true, ""},
	{Metric{ErrorRate, "%", KindCounter, HigherIsWorse, "Share of responses that failed."}, fromMiddleware, true, ""},
	{Metric{RequestsInFlight, "count", KindGauge, Neutral, "Requests being handled, streams left out."}, fromMiddleware, false, ""},
	{Metric{StreamsOpen, "count", KindGauge, Neutral, "Open event streams and upgraded connections."}, fromMiddleware, false, ""},
	{Metric{ActiveUsers, "count", KindGauge, Neutral, "Distinct users seen in the last 5 minutes."}, fromHost, false, identityHint},
	{Metric{ActiveSessions, "count", KindGauge, Neutral, "Distinct sessions seen in the last 5 minutes."}, fromHost, false, identityHint},
	{Metric{CPUUsagePercent, "%", KindGauge, HigherIsWorse, "How busy the processors are that this process may use."}, fromSystem, true, ""},
	{Metric{ProcessCPUPercent, "%", KindGauge, HigherIsWorse, "What this process takes of the processors it may use."}, fromSystem, false, ""},
	{Metric{MemoryUsagePercent, "%", KindGauge, HigherIsWorse, "How full the memory is that this process may use."}, fromSystem, true, ""},
	{Metric{MemoryUsageMB, "MiB", KindGauge, HigherIsWorse, "Resident memory of this process."}, fromSystem, true, ""},
	{Metric{CacheHitRate, "%", KindCounter, LowerIsWorse, "Share of cache lookups that hit."}, fromHost, true, "call RecordCacheHit and RecordCacheMiss"},
	{Metric{DatabasePoolUsage, "%", KindGauge, HigherIsWorse, "Database connections in use, of those allowed."}, fromHost, true, "use WithDatabase"},
	{Metric{DatabaseQueryTimeAvg, "s", KindTiming, HigherIsWorse, "Mean time of a database query."}, fromHost, true, "open the database through package sqltime or call RecordQuery"},
	{Metric{QueueSize, "count", KindGauge, HigherIsWorse, "Jobs waiting in the queue."}, fromHost, true, "use WithQueueSize"},
	{Metric{Goroutines, "count", KindGauge, HigherIsWorse, "Goroutines alive."}, fromRuntime, false, ""},
	{Metric{HeapMB, "MiB", KindGauge, HigherIsWorse, "Heap in use by objects."}, fromRuntime, false, ""},
	{Metric{HeapGoalMB, "MiB", KindGauge, HigherIsWorse, "Heap size the next garbage collection aims at."}, fromRuntime, false, ""},
	{Metric{AllocRateMB, "MiB/s", KindCounter, HigherIsWorse, "Memory allocated per second."}, fromRuntime, false, ""},
	{Metric{GCPauseP99, "s", KindTiming, HigherIsWorse, "99 of 100 garbage collection pauses were this short or shorter."}, fromRuntime, false, ""},
	{Metric{GCCPUPercent, "%", KindCounter, HigherIsWorse, "What the garbage collector takes of the processors."}, fromRuntime, false, ""},
	{Metric{SchedLatencyP99, "s", KindTiming, HigherIsWorse, "99 of 100 goroutines waited this long or less to run."}, fromRuntime, false, ""},
	{Metric{OSThreads, "count", KindGauge, HigherIsWorse, "Operating system threads of this process."}, fromSystem, false, ""},
	{Metric{OpenFDs, "count", KindGauge, HigherIsWorse, "Open file descriptors of this process."}, fromSystem, false, ""},
	{Metric{SelfStepDuration, "s", KindGauge, HigherIsWorse, "How long the monitor's step before this one took, with its wait for collectors."}, fromSelf, false, ""},
	{Metric{SelfMerged, "1/s", KindCounter, HigherIsWorse, "Alert events that were merged because a callback is slow."}, fromSelf, false, ""},
	{Metric{SelfDropped, "1/s", KindCounter, HigherIsWorse, "Samples, log messages and writes to the store that found no room."}, fromSelf, false, ""},
	{Metric{SelfFolded, "1/s", KindCounter, HigherIsWorse, "Requests that are not counted apart, since the table of endpoints or organizations is full."}, fromSelf, false, ""},
	{Metric{SelfPanics, "1/s", KindCounter, HigherIsWorse, "Panics of collectors, callbacks, hooks and the logger that were contained."}, fromSelf, false, ""},
	{Metric{SelfCollectorFailures, "1/s", KindCounter, HigherIsWorse, "Runs of collectors that failed or took too long."}, fromSelf, false, ""},
	{Metric{SelfStoreErrors, "1/s", KindCounter, HigherIsWorse, "Calls of the store that failed."}, fromSelf, false, storeHint},
	{Metric{SelfStorePending, "count", KindGauge, HigherIsWorse, "Records and points that wait for the store."}, fromSelf, false, storeHint},
	{Metric{SelfStoreLag, "s", KindGauge, HigherIsWorse, "How long the oldest of those has waited."}, fromSelf, false, storeHint},
	{Metric{SelfHeldMB, "MiB", KindGauge, HigherIsWorse, "What points, alerts and events take."}, fromSelf, false, ""},
}

// requestMetrics is how many metrics every scope has: the first ones of builtin.
const requestMetrics = 6

// builtinIndex has the positions of built-in metrics in builtin, by name: filled once,
// read only.
var builtinIndex = func() map[string]int {
	m := make(map[string]int, len(builtin))
	for i, metric := range builtin {
		m[metric.Name] = i
	}
	return m
}()

// requestMetric returns the place of a metric of requests, -1 for other metrics.
func requestMetric(name string) int {
	if i, ok := builtinIndex[name]; ok && i < requestMetrics {
		return i
	}
	return -1
}

// aboutSelf reports whether a metric is a figure of the monitor itself. Nothing is learnt of
// those, and they are no news of the service.
func aboutSelf(name string) bool {
	i, ok := builtinIndex[name]
	return ok && builtin[i].from == fromSelf
}

// watched reports whether a regression of a metric is worth an alert: of built-in ones
// those that users of the service feel or that it runs out of, and the host's own.
func watched(metric Metric) bool {
	if i, ok := builtinIndex[metric.Name]; ok {
		return builtin[i].watched
	}
	return metric.Worse != Neutral
}

func (m Metric) validate() error {
	if !validName(m.Name) {
		return &FieldError{"Metric.Name", m.Name, "1 to 64 of a-z, 0-9 and _, a letter first"}
	}
	if len(m.Unit) > 32 {
		return &FieldError{"Metric.Unit of " + m.Name, m.Unit, "at most 32 bytes"}
	}
	if len(m.Help) > 500 {
		return &FieldError{"Metric.Help of " + m.Name, m.Help, "at most 500 bytes"}
	}
	if m.Worse > LowerIsWorse {
		return &FieldError{"Metric.Worse of " + m.Name, m.Worse, "Neutral, HigherIsWorse or LowerIsWorse"}
	}
	if m.Kind > KindTiming {
		return &FieldError{"Metric.Kind of " + m.Name, m.Kind, "KindGauge, KindCounter or KindTiming"}
	}
	return nil
}

func validName(s string) bool {
	if len(s) == 0 || len(s) > 64 || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}
