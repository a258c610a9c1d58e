// Package sqltime times the queries of a database/sql driver, for the metric
// database_query_time_avg. Open the database through it and use it as any other:
//
//	db, err := sqltime.Open(m, "postgres", dsn)
//
// A driver that is set up in code gives a connector: use Connector and sql.OpenDB.
//
// A query is timed from the call of the driver to its return, which for rows is when
// the first can be read. Transactions' begin, commit and rollback are not queries.
package sqltime

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/backend-prs/perfmon"
)

// Open is sql.Open with the queries timed. The driver has to be registered. A nil monitor
// is refused with a *perfmon.FieldError; other errors are those of sql.Open.
func Open(m *perfmon.Monitor, driverName, dataSourceName string) (*sql.DB, error) {
	if m == nil {
		return nil, errNoMonitor()
	}
	plain, err := sql.Open(driverName, dataSourceName)
	if err != nil {
		return nil, err
	}
	d := plain.Driver()
	if err := plain.Close(); err != nil {
		return nil, err
	}
	var c driver.Connector = dsnConnector{d, dataSourceName}
	if dc, ok := d.(driver.DriverContext); ok {
		if c, err = dc.OpenConnector(dataSourceName); err != nil {
			return nil, err
		}
	}
	c, err = Connector(m, c)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(c), nil
}

// Connector returns a connector whose connections time their queries, for sql.OpenDB. One
// that does so for this monitor already is returned as it is. A nil monitor and a nil
// connector are refused with a *perfmon.FieldError.
//
// sql.Conn.Raw hands out the timing connection; its Unwrap method returns the driver's.
func Connector(m *perfmon.Monitor, c driver.Connector) (driver.Connector, error) {
	if m == nil {
		return nil, errNoMonitor()
	}
	if c == nil {
		return nil, fmt.Errorf("sqltime: %w", &perfmon.FieldError{Field: "connector", Value: nil, Want: "a driver.Connector"})
	}
	if timed, ok := c.(connector); ok && timed.m == m {
		return timed, nil // or each query would count twice
	}
	return connector{c, m}, nil
}

func errNoMonitor() error {
	return fmt.Errorf("sqltime: %w", &perfmon.FieldError{Field: "monitor", Value: nil, Want: "a *perfmon.Monitor"})
}

// dsnConnector connects with a driver that makes no connectors.
type dsnConnector struct {
	d   driver.Driver
	dsn string
}

func (c dsnConnector) Connect(context.Context) (driver.Conn, error) { return c.d.Open(c.dsn) }
func (c dsnConnector) Driver() driver.Driver                        { return c.d }

type connector struct {
	driver.Connector
	m *perfmon.Monitor
}

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return newConn(inner, c.m), nil
}

// Close closes the driver's connector where it can be closed, as sql.DB.Close does.
func (c connector) Close() error {
	if closer, ok := c.Connector.(interface{ Close() error }); ok {
		return closer.Close()
	}
	return nil
}

// record counts a call of the driver that began at start and ends now, unless the driver
// says that it did not run it. It is deferred, so a call that panics counts as well.
func record(m *perfmon.Monitor, start time.Duration, err *error) {
	if !errors.Is(*err, driver.ErrSkip) && !errors.Is(*err, driver.ErrBadConn) {
		m.RecordQuery(m.Elapsed() - start)
	}
}

// values takes the names off arguments, for drivers that know none and know no context
// either.
func values(ctx context.Context, args []driver.NamedValue) ([]driver.Value, error) {
	list := make([]driver.Value, len(args))
	for i, a := range args {
		if a.Name != "" {
			return nil, errors.New("sqltime: the driver does not support named parameters")
		}
		list[i] = a.Value
	}
	return list, ctx.Err()
}
