package perfmon

import (
	"math"
	"testing"
	"time"
)

// A step with enough requests speaks for itself; others are put together until they are
// enough, over at most five minutes.
func TestEvidence(t *testing.T) {
	const step = 10 * time.Second
	type row struct {
		at   time.Duration // that the step begins
		n    uint64
		ok   bool
		sum  uint64
		rate float64 // of errors, percent
		rps  float64
	}
	for _, test := range []struct {
		name string
		rows []row
	}{
		{"enough at once", []row{{0, 100, true, 100, 10, 10}, {step, 250, true, 250, 4, 25}}},
		{"two steps", []row{{0, 99, false, 0, 0, 0}, {step, 1, true, 100, 20, 5}, {2 * step, 50, false, 0, 0, 0}}},
		{"with a silent one", []row{{0, 60, false, 0, 0, 0}, {step, 0, false, 0, 0, 0}, {2 * step, 40, true, 100, 20, 100.0 / 30}}},
		{"a full one after one that is not", []row{{0, 50, false, 0, 0, 0}, {step, 150, true, 200, 10, 10}}},
		{"just within five minutes", []row{{0, 50, false, 0, 0, 0}, {290 * time.Second, 50, true, 100, 20, 100.0 / 300}}},
		{"too long ago", []row{{0, 50, false, 0, 0, 0}, {291 * time.Second, 50, false, 0, 0, 0}, {301 * time.Second, 50, true, 100, 20, 5}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var e evidence
			for _, r := range test.rows {
				d := counts(r.n, min(r.n, 10))
				f, n, ok := e.add(poolKey{Scope{}, 100}, d, deltaFigures(d, step), r.at, step)
				if ok != r.ok || n != r.sum {
					t.Fatalf("at %v: %d requests, %v; want %d, %v", r.at, n, ok, r.sum, r.ok)
				}
				want := r.rate
				if ok && r.sum != r.n {
					want = 100 * float64(10+min(r.n, 10)) / float64(r.sum)
				}
				if ok && !(math.Abs(f[errorRateFigure]-want) <= 1e-9 && math.Abs(f[throughputFigure]-r.rps) <= 1e-9) {
					t.Errorf("at %v: %v %% at %v per second, want %v %% at %v", r.at, f[errorRateFigure], f[throughputFigure], want, r.rps)
				}
				if len(e.pools) > 0 == ok {
					t.Errorf("at %v: %d are being put together, enough is %v", r.at, len(e.pools), ok)
				}
			}
		})
	}
	// The figures of a step with enough are taken as they are.
	var e evidence
	if f, _, ok := e.add(poolKey{Scope{}, 100}, counts(100, 0), requestFigures{42}, 0, step); !ok || f != (requestFigures{42}) {
		t.Errorf("a step with enough: %v, %v", f, ok)
	}
	// A step longer than five minutes still counts whole.
	for i, want := range []bool{false, false, true} {
		d := counts([]uint64{60, 60, 120}[i], 0)
		if _, _, ok := e.add(poolKey{Scope{}, 100}, d, requestFigures{}, time.Duration(i)*time.Hour, time.Hour); ok != want {
			t.Errorf("hour %d: %v, want %v", i, ok, want)
		}
	}
}

func TestEvidenceExpires(t *testing.T) {
	var e evidence
	e.add(poolKey{Scope{}, 100}, counts(1, 0), requestFigures{}, 0, time.Second)
	e.add(poolKey{Scope{Endpoint: "/"}, 100}, counts(1, 0), requestFigures{}, time.Second, time.Second)
	e.expire(5 * time.Minute)
	if len(e.pools) != 2 {
		t.Errorf("after five minutes %d are left", len(e.pools))
	}
	e.expire(5*time.Minute + 1)
	if _, ok := e.pools[poolKey{Scope{Endpoint: "/"}, 100}]; !ok || len(e.pools) != 1 {
		t.Errorf("after more, %d are left", len(e.pools))
	}
}

