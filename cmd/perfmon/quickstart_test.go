package main

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/backend-prs/perfmon/httpapi"
)

// quickstart builds and runs the example, and returns the address of its service.
func quickstart(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "quickstart")
	args := []string{"build", "-C", "../../examples/quickstart", "-o", program}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "-race" && s.Value == "true" {
				args = append(args, "-race") // as its own tests are built then, so only once
			}
		}
	}
	if out, err := exec.Command("go", append(args, ".")...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cmd := exec.Command(program, "-addr", "127.0.0.1:0", "-token", token)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		for lines.Scan() { // until it has ended
		}
		_ = cmd.Wait()
	})
	if !lines.Scan() {
		t.Fatal("the example says nothing")
	}
	link, _ := strings.CutPrefix(lines.Text(), "dashboard  ")
	address, _, ok := strings.Cut(link, httpapi.DefaultPrefix)
	if !ok {
		t.Fatalf("the example says %q first", lines.Text())
	}
	return address
}

// Every verb works with the example service, which has real traffic, real time and bad
// days.
func TestQuickstart(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds a program and waits for it")
	}
	address := quickstart(t)
	home := t.TempDir()
	run := func(args ...string) ran {
		var out, errs bytes.Buffer
		a := &app{
			in: strings.NewReader("time,value\n2026-03-01T12:00:00Z,1\n"), out: &out, err: &errs, clock: clock.New(), zone: time.UTC, width: 80,
			getenv: func(name string) string {
				return map[string]string{"PERFMON_URL": address, "PERFMON_TOKEN": token, "XDG_CONFIG_HOME": home}[name]
			},
		}
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		code := a.run(ctx, args)
		return ran{out.String(), errs.String(), code}
	}
	// It waits for points, so that what follows has some.
	if got := run("check", "--minutes=0.3", "--wait=90s", "--health=critical", "--ignore-regressions", "throughput_rps>1"); got.code != exitFine {
		t.Fatalf("%+v", got)
	}
	for _, args := range []string{
		"status", "dashboard", "dashboard --wide", "health", "alerts", "alerts --wide", "thresholds", "thresholds --metric=cache_hit_rate --disable",
		"thresholds --metric=cache_hit_rate --threshold-type=warning --threshold-value=60", "thresholds enable cache_hit_rate", "thresholds set queue_size --warning 90",
		"thresholds backtest queue_size --warning 1", "thresholds remove queue_size", "baseline", "endpoints", "series", "series cpu_usage_percent", "trends",
		"trends --metric goroutines --hours 0.1", "metrics", "events", "events add --version v1.5.0", "config", "config set alert_cooldown_minutes=2", "diagnostics",
		"diagnostics --wide", "session", "test", "api health/", "report", "report --format=csv", "analyze -", "man", "completion bash",
	} {
		got := run(strings.Fields(args)...)
		byHealth := strings.HasPrefix(args, "status") || strings.HasPrefix(args, "dash") || strings.HasPrefix(args, "health") || strings.HasPrefix(args, "alerts") || args == "test"
		if got.err != "" || got.out == "" || got.code == exitUnknown || got.code != exitFine && !byHealth {
			t.Errorf("perfmon %s: exit code %d: %s%.300s", args, got.code, got.err, got.out)
		}
	}
	// Too early for a baseline: what is missing is said.
	if got := run("baseline", "set"); got.code != exitUnknown || !strings.Contains(got.err, "No baseline can be established yet") {
		t.Errorf("%+v", got)
	}
}
