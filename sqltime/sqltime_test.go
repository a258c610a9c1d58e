package sqltime_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/sqltime"
)

// The real thing, against SQLite, is tested in examples/quickstart. Here are drivers of
// every age: each call of one takes 100 ms of the mock clock.

type base struct {
	clock *clock.Mock
	log   *[]string
}

func (b base) did(what string) { b.clock.Add(100 * time.Millisecond); *b.log = append(*b.log, what) }

type result struct{}

func (result) LastInsertId() (int64, error) { return 1, nil }
func (result) RowsAffected() (int64, error) { return 1, nil }

type rows struct{}

func (rows) Columns() []string         { return []string{"a"} }
func (rows) Close() error              { return nil }
func (rows) Next([]driver.Value) error { return io.EOF }

type tx struct{}

func (tx) Commit() error   { return nil }
func (tx) Rollback() error { return nil }

// oldConn is all that a driver has to be.
type oldConn struct{ base }

func (c oldConn) Prepare(string) (driver.Stmt, error) { return oldStmt(c), nil }
func (c oldConn) Close() error                        { return nil }
func (c oldConn) Begin() (driver.Tx, error)           { return tx{}, nil }

type oldStmt struct{ base }

func (s oldStmt) Close() error  { return nil }
func (s oldStmt) NumInput() int { return -1 }
func (s oldStmt) Exec(a []driver.Value) (driver.Result, error) {
	s.did("stmt.Exec")
	return result{}, nil
}
func (s oldStmt) Query(a []driver.Value) (driver.Rows, error) {
	s.did("stmt.Query")
	if len(a) == 1 && a[0] == "fail" {
		return nil, errors.New("no such table")
	}
	return rows{}, nil
}
func (s oldStmt) ColumnConverter(int) driver.ValueConverter { return driver.DefaultParameterConverter }

// directConn runs queries without preparing them, in the old way.
type directConn struct{ oldConn }

func (c directConn) Exec(string, []driver.Value) (driver.Result, error) {
	c.did("conn.Exec")
	return result{}, nil
}
func (c directConn) Query(string, []driver.Value) (driver.Rows, error) {
	c.did("conn.Query")
	return rows{}, nil
}

// newConn has every optional interface.
type newConn struct{ oldConn }

type newStmt struct{ oldStmt }

func (c newConn) PrepareContext(context.Context, string) (driver.Stmt, error) {
	return newStmt{oldStmt{c.base}}, nil
}
func (c newConn) BeginTx(_ context.Context, o driver.TxOptions) (driver.Tx, error) {
	*c.log = append(*c.log, "BeginTx")
	return tx{}, nil
}
func (c newConn) ExecContext(context.Context, string, []driver.NamedValue) (driver.Result, error) {
	c.did("conn.ExecContext")
	return result{}, nil
}
func (c newConn) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	c.did("conn.QueryContext")
	return rows{}, nil
}
func (c newConn) Ping(context.Context) error { *c.log = append(*c.log, "Ping"); return nil }
func (c newConn) ResetSession(context.Context) error {
	*c.log = append(*c.log, "ResetSession")
	return nil
}
func (c newConn) IsValid() bool { return true }
func (c newConn) CheckNamedValue(v *driver.NamedValue) error {
	v.Value = "checked"
	return nil
}
func (s newStmt) ExecContext(_ context.Context, a []driver.NamedValue) (driver.Result, error) {
	s.did("stmt.ExecContext " + a[0].Value.(string))
	return result{}, nil
}
func (s newStmt) QueryContext(_ context.Context, a []driver.NamedValue) (driver.Rows, error) {
	s.did("stmt.QueryContext " + a[0].Value.(string))
	return rows{}, nil
}

type connector struct{ conn driver.Conn }

func (c connector) Connect(context.Context) (driver.Conn, error) { return c.conn, nil }
func (c connector) Driver() driver.Driver                        { return nil }

