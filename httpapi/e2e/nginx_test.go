package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/backend-prs/perfmon/httpapi"
)

// nginx is one that runs in the foreground, with its own defaults but for what keeps it in
// its directory.
type nginx struct {
	t    *testing.T
	dir  string
	addr string
	cmd  *exec.Cmd
}

const nginxConfig = `
daemon off;
master_process off;
pid DIR/nginx.pid;
error_log stderr;
events {}
http {
	access_log off;
	client_body_temp_path DIR/body;
	proxy_temp_path DIR/proxy;
	fastcgi_temp_path DIR/fastcgi;
	uwsgi_temp_path DIR/uwsgi;
	scgi_temp_path DIR/scgi;
	server {
		listen ADDR;
LOCATIONS
	}
}
`

// startNginx starts one with locations.
func startNginx(t *testing.T, locations string) *nginx {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &nginx{t: t, dir: t.TempDir(), addr: l.Addr().String()}
	if err := l.Close(); err != nil { // nginx takes the port
		t.Fatal(err)
	}
	config := strings.NewReplacer("DIR", n.dir, "ADDR", n.addr, "LOCATIONS", locations).Replace(nginxConfig)
	if err := os.WriteFile(filepath.Join(n.dir, "nginx.conf"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	n.start()
	t.Cleanup(n.stop)
	return n
}

func (n *nginx) start() {
	n.t.Helper()
	n.cmd = exec.Command(program(n.t, "nginx", "nginx-light"), "-p", n.dir, "-e", "stderr", "-c", filepath.Join(n.dir, "nginx.conf"))
	n.cmd.Stderr = os.Stderr
	if err := n.cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	for range 600 { // until it listens
		if c, err := net.Dial("tcp", n.addr); err == nil {
			_ = c.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	n.t.Fatal("nginx does not listen")
}

// stop kills it, with the connections it has.
func (n *nginx) stop() {
	_ = n.cmd.Process.Kill()
	_ = n.cmd.Wait()
}

// location passes what is under a path to a server. A path behind the server takes the
// place of the location's.
func location(path string, to *httptest.Server, behind, more string) string {
	return fmt.Sprintf("location %s { proxy_pass %s%s; %s }\n", path, to.URL, behind, more)
}

// event is one of a stream.
type event struct{ name, data string }

func (e event) number(t *testing.T) uint64 {
	t.Helper()
	var body struct{ Number uint64 }
	if err := json.Unmarshal([]byte(e.data), &body); err != nil || body.Number == 0 {
		t.Fatalf("%v is no alert event: %v", e, err)
	}
	return body.Number
}

// eventStream is a stream that goes on.
type eventStream struct {
	t      *testing.T
	resp   *http.Response
	events chan event
	beats  chan struct{}
	ended  chan struct{}
	cancel context.CancelFunc
	id     string // read it after ended
}

// open opens a stream through the proxy.
func (n *nginx) open(prefix, resume string) *eventStream {
	n.t.Helper()
	ctx, cancel := context.WithCancel(n.t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", "http://"+n.addr+prefix+"realtime/", nil)
	if err != nil {
		n.t.Fatal(err)
	}
	r.Header.Set("As", "root")
	if resume != "" {
		r.Header.Set("Last-Event-ID", resume)
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		n.t.Fatal(err)
	}
	if h := resp.Header; resp.StatusCode != 200 || h.Get("Content-Type") != "text/event-stream" || h.Get("Server") == "" {
		n.t.Fatalf("%s %v", resp.Status, h)
	}
	s := &eventStream{n.t, resp, make(chan event, 10_000), make(chan struct{}, 1000), make(chan struct{}), cancel, resume}
	n.t.Cleanup(s.close)
	go func() {
		defer close(s.ended)
		name := ""
		for in := bufio.NewScanner(resp.Body); in.Scan(); {
			field, value, _ := strings.Cut(in.Text(), ": ")
			switch {
			case field == "event":
				name = value
			case field == "id":
				s.id = value
			case field == "data":
				s.events <- event{name, value}
			case field == ":":
				s.beats <- struct{}{}
			}
		}
	}()
	return s
}

func (s *eventStream) close() {
	s.cancel()
	_ = s.resp.Body.Close()
	<-s.ended
}

func (s *eventStream) next(name string) event {
	s.t.Helper()
	for {
		if e := receive(s.t, s.events); e.name == name {
			return e
		}
	}
}

// counting is a handler that knows how many requests it is at.
type counting struct {
	http.Handler
	n atomic.Int32
}

func (c *counting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.n.Add(1)
	defer c.n.Add(-1)
	c.Handler.ServeHTTP(w, r)
}

func (c *counting) wait(t *testing.T, n int32) {
	t.Helper()
	for range 600 {
		if c.n.Load() == n {
			return
		}
		time.Sleep(50 * time.Millisecond) // the proxy tells nobody when it hangs up
	}
	t.Fatalf("%d requests are being handled, want %d", c.n.Load(), n)
}

// mounts are ways to put the API behind a proxy: where it is for clients, and how the
// service mounts it.
var mounts = map[string]struct {
	prefix, behind string
	opts           []httpapi.Option
}{
	"as it is":       {httpapi.DefaultPrefix, "", nil},
	"another prefix": {"/ops/shop/", "/internal/perf/", []httpapi.Option{httpapi.WithPrefix("/internal/perf/")}},
	"no prefix left": {"/ops/shop/", "/", []httpapi.Option{httpapi.WithPrefix("/")}},
}

// Behind a proxy that buffers, as nginx does by default, each event comes when it
// happens, and a client that leaves leaves nothing behind.
func TestStreamBehindNginx(t *testing.T) {
	for name, mount := range mounts {
		t.Run(name, func(t *testing.T) {
			s := serve(t)
			h := &counting{Handler: s.api(mount.opts...)}
			server := httptest.NewServer(h)
			t.Cleanup(server.Close)
			n := startNginx(t, location(mount.prefix, server, mount.behind, ""))
			s.step()
			c := n.open(mount.prefix, "")
			c.next("metrics")
			for i := range 20 {
				number := s.raise(fmt.Sprint(i))
				if got := c.next("alert").number(t); got != number {
					t.Fatalf("event %d comes where %d is due", got, number)
				}
				if i < 5 {
					s.clock.Add(time.Second)
					c.next("live")
				}
			}
			c.close()
			h.wait(t, 0)
		})
	}
}

// The heartbeats keep a stream open for which nothing happens longer than the proxy waits
// for its server.
func TestHeartbeatsKeepAStreamBehindNginx(t *testing.T) {
	s := serve(t)
	server := httptest.NewServer(s.api())
	t.Cleanup(server.Close)
	const wait = 2 * time.Second
	n := startNginx(t, location(httpapi.DefaultPrefix, server, "", fmt.Sprintf("proxy_read_timeout %v;", wait)))

	if _, err := s.Config().Update(settingsUpdate(false), "test"); err != nil { // no samples
		t.Fatal(err)
	}
	c := n.open(httpapi.DefaultPrefix, "")
	began := time.Now()
	for time.Since(began) < 3*wait {
		s.clock.Add(15 * time.Second)
		receive(t, c.beats)
		time.Sleep(wait / 8) // real time passes: it is what is tested
	}
	number := s.raise("x")
	if got := c.next("alert").number(t); got != number {
		t.Errorf("event %d comes where %d is due", got, number)
	}
}

// When the proxy restarts, a client resumes without a missed or doubled event.
func TestStreamResumesWhenNginxRestarts(t *testing.T) {
	s := serve(t)
	server := httptest.NewServer(s.api())
	t.Cleanup(server.Close)
	n := startNginx(t, location(httpapi.DefaultPrefix, server, "", ""))
	id := ""
	var want, got []uint64
	for round := range 4 {
		c := n.open(httpapi.DefaultPrefix, id)
		for i := range 5 {
			want = append(want, s.raise(fmt.Sprint(round, i)))
		}
		for len(got) < len(want) {
			got = append(got, c.next("alert").number(t))
		}
		n.stop()
		<-c.ended
		id = c.id
		for i := range 5 {
			want = append(want, s.raise(fmt.Sprint(round, "away", i)))
		}
		n.start()
	}
	c := n.open(httpapi.DefaultPrefix, id)
	for len(got) < len(want) {
		got = append(got, c.next("alert").number(t))
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Calls that change something pass the proxy: a page of the same origin may make them, of
// another may not. A browser that does not say which it is is told by its host, so the
// proxy has to pass that on.
func TestChangesBehindNginx(t *testing.T) {
	s := serve(t)
	server := httptest.NewServer(s.api())
	t.Cleanup(server.Close)
	n := startNginx(t, location(httpapi.DefaultPrefix, server, "", "")+
		location("/host/", server, httpapi.DefaultPrefix, "proxy_set_header Host $http_host;"))
	for name, test := range map[string]struct {
		prefix, header, value string
		want                  int
	}{
		"no browser":                        {httpapi.DefaultPrefix, "", "", 201},
		"same origin":                       {httpapi.DefaultPrefix, "Sec-Fetch-Site", "same-origin", 201},
		"another site":                      {httpapi.DefaultPrefix, "Sec-Fetch-Site", "cross-site", 403},
		"an origin, the host passed on":     {"/host/", "Origin", "http://" + n.addr, 201},
		"an origin, the host not passed on": {httpapi.DefaultPrefix, "Origin", "http://" + n.addr, 403},
		"another origin":                    {"/host/", "Origin", "http://example.com", 403},
	} {
		r, err := http.NewRequest("POST", "http://"+n.addr+test.prefix+"events/", strings.NewReader(`{"kind":"note","title":"t"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("As", "root")
		r.Header.Set("Content-Type", "application/json")
		if test.header != "" {
			r.Header.Set(test.header, test.value)
		}
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != test.want || resp.StatusCode == 403 && !bytes.Contains(body, []byte("origin")) {
			t.Errorf("%s: %s, want %d: %s", name, resp.Status, test.want, body)
		}
	}
}
