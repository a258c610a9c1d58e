package grpctime_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/grpctime"
	"github.com/backend-prs/perfmon/internal/paired"
)

const (
	check = "POST /grpc.health.v1.Health/Check"
	watch = "POST /grpc.health.v1.Health/Watch"
)

// service does what it is asked for by name.
type service struct {
	grpc_health_v1.UnimplementedHealthServer
	clock *clock.Mock
}

func (s *service) Check(_ context.Context, r *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	return &grpc_health_v1.HealthCheckResponse{Status: grpc_health_v1.HealthCheckResponse_SERVING}, s.do(r.Service)
}

func (s *service) Watch(r *grpc_health_v1.HealthCheckRequest, stream grpc_health_v1.Health_WatchServer) error {
	if r.Service != "open" {
		return s.do(r.Service)
	}
	if err := stream.Send(&grpc_health_v1.HealthCheckResponse{}); err != nil {
		return err
	}
	<-stream.Context().Done() // until the client hangs up
	return status.FromContextError(stream.Context().Err()).Err()
}

func (s *service) do(what string) error {
	switch what {
	case "slow":
		s.clock.Add(3 * time.Second)
	case "missing":
		return status.Error(codes.NotFound, "no such service")
	case "broken":
		return fmt.Errorf("wrapped: %w", status.Error(codes.Unavailable, "the database is down"))
	case "late":
		return context.DeadlineExceeded
	case "gone":
		return fmt.Errorf("reading: %w", context.Canceled)
	case "plain":
		return errors.New("something")
	case "odd":
		return status.Error(codes.Code(77), "a code of its own")
	case "panic":
		panic("its own")
	}
	return nil
}

// bench is a monitor, and a real server and client.
type bench struct {
	*perfmon.Monitor
	t       *testing.T
	clock   *clock.Mock
	samples chan perfmon.Sample
	client  grpc_health_v1.HealthClient
	conn    *grpc.ClientConn
	panics  chan any
	calls   *grpctime.Calls
}

func newBench(t *testing.T, serverOptions []grpc.ServerOption, opts ...grpctime.Option) *bench {
	t.Helper()
	b := &bench{t: t, clock: clock.NewMock(), samples: make(chan perfmon.Sample, 1), panics: make(chan any, 10)}
	m, err := perfmon.New(perfmon.WithClock(b.clock), perfmon.WithoutSystemMetrics(), perfmon.WithStep(time.Hour), perfmon.WithInterval(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	b.Monitor = m
	m.Subscribe(func(s perfmon.Sample) { b.samples <- s })
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	if b.calls, err = grpctime.New(m, opts...); err != nil {
		t.Fatal(err)
	}
	recoverAll := func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (_ any, err error) {
		defer func() {
			if p := recover(); p != nil {
				b.panics <- p
				err = status.Error(codes.Internal, "panic")
			}
		}()
		return handler(ctx, req)
	}
	serverOptions = append(serverOptions, grpc.ChainUnaryInterceptor(recoverAll, b.calls.Unary), grpc.ChainStreamInterceptor(b.calls.Stream))
	server := grpc.NewServer(serverOptions...)
	grpc_health_v1.RegisterHealthServer(server, &service{clock: b.clock})
	b.serve(server)
	return b
}

func (b *bench) serve(server *grpc.Server) {
	b.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	b.t.Cleanup(server.Stop)
	if b.conn, err = grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = b.conn.Close() })
	b.client = grpc_health_v1.NewHealthClient(b.conn)
}

func (b *bench) check(what string) codes.Code {
	_, err := b.client.Check(b.t.Context(), &grpc_health_v1.HealthCheckRequest{Service: what})
	return status.Code(err)
}

// watch reads a stream to its end.
func (b *bench) watch(what string) codes.Code {
	stream, err := b.client.Watch(b.t.Context(), &grpc_health_v1.HealthCheckRequest{Service: what})
	if err == nil {
		_, err = stream.Recv()
	}
	return status.Code(err)
}

func (b *bench) step() perfmon.Sample {
	b.clock.Add(b.Step())
	return <-b.samples
}

