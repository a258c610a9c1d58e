package middleware_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/middleware"
)

func Example() {
	m, err := perfmon.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := m.Start(context.Background()); err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()

	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		middleware.Identify(w, middleware.Identity{User: "ann", Organization: "acme"})
		fmt.Fprintf(w, "order %s", r.PathValue("id"))
	})
	server := httptest.NewServer(middleware.New(m)(mux)) // or http.ListenAndServe(addr, ...)
	defer server.Close()

	resp, err := http.Get(server.URL + "/orders/7")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(resp.Status)
	// Output: 200 OK
}

func ExampleWithIdentity() {
	m, err := perfmon.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	monitored := middleware.New(m, middleware.WithIdentity(func(r *http.Request) middleware.Identity {
		user, _, _ := r.BasicAuth()
		return middleware.Identity{User: user, Organization: r.Header.Get("Organization")}
	}))
	http.Handle("/orders/", monitored(http.NotFoundHandler()))
}

func ExampleWithTraceID() {
	m, err := perfmon.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	monitored := middleware.New(m, middleware.WithTraceID(middleware.TraceParent))
	http.Handle("/invoices/", monitored(http.NotFoundHandler()))
}
