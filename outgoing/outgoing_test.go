package outgoing_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/internal/paired"
	"github.com/backend-prs/perfmon/outgoing"
)

// bench is a monitor on a mock clock.
type bench struct {
	*perfmon.Monitor
	t       testing.TB
	clock   *clock.Mock
	samples chan perfmon.Sample
}

func start(t testing.TB) *bench {
	t.Helper()
	b := &bench{t: t, clock: clock.NewMock(), samples: make(chan perfmon.Sample, 1)}
	m, err := perfmon.New(perfmon.WithClock(b.clock), perfmon.WithoutSystemMetrics(), perfmon.WithInterval(time.Hour), perfmon.WithStep(time.Hour))
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

// step returns the figures of outgoing requests that the step that ends now has.
func (b *bench) step() map[string]float64 {
	b.clock.Add(time.Hour)
	got := map[string]float64{}
	for m, v := range (<-b.samples).All() {
		if strings.HasPrefix(m.Name, "outgoing_") && v == v && (strings.HasSuffix(m.Name, "_avg") || strings.HasSuffix(m.Name, "_rate")) {
			got[m.Name] = v
		}
	}
	return got
}

func newCalls(t testing.TB, m *perfmon.Monitor, opts ...outgoing.Option) *outgoing.Calls {
	t.Helper()
	calls, err := outgoing.New(m, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return calls
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func get(t testing.TB, rt http.RoundTripper, url string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = rt.RoundTrip(r)
}

func TestByHost(t *testing.T) {
	b := start(t)
	calls := newCalls(t, b.Monitor, outgoing.WithMaxHosts(3))
	rt := calls.Transport(roundTripper(func(r *http.Request) (*http.Response, error) {
		switch r.URL.Path {
		case "/fails":
			return nil, errors.New("refused")
		case "/cancelled":
			return nil, fmt.Errorf("transport: %w", context.Canceled)
		case "/503":
			return &http.Response{StatusCode: 503}, nil
		case "/404":
			return &http.Response{StatusCode: 404}, nil
		}
		b.clock.Add(time.Second / 4)
		return &http.Response{StatusCode: 200}, nil
	}))
	if got := b.step(); len(got) > 0 {
		t.Errorf("nobody has called, and there is %v", got)
	}
	for _, url := range []string{
		"http://a.b/", "http://a.b/", "http://a.b/404", "http://a.b/503", "http://a.b/cancelled",
		"http://A-b/", "http://[::1]:80/fails", "http://x/", "http://y/fails",
	} {
		get(t, rt, url)
	}
	want := map[string]float64{
		"outgoing_time_avg": 0.125, "outgoing_error_rate": 37.5,
		"outgoing_a_b_time_avg": 0.125, "outgoing_a_b_error_rate": 25,
		"outgoing_a_b_2_time_avg": 0.25, "outgoing_a_b_2_error_rate": 0,
		"outgoing____1__80_time_avg": 0, "outgoing____1__80_error_rate": 100,
		"outgoing_other_time_avg": 0.125, "outgoing_other_error_rate": 50,
	}
	if diff := cmp.Diff(want, b.step(), near()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if m, ok := b.Metrics().Get("outgoing_a_b_2_time_p95"); !ok || !strings.Contains(m.Help, "A-b") {
		t.Errorf("the help does not name the host: %+v", m)
	}
}

func near() cmp.Option {
	return cmp.Comparer(func(a, b float64) bool { return a-b <= 0.01*max(a, b) && b-a <= 0.01*max(a, b) })
}

// A real server that is up, slow, down and back.
func TestServerThatIsDownAndBack(t *testing.T) {
	b := start(t)
	calls := newCalls(t, b.Monitor)
	client := &http.Client{Transport: calls.Transport(&http.Transport{DisableKeepAlives: true})}
	slow := make(chan func(), 1)
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		select {
		case f := <-slow:
			f()
		default:
		}
		_, _ = io.WriteString(w, "hello")
	})
	server := httptest.NewServer(handler)
	address, url := server.Listener.Addr().String(), server.URL
	prefix := "outgoing_127_0_0_1_" + address[strings.LastIndexByte(address, ':')+1:]
	call := func() (string, error) {
		answer, err := client.Get(url)
		if err != nil {
			return "", err
		}
		body, err := io.ReadAll(answer.Body)
		return string(body), errors.Join(err, answer.Body.Close())
	}
	check := func(name string, want map[string]float64) {
		t.Helper()
		got := b.step()
		for _, suffix := range []string{"_time_avg", "_error_rate"} {
			w, known := want[suffix]
			if v, ok := got[prefix+suffix]; ok != known || v-w > 0.01*w || w-v > 0.01*w {
				t.Errorf("%s: %s is %v, %v, want %v, %v", name, suffix, v, ok, w, known)
			}
		}
	}
	if body, err := call(); body != "hello" || err != nil {
		t.Errorf("%q, %v", body, err)
	}
	check("up", map[string]float64{"_time_avg": 0, "_error_rate": 0})
	slow <- func() { b.clock.Add(3 * time.Second) }
	if _, err := call(); err != nil {
		t.Error(err)
	}
	check("slow", map[string]float64{"_time_avg": 3, "_error_rate": 0})
	check("not called", map[string]float64{})
	server.Close()
	if _, err := call(); err == nil {
		t.Error("a server that is down answers")
	}
	check("down", map[string]float64{"_time_avg": 0, "_error_rate": 100})
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	again := &httptest.Server{Listener: listener, Config: &http.Server{Handler: handler}}
	again.Start()
	defer again.Close()
	if body, err := call(); body != "hello" || err != nil {
		t.Errorf("back: %q, %v", body, err)
	}
	check("back", map[string]float64{"_time_avg": 0, "_error_rate": 0})
}

// Bodies, upgraded connections, traces and contexts are as without the transport.
func TestNothingElseChanges(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			_, _ = io.Copy(w, r.Body)
			return
		}
		conn, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		_ = rw.Flush()
		line, _ := rw.ReadString('\n')
		_, _ = rw.WriteString(line)
		_ = rw.Flush()
	}))
	defer server.Close()
	b := start(t)
	base := &http.Transport{}
	client := &http.Client{Transport: newCalls(t, b.Monitor).Transport(base)}
	defer client.CloseIdleConnections()

	traced := false
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotFirstResponseByte: func() { traced = true }})
	r, err := http.NewRequestWithContext(ctx, "POST", server.URL, strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if string(body) != "body" || err != nil || !traced || answer.Request.Context() != ctx {
		t.Errorf("the body is %q, %v; traced: %v", body, err, traced)
	}

	r, err = http.NewRequestWithContext(t.Context(), "GET", server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "echo")
	answer, err = client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	rw, ok := answer.Body.(io.ReadWriteCloser)
	if !ok {
		t.Fatal("the body of an upgraded connection cannot be written to")
	}
	_, _ = io.WriteString(rw, "ping\n")
	if line, err := bufio.NewReader(rw).ReadString('\n'); line != "ping\n" {
		t.Errorf("the upgraded connection says %q, %v", line, err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, _ = http.NewRequestWithContext(ctx, "GET", server.URL, nil)
	if _, err := client.Do(r); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled request: %v", err)
	}
	if got := b.step()["outgoing_error_rate"]; got != 0 {
		t.Errorf("what the caller cancelled is an error: %v %%", got)
	}
}

// A panic of the transport below reaches the caller, and has failed.
func TestPanicPasses(t *testing.T) {
	b := start(t)
	rt := newCalls(t, b.Monitor).Transport(roundTripper(func(*http.Request) (*http.Response, error) { panic("its own") }))
	func() {
		defer func() {
			if p := recover(); p != "its own" {
				t.Errorf("recovered %v", p)
			}
		}()
		get(t, rt, "http://x/")
	}()
	if got := b.step(); got["outgoing_x_error_rate"] != 100 {
		t.Errorf("%v", got)
	}
}

// New hosts come in from many goroutines, and no host costs more than the limit.
func TestManyHostsAtOnce(t *testing.T) {
	b := start(t)
	before := len(b.Metrics().All())
	rt := newCalls(t, b.Monitor, outgoing.WithMaxHosts(7)).Transport(roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200}, nil
	}))
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 100 {
				get(t, rt, fmt.Sprintf("http://h%d.example/", (g+i)%50))
			}
		})
	}
	all.Wait()
	if got, want := len(b.Metrics().All())-before, 5*(1+7+1); got != want {
		t.Errorf("%d metrics for 50 hosts, want %d: all, 7 and the others", got, want)
	}
	for _, total := range b.Metrics().Totals() {
		if total.Metric == "outgoing_time" && total.Count != 800 {
			t.Errorf("%d of 800 requests were counted", total.Count)
		}
	}
}

