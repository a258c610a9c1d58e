module github.com/backend-prs/perfmon/grpctime

go 1.26.0

require (
	github.com/backend-prs/perfmon v0.0.0
	github.com/benbjohnson/clock v1.3.5
	github.com/google/go-cmp v0.7.0
	google.golang.org/grpc v1.85.0
)

require (
	github.com/oklog/ulid/v2 v2.1.2 // indirect
	github.com/prometheus/procfs v0.23.0 // indirect
	golang.org/x/exp v0.0.0-20261014143641-f0251eb4aa3e // indirect
	golang.org/x/net v0.60.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.42.0 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260817212433-ac3dfec99bb1 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)

replace github.com/backend-prs/perfmon => ..