// counted returns how many requests and errors each endpoint has.
func (b *bench) counted() map[string][2]uint64 {
	b.step()
	got := map[string][2]uint64{}
	for _, e := range b.History().Endpoints(0) {
		total, err := b.History().Totals(perfmon.Scope{Endpoint: e.Endpoint})
		if err != nil {
			b.t.Fatal(err)
		}
		got[e.Endpoint] = [2]uint64{total.Requests, total.Errors}
	}
	return got
}

func TestMethodsAreEndpoints(t *testing.T) {
	b := newBench(t, nil)
	for what, want := range map[string]codes.Code{
		"": codes.OK, "slow": codes.OK, "missing": codes.NotFound, "broken": codes.Unavailable, "late": codes.DeadlineExceeded,
		"gone": codes.Canceled, "plain": codes.Unknown, "odd": 77, "panic": codes.Internal,
	} {
		if got := b.check(what); got != want {
			t.Errorf("%q ends with %v, want %v", what, got, want)
		}
	}
	for what, want := range map[string]codes.Code{"missing": codes.NotFound, "broken": codes.Unavailable} {
		if got := b.watch(what); got != want {
			t.Errorf("a stream of %q ends with %v, want %v", what, got, want)
		}
	}
	if p := <-b.panics; p != "its own" {
		t.Errorf("the panic has become %v", p)
	}
	want := map[string][2]uint64{check: {9, 5}, watch: {2, 1}}
	if diff := cmp.Diff(want, b.counted()); diff != "" {
		t.Errorf("requests and errors (-want +got):\n%s", diff)
	}
	times, err := b.History().Totals(perfmon.Scope{Endpoint: check})
	if err != nil {
		t.Fatal(err)
	}
	if slowest := times.Times.Quantile(1) / 1e9; slowest < 2.97 || slowest > 3.03 {
		t.Errorf("the slowest call took %v s, want 3", slowest)
	}
}

