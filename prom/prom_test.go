package prom_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/internal/golden"
	"github.com/backend-prs/perfmon/prom"
)

func TestScrape(t *testing.T) {
	b := start(t, []perfmon.Option{
		perfmon.WithService(perfmon.Service{Name: "shop", Environment: "test", Instance: "a\xff", Version: "1.2"}),
		perfmon.WithMetricFunc(perfmon.Metric{Name: "disk_usage_percent", Unit: "%", Help: "How full the disk is."}, func() float64 { return 25 }),
		perfmon.WithMetricFunc(perfmon.Metric{Name: "disk_usage_ratio", Unit: "%"}, func() float64 { return 50 }),
		perfmon.WithMetricFunc(perfmon.Metric{Name: "cache_mb", Unit: "MiB"}, func() float64 { return 2 }),
		perfmon.WithMetricFunc(perfmon.Metric{Name: "lag_ms", Unit: "ms"}, func() float64 { return 1500 }),
		perfmon.WithMetricFunc(perfmon.Metric{Name: "jobs_total", Unit: "count"}, func() float64 { return 7 }),
	}, prom.WithBuckets(0.005, 0.02, 1), prom.WithPublicNames())
	for range 3 {
		b.request(5*time.Millisecond, "GET", "/orders/{id}", 200)
	}
	b.request(15*time.Millisecond, "GET", "/orders/{id}", 404)
	b.request(2*time.Second, "POST", "POST /orders", 503)
	b.request(time.Millisecond, "GET", "", 404)
	for range 3 {
		b.RecordCacheHit()
	}
	b.RecordCacheMiss()
	b.RecordQuery(250 * time.Millisecond)
	if _, err := b.Alerts().Raise(perfmon.HostAlert{
		Metric: "disk_usage_percent", Severity: perfmon.Critical, Message: "full", Scope: perfmon.Scope{Endpoint: "GET /orders/{id}"},
	}); err != nil {
		t.Fatal(err)
	}
	b.step()
	golden.Text(t, "scrape.txt", []byte(b.scrape()))
}

// What a scrape counts never goes down, and what is too old is absent.
func TestTotalsGoOn(t *testing.T) {
	b := start(t, nil)
	jobs, err := b.Metrics().Counter(perfmon.Metric{Name: "jobs_total", Help: "Jobs done."})
	if err != nil {
		t.Fatal(err)
	}
	timer, err := b.Metrics().Timer(perfmon.Metric{Name: "export", Help: "Exports."})
	if err != nil {
		t.Fatal(err)
	}
	for round := 1; round <= 3; round++ {
		b.request(time.Millisecond, "GET", "/", 200)
		jobs.Add(5)
		timer.Record(time.Second)
		b.step()
		got := lines(b.scrape(), "perfmon_jobs", "perfmon_export_seconds_count", "perfmon_response_time_seconds_count", "perfmon_throughput")
		want := fmt.Sprintf(`perfmon_export_seconds_count %d
perfmon_jobs_total %d
perfmon_response_time_seconds_count{handler="/",method="GET"} %d
perfmon_throughput_per_second 0.1
`, round, 5*round, round)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("round %d (-want +got):\n%s", round, diff)
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b.clock.Add(time.Minute)
	got := lines(b.scrape(), "perfmon_jobs", "perfmon_throughput")
	if diff := cmp.Diff("perfmon_jobs_total 15\n", got); diff != "" {
		t.Errorf("after the end (-want +got):\n%s", diff)
	}
}

// A share is a ratio, and a mean of durations is the sum and the count it is made of.
func TestSharesAndMeans(t *testing.T) {
	b := start(t, nil)
	spare, err := b.Metrics().Share(perfmon.Metric{Name: "spare_percent", Help: "Parts that were spare."})
	if err != nil {
		t.Fatal(err)
	}
	wait, err := b.Metrics().Mean(perfmon.Metric{Name: "lock_wait", Help: "Wait for a lock."})
	if err != nil {
		t.Fatal(err)
	}
	wait.Follow(10, time.Minute)
	b.step()
	spare.Add(1, 4)
	wait.Follow(14, time.Minute+2*time.Second)
	b.step()
	got := lines(b.scrape(), "perfmon_spare", "perfmon_lock")
	want := "perfmon_lock_wait_seconds_sum 2\nperfmon_lock_wait_seconds_count 4\nperfmon_spare_ratio 0.25\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Two metrics whose names are the same in base units are told apart, and the earlier one
// keeps the name.
func TestNames(t *testing.T) {
	fill := func(name, unit string) perfmon.Option {
		return perfmon.WithMetricFunc(perfmon.Metric{Name: name, Unit: unit, Help: name}, func() float64 { return 1 })
	}
	b := start(t, []perfmon.Option{
		fill("fill_percent", "%"), fill("fill_ratio", "%"), fill("fill_pct", "%"), fill("alerts", ""), fill("x_count", "count"),
		fill("wait_seconds", "s"), fill("wait_ms", "ms"), fill("age", "h"), fill("sent_mb", "MB"), fill("rx", "KiB/s"), fill("temperature", "°C"),
	}, prom.WithNamespace("shop"))
	b.step()
	want := `shop_age_seconds 3600
shop_alerts_2 1
shop_fill_pct 0.01
shop_fill_ratio 0.01
shop_fill_ratio_2 0.01
shop_rx_bytes_per_second 1024
shop_sent_bytes 1e+06
shop_temperature 1
shop_wait_ms 0.001
shop_wait_seconds 1
shop_x 1
`
	got := lines(b.scrape(), "shop_age", "shop_alerts", "shop_fill", "shop_rx", "shop_sent", "shop_temperature", "shop_wait", "shop_x")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBadOptions(t *testing.T) {
	m, err := perfmon.New()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		m       *perfmon.Monitor
		options []prom.Option
		field   string
	}{
		"no monitor":             {nil, nil, "monitor"},
		"a nil option":           {m, []prom.Option{nil}, "Option"},
		"an empty namespace":     {m, []prom.Option{prom.WithNamespace("")}, "namespace"},
		"a namespace with a dot": {m, []prom.Option{prom.WithNamespace("a.b")}, "namespace"},
		"a bucket of 0":          {m, []prom.Option{prom.WithBuckets(0, 1)}, "buckets"},
		"buckets that fall":      {m, []prom.Option{prom.WithBuckets(2, 1)}, "buckets"},
		"too many buckets":       {m, []prom.Option{prom.WithBuckets(prom.BucketsWithin(0.001, 1e-6, 100)...)}, "buckets"},
		"too fine a schema":      {m, []prom.Option{prom.WithNativeSchema(9)}, "native schema"},
	} {
		_, err := prom.New(test.m, test.options...)
		var wrong *perfmon.FieldError
		if !errors.As(err, &wrong) || wrong.Field != test.field {
			t.Errorf("%s: %v", name, err)
		}
	}
}
