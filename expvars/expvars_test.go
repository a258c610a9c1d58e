package expvars_test

import (
	"errors"
	"expvar"
	"fmt"
	"log"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/expvars"
)

// Whatever the program has published becomes a metric.
func ExampleWatch() {
	jobs := expvar.NewInt("example_jobs") // published somewhere in the program
	m, err := perfmon.New()
	if err != nil {
		log.Fatal(err)
	}
	err = expvars.Watch(m, "example_jobs", perfmon.Metric{Name: "jobs_waiting", Worse: perfmon.HigherIsWorse, Help: "Jobs that wait."})
	jobs.Set(3)
	fmt.Println(err)
	// Output: <nil>
}

func init() {
	m := expvar.NewMap("test_map")
	m.AddFloat("load", 1.5)
	m.Add("a.b", 7)
	inner := new(expvar.Map)
	inner.Add("deep", 9)
	m.Set("inner", inner)
	expvar.NewInt("test_int").Set(42)
	expvar.NewFloat("test_float").Set(0.25)
	expvar.NewString("test_string").Set("words")
	expvar.NewInt("test.dotted").Set(5)
	expvar.Publish("test_func", expvar.Func(func() any { return map[string]any{"queue": map[string]int{"depth": 11}} }))
	expvar.Publish("test_panic", expvar.Func(func() any { panic("not now") }))
}

// run starts a monitor in a bubble and returns what the next step says of a metric.
func run(t *testing.T) (m *perfmon.Monitor, step func(metric string) (float64, bool)) {
	t.Helper()
	m, err := perfmon.New(perfmon.WithoutSystemMetrics())
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	time.Sleep(m.Step() / 2) // by the clock of the bubble, so that steps are behind when they are looked at
	return m, func(metric string) (float64, bool) {
		t.Helper()
		time.Sleep(m.Step())
		s, ok := m.Current()
		if !ok {
			t.Fatal("no sample")
		}
		return s.Value(metric)
	}
}

func status(t *testing.T, m *perfmon.Monitor, variable string) perfmon.CollectorStatus {
	t.Helper()
	for _, c := range m.Diagnostics().Collectors {
		if c.Name == "expvar "+variable {
			return c
		}
	}
	t.Fatalf("diagnostics do not name %q", variable)
	panic("unreachable")
}

func TestVariables(t *testing.T) {
	tests := []struct {
		variable string
		want     float64
		says     string
	}{
		{"test_int", 42, ""},
		{"test_float", 0.25, ""},
		{"test_map.load", 1.5, ""},
		{"test_map.a.b", 7, ""},
		{"test_map.inner.deep", 9, ""},
		{"test.dotted", 5, ""},
		{"test_func.queue.depth", 11, ""},
		{"test_map", 0, "has no"},
		{"test_map.nothing", 0, "has no"},
		{"test_func.queue", 0, "no number"},
		{"test_func.queue.depth.more", 0, "no object"},
		{"test_string", 0, "no number"},
		{"test_int.more", 0, "no object"},
		{"nobody_published_this", 0, "is published"},
		{"test_panic", 0, "not now"},
	}
	synctest.Test(t, func(t *testing.T) {
		m, step := run(t)
		for i, test := range tests {
			if err := expvars.Watch(m, test.variable, perfmon.Metric{Name: fmt.Sprintf("v%d", i)}); err != nil {
				t.Fatal(err)
			}
		}
		step("v0")
		for i, test := range tests {
			s, _ := m.Current()
			got, known := s.Value(fmt.Sprintf("v%d", i))
			if got != test.want || known != (test.says == "") {
				t.Errorf("%s is %v, %v, want %v", test.variable, got, known, test.want)
			}
			if says := status(t, m, test.variable).LastError; !strings.Contains(says, test.says) || test.says == "" && says != "" {
				t.Errorf("diagnostics say %q of %s", says, test.variable)
			}
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A counter is a rate, also when it begins anew.
func TestRate(t *testing.T) {
	total := expvar.NewInt("test_total")
	synctest.Test(t, func(t *testing.T) {
		m, step := run(t)
		if err := expvars.Watch(m, "test_total", perfmon.Metric{Name: "done", Kind: perfmon.KindCounter}); err != nil {
			t.Fatal(err)
		}
		for _, at := range []struct {
			total int64
			rate  float64
			known bool
		}{{1000, 0, false}, {1050, 5, true}, {1050, 0, true}, {3, 0, false}, {13, 1, true}} {
			total.Set(at.total)
			if got, known := step("done"); got != at.rate || known != at.known {
				t.Errorf("at %d the rate is %v, %v, want %v, %v", at.total, got, known, at.rate, at.known)
			}
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A variable that hangs costs its own metric, and is back when it answers.
func TestVariableThatHangs(t *testing.T) {
	hangs := make(chan struct{})
	expvar.Publish("test_hang", expvar.Func(func() any { return <-hangs == struct{}{} }))
	synctest.Test(t, func(t *testing.T) {
		hangs = make(chan struct{})
		m, step := run(t)
		for _, name := range []string{"test_hang", "test_int"} {
			if err := expvars.Watch(m, name, perfmon.Metric{Name: name}); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 {
			if v, ok := step("test_int"); v != 42 || !ok {
				t.Errorf("beside a variable that hangs another one is %v, %v", v, ok)
			}
		}
		if s := status(t, m, "test_hang"); !s.Running || !strings.Contains(s.LastError, "no answer within") {
			t.Errorf("diagnostics say %+v", s)
		}
		close(hangs)
		step("test_int")
		if s := status(t, m, "test_hang"); s.Runs == 0 {
			t.Errorf("it is back, and diagnostics say %+v", s)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestBadArguments(t *testing.T) {
	m, err := perfmon.New()
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"no monitor":      expvars.Watch(nil, "test_int", perfmon.Metric{Name: "x"}),
		"no name":         expvars.Watch(m, "", perfmon.Metric{Name: "x"}),
		"a bad metric":    expvars.Watch(m, "test_int", perfmon.Metric{Name: "X"}),
		"fed by another":  expvars.Watch(m, "test_int", perfmon.Metric{Name: perfmon.ErrorRate}),
		"too long a name": expvars.Watch(m, strings.Repeat("x", 81), perfmon.Metric{Name: "x"}),
	} {
		var field *perfmon.FieldError
		if !errors.As(err, &field) || !strings.HasPrefix(err.Error(), "expvars: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