// What throughput was before is the median of the quarter of an hour before its fall.
func TestThroughputBefore(t *testing.T) {
	m, _ := resting(t)
	now := at(60 * time.Minute)
	before := func() Value { return m.throughputBefore(now, Key{Metric: ThroughputRPS}) }
	if got := before(); !got.IsAbsent() {
		t.Errorf("of nothing: %v", got)
	}
	for i := 1; i <= 60; i++ { // the value of a minute is its number, each two swapped
		m.remember(time.Duration(i)*time.Minute, ThroughputRPS, float64(i^1))
	}
	// Until now: 46 to 59, as the newest is not before now.
	if got := before(); got != ValueOf(53) {
		t.Errorf("before now: %v, want 53", got)
	}
	if got := m.throughputBefore(at(60*time.Minute+30*time.Second), Key{Metric: ThroughputRPS}); got != ValueOf(53) { // 46 to 60
		t.Errorf("before half a minute later: %v, want 53", got)
	}
	since := func(d time.Duration) { m.alerts.keys[Key{Metric: ThroughputRPS}] = KeyState{Since: epoch.Add(d)} }
	since(40 * time.Minute) // 25 to 39
	if got := before(); got != ValueOf(33) {
		t.Errorf("before the run: %v, want 33", got)
	}
	for _, test := range []struct {
		since time.Duration
		want  Value
	}{
		{6 * time.Minute, ValueOf(3)}, // five points: 1 to 5
		{5 * time.Minute, Value{}},    // four are too few
	} {
		since(test.since)
		if got := before(); got != test.want {
			t.Errorf("run since %v: %v, want %v", test.since, got, test.want)
		}
	}
	if got := m.throughputBefore(now, Key{ThroughputRPS, Scope{Endpoint: "nobody"}}); !got.IsAbsent() {
		t.Errorf("of an endpoint that is not known: %v", got)
	}
	// After a day a fall is how things are.
	since(40 * time.Minute)
	for d, want := range map[time.Duration]Value{24*time.Hour + 40*time.Minute: ValueOf(33), 24*time.Hour + 40*time.Minute + 1: {}} {
		if got := m.throughputBefore(at(d), Key{Metric: ThroughputRPS}); got != want {
			t.Errorf("at %v: %v, want %v", d, got, want)
		}
	}
}

// Points that are far apart still make five.
func TestThroughputBeforeOfLongIntervals(t *testing.T) {
	m, _ := resting(t, WithInterval(time.Hour), WithStep(time.Hour))
	for i := range 24 {
		v := float64(i)
		if i%2 == 1 {
			v = math.NaN()
		}
		m.remember(time.Duration(i)*time.Hour, ThroughputRPS, v)
	}
	// The last ten hours before now: 14, 16, 18, 20 and 22, at most.
	if got := m.throughputBefore(at(23*time.Hour+30*time.Minute), Key{Metric: ThroughputRPS}); got != ValueOf(18) {
		t.Errorf("%v, want 18", got)
	}
}

