package notify_test

import (
	"bytes"
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/backend-prs/perfmon"
)

// failure is a way in which a receiver may fail.
type failure struct {
	answer http.HandlerFunc
	server func(t *testing.T) string // the address, where it is not a server with that answer
	ctx    func(t *testing.T) context.Context

	retry         time.Duration // of a RetryError; 0: it is none
	undeliverable bool
	is            error
	says          string
}

func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		text := "why: " + r.Header.Get("Authorization") + "\n at " + r.URL.RequestURI()
		if strings.HasSuffix(r.URL.Path, "enqueue") {
			text += " with the key " + key
		}
		_, _ = w.Write([]byte(text)) // what is secret, all of it
	}
}

// readAll counts the huge answers that were read to their end.
var readAll atomic.Int64

var failures = map[string]failure{
	"429 with seconds":           {answer: status(429, "Retry-After", "7"), retry: 7 * time.Second, says: "429"},
	"429 with a date":            {answer: status(429, "Retry-After", "Wed, 25 Nov 2026 20:33:00 GMT", "Date", "Wed, 25 Nov 2026 20:31:00 GMT"), retry: 2 * time.Minute, says: "429"},
	"429 with a date gone by":    {answer: status(429, "Retry-After", "Wed, 25 Nov 2026 20:30:00 GMT", "Date", "Wed, 25 Nov 2026 20:31:00 GMT"), retry: -1, says: "429"},
	"429 with years":             {answer: status(429, "Retry-After", "999999999999999"), retry: 24 * time.Hour, says: "429"},
	"429 without when":           {answer: status(429), says: "429"},
	"429 with nonsense":          {answer: status(429, "Retry-After", "NaN"), says: "429"},
	"503 with seconds":           {answer: status(503, "Retry-After", "30"), retry: 30 * time.Second, says: "503"},
	"500":                        {answer: status(500), says: "500"},
	"500 with Retry-After":       {answer: status(500, "Retry-After", "30"), says: "500"},
	"408":                        {answer: status(408), says: "408"},
	"403":                        {answer: status(403), undeliverable: true, says: "403 Forbidden: why:"},
	"404":                        {answer: status(404), undeliverable: true, says: "404"},
	"redirect":                   {answer: status(302, "Location", "https://evil.example/"+secret), says: "redirects are not followed"},
	"redirect that keeps a post": {answer: status(307, "Location", "https://evil.example/"), says: "redirects are not followed"},
	"hang": {
		answer: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		ctx: func(t *testing.T) context.Context {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			t.Cleanup(cancel)
			return ctx
		},
		is: context.DeadlineExceeded, says: "deadline exceeded",
	},
	"given up": {ctx: func(t *testing.T) context.Context {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		return ctx
	}, is: context.Canceled, says: "canceled"},
	"huge answer": {answer: func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(500)
		chunk := []byte(strings.Repeat("x", 1<<16))
		for range 1024 { // 64 MiB, unless the client goes
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
		readAll.Add(1)
	}, says: "500"},
	"huge header": {answer: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X", strings.Repeat("x", 1<<20))
	}, says: "header"},
	"connection refused": {server: func(t *testing.T) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		return "http://" + l.Addr().String()
	}, says: "refused"},
	"a certificate of nobody": {server: func(t *testing.T) string {
		s := httptest.NewUnstartedServer(http.NotFoundHandler())
		s.Config.ErrorLog = log.New(&bytes.Buffer{}, "", 0)
		s.StartTLS()
		t.Cleanup(s.Close)
		return s.URL
	}, says: "certificate"},
	"closed in the middle": {answer: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, says: "EOF"},
}

// Every channel sorts every failure in the same way, and tells no secret.
func TestFailures(t *testing.T) {
	for name := range channels {
		for what, f := range failures {
			t.Run(name+"/"+what, func(t *testing.T) {
				t.Parallel()
				address := ""
				if f.server != nil {
					address = f.server(t)
				} else {
					address = receive(t, f.answer).URL
				}
				ctx := t.Context()
				if f.ctx != nil {
					ctx = f.ctx(t)
				}
				n := opened()
				n.Charts = nil
				expectFailure(t, channel(t, name, address).Notify(ctx, n), f)
				if readAll.Load() > 0 {
					t.Error("a huge answer was read to its end")
				}
			})
		}
	}
}

func expectFailure(t *testing.T, err error, f failure) {
	t.Helper()
	if err == nil {
		t.Fatal("it says that it was delivered")
	}
	again, isAgain := errors.AsType[*perfmon.RetryError](err)
	switch {
	case f.retry == 0 && isAgain:
		t.Errorf("again in %v, want no such time: %v", again.After, err)
	case f.retry != 0 && (!isAgain || again.After != max(f.retry, 0)):
		t.Errorf("%v, want it again in %v", err, max(f.retry, 0))
	}
	if _, undeliverable := errors.AsType[*perfmon.UndeliverableError](err); undeliverable != f.undeliverable {
		t.Errorf("undeliverable: %t, want %t: %v", undeliverable, f.undeliverable, err)
	}
	if f.is != nil && !errors.Is(err, f.is) {
		t.Errorf("%v is not %v", err, f.is)
	}
	text := err.Error()
	if !strings.Contains(text, f.says) {
		t.Errorf("%q does not say %q", text, f.says)
	}
	if strings.Contains(text, secret) || strings.Contains(text, key) {
		t.Errorf("%q tells a secret", text)
	}
	if len(text) > 500 {
		t.Errorf("the error has %d bytes", len(text))
	}
}
