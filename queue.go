package perfmon

import (
	"context"
	"math"
	"time"
)

// QueueState is how a queue and its workers are at one moment.
type QueueState struct {
	// Depth is how many jobs wait.
	Depth int
	// OldestAge is how long the oldest of them waits, 0 where none does. Negative: not known.
	OldestAge time.Duration
	// Busy is how many workers have a job, of Workers. Without workers there is no usage.
	Busy, Workers int
}

// Queue returns a collector of a queue, for WithCollector or Metrics.AddCollector. It feeds
// queue_NAME_depth, queue_NAME_oldest_age in seconds and queue_NAME_workers_busy in percent.
// name is 1 to 48 of a-z, 0-9 and _. read is called as [Collector.Collect] is: while it
// fails, panics or hangs the metrics are absent, and diagnostics say why.
func Queue(name string, read func(context.Context) (QueueState, error)) Collector {
	return queueCollector{name, read}
}

type queueCollector struct {
	name string
	read func(context.Context) (QueueState, error)
}

func (q queueCollector) Name() string { return "queue " + q.name }

func (q queueCollector) metric(suffix string) string { return "queue_" + q.name + suffix }

func (q queueCollector) check() error {
	if q.read == nil {
		return &FieldError{"Queue read of " + q.name, nil, "a function"}
	}
	return partOfName("Queue", q.name)
}

func (q queueCollector) Metrics() []Metric {
	of := " of the queue " + q.name + "."
	return []Metric{
		{q.metric("_depth"), "count", KindGauge, HigherIsWorse, "Jobs that wait, of the queue " + q.name + "."},
		{q.metric("_oldest_age"), "s", KindGauge, HigherIsWorse, "How long the oldest job waits," + of},
		{q.metric("_workers_busy"), "%", KindGauge, HigherIsWorse, "Workers that have a job," + of},
	}
}

func (q queueCollector) Collect(ctx context.Context, set func(string, float64)) error {
	s, err := q.read(ctx)
	if err != nil {
		return err
	}
	set(q.metric("_depth"), float64(s.Depth))
	age := math.NaN()
	if s.OldestAge >= 0 {
		age = s.OldestAge.Seconds()
	}
	set(q.metric("_oldest_age"), age)
	if s.Workers > 0 {
		set(q.metric("_workers_busy"), 100*float64(s.Busy)/float64(s.Workers))
	}
	return nil
}
