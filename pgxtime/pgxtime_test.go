package pgxtime_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/multitracer"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/internal/paired"
	"github.com/backend-prs/perfmon/pgxtime"
	"github.com/backend-prs/perfmon/sqltime"
)

// One server serves all tests; starting one takes seconds.
func TestPostgreSQL(t *testing.T) {
	server := startPostgres(t)
	for name, test := range map[string]func(*testing.T, *postgres){
		"queries": queries, "pressure": pressure, "database/sql": databaseSQL, "cancelled": cancelled, "beside another tracer": besideAnother,
	} {
		t.Run(name, func(t *testing.T) { test(t, server) })
	}
	t.Run("slow, down and back", func(t *testing.T) { slowDownAndBack(t, server) }) // last: it stops the server
}

// total returns how many queries and errors were counted.
func total(m *perfmon.Monitor, metric string) uint64 {
	for _, total := range m.Metrics().Totals() {
		if total.Metric == metric {
			return total.Count
		}
	}
	return 0
}

// Every way to ask counts once, and as long as it took.
func queries(t *testing.T, server *postgres) {
	b := newBench(t)
	pool := newPool(t, server.dsn(), newTracer(t, b.Monitor))
	ctx := t.Context()
	if _, err := pool.Exec(ctx, "CREATE TABLE IF NOT EXISTS tea (name text)"); err != nil {
		t.Fatal(err)
	}
	calls := []struct {
		name            string
		call            func() error
		queries, errors uint64
	}{
		{"Exec", func() error { _, err := pool.Exec(ctx, "INSERT INTO tea VALUES ($1)", "mint"); return err }, 1, 0},
		{"QueryRow", func() error { var n int; return pool.QueryRow(ctx, "SELECT count(*) FROM tea").Scan(&n) }, 1, 0},
		{"no rows", func() error {
			err := pool.QueryRow(ctx, "SELECT name FROM tea WHERE name = 'none'").Scan(new(string))
			if errors.Is(err, pgx.ErrNoRows) {
				return nil
			}
			return err
		}, 1, 0},
		{"Query", func() error {
			rows, err := pool.Query(ctx, "SELECT * FROM generate_series(1, 100)")
			if err != nil {
				return err
			}
			_, err = pgx.CollectRows(rows, pgx.RowTo[int])
			return err
		}, 1, 0},
		{"a batch", func() error {
			batch := &pgx.Batch{}
			batch.Queue("SELECT 1")
			batch.Queue("SELECT 2")
			return pool.SendBatch(ctx, batch).Close()
		}, 1, 0},
		{"a copy", func() error {
			_, err := pool.CopyFrom(ctx, pgx.Identifier{"tea"}, []string{"name"}, pgx.CopyFromRows([][]any{{"a"}, {"b"}}))
			return err
		}, 1, 0},
		{"a transaction", func() error {
			return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
				return pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error { _, err := tx.Exec(ctx, "SELECT 1"); return err })
			})
		}, 1, 0},
		{"a wrong query", func() error {
			if _, err := pool.Exec(ctx, "SELECT nothing"); err == nil {
				return errors.New("PostgreSQL has let it pass")
			}
			return nil
		}, 1, 1},
		{"a wrong batch", func() error {
			batch := &pgx.Batch{}
			batch.Queue("SELECT 1/0")
			if err := pool.SendBatch(ctx, batch).Close(); err == nil {
				return errors.New("PostgreSQL has let it pass")
			}
			return nil
		}, 1, 1},
	}
	for _, c := range calls {
		queries, errs := total(b.Monitor, perfmon.DatabaseQueryTimeAvg), total(b.Monitor, "database_errors")
		if err := c.call(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		queries, errs = total(b.Monitor, perfmon.DatabaseQueryTimeAvg)-queries, total(b.Monitor, "database_errors")-errs
		if queries != c.queries || errs != c.errors {
			t.Errorf("%s counts as %d queries and %d errors, want %d and %d", c.name, queries, errs, c.queries, c.errors)
		}
	}
}

