package perfmon

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"time"
)

// Metrics of a pool that DatabasePool and package pgxtime feed beside database_pool_usage.
// A full pool is no harm until somebody waits for it: these say how many do, and for how
// long.
const (
	DatabasePoolWaits       = "database_pool_waits"         // 1/s
	DatabasePoolWaitTimeAvg = "database_pool_wait_time_avg" // s
)

// PoolPressureMetrics returns the metrics of who waits for a pool, for those who write
// collectors of other databases.
func PoolPressureMetrics() []Metric {
	return []Metric{
		{DatabasePoolWaits, "1/s", KindCounter, HigherIsWorse, "Waits for a database connection that have ended, per second."},
		{DatabasePoolWaitTimeAvg, "s", KindTiming, HigherIsWorse, "Mean time that waits for a database connection took."},
	}
}

// WithDatabase adds the collector that DatabasePool makes.
func WithDatabase(pools ...*sql.DB) Option {
	return func(c *config) error {
		if len(pools) == 0 {
			return &FieldError{"database", nil, "at least one *sql.DB"}
		}
		for _, db := range pools {
			if db == nil {
				return &FieldError{"database", nil, "a *sql.DB"}
			}
		}
		c.collectors = append(c.collectors, DatabasePool(pools...))
		return nil
	}
}

// DatabasePool returns a collector that feeds metrics from the statistics of one or more
// pools: database_pool_usage, of which the fullest pool counts, and DatabasePoolWaits and
// DatabasePoolWaitTimeAvg, of all of them together. A pool without a limit
// (sql.DB.SetMaxOpenConns) has no usage. database/sql counts a wait when it begins and its
// time when it ends, so a wait that lasts adds to the first at once and to the mean later.
// The pools must not be nil.
func DatabasePool(pools ...*sql.DB) Collector { return &poolCollector{pools: pools} }

type poolCollector struct {
	pools    []*sql.DB
	waits    Counter
	waitTime Mean
}

func (*poolCollector) Name() string { return "database/sql" }

func (*poolCollector) Metrics() []Metric {
	return append([]Metric{builtin[builtinIndex[DatabasePoolUsage]].Metric}, PoolPressureMetrics()...)
}

func (p *poolCollector) meters(position func(string) int) []meter {
	return []meter{
		p.waits.meter(DatabasePoolWaits, position(DatabasePoolWaits)),
		p.waitTime.meter(DatabasePoolWaitTimeAvg, position(DatabasePoolWaitTimeAvg)),
	}
}

func (p *poolCollector) Collect(_ context.Context, set func(string, float64)) error {
	fullest := math.NaN()
	var waits uint64
	var waited time.Duration
	for _, db := range p.pools {
		s := db.Stats()
		waits += uint64(s.WaitCount)
		waited += s.WaitDuration
		if s.MaxOpenConnections <= 0 {
			continue
		}
		usage := 100 * float64(s.InUse) / float64(s.MaxOpenConnections)
		if !(usage <= fullest) {
			fullest = usage
		}
	}
	p.waits.Follow(waits)
	p.waitTime.Follow(waits, waited)
	set(DatabasePoolUsage, fullest)
	if math.IsNaN(fullest) {
		return errors.New("no pool has a limit: set one with SetMaxOpenConns")
	}
	return nil
}
