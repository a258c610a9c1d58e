package httpapi_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/httpapi"
)

// A client that does not read is cut off; another one gets everything.
func TestSlowReaderIsCutAlone(t *testing.T) {
	for protocol, listen := range protocols {
		t.Run(protocol, func(t *testing.T) {
			m, _, api := still(t)
			h := count(api)
			server := listen(t, h)
			r, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+httpapi.DefaultPrefix+"realtime/", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("As", "acme")
			slow, err := server.Client().Do(r) // and nobody reads its body
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = slow.Body.Close() }()
			c := realtime(t, server, "root", "")
			large := map[string]any{"x": strings.Repeat("x", 15_000)}
			for i := range 2500 {
				number := raiseAt(t, m, perfmon.Scope{Endpoint: fmt.Sprint(i)}, large)
				if got := c.next("alert").number(t); got != number {
					t.Fatalf("event %d comes where %d is due", got, number)
				}
			}
			h.wait(1)
		})
	}
}

// pipes is a listener of connections in memory.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// piped is a stream over a connection in memory, in a bubble of synctest.
type piped struct {
	*perfmon.Monitor
	api   *httpapi.API
	conn  net.Conn
	ended atomic.Bool // the handler has returned
}

// openPipe opens a stream at a server that allows 5 s for everything. At the end of the
// test, synctest finds goroutines that are left.
func openPipe(t *testing.T) *piped {
	t.Helper()
	m, err := perfmon.New(perfmon.WithoutSystemMetrics())
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	api, err := httpapi.New(m, httpapi.WithAuthorizer(authorize))
	if err != nil {
		t.Fatal(err)
	}
	p := &piped{Monitor: m, api: api}
	server := &http.Server{ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer p.ended.Store(true)
		api.ServeHTTP(w, r)
	})}
	listener := make(pipes, 1)
	var theirs net.Conn
	p.conn, theirs = net.Pipe()
	listener <- theirs
	go func() { _ = server.Serve(listener) }()
	go func() {
		_, _ = fmt.Fprintf(p.conn, "GET %srealtime/ HTTP/1.1\r\nHost: x\r\nAs: root\r\n\r\n", httpapi.DefaultPrefix)
	}()
	t.Cleanup(func() {
		_ = p.conn.Close()
		close(listener)
		_ = server.Close()
		_ = m.Close()
	})
	return p
}

// A stream outlives the limits of its server, and is never silent for long.
func TestStreamOutlivesTheLimitsOfTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := openPipe(t)
		lines := make(chan string, 10_000)
		go func() {
			for in := bufio.NewScanner(p.conn); in.Scan(); {
				lines <- in.Text()
			}
			close(lines)
		}()
		time.Sleep(10*time.Minute + time.Second)
		synctest.Wait()
		if p.ended.Load() {
			t.Fatal("the stream has ended")
		}
		_ = p.api.Close()
		synctest.Wait()
		samples, live, beats := 0, 0, 0
		var last string
		for line := range lines {
			last = line
			switch line {
			case "event: metrics":
				samples++
			case "event: live":
				live++
			case ":":
				beats++
			}
			if last == "0" { // the last chunk
				break
			}
		}
		if samples != 60 || live != 601 || beats != 40 || last != "0" {
			t.Errorf("%d samples, %d live ones and %d heartbeats in 10 min, and at the end %q", samples, live, beats, last)
		}
	})
}

// A write that the client does not take ends the stream after 10 s, or with the API at
// once.
func TestStuckWrite(t *testing.T) {
	for name, closes := range map[string]bool{"left alone": false, "closed": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := openPipe(t)
				synctest.Wait() // until it writes the header, which nobody reads
				time.Sleep(9 * time.Second)
				synctest.Wait()
				if p.ended.Load() {
					t.Fatal("it has ended after 9 s")
				}
				if closes {
					_ = p.api.Close()
				} else {
					time.Sleep(2 * time.Second)
				}
				synctest.Wait()
				if !p.ended.Load() {
					t.Error("it goes on")
				}
			})
		})
	}
}

// The server's limits do not end a stream over HTTP/2 either.
func TestStreamOutlivesTheLimitsOverHTTP2(t *testing.T) {
	m, _, api := still(t)
	const limit = 300 * time.Millisecond
	server := listen(t, api, true, func(s *http.Server) { s.WriteTimeout, s.ReadTimeout = limit, limit })
	c := realtime(t, server, "root", "")
	began := time.Now()
	for i := 0; time.Since(began) < 3*limit; i++ {
		number := raiseAt(t, m, perfmon.Scope{Endpoint: fmt.Sprint(i)}, nil)
		if got := c.next("alert").number(t); got != number {
			t.Fatalf("event %d comes where %d is due", got, number)
		}
		time.Sleep(limit / 3) // real time passes: it is what is tested
	}
}