// An open stream is seen as one, and its time is no response time.
func TestStream(t *testing.T) {
	b := newBench(t, nil)
	ctx, hangUp := context.WithCancel(t.Context())
	defer hangUp()
	stream, err := b.client.Watch(ctx, &grpc_health_v1.HealthCheckRequest{Service: "open"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	s := b.step()
	open, _ := s.Value(perfmon.StreamsOpen)
	inFlight, _ := s.Value(perfmon.RequestsInFlight)
	if open != 1 || inFlight != 0 {
		t.Errorf("%v streams are open and %v requests in flight, want 1 and 0", open, inFlight)
	}
	hangUp()
	for open > 0 {
		runtime.Gosched()
		open, _ = b.step().Value(perfmon.StreamsOpen)
	}
	total, err := b.History().Totals(perfmon.Scope{Endpoint: watch})
	if err != nil {
		t.Fatal(err)
	}
	if total.Requests != 1 || total.Errors != 0 || total.Times.Count() != 0 {
		t.Errorf("%d requests, %d errors, %d times, want 1, 0, 0", total.Requests, total.Errors, total.Times.Count())
	}
}

// Names of methods that a client makes up fill no table.
func TestUnknownMethods(t *testing.T) {
	b := newBench(t, []grpc.ServerOption{grpc.UnknownServiceHandler(func(any, grpc.ServerStream) error {
		return status.Error(codes.Unimplemented, "unknown")
	})})
	for i := range 50 {
		err := b.conn.Invoke(t.Context(), fmt.Sprintf("/made.Up/M%d", i), &grpc_health_v1.HealthCheckRequest{}, &grpc_health_v1.HealthCheckResponse{})
		if status.Code(err) != codes.Unimplemented {
			t.Fatal(err)
		}
	}
	want := map[string][2]uint64{"(unmatched)": {50, 50}}
	got := b.counted()
	for name, n := range got {
		if strings.Contains(name, "(unmatched)") {
			got["(unmatched)"] = n
			if name != "(unmatched)" {
				delete(got, name)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

type userKey struct{}

func TestIdentity(t *testing.T) {
	first := true
	b := newBench(t, []grpc.ServerOption{grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, h grpc.UnaryHandler) (any, error) {
		return h(context.WithValue(ctx, userKey{}, "ann"), req)
	})}, grpctime.WithIdentity(func(ctx context.Context) grpctime.Identity {
		if first {
			first = false
			panic("not now")
		}
		user, _ := ctx.Value(userKey{}).(string)
		return grpctime.Identity{User: user, Organization: "acme"}
	}))
	for range 3 {
		if code := b.check(""); code != codes.OK {
			t.Fatal(code)
		}
	}
	b.clock.Add(time.Minute)
	b.check("")
	total, err := func() (perfmon.Totals, error) {
		b.step()
		return b.History().Totals(perfmon.Scope{Organization: "acme"})
	}()
	if err != nil || total.Requests != 3 {
		t.Errorf("%d requests of the organization, %v, want 3", total.Requests, err)
	}
	panics := uint64(0)
	for _, h := range b.Hooks() {
		panics += h.Panics
	}
	if panics != 1 {
		t.Errorf("%d panics of hooks, want 1", panics)
	}
}

func TestWithStatus(t *testing.T) {
	b := newBench(t, nil, grpctime.WithStatus(func(c codes.Code) int {
		if c == codes.NotFound {
			return 500
		}
		return 200
	}))
	b.check("missing")
	b.check("broken")
	if diff := cmp.Diff(map[string][2]uint64{check: {2, 1}}, b.counted()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A server that is gone and one that is back: nothing is counted for the one, all for the other.
func TestServerThatIsDownAndBack(t *testing.T) {
	b := newBench(t, nil)
	b.check("")
	_ = b.conn.Close()
	if code := b.check(""); code == codes.OK {
		t.Error("a connection that is closed answers")
	}
	b.step()
	if v, known := b.step().Value(perfmon.ResponseTimeP95); known {
		t.Errorf("nobody is served, and a response takes %v s", v)
	}
	server := grpc.NewServer(grpc.ChainUnaryInterceptor(b.calls.Unary))
	grpc_health_v1.RegisterHealthServer(server, &service{clock: b.clock})
	b.serve(server)
	if code := b.check(""); code != codes.OK {
		t.Errorf("back: %v", code)
	}
	if _, known := b.step().Value(perfmon.ResponseTimeP95); !known {
		t.Error("back, and there is no response time")
	}
}

func TestBadArguments(t *testing.T) {
	m, err := perfmon.New()
	if err != nil {
		t.Fatal(err)
	}
	_, monitor := grpctime.New(nil)
	_, identity := grpctime.New(m, grpctime.WithIdentity(nil))
	_, of := grpctime.New(m, grpctime.WithStatus(nil))
	for _, err := range []error{monitor, identity, of} {
		var field *perfmon.FieldError
		if !errors.As(err, &field) || !strings.HasPrefix(err.Error(), "grpctime: ") {
			t.Errorf("%v", err)
		}
	}
}

// BenchmarkCall is around a handler that does nothing, and of whole calls over loopback.
func BenchmarkCall(b *testing.B) {
	m, err := perfmon.New()
	if err != nil {
		b.Fatal(err)
	}
	calls, err := grpctime.New(m)
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	b.Run("nothing", func(b *testing.B) {
		handler := func(context.Context, any) (any, error) { return nil, nil }
		info := &grpc.UnaryServerInfo{FullMethod: "/shop.Orders/Place"}
		paired.Compare(b, func() { _, _ = handler(ctx, nil) }, func() { _, _ = calls.Unary(ctx, nil, info, handler) })
	})
	b.Run("loopback", func(b *testing.B) {
		paired.Compare(b, callOf(b), callOf(b, grpc.UnaryInterceptor(calls.Unary)))
	})
}

// callOf returns a call of a server of its own.
func callOf(b *testing.B, opts ...grpc.ServerOption) func() {
	b.Helper()
	server := grpc.NewServer(opts...)
	grpc_health_v1.RegisterHealthServer(server, &service{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	b.Cleanup(server.Stop)
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	client := grpc_health_v1.NewHealthClient(conn)
	return func() {
		if _, err := client.Check(context.Background(), &grpc_health_v1.HealthCheckRequest{}); err != nil {
			b.Fatal(err)
		}
	}
}