func TestBadArguments(t *testing.T) {
	b := start(t)
	newCalls(t, b.Monitor)
	for name, f := range map[string]func() (*outgoing.Calls, error){
		"no monitor":     func() (*outgoing.Calls, error) { return outgoing.New(nil) },
		"twice":          func() (*outgoing.Calls, error) { return outgoing.New(b.Monitor) },
		"too many hosts": func() (*outgoing.Calls, error) { return outgoing.New(start(t).Monitor, outgoing.WithMaxHosts(51)) },
	} {
		var field *perfmon.FieldError
		if _, err := f(); !errors.As(err, &field) || !strings.HasPrefix(err.Error(), "outgoing: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// BenchmarkRoundTrip is around a transport that does nothing, and around one to a server.
func BenchmarkRoundTrip(b *testing.B) {
	m, err := perfmon.New()
	if err != nil {
		b.Fatal(err)
	}
	answer := &http.Response{StatusCode: 200, Body: http.NoBody}
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	calls := newCalls(b, m)
	for _, c := range []struct {
		name string
		rt   http.RoundTripper
	}{{"nothing", roundTripper(func(*http.Request) (*http.Response, error) { return answer, nil })}, {"loopback", http.DefaultTransport}} {
		b.Run(c.name, func(b *testing.B) {
			r, err := http.NewRequest("GET", server.URL, nil)
			if err != nil {
				b.Fatal(err)
			}
			call := func(rt http.RoundTripper) func() {
				return func() {
					a, err := rt.RoundTrip(r)
					if err != nil {
						b.Fatal(err)
					}
					_ = a.Body.Close()
				}
			}
			paired.Compare(b, call(c.rt), call(calls.Transport(c.rt)))
		})
	}
}