// What waits for a connection of a real pool is seen, and nothing else.
func pressure(t *testing.T, server *postgres) {
	b := newBench(t)
	tracer := newTracer(t, b.Monitor)
	pool := newPool(t, server.dsn(), tracer)
	if err := tracer.Watch(pool); err != nil {
		t.Fatal(err)
	}
	var held []*pgxpool.Conn
	for range 2 {
		c, err := pool.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, c)
	}
	if got := b.step(); got["pool_usage"] != 100 || got["pool_waits"] != 0 {
		t.Errorf("full and nobody waits: %v", got)
	}
	before := pool.Stat().EmptyAcquireCount()
	done := make(chan error)
	for range 10 {
		go func() { done <- pool.AcquireFunc(context.Background(), func(*pgxpool.Conn) error { return nil }) }()
	}
	eventually(t, "nobody waits", func() bool { return b.Monitor != nil && waiting(pool) })
	for _, c := range held {
		c.Release()
	}
	for range 10 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	got := b.step()
	waits := float64(pool.Stat().EmptyAcquireCount() - before)
	if waits < 1 || got["pool_waits"] != waits/b.Step().Seconds() || !(got["pool_wait_time_avg"] > 0) || got["pool_usage"] != 0 {
		t.Errorf("after %v waits: %v", waits, got)
	}
}

// waiting reports whether somebody has begun to wait: pgx does not say, so a try that
// gives up at once stands for all.
func waiting(pool *pgxpool.Pool) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	_, err := pool.Acquire(ctx)
	return err != nil
}

// The same server through database/sql and sqltime: same names, same meaning.
func databaseSQL(t *testing.T, server *postgres) {
	b := newBench(t)
	config, err := pgx.ParseConfig(server.dsn())
	if err != nil {
		t.Fatal(err)
	}
	connector, err := sqltime.Connector(b.Monitor, stdlib.GetConnector(*config))
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	if err := b.Metrics().AddCollector(perfmon.DatabasePool(db)); err != nil {
		t.Fatal(err)
	}
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec("SELECT $1::int[]", []int{1, 2}); err != nil { // the driver's own kinds of argument pass
		t.Error(err)
	}
	b.step()
	done := make(chan error)
	go func() { _, err := db.Exec("SELECT 1"); done <- err }()
	eventually(t, "nobody waits", func() bool { return db.Stats().WaitCount > 0 })
	if err := errors.Join(tx.Commit(), <-done); err != nil {
		t.Error(err)
	}
	got := b.step()
	if got["pool_waits"] != 0.1 || !(got["pool_wait_time_avg"] > 0) || total(b.Monitor, perfmon.DatabaseQueryTimeAvg) != 2 {
		t.Errorf("%v, %d queries", got, total(b.Monitor, perfmon.DatabaseQueryTimeAvg))
	}
}

// What the caller gives up is no error of the database.
func cancelled(t *testing.T, server *postgres) {
	b := newBench(t)
	pool := newPool(t, server.dsn(), newTracer(t, b.Monitor))
	ctx, cancel := context.WithCancel(t.Context())
	conn, err := pool.Acquire(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	cancel()
	if _, err := conn.Exec(ctx, "SELECT pg_sleep(10)"); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	if n := total(b.Monitor, "database_errors"); n != 0 {
		t.Errorf("%d errors", n)
	}
}

type ctxKey struct{}

// other is a tracer that hands its own values on.
type other struct{ ended int }

func (o *other) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return context.WithValue(ctx, ctxKey{}, "mine")
}

func (o *other) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) {
	if ctx.Value(ctxKey{}) == "mine" {
		o.ended++
	}
}

func besideAnother(t *testing.T, server *postgres) {
	b := newBench(t)
	o := &other{}
	config, err := pgx.ParseConfig(server.dsn())
	if err != nil {
		t.Fatal(err)
	}
	config.Tracer = multitracer.New(o, newTracer(t, b.Monitor), o)
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(t.Context(), "SELECT 1"); err != nil {
		t.Fatal(err)
	}
	if n := total(b.Monitor, perfmon.DatabaseQueryTimeAvg); n != 1 || o.ended != 2 {
		t.Errorf("%d queries, and the other tracer saw %d ends, want 1 and 2", n, o.ended)
	}
}

