// Command recording is the same server with a monitor around it: benchmarks measure what perfmon adds to a program.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/middleware"
)

func main() {
	m, err := perfmon.New()
	if err != nil {
		log.Fatal(err)
	}
	m.OnAlert(func(e perfmon.AlertEvent) { log.Print(e) })
	if err := m.Start(context.Background()); err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello/{name}", func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "hello, %s\n", r.PathValue("name"))
	})
	log.Fatal(http.ListenAndServe(":8080", middleware.New(m)(mux)))
}
