package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/backend-prs/perfmon/internal/golden"
)

// regressed is a shop that is a half slower than its baseline.
func regressed(t testing.TB) *shop {
	t.Helper()
	s := openShop(t)
	s.trade(70*6, 0, 20*time.Millisecond)
	if _, err := s.Baselines().Establish(time.Hour, "ann"); err != nil {
		t.Fatal(err)
	}
	s.trade(45*6, 0, 30*time.Millisecond)
	return s
}

// The verdicts of check, in text and in JUnit XML, with their exit codes.
func TestCheck(t *testing.T) {
	failing := busy(t)
	slower := regressed(t)
	young := openShop(t)
	young.trade(2*6, 0, 20*time.Millisecond)
	unborn := openShop(t)
	for _, test := range []struct {
		name string
		s    *shop
		args []string
		code int
	}{
		{"warning", failing, []string{"response_time_p95<0.5", "response_time_p95 < 500ms"}, exitWarning},
		{"warning-passes", failing, []string{"--health=warning", "response_time_p95<0.5", "basket_mb>=12.5"}, exitFine},
		{"condition", failing, []string{"--health=warning", "error_rate<1%", "throughput_rps>20", "throughput_rps>5"}, exitCritical},
		{"tolerated", failing, []string{"--health=warning", "--tolerate=20", "error_rate<1%"}, exitFine},
		{"unit", failing, []string{"--health=warning", "error_rate<100ms"}, exitUnknown},
		{"regression", slower, nil, exitWarning},
		{"regression-ignored", slower, []string{"--health=warning", "--ignore-regressions"}, exitFine},
		{"young", young, []string{"response_time_p95<0.5"}, exitUnknown},
		{"young-and-slow", young, []string{"response_time_p95<0.001"}, exitCritical},
		{"young-shorter", young, []string{"--minutes=2", "response_time_p95<0.5"}, exitFine},
		{"absent", young, []string{"--minutes=2", "cpu_usage_percent<60"}, exitUnknown},
		{"unborn", unborn, nil, exitUnknown},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := append([]string{"check", "--wait=0"}, test.args...)
			got := test.s.run(args...)
			if got.code != test.code || got.err != "" {
				t.Errorf("exit code %d, want %d: %s", got.code, test.code, got.err)
			}
			golden.Text(t, "check-"+test.name+".txt", []byte(got.out))
			got = test.s.run(append(args, "--junit=-")...)
			golden.Text(t, "check-"+test.name+".xml", []byte(got.out))
			if got.code != test.code {
				t.Errorf("with JUnit the exit code is %d", got.code)
			}
		})
	}
}

func TestCheckWritesAFile(t *testing.T) {
	s := busy(t)
	name := filepath.Join(t.TempDir(), "junit.xml")
	got := s.run("check", "--wait=0", "--junit", name)
	data, err := os.ReadFile(name)
	if err != nil || !strings.Contains(string(data), `failures="1"`) || !strings.Contains(got.out, "fail") || got.code != exitWarning {
		t.Errorf("%+v %v %s", got, err, data)
	}
	if got := s.run("check", "--wait=0", "--output-format=json"); !strings.HasPrefix(got.out, `{"checks":[{"name":"health","status":"fail","detail":"warning: error_rate`) {
		t.Error(got.out)
	}
}

// waiting is a writer that lets the clock go on when something is waited for.
type waiting struct {
	lines chan string
	bytes.Buffer
}

func (w *waiting) Write(p []byte) (int, error) {
	w.lines <- string(p)
	return w.Buffer.Write(p)
}

// runWaiting runs a check, and takes a step whenever it waits.
func (s *shop) runWaiting(step func(), args ...string) ran {
	s.t.Helper()
	var out bytes.Buffer
	w := &waiting{lines: make(chan string)}
	a := s.app("", &out, nil)
	a.err, a.progress = w, true
	ended := make(chan int)
	go func() { ended <- a.run(context.Background(), args) }()
	for {
		select {
		case <-w.lines:
			step()
		case code := <-ended:
			return ran{s.stable(out.String()), s.stable(w.String()), code}
		case <-time.After(60 * time.Second):
			s.t.Fatal("check hangs")
		}
	}
}

// It waits for enough points, and says for which.
func TestCheckWaits(t *testing.T) {
	s := openShop(t)
	s.trade(2*6, 0, 20*time.Millisecond)
	step := func() { s.step(0, 20*time.Millisecond) }
	got := s.runWaiting(step, "check", "--minutes=5", "response_time_p95<0.5")
	if got.code != exitFine || !strings.Contains(got.err, "waiting at most 6 min for data: 2 of 5 points of response_time_p95") {
		t.Errorf("%+v", got)
	}
	if took := s.Now().Sub(noon); took < 5*time.Minute || took > 6*time.Minute {
		t.Errorf("it took until %v", took)
	}
	// With --fresh, what was before it does not count.
	before := s.Now()
	if got := s.runWaiting(step, "check", "--minutes=3", "--fresh", "response_time_p95<0.5"); got.code != exitFine {
		t.Errorf("%+v", got)
	}
	if took := s.Now().Sub(before); took < 3*time.Minute {
		t.Errorf("with --fresh it took %v", took)
	}
	// What surely fails is not waited for.
	before = s.Now()
	if got := s.runWaiting(step, "check", "--minutes=300", "response_time_p95<0.001"); got.code != exitCritical || s.Now() != before {
		t.Errorf("%+v", got)
	}
	// A service that is restarted answers again some time.
	s.setDown(true)
	n := 0
	got = s.runWaiting(func() {
		step()
		if n++; n == 3 {
			s.setDown(false)
		}
	}, "check", "--minutes=2", "response_time_p95<0.5")
	if got.code != exitFine || n < 3 || !strings.Contains(got.err, "answers 502") {
		t.Errorf("%d: %+v", n, got)
	}
	// One that does not, fails in the end.
	s.setDown(true)
	if got := s.runWaiting(func() { s.clock.Add(5 * time.Second) }, "check", "--wait=1m"); got.code != exitUnknown {
		t.Errorf("%+v", got)
	}
}

func TestConditions(t *testing.T) {
	for text, want := range map[string]condition{
		"response_time_p95<0.5":     {"response_time_p95<0.5", "response_time_p95", "<", 0.5, ""},
		" error_rate <= 1 % ":       {"error_rate <= 1 %", "error_rate", "<=", 1, "%"},
		"throughput_rps>=1e3":       {"throughput_rps>=1e3", "throughput_rps", ">=", 1000, ""},
		"response_time_p95>1m30s":   {"response_time_p95>1m30s", "response_time_p95", ">", 90, "s"},
		"response_time_p99 < 250ms": {"response_time_p99 < 250ms", "response_time_p99", "<", 0.25, "s"},
	} {
		if got, err := parseCondition(text); err != nil || got != want {
			t.Errorf("%q: %+v %v", text, got, err)
		}
	}
	for _, text := range []string{"", "<1", "a", "a<", "a=1", "a<<1", "A<1", "a<1 2", "a<NaN", "a<inf", "a<1s%", "a<5%%", "a<b"} {
		if got, err := parseCondition(text); err == nil {
			t.Errorf("%q is %+v", text, got)
		}
	}
	for text, values := range map[string][3]bool{"a<1": {true, false, false}, "a<=1": {true, true, false}, "a>1": {false, false, true}, "a>=1": {false, true, true}} {
		c, err := parseCondition(text)
		if got := [3]bool{c.holds(0), c.holds(1), c.holds(2)}; err != nil || got != values {
			t.Errorf("%q: %v %v", text, got, err)
		}
	}
}
