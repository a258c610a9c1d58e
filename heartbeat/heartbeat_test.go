package heartbeat_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/heartbeat"
)

// receiver is a dead-man's switch.
type receiver struct {
	*httptest.Server
	got  chan string // path and query of each ping
	code atomic.Int64
}

func receive(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{got: make(chan string, 100)}
	r.code.Store(http.StatusOK)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		code := int(r.code.Load())
		if code == http.StatusFound {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(code)
		r.got <- req.URL.String()
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) next(t *testing.T) string {
	t.Helper()
	select {
	case ping := <-r.got:
		return ping
	case <-time.After(20 * time.Second):
		t.Fatal("no ping came")
		panic("unreachable")
	}
}

// service is a monitored service on a mock clock.
func service(t *testing.T, address string, every time.Duration, options ...perfmon.Option) (*perfmon.Monitor, *clock.Mock, chan perfmon.Sample) {
	t.Helper()
	clk := clock.NewMock()
	samples := make(chan perfmon.Sample, 100)
	m, err := perfmon.New(append([]perfmon.Option{perfmon.WithoutSystemMetrics(), perfmon.WithClock(clk), heartbeat.WithHeartbeat(address, every)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	m.Subscribe(func(s perfmon.Sample) { samples <- s })
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m, clk, samples
}

func expect(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("pinged %s, want %s", got, want)
	}
}

// The start is told, then that all is well, then that health is critical, then that it is
// over.
func TestHealthchecks(t *testing.T) {
	r := receive(t)
	m, clk, samples := service(t, r.URL+"/uuid?create=1", 10*time.Second, perfmon.WithAlertCooldown(0))
	beat := func() string {
		clk.Add(10 * time.Second)
		<-samples
		return r.next(t)
	}
	expect(t, r.next(t), "/uuid/start?create=1")
	expect(t, beat(), "/uuid?create=1")
	a, err := m.Alerts().Raise(perfmon.HostAlert{Metric: "own", Severity: perfmon.Critical, Message: "down"})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, beat(), "/uuid/fail?create=1")
	if _, err := m.Alerts().Resolve(a.ID, "ann"); err != nil {
		t.Fatal(err)
	}
	expect(t, beat(), "/uuid?create=1")
}

func TestUptimeKuma(t *testing.T) {
	r := receive(t)
	m, clk, samples := service(t, r.URL+"/api/push/key?status=up&msg=OK&ping=", 10*time.Second)
	if ping := r.next(t); !strings.HasPrefix(ping, "/api/push/key?msg=") || !strings.HasSuffix(ping, "&status=up") {
		t.Errorf("pinged %s", ping)
	}
	m.NewRecorder().Record(20*time.Millisecond, &perfmon.Response{Method: "GET", Pattern: "/", Status: 200})
	clk.Add(10 * time.Second)
	<-samples
	r.next(t) // may have come before the sample
	if _, err := m.Alerts().Raise(perfmon.HostAlert{Metric: "own", Severity: perfmon.Critical, Message: "the cellar is full"}); err != nil {
		t.Fatal(err)
	}
	m.NewRecorder().Record(20*time.Millisecond, &perfmon.Response{Method: "GET", Pattern: "/", Status: 200})
	clk.Add(10 * time.Second)
	<-samples
	if ping := r.next(t); !strings.HasPrefix(ping, "/api/push/key?msg=the+cellar+is+full&ping=") || !strings.HasSuffix(ping, "&status=down") {
		t.Errorf("pinged %s", ping)
	}
}

// A ping that fails is tried three times, and the next one comes when it is due.
func TestTriesAgain(t *testing.T) {
	for _, code := range []int{http.StatusInternalServerError, http.StatusFound, http.StatusNotFound} {
		t.Run(http.StatusText(code), func(t *testing.T) {
			r := receive(t)
			r.code.Store(int64(code))
			var log lines
			_, clk, _ := service(t, r.URL+"/secret", time.Minute, perfmon.WithLogger(slog.New(slog.NewTextHandler(&log, nil))), perfmon.WithStep(time.Minute))
			expect(t, r.next(t), "/secret/start")
			for range 2 {
				until(t, clk, r, "/secret/start")
			}
			r.code.Store(http.StatusOK)
			until(t, clk, r, "/secret")
			log.await(t, "heartbeat", "works again")
			if text := log.String(); strings.Count(text, "heartbeat fails")+strings.Count(text, "monitor fails") != 1 || strings.Contains(text, "secret") {
				t.Errorf("the log is\n%s", text)
			}
		})
	}
}

// until lets time pass, a second at a time, until a ping comes.
func until(t *testing.T, clk *clock.Mock, r *receiver, want string) {
	t.Helper()
	for range 500 {
		select {
		case ping := <-r.got:
			expect(t, ping, want)
			return
		default:
			clk.Add(time.Second)
		}
	}
	expect(t, r.next(t), want)
}

// lines is a log that one can wait for.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *lines) await(t *testing.T, parts ...string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		missing := false
		for _, part := range parts {
			missing = missing || !strings.Contains(l.String(), part)
		}
		if !missing {
			return
		}
	}
	t.Errorf("the log lacks %q:\n%s", parts, l)
}

func TestRefused(t *testing.T) {
	for _, test := range []struct {
		address string
		every   time.Duration
		want    string
	}{
		{"", time.Minute, `heartbeat: URL: "" is not valid: want an absolute http or https URL`},
		{"hc-ping.com/x", time.Minute, "an absolute http or https URL"},
		{"ftp://hc-ping.com/x", time.Minute, "an absolute http or https URL"},
		{"https://hc-ping.com/x", time.Millisecond, "Every: 1ms is not valid: want 1s to 24h0m0s"},
	} {
		if _, err := perfmon.New(heartbeat.WithHeartbeat(test.address, test.every)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s every %v: %v, want %q", test.address, test.every, err, test.want)
		}
	}
}

// childOf is the environment variable that makes the test binary a service.
const childOf = "PERFMON_HEARTBEAT_CHILD"

func TestMain(m *testing.M) {
	if address := os.Getenv(childOf); address != "" {
		m, err := perfmon.New(perfmon.WithoutSystemMetrics(), heartbeat.WithHeartbeat(address, heartbeat.MinEvery))
		if err == nil {
			err = m.Start(context.Background())
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		select {}
	}
	os.Exit(m.Run())
}

// A service that is killed is seen to be down within the grace of its switch.
func TestKilledServiceGoesDown(t *testing.T) {
	const period, grace = heartbeat.MinEvery, 3 * time.Second
	r := receive(t)
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childOf+"="+r.URL+"/uuid")
	child.Stderr = os.Stderr
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = child.Process.Kill() })
	expect(t, r.next(t), "/uuid/start")
	for range 2 {
		expect(t, r.next(t), "/uuid")
	}
	if err := child.Process.Kill(); err != nil { // SIGKILL
		t.Fatal(err)
	}
	_ = child.Wait()
	for len(r.got) > 0 {
		<-r.got // sent before it died
	}
	// The switch: down when no ping comes within period and grace.
	select {
	case ping := <-r.got:
		t.Errorf("a killed service pinged %s", ping)
	case <-time.After(period + grace):
	}
}
