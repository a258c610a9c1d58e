package prom_test

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/prom"
)

// promtool finds nothing to complain of, with every built-in metric there and metrics of the
// host whose names are against Prometheus' rules.
func TestPromtool(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Fatal("this test needs promtool: apt-get install prometheus")
	}
	options := []perfmon.Option{perfmon.WithQueueSize(func() int { return 3 })}
	for name, unit := range map[string]string{
		"queue_total": "", "batch_count": "count", "body_sum": "MB", "wait_bucket": "", "heat_ms": "ms", "fill_percent": "%",
	} {
		options = append(options, perfmon.WithMetricFunc(perfmon.Metric{Name: name, Unit: unit}, func() float64 { return 1 }))
	}
	b := start(t, options, prom.WithPublicNames())
	c, err := b.Metrics().Counter(perfmon.Metric{Name: "sent_count"})
	if err != nil {
		t.Fatal(err)
	}
	c.Add(1)
	if _, err := b.Metrics().Timer(perfmon.Metric{Name: "export_seconds"}); err != nil {
		t.Fatal(err)
	}
	b.request(time.Millisecond, "GET", "/", 200)
	b.RecordCacheHit()
	b.RecordQuery(time.Second)
	b.step()
	cmd := exec.Command(promtool, "check", "metrics")
	cmd.Stdin = strings.NewReader(b.scrape())
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}
