package perfmon_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"math"
	"runtime"
	"testing"

	"github.com/backend-prs/perfmon"
)

// pool is a database that only connects.
type pool struct{}

func (pool) Connect(context.Context) (driver.Conn, error) { return pool{}, nil }
func (pool) Driver() driver.Driver                        { return nil }
func (pool) Prepare(string) (driver.Stmt, error)          { return nil, errors.New("not here") }
func (pool) Begin() (driver.Tx, error)                    { return nil, errors.New("not here") }
func (pool) Close() error                                 { return nil }

// open returns a pool of which so many connections are in use.
func open(t *testing.T, limit, inUse int) *sql.DB {
	t.Helper()
	db := sql.OpenDB(pool{})
	db.SetMaxOpenConns(limit)
	for range inUse {
		c, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestDatabasePoolUsage(t *testing.T) {
	tests := []struct {
		name  string
		pools []*sql.DB
		want  float64
		known bool
	}{
		{"idle", []*sql.DB{open(t, 4, 0)}, 0, true},
		{"three of four", []*sql.DB{open(t, 4, 3)}, 75, true},
		{"the fullest counts", []*sql.DB{open(t, 10, 1), open(t, 2, 1), open(t, 0, 5)}, 50, true},
		{"no limit, no usage", []*sql.DB{open(t, 0, 3)}, 0, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := start(t, perfmon.WithDatabase(test.pools...))
			got, known := b.step().Value(perfmon.DatabasePoolUsage)
			if got != test.want || known != test.known {
				t.Errorf("usage %v, %v, want %v, %v", got, known, test.want, test.known)
			}
		})
	}
}

// A pool that somebody waits for is under pressure; one that is only full is not.
func TestDatabasePoolPressure(t *testing.T) {
	db := open(t, 1, 0)
	b := start(t, perfmon.WithDatabase(db))
	held, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := b.step()
	if usage, waits := b.value(s, perfmon.DatabasePoolUsage), b.value(s, perfmon.DatabasePoolWaits); usage != 100 || waits != 0 {
		t.Errorf("full and nobody waits: usage %v %%, %v waits a second", usage, waits)
	}
	if v, ok := s.Value(perfmon.DatabasePoolWaitTimeAvg); ok {
		t.Errorf("nobody waited, and a wait took %v s", v)
	}
	got := make(chan error)
	for range 20 {
		go func() {
			c, err := db.Conn(context.Background())
			if err == nil {
				err = c.Close()
			}
			got <- err
		}()
	}
	for db.Stats().WaitCount < 20 {
		runtime.Gosched()
	}
	_ = held.Close()
	for range 20 {
		if err := <-got; err != nil {
			t.Error(err)
		}
	}
	s = b.step()
	if waits := b.value(s, perfmon.DatabasePoolWaits); waits != 2 {
		t.Errorf("20 waits in 10 s are %v a second", waits)
	}
	if mean, want := b.value(s, perfmon.DatabasePoolWaitTimeAvg), db.Stats().WaitDuration.Seconds()/20; math.Abs(mean-want) > 1e-12 {
		t.Errorf("the mean wait is %v s, want %v", mean, want)
	}
}
