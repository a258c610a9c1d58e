package perfmon_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/sketch"
)

// A point of a gauge is the mean of its steps; of a counter and a timer it is computed
// from all that was counted.
func TestKindsMakePoints(t *testing.T) {
	b := start(t)
	g, err := b.Metrics().Gauge(perfmon.Metric{Name: "level"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := b.Metrics().Counter(perfmon.Metric{Name: "events"})
	if err != nil {
		t.Fatal(err)
	}
	timer, err := b.Metrics().Timer(perfmon.Metric{Name: "render", Worse: perfmon.HigherIsWorse})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 6 {
		g.Set(float64(i))
		c.Add(uint64(10 * i))
		for range 10 {
			timer.Record(time.Duration(i+1) * time.Millisecond)
		}
		s := b.step()
		for metric, want := range map[string]float64{"level": float64(i), "events": float64(i), "render_p95": float64(i+1) / 1000, "render_avg": float64(i+1) / 1000} {
			if got := b.value(s, metric); math.Abs(got-want) > 0.01*want {
				t.Errorf("step %d: %s is %v, want %v", i, metric, got, want)
			}
		}
	}
	got := map[string]perfmon.Values{}
	for name, column := range series(t, b.Monitor, perfmon.Scope{}, 0, "level", "events", "render_p50", "render_p99", "render_avg").Metrics {
		got[name] = column.Values
	}
	want := map[string]perfmon.Values{
		"level": {2.5}, "events": {2.5}, "render_p50": {0.003}, "render_p99": {0.006}, "render_avg": {0.0035},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0.01, 0)); diff != "" {
		t.Errorf("points (-want +got):\n%s", diff)
	}
	if c.Total() != 150 {
		t.Errorf("the counter's total is %d", c.Total())
	}
	b.RecordCacheHit()
	b.RecordCacheMiss()
	b.RecordQuery(time.Second)
	totals := map[string]perfmon.MetricTotal{}
	for _, total := range b.Metrics().Totals() {
		if total.Times != nil && total.Times.Count() != total.Count {
			t.Errorf("%s: the sketch holds %d durations, want %d", total.Metric, total.Times.Count(), total.Count)
		}
		total.Times = nil
		totals[total.Metric] = total
	}
	wantTotals := map[string]perfmon.MetricTotal{
		perfmon.CacheHitRate:         {Metric: perfmon.CacheHitRate, Count: 2, Hits: 1},
		perfmon.DatabaseQueryTimeAvg: {Metric: perfmon.DatabaseQueryTimeAvg, Count: 1, Seconds: perfmon.ValueOf(1)},
		"events":                     {Metric: "events", Count: 150},
		"render":                     {Metric: "render", Count: 60, Seconds: totals["render"].Seconds},
	}
	if diff := cmp.Diff(wantTotals, totals); diff != "" || math.Abs(totals["render"].Seconds.Float()-0.21) > 0.002 {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
	kinds := map[string]perfmon.Kind{}
	for _, name := range []string{"level", "events", "render_p50", perfmon.ResponseTimeP95, perfmon.ErrorRate, perfmon.Goroutines} {
		m, _ := b.Metrics().Get(name)
		kinds[name] = m.Kind
	}
	wantKinds := map[string]perfmon.Kind{
		"level": perfmon.KindGauge, "events": perfmon.KindCounter, "render_p50": perfmon.KindTiming,
		perfmon.ResponseTimeP95: perfmon.KindTiming, perfmon.ErrorRate: perfmon.KindCounter, perfmon.Goroutines: perfmon.KindGauge,
	}
	if diff := cmp.Diff(wantKinds, kinds); diff != "" {
		t.Errorf("kinds (-want +got):\n%s", diff)
	}
}

// Totals count from the start, scope by scope; those of the endpoints add up to those of
// the service.
func TestTotals(t *testing.T) {
	b := start(t)
	rng := rand.New(rand.NewPCG(4, 4))
	var wantRequests, wantErrors uint64
	for range 20 {
		for range rng.IntN(50) {
			status := []int{200, 204, 404, 500}[rng.IntN(4)]
			wantRequests++
			if status == 500 {
				wantErrors++
			}
			b.rec.Record(time.Duration(rng.IntN(1e9)), &perfmon.Response{
				Method: "GET", Pattern: []string{"/a", "/b"}[rng.IntN(2)], Status: status, Organization: "acme",
			})
		}
		b.step()
	}
	service, err := b.History().Totals(perfmon.Scope{})
	if err != nil || service.Requests != wantRequests || service.Errors != wantErrors || service.Times.Count() != wantRequests {
		t.Errorf("%v: %+v, want %d requests and %d errors", err, service, wantRequests, wantErrors)
	}
	var sum perfmon.Totals
	sum.Times = &sketch.Sketch{}
	for _, name := range []string{"GET /a", "GET /b"} {
		e, err := b.History().Totals(perfmon.Scope{Endpoint: name})
		if err != nil {
			t.Fatal(err)
		}
		sum.Requests += e.Requests
		sum.Errors += e.Errors
		for i, n := range e.Statuses {
			sum.Statuses[i] += n
		}
		sum.Times.Merge(e.Times)
	}
	if sum.Requests != service.Requests || sum.Errors != service.Errors || sum.Statuses != service.Statuses || sum.Times.Quantile(0.9) != service.Times.Quantile(0.9) {
		t.Errorf("endpoints add up to %+v, the service has %+v", sum, service)
	}
	if org, err := b.History().Totals(perfmon.Scope{Organization: "acme"}); err != nil || org.Requests != wantRequests {
		t.Errorf("%v: %+v", err, org)
	}
}

// A metric may be registered ahead, so that an option can name it.
func TestThresholdOfOnesOwnGauge(t *testing.T) {
	lag := perfmon.Metric{Name: "lag", Unit: "s", Worse: perfmon.HigherIsWorse}
	b := start(t, perfmon.WithMetric(lag), perfmon.WithThreshold(perfmon.Threshold{Metric: "lag", Warning: perfmon.ValueOf(5)}))
	g, err := b.Metrics().Gauge(lag)
	if err != nil {
		t.Fatal(err)
	}
	g.Set(6)
	for range 3 {
		b.step()
	}
	if e := b.event(); e.Alert.Metric != "lag" {
		t.Errorf("got %v", e)
	}
	if _, err := b.Metrics().Gauge(lag); err == nil {
		t.Error("it can be fed twice")
	}
}

// Settings change at run time, and say who changed them.
func TestSettingsAtRunTime(t *testing.T) {
	b := start(t, perfmon.WithRetention(2*time.Hour), perfmon.WithStep(time.Minute))
	for i := range 90 {
		b.request(time.Duration(i)*time.Millisecond, 200)
		b.step()
	}
	hour, two, off := time.Hour, 2, false
	got, err := b.Config().Update(perfmon.SettingsUpdate{
		Retention: &hour, MaxEndpoints: &two, TrendAnalysis: &off, Sensitivities: map[string]float64{perfmon.ErrorRate: 0.5},
	}, "ann")
	if err != nil || got.Retention != hour || got.MaxEndpoints != 2 || got.TrendAnalysis || got.Sensitivities[perfmon.ErrorRate] != 0.5 {
		t.Fatalf("%+v, %v", got, err)
	}
	origins := b.Config().Origins()
	if o := origins["Retention"]; o.Source != perfmon.SourceRunTime || o.By != "ann" || !o.At.Equal(b.Now()) {
		t.Errorf("retention comes from %+v", o)
	}
	if o := origins["AlertCooldown"]; o.Source != perfmon.SourceDefault {
		t.Errorf("the cooldown comes from %+v", o)
	}
	h := series(t, b.Monitor, perfmon.Scope{Endpoint: "GET /"}, 0, perfmon.ResponseTimeP50)
	if n := len(h.Times); n != 60 || math.Abs(h.Metrics[perfmon.ResponseTimeP50].Values[0]-0.03) > 0.001 {
		t.Errorf("%d points, the first is %v", n, h.Metrics[perfmon.ResponseTimeP50].Values[0])
	}
	if tr, err := b.History().Trend(perfmon.ResponseTimeP95, perfmon.Scope{}, 0); err != nil || tr.Direction != perfmon.Stable || tr.Missing == "" {
		t.Errorf("the trend is %+v, %v", tr, err)
	}
	for _, pattern := range []string{"/b", "/c", "/d"} {
		b.rec.Record(time.Millisecond, &perfmon.Response{Method: "GET", Pattern: pattern, Status: 200})
	}
	b.step()
	if used := b.Diagnostics().Tables[0]; used.Used != 2 || used.Folded != 2 {
		t.Errorf("the table of endpoints: %+v", used)
	}
	bad := time.Duration(1)
	if _, err := b.Config().Update(perfmon.SettingsUpdate{Retention: &bad}, "ann"); err == nil {
		t.Error("a retention of 1 ns is accepted")
	}
	if _, err := b.Config().Update(perfmon.SettingsUpdate{Sensitivities: map[string]float64{"nope": 1}}, "ann"); err == nil {
		t.Error("the sensitivity of an unknown metric is accepted")
	}
}
