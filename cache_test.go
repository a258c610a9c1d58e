package perfmon_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/internal/paired"
)

func TestCache(t *testing.T) {
	b := start(t)
	sessions, err := b.Metrics().Cache("sessions")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := b.Metrics().Cache("pages_2")
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"cache_sessions_hit_rate", "cache_sessions_hits", "cache_sessions_misses", "cache_sessions_evictions", "cache_sessions_size", perfmon.CacheHitRate}
	read := func() map[string]float64 {
		got := map[string]float64{}
		s := b.step()
		for _, name := range names {
			if v, ok := s.Value(name); ok {
				got[name] = v
			}
		}
		return got
	}
	want := map[string]float64{"cache_sessions_hits": 0, "cache_sessions_misses": 0, "cache_sessions_evictions": 0}
	if diff := cmp.Diff(want, read()); diff != "" {
		t.Errorf("unused (-want +got):\n%s", diff)
	}
	for range 30 {
		sessions.Hit()
		pages.Miss()
	}
	for range 10 {
		sessions.Miss()
		b.RecordCacheHit()
	}
	sessions.Evicted(5)
	sessions.SetSize(7)
	want = map[string]float64{
		"cache_sessions_hit_rate": 75, "cache_sessions_hits": 3, "cache_sessions_misses": 1,
		"cache_sessions_evictions": 0.5, "cache_sessions_size": 7, perfmon.CacheHitRate: 50, // of all: 40 of 80
	}
	if diff := cmp.Diff(want, read()); diff != "" {
		t.Errorf("used (-want +got):\n%s", diff)
	}
	totals := map[string]perfmon.MetricTotal{}
	for _, total := range b.Metrics().Totals() {
		totals[total.Metric] = total
	}
	if got := totals["cache_sessions_hit_rate"]; got.Count != 40 || got.Hits != 30 {
		t.Errorf("the total is %+v", got)
	}
	if got := totals[perfmon.CacheHitRate]; got.Count != 80 || got.Hits != 40 {
		t.Errorf("the total of all caches is %+v", got)
	}
}

func TestCacheNames(t *testing.T) {
	b := start(t)
	if _, err := b.Metrics().Cache("used"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "Sessions", "my cache", strings.Repeat("x", 49), "used"} {
		var field *perfmon.FieldError
		if _, err := b.Metrics().Cache(name); !errors.As(err, &field) {
			t.Errorf("the name %q: %v", name, err)
		}
	}
	if _, err := b.Metrics().Cache(strings.Repeat("x", 48)); err != nil {
		t.Error(err)
	}
}

func BenchmarkCache(b *testing.B) {
	m, err := perfmon.New()
	if err != nil {
		b.Fatal(err)
	}
	c, err := m.Metrics().Cache("sessions")
	if err != nil {
		b.Fatal(err)
	}
	paired.Compare(b, func() {}, c.Hit)
}