// Streams end with the API and with the monitor, and new ones are refused.
func TestStreamsEnd(t *testing.T) {
	for protocol, listen := range protocols {
		for name, end := range map[string]func(*perfmon.Monitor, *httpapi.API) error{
			"API":     func(_ *perfmon.Monitor, api *httpapi.API) error { return api.Close() },
			"monitor": func(m *perfmon.Monitor, _ *httpapi.API) error { return m.Close() },
		} {
			t.Run(protocol+", "+name, func(t *testing.T) {
				m, _, api := still(t)
				h := count(api)
				server := listen(t, h)
				var all []*client
				for _, as := range []string{"root", "acme", "globex"} {
					all = append(all, realtime(t, server, as, ""))
				}
				if err := end(m, api); err != nil {
					t.Fatal(err)
				}
				for _, c := range all {
					c.waitEnd()
				}
				h.wait(0)
				if list := m.Diagnostics().Subscribers; len(list) != 0 {
					t.Errorf("still subscribed: %v", list)
				}
				if c := realtime(t, server, "root", ""); c.resp.StatusCode != 503 {
					t.Errorf("a new one gets %d", c.resp.StatusCode)
				}
			})
		}
	}
}

// A client that goes away leaves nothing behind.
func TestClientGoesAway(t *testing.T) {
	for protocol, listen := range protocols {
		t.Run(protocol, func(t *testing.T) {
			m, _, api := still(t)
			h := count(api)
			c := realtime(t, listen(t, h), "root", "")
			raiseAt(t, m, perfmon.Scope{}, nil)
			c.next("alert")
			c.close()
			h.wait(0)
			if list := m.Diagnostics().Subscribers; len(list) != 0 {
				t.Errorf("still subscribed: %v", list)
			}
		})
	}
}

// A stream ends when the authorizer no longer admits it, whatever that does.
func TestRevocation(t *testing.T) {
	for name, test := range map[string]struct {
		then  func(*http.Request) (httpapi.Principal, error)
		beats int // after which the stream ends; 0: it does not
	}{
		"refused": {func(*http.Request) (httpapi.Principal, error) { return httpapi.Principal{}, httpapi.ErrUnauthenticated }, 2},
		"fewer rights": {func(*http.Request) (httpapi.Principal, error) {
			return httpapi.Principal{Name: "root", Organization: "acme"}, nil
		}, 2},
		"panic":  {func(*http.Request) (httpapi.Principal, error) { panic("boo") }, 2},
		"Goexit": {func(*http.Request) (httpapi.Principal, error) { runtime.Goexit(); panic("unreachable") }, 2},
		"hangs": {func(r *http.Request) (httpapi.Principal, error) {
			<-r.Context().Done()
			return httpapi.Principal{}, r.Context().Err()
		}, 4},
		"admitted": {authorize, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			m, mock, api := still(t, httpapi.WithAuthorizer(func(r *http.Request) (httpapi.Principal, error) {
				if calls.Add(1) == 1 {
					return authorize(r)
				}
				if r.Header.Get("As") != "root" {
					t.Error("it is asked about another request")
				}
				return test.then(r)
			}))
			c := realtime(t, listen(t, api, false, nil), "root", "")
			if line := receive(t, c.other); line != "retry: 3000" {
				t.Fatal(line)
			}
			beats := test.beats
			if beats == 0 {
				beats = 8
			}
			for range beats {
				select {
				case <-c.ended:
					t.Fatal("it ended too early")
				default:
				}
				mock.Add(15 * time.Second)
				if line := receive(t, c.other); line != ":" {
					t.Fatalf("the heartbeat is %q", line)
				}
			}
			if test.beats > 0 {
				c.waitEnd()
				return
			}
			raiseAt(t, m, perfmon.Scope{}, nil)
			c.next("alert")
		})
	}
}

// Where nothing can be flushed, the client is told so and no stream is counted.
func TestStreamInATimeoutHandler(t *testing.T) {
	_, _, api := still(t)
	server := listen(t, http.TimeoutHandler(api, time.Minute, "too late"), false, nil)
	for range 8 {
		c := realtime(t, server, "root", "")
		if c.resp.StatusCode != 501 || c.resp.Header.Get("Content-Type") != "application/problem+json" || c.resp.Header.Get("X-Accel-Buffering") != "" {
			t.Errorf("%d %v", c.resp.StatusCode, c.resp.Header)
		}
	}
}

// tooMany checks a 429.
func tooMany(t *testing.T, c *client, retry string) {
	t.Helper()
	if h := c.resp.Header; c.resp.StatusCode != 429 || h.Get("Retry-After") != retry || h.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d %v, want a 429 with Retry-After: %s", c.resp.StatusCode, h, retry)
	}
}

