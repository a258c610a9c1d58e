module github.com/backend-prs/perfmon/examples/fleet

go 1.26.0

replace (
	github.com/backend-prs/perfmon => ../..
	github.com/backend-prs/perfmon/fleet => ../../fleet
)

require (
	github.com/backend-prs/perfmon v0.0.0
	github.com/backend-prs/perfmon/fleet v0.0.0
	github.com/redis/go-redis/v9 v9.23.0
)

require (
	github.com/benbjohnson/clock v1.3.5 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/oklog/ulid/v2 v2.1.2 // indirect
	github.com/prometheus/procfs v0.23.0 // indirect
	go.uber.org/atomic v1.12.0 // indirect
	golang.org/x/exp v0.0.0-20261014143641-f0251eb4aa3e // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/time v0.16.0 // indirect
)

replace github.com/backend-prs/perfmon/boltstore => ../../boltstore
