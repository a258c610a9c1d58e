package perfmon

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"time"
)

// Metrics that DatabasePool and PoolCollector feed beside database_pool_usage.
// A full pool is no harm until somebody waits for it: these say how many do, and for how
// long.
const (
	DatabasePoolWaits       = "database_pool_waits"         // 1/s
	DatabasePoolWaitTimeAvg = "database_pool_wait_time_avg" // s
)

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
func DatabasePool(pools ...*sql.DB) Collector {
	return PoolCollector("database/sql", func(context.Context) (PoolState, error) { return stateOf(pools) })
}

func stateOf(pools []*sql.DB) (PoolState, error) {
	state := PoolState{Usage: math.NaN()}
	for _, db := range pools {
		s := db.Stats()
		state.Waits += uint64(s.WaitCount)
		state.WaitTime += s.WaitDuration
		if s.MaxOpenConnections <= 0 {
			continue
		}
		usage := 100 * float64(s.InUse) / float64(s.MaxOpenConnections)
		if !(usage <= state.Usage) {
			state.Usage = usage
		}
	}
	if math.IsNaN(state.Usage) {
		return state, errors.New("no pool has a limit: set one with SetMaxOpenConns")
	}
	return state, nil
}

// PoolState is how a pool of database connections is.
type PoolState struct {
	Usage    float64       // connections in use, in percent of those allowed; NaN where that is not known
	Waits    uint64        // for a connection, since the pool was made
	WaitTime time.Duration // of them together
}

// PoolCollector returns a collector that feeds what DatabasePool does from a pool of another
// package. read is called as [Collector.Collect] is; what it returns counts beside an error,
// too. name identifies the collector in diagnostics.
func PoolCollector(name string, read func(context.Context) (PoolState, error)) Collector {
	return &poolCollector{name: name, read: read}
}

type poolCollector struct {
	name     string
	read     func(context.Context) (PoolState, error)
	waits    Counter
	waitTime Mean
}

func (p *poolCollector) check() error {
	if p.read == nil {
		return &FieldError{"PoolCollector read of " + p.name, nil, "a function"}
	}
	return nil
}

func (p *poolCollector) Name() string { return p.name }

func (*poolCollector) Metrics() []Metric {
	return []Metric{
		builtin[builtinIndex[DatabasePoolUsage]].Metric,
		{DatabasePoolWaits, "1/s", KindCounter, HigherIsWorse, "Waits for a database connection, per second."},
		{DatabasePoolWaitTimeAvg, "s", KindTiming, HigherIsWorse, "Mean time that waits for a database connection took."},
	}
}

func (p *poolCollector) meters(position func(string) int) []meter {
	return []meter{
		p.waits.meter(DatabasePoolWaits, position(DatabasePoolWaits)),
		p.waitTime.meter(DatabasePoolWaitTimeAvg, position(DatabasePoolWaitTimeAvg)),
	}
}

func (p *poolCollector) Collect(ctx context.Context, set func(string, float64)) error {
	s, err := p.read(ctx)
	p.waits.Follow(s.Waits)
	p.waitTime.Follow(s.Waits, s.WaitTime)
	set(DatabasePoolUsage, s.Usage)
	return err
}
