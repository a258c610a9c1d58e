package boltstore_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/boltstore"
	"github.com/backend-prs/perfmon/httpapi"
)

// shop is a monitored service on a mock clock whose requests are all remembered.
type shop struct {
	t        *testing.T
	path     string
	clock    *clock.Mock
	interval time.Duration
	m        *perfmon.Monitor
	samples  chan perfmon.Sample
	rec      *perfmon.Recorder
	rng      *rand.Rand
	requests []request
}

// request is one that was recorded, and when its point ended.
type request struct {
	end      time.Time
	endpoint int
	took     time.Duration
}

func newShop(t *testing.T, interval time.Duration) *shop {
	t.Helper()
	s := &shop{t: t, path: filepath.Join(t.TempDir(), "perfmon.db"), clock: clock.NewMock(), interval: interval, rng: rand.New(rand.NewPCG(1, 2))}
	s.clock.Set(noon.Add(17 * time.Minute))
	s.open()
	return s
}

func (s *shop) open() {
	s.t.Helper()
	wave := func() float64 { return math.Sin(float64(s.clock.Now().Unix()) / 5000) }
	m, err := perfmon.New(perfmon.WithoutSystemMetrics(), perfmon.WithClock(s.clock), perfmon.WithStore(boltstore.At(s.path)),
		perfmon.WithStep(s.interval), perfmon.WithInterval(s.interval), perfmon.WithRetention(48*time.Hour),
		perfmon.WithMetricFunc(perfmon.Metric{Name: "wave"}, wave),
		perfmon.WithThreshold(perfmon.Threshold{Metric: "wave", Warning: perfmon.ValueOf(0.9)}))
	if err != nil {
		s.t.Fatal(err)
	}
	s.m, s.rec, s.samples = m, m.NewRecorder(), make(chan perfmon.Sample, 1)
	samples := s.samples
	m.Subscribe(func(x perfmon.Sample) { samples <- x })
	if err := m.Start(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) close() {
	s.t.Helper()
	if err := s.m.Close(); err != nil {
		s.t.Fatal(err)
	}
	if d := s.m.Diagnostics(); d.Store.Failure != "" || d.Store.Lost > 0 || d.StepPanics > 0 {
		s.t.Fatalf("%+v, %d panics", d.Store, d.StepPanics)
	}
}

// live lets time pass with requests of so many endpoints.
func (s *shop) live(length time.Duration, endpoints, each int) {
	s.t.Helper()
	for range int(length / s.interval) {
		end := s.clock.Now().Add(s.interval)
		for range s.rng.IntN(2*each + 1) {
			e := s.rng.IntN(endpoints)
			took := time.Duration(math.Exp(s.rng.NormFloat64()) * float64(1+e) * 1e6 * (1 + float64(end.Unix()%86400)/86400))
			s.rec.Record(took, &perfmon.Response{Method: "GET", Pattern: fmt.Sprint("/", e), Status: 200 + 300*(s.rng.IntN(20)/19), Organization: fmt.Sprint("org", e%2)})
			s.requests = append(s.requests, request{end, e, took})
		}
		s.clock.Add(s.interval)
		<-s.samples
	}
}

// answers asks for all that a restart has to keep.
func (s *shop) answers() map[string]any {
	h := s.m.History()
	alerts, _ := s.m.Alerts().List(perfmon.AlertQuery{})
	got := map[string]any{
		"alerts": alerts, "anomalies": h.Anomalies(0), "endpoints": h.Endpoints(0), "hour": h.Endpoints(time.Hour), "five hours": h.Endpoints(5 * time.Hour),
		"organizations": h.Organizations(0), "requests": h.Requests(0), "points": s.m.Diagnostics().Points,
	}
	for _, scope := range []perfmon.Scope{{}, {Endpoint: "GET /0"}, {Endpoint: "GET /3"}, {Organization: "org1"}} {
		series, err := h.Series(scope, 0)
		got["series of "+scope.String()] = []any{series, err}
	}
	return got
}

// A monitor answers as the one before it did, from hours that were rolled up, too.
func TestRestoredFromHours(t *testing.T) {
	t.Parallel() // it mostly waits for the disk
	s := newShop(t, time.Minute)
	s.live(9*time.Hour+7*time.Minute, 5, 40)
	for _, length := range []time.Duration{time.Minute, 50 * time.Minute, 41 * time.Hour} {
		before := s.answers()
		s.close()
		file := boltstore.At(s.path)
		if held := load(t, file); len(held.Points) > 120 || len(held.Points) < 50 {
			t.Errorf("%d points are not rolled up", len(held.Points))
		}
		closed(t, file)
		s.open()
		if diff := cmp.Diff(before, s.answers(), cmpopts.EquateNaNs(), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("before %v more (-old +restored):\n%.4000s", length, diff)
		}
		s.live(length, 5, 40)
	}
	s.close()
}

// A gap is a gap: no points lie in the time between two runs.
func TestGap(t *testing.T) {
	t.Parallel() // it mostly waits for the disk
	s := newShop(t, time.Minute)
	s.live(5*time.Hour, 2, 10)
	s.close()
	down := s.clock.Now()
	s.clock.Add(31 * time.Hour)
	s.open()
	up := s.clock.Now()
	s.live(4*time.Hour, 2, 10)
	series, err := s.m.History().Series(perfmon.Scope{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(series.Times); n != 9*60 {
		t.Errorf("%d points, want those of nine hours", n)
	}
	for _, at := range series.Times {
		if at.After(down) && !at.After(up) {
			t.Errorf("there is a point of %v, when nothing ran", at)
		}
	}
	s.close()
}

// Over HTTP, hours and until reach 13 months back with a file, and the retention without.
func TestHoursReachAYear(t *testing.T) {
	t.Parallel() // it mostly waits for the disk
	s := newShop(t, 5*time.Minute)
	s.live(4*24*time.Hour, 2, 3)
	ask := func(m *perfmon.Monitor, call string) (code int, body string) {
		api, err := httpapi.New(m, httpapi.WithBearerToken("0123456789abcdef"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = api.Close() }()
		r, w := httptest.NewRequest("GET", httpapi.DefaultPrefix+call, nil), httptest.NewRecorder()
		r.Header.Set("Authorization", "Bearer 0123456789abcdef")
		api.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	memory, err := perfmon.New(perfmon.WithoutSystemMetrics(), perfmon.WithClock(s.clock))
	if err != nil {
		t.Fatal(err)
	}
	until := s.clock.Now().Add(-50 * time.Hour).Format(time.RFC3339)
	for _, call := range []string{"dashboard/?hours=9504", "endpoints/?hours=9504", "reports/?hours=90", "series/?hours=20&until=" + until, "series/?hours=95&endpoint=GET%20/1"} {
		code, body := ask(s.m, call)
		if code != 200 {
			t.Errorf("%s: %d %s", call, code, body)
		}
		if code, body := ask(memory, call); code != 400 {
			t.Errorf("%s without a file: %d %.300s", call, code, body)
		}
	}
	if code, _ := ask(s.m, "dashboard/?hours=9505"); code != 400 {
		t.Errorf("more than 13 months: %d", code)
	}
	var d perfmon.Dashboard
	if _, body := ask(s.m, "dashboard/?hours=96&points=10000"); json.Unmarshal([]byte(body), &d) != nil || d.HistoryHours != 9504 || len(d.Series.Times) < 96*12-2 || len(d.Endpoints) != 2 {
		t.Errorf("history of %v hours, %d points, %d endpoints", d.HistoryHours, len(d.Series.Times), len(d.Endpoints))
	}
	before, err := s.m.History().SeriesUntil(s.clock.Now().Add(-50*time.Hour), perfmon.Scope{Endpoint: "GET /1"}, 20*time.Hour)
	if err != nil || len(before.Times) != 20*12 {
		t.Errorf("%d points of 20 hours, %v", len(before.Times), err)
	}
	if _, err := s.m.History().Series(perfmon.Scope{Endpoint: "GET /none"}, 90*time.Hour); !errors.Is(err, perfmon.ErrNotFound) {
		t.Errorf("an endpoint that nobody knows: %v", err)
	}
	s.close()
}

// The percentiles of a month are those of all its requests, and its points those of their
// five minutes: checked against sorting every request.
func TestMonth(t *testing.T) {
	t.Parallel() // it mostly waits for the disk
	s := newShop(t, 10*time.Minute)
	s.live(40*24*time.Hour, 3, 12)
	h := s.m.History()
	for _, window := range []time.Duration{72 * time.Hour, 10 * 24 * time.Hour, 30 * 24 * time.Hour, 38 * 24 * time.Hour} {
		for _, e := range h.Endpoints(window) {
			slack := 24 * time.Hour
			if window > 30*24*time.Hour {
				slack = 7 * 24 * time.Hour
			}
			if early := s.clock.Now().Add(-window).Sub(e.From); early < 0 || early >= slack {
				t.Errorf("%v: the window begins %v early", window, early)
			}
			var exact []time.Duration
			for _, r := range s.requests {
				if r.end.After(e.From) && fmt.Sprint("GET /", r.endpoint) == e.Endpoint {
					exact = append(exact, r.took)
				}
			}
			if e.Requests != uint64(len(exact)) {
				t.Errorf("%v, %s: %d requests, want %d", window, e.Endpoint, e.Requests, len(exact))
				continue
			}
			slices.Sort(exact)
			for q, got := range map[float64]perfmon.Value{0.5: e.P50, 0.95: e.P95, 0.99: e.P99} {
				want := exact[int(math.Ceil(q*float64(len(exact))))-1].Seconds()
				if off := math.Abs(got.Float()-want) / want; off > 0.01 {
					t.Errorf("%v, %s: p%g is %v, want %v", window, e.Endpoint, 100*q, got, want)
				}
			}
		}
		if n := len(h.Endpoints(window)); n != 3 {
			t.Errorf("%v: %d endpoints", window, n)
		}
	}
	for window, step := range map[time.Duration]time.Duration{20 * 24 * time.Hour: s.interval, 38 * 24 * time.Hour: time.Hour} {
		series, err := h.Series(perfmon.Scope{Endpoint: "GET /1"}, window)
		if err != nil {
			t.Fatal(err)
		}
		s.verifyPoints(series, window, step)
	}
	info, err := os.Stat(s.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%.1f MB", float64(info.Size())/1e6)
	s.close()
}

// Points of five minutes are made of all requests in them.
func TestFiveMinutes(t *testing.T) {
	t.Parallel() // it mostly waits for the disk
	s := newShop(t, time.Minute)
	s.live(56*time.Hour, 3, 12)
	series, err := s.m.History().Series(perfmon.Scope{Endpoint: "GET /1"}, 55*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	recent := 0
	for _, at := range series.Times {
		if s.clock.Now().Sub(at) < 3*time.Hour {
			recent++
		}
	}
	if recent > 180 {
		t.Errorf("%d points of the last three hours", recent)
	}
	s.verifyPoints(series, 55*time.Hour, 5*time.Minute)
	s.close()
}

// verifyPoints holds the throughput and the p95 of each point against its requests.
func (s *shop) verifyPoints(series perfmon.Series, window, step time.Duration) {
	s.t.Helper()
	if want := int(window / step); len(series.Times) < want-want/50 || len(series.Times) > want+120 {
		s.t.Errorf("%v: %d points, want about %d", window, len(series.Times), want)
	}
	byStep := map[time.Time][]float64{}
	for _, r := range s.requests {
		if r.endpoint == 1 {
			slot := r.end.Add(-time.Millisecond).Truncate(step)
			byStep[slot] = append(byStep[slot], r.took.Seconds())
		}
	}
	checked := 0
	for i, at := range series.Times {
		if s.clock.Now().Sub(at) < 3*time.Hour {
			break // these are points of the interval
		}
		times := byStep[at.Add(-time.Millisecond).Truncate(step)]
		rps := series.Metrics[perfmon.ThroughputRPS].Values[i]
		if i > 0 && len(times) > 0 && math.Abs(rps*step.Seconds()-float64(len(times))) > 0.003*float64(len(times)) {
			s.t.Fatalf("%v: the point of %v has %v requests, want %d", step, at, rps*step.Seconds(), len(times))
		}
		if len(times) == 0 {
			continue
		}
		slices.Sort(times)
		want := times[int(math.Ceil(0.95*float64(len(times))))-1]
		if got := series.Metrics[perfmon.ResponseTimeP95].Values[i]; i > 0 && math.Abs(got-want)/want > 0.01 {
			s.t.Fatalf("%v: the p95 of %v is %v, want %v", step, at, got, want)
		}
		checked++
	}
	if checked < len(series.Times)/2 {
		s.t.Errorf("%v: only %d points have requests", step, checked)
	}
}
