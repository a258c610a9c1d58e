package prom_test

import (
	"log"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/prom"
)

func ExampleNew() {
	m, err := perfmon.New()
	if err != nil {
		log.Fatal(err)
	}
	c, err := prom.New(m)
	if err != nil {
		log.Fatal(err)
	}
	prometheus.MustRegister(c)
	http.Handle("GET /metrics", promhttp.Handler())
}
