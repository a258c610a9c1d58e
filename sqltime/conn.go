//lint:file-ignore SA1019 drivers still have the interfaces of old

package sqltime

import (
	"context"
	"database/sql/driver"
	"errors"

	"github.com/backend-prs/perfmon"
)

// conn is a connection that times its queries. It has every optional interface but two;
// where the driver's has not, it does what database/sql does without.
type conn struct {
	inner driver.Conn
	m     *perfmon.Monitor
}

// newConn returns a connection that runs queries without a statement just where the driver's
// does: where there is such a way, database/sql has arguments checked before it asks, by the
// connection and not by the statement that would come of it.
func newConn(inner driver.Conn, m *perfmon.Monitor) driver.Conn {
	c := &conn{inner, m}
	_, execs := inner.(driver.ExecerContext)
	if !execs {
		_, execs = inner.(driver.Execer)
	}
	_, queries := inner.(driver.QueryerContext)
	if !queries {
		_, queries = inner.(driver.Queryer)
	}
	switch {
	case execs && queries:
		return struct {
			*conn
			execer
			queryer
		}{c, execer{c}, queryer{c}}
	case execs:
		return struct {
			*conn
			execer
		}{c, execer{c}}
	case queries:
		return struct {
			*conn
			queryer
		}{c, queryer{c}}
	}
	return c
}

// execer and queryer are the two interfaces that only some connections have.
type (
	execer  struct{ of *conn }
	queryer struct{ of *conn }
)

// Unwrap returns the driver's connection.
func (c *conn) Unwrap() driver.Conn { return c.inner }

func (c *conn) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	var (
		s   driver.Stmt
		err error
	)
	if p, ok := c.inner.(driver.ConnPrepareContext); ok {
		s, err = p.PrepareContext(ctx, query)
	} else if s, err = c.inner.Prepare(query); err == nil && ctx.Err() != nil {
		_ = s.Close()
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	st := &stmt{s, c}
	if cc, ok := s.(driver.ColumnConverter); ok {
		return converterStmt{st, cc}, nil
	}
	return st, nil
}

func (c *conn) Close() error { return c.inner.Close() }

// Begin is never called, as there is BeginTx.
func (c *conn) Begin() (driver.Tx, error) {
	return c.BeginTx(context.Background(), driver.TxOptions{})
}

func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if b, ok := c.inner.(driver.ConnBeginTx); ok {
		return b.BeginTx(ctx, opts)
	}
	if opts.Isolation != 0 {
		return nil, errors.New("sqltime: the driver does not support isolation levels")
	}
	if opts.ReadOnly {
		return nil, errors.New("sqltime: the driver does not support read-only transactions")
	}
	tx, err := c.inner.Begin()
	if err == nil && ctx.Err() != nil {
		_ = tx.Rollback()
		return nil, ctx.Err()
	}
	return tx, err
}

func (x execer) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (result driver.Result, err error) {
	c := x.of
	if e, ok := c.inner.(driver.ExecerContext); ok {
		defer record(c.m, c.m.Elapsed(), &err)
		return e.ExecContext(ctx, query, args)
	}
	list, err := values(ctx, args)
	if err != nil {
		return nil, err
	}
	defer record(c.m, c.m.Elapsed(), &err)
	return c.inner.(driver.Execer).Exec(query, list)
}

func (x queryer) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (rows driver.Rows, err error) {
	c := x.of
	if q, ok := c.inner.(driver.QueryerContext); ok {
		defer record(c.m, c.m.Elapsed(), &err)
		return q.QueryContext(ctx, query, args)
	}
	list, err := values(ctx, args)
	if err != nil {
		return nil, err
	}
	defer record(c.m, c.m.Elapsed(), &err)
	return c.inner.(driver.Queryer).Query(query, list)
}

func (c *conn) Ping(ctx context.Context) error {
	if p, ok := c.inner.(driver.Pinger); ok {
		return p.Ping(ctx)
	}
	return nil
}

func (c *conn) ResetSession(ctx context.Context) error {
	if r, ok := c.inner.(driver.SessionResetter); ok {
		return r.ResetSession(ctx)
	}
	return nil
}

func (c *conn) IsValid() bool {
	if v, ok := c.inner.(driver.Validator); ok {
		return v.IsValid()
	}
	return true
}

func (c *conn) CheckNamedValue(v *driver.NamedValue) error {
	if n, ok := c.inner.(driver.NamedValueChecker); ok {
		return n.CheckNamedValue(v)
	}
	return driver.ErrSkip
}
