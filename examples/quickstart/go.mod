module github.com/backend-prs/perfmon/examples/quickstart

go 1.26.0

require (
	github.com/backend-prs/perfmon v0.0.0
	modernc.org/sqlite v1.62.0
)

require go.etcd.io/bbolt v1.5.0 // indirect

require (
	github.com/backend-prs/perfmon/boltstore v0.0.0
	github.com/benbjohnson/clock v1.3.5 // indirect
	github.com/dustin/go-humanize v1.1.0 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/mattn/go-isatty v0.0.24 // indirect
	github.com/ncruces/go-strftime v1.1.0 // indirect
	github.com/oklog/ulid/v2 v2.1.2 // indirect
	github.com/prometheus/procfs v0.23.0 // indirect
	github.com/remyoudompheng/bigfft v0.0.0-20230129092748-24d4a6f8daec // indirect
	golang.org/x/exp v0.0.0-20261014143641-f0251eb4aa3e // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/time v0.16.0 // indirect
	modernc.org/libc v1.80.1 // indirect
	modernc.org/mathutil v1.7.1 // indirect
	modernc.org/memory v1.12.1 // indirect
)

replace github.com/backend-prs/perfmon => ../..

replace github.com/backend-prs/perfmon/boltstore => ../../boltstore
