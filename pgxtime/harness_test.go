package pgxtime_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/pgxtime"
)

// bench is a monitor on a mock clock.
type bench struct {
	*perfmon.Monitor
	t       testing.TB
	clock   *clock.Mock
	samples chan perfmon.Sample
}

func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{t: t, clock: clock.NewMock(), samples: make(chan perfmon.Sample, 1)}
	m, err := perfmon.New(perfmon.WithClock(b.clock), perfmon.WithoutSystemMetrics())
	if err != nil {
		t.Fatal(err)
	}
	b.Monitor = m
	m.Subscribe(func(s perfmon.Sample) { b.samples <- s })
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return b
}

// step returns the figures of the database that the step that ends now has.
func (b *bench) step() map[string]float64 {
	b.clock.Add(b.Step())
	got := map[string]float64{}
	for m, v := range (<-b.samples).All() {
		if name, ok := strings.CutPrefix(m.Name, "database_"); ok && v == v {
			got[name] = v
		}
	}
	return got
}

// says returns the last error of a collector that diagnostics have.
func (b *bench) says(collector string) string {
	for _, c := range b.Diagnostics().Collectors {
		if c.Name == collector {
			return c.LastError
		}
	}
	b.t.Fatalf("diagnostics do not name %q", collector)
	panic("unreachable")
}

func newTracer(t testing.TB, m *perfmon.Monitor) *pgxtime.Tracer {
	t.Helper()
	tracer, err := pgxtime.New(m)
	if err != nil {
		t.Fatal(err)
	}
	return tracer
}

// newPool returns a pool of at most two connections.
func newPool(t testing.TB, dsn string, tracer *pgxtime.Tracer) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(dsn + " pool_max_conns=2")
	if err != nil {
		t.Fatal(err)
	}
	if tracer != nil {
		config.ConnConfig.Tracer = tracer
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// real waits for something that a real server or a goroutine does.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("a minute has passed, and %s", what)
		}
	}
}
