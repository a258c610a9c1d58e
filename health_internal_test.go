package perfmon

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon/internal/traffic"
)

// The worst active alert gives the verdict, of equal ones the newest.
func TestVerdict(t *testing.T) {
	of := func(s Severity, message string, opened int) *Alert {
		return &Alert{Severity: s, Message: message, OpenedAt: epoch.Add(time.Duration(opened) * time.Second)}
	}
	for _, test := range []struct {
		name   string
		active []*Alert // newest first
		status HealthStatus
		reason string
		since  time.Time
	}{
		{"nothing", nil, Healthy, "No alert is active.", time.Time{}},
		{"a warning", []*Alert{of(Warning, "w", 1)}, HealthWarning, "w", epoch.Add(time.Second)},
		{"two warnings", []*Alert{of(Warning, "new", 2), of(Warning, "old", 1)}, HealthWarning, "new", epoch.Add(2 * time.Second)},
		{"an older critical one", []*Alert{of(Warning, "w", 2), of(Critical, "c", 1)}, HealthCritical, "c", epoch.Add(time.Second)},
		{"a newer critical one", []*Alert{of(Critical, "c", 2), of(Warning, "w", 1)}, HealthCritical, "c", epoch.Add(2 * time.Second)},
		{"two critical ones", []*Alert{of(Critical, "new", 2), of(Critical, "old", 1)}, HealthCritical, "new", epoch.Add(2 * time.Second)},
	} {
		status, reason, since := verdict(test.active)
		if status != test.status || reason != test.reason || !since.Equal(test.since) {
			t.Errorf("%s: %s since %v: %s", test.name, status, since, reason)
		}
	}
}

// A target is met beyond its limit, and not at it.
func TestTargetMet(t *testing.T) {
	for _, test := range []struct {
		c     Comparison
		value Value
		want  string
	}{
		{Less, ValueOf(1), "met"}, {Less, ValueOf(2), "missed"}, {Less, ValueOf(3), "missed"},
		{Greater, ValueOf(1), "missed"}, {Greater, ValueOf(2), "missed"}, {Greater, ValueOf(3), "met"},
		{Less, Value{}, "unknown"}, {Greater, Value{}, "unknown"},
	} {
		got := "unknown"
		if m := (Target{Comparison: test.c, Limit: 2, Value: test.value}).met().Met; m != nil {
			got = map[bool]string{true: "met", false: "missed"}[*m]
		}
		if got != test.want {
			t.Errorf("%v is %s than 2: %s, want %s", test.value, test.c, got, test.want)
		}
	}
}

func TestHourlyMeans(t *testing.T) {
	nan := math.NaN()
	equal := func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }
	for _, test := range []struct {
		values []float64
		want   float64
	}{{nil, nan}, {[]float64{nan}, nan}, {[]float64{1, nan, 2, 6}, 3}} {
		if got := meanOf(test.values); !equal(got, test.want) {
			t.Errorf("the mean of %v is %v", test.values, got)
		}
	}
	// Points at 11:50, 12:00, 12:10 and so on.
	times := make([]time.Time, 18)
	for i := range times {
		times[i] = epoch.Add(time.Duration(i-1) * 10 * time.Minute)
	}
	for _, test := range []struct {
		name   string
		values []float64
		want   float64
	}{
		{"nothing", nil, nan},
		{"all absent", []float64{nan, nan, nan}, nan},
		{"the first", []float64{9, 1, 1, 1, 1, 1, 1, 2, 2, 2}, 9},
		{"in between", []float64{1, 7, 8, 9, 7, 8, 9, 2, 2, 2}, 8},
		{"the last", []float64{1, 2, 2, 2, 2, 2, 2, 4, 5, 6}, 5},
		{"with gaps", []float64{nan, 2, nan, 4, nan, nan, nan, 1, 1}, 3},
		{"an absent hour at the end", []float64{5, 2, 2, 2, 2, 2, 2, nan, nan}, 5},
		{"an absent hour first", []float64{nan, 2, 2, 2, 2, 2, 2, 1}, 2},
	} {
		if got := busiestHour(times, test.values); !equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
	s := Series{Times: times[:4], Metrics: map[string]Column{"m": {Values: Values{1, 2, 4, 6}}}}
	for i, want := range []float64{4, 5, 6, nan} { // what is at t is not after it
		if got := meanSince(s, "m", times[i]); !equal(got, want) {
			t.Errorf("after point %d: %v, want %v", i, got, want)
		}
	}
}

