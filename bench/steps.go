package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/backend-prs/perfmon"
)

var background = context.Background()

// steps measures what a step takes.
func steps(quick bool) string {
	const endpoints, requests = 500, 600
	runs := 30
	if quick {
		runs = 2
	}
	var b strings.Builder
	row := func(name string, r run) {
		fmt.Fprintf(&b, "| %s | %.3f | %.3f | %.1f | %.0f |\n", name, r.ms, r.fastest, r.bytes/1024, r.mallocs)
	}
	b.WriteString("| | ms | the fastest of 30 | KiB allocated | allocations |\n| --- | ---: | ---: | ---: | ---: |\n")
	every := perfmon.WithInterval(perfmon.DefaultInterval)
	busy := newStepped(endpoints, every, perfmon.WithoutSystemMetrics())
	nothing, serve := func() {}, func() { busy.serve(requests) }
	perPoint := int(busy.Interval() / busy.Step())
	for range 2 * perPoint {
		serve()
		busy.step()
	}
	at := 0
	next := func(point bool) { // serves and steps until the next step is one with a point, or one without
		for (at%perPoint == perPoint-1) != point {
			serve()
			busy.step()
			at++
		}
		serve()
	}
	step := func() { busy.step(); at++ }
	row("500 endpoints, 600 requests each", took(runs, func() { next(false) }, step))
	row("the same with its point", took(runs, func() { next(true) }, step))
	quietNext := func(point bool) func() {
		return func() {
			for (at%perPoint == perPoint-1) != point {
				busy.step()
				at++
			}
		}
	}
	row("500 endpoints, no request", took(runs, quietNext(false), step))
	busy.close()
	idle := newStepped(1, every)
	idle.step()
	row("no endpoint, with the figures of the system and the runtime", took(runs, nothing, idle.step))
	idle.close()
	return b.String()
}
