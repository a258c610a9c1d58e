// Prometheus is a service that shows perfmon's figures at /metrics, beside those of its
// client_golang registry.
//
//	go -C examples/prometheus run .
//	curl localhost:8080/hello/you
//	curl localhost:8080/metrics
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/middleware"
	"github.com/backend-prs/perfmon/prom"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "where it listens")
	flag.Parse()
	m, err := perfmon.New(perfmon.WithEnvironment())
	if err != nil {
		log.Fatal(err)
	}
	handler, err := service(m)
	if err != nil {
		log.Fatal(err)
	}
	if err := m.Start(context.Background()); err != nil {
		log.Fatal(err)
	}
	err = http.ListenAndServe(*addr, handler)
	log.Fatal(errors.Join(err, m.Close()))
}

// service returns the handler of all.
func service(m *perfmon.Monitor) (http.Handler, error) {
	c, err := prom.New(m)
	if err != nil {
		return nil, err
	}
	if err := prometheus.Register(c); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello/{name}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello, %s\n", r.PathValue("name"))
	})
	// OpenMetrics is the form in which exemplars come.
	mux.Handle("GET /metrics", promhttp.HandlerFor(prometheus.DefaultGatherer, promhttp.HandlerOpts{EnableOpenMetrics: true}))
	return middleware.New(m, middleware.WithTraceID(middleware.TraceParent))(mux), nil
}
