package perfmon_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/exp/slices"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/analyze"
)

func TestRetention(t *testing.T) {
	g := 0.0
	b := start(t, perfmon.WithInterval(time.Minute), perfmon.WithStep(time.Minute), perfmon.WithRetention(10*time.Minute),
		perfmon.WithMetricFunc(perfmon.Metric{Name: "n"}, func() float64 { g++; return g }))
	for range 25 {
		b.step()
	}
	h := series(b.t, b.Monitor, perfmon.Scope{}, 0, "n")
	if diff := cmp.Diff(perfmon.Values{16, 17, 18, 19, 20, 21, 22, 23, 24, 25}, h.Metrics["n"].Values); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if last := h.Times[9]; !last.Equal(b.Now()) {
		t.Errorf("the last point is of %v, now is %v", last, b.Now())
	}
	h = series(b.t, b.Monitor, perfmon.Scope{}, 3*time.Minute, "n")
	if diff := cmp.Diff(perfmon.Values{23, 24, 25}, h.Metrics["n"].Values); diff != "" {
		t.Errorf("a window (-want +got):\n%s", diff)
	}
	for name, test := range map[string]struct {
		until  time.Time
		window time.Duration
		want   perfmon.Values
	}{
		"until a point":         {h.Times[1], 2 * time.Minute, perfmon.Values{23, 24}},
		"until between two":     {h.Times[1].Add(time.Second), time.Minute, perfmon.Values{24}},
		"until now":             {b.Now(), 2 * time.Minute, perfmon.Values{24, 25}},
		"until later":           {b.Now().Add(time.Minute), 2 * time.Minute, perfmon.Values{25}},
		"all until a point":     {h.Times[0].Add(-6 * time.Minute), 0, perfmon.Values{16, 17}},
		"before there was any":  {b.Now().Add(-time.Hour), time.Minute, perfmon.Values{}},
		"reaching further back": {h.Times[0].Add(-7 * time.Minute), time.Hour, perfmon.Values{16}},
	} {
		s, err := b.History().SeriesUntil(test.until, perfmon.Scope{}, test.window, "n")
		if diff := cmp.Diff(test.want, s.Metrics["n"].Values); err != nil || diff != "" || len(s.Times) != len(test.want) {
			t.Errorf("%s: %v, %d times (-want +got):\n%s", name, err, len(s.Times), diff)
		}
	}
	for name, ask := range map[string]func() error{
		"an endpoint": func() error { _, err := b.History().Series(perfmon.Scope{Endpoint: "GET /nowhere"}, 0); return err },
		"an end":      func() error { _, err := b.History().SeriesUntil(b.Now(), perfmon.Scope{}, 0, "latency"); return err },
		"a metric":    func() error { _, err := b.History().Series(perfmon.Scope{}, 0, "latency"); return err },
		"a trend":     func() error { _, err := b.History().Trend("latency", perfmon.Scope{}, 0); return err },
		"a summary":   func() error { _, err := b.History().Summary("n", perfmon.Scope{Organization: "acme"}, 0); return err },
		"totals":      func() error { _, err := b.History().Totals(perfmon.Scope{Endpoint: "GET /nowhere"}); return err },
	} {
		if err := ask(); !errors.Is(err, perfmon.ErrNotFound) {
			t.Errorf("%s that is not there: %v", name, err)
		}
	}
}

