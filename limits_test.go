package perfmon_test

import (
	"errors"
	"flag"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/backend-prs/perfmon"
)

// heap is what is in use after a collection.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// limit returns how far something has grown.
func (b *bench) limit(name string) perfmon.LimitStatus {
	b.t.Helper()
	for _, l := range b.Diagnostics().Limits {
		if l.Limit == name {
			return l
		}
	}
	b.t.Fatalf("no limit is called %s", name)
	return perfmon.LimitStatus{}
}

// docs/limits.md has the figures of a run with -past 100, which takes some minutes.
var past = flag.Int("past", 5, "how many times past its limit TestMemoryIsFlatPastTheLimits goes")

// Many times past each limit, memory is as it was at the limit, and what found no room is
// counted.
func TestMemoryIsFlatPastTheLimits(t *testing.T) {
	raise := func(metadata map[string]any) func(b *bench, i int) {
		return func(b *bench, i int) {
			a, err := b.Alerts().Raise(perfmon.HostAlert{
				Metric: "m", Severity: perfmon.Warning, Message: strings.Repeat("m", 100), Metadata: metadata, Scope: perfmon.Scope{Endpoint: fmt.Sprint(i % 500)},
			})
			if err != nil {
				b.t.Fatal(err)
			}
			if _, err := b.Alerts().Resolve(a.ID, "test"); err != nil {
				b.t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		limit   string
		options []perfmon.Option
		most    int // that are made first
		grow    func(b *bench, i int)
		spare   uint64 // by how much the heap may differ
	}{
		{"endpoints", []perfmon.Option{perfmon.WithMaxEndpoints(100)}, 100, func(b *bench, i int) {
			b.rec.Record(time.Millisecond, &perfmon.Response{Method: "GET", Pattern: fmt.Sprint("/", i), Status: 200})
		}, 1 << 20},
		{"organizations", []perfmon.Option{perfmon.WithMaxOrganizations(100)}, 100, func(b *bench, i int) {
			b.rec.Record(time.Millisecond, &perfmon.Response{Method: "GET", Pattern: "/", Status: 200, Organization: fmt.Sprint("org", i)})
		}, 1 << 20},
		{"metrics", nil, perfmon.MaxMetrics, func(b *bench, i int) {
			_, err := b.Metrics().Gauge(metric(fmt.Sprint("m", i)))
			var field *perfmon.FieldError
			if err != nil && (!errors.As(err, &field) || field.Field != "Metric.Name") {
				b.t.Fatal(err)
			}
		}, 1 << 20},
		{"thresholds", []perfmon.Option{perfmon.WithoutDefaultThresholds()}, perfmon.MaxThresholds, func(b *bench, i int) {
			_, _ = b.Thresholds().Set(perfmon.Threshold{
				Metric: perfmon.ErrorRate, Scope: perfmon.ScopeEndpoint, AppliesTo: fmt.Sprint("GET /", i), Warning: perfmon.ValueOf(5),
			}, "test")
		}, 1 << 20},
		{"alerts", []perfmon.Option{perfmon.WithAlertCooldown(0)}, 10_000, raise(nil), 4 << 20},
		{"alert_bytes", []perfmon.Option{perfmon.WithAlertCooldown(0)}, 3_000, raise(map[string]any{"x": strings.Repeat("y", 15<<10)}), 6 << 20},
		{"alert_keys", nil, 50_000, func(b *bench, i int) {
			_, err := b.Alerts().Raise(perfmon.HostAlert{Metric: "m", Severity: perfmon.Warning, Message: "m", Scope: perfmon.Scope{Endpoint: fmt.Sprint(i)}})
			if (err != nil) != (i >= 50_000) {
				b.t.Fatalf("alert %d: %v", i, err)
			}
		}, 4 << 20},
		{"events", []perfmon.Option{perfmon.WithAlertCooldown(0)}, 10_000, raise(nil), 4 << 20},
		{"markers", nil, 10_000, func(b *bench, i int) {
			if _, err := b.Markers().Add(perfmon.NewMarker{Kind: perfmon.MarkerNote, Title: fmt.Sprint("note ", i)}, "test"); err != nil {
				b.t.Fatal(err)
			}
		}, 1 << 20},
		{"silences", nil, perfmon.MaxSilences, func(b *bench, i int) {
			_, _ = b.Silences().Add(perfmon.NewSilence{Metric: fmt.Sprint("m", i), Until: b.Now().Add(time.Hour), Reason: "work"}, "test")
		}, 1 << 20},
		{"silences_over", nil, 3000, func(b *bench, i int) {
			s, err := b.Silences().Add(perfmon.NewSilence{Metric: fmt.Sprint("m", i), Until: b.Now().Add(time.Hour), Reason: "work"}, "test")
			if err != nil {
				b.t.Fatal(err)
			}
			if _, err := b.Silences().End(s.ID, "test"); err != nil {
				b.t.Fatal(err)
			}
		}, 1 << 20},
		{"callbacks", nil, 1000, func(b *bench, i int) { b.OnAlert(func(perfmon.AlertEvent) {}) }, 1 << 20},
	} {
		t.Run(c.limit, func(t *testing.T) {
			b := start(t, c.options...)
			go func() { // what is told of this test is not looked at
				for range b.events {
				}
			}()
			for i := range c.most {
				c.grow(b, i)
			}
			b.step()
			before, full := b.limit(c.limit), heap()
			for i := range c.most * *past {
				c.grow(b, c.most+i)
			}
			b.step()
			after, now := b.limit(c.limit), heap()
			if now > full+c.spare {
				t.Errorf("the heap grew from %d to %d KiB", full>>10, now>>10)
			}
			if after.Used > after.Most {
				t.Errorf("%d of at most %d", after.Used, after.Most)
			}
			if after.Hit <= before.Hit {
				t.Errorf("what found no room is not counted: %+v, then %+v", before, after)
			}
			t.Logf("%d past the limit of %d: %.1f MiB at the limit, %.1f past it, %d found no room", c.most**past, after.Most, float64(full)/(1<<20), float64(now)/(1<<20), after.Hit)
		})
	}
}

// A callback that is cancelled gives its place back.
func TestCancelledCallbacksMakeRoom(t *testing.T) {
	b := start(t)
	for range 10_000 {
		b.OnAlert(func(perfmon.AlertEvent) {})()
	}
	if l := b.limit("callbacks"); l.Hit != 0 || l.Used > 2 {
		t.Errorf("%+v", l)
	}
}
