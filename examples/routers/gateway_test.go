package routers_test

import (
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// gateways are what gRPC-gateway does with a response writer: what the code that it generates
// calls, for a call that answers, for one that streams, and for those that fail.
func gateways(t *testing.T) map[string]http.Handler {
	marshaler := &runtime.JSONPb{}
	serve := func(answer func(mux *runtime.ServeMux, w http.ResponseWriter, r *http.Request)) http.Handler {
		mux := runtime.NewServeMux()
		err := mux.HandlePath("GET", "/", func(w http.ResponseWriter, r *http.Request, _ map[string]string) {
			sent := runtime.ServerMetadata{HeaderMD: metadata.Pairs("version", "2"), TrailerMD: metadata.Pairs("sum", "3")}
			r.Header.Set("TE", "trailers") // so that trailers are forwarded
			answer(mux, w, r.WithContext(runtime.NewServerMetadataContext(r.Context(), sent)))
		})
		if err != nil {
			t.Fatal(err)
		}
		return mux
	}
	stream := func(last error) http.Handler {
		return serve(func(mux *runtime.ServeMux, w http.ResponseWriter, r *http.Request) {
			n := 0
			runtime.ForwardResponseStream(r.Context(), mux, marshaler, w, r, func() (proto.Message, error) {
				if n++; n > 5 {
					return nil, last
				}
				return wrapperspb.String(fmt.Sprint("part ", n)), nil
			})
		})
	}
	return map[string]http.Handler{
		"gRPC-gateway answers": serve(func(mux *runtime.ServeMux, w http.ResponseWriter, r *http.Request) {
			runtime.ForwardResponseMessage(r.Context(), mux, marshaler, w, r, wrapperspb.String("hello"))
		}),
		"gRPC-gateway fails": serve(func(mux *runtime.ServeMux, w http.ResponseWriter, r *http.Request) {
			runtime.HTTPError(r.Context(), mux, marshaler, w, r, status.Error(codes.NotFound, "there is none"))
		}),
		"gRPC-gateway streams":            stream(io.EOF),
		"gRPC-gateway breaks a stream":    stream(status.Error(codes.Unavailable, "gone")),
		"gRPC-gateway knows no such path": runtime.NewServeMux(),
	}
}