// Low throughput is judged over so much time that enough requests were to be expected.
func TestThroughputPools(t *testing.T) {
	key := Key{Metric: ThroughputRPS}
	th := &Threshold{Metric: ThroughputRPS, Scope: ScopeService, Comparison: Less, Warning: ValueOf(1), MinRequests: 60}
	setUp := func(before float64) (*Monitor, func(rps float64) observed) {
		m, _ := resting(t)
		for i := 1; i <= 20; i++ {
			m.remember(time.Duration(i)*time.Minute, ThroughputRPS, before)
		}
		i := 0
		return m, func(rps float64) observed {
			i++
			s := &scopeStep{requests: uint64(math.Round(rps * 10)), elapsed: 10 * time.Second}
			s.figures[throughputFigure] = rps
			o := observed{key: key}
			m.throughput(at(20*time.Minute+time.Duration(i)*10*time.Second), th, s, &o)
			return o
		}
	}
	t.Run("of two a second, three steps are enough", func(t *testing.T) {
		m, step := setUp(2)
		for i, want := range []Value{{}, {}, ValueOf(0.5), {}} {
			rps := []float64{0.9, 0.6, 0, 0}[i]
			if o := step(rps); o.value != want || o.before != ValueOf(2) || o.requests != uint64(math.Round(rps*10)) {
				t.Errorf("step %d: %v before %v, %d requests; want %v", i, o.value, o.before, o.requests, want)
			}
		}
		if o := step(1); o.value != ValueOf(1) || !o.before.IsAbsent() || len(m.loop.judging.slow) != 0 {
			t.Errorf("back: %+v, %d are being put together", o, len(m.loop.judging.slow))
		}
		if o := step(0); !o.value.IsAbsent() {
			t.Errorf("the steps before it was back count: %v", o.value)
		}
	})
	t.Run("of a hundred a second, one step is enough", func(t *testing.T) {
		m, step := setUp(100)
		if o := step(0); o.value != ValueOf(0) || len(m.loop.judging.slow) != 0 {
			t.Errorf("%v, %d are being put together", o.value, len(m.loop.judging.slow))
		}
	})
	t.Run("of six in ten seconds, exactly one", func(t *testing.T) {
		_, step := setUp(6)
		if o := step(0); o.value != ValueOf(0) {
			t.Errorf("%v", o.value)
		}
	})
	t.Run("low before", func(t *testing.T) {
		m, step := setUp(1)
		m.loop.judging.slow = map[Key]*slowPool{key: {requests: 100}}
		if o := step(0.5); o.value != ValueOf(0.5) || o.before != ValueOf(1) || len(m.loop.judging.slow) != 0 {
			t.Errorf("%+v, %d are being put together", o, len(m.loop.judging.slow))
		}
	})
	t.Run("five minutes are enough", func(t *testing.T) {
		_, step := setUp(1.5)
		th.MinRequests = 1000
		for i := 1; i <= 30; i++ {
			if o := step(0.1); o.value.IsAbsent() != (i < 30) {
				t.Errorf("step %d: %v", i, o.value)
			}
		}
	})
}

// How long a metric has had no value is known, from history too.
func TestPresence(t *testing.T) {
	m, _ := resting(t, WithMetric(Metric{Name: "lag"}), WithMetric(Metric{Name: "fresh"}), WithMetric(Metric{Name: "never"}))
	th := &Threshold{Metric: "lag", AbsentAfter: time.Minute}
	look := func(metric string, d time.Duration, values map[string]float64, requests uint64) time.Duration {
		o := observed{key: Key{Metric: metric}}
		th.Metric = metric
		m.notePresence(at(d), th, &scopeStep{requests: requests}, m.sampleOf(values), &o)
		return o.absentFor
	}
	m.remember(time.Minute, "lag", 7)
	m.remember(2*time.Minute, HeapMB, 7) // no value of lag
	m.remember(150*time.Second, "fresh", 7)
	if got := look("fresh", 3*time.Minute, nil, 0); got != 30*time.Second {
		t.Errorf("seen in the newest point: absent for %v", got)
	}
	for i, test := range []struct {
		name     string
		metric   string
		at       time.Duration
		value    bool
		requests uint64
		want     time.Duration
	}{
		{"seen in history", "lag", 3 * time.Minute, false, 0, 2 * time.Minute},
		{"and still absent", "lag", 5 * time.Minute, false, 0, 4 * time.Minute},
		{"requests are nothing to it", "lag", 5 * time.Minute, false, 9, 4 * time.Minute},
		{"there again", "lag", 6 * time.Minute, true, 0, 0},
		{"and gone", "lag", 7 * time.Minute, false, 0, time.Minute},
		{"never there", "never", 7 * time.Minute, false, 0, -1},
		{"a metric of requests, with some", ErrorRate, time.Minute, false, 1, 0},
		{"a metric of requests, without", ErrorRate, 3 * time.Minute, true, 0, 2 * time.Minute},
		{"the first metric of requests", ResponseTimeP50, time.Minute, false, 1, 0},
	} {
		values := map[string]float64{}
		if test.value {
			values[test.metric] = 1
		}
		if got := look(test.metric, test.at, values, test.requests); got != test.want {
			t.Errorf("%s: absent for %v, want %v", test.name, got, test.want)
		}
		if i == 0 {
			m.history = newHistory(10) // points go, what was seen stays known
		}
	}
	th.AbsentAfter = 0
	if got := look("lag", time.Hour, nil, 0); got != 0 {
		t.Errorf("where nobody asks: %v", got)
	}
	if _, ok := m.lastSeen(at(time.Hour), Key{ErrorRate, Scope{Endpoint: "nobody"}}); ok {
		t.Error("an endpoint that is not known was seen")
	}
}
