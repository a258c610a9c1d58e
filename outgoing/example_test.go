package outgoing_test

import (
	"fmt"
	"log"
	"net/http"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/outgoing"
)

// Give the client a transport that times; nothing else changes.
func ExampleCalls_Transport() {
	m, err := perfmon.New()
	if err != nil {
		log.Fatal(err)
	}
	calls, err := outgoing.New(m)
	if err != nil {
		log.Fatal(err)
	}
	client := &http.Client{Transport: calls.Transport(nil)} // nil: http.DefaultTransport
	_, known := m.Metrics().Get("outgoing_time_p95")
	fmt.Println(client.Transport != nil, known)
	// Output: true true
}
