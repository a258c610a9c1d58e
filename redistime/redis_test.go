package redistime_test

import (
	"context"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/redis/go-redis/v9"

	"github.com/backend-prs/perfmon"
)

// server is a redis-server of a test's own.
type server struct {
	t       testing.TB
	address string
	process *exec.Cmd
}

// startRedis starts a server. It has to be installed.
func startRedis(t testing.TB) *server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Fatal("this test needs Redis: apt-get install redis-server")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, address: listener.Addr().String()}
	_ = listener.Close()
	t.Cleanup(s.stop)
	s.start()
	return s
}

// start starts the server and waits until it answers.
func (s *server) start() {
	s.t.Helper()
	_, port, _ := net.SplitHostPort(s.address)
	s.process = exec.Command("redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", s.t.TempDir())
	var log strings.Builder
	s.process.Stdout = &log
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	client := redis.NewClient(&redis.Options{Addr: s.address})
	defer func() { _ = client.Close() }()
	eventually(s.t, "Redis does not answer", func() bool { return client.Ping(context.Background()).Err() == nil })
}

func (s *server) stop() {
	if s.process == nil {
		return
	}
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
	s.process = nil
}

// freeze lets the server hang, and thaw go on.
func (s *server) freeze() { _ = s.process.Process.Signal(syscall.SIGSTOP) }
func (s *server) thaw()   { _ = s.process.Process.Signal(syscall.SIGCONT) }

// eventually waits for something that a real server or a goroutine does.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("a minute has passed, and %s", what)
		}
	}
}

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

// step returns the figures of Redis that the step that ends now has.
func (b *bench) step() map[string]float64 {
	b.clock.Add(b.Step())
	got := map[string]float64{}
	for m, v := range (<-b.samples).All() {
		if name, ok := strings.CutPrefix(m.Name, "redis_"); ok && v == v {
			got[name] = v
		}
		if m.Name == perfmon.CacheHitRate && v == v {
			got[m.Name] = v
		}
	}
	return got
}

// says returns the last error of the collector that diagnostics have.
func (b *bench) says() string {
	for _, c := range b.Diagnostics().Collectors {
		if c.Name == "redis" {
			return c.LastError
		}
	}
	b.t.Fatal("diagnostics do not name the collector")
	panic("unreachable")
}

// newClient returns a client of at most two connections that tries nothing twice.
func newClient(t testing.TB, s *server) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{
		Addr: s.address, PoolSize: 2, MaxRetries: -1, DialerRetries: 1,
		DialTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second, ContextTimeoutEnabled: true,
	})
	t.Cleanup(func() { _ = client.Close() })
	return client
}
