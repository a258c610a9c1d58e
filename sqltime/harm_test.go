package sqltime_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/sqltime"
)

func init() { sql.Register("example", exampleDriver{}) }

// exampleDriver makes connections that do nothing; it counts the connectors it made
// and those that were closed.
type exampleDriver struct{}

var exampleMade, exampleClosed int

func (exampleDriver) Open(string) (driver.Conn, error) { return nil, errors.New("not called") }
func (exampleDriver) OpenConnector(string) (driver.Connector, error) {
	exampleMade++
	return exampleConnector{}, nil
}

type exampleConnector struct{}

func (exampleConnector) Connect(context.Context) (driver.Conn, error) {
	return directConn{oldConn{base{clock.NewMock(), new([]string)}}}, nil
}
func (exampleConnector) Driver() driver.Driver { return exampleDriver{} }
func (exampleConnector) Close() error          { exampleClosed++; return nil }

// timed returns a database with every query timed, the clock that a call of its driver
// moves by 100 ms, and a function that says what the mean query time is by now.
func timed(t *testing.T, conn func(base) driver.Conn) (db *sql.DB, clk *clock.Mock, mean func() (float64, bool)) {
	t.Helper()
	clk = clock.NewMock()
	m, err := perfmon.New(perfmon.WithClock(clk), perfmon.WithoutSystemMetrics(), perfmon.WithInterval(time.Hour), perfmon.WithStep(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	samples := make(chan perfmon.Sample, 1)
	m.Subscribe(func(s perfmon.Sample) { samples <- s })
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	c, err := sqltime.Connector(m, connector{conn(base{clk, new([]string)})})
	if err != nil {
		t.Fatal(err)
	}
	db = sql.OpenDB(c)
	t.Cleanup(func() { _ = db.Close() })
	return db, clk, func() (float64, bool) {
		clk.Add(time.Hour)
		s := <-samples
		return s.Value(perfmon.DatabaseQueryTimeAvg)
	}
}

// A call that is refused before it reaches the driver took no time and is no query: it
// must not pull the mean down.
func TestRefusedCallsAreNoQueries(t *testing.T) {
	refused := map[string]func(*sql.DB, *sql.Stmt) error{
		"a named argument": func(db *sql.DB, _ *sql.Stmt) error {
			_, err := db.Exec("INSERT", sql.Named("a", 1))
			return err
		},
		"a query with one": func(db *sql.DB, _ *sql.Stmt) error {
			rows, err := db.Query("SELECT", sql.Named("a", 1))
			if err == nil {
				_ = rows.Close()
			}
			return err
		},
		"a prepared one": func(_ *sql.DB, s *sql.Stmt) error {
			_, err := s.Exec(sql.Named("a", 1))
			return err
		},
		"a prepared query": func(_ *sql.DB, s *sql.Stmt) error {
			rows, err := s.Query(sql.Named("a", 1))
			if err == nil {
				_ = rows.Close()
			}
			return err
		},
	}
	for name, call := range refused {
		t.Run(name, func(t *testing.T) {
			db, _, mean := timed(t, func(b base) driver.Conn { return directConn{oldConn{b}} })
			s, err := db.Prepare("INSERT")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			if _, err := s.Exec("x"); err != nil {
				t.Fatal(err)
			}
			if err := call(db, s); err == nil || !strings.Contains(err.Error(), "named") {
				t.Errorf("the error is %v", err)
			}
			if got, ok := mean(); !ok || math.Abs(got-0.1) > 1e-9 {
				t.Errorf("mean query time %v, %v, want 0.1 s: that of the query that ran", got, ok)
			}
		})
	}
}

type panickingConn struct{ oldConn }

func (c panickingConn) ExecContext(context.Context, string, []driver.NamedValue) (driver.Result, error) {
	c.clock.Add(100 * time.Millisecond)
	panic("the driver's own")
}

// A panic of the driver reaches the caller as it is, and the time it took counts.
func TestPanicOfTheDriverPasses(t *testing.T) {
	db, _, mean := timed(t, func(b base) driver.Conn { return panickingConn{oldConn{b}} })
	func() {
		defer func() {
			if p := recover(); p != "the driver's own" {
				t.Errorf("recovered %v", p)
			}
		}()
		_, _ = db.Exec("INSERT")
	}()
	if got, ok := mean(); !ok || math.Abs(got-0.1) > 1e-9 {
		t.Errorf("mean query time %v, %v, want 0.1 s", got, ok)
	}
}

// Timed twice for one monitor, a query must not count twice.
func TestTimedTwiceIsTimedOnce(t *testing.T) {
	m, err := perfmon.New()
	if err != nil {
		t.Fatal(err)
	}
	once, err := sqltime.Connector(m, exampleConnector{})
	if err != nil {
		t.Fatal(err)
	}
	twice, err := sqltime.Connector(m, once)
	if err != nil {
		t.Fatal(err)
	}
	c, err := twice.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := c.(interface{ Unwrap() driver.Conn }).Unwrap().(directConn); !ok {
		t.Error("below the timing connection is another one")
	}
}

// Arguments are looked at before the driver makes anything that nobody would close.
func TestOpenRefusesBeforeItOpens(t *testing.T) {
	made, closed := exampleMade, exampleClosed
	_, err := sqltime.Open(nil, "example", "")
	if field := (*perfmon.FieldError)(nil); !errors.As(err, &field) || field.Field != "monitor" {
		t.Errorf("a nil monitor: %v", err)
	}
	if exampleMade != made || exampleClosed != closed {
		t.Error("the driver was asked for a connector")
	}
}

// What Open makes, closing the database closes.
func TestCloseClosesTheConnectors(t *testing.T) {
	m, err := perfmon.New()
	if err != nil {
		t.Fatal(err)
	}
	made, closed := exampleMade, exampleClosed
	db, err := sqltime.Open(m, "example", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if m, c := exampleMade-made, exampleClosed-closed; m == 0 || m != c {
		t.Errorf("%d connectors were made, %d closed", m, c)
	}
}

// Errors say which package they come from.
func TestErrorsOfArguments(t *testing.T) {
	m, err := perfmon.New()
	if err != nil {
		t.Fatal(err)
	}
	_, nilMonitor := sqltime.Connector(nil, exampleConnector{})
	_, nilConnector := sqltime.Connector(m, nil)
	for _, err := range []error{nilMonitor, nilConnector} {
		if err == nil || !strings.HasPrefix(err.Error(), "sqltime: ") {
			t.Errorf("the error is %v", err)
		}
	}
}
