module github.com/backend-prs/perfmon/notify/notifytest

go 1.26.0

require (
	github.com/backend-prs/perfmon v0.0.0
	github.com/benbjohnson/clock v1.3.5
)

require (
	github.com/oklog/ulid/v2 v2.1.2 // indirect
	github.com/prometheus/procfs v0.23.0 // indirect
	golang.org/x/exp v0.0.0-20261014143641-f0251eb4aa3e // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace github.com/backend-prs/perfmon => ../..
