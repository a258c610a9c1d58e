// Package grpctime records the calls that a gRPC server serves, as package middleware
// records HTTP requests.
//
//	calls, err := grpctime.New(m)
//	...
//	server := grpc.NewServer(grpc.ChainUnaryInterceptor(calls.Unary), grpc.ChainStreamInterceptor(calls.Stream))
//
// Methods are endpoints, "POST /shop.Orders/Place" (POST being what gRPC sends), with all that
// endpoints have: percentiles, error rates, thresholds. Give the interceptors first, so that
// the time of others is in the figures and what they refuse is counted.
package grpctime

import (
	"context"
	"fmt"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/backend-prs/perfmon"
)

// Identity says who makes a call; each may be empty.
type Identity struct{ User, Session, Organization string }

// Option sets up Calls.
type Option func(*Calls) error

// WithIdentity has a function say who makes a call, from the context that the interceptors
// get: what an interceptor further in adds to it is not there. It runs when the handler has
// returned. One that panics is contained, and Monitor.Hooks counts it. Default: nobody.
func WithIdentity(identity func(context.Context) Identity) Option {
	return func(c *Calls) error {
		if identity == nil {
			return &perfmon.FieldError{Field: "WithIdentity", Value: nil, Want: "a function"}
		}
		c.identity = identity
		return nil
	}
}

// WithStatus sets which HTTP status a code counts as; perfmon.WithErrorStatus says which of
// those are errors. Default: Status.
func WithStatus(of func(codes.Code) int) Option {
	return func(c *Calls) error {
		if of == nil {
			return &perfmon.FieldError{Field: "WithStatus", Value: nil, Want: "a function"}
		}
		for code := range c.statuses {
			c.statuses[code] = of(codes.Code(code))
		}
		return nil
	}
}

// Status returns the HTTP status that a code stands for by google.rpc.Code: 500 and above
// are Unknown, DeadlineExceeded, Unimplemented, Internal, Unavailable, DataLoss and codes
// that gRPC does not define.
func Status(code codes.Code) int {
	switch code {
	case codes.OK:
		return 200
	case codes.Canceled:
		return 499
	case codes.InvalidArgument, codes.FailedPrecondition, codes.OutOfRange:
		return 400
	case codes.Unauthenticated:
		return 401
	case codes.PermissionDenied:
		return 403
	case codes.NotFound:
		return 404
	case codes.AlreadyExists, codes.Aborted:
		return 409
	case codes.ResourceExhausted:
		return 429
	case codes.Unimplemented:
		return 501
	case codes.Unavailable:
		return 503
	case codes.DeadlineExceeded:
		return 504
	}
	return 500
}

// defined is how many codes gRPC defines.
const defined = int(codes.Unauthenticated) + 1

// Calls has the interceptors. It is safe for concurrent use, by any number of servers.
type Calls struct {
	m         *perfmon.Monitor
	recorders sync.Pool
	statuses  [defined]int
	identity  func(context.Context) Identity // nil: nobody
}

// New returns interceptors that record for a monitor. A nil monitor and a nil function are
// refused with a *perfmon.FieldError.
func New(m *perfmon.Monitor, opts ...Option) (*Calls, error) {
	if m == nil {
		return nil, fmt.Errorf("grpctime: %w", &perfmon.FieldError{Field: "monitor", Value: nil, Want: "a *perfmon.Monitor"})
	}
	c := &Calls{m: m}
	c.recorders.New = func() any { return m.NewRecorder() }
	for code := range c.statuses {
		c.statuses[code] = Status(codes.Code(code))
	}
	for _, o := range opts {
		if err := o(c); err != nil {
			return nil, fmt.Errorf("grpctime: %w", err)
		}
	}
	return c, nil
}

// Unary is a grpc.UnaryServerInterceptor. A call is timed from when its message is read to
// when the handler returns; a handler that panics counts as codes.Internal, and its panic
// goes on.
func (c *Calls) Unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (answer any, err error) {
	if !c.m.Recording() {
		return handler(ctx, req)
	}
	call := c.begin(ctx, info.FullMethod)
	defer call.end(&err)
	answer, err = handler(ctx, req)
	call.returned = true
	return answer, err
}

// Stream is a grpc.StreamServerInterceptor. A stream counts as open until its handler
// returns, and then as a response; how long it was open is no response time. Methods that the
// server does not know, which it hands to a grpc.UnknownServiceHandler, count as
// "(unmatched)": their names are the client's.
func (c *Calls) Stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	if !c.m.Recording() {
		return handler(srv, ss)
	}
	method := info.FullMethod
	if srv == nil {
		method = ""
	}
	call := c.begin(ss.Context(), method)
	call.stream = true
	call.recorder.OpenStream()
	defer call.end(&err)
	err = handler(srv, ss)
	call.returned = true
	return err
}

// statusOf returns what an error of a handler counts as. gRPC makes the same of it.
func (c *Calls) statusOf(err error) int {
	st, ok := status.FromError(err)
	if !ok {
		st = status.FromContextError(err)
	}
	code := st.Code()
	if int(code) < len(c.statuses) {
		return c.statuses[code]
	}
	return c.statuses[codes.Unknown]
}
