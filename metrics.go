package perfmon

import (
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon/internal/jsonnum"
)

// Direction says which way a metric gets worse. The zero value is Neutral.
type Direction uint8

const (
	Neutral       Direction = iota // neither way
	HigherIsWorse                  // such as latency
	LowerIsWorse                   // such as a cache's hit rate
)

var directions = [...]string{"neutral", "higher", "lower"}

// String returns "neutral", "higher" or "lower".
func (d Direction) String() string {
	if int(d) < len(directions) {
		return directions[d]
	}
	return "Direction(" + strconv.Itoa(int(d)) + ")"
}

// MarshalText returns what String does.
func (d Direction) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// Metric describes a series of numbers.
type Metric struct {
	// Name is unique in a monitor: 1 to 64 of a-z, 0-9 and _, a letter first.
	Name string `json:"name"`
	// Unit is what the numbers count, such as "s", "%", "MiB", "1/s" or "count".
	Unit string `json:"unit"`
	// Worse is the way in which the metric gets worse.
	Worse Direction `json:"worse_when"`
	// Help is one sentence for people.
	Help string `json:"help"`
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

// builtin lists the built-in metrics in the order they are shown in.
var builtin = [...]Metric{
	{ResponseTimeP50, "s", HigherIsWorse, "Half of all responses were this fast or faster."},
	{ResponseTimeP95, "s", HigherIsWorse, "95 of 100 responses were this fast or faster."},
	{ResponseTimeP99, "s", HigherIsWorse, "99 of 100 responses were this fast or faster."},
	{ResponseTimeAvg, "s", HigherIsWorse, "Mean response time."},
	{ThroughputRPS, "1/s", LowerIsWorse, "Responses a second."},
	{ErrorRate, "%", HigherIsWorse, "Share of responses that failed."},
	{RequestsInFlight, "count", Neutral, "Requests being handled, streams left out."},
	{StreamsOpen, "count", Neutral, "Open event streams and upgraded connections."},
	{ActiveUsers, "count", Neutral, "Different users seen in the last 5 minutes."},
	{ActiveSessions, "count", Neutral, "Different sessions seen in the last 5 minutes."},
	{CPUUsagePercent, "%", HigherIsWorse, "How busy the processors are that this process may use."},
	{ProcessCPUPercent, "%", HigherIsWorse, "What this process takes of the processors it may use."},
	{MemoryUsagePercent, "%", HigherIsWorse, "How full the memory is that this process may use."},
	{MemoryUsageMB, "MiB", HigherIsWorse, "Resident memory of this process."},
	{CacheHitRate, "%", LowerIsWorse, "Share of cache lookups that hit."},
	{DatabasePoolUsage, "%", HigherIsWorse, "Database connections in use, of those allowed."},
	{DatabaseQueryTimeAvg, "s", HigherIsWorse, "Mean time of a database query."},
	{QueueSize, "count", HigherIsWorse, "Jobs waiting in the queue."},
	{Goroutines, "count", HigherIsWorse, "Goroutines alive."},
	{HeapMB, "MiB", HigherIsWorse, "Heap in use by objects."},
	{HeapGoalMB, "MiB", HigherIsWorse, "Heap size the next garbage collection aims at."},
	{AllocRateMB, "MiB/s", HigherIsWorse, "Memory allocated a second."},
	{GCPauseP99, "s", HigherIsWorse, "99 of 100 garbage collection pauses were this short or shorter."},
	{GCCPUPercent, "%", HigherIsWorse, "What the garbage collector takes of the processors."},
	{SchedLatencyP99, "s", HigherIsWorse, "99 of 100 goroutines waited this long or less to run."},
	{OSThreads, "count", HigherIsWorse, "Operating system threads of this process."},
	{OpenFDs, "count", HigherIsWorse, "Open file descriptors of this process."},
}

// Positions of built-in metrics in builtin, by name: filled once, read only.
var builtinIndex = func() map[string]int {
	m := make(map[string]int, len(builtin))
	for i, metric := range builtin {
		m[metric.Name] = i
	}
	return m
}()

// requestMetrics are the ones that every scope has, in the order of requestValues.
var requestMetrics = [...]string{
	ResponseTimeP50, ResponseTimeP95, ResponseTimeP99, ResponseTimeAvg, ThroughputRPS, ErrorRate,
}

// requestMetric returns a metric's place in requestMetrics, -1 when it has none.
func requestMetric(name string) int { return slices.Index(requestMetrics[:], name) }

// MaxMetrics bounds how many metrics a monitor holds, the built-in ones included.
const MaxMetrics = 500

func (m Metric) validate() error {
	if !validName(m.Name) {
		return &FieldError{"metric name", m.Name, "1 to 64 of a-z, 0-9 and _, a letter first"}
	}
	if len(m.Unit) > 32 {
		return &FieldError{"unit of " + m.Name, m.Unit, "at most 32 bytes"}
	}
	if len(m.Help) > 500 {
		return &FieldError{"help of " + m.Name, m.Help, "at most 500 bytes"}
	}
	if m.Worse > LowerIsWorse {
		return &FieldError{"direction of " + m.Name, m.Worse, "Neutral, HigherIsWorse or LowerIsWorse"}
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

// catalog is the set of metrics at one time. It is never changed, only replaced.
type catalog struct {
	metrics []Metric
	index   map[string]int
}

// registry holds the catalog in force.
type registry struct {
	mu      sync.Mutex // one registration at a time
	current atomic.Pointer[catalog]
}

func newRegistry() *registry {
	r := &registry{}
	r.current.Store(&catalog{metrics: slices.Clone(builtin[:]), index: builtinIndex})
	return r
}

func (r *registry) catalog() *catalog { return r.current.Load() }

// add registers all of them or, with an error, none.
func (r *registry) add(metrics ...Metric) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.current.Load()
	c := &catalog{metrics: slices.Clone(old.metrics), index: make(map[string]int, len(old.index)+len(metrics))}
	for name, i := range old.index {
		c.index[name] = i
	}
	for _, m := range metrics {
		if err := m.validate(); err != nil {
			return err
		}
		if _, ok := c.index[m.Name]; ok {
			return &FieldError{"metric name", m.Name, "a name that no other metric has"}
		}
		if len(c.metrics) == MaxMetrics {
			return &FieldError{"metric name", m.Name, fmt.Sprintf("one of at most %d metrics", MaxMetrics)}
		}
		c.index[m.Name] = len(c.metrics)
		c.metrics = append(c.metrics, m)
	}
	r.current.Store(c)
	return nil
}

// Sample is the value of every metric at one instant. It is never changed, so it may
// be kept and shared. The zero Sample has no metrics.
type Sample struct {
	// Time is when the step that the sample tells about ended.
	Time time.Time

	catalog *catalog
	values  []float64 // by position in the catalog; NaN is absent
}

// Value returns a metric's value in its unit; ok is false when nobody fed it.
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

// MarshalJSON returns an object with "timestamp" and every metric by name, null
// where it is absent.
func (s Sample) MarshalJSON() ([]byte, error) {
	b := []byte(`{"timestamp":`)
	t, err := json.Marshal(s.Time.UTC())
	if err != nil {
		return nil, err
	}
	b = append(b, t...)
	for m, v := range s.All() {
		b = append(b, `,"`...)
		b = append(b, m.Name...)
		b = append(b, `":`...)
		b = jsonnum.Append(b, v)
	}
	return append(b, '}'), nil
}
