package perfmon_test

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/backend-prs/perfmon"
)

// An endpoint's share is that of the time its requests took: a rare slow one may have more
// of it than a frequent fast one. All series have the same times.
func TestEndpointTable(t *testing.T) {
	b := start(t, perfmon.WithStep(time.Minute), perfmon.WithInterval(time.Minute))
	record := func(pattern string, n int, took time.Duration, status int) {
		for range n {
			b.rec.Record(took, &perfmon.Response{Method: "GET", Pattern: pattern, Status: status, Organization: "acme"})
		}
	}
	if got := b.History().EndpointTable(0, 0); len(got.Times) != 0 || got.Endpoints == nil || len(got.Endpoints) != 0 {
		t.Errorf("before there is anything: %+v", got)
	}
	for minute := range 4 {
		record("/fast", 90, 10*time.Millisecond, 200)
		if minute == 2 {
			record("/slow", 12, 900*time.Millisecond, 500)
		}
		b.step()
	}
	nan := math.NaN()
	approx := cmpopts.EquateApprox(0.02, 0)
	type row struct {
		Endpoint        string
		Share           float64
		Requests        uint64
		P95, RPS, Error perfmon.Values
	}
	rows := func(table perfmon.EndpointTable) (rows []row) {
		for _, e := range table.Endpoints {
			rows = append(rows, row{e.Endpoint, e.Share.Float(), e.Requests, e.Series.P95, e.Series.Throughput, e.Series.ErrorRate})
		}
		return rows
	}
	all := b.History().EndpointTable(0, 0)
	want := []row{
		{"GET /slow", 75, 12, perfmon.Values{nan, nan, 0.9, nan}, perfmon.Values{nan, nan, 0.2, 0}, perfmon.Values{nan, nan, 100, nan}},
		{"GET /fast", 25, 360, perfmon.Values{0.01, 0.01, 0.01, 0.01}, perfmon.Values{1.5, 1.5, 1.5, 1.5}, perfmon.Values{0, 0, 0, 0}},
	}
	if diff := cmp.Diff(want, rows(all), approx, cmpopts.EquateNaNs()); diff != "" || len(all.Times) != 4 {
		t.Errorf("%d times (-want +got):\n%s", len(all.Times), diff)
	}
	half := b.History().EndpointTable(0, 2)
	want[0].P95, want[0].RPS, want[0].Error = perfmon.Values{nan, 0.9}, perfmon.Values{nan, 0}, perfmon.Values{nan, 100}
	want[1].P95, want[1].RPS, want[1].Error = perfmon.Values{0.01, 0.01}, perfmon.Values{1.5, 1.5}, perfmon.Values{0, 0}
	if diff := cmp.Diff(want, rows(half), approx, cmpopts.EquateNaNs()); diff != "" || !half.Times[1].Equal(all.Times[3]) {
		t.Errorf("two points, until %v (-want +got):\n%s", half.Times, diff)
	}
	b.step()
	// The figures are those of Endpoints, and the points those of Series.
	for _, e := range b.History().EndpointTable(2*time.Hour, 3).Endpoints {
		s := series(t, b.Monitor, e.Scope, 2*time.Hour).Downsample(3)
		got := map[string]perfmon.Values{perfmon.ResponseTimeP95: e.Series.P95, perfmon.ThroughputRPS: e.Series.Throughput, perfmon.ErrorRate: e.Series.ErrorRate}
		for name, values := range got {
			if diff := cmp.Diff(s.Metrics[name].Values, values, cmpopts.EquateNaNs()); diff != "" {
				t.Errorf("%s of %s (-Series +EndpointTable):\n%s", name, e.Endpoint, diff)
			}
		}
		for _, stats := range b.History().Endpoints(2 * time.Hour) {
			if diff := cmp.Diff(stats, e.RequestStats); stats.Endpoint == e.Endpoint && diff != "" {
				t.Errorf("%s (-Endpoints +EndpointTable):\n%s", e.Endpoint, diff)
			}
		}
	}
}

// What was counted since the last point counts for as long as it took, also in a window
// that is shorter: the figures of ten requests a second say so however short it is. A gap
// before it is no part of that time.
func TestThroughputOfAShortWindow(t *testing.T) {
	b := start(t) // a step of 10 s, an interval of 60 s
	second := func() {
		for range 100 {
			b.rec.Record(time.Millisecond, &perfmon.Response{Method: "GET", Pattern: "/", Status: 200, Organization: "acme"})
		}
		b.step()
	}
	check := func(window, since time.Duration) {
		t.Helper()
		h := b.History()
		for name, s := range map[string]perfmon.RequestStats{
			"service": h.Requests(window), "endpoint": h.Endpoints(window)[0], "organization": h.Organizations(window)[0], "row": h.EndpointTable(window, 0).Endpoints[0].RequestStats,
		} {
			if rps := s.Throughput.Float(); math.Abs(rps-10) > 1e-9 || !s.From.Equal(noon.Add(since)) {
				t.Errorf("%s over %v: %v/s of %d requests from %v", name, window, rps, s.Requests, s.From)
			}
		}
	}
	for range 3 {
		second()
	}
	check(9700*time.Millisecond, 0) // before the first point
	for range 8 {
		second()
	}
	check(9700*time.Millisecond, time.Minute)
	check(49*time.Second, time.Minute)
	off, on := false, true
	if _, err := b.Config().Update(perfmon.SettingsUpdate{Enabled: &off}, "test"); err != nil {
		t.Fatal(err)
	}
	b.clock.Add(35 * time.Minute)
	if _, err := b.Config().Update(perfmon.SettingsUpdate{Enabled: &on}, "test"); err != nil {
		t.Fatal(err)
	}
	b.clock.Add(b.Step()) // finds the gap
	began := b.Now().Sub(noon)
	for range 2 {
		second()
	}
	check(5*time.Second, began)
}
