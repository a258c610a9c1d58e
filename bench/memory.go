package main

import (
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/backend-prs/perfmon"
)

// memory measures what a monitor holds.
func memory(quick bool) string {
	hours := 48
	if quick {
		hours = 2
	}
	var b strings.Builder
	b.WriteString("| heap that is held | |\n| --- | ---: |\n")
	for _, endpoints := range []int{100, 500} {
		s, bytes := twoDays(hours, endpoints)
		fmt.Fprintf(&b, "| %d h of all built-in metrics, %d busy endpoints | %.1f MiB |\n", hours, endpoints, bytes/(1<<20))
		s.close()
	}
	once, later := hitOnce(hours)
	fmt.Fprintf(&b, "| an endpoint that was hit once, after its point; %d h later | %.0f B; %.0f B |\n", hours-1, once, later)
	return b.String()
}

// hitOnce returns the bytes of an endpoint that had one request, when its point has closed
// and many hours later.
func hitOnce(hours int) (once, later float64) {
	const n = 500
	minute := []perfmon.Option{perfmon.WithStep(time.Minute), perfmon.WithInterval(time.Minute), perfmon.WithoutSystemMetrics()}
	s := newStepped(n, minute...)
	defer s.close()
	s.recorders[0].Record(time.Millisecond, &perfmon.Response{Method: "GET", Pattern: "/", Status: 200})
	s.step()
	before := held()
	s.serve(1)
	s.step()
	once = (held() - before) / n
	for range 60 * (hours - 1) {
		s.step()
	}
	later = held() - before
	other := newStepped(0, minute...)
	defer other.close()
	other.recorders[0].Record(time.Millisecond, &perfmon.Response{Method: "GET", Pattern: "/", Status: 200})
	other.step()
	begin := held()
	for range 60 * (hours - 1) {
		other.step()
	}
	grown := held() - begin // of the monitor itself
	return once, (later - grown) / n
}

// binary measures what perfmon adds to a program, its symbols left out.
func binary(bool) string {
	dir, err := os.MkdirTemp("", "perfmon-bench")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	size := func(name string) float64 {
		out := filepath.Join(dir, name)
		cmd := exec.Command("go", "build", "-ldflags", "-s -w", "-o", out, "./binary/"+name)
		cmd.Stderr = os.Stderr
		if err := cmd.Run(); err != nil {
			log.Fatal(err)
		}
		info, err := os.Stat(out)
		if err != nil {
			log.Fatal(err)
		}
		return float64(info.Size()) / (1 << 20)
	}
	plain := size("plain")
	return fmt.Sprintf("| a program, without symbols | MiB | more than plain |\n| --- | ---: | ---: |\n| a plain HTTP server | %.2f | |\n| with a monitor around it | %.2f | %.2f |\n| with the API, too | %.2f | %.2f |\n",
		plain, size("recording"), size("recording")-plain, size("serving"), size("serving")-plain)
}