// The server sleeps, dies, and is back: the program gets PostgreSQL's own errors, and the
// figures say what there is to say.
func slowDownAndBack(t *testing.T, server *postgres) {
	b := newBench(t)
	tracer := newTracer(t, b.Monitor)
	pool := newPool(t, server.dsn(), tracer)
	if err := tracer.Watch(pool); err != nil {
		t.Fatal(err)
	}
	ask := func() error { _, err := pool.Exec(context.Background(), "SELECT 1"); return err }
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	if got := b.step(); got["pool_usage"] != 0 || b.says("pgx") != "" {
		t.Errorf("up: %v, %q", got, b.says("pgx"))
	}

	slow := make(chan error)
	go func() { _, err := pool.Exec(context.Background(), "SELECT pg_sleep(60)"); slow <- err }()
	eventually(t, "no query runs", func() bool { return pool.Stat().AcquiredConns() == 1 })
	got := b.step()
	if _, known := got["query_time_avg"]; known || got["pool_usage"] != 50 {
		t.Errorf("while a query lasts: %v", got)
	}

	server.stop()
	if err := <-slow; err == nil {
		t.Error("a server that was stopped has answered")
	}
	eventually(t, "dead connections are still in the pool", func() bool { return ask() != nil && pool.Stat().TotalConns() == 0 })
	got = b.step()
	if got["connect_errors"] == 0 || got["errors"] == 0 {
		t.Errorf("down: %v", got)
	}
	if _, known := got["pool_usage"]; known {
		t.Errorf("a pool without a server has a usage: %v", got)
	}
	if says := b.says("pgx"); !strings.Contains(says, "last attempt failed") {
		t.Errorf("diagnostics say %q", says)
	}
	got = b.step()
	if _, known := got["query_time_avg"]; known {
		t.Errorf("nobody asks, and a query takes %v s", got["query_time_avg"])
	}

	server.start()
	if err := ask(); err != nil {
		t.Errorf("back: %v", err)
	}
	if got := b.step(); got["pool_usage"] != 0 || got["errors"] != 0 {
		t.Errorf("back: %v", got)
	} else if _, known := got["query_time_avg"]; !known {
		t.Errorf("back, and there is no query time: %v", got)
	}
}

func TestBadArguments(t *testing.T) {
	b := newBench(t)
	tracer := newTracer(t, b.Monitor)
	pool := newPool(t, "host=127.0.0.1 port=1", tracer)
	_, none := pgxtime.New(nil)
	_, twice := pgxtime.New(b.Monitor)
	for name, err := range map[string]error{
		"no monitor": none, "twice": twice, "no pool": tracer.Watch(), "a nil pool": tracer.Watch(pool, nil),
	} {
		var field *perfmon.FieldError
		if !errors.As(err, &field) || !strings.HasPrefix(err.Error(), "pgxtime: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := tracer.Watch(pool); err != nil {
		t.Error(err)
	}
	if err := tracer.Watch(pool); err == nil {
		t.Error("pools are watched twice")
	}
}

// BenchmarkQuery is of the tracer alone, and of whole queries over loopback.
func BenchmarkQuery(b *testing.B) {
	m, err := perfmon.New()
	if err != nil {
		b.Fatal(err)
	}
	tracer := newTracer(b, m)
	ctx := context.Background()
	b.Run("nothing", func(b *testing.B) {
		paired.Compare(b, func() {}, func() {
			tracer.TraceQueryEnd(tracer.TraceQueryStart(ctx, nil, pgx.TraceQueryStartData{SQL: "SELECT 1"}), nil, pgx.TraceQueryEndData{})
		})
	})
	server := startPostgres(b)
	call := func(tracer *pgxtime.Tracer) func() {
		pool := newPool(b, server.dsn(), tracer)
		return func() {
			if _, err := pool.Exec(ctx, "SELECT 1"); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("loopback", func(b *testing.B) { paired.Compare(b, call(nil), call(tracer)) })
}
