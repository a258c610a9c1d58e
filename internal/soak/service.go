package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/httpapi"
	"github.com/backend-prs/perfmon/middleware"
)

// The monitor of the soak is quick, so that its history is full, and forgets, many times.
const (
	step      = 200 * time.Millisecond
	interval  = time.Second
	retention = time.Minute
	token     = "a token for the soak alone"
)

// pressure is the metric whose incidents must all become alerts.
var pressure = perfmon.Metric{Name: "pressure", Unit: "count", Worse: perfmon.HigherIsWorse, Help: "What the soak raises on purpose."}

// service is a monitored service on a port of its own.
type service struct {
	m        *perfmon.Monitor
	api      *httpapi.API
	server   *http.Server
	url      string
	pressure *perfmon.Gauge
	store    *store
	wrong    *wrongs

	served  atomic.Uint64 // requests that the handlers began
	samples atomic.Uint64
	told    *witness

	good, faulty *notifier
}

// start begins to serve.
func start() (*service, error) {
	s := &service{store: &store{records: map[string]perfmon.Record{}}, wrong: newWrongs(), told: newWitness()}
	s.store.wrong = s.wrong
	options := []perfmon.Option{
		perfmon.WithStep(step), perfmon.WithInterval(interval), perfmon.WithRetention(retention),
		perfmon.WithAlertCooldown(0), perfmon.WithConsecutiveViolations(2), perfmon.WithMaxEndpoints(50), perfmon.WithMaxOrganizations(20),
		perfmon.WithLogger(slog.New(s.wrong.logger())), perfmon.WithStore(s.store),
	}
	for _, c := range s.wrong.collectors() {
		options = append(options, perfmon.WithCollector(c))
	}
	options = append(options, s.addNotifiers()...)
	var err error
	if s.m, err = perfmon.New(options...); err != nil {
		return nil, err
	}
	if s.pressure, err = s.m.Metrics().Gauge(pressure); err != nil {
		return nil, err
	}
	if _, err := s.m.Thresholds().Set(perfmon.Threshold{Metric: pressure.Name, Warning: perfmon.ValueOf(50)}, "soak"); err != nil {
		return nil, err
	}
	s.m.OnAlert(s.told.hear)
	s.m.Subscribe(func(perfmon.Sample) { s.samples.Add(1) })
	s.m.OnAlert(func(perfmon.AlertEvent) { s.wrong.callback() })
	s.m.Subscribe(func(perfmon.Sample) { s.wrong.callback() })
	s.m.Watch(func(perfmon.Sample) { s.wrong.callback() })
	if s.api, err = httpapi.New(s.m, httpapi.WithAuthorizer(s.authorize), httpapi.WithLogger(slog.New(s.wrong.logger()))); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	if err := s.m.Start(context.Background()); err != nil {
		return nil, err
	}
	if err := s.silence(); err != nil {
		return nil, err
	}
	s.url = "http://" + listener.Addr().String()
	s.server = &http.Server{
		Handler:           middleware.New(s.m, middleware.WithIdentity(identity))(s.routes()),
		ReadHeaderTimeout: 5 * time.Second,
		ErrorLog:          slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // of the panics below
	}
	go func() { _ = s.server.Serve(listener) }()
	return s, nil
}

// routes are those of a shop, and the API.
func (s *service) routes() http.Handler {
	mux := http.NewServeMux()
	count := func(f http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			s.served.Add(1)
			f(w, r)
		}
	}
	mux.HandleFunc("GET /products/{id}", count(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "a product") }))
	mux.HandleFunc("POST /orders", count(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }))
	mux.HandleFunc("GET /slow", count(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-time.After(50 * time.Millisecond):
		}
	}))
	mux.HandleFunc("GET /panic", count(func(http.ResponseWriter, *http.Request) { panic("a handler's own") }))
	mux.HandleFunc("/", count(http.NotFound))
	mux.Handle(httpapi.DefaultPrefix, s.api)
	return mux
}

// identity takes what a client says of itself, as no real service should.
func identity(r *http.Request) middleware.Identity {
	return middleware.Identity{User: r.Header.Get("User"), Session: r.Header.Get("Session"), Organization: r.Header.Get("Organization")}
}

// authorize knows the token, and does what the client asks for when that is a fault.
func (s *service) authorize(r *http.Request) (httpapi.Principal, error) {
	switch r.Header.Get("Fault") {
	case "panic":
		panic("the authorizer's own")
	case "hang":
		<-r.Context().Done()
	case "nonsense":
		return httpapi.Principal{Name: "\n\x00", Organization: "(other)"}, nil
	}
	if r.Header.Get("Authorization") != "Bearer "+token {
		return httpapi.Principal{}, httpapi.ErrUnauthenticated
	}
	return httpapi.Principal{Name: "soak", SuperAdmin: true}, nil
}

// close ends all of it, after what was wrong has ended.
func (s *service) close() error {
	s.wrong.end()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return errors.Join(s.api.Close(), s.server.Shutdown(ctx), s.m.Close())
}
