package middleware_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon/middleware"
)

// A handler that starts a goroutine and returns without it is the commonest mistake of
// handlers. What that goroutine does with the response writer must end where it would
// without the middleware.

// lateUses is every way to use a response writer. Each returns what came of it.
var lateUses = []struct {
	name string
	use  func(w http.ResponseWriter) any
}{
	{"Header", func(w http.ResponseWriter) any { w.Header().Set("Late", "x"); return nil }},
	{"WriteHeader", func(w http.ResponseWriter) any { w.WriteHeader(503); return nil }},
	{"Write", func(w http.ResponseWriter) any { _, err := w.Write([]byte("late")); return err }},
	{"WriteString", func(w http.ResponseWriter) any { _, err := io.WriteString(w, "late"); return err }},
	{"ReadFrom", func(w http.ResponseWriter) any {
		// Without a byte: net/http would write a late one to the bare connection.
		_, err := w.(io.ReaderFrom).ReadFrom(strings.NewReader(""))
		return err
	}},
	{"Flush", func(w http.ResponseWriter) any { w.(http.Flusher).Flush(); return nil }},
	{"FlushError", func(w http.ResponseWriter) any { return w.(interface{ FlushError() error }).FlushError() }},
	{"Hijack", func(w http.ResponseWriter) any { _, _, err := w.(http.Hijacker).Hijack(); return err }},
	{"Push", func(w http.ResponseWriter) any { return w.(http.Pusher).Push("/", nil) }},
	{"CloseNotify", func(w http.ResponseWriter) any {
		return w.(interface{ CloseNotify() <-chan bool }).CloseNotify() == nil
	}},
	{"controller SetWriteDeadline", func(w http.ResponseWriter) any {
		return http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Hour))
	}},
	{"controller EnableFullDuplex", func(w http.ResponseWriter) any { return http.NewResponseController(w).EnableFullDuplex() }},
	{"controller Flush", func(w http.ResponseWriter) any { return http.NewResponseController(w).Flush() }},
	{"controller Hijack", func(w http.ResponseWriter) any { _, _, err := http.NewResponseController(w).Hijack(); return err }},
	{"Identify", func(w http.ResponseWriter) any {
		middleware.Identify(w, middleware.Identity{User: "late", Session: "late", Organization: "late"})
		return nil
	}},
	{"Ignore", func(w http.ResponseWriter) any { middleware.Ignore(w); return nil }},
	{"MarkStream", func(w http.ResponseWriter) any { middleware.MarkStream(w); return nil }},
}

// outcome says in words what came of a use, a panic included. Without an optional
// interface that is a panic, too, in other words for each type of writer.
func outcome(use func(http.ResponseWriter) any, w http.ResponseWriter) (s string) {
	defer func() {
		if p := recover(); p != nil {
			s = fmt.Sprint("panic: ", p)
			if strings.Contains(s, "interface conversion") {
				s = "panic: no such method"
			}
		}
	}()
	return fmt.Sprint(use(w))
}

// Over real connections, plain net/http is the witness.
//
// The race detector can stay on, since each late use happens after the server has ended
// its request and before it goes on with the next: that is what the next handler on the
// same connection waits for. With HTTP/2 it takes a limit of one stream at a time. What
// the detector then reports would be of this module. Uses that really are concurrent with
// the end of a request are races of net/http itself; for those that are not, see
// TestUseWhileTheHandlerReturns.
func TestLateUseOverConnections(t *testing.T) {
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(proto, func(t *testing.T) {
			m := watch(t)
			const n = 2000
			want := useLate(t, proto, n, func(h http.Handler) http.Handler { return h })
			got := useLate(t, proto, n, middleware.New(m.Monitor))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("late uses (-net/http +middleware):\n%s", diff)
			}
			m.nothingPending()
			if got := m.History().Requests(0); got.Requests != n || got.Errors != 0 {
				t.Errorf("%d requests and %d errors, want %d and 0", got.Requests, got.Errors, n)
			}
			if orgs := m.History().Organizations(0); len(orgs) != 0 {
				t.Errorf("a late identity counts: %v", orgs)
			}
		})
	}
}

// useLate sends n requests over one connection. Each handler first has a goroutine use the
// writer of the request before, in one of the ways. It returns how often each outcome came.
func useLate(t *testing.T, proto string, n int, wrap func(http.Handler) http.Handler) map[string]int {
	t.Helper()
	outcomes := map[string]int{}
	var before http.ResponseWriter
	served := 0
	server := httptest.NewUnstartedServer(wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Proto != proto {
			t.Errorf("the request is %s", r.Proto)
		}
		if before != nil {
			late := lateUses[served%len(lateUses)]
			done := make(chan string)
			go func() { done <- late.name + ": " + outcome(late.use, before) }()
			outcomes[<-done]++
		}
		before = w
		served++
		_, _ = io.WriteString(w, r.URL.RawQuery)
	})))
	server.Config.ErrorLog = discard
	server.EnableHTTP2 = proto == "HTTP/2.0"
	server.Config.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: 1}
	server.StartTLS()
	defer server.Close()
	connections := 0
	server.Client().Transport.(*http.Transport).DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		connections++
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	for i := range n {
		resp, err := server.Client().Get(fmt.Sprint(server.URL, "?", i))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != 200 || string(body) != fmt.Sprint(i) || resp.Header.Get("Late") != "" {
			t.Fatalf("request %d: %v, %d, body %q, %v", i, err, resp.StatusCode, body, resp.Header)
		}
	}
	if connections != 1 {
		t.Errorf("%d connections, want 1", connections)
	}
	return outcomes
}

