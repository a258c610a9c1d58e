package httpapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/httpapi"
)

// sseEvent is one event of a stream as the HTML standard dispatches it.
type sseEvent struct {
	name, data, id string
}

// number is that of an alert event.
func (e sseEvent) number(t testing.TB) uint64 {
	t.Helper()
	var body struct{ Number uint64 }
	if err := json.Unmarshal([]byte(e.data), &body); err != nil || body.Number == 0 {
		t.Fatalf("%v is no alert event: %v", e, err)
	}
	return body.Number
}

// numberIn is the number that a monitor has an alert event under, which organization admins
// are not told.
func (e sseEvent) numberIn(t testing.TB, m *perfmon.Monitor) uint64 {
	t.Helper()
	var body perfmon.AlertEvent
	if err := json.Unmarshal([]byte(e.data), &body); err != nil || body.Number != 0 || body.Alert.Record != 0 {
		t.Fatalf("%v is no alert event of an organization admin: %v", e, err)
	}
	for _, held := range m.Alerts().Events(0, 0).List {
		if held.Alert.ID == body.Alert.ID && held.Change == body.Change {
			return held.Number
		}
	}
	t.Fatalf("%v is no event of the monitor", e)
	return 0
}

// readEvents parses a stream as a browser does. id is what a browser resumes with. What
// is neither an event nor an ID goes to other.
func readEvents(body io.Reader, id *string, event func(sseEvent), other func(line string)) error {
	r := bufio.NewReader(body)
	var e sseEvent
	next := *id
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return err
		}
		line = strings.TrimSuffix(line, "\n")
		field, value, _ := strings.Cut(line, ": ")
		switch {
		case line == "":
			*id = next
			if e.data != "" {
				e.id = next
				event(e)
			}
			e = sseEvent{}
		case field == "event":
			e.name = value
		case field == "data":
			e.data += value
		case field == "id":
			next = value
		default:
			other(line)
		}
	}
}

// client is one stream as a browser has it.
type client struct {
	t      testing.TB
	resp   *http.Response
	events chan sseEvent
	other  chan string // lines that are no part of an event
	ended  chan struct{}
	cancel context.CancelFunc
	id     string // what it resumes with; read it after ended
}

// realtime opens a stream.
func realtime(t testing.TB, server *httptest.Server, as, resume string) *client {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, "GET", server.URL+httpapi.DefaultPrefix+"realtime/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("As", as)
	if resume != "" {
		r.Header.Set("Last-Event-ID", resume)
	}
	resp, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, resp: resp, events: make(chan sseEvent, 10_000), other: make(chan string, 1000), ended: make(chan struct{}), cancel: cancel, id: resume}
	if resp.StatusCode != 200 {
		close(c.ended)
		t.Cleanup(c.close)
		return c
	}
	go func() {
		defer close(c.ended)
		_ = readEvents(resp.Body, &c.id, func(e sseEvent) { c.events <- e }, func(line string) { c.other <- line })
	}()
	t.Cleanup(c.close)
	return c
}

// next returns the next event with a name.
func (c *client) next(name string) sseEvent {
	c.t.Helper()
	for {
		if e := receive(c.t, c.events); e.name == name {
			return e
		}
	}
}

// close ends the stream from the client's side.
func (c *client) close() {
	c.cancel()
	_ = c.resp.Body.Close()
	<-c.ended
}

// waitEnd waits until the server has ended the stream.
func (c *client) waitEnd() {
	c.t.Helper()
	select {
	case <-c.ended:
	case <-time.After(30 * time.Second):
		c.t.Fatal("the stream does not end")
	}
}

// protocols are the ways to serve a stream.
var protocols = map[string]func(testing.TB, http.Handler) *httptest.Server{
	"HTTP/1.1": func(t testing.TB, h http.Handler) *httptest.Server { return listen(t, h, false, nil) },
	"HTTP/2.0": func(t testing.TB, h http.Handler) *httptest.Server { return listen(t, h, true, nil) },
}

func listen(t testing.TB, h http.Handler, http2 bool, set func(*http.Server)) *httptest.Server {
	server := httptest.NewUnstartedServer(h)
	if set != nil {
		set(server.Config)
	}
	if http2 {
		server.EnableHTTP2 = true
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server
}

// still is a monitor that takes no steps, with a mock clock, and its API.
func still(t testing.TB, opts ...httpapi.Option) (*perfmon.Monitor, *clock.Mock, *httpapi.API) {
	t.Helper()
	return stillWith(t, nil, opts...)
}

// stillWith does so with an option of the monitor, which may be nil.
func stillWith(t testing.TB, option perfmon.Option, opts ...httpapi.Option) (*perfmon.Monitor, *clock.Mock, *httpapi.API) {
	t.Helper()
	mock := clock.NewMock()
	all := []perfmon.Option{perfmon.WithClock(mock), perfmon.WithoutSystemMetrics()}
	if option != nil {
		all = append(all, option)
	}
	m, err := perfmon.New(all...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	if len(opts) == 0 {
		opts = []httpapi.Option{httpapi.WithAuthorizer(authorize)}
	}
	api, err := httpapi.New(m, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return m, mock, api
}

// raiseAt opens an alert and returns the number of its event.
func raiseAt(t testing.TB, m *perfmon.Monitor, scope perfmon.Scope, metadata map[string]any) uint64 {
	t.Helper()
	a, err := m.Alerts().Raise(perfmon.HostAlert{Metric: "own", Severity: perfmon.Warning, Message: "m", Scope: scope, Metadata: metadata})
	if err != nil {
		t.Fatal(err)
	}
	return a.Record
}

// running counts the requests that a handler is at.
type running struct {
	http.Handler
	mu   sync.Mutex
	cond *sync.Cond
	n    int
}

func count(h http.Handler) *running {
	c := &running{Handler: h}
	c.cond = sync.NewCond(&c.mu)
	return c
}

func (c *running) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.add(1)
	defer c.add(-1)
	c.Handler.ServeHTTP(w, r)
}

func (c *running) add(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n += n
	c.cond.Broadcast()
}

// wait waits until n requests are running.
func (c *running) wait(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.n != n {
		c.cond.Wait()
	}
}
