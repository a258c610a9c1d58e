package middleware_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/backend-prs/perfmon"
)

// watched is a monitor on a mock clock.
type watched struct {
	*perfmon.Monitor
	t       testing.TB
	clock   *clock.Mock
	samples chan perfmon.Sample
}

func watch(t testing.TB, opts ...perfmon.Option) *watched {
	t.Helper()
	w := &watched{t: t, clock: clock.NewMock(), samples: make(chan perfmon.Sample, 1)}
	m, err := perfmon.New(append(opts, perfmon.WithClock(w.clock), perfmon.WithoutSystemMetrics())...)
	if err != nil {
		t.Fatal(err)
	}
	w.Monitor = m
	m.Subscribe(func(s perfmon.Sample) { w.samples <- s })
	if err := m.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *watched) step() perfmon.Sample {
	w.t.Helper()
	w.clock.Add(w.Step())
	select {
	case s := <-w.samples:
		return s
	case <-time.After(30 * time.Second):
		w.t.Fatal("the step made no sample")
		panic("unreachable")
	}
}

// endpoints returns "name requests errors" of every endpoint.
func (w *watched) endpoints() []string {
	w.t.Helper()
	w.step()
	list := []string{}
	for _, e := range w.History().Endpoints(0) {
		list = append(list, fmt.Sprint(e.Scope.Endpoint, " ", e.Requests, " ", e.Errors))
	}
	return list
}

// value returns a metric of a sample, which must have it.
func (w *watched) value(s perfmon.Sample, metric string) float64 {
	w.t.Helper()
	v, ok := s.Value(metric)
	if !ok {
		w.t.Errorf("the sample has no %s", metric)
	}
	return v
}

// nothingPending checks that no request is in flight and no stream open.
func (w *watched) nothingPending() {
	w.t.Helper()
	s := w.step()
	for _, metric := range []string{perfmon.RequestsInFlight, perfmon.StreamsOpen} {
		if v := w.value(s, metric); v != 0 {
			w.t.Errorf("%s is %v, want 0", metric, v)
		}
	}
}

func get(h http.Handler, method, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, target, nil))
	return w
}

// wrapper is another middleware's writer, which only unwraps.
type wrapper struct{ http.ResponseWriter }

func (w wrapper) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// nothing is a response writer that keeps nothing.
type nothing struct{ header http.Header }

func (n nothing) Header() http.Header       { return n.header }
func (nothing) Write(b []byte) (int, error) { return len(b), nil }
func (nothing) WriteHeader(int)             {}

// discard is where servers log that are made to fail.
var discard = log.New(io.Discard, "", 0)
