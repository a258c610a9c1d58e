//lint:file-ignore SA1019 drivers still have the interfaces of old

package sqltime

import (
	"context"
	"database/sql/driver"
)

// stmt is a prepared statement that times its runs.
type stmt struct {
	inner driver.Stmt
	c     *conn
}

// converterStmt is one whose driver converts by column.
type converterStmt struct {
	*stmt
	cc driver.ColumnConverter
}

func (s converterStmt) ColumnConverter(i int) driver.ValueConverter { return s.cc.ColumnConverter(i) }

func (s *stmt) Close() error  { return s.inner.Close() }
func (s *stmt) NumInput() int { return s.inner.NumInput() }

// Exec is never called, as there is ExecContext.
func (s *stmt) Exec(args []driver.Value) (driver.Result, error) {
	return s.inner.Exec(args)
}

// Query is never called, as there is QueryContext.
func (s *stmt) Query(args []driver.Value) (driver.Rows, error) {
	return s.inner.Query(args)
}

func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (result driver.Result, err error) {
	if e, ok := s.inner.(driver.StmtExecContext); ok {
		defer record(s.c.m, s.c.m.Elapsed(), &err)
		return e.ExecContext(ctx, args)
	}
	list, err := values(ctx, args)
	if err != nil {
		return nil, err
	}
	defer record(s.c.m, s.c.m.Elapsed(), &err)
	return s.Exec(list)
}

func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (rows driver.Rows, err error) {
	if q, ok := s.inner.(driver.StmtQueryContext); ok {
		defer record(s.c.m, s.c.m.Elapsed(), &err)
		return q.QueryContext(ctx, args)
	}
	list, err := values(ctx, args)
	if err != nil {
		return nil, err
	}
	defer record(s.c.m, s.c.m.Elapsed(), &err)
	return s.Query(list)
}

func (s *stmt) CheckNamedValue(v *driver.NamedValue) error {
	if n, ok := s.inner.(driver.NamedValueChecker); ok {
		return n.CheckNamedValue(v)
	}
	return s.c.CheckNamedValue(v)
}
