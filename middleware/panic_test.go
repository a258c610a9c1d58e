package middleware_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/middleware"
)

// A panic counts by what was written, by its value and by whether the client is there.
func TestPanics(t *testing.T) {
	there := context.Background()
	gone, cancel := context.WithCancel(there)
	cancel()
	late, cancel := context.WithDeadline(there, time.Unix(0, 0))
	defer cancel()
	abort := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if status != 0 {
				w.WriteHeader(status)
			}
			panic(http.ErrAbortHandler)
		}
	}
	boom := func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(200)
		panic("boom")
	}
	tests := []struct {
		name   string
		ctx    context.Context
		handle http.HandlerFunc
		value  any // of the panic that continues
		status int // that counts
	}{
		{"client gone, 200 written", gone, abort(200), http.ErrAbortHandler, 200},
		{"client gone, 502 written", gone, abort(502), http.ErrAbortHandler, 502},
		{"client gone, nothing written", gone, abort(0), http.ErrAbortHandler, 499},
		{"client there, 200 written", there, abort(200), http.ErrAbortHandler, 500},
		{"deadline passed, 200 written", late, abort(200), http.ErrAbortHandler, 500},
		{"client there, another panic", there, boom, "boom", 500},
		{"client gone, another panic", gone, boom, "boom", 500},
		{"client there, goroutine ended", there, func(http.ResponseWriter, *http.Request) { runtime.Goexit() }, nil, 500},
		{"client gone, goroutine ended", gone, func(http.ResponseWriter, *http.Request) { runtime.Goexit() }, nil, 500},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := watch(t, perfmon.WithErrorStatus(func(status int) bool { return status == test.status }))
			h := middleware.New(m.Monitor)(test.handle)
			value := make(chan any)
			go func() {
				defer func() { value <- recover() }()
				h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(test.ctx, "GET", "/", nil))
			}()
			if got := <-value; got != test.value {
				t.Errorf("the panic continues with %v, want %v", got, test.value)
			}
			if diff := cmp.Diff([]string{"(unmatched) 1 1"}, m.endpoints()); diff != "" {
				t.Errorf("the status is not %d (-want +got):\n%s", test.status, diff)
			}
		})
	}
}

// A client that hangs up on a proxy in the middle of a body is not an error of the service.
func TestClientHangsUpOnProxy(t *testing.T) {
	m := watch(t)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = w.Write(make([]byte, 32<<10))
		}
	}))
	defer backend.Close()
	target, err := url.Parse(backend.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ErrorLog = discard
	front := httptest.NewServer(middleware.New(m.Monitor)(proxy))
	defer front.Close()
	for range 5 {
		resp, err := http.Get(front.URL)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(resp.Body, make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close() // with more to come, this closes the connection
	}
	front.Close() // waits for the handlers
	if diff := cmp.Diff([]string{"(unmatched) 5 0"}, m.endpoints()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A backend that breaks off is an error of the service: its client is still there.
func TestBackendBreaksOff(t *testing.T) {
	m := watch(t)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write(make([]byte, 100<<10))
		panic(http.ErrAbortHandler)
	}))
	defer backend.Close()
	target, err := url.Parse(backend.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ErrorLog = discard
	front := httptest.NewServer(middleware.New(m.Monitor)(proxy))
	defer front.Close()
	resp, err := http.Get(front.URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err == nil {
		t.Error("the client got a whole response")
	}
	_ = resp.Body.Close()
	front.Close()
	if diff := cmp.Diff([]string{"(unmatched) 1 1"}, m.endpoints()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The stack that the server logs names the handler, whether the panic was looked at or not.
func TestStackNamesTheHandler(t *testing.T) {
	for _, hangUp := range []bool{false, true} {
		t.Run(fmt.Sprint("client hangs up: ", hangUp), func(t *testing.T) {
			m := watch(t)
			var logged bytes.Buffer
			server := httptest.NewUnstartedServer(middleware.New(m.Monitor)(http.HandlerFunc(handlerThatPanics)))
			server.Config.ErrorLog = log.New(&logged, "", 0)
			server.Start()
			defer server.Close()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			target := server.URL
			if hangUp {
				target += "?wait"
			}
			r, err := http.NewRequestWithContext(ctx, "GET", target, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(r)
			if hangUp {
				if err != nil {
					t.Fatal(err)
				}
				cancel()
				_ = resp.Body.Close()
			}
			server.Close()
			if s := logged.String(); !strings.Contains(s, "handlerThatPanics") || !strings.Contains(s, "boom") {
				t.Errorf("the server logs\n%s", s)
			}
		})
	}
}

func handlerThatPanics(w http.ResponseWriter, r *http.Request) {
	if r.URL.RawQuery == "wait" {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	panic("boom")
}
