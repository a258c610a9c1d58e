package perfmon

import (
	"context"
	"database/sql"
	"errors"
	"math"
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

// DatabasePool returns a collector that feeds database_pool_usage from the statistics
// of one or more pools: the fullest counts. A pool without a limit
// (sql.DB.SetMaxOpenConns) has no usage. The pools must not be nil.
func DatabasePool(pools ...*sql.DB) Collector { return poolCollector(pools) }

type poolCollector []*sql.DB

func (poolCollector) Name() string { return "database/sql" }
func (poolCollector) Metrics() []Metric {
	return []Metric{builtin[builtinIndex[DatabasePoolUsage]].Metric}
}

func (pools poolCollector) Collect(_ context.Context, set func(string, float64)) error {
	fullest := math.NaN()
	for _, db := range pools {
		s := db.Stats()
		if s.MaxOpenConnections <= 0 {
			continue
		}
		usage := 100 * float64(s.InUse) / float64(s.MaxOpenConnections)
		if !(usage <= fullest) {
			fullest = usage
		}
	}
	set(DatabasePoolUsage, fullest)
	if math.IsNaN(fullest) {
		return errors.New("no pool has a limit: set one with SetMaxOpenConns")
	}
	return nil
}
