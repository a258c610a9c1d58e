// Package pgxtime times the queries of pgx, and watches its pool.
//
//	tracer, err := pgxtime.New(m)
//	...
//	config.ConnConfig.Tracer = tracer
//	pool, err := pgxpool.NewWithConfig(ctx, config)
//	...
//	err = tracer.Watch(pool)
//
// The figures are those that a database/sql database has: database_query_time_avg,
// database_pool_usage, database_pool_waits and database_pool_wait_time_avg, so thresholds and
// charts are the same. Beside them there are database_errors, per second, and
// database_connect_errors, per second.
package pgxtime

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/backend-prs/perfmon"
)

// Tracer is a tracer for pgx.ConnConfig.Tracer. It is safe for concurrent use.
//
// A query is timed from its call until its rows are read to the end or closed; a batch until
// its results are closed, as one query; a copy until it is done. What the program does while
// it reads rows is part of the time. Beginning and ending transactions are no queries.
type Tracer struct {
	m                     *perfmon.Monitor
	errors, connectErrors *perfmon.Counter
	down                  atomic.Pointer[error] // of the last attempt to connect; nil where it succeeded
}

// pgx looks for these.
var _ interface {
	pgx.QueryTracer
	pgx.BatchTracer
	pgx.CopyFromTracer
	pgx.ConnectTracer
} = (*Tracer)(nil)

// New returns a tracer and registers its metrics. For a tracer beside it see
// multitracer.New of pgx. A nil monitor, and one that has the metrics already, is refused
// with a *perfmon.FieldError: take one tracer for all pools.
func New(m *perfmon.Monitor) (*Tracer, error) {
	if m == nil {
		return nil, fmt.Errorf("pgxtime: %w", &perfmon.FieldError{Field: "monitor", Value: nil, Want: "a *perfmon.Monitor"})
	}
	t := &Tracer{m: m}
	for _, c := range []struct {
		to         **perfmon.Counter
		name, help string
	}{
		{&t.errors, "database_errors", "Database queries that failed, per second."},
		{&t.connectErrors, "database_connect_errors", "Attempts to connect to the database that failed, per second."},
	} {
		counter, err := m.Metrics().Counter(perfmon.Metric{Name: c.name, Worse: perfmon.HigherIsWorse, Help: c.help})
		if err != nil {
			return nil, fmt.Errorf("pgxtime: %w", err)
		}
		*c.to = counter
	}
	return t, nil
}

// key is what a context has the beginning of a call under.
type key uint8

const (
	queryKey key = iota
	batchKey
	copyKey
)

// begun is a context that knows when a call began. One value costs one allocation;
// context.WithValue would take two.
type begun struct {
	context.Context
	key key
	at  time.Duration
}

func (b *begun) Value(k any) any {
	if k == b.key {
		return b
	}
	return b.Context.Value(k)
}

func (t *Tracer) begin(ctx context.Context, k key) context.Context {
	return &begun{ctx, k, t.m.Elapsed()}
}

// end counts a call. One that the caller has cancelled is counted, and is no error.
func (t *Tracer) end(ctx context.Context, k key, err error) {
	b, ok := ctx.Value(k).(*begun)
	if !ok {
		return
	}
	t.m.RecordQuery(t.m.Elapsed() - b.at)
	if failed(err) {
		t.errors.Add(1)
	}
}

// failed reports whether an error is the database's. Queries without rows are none.
func failed(err error) bool {
	return err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, pgx.ErrNoRows)
}

// TraceQueryStart is called by pgx.
func (t *Tracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	if isTransaction(d.SQL) {
		return ctx
	}
	return t.begin(ctx, queryKey)
}

// isTransaction reports whether it is pgx that begins or ends a transaction or a savepoint.
func isTransaction(sql string) bool {
	if sql == "" {
		return false
	}
	switch sql[0] { // most queries begin otherwise
	case 'b':
		return strings.HasPrefix(sql, "begin")
	case 'c':
		return sql == "commit"
	case 'r':
		return sql == "rollback" || strings.HasPrefix(sql, "rollback to savepoint ") || strings.HasPrefix(sql, "release savepoint ")
	case 's':
		return strings.HasPrefix(sql, "savepoint ")
	}
	return false
}

// TraceQueryEnd is called by pgx.
func (t *Tracer) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryEndData) {
	t.end(ctx, queryKey, d.Err)
}

// TraceBatchStart is called by pgx.
func (t *Tracer) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return t.begin(ctx, batchKey)
}

// TraceBatchQuery is called by pgx.
func (t *Tracer) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd is called by pgx.
func (t *Tracer) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, d pgx.TraceBatchEndData) {
	t.end(ctx, batchKey, d.Err)
}

// TraceCopyFromStart is called by pgx.
func (t *Tracer) TraceCopyFromStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceCopyFromStartData) context.Context {
	return t.begin(ctx, copyKey)
}

// TraceCopyFromEnd is called by pgx.
func (t *Tracer) TraceCopyFromEnd(ctx context.Context, _ *pgx.Conn, d pgx.TraceCopyFromEndData) {
	t.end(ctx, copyKey, d.Err)
}

// TraceConnectStart is called by pgx.
func (t *Tracer) TraceConnectStart(ctx context.Context, _ pgx.TraceConnectStartData) context.Context {
	return ctx
}

// TraceConnectEnd is called by pgx.
func (t *Tracer) TraceConnectEnd(_ context.Context, d pgx.TraceConnectEndData) {
	switch {
	case d.Err == nil:
		t.down.Store(nil)
	case failed(d.Err):
		t.connectErrors.Add(1)
		t.down.Store(&d.Err)
	}
}