// A principal has four streams at most, and others are not concerned.
func TestStreamsOfAPrincipal(t *testing.T) {
	_, _, api := still(t)
	h := count(api)
	server := listen(t, h, false, nil)
	var open []*client
	for range 4 {
		open = append(open, realtime(t, server, "acme", ""))
	}
	tooMany(t, realtime(t, server, "acme", ""), "10")
	if c := realtime(t, server, "globex", ""); c.resp.StatusCode != 200 {
		t.Errorf("another principal gets %d", c.resp.StatusCode)
	}
	open[0].close()
	h.wait(4)
	if c := realtime(t, server, "acme", ""); c.resp.StatusCode != 200 {
		t.Errorf("in place of one that ended: %d", c.resp.StatusCode)
	}
}

// All who sign in with the bearer token are one principal: each session has four streams of
// its own, and so have all together that send the token itself.
func TestStreamsOfASession(t *testing.T) {
	_, _, api := still(t, httpapi.WithBearerToken(token))
	sessions := map[string]http.Header{"Anna": signIn(t, api), "Ben": signIn(t, api), "a program": {"Authorization": {"Bearer " + token}}}
	server := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, values := range sessions[r.Header.Get("As")] {
			r.Header[name] = values
		}
		api.ServeHTTP(w, r)
	}), false, nil)
	for as := range sessions {
		for i := range 4 {
			if c := realtime(t, server, as, ""); c.resp.StatusCode != 200 {
				t.Fatalf("stream %d of %s: %d", i, as, c.resp.StatusCode)
			}
		}
	}
	for as := range sessions {
		tooMany(t, realtime(t, server, as, ""), "10")
	}
}

// A principal opens ten streams at once, and then one each second.
func TestStreamsOpenedTooOften(t *testing.T) {
	_, mock, api := still(t)
	h := count(api)
	server := listen(t, h, false, nil)
	open := func() *client {
		c := realtime(t, server, "acme", "")
		c.cancel()
		h.wait(0)
		return c
	}
	for range 10 {
		if c := open(); c.resp.StatusCode != 200 {
			t.Fatal(c.resp.StatusCode)
		}
	}
	tooMany(t, open(), "1")
	mock.Add(time.Second)
	if c := open(); c.resp.StatusCode != 200 {
		t.Errorf("after a second: %d", c.resp.StatusCode)
	}
	tooMany(t, open(), "1")
}

// There are 256 streams at most, and other calls go on.
func TestStreamsInAll(t *testing.T) {
	_, mock, api := still(t)
	server := listen(t, api, false, nil)
	for i := range 256 {
		if c := realtime(t, server, fmt.Sprint("o", i/4), ""); c.resp.StatusCode != 200 {
			t.Fatalf("stream %d: %d", i, c.resp.StatusCode)
		}
	}
	mock.Add(time.Minute)
	tooMany(t, realtime(t, server, "root", ""), "10")
	for _, path := range []string{"livez/", "alerts/"} {
		r := httptest.NewRequest("GET", httpapi.DefaultPrefix+path, nil)
		r.Header.Set("As", "root")
		w := httptest.NewRecorder()
		if api.ServeHTTP(w, r); w.Code != 200 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

// meanwhile is a client that takes the line that says where its stream stands so slowly that
// something happens.
type meanwhile struct {
	*httptest.ResponseRecorder
	happens func()
}

func (m *meanwhile) Write(p []byte) (int, error) {
	if strings.HasPrefix(string(p), "id: ") && m.happens != nil {
		m.happens()
		m.happens = nil
	}
	return m.ResponseRecorder.Write(p)
}

// A storm while a sole stream begins is more than its queue is for, and it gets all of it.
func TestStormWhileAStreamBegins(t *testing.T) {
	for name, storm := range map[string]int{"a few": 3, "a page": 64, "a queue": 1024, "more": 1500} {
		t.Run(name, func(t *testing.T) {
			s := serve(t)
			s.step() // there is a sample
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			w := &meanwhile{httptest.NewRecorder(), func() {
				for i := range storm {
					s.raise(fmt.Sprint("m", i), "")
				}
			}}
			r := httptest.NewRequest("GET", httpapi.DefaultPrefix+"realtime/", nil).WithContext(ctx)
			r.Header.Set("As", "root")
			done := make(chan any)
			go func() {
				defer func() { done <- recover() }()
				s.api.ServeHTTP(&ending{w, "event: metrics", cancel}, r)
			}()
			if p := receive(t, done); p != nil {
				t.Fatalf("it panicked: %v", p)
			}
			if got := strings.Count(w.Body.String(), "event: alert\n"); got != storm {
				t.Errorf("%d events of %d", got, storm)
			}
		})
	}
}

// ending ends the request of a stream with a text that it writes.
type ending struct {
	*meanwhile
	with string
	end  func()
}

func (e *ending) Write(p []byte) (int, error) {
	n, err := e.meanwhile.Write(p)
	if strings.Contains(string(p), e.with) {
		e.end()
	}
	return n, err
}
