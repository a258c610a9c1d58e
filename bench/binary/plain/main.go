// Command plain is a server without perfmon: benchmarks measure what perfmon adds to a program.
package main

import (
	"fmt"
	"log"
	"net/http"
)

func main() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello/{name}", func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "hello, %s\n", r.PathValue("name"))
	})
	log.Fatal(http.ListenAndServe(":8080", mux))
}