// The status is not known without a fresh sample.
func TestHealthNeedsASample(t *testing.T) {
	m, _ := resting(t)
	check := func(want HealthStatus, reason string) {
		t.Helper()
		if h := m.Health(AlertQuery{}); h.Status != want || !strings.Contains(h.Reason, reason) || len(h.Targets) != 6 {
			t.Errorf("%s: %s; want %s: %s", h.Status, h.Reason, want, reason)
		}
	}
	check(HealthUnknown, "has not started")
	if err := m.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	check(HealthUnknown, "first step has not ended")
	sample := func(old time.Duration) {
		s := m.sampleOf(nil)
		s.Time = m.Now().Add(-old)
		m.current.Store(s)
	}
	sample(30 * time.Second)
	check(Healthy, "No alert is active.")
	sample(30*time.Second + 1)
	check(HealthUnknown, "The latest sample is 30s old.")
	sample(90 * time.Second)
	check(HealthUnknown, "The latest sample is 1m30s old.")
	sample(0)
	// Alerts count that are active and that the query picks.
	raise := func(s Severity, metric, org string) Alert {
		t.Helper()
		a, err := m.Alerts().Raise(HostAlert{Metric: metric, Severity: s, Message: metric + " is bad", Scope: Scope{Organization: org}})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	old := raise(Critical, "over", "")
	if _, err := m.Alerts().Resolve(old.ID, "ann"); err != nil {
		t.Fatal(err)
	}
	check(Healthy, "No alert is active.")
	raise(Critical, "older", "")
	raise(Warning, "newer", "acme")
	check(HealthCritical, "older is bad")
	if h := m.Health(AlertQuery{Organization: "acme", Limit: 1}); h.Status != HealthWarning || h.Reason != "newer is bad" || h.Since.IsZero() {
		t.Errorf("to acme: %+v", h)
	}
	if h := m.Health(AlertQuery{Limit: 1}); h.Status != HealthCritical {
		t.Errorf("with a limit of one: %+v", h)
	}
	no := false
	if _, err := m.Config().Update(SettingsUpdate{Enabled: &no}, "ann"); err != nil {
		t.Fatal(err)
	}
	check(HealthUnknown, "disabled")
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	check(HealthUnknown, "closed")
}

// The targets take the worst endpoint, of equals the busiest one, the busiest hour and the mean of the last hour.
func TestTargetValues(t *testing.T) {
	m, mock := resting(t)
	c := m.registry.catalog()
	for i := 1; i <= 120; i++ {
		mock.Add(time.Minute)
		values := absent(len(c.metrics))
		rate, share := 100.0, 90.0 // by the hour
		if i > 60 {
			rate, share = 20, 85
		}
		values[c.index[ThroughputRPS]], values[c.index[CacheHitRate]] = rate, share
		if i > 100 {
			for endpoint, count := range map[string][2]uint64{"GET /a": {1, 100}, "GET /b": {3, 100}, "GET /c": {2, 100}, "GET /d": {0, 100}, "GET /e": {6, 200}} {
				d := traffic.Counts{Errors: count[0], Responses: count[1]}
				d.Times.Add(uint64(time.Second))
				m.history.count(Scope{Endpoint: endpoint}, m.Now(), &d)
			}
		}
		m.history.close(m.Now(), time.Minute, 48*time.Hour, c, values, false)
	}
	s := m.sampleOf(map[string]float64{CPUUsagePercent: 60, MemoryUsagePercent: 69, CacheHitRate: 1})
	m.current.Store(s)
	type row struct {
		Metric     string
		Comparison Comparison
		Limit      float64
		Value      float64
		Met        bool
		Over       string
	}
	var got []row
	for _, target := range m.targets() {
		v := math.Round(100*target.Value.Float()) / 100
		got = append(got, row{target.Metric, target.Comparison, target.Limit, v, *target.Met, target.Over})
	}
	want := []row{
		{ResponseTimeP95, Less, 2, 1, true, "all requests, last hour"},
		{ThroughputRPS, Greater, 50, 100, true, "busiest hour of the last 24"},
		{ErrorRate, Less, 1, 3, false, "GET /e, the worst endpoint, last hour"},
		{CacheHitRate, Greater, 80, 85, true, "last hour"},
		{MemoryUsagePercent, Less, 70, 69, true, "now"},
		{CPUUsagePercent, Less, 60, 60, false, "last hour"}, // no points: the latest
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	day, mock := resting(t)
	day.remember(10*time.Minute, ThroughputRPS, 1000)
	day.remember(40*time.Minute, ThroughputRPS, 500)
	mock.Set(epoch.Add(24*time.Hour + 30*time.Minute))
	if got := day.targets()[1].Value; got != ValueOf(500) {
		t.Errorf("the busiest hour of a day is %v", got)
	}
	empty, _ := resting(t)
	for _, target := range empty.targets() {
		if !target.Value.IsAbsent() || target.Met != nil {
			t.Errorf("of an empty monitor: %+v", target)
		}
		if target.Metric == ErrorRate && target.Over != "all endpoints, last hour" {
			t.Errorf("no endpoint is called %q", target.Over)
		}
	}
}
