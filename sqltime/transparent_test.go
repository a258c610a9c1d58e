//lint:file-ignore SA1019 drivers still have the interfaces of old

package sqltime_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/internal/paired"
	"github.com/backend-prs/perfmon/sqltime"
)

// fullConn has every optional interface of a connection, and writes down what it is asked.
type fullConn struct {
	log  *[]string
	stmt driver.Stmt
}

// special is an argument that only a driver's own check knows.
type special struct{}

func (c *fullConn) did(format string, args ...any) {
	*c.log = append(*c.log, fmt.Sprintf(format, args...))
}

func (c *fullConn) Prepare(q string) (driver.Stmt, error) { c.did("Prepare %s", q); return c.stmt, nil }
func (c *fullConn) Close() error                          { c.did("Close"); return nil }
func (c *fullConn) Begin() (driver.Tx, error)             { c.did("Begin"); return tx{}, nil }

func (c *fullConn) PrepareContext(_ context.Context, q string) (driver.Stmt, error) {
	c.did("PrepareContext %s", q)
	return c.stmt, nil
}

func (c *fullConn) BeginTx(_ context.Context, o driver.TxOptions) (driver.Tx, error) {
	c.did("BeginTx %v", o)
	return tx{}, nil
}

func (c *fullConn) ExecContext(_ context.Context, q string, a []driver.NamedValue) (driver.Result, error) {
	c.did("ExecContext %s %v", q, a)
	if q == "skip" {
		return nil, driver.ErrSkip
	}
	return result{}, nil
}

func (c *fullConn) Exec(q string, a []driver.Value) (driver.Result, error) {
	c.did("Exec %s %v", q, a)
	if q == "skip" {
		return nil, driver.ErrSkip
	}
	return result{}, nil
}

func (c *fullConn) QueryContext(_ context.Context, q string, a []driver.NamedValue) (driver.Rows, error) {
	c.did("QueryContext %s %v", q, a)
	return rows{}, nil
}

func (c *fullConn) Query(q string, a []driver.Value) (driver.Rows, error) {
	c.did("Query %s %v", q, a)
	return rows{}, nil
}

func (c *fullConn) Ping(context.Context) error         { c.did("Ping"); return nil }
func (c *fullConn) ResetSession(context.Context) error { c.did("ResetSession"); return nil }
func (c *fullConn) IsValid() bool                      { c.did("IsValid"); return true }
func (c *fullConn) CheckNamedValue(v *driver.NamedValue) error {
	return checkSpecial(v, "by the connection")
}

func checkSpecial(v *driver.NamedValue, by string) error {
	if _, ok := v.Value.(special); ok {
		v.Value = by
		return nil
	}
	return driver.ErrSkip
}

// fullStmt is the same of a statement.
type fullStmt struct{ c *fullConn }

func (s *fullStmt) Close() error  { s.c.did("stmt.Close"); return nil }
func (s *fullStmt) NumInput() int { return -1 }

func (s *fullStmt) Exec(a []driver.Value) (driver.Result, error) {
	s.c.did("stmt.Exec %v", a)
	return result{}, nil
}

func (s *fullStmt) Query(a []driver.Value) (driver.Rows, error) {
	s.c.did("stmt.Query %v", a)
	return rows{}, nil
}

func (s *fullStmt) ExecContext(_ context.Context, a []driver.NamedValue) (driver.Result, error) {
	s.c.did("stmt.ExecContext %v", a)
	return result{}, nil
}

func (s *fullStmt) QueryContext(_ context.Context, a []driver.NamedValue) (driver.Rows, error) {
	s.c.did("stmt.QueryContext %v", a)
	return rows{}, nil
}

func (s *fullStmt) CheckNamedValue(v *driver.NamedValue) error {
	return checkSpecial(v, "by the statement")
}

func (s *fullStmt) ColumnConverter(int) driver.ValueConverter { return upper{} }

type upper struct{}

