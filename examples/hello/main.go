// Hello is a service that perfmon watches: the program of the README.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/httpapi"
	"github.com/backend-prs/perfmon/middleware"
)

func main() {
	m, err := perfmon.New()
	if err != nil {
		log.Fatal(err)
	}
	m.OnAlert(func(e perfmon.AlertEvent) { log.Print(e) })
	api, err := httpapi.New(m, httpapi.WithBearerTokenFromEnv("PERFMON_TOKEN"))
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello/{name}", hello)
	mux.Handle(httpapi.DefaultPrefix, api)
	if err := m.Start(context.Background()); err != nil {
		log.Fatal(err)
	}
	err = http.ListenAndServe(":8080", middleware.New(m)(mux))
	log.Fatal(errors.Join(err, m.Close()))
}

func hello(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "hello, %s\n", r.PathValue("name"))
}