// Every late use reaches the writer that the server gave for its own request, and none
// the writer of another.
func TestLateUseReachesItsOwnWriter(t *testing.T) {
	m := watch(t)
	const n = 2000
	var before http.ResponseWriter
	served := 0
	h := middleware.New(m.Monitor)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if before != nil {
			outcome(lateUses[served%len(lateUses)].use, before)
		}
		before = w
		served++
		w.WriteHeader(204)
	}))
	inners := make([]*witness, n)
	for i := range inners {
		inners[i] = &witness{header: http.Header{}}
		h.ServeHTTP(inners[i], httptest.NewRequest("GET", "/", nil))
	}
	for i, inner := range inners[:n-1] {
		want := "WriteHeader 204;"
		switch late := lateUses[(i+1)%len(lateUses)].name; late {
		case "Header":
			want += "Header;"
		case "WriteHeader":
			want += "WriteHeader 503;"
		case "Write":
			want += "Write late;"
		case "WriteString":
			want += "WriteString late;"
		case "Identify", "Ignore", "MarkStream": // nothing for the server
		case "controller Flush":
			want += "FlushError;"
		default:
			want += strings.TrimPrefix(late, "controller ") + ";"
		}
		if diff := cmp.Diff(want, inner.calls.String()); diff != "" {
			t.Fatalf("calls of request %d (-want +got):\n%s", i, diff)
		}
	}
	m.nothingPending()
	if got := m.History().Requests(0); got.Requests != n || got.Errors != 0 {
		t.Errorf("%d requests and %d errors, want %d and 0", got.Requests, got.Errors, n)
	}
	if orgs := m.History().Organizations(0); len(orgs) != 0 {
		t.Errorf("a late identity counts: %v", orgs)
	}
}

// A goroutine that uses the writer at the very moment at which the handler returns is no
// data race in this module, and whatever it says is counted once or not at all.
func TestUseWhileTheHandlerReturns(t *testing.T) {
	m := watch(t)
	const n = 2000
	var workers sync.WaitGroup
	h := middleware.New(m.Monitor)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var own sync.WaitGroup
		for range 2 {
			own.Go(func() {
				middleware.MarkStream(w)
				_, _ = io.WriteString(w, "x")
				middleware.Identify(w, middleware.Identity{User: "u", Organization: "o"})
				w.WriteHeader(500)
				w.(http.Flusher).Flush()
				_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
				if r.URL.Path == "/ignore" {
					middleware.Ignore(w)
				}
			})
		}
		if r.URL.RawQuery == "wait" {
			own.Wait()
			return
		}
		workers.Go(own.Wait)
	}))
	var clients sync.WaitGroup
	var ignored atomic.Int64
	for client := range 4 {
		clients.Go(func() {
			for i := range n / 4 {
				target := "/?"
				if i%3 == 0 {
					target = "/ignore?"
				}
				if client == 0 {
					target += "wait"
				}
				if target == "/ignore?wait" {
					ignored.Add(1)
				}
				h.ServeHTTP(&concurrentWriter{}, httptest.NewRequest("GET", target, nil))
			}
		})
	}
	clients.Wait()
	workers.Wait()
	m.nothingPending()
	atMost := uint64(n - ignored.Load())
	if got := m.History().Requests(0).Requests; got > atMost || got < n/2 {
		t.Errorf("%d requests counted, want %d to %d", got, n/2, atMost)
	}
}

// witness is a server's response writer that writes down what reaches it.
type witness struct {
	header http.Header
	calls  strings.Builder
}

func (w *witness) note(call ...any) { w.calls.WriteString(fmt.Sprint(call...) + ";") }

func (w *witness) Header() http.Header                  { w.note("Header"); return w.header }
func (w *witness) WriteHeader(status int)               { w.note("WriteHeader ", status) }
func (w *witness) Write(b []byte) (int, error)          { w.note("Write ", string(b)); return len(b), nil }
func (w *witness) WriteString(s string) (int, error)    { w.note("WriteString ", s); return len(s), nil }
func (w *witness) ReadFrom(io.Reader) (int64, error)    { w.note("ReadFrom"); return 0, nil }
func (w *witness) Flush()                               { w.note("Flush") }
func (w *witness) FlushError() error                    { w.note("FlushError"); return nil }
func (w *witness) Push(string, *http.PushOptions) error { w.note("Push"); return nil }
func (w *witness) CloseNotify() <-chan bool             { w.note("CloseNotify"); return nil }
func (w *witness) SetWriteDeadline(time.Time) error     { w.note("SetWriteDeadline"); return nil }
func (w *witness) EnableFullDuplex() error              { w.note("EnableFullDuplex"); return nil }
func (w *witness) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.note("Hijack")
	return nil, nil, errors.New("not here")
}

// concurrentWriter may be used by any number of goroutines.
type concurrentWriter struct{ written atomic.Int64 }

func (w *concurrentWriter) Header() http.Header { return nil }
func (w *concurrentWriter) WriteHeader(int)     {}
func (w *concurrentWriter) Flush()              {}
func (w *concurrentWriter) Write(b []byte) (int, error) {
	w.written.Add(int64(len(b)))
	return len(b), nil
}
func (w *concurrentWriter) SetWriteDeadline(time.Time) error { return nil }