func (upper) ConvertValue(v any) (driver.Value, error) { return fmt.Sprintf("converted %v", v), nil }

// Whatever a driver has and has not, it is asked the same with sqltime as without, and the
// caller gets the same.
func TestTransparent(t *testing.T) {
	var log []string
	plain := &fullConn{log: &log}
	statement := &fullStmt{plain}
	plain.stmt = statement
	compare := func(t *testing.T, name string, c driver.Conn) {
		t.Helper()
		m, err := perfmon.New(perfmon.WithoutSystemMetrics())
		if err != nil {
			t.Fatal(err)
		}
		timed, err := sqltime.Connector(m, connector{c})
		if err != nil {
			t.Fatal(err)
		}
		log = nil
		ask(sql.OpenDB(connector{c}), plain.did)
		want := log
		log = nil
		ask(sql.OpenDB(timed), plain.did)
		if diff := cmp.Diff(want, log); diff != "" {
			t.Errorf("%s (-without sqltime +with):\n%s", name, diff)
		}
	}
	for name, c := range connsOf(plain) {
		compare(t, "a connection with "+name, c)
	}
	for name, s := range stmtsOf(statement) {
		plain.stmt = s
		for _, conn := range []string{"none", "all", "only NamedValueChecker", "only ConnPrepareContext"} {
			compare(t, "a statement with "+name+" of a connection with "+conn, connsOf(plain)[conn])
		}
	}
}

// ask goes through all that a program asks of a database.
func ask(db *sql.DB, did func(string, ...any)) {
	db.SetMaxOpenConns(1)
	ctx, cancelled := context.Background(), func() context.Context {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		return ctx
	}()
	noteErr := func(what string, err error) { did("%s fails: %v", what, err != nil) }
	for _, args := range [][]any{nil, {1}, {"x", special{}}, {sql.Named("n", 1)}} {
		for _, q := range []string{"ask", "skip"} {
			_, err := db.ExecContext(ctx, q, args...)
			noteErr("Exec", err)
		}
		r, err := db.QueryContext(ctx, "ask", args...)
		noteErr("Query", err)
		if err == nil {
			_ = r.Close()
		}
		s, err := db.PrepareContext(ctx, "ask")
		noteErr("Prepare", err)
		_, err = s.ExecContext(ctx, args...)
		noteErr("stmt.Exec", err)
		r, err = s.QueryContext(ctx, args...)
		noteErr("stmt.Query", err)
		if err == nil {
			_ = r.Close()
		}
		_ = s.Close()
	}
	_, err := db.ExecContext(cancelled, "ask")
	noteErr("a cancelled Exec", err)
	noteErr("Ping", db.PingContext(ctx))
	for _, o := range []*sql.TxOptions{nil, {ReadOnly: true}, {Isolation: sql.LevelSerializable}} {
		t, err := db.BeginTx(ctx, o)
		noteErr("Begin", err)
		if err == nil {
			_, err = t.ExecContext(ctx, "ask", special{})
			noteErr("Exec in a transaction", err)
			_ = t.Commit()
		}
	}
	_ = db.Close()
}

func BenchmarkExec(b *testing.B) {
	c := quietConn{&fullConn{log: new([]string)}}
	m, err := perfmon.New()
	if err != nil {
		b.Fatal(err)
	}
	timed, err := sqltime.Connector(m, connector{c})
	if err != nil {
		b.Fatal(err)
	}
	call := func(c driver.Connector) func() {
		db := sql.OpenDB(c)
		b.Cleanup(func() { _ = db.Close() })
		return func() {
			if _, err := db.Exec("INSERT"); err != nil {
				b.Fatal(err)
			}
		}
	}
	paired.Compare(b, call(connector{c}), call(timed))
}

// quietConn does nothing, at once.
type quietConn struct{ driver.Conn }

func (quietConn) Close() error { return nil }
func (quietConn) ExecContext(context.Context, string, []driver.NamedValue) (driver.Result, error) {
	return result{}, nil
}
