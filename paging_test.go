package perfmon_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/google/go-cmp/cmp"

	"github.com/backend-prs/perfmon"
)

// traffic says how many requests come at a time of day, and which share of them fails.
type traffic func(at time.Time) (perSecond, failing float64)

// requests records what comes in one step.
func (load traffic) requests(rng *rand.Rand, at time.Time, step time.Duration, owed *float64, record func(time.Duration, int)) {
	perSecond, failing := load(at)
	for *owed += perSecond * step.Seconds(); *owed >= 1; *owed-- {
		status := 200
		if rng.Float64() < failing {
			status = 500
		}
		record(5*time.Millisecond, status)
	}
}

// live lets a service live for so long on the mock clock.
func (b *bench) live(d time.Duration, load traffic) {
	b.t.Helper()
	rng := rand.New(rand.NewPCG(1, 1))
	owed := 0.0
	for end := b.clock.Now().Add(d); b.clock.Now().Before(end); b.step() {
		load.requests(rng, b.clock.Now(), b.Step(), &owed, b.request)
	}
}

// pages lets a service live for so long in the made-up time of a bubble, which is faster
// than the mock clock, and returns what it was paged about.
func pages(t *testing.T, d time.Duration, load traffic) (pages []string) {
	synctest.Test(t, func(t *testing.T) {
		m, err := perfmon.New(perfmon.WithoutSystemMetrics())
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(1, 1))
		rec, began, owed := m.NewRecorder(), time.Now(), 0.0
		for time.Since(began) < d {
			load.requests(rng, time.Now().UTC(), m.Step(), &owed, func(took time.Duration, status int) {
				rec.Record(took, &perfmon.Response{Method: "GET", Pattern: "/", Status: status})
			})
			time.Sleep(m.Step())
			synctest.Wait()
		}
		alerts, _ := m.Alerts().List(perfmon.AlertQuery{})
		for _, a := range alerts {
			pages = append(pages, fmt.Sprintf("%v: %v", a.OpenedAt.Sub(began), a))
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return pages
}

func hour(t time.Time) float64 { return t.Sub(t.Truncate(24 * time.Hour)).Hours() }

// Nobody is paged for want of evidence, or by a rhythm, on the first day either.
func TestQuietServicesPageNobody(t *testing.T) {
	const day = 24 * time.Hour
	for _, test := range []struct {
		name string
		d    time.Duration
		load traffic
	}{
		{"idle since the start", 3 * day, func(time.Time) (float64, float64) { return 0, 0 }},
		{"one request a step, half failing", 3 * day, func(time.Time) (float64, float64) { return 0.1, 0.5 }},
		{"one request a step, all failing", 3 * day, func(time.Time) (float64, float64) { return 0.1, 1 }},
		{"0.1 requests a second, 1 % failing, for a month", 30 * day, func(time.Time) (float64, float64) { return 0.1, 0.01 }},
		{"6 requests a second, 1 % failing", 3 * day, func(time.Time) (float64, float64) { return 6, 0.01 }},
		{"20 by day, 3 in the evening, 0 at night, at once", 3 * day, func(at time.Time) (float64, float64) {
			switch h := hour(at); {
			case h < 6:
				return 0, 0
			case h >= 20:
				return 3, 0
			}
			return 20, 0
		}},
		{"20 by day, 3 in the evening, 0 at night, slowly", 3 * day, func(at time.Time) (float64, float64) {
			switch h := hour(at); {
			case h < 6:
				return 0, 0
			case h < 9:
				return 20 * (h - 6) / 3, 0
			case h < 18:
				return 20, 0
			case h < 20:
				return 20 - 17*(h-18)/2, 0
			default:
				return 3 * (24 - h) / 4, 0
			}
		}},
		{"Monday after a quiet Sunday", 3 * day, func(at time.Time) (float64, float64) {
			if at.Weekday() == time.Sunday {
				return 2, 0
			}
			return 20, 0
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := pages(t, test.d, test.load); len(got) != 0 {
				t.Errorf("paged: %v", got)
			}
		})
	}
}

// What is wrong pages within a minute, once there is evidence for it.
func TestIncidentsPageWithinAMinute(t *testing.T) {
	for _, test := range []struct {
		name string
		load traffic
		want string
	}{
		{"an outage at noon", func(at time.Time) (float64, float64) {
			if at.Sub(noon) >= time.Hour {
				return 0, 0
			}
			return 20, 0
		}, "critical throughput_rps"},
		{"10 % errors at 50 a second", func(at time.Time) (float64, float64) {
			if at.Sub(noon) >= time.Hour {
				return 50, 0.1
			}
			return 50, 0
		}, "error_rate"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := start(t)
			b.live(time.Hour, test.load)
			if got := b.active(); len(got) != 0 {
				t.Fatalf("paged before: %v", got)
			}
			b.live(time.Minute, test.load)
			active := b.active()
			if len(active) == 0 {
				t.Fatal("nobody was paged")
			}
			a := active[len(active)-1]
			if took := a.OpenedAt.Sub(noon.Add(time.Hour)); took >= time.Minute {
				t.Errorf("it took %v", took)
			}
			if got := fmt.Sprint(a.Severity, " ", a.Metric); got != test.want && a.Metric != test.want {
				t.Errorf("paged about %s, want %s", got, test.want)
			}
		})
	}
}

// An outage that lasts is one alert until traffic is back.
func TestOutageLasts(t *testing.T) {
	b := start(t)
	down := false
	load := func(time.Time) (float64, float64) {
		if down {
			return 0, 0
		}
		return 20, 0
	}
	b.live(time.Hour, load)
	down = true
	b.live(3*time.Hour, load)
	if got := b.active(); len(got) != 1 || got[0].Metric != perfmon.ThroughputRPS {
		t.Fatalf("three hours into the outage: %v", got)
	}
	down = false
	b.live(time.Minute, load)
	alerts, _ := b.Alerts().List(perfmon.AlertQuery{})
	if len(alerts) != 1 || alerts[0].State != perfmon.AlertResolved {
		t.Errorf("after it: %v", alerts)
	}
}

// A collector that dies is an alert where the threshold asks for it.
func TestAbsence(t *testing.T) {
	alive := true
	b := start(t, perfmon.WithoutDefaultThresholds(),
		perfmon.WithMetricFunc(metric("lag"), func() float64 {
			if !alive {
				panic("the collector died")
			}
			return 1
		}),
		perfmon.WithMetric(metric("never_fed")),
		perfmon.WithThreshold(perfmon.Threshold{Metric: "lag", Critical: perfmon.ValueOf(100), AbsentAfter: 30 * time.Second}),
		perfmon.WithThreshold(perfmon.Threshold{Metric: "never_fed", Warning: perfmon.ValueOf(100), AbsentAfter: 30 * time.Second}),
	)
	for range 10 {
		b.step()
	}
	alive = false
	died := b.clock.Now()
	for range 4 {
		b.step()
	}
	e := b.event()
	if took := e.At.Sub(died); took >= time.Minute || e.Change != perfmon.ChangeOpened {
		t.Errorf("%v after %v", e, took)
	}
	a := e.Alert
	if a.Severity != perfmon.Critical || a.Cause != perfmon.CauseAbsence || !a.Value.IsAbsent() || !a.Threshold.IsAbsent() ||
		a.Message != "lag of service has had no value for 30s" {
		t.Errorf("%+v", a)
	}
	for range 2 * 360 {
		b.step()
	}
	if got := b.active(); len(got) != 1 {
		t.Errorf("after two hours of absence %v is active", got)
	}
	alive = true
	for range 3 {
		b.step()
	}
	if diff := cmp.Diff([]string{"resolved critical lag of service"}, b.told()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The alert of an endpoint that nobody calls any more ends, and says why.
func TestSilenceEndsAnAlert(t *testing.T) {
	b := start(t, perfmon.WithoutDefaultThresholds(),
		perfmon.WithThreshold(perfmon.Threshold{Metric: perfmon.ErrorRate, Scope: perfmon.ScopeEndpoint, Warning: perfmon.ValueOf(5)}))
	for range 3 {
		b.errors(50)
	}
	b.event()
	for range 359 {
		b.step()
	}
	if got := b.active(); len(got) != 1 {
		t.Fatalf("within the hour: %v", got)
	}
	for range 2 {
		b.step()
	}
	e := b.event()
	last := e.Alert.Changes[len(e.Alert.Changes)-1]
	if e.Change != perfmon.ChangeResolved || !last.Value.IsAbsent() || !strings.HasSuffix(e.String(), last.Note) || last.Note == "" {
		t.Errorf("%v: %+v", e, last)
	}
}

// The most specific pattern counts, also when it switches a limit off.
func TestPatterns(t *testing.T) {
	endpoint := func(pattern string, warning float64, disabled bool) perfmon.Option {
		return perfmon.WithThreshold(perfmon.Threshold{
			Metric: perfmon.ErrorRate, Scope: perfmon.ScopeEndpoint, AppliesTo: pattern, Warning: perfmon.ValueOf(warning), Disabled: disabled,
		})
	}
	b := start(t, perfmon.WithoutDefaultThresholds(),
		endpoint("", 10, false), endpoint("GET /reports/*", 50, false), endpoint("GET /reports/daily", 20, false), endpoint("* /flaky", 0, true))
	for range 3 {
		for pattern, percent := range map[string]int{
			"/plain": 15, "/good": 5, "/reports/weekly": 45, "/reports/daily": 25, "/reports/monthly": 55, "/flaky": 90,
		} {
			for i := range 100 {
				r := perfmon.Response{Method: "GET", Pattern: pattern, Status: 200}
				if i < percent {
					r.Status = 500
				}
				b.rec.Record(time.Millisecond, &r)
			}
		}
		b.step()
	}
	got := map[string]perfmon.Value{}
	for _, a := range b.active() {
		got[a.Endpoint] = a.Threshold
	}
	want := map[string]perfmon.Value{
		"GET /plain": perfmon.ValueOf(10), "GET /reports/daily": perfmon.ValueOf(20), "GET /reports/monthly": perfmon.ValueOf(50),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("limits of the endpoints with an alert (-want +got):\n%s", diff)
	}
}

// A limit alone is enough, on either side.
func TestOneLimitAlone(t *testing.T) {
	for name, threshold := range map[string]perfmon.Threshold{
		"warning":  {Warning: perfmon.ValueOf(5)},
		"critical": {Critical: perfmon.ValueOf(5)},
	} {
		threshold.Metric = perfmon.ErrorRate
		b := start(t, perfmon.WithoutDefaultThresholds(), perfmon.WithThreshold(threshold))
		for range 3 {
			b.errors(50)
		}
		if e := b.event(); string(e.Alert.Severity) != name || e.Alert.Threshold != perfmon.ValueOf(5) {
			t.Errorf("%s alone: %v", name, e)
		}
	}
}

// A service's alert covers those of its endpoints: told once, naming the worst.
func TestServiceCoversItsEndpoints(t *testing.T) {
	b := start(t, perfmon.WithThreshold(perfmon.Threshold{Metric: perfmon.ErrorRate, Scope: perfmon.ScopeEndpoint, Warning: perfmon.ValueOf(10)}))
	send := func(failing ...int) {
		for i, percent := range failing {
			for j := range 100 {
				r := perfmon.Response{Method: "GET", Pattern: fmt.Sprint("/", i), Status: 200}
				if j < percent {
					r.Status = 500
				}
				b.rec.Record(time.Millisecond, &r)
			}
		}
		b.step()
	}
	for range 3 {
		send(60, 20, 0)
	}
	if diff := cmp.Diff([]string{"opened critical error_rate of service"}, b.told()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	quiet := map[string]bool{}
	for _, a := range b.active() {
		quiet[a.Scope.String()] = a.Quiet
		if a.Endpoint == "" && a.Message != "error_rate of service is 26.7 %, past the critical limit of 10 %; worst: GET /0 (60 %), GET /1 (20 %)" {
			t.Errorf("it says %q", a.Message)
		}
	}
	if diff := cmp.Diff(map[string]bool{"service": false, "GET /0": true, "GET /1": true}, quiet); diff != "" {
		t.Errorf("active, and quiet (-want +got):\n%s", diff)
	}
	// Most recover, one does not: now it is told on its own.
	for range 4 {
		send(0, 14, 0)
	}
	want := []string{"resolved critical error_rate of service", "opened warning error_rate of GET /1"}
	if diff := cmp.Diff(want, b.told()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A gap, as when the machine was suspended or the monitor disabled, is neither an outage
// nor an absence, and ends no alert.
func TestGapsPageNobody(t *testing.T) {
	for name, gap := range map[string]func(m *perfmon.Monitor){
		"suspended": func(*perfmon.Monitor) {},
		"disabled": func(m *perfmon.Monitor) {
			no := false
			if _, err := m.Config().Update(perfmon.SettingsUpdate{Enabled: &no}, "test"); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			wall := &wallClock{Mock: clock.NewMock()}
			wall.Set(noon)
			b := start(t, perfmon.WithClock(wall), perfmon.WithMetricFunc(metric("x"), func() float64 { return 5 }),
				perfmon.WithThreshold(perfmon.Threshold{Metric: "x", Warning: perfmon.ValueOf(1), AbsentAfter: time.Minute}))
			b.clock = wall.Mock
			b.live(30*time.Minute, func(time.Time) (float64, float64) { return 20, 0 })
			if diff := cmp.Diff([]string{"opened warning x of service"}, b.told()); diff != "" {
				t.Fatalf("before (-want +got):\n%s", diff)
			}
			gap(b.Monitor)
			wall.offset.Store(int64(5 * time.Hour))
			b.clock.Add(b.Step()) // this step finds the gap
			yes := true
			if _, err := b.Config().Update(perfmon.SettingsUpdate{Enabled: &yes}, "test"); err != nil {
				t.Fatal(err)
			}
			b.clock.Add(b.Step()) // and this one resumes, where it was disabled
			for range 30 {
				for range 200 {
					b.request(time.Millisecond, 200)
				}
				b.clock.Add(b.Step())
			}
			if got := b.told(); len(got) != 0 {
				t.Errorf("after it: %v", got)
			}
			if got := b.active(); len(got) != 1 {
				t.Errorf("active: %v", got)
			}
		})
	}
}
