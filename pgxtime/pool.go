package pgxtime

import (
	"context"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/backend-prs/perfmon"
)

// Watch feeds database_pool_usage from one or more pools, of which the fullest counts, and
// database_pool_waits and database_pool_wait_time_avg from all of them together. An Acquire
// that succeeds after it waited for a connection to be given back, or to be made, counts as
// a wait. Call it once for all pools: metrics that are fed already, by perfmon.DatabasePool
// for example, are refused with a *perfmon.FieldError, and so is a nil pool.
//
// A pool without any connection whose last attempt to connect failed has no usage, and
// diagnostics say why.
func (t *Tracer) Watch(pools ...*pgxpool.Pool) error {
	if len(pools) == 0 {
		return fmt.Errorf("pgxtime: %w", &perfmon.FieldError{Field: "pools", Value: nil, Want: "at least one *pgxpool.Pool"})
	}
	for _, p := range pools {
		if p == nil {
			return fmt.Errorf("pgxtime: %w", &perfmon.FieldError{Field: "pool", Value: nil, Want: "a *pgxpool.Pool"})
		}
	}
	read := func(context.Context) (perfmon.PoolState, error) { return t.stateOf(pools) }
	if err := t.m.Metrics().AddCollector(perfmon.PoolCollector("pgx", read)); err != nil {
		return fmt.Errorf("pgxtime: %w", err)
	}
	return nil
}

func (t *Tracer) stateOf(pools []*pgxpool.Pool) (perfmon.PoolState, error) {
	state := perfmon.PoolState{Usage: math.NaN()}
	var problem error
	for _, p := range pools {
		s := p.Stat()
		state.Waits += uint64(s.EmptyAcquireCount())
		state.WaitTime += s.EmptyAcquireWaitTime()
		if down := t.down.Load(); down != nil && s.AcquiredConns()+s.IdleConns() == 0 {
			problem = fmt.Errorf("no connection, and the last attempt failed: %w", *down)
			continue
		}
		if usage := 100 * float64(s.AcquiredConns()) / float64(s.MaxConns()); !(usage <= state.Usage) {
			state.Usage = usage
		}
	}
	return state, problem
}