func TestEveryKindOfDriver(t *testing.T) {
	for name, test := range map[string]struct {
		conn func(base) driver.Conn
		want []string // without transactions and the like
	}{
		"old":    {func(b base) driver.Conn { return oldConn{b} }, []string{"stmt.Exec", "stmt.Query", "stmt.Exec", "stmt.Query"}},
		"direct": {func(b base) driver.Conn { return directConn{oldConn{b}} }, []string{"conn.Exec", "conn.Query", "stmt.Exec", "stmt.Query"}},
		"new": {func(b base) driver.Conn { return newConn{oldConn{b}} }, []string{
			"conn.ExecContext", "ResetSession", "conn.QueryContext", "ResetSession", "ResetSession", "stmt.ExecContext checked", "ResetSession",
			"stmt.QueryContext checked", "ResetSession", "Ping", "ResetSession", "BeginTx",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			clk := clock.NewMock()
			m, err := perfmon.New(perfmon.WithClock(clk), perfmon.WithoutSystemMetrics(), perfmon.WithInterval(time.Hour), perfmon.WithStep(time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			samples := make(chan perfmon.Sample, 1)
			m.Subscribe(func(s perfmon.Sample) { samples <- s })
			if err := m.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = m.Close() }()
			log := []string{}
			c, err := sqltime.Connector(m, connector{test.conn(base{clk, &log})})
			if err != nil {
				t.Fatal(err)
			}
			db := sql.OpenDB(c)
			defer func() { _ = db.Close() }()
			db.SetMaxOpenConns(1)

			do := func(what string, err error) {
				t.Helper()
				if err != nil {
					t.Errorf("%s: %v", what, err)
				}
			}
			_, err = db.Exec("INSERT", "x")
			do("Exec", err)
			r, err := db.Query("SELECT", "x")
			do("Query", err)
			do("Close", r.Close())
			s, err := db.Prepare("INSERT")
			do("Prepare", err)
			_, err = s.Exec("x")
			do("stmt.Exec", err)
			r, err = s.Query("x")
			do("stmt.Query", err)
			do("Close", r.Close())
			do("Close", s.Close())
			do("Ping", db.Ping())
			tx, err := db.Begin()
			do("Begin", err)
			do("Commit", tx.Commit())
			if diff := cmp.Diff(test.want, log); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			clk.Add(time.Hour)
			sample := <-samples
			if got, ok := sample.Value(perfmon.DatabaseQueryTimeAvg); !ok || math.Abs(got-0.1) > 1e-9 {
				t.Errorf("mean query time %v, %v, want 0.1 s", got, ok)
			}
		})
	}
}

func TestErrorsPassAndAreTimed(t *testing.T) {
	clk := clock.NewMock()
	m, err := perfmon.New(perfmon.WithClock(clk), perfmon.WithoutSystemMetrics())
	if err != nil {
		t.Fatal(err)
	}
	log := []string{}
	c, err := sqltime.Connector(m, connector{oldConn{base{clk, &log}}})
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(c)
	defer func() { _ = db.Close() }()
	if _, err := db.Query("SELECT", "fail"); err == nil || err.Error() != "no such table" {
		t.Errorf("the driver's error comes as %v", err)
	}
	if _, err := db.Query("SELECT", sql.Named("a", 1)); err == nil || !strings.Contains(err.Error(), "named") {
		t.Errorf("a named parameter: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := db.ExecContext(ctx, "INSERT"); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled context: %v", err)
	}
	if _, err := db.BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true}); err == nil {
		t.Error("a read-only transaction that the driver cannot do")
	}
	if _, err := db.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelSerializable}); err == nil {
		t.Error("an isolation level that the driver cannot do")
	}
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	err = conn.Raw(func(c any) error {
		if _, ok := c.(interface{ Unwrap() driver.Conn }).Unwrap().(oldConn); !ok {
			t.Error("Unwrap does not return the driver's connection")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestBadArguments(t *testing.T) {
	m, err := perfmon.New()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sqltime.Connector(nil, connector{}); err == nil {
		t.Error("a nil monitor is accepted")
	}
	if _, err := sqltime.Connector(m, nil); err == nil {
		t.Error("a nil connector is accepted")
	}
	if _, err := sqltime.Open(m, "no such driver", ""); err == nil {
		t.Error("an unknown driver is accepted")
	}
}
