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
	row := func(name string, ms, bytes, mallocs float64) {
		fmt.Fprintf(&b, "| %s | %.3f | %.1f | %.0f |\n", name, ms, bytes/1024, mallocs)
	}
	b.WriteString("| | ms | KiB allocated | allocations |\n| --- | ---: | ---: | ---: |\n")
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
	run := func() { busy.step(); at++ }
	ms, bytes, mallocs := took(runs, func() { next(false) }, run)
	row("500 endpoints, 600 requests each", ms, bytes, mallocs)
	ms, bytes, mallocs = took(max(runs/3, 2), func() { next(true) }, run)
	row("the same with its point", ms, bytes, mallocs)
	quietNext := func(point bool) func() {
		return func() {
			for (at%perPoint == perPoint-1) != point {
				busy.step()
				at++
			}
		}
	}
	ms, bytes, mallocs = took(runs, quietNext(false), run)
	row("500 endpoints, no request", ms, bytes, mallocs)
	busy.close()
	idle := newStepped(1, every)
	idle.step()
	ms, bytes, mallocs = took(runs, nothing, idle.step)
	row("no endpoint, with the figures of the system and the runtime", ms, bytes, mallocs)
	idle.close()
	return b.String()
}