func TestDownsample(t *testing.T) {
	nan := math.NaN()
	var s perfmon.Series
	s.Metrics = map[string]perfmon.Column{"up": {Worse: perfmon.HigherIsWorse}, "down": {Worse: perfmon.LowerIsWorse}, "flat": {}}
	for i, v := range []float64{1, 9, 2, nan, nan, nan, 5, 3} {
		s.Times = append(s.Times, time.Unix(int64(i), 0).UTC())
		for name, c := range s.Metrics {
			c.Values = append(c.Values, v)
			s.Metrics[name] = c
		}
	}
	got := s.Downsample(3)
	want := perfmon.Series{
		Times: []time.Time{s.Times[1], s.Times[4], s.Times[7]},
		Metrics: map[string]perfmon.Column{
			"up": {Worse: perfmon.HigherIsWorse, Values: perfmon.Values{9, 2, 5}}, "down": {Worse: perfmon.LowerIsWorse, Values: perfmon.Values{1, 2, 3}},
			"flat": {Values: perfmon.Values{5, 2, 4}},
		},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(s, s.Downsample(100), cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("a short series was changed (-want +got):\n%s", diff)
	}
}

// The percentiles of an endpoint's window are those of all its requests in it.
func TestEndpointsOverAWindow(t *testing.T) {
	b := start(t)
	rng := rand.New(rand.NewPCG(3, 3))
	type request struct {
		at time.Time
		d  float64
	}
	all := map[string][]request{}
	for range 3 * 360 {
		for i, pattern := range []string{"/busy", "/calm"} {
			for range rng.IntN(20 >> (3 * i)) {
				d := time.Duration(rng.ExpFloat64() * 5e7)
				status := 200
				if rng.IntN(10) == 0 {
					status = 500
				}
				b.rec.Record(d, &perfmon.Response{Method: "GET", Pattern: pattern, Status: status})
				all["GET "+pattern] = append(all["GET "+pattern], request{b.clock.Now().Add(10 * time.Second), d.Seconds()})
			}
		}
		b.step()
	}
	for _, window := range []time.Duration{10 * time.Minute, time.Hour, 3 * time.Hour, 0} {
		got := b.History().Endpoints(window)
		if len(got) != 2 || got[0].Scope.Endpoint != "GET /busy" {
			t.Fatalf("endpoints: %+v", got)
		}
		for _, e := range got {
			var times []float64
			for _, r := range all[e.Scope.Endpoint] {
				if r.at.After(e.From) {
					times = append(times, r.d)
				}
			}
			slices.Sort(times)
			if int(e.Requests) != len(times) {
				t.Errorf("%v: %s has %d requests since %v, want %d", window, e.Scope, e.Requests, e.From, len(times))
				continue
			}
			for q, v := range map[float64]float64{0.5: e.P50.Float(), 0.95: e.P95.Float(), 0.99: e.P99.Float()} {
				if want := times[int(math.Ceil(q*float64(len(times))))-1]; math.Abs(v-want)/want > 0.01 {
					t.Errorf("%v: quantile %v of %s is %v, want %v", window, q, e.Scope, v, want)
				}
			}
			if math.Abs(e.ErrorRate.Float()-10) > 3 {
				t.Errorf("%v: %s has an error rate of %v", window, e.Scope, e.ErrorRate)
			}
		}
	}
	total := b.History().Requests(0)
	if want := uint64(len(all["GET /busy"]) + len(all["GET /calm"])); total.Requests != want {
		t.Errorf("%d requests in all, want %d", total.Requests, want)
	}
}

// An endpoint's error rate is 0 where all went well, and absent where nothing came.
func TestErrorRateOfAnEndpoint(t *testing.T) {
	b := start(t, perfmon.WithStep(time.Minute))
	for _, statuses := range [][]int{{200, 200}, {}, {200, 500}, {200}} {
		for _, status := range statuses {
			b.request(time.Millisecond, status)
		}
		b.step()
	}
	got := series(b.t, b.Monitor, perfmon.Scope{Endpoint: "GET /"}, 0, perfmon.ErrorRate).Metrics[perfmon.ErrorRate].Values
	if diff := cmp.Diff(perfmon.Values{0, math.NaN(), 50, 0}, got, cmpopts.EquateNaNs(), cmpopts.EquateApprox(0.001, 0)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The figures of an interval that is not over yet count, too.
func TestEndpointsOfTheFirstMinute(t *testing.T) {
	b := start(t)
	b.request(time.Second, 200)
	b.step()
	got := b.History().Endpoints(time.Hour)
	if len(got) != 1 || got[0].Requests != 1 || math.Abs(got[0].P50.Float()-1) > 0.01 || got[0].Throughput != perfmon.ValueOf(0.1) {
		t.Errorf("%+v", got)
	}
}

func TestTrend(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	tests := []struct {
		name   string
		worse  perfmon.Direction
		value  func(minute int) float64
		want   perfmon.TrendDirection
		change float64 // percent, within 5
	}{
		{"latency that doubles degrades", perfmon.HigherIsWorse, func(i int) float64 { return 1 + float64(i/60) + rng.NormFloat64()*0.1 }, perfmon.Degrading, 100},
		{"latency that halves improves", perfmon.HigherIsWorse, func(i int) float64 { return 2 - float64(i/60) + rng.NormFloat64()*0.1 }, perfmon.Improving, -50},
		{"throughput that halves degrades", perfmon.LowerIsWorse, func(i int) float64 { return 2 - float64(i/60) + rng.NormFloat64()*0.1 }, perfmon.Degrading, -50},
		{"noise is stable", perfmon.HigherIsWorse, func(int) float64 { return 10 + rng.NormFloat64()*0.1 }, perfmon.Stable, 0},
		{"a constant is stable", perfmon.HigherIsWorse, func(int) float64 { return 3 }, perfmon.Stable, 0},
		{"neutral is stable", perfmon.Neutral, func(i int) float64 { return 1 + float64(i/60) }, perfmon.Stable, 100},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			minute := -1
			b := start(t, perfmon.WithStep(time.Minute), perfmon.WithMetricFunc(perfmon.Metric{Name: "x", Worse: test.worse},
				func() float64 { minute++; return test.value(minute) }))
			b.step()
			early, err := b.History().Trend("x", perfmon.Scope{}, 0)
			if err != nil || early.Direction != perfmon.Stable || early.Confidence != 0 || early.Missing == "" || early.Points != 1 {
				t.Errorf("after one point: %+v", early)
			}
			for range 119 {
				b.step()
			}
			got, err := b.History().Trend("x", perfmon.Scope{}, 0)
			if err != nil || got.Direction != test.want || math.Abs(got.ChangePercent.Float()-test.change) > 5 || got.Points != 120 {
				t.Errorf("%s by %v %%, of %d points; want %s by %v %%", got.Direction, got.ChangePercent, got.Points, test.want, test.change)
			}
			if changed := test.change != 0; changed != (len(got.ChangePoints) == 1) {
				t.Errorf("change points: %+v", got.ChangePoints)
			}
			for _, c := range got.ChangePoints {
				if !c.Time.Equal(b.Now().Add(-59*time.Minute)) || math.Abs(c.After.Float()-c.Before.Float()) < 0.9 {
					t.Errorf("it is now %v, and changed at %+v", b.Now(), c)
				}
			}
			if test.worse != perfmon.Neutral && got.Level() != "high" {
				t.Errorf("confidence %v", got.Confidence)
			}
		})
	}
}

func TestSummary(t *testing.T) {
	i := 0.0
	b := start(t, perfmon.WithStep(time.Minute), perfmon.WithMetricFunc(perfmon.Metric{Name: "x"}, func() float64 { i++; return i }))
	for range 5 {
		b.step()
	}
	got, err := b.History().Summary("x", perfmon.Scope{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(analyze.Summarize([]float64{1, 2, 3, 4, 5}), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A point that does not fit is found, with what would have been expected.
func TestAnomalies(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	v := 50.0
	b := start(t, perfmon.WithStep(time.Minute), perfmon.WithMetricFunc(perfmon.Metric{Name: "x"}, func() float64 { return v + rng.NormFloat64() }))
	for range 300 {
		b.step()
	}
	v = 90
	at := b.step().Time
	v = 50
	b.step()
	got := b.History().Anomalies(10 * time.Minute)
	if len(got) == 0 {
		t.Fatal("nothing is found")
	}
	a := got[len(got)-1]
	if a.Metric != "x" || !a.At.Equal(at) || math.Abs(a.Value.Float()-90) > 5 || math.Abs(a.Expected.Float()-50) > 5 || a.Score < 0.5 {
		t.Errorf("found %+v, want one at %v", a, at)
	}
	if n := len(b.History().Anomalies(0)); n > 6 {
		t.Errorf("%d anomalies in 300 points of noise and a spike", n)
	}
}
