package httpapi_test

import (
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/httpapi"
)

// The API on the mux of a service, with a bearer token.
func Example() {
	m, err := perfmon.New()
	if err != nil {
		log.Fatal(err)
	}
	api, err := httpapi.New(m, httpapi.WithBearerToken("a-token-of-your-own"))
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(httpapi.DefaultPrefix, api)

	r := httptest.NewRequest("PUT", httpapi.DefaultPrefix+"thresholds/", strings.NewReader(
		`{"metric_name": "queue_size", "updates": {"warning_threshold": 100, "critical_threshold": 1000}}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer a-token-of-your-own")
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	fmt.Print(w.Code, " ", w.Body)
	if err := errors.Join(api.Close(), m.Close()); err != nil {
		log.Fatal(err)
	}
	// Output: 201 {"threshold":{"metric_name":"queue_size","scope":"service","warning_threshold":100,"critical_threshold":1000,"comparison":"greater","consecutive_violations":3,"cooldown_minutes":15,"enabled":true,"inherited":["consecutive_violations","cooldown_minutes"]}}
}

// A service with sign-in of its own says who makes a request.
func ExampleWithAuthorizer() {
	m, err := perfmon.New()
	if err != nil {
		log.Fatal(err)
	}
	api, err := httpapi.New(m, httpapi.WithAuthorizer(func(r *http.Request) (httpapi.Principal, error) {
		user := r.Header.Get("X-User") // as set by the sign-in of the service, which clients cannot
		if user == "" {
			return httpapi.Principal{}, httpapi.ErrUnauthenticated
		}
		return httpapi.Principal{Name: user, Organization: "acme"}, nil
	}))
	if err != nil {
		log.Fatal(err)
	}
	for _, user := range []string{"", "ada"} {
		r := httptest.NewRequest("GET", httpapi.DefaultPrefix+"health/", nil)
		r.Header.Set("X-User", user)
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	if err := errors.Join(api.Close(), m.Close()); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 401
	// 200
}
