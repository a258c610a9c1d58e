package grpctime_test

import (
	"fmt"
	"log"

	"google.golang.org/grpc"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/grpctime"
)

// Give the server both interceptors, before all others.
func Example() {
	m, err := perfmon.New()
	if err != nil {
		log.Fatal(err)
	}
	calls, err := grpctime.New(m)
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(grpc.ChainUnaryInterceptor(calls.Unary), grpc.ChainStreamInterceptor(calls.Stream))
	defer server.Stop()
	fmt.Println(len(server.GetServiceInfo()), "services yet")
	// Output: 0 services yet
}
