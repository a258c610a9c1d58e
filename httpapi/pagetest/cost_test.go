package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/performance"

	"github.com/backend-prs/perfmon/httpapi"
)

// catchStream keeps the page's event streams within reach, to send events of the test's own.
const catchStream = `(() => {
	const Real = window.EventSource;
	window.EventSource = class extends Real {
		constructor(...args) {
			super(...args);
			window.stream = this;
			this.addEventListener("metrics", (e) => { window.latest ??= JSON.parse(e.data); });
		}
	};
	// updates sends n live samples, a second of the service each, some in each frame.
	let at = 0;
	window.updates = async (n, some = 1) => {
		at ||= Date.parse(window.latest.timestamp);
		for (let i = 0; i < n; i++) {
			const sample = {...window.latest, timestamp: new Date(at += 1000).toISOString()};
			for (const k of ["response_time_p95", "throughput_rps", "cpu_usage_percent"]) if (sample[k] > 0) sample[k] *= 0.9 + Math.random() / 5;
			window.stream.dispatchEvent(new MessageEvent("live", {data: JSON.stringify(sample)}));
			if (i % some === 0) await new Promise(requestAnimationFrame);
		}
	};
})()`

// costs are what a tab holds after its garbage was collected.
type costs struct{ nodes, listeners, heap float64 }

func (b *tab) metrics() map[string]float64 {
	b.Helper()
	found := map[string]float64{}
	for _, m := range call(b, performance.GetMetrics, cdp.Empty{}).Metrics {
		found[m.Name] = m.Value
	}
	return found
}

func (b *tab) held() costs {
	b.Helper()
	for range 3 { // what one round frees may hold on to what the next one does
		call(b, heapprofiler.CollectGarbage, cdp.Empty{})
	}
	m := b.metrics()
	return costs{m["Nodes"], m["JSEventListeners"], m["JSHeapUsedSize"]}
}

// watched opens the overview of a shop, ready to be measured: DevTools itself holds on to no
// elements.
func watched(t testing.TB, s *site, before ...string) *tab {
	t.Helper()
	b := newTab(t)
	for _, script := range before {
		b.before(script)
	}
	b.visit(s.link())
	b.ready(theView("overview"))
	b.wait(live)
	call(b, dom.Disable, cdp.Empty{})
	call(b, performance.Enable, performance.EnableParams{})
	return b
}

// flat fails the test where a tab holds more than before, beyond what varies from one
// moment to the next: a leak of one element or listener in a round is far beyond that.
func flat(t *testing.T, what string, before, after costs, rounds int) {
	t.Helper()
	t.Logf("%s: nodes %.0f to %.0f, listeners %.0f to %.0f, heap %.2f to %.2f MiB", what, before.nodes, after.nodes, before.listeners, after.listeners, before.heap/(1<<20), after.heap/(1<<20))
	most := float64(rounds) * 0.9
	if more := after.nodes - before.nodes; more > most {
		t.Errorf("%s: %v more nodes", what, more)
	}
	if more := after.listeners - before.listeners; more > most {
		t.Errorf("%s: %v more listeners", what, more)
	}
	if more := after.heap - before.heap; more > 3<<20 {
		t.Errorf("%s: %.2f MiB more heap", what, more/(1<<20))
	}
}

// A tab that stays open for a day, and one whose views are switched all the time, holds no
// more than in the beginning.
func TestNothingLeaks(t *testing.T) {
	s := serveSite(t, busyShop(t), httpapi.DefaultPrefix)
	b := watched(t, s, catchStream)
	b.wait("window.latest")

	const updates = 1200
	eval[any](b, "updates(500, 10)") // as many as the page keeps, and more
	before := b.held()
	eval[any](b, fmt.Sprintf("updates(%d, 10)", updates))
	flat(t, fmt.Sprintf("%d live updates", updates), before, b.held(), updates)

	const rounds = 50
	hashes := make([]string, len(views))
	for i, v := range views {
		hashes[i] = v.hash
	}
	// quickly leaves each view before all of its data is there, as people do.
	quickly := func(rounds int) {
		eval[any](b, fmt.Sprintf(`(async () => {
			for (let i = 0; i < %d; i++) for (const hash of %q.split(" ")) {
				location.hash = hash;
				await new Promise((then) => setTimeout(then, 15 * (i %% 4)));
			}
		})()`, rounds, strings.Join(hashes, " ")))
	}
	calmly := func() {
		for _, v := range views {
			b.show(v)
		}
	}
	settled := func() costs {
		b.show(theView("diagnostics"))
		b.show(theView("overview"))
		return b.held()
	}
	quickly(3)
	calmly()
	before = settled()
	quickly(rounds - 5)
	for range 5 {
		calmly()
	}
	flat(t, fmt.Sprintf("%d rounds through all views", rounds), before, settled(), 5)
	b.clean("net::ERR_ABORTED")
}

// The time that a live update takes of the page's main thread, everything included: script,
// style, layout and painting. Charts in sight are drawn anew each time.
func BenchmarkPageLiveUpdate(bench *testing.B) {
	s := serveSite(bench, fullShop(bench), httpapi.DefaultPrefix)
	b := watched(bench, s, catchStream)
	b.wait("window.latest")
	eval[any](b, "updates(20)")
	const n = 100
	for bench.Loop() {
		before := b.metrics()
		eval[any](b, fmt.Sprintf("updates(%d)", n))
		after := b.metrics()
		for metric, unit := range map[string]string{"TaskDuration": "ms/update", "ScriptDuration": "ms-script/update", "LayoutDuration": "ms-layout/update"} {
			bench.ReportMetric((after[metric]-before[metric])/n*1000, unit)
		}
	}
}

// The time from the beginning of the navigation until something is seen, and until all of
// 48 h with 100 endpoints is drawn. Nothing is in a cache.
func BenchmarkPageLoad(bench *testing.B) {
	s := serveSite(bench, fullShop(bench), httpapi.DefaultPrefix)
	for _, v := range []view{
		{"overview", "#/overview?range=2d", "Overview", `document.querySelectorAll(".chart canvas").length >= 4 && document.querySelectorAll(".tile .spark-line").length === 6`},
		{"endpoints", "#/endpoints?range=2d", "Endpoints", `document.querySelectorAll(".rows tbody tr").length === 100`},
	} {
		bench.Run(v.name, func(bench *testing.B) {
			b := newTab(bench)
			b.before(fmt.Sprintf(`(() => {
				const look = () => requestAnimationFrame(() => { if (%s) requestAnimationFrame(() => { window.drawn = performance.now(); }); else look(); });
				if (location.protocol !== "about:") look();
			})()`, v.there))
			b.visit(s.link())
			b.wait(live)
			call(b, network.SetCacheDisabled, network.SetCacheDisabledParams{CacheDisabled: true})
			var paint, drawn float64
			n := 0
			for bench.Loop() {
				b.visit(s.mount + v.hash)
				b.wait("window.drawn")
				paint += eval[float64](b, `performance.getEntriesByName("first-paint")[0].startTime`)
				drawn += eval[float64](b, "window.drawn")
				n++
			}
			bench.ReportMetric(paint/float64(n), "ms-to-paint")
			bench.ReportMetric(drawn/float64(n), "ms-to-all")
		})
	}
}
