package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/httpapi"
)

// holdTimers keeps back what the page wants to do in 5 s, the time to undo, until the test
// lets it happen.
const holdTimers = `(() => {
	const real = window.realTimeout = window.setTimeout.bind(window), clear = window.clearTimeout.bind(window);
	const held = new Map();
	let id = 0;
	window.setTimeout = (f, ms, ...rest) => {
		if (ms !== 5000) return real(f, ms, ...rest);
		held.set(--id, f);
		return id;
	};
	window.clearTimeout = (id) => { if (!held.delete(id)) clear(id); };
	window.timeIsUp = () => { const all = [...held.values()]; held.clear(); for (const f of all) f(); return all.length; };
})()`

// changed fails the test where something was sent that changes anything.
func (b *tab) changedNothing() {
	b.Helper()
	for _, r := range b.asked() {
		if !strings.HasPrefix(r, "GET ") && !strings.Contains(r, "/backtest/") {
			b.Errorf("sent: %s", r)
		}
	}
}

// What one does about an alert is shown at once, can be undone before it is sent, and is
// done when the time for that is over.
func TestActOnAlerts(t *testing.T) {
	m := open(t, shop{endpoints: 3})
	s := serveSite(t, m, httpapi.DefaultPrefix)
	events := make(chan perfmon.AlertEvent, 100)
	defer m.OnAlert(func(e perfmon.AlertEvent) { events <- e })()
	b := newTab(t)
	b.before(holdTimers)
	b.visit(s.mount + "#token=" + token)
	b.wait(live)
	for _, test := range []struct {
		button string
		shown  string // the classes of the alert's row
		change perfmon.AlertChange
		is     func(perfmon.Alert) bool
	}{
		{"Acknowledge", "warning.acknowledged", perfmon.ChangeAcknowledged, func(a perfmon.Alert) bool { return a.State == perfmon.AlertAcknowledged }},
		{"Make critical", "critical.open", perfmon.ChangeEscalated, func(a perfmon.Alert) bool { return a.Severity == perfmon.Critical }},
		{"Dismiss", "warning.dismissed", perfmon.ChangeDismissed, func(a perfmon.Alert) bool { return a.State == perfmon.AlertDismissed }},
	} {
		t.Run(test.button, func(t *testing.T) {
			name := "alert_to_" + strings.ReplaceAll(strings.ToLower(test.button), " ", "_")
			a := raise(t, m, perfmon.HostAlert{Metric: name, Severity: perfmon.Warning, Message: "Something to " + test.button})
			row := func(classes string) string {
				return fmt.Sprintf(`[...document.querySelectorAll(".alert.%s")].some((e) => e.innerText.includes(%q))`, classes, name)
			}
			eval[any](b, `location.hash = "#/alerts"`)
			b.wait(row("warning.open"))
			b.asked()

			b.click(".alert-actions button", test.button+": "+name)
			b.wait(row(test.shown))
			b.click(".toast button", "Undo")
			b.wait(row("warning.open"))
			eval[int](b, "timeIsUp()")
			b.changedNothing()

			b.click(".alert-actions button", test.button+": "+name)
			b.wait(row(test.shown))
			b.changedNothing()
			if n := eval[int](b, "timeIsUp()"); n == 0 {
				t.Fatal("nothing waits for the time to undo")
			}
			for deadline := time.After(patience); ; {
				select {
				case e := <-events:
					if e.Alert.ID != a.ID || e.Change != test.change {
						continue
					}
				case <-deadline:
					t.Fatalf("%s: the alert was never %s", name, test.change)
				}
				break
			}
			got, err := m.Alerts().Get(a.ID)
			if err != nil || !test.is(got) || got.Changes[len(got.Changes)-1].By != "token" {
				t.Errorf("%v: %v, by %s", err, got, got.Changes[len(got.Changes)-1].By)
			}
			b.wait(row(test.shown))
		})
	}
	b.clean()
}

// rule finds the card of a threshold by what it says.
func rule(words string) string {
	return fmt.Sprintf(`[...document.querySelectorAll("form.rule")].find((e) => e.textContent.includes(%q))`, words)
}

// limits returns the limits of a threshold.
func limits(t *testing.T, m *perfmon.Monitor, id perfmon.ThresholdID) (warning, critical perfmon.Value) {
	t.Helper()
	got, err := m.Thresholds().Get(id)
	if err != nil {
		t.Fatal(err)
	}
	return got.Warning, got.Critical
}

// A threshold is tried out while one types, is what one typed when it is saved, and stays
// as it was where the server refuses.
func TestEditThreshold(t *testing.T) {
	m := open(t, shop{endpoints: 3, past: 2 * time.Hour})
	s := serveSite(t, m, httpapi.DefaultPrefix)
	cpu := perfmon.ThresholdID{Metric: perfmon.CPUUsagePercent, Scope: perfmon.ScopeService}
	card := `document.querySelector('form.rule:has(input[aria-label="Warning, % of CPU usage"])')`
	warning := `input[aria-label="Warning, % of CPU usage"]`
	b := newTab(t)
	b.visit(s.link())
	b.wait(live)
	b.show(theView("thresholds"))
	b.asked()

	b.write(warning, "1")
	b.wait(card + `.querySelector(".rule-tried").innerText.match(/^Would have fired \d+\stimes? in the last/)`)
	b.changedNothing()
	b.click("form.rule button.primary", "Save")
	b.wait(`document.querySelector(".toast").innerText.includes("CPU usage: saved")`)
	if w, c := limits(t, m, cpu); w != perfmon.ValueOf(1) || c != perfmon.ValueOf(95) {
		t.Errorf("the limits are %v and %v, want 1 and 95", w, c)
	}
	b.wait(card + `.querySelector(".rule-buttons").hidden`)

	b.clean()
	b.write(warning, "96")
	b.click("form.rule button.primary", "Save")
	b.wait(card + `.querySelector(".rule-wrong").innerText.includes("critical")`)
	if w, _ := limits(t, m, cpu); w != perfmon.ValueOf(1) {
		t.Errorf("the limit was changed to %v by what was refused", w)
	}
	b.write(warning, "eighty")
	b.wait(card + `.querySelector(".rule-wrong").innerText.includes("not a number")`)
	b.click("form.rule button", "Cancel")
	b.wait(fmt.Sprintf(`document.querySelector(%q).value === "1"`, warning))
	b.clean("status of 400") // that it was refused, a browser notes by itself

	// The critical limit is dragged down. The axis of a percentage ends at 100.
	x, y, width, height := b.box(`form.rule:has(input[aria-label="Warning, % of CPU usage"]) .u-over`)
	b.drag(point{x + width/2, y + height*0.05}, point{x + width/2, y + height*0.5})
	dragged := eval[float64](b, `Number(document.querySelector('input[aria-label="Critical, % of CPU usage"]').value)`)
	if dragged < 45 || dragged > 55 {
		t.Errorf("the limit was dragged to %v, want about 50", dragged)
	}
	b.click("form.rule button.primary", "Save")
	b.wait(card + `.querySelector(".rule-buttons").hidden`)
	if _, c := limits(t, m, cpu); c != perfmon.ValueOf(dragged) {
		t.Errorf("the limit is %v, want %v", c, dragged)
	}
	b.clean()
}

// choose picks an option of a select.
func (b *tab) choose(selector, value string) {
	b.Helper()
	b.wait(fmt.Sprintf(`document.querySelector(%q)`, selector))
	eval[any](b, fmt.Sprintf(`(() => { const e = document.querySelector(%q); e.value = %q; e.dispatchEvent(new Event("change", {bubbles: true})); })()`, selector, value))
}

// A threshold for some endpoints is added, switched off, and removed when the time to undo is over.
func TestAddAndRemoveThreshold(t *testing.T) {
	m := open(t, shop{endpoints: 3})
	s := serveSite(t, m, httpapi.DefaultPrefix)
	id := perfmon.ThresholdID{Metric: perfmon.ErrorRate, Scope: perfmon.ScopeEndpoint, AppliesTo: "GET /prod*"}
	card := rule("of endpoints GET /prod*")
	b := newTab(t)
	b.before(holdTimers)
	b.visit(s.link())
	b.wait(live)
	eval[any](b, `location.hash = "#/thresholds"`)
	b.click("button", "Add a threshold")
	b.choose("#new-metric", perfmon.ErrorRate)
	b.choose("#new-scope", "endpoint")
	b.write("#new-pattern", "GET /prod*")
	b.write("#new-warning", "7")
	b.click(".new-rule button", "Add")
	b.wait(card)
	if w, c := limits(t, m, id); w != perfmon.ValueOf(7) || c != (perfmon.Value{}) {
		t.Errorf("the limits are %v and %v, want 7 and none", w, c)
	}

	remove := card + `.querySelector("button[aria-label^=Remove]").click()`
	b.asked()
	eval[any](b, remove)
	b.wait(card + ".hidden")
	b.click(".toast button", "Undo")
	b.wait("!" + card + ".hidden")
	eval[int](b, "timeIsUp()")
	b.changedNothing()
	eval[any](b, remove)
	b.changedNothing()
	eval[int](b, "timeIsUp()")
	b.wait("!" + card)
	if got, err := m.Thresholds().Get(id); err == nil {
		t.Errorf("it is still there: %+v", got)
	}
	b.clean()
}

// A baseline is set from what is held; where that is too little, the page says what is missing.
func TestSetBaseline(t *testing.T) {
	m := open(t, shop{endpoints: 3, past: 2 * time.Hour})
	s := serveSite(t, m, httpapi.DefaultPrefix)
	b := newTab(t)
	b.visit(s.link())
	b.wait(live)
	b.show(theView("trends"))
	b.write("#baseline-minutes", "15")
	b.click("button", "Set the baseline")
	b.wait(`document.querySelector("main table") && document.querySelector("main").innerText.includes("by token from 15")`)
	if list := m.Baselines().List(); len(list) != 1 || list[0].By != "token" {
		t.Errorf("baselines: %+v", list)
	}
	b.clean()

	young := open(t, shop{endpoints: 3})
	b.visit(serveSite(t, young, httpapi.DefaultPrefix).link())
	b.wait(live)
	b.show(theView("trends"))
	b.click("button", "Set the baseline")
	b.wait(`document.querySelector(".problem li").innerText.length > 10`)
	if list := young.Baselines().List(); len(list) != 0 {
		t.Errorf("baselines: %+v", list)
	}
	b.clean("status of 409")
}

// A range is chosen from a list, or by dragging over a chart. The address holds it, so that
// somebody else sees the same.
func TestRanges(t *testing.T) {
	s := serveSite(t, busyShop(t), httpapi.DefaultPrefix)
	b := newTab(t)
	b.visit(s.link())
	b.ready(theView("overview"))
	b.choose("select.range", "6h")
	b.wait(`location.hash === "#/overview?range=6h"`)
	b.wait(`performance.getEntriesByType("resource").some((r) => r.name.includes("dashboard/?hours=6&"))`)

	b.wait(`document.querySelector(".chart .u-over")`)
	x, y, width, height := b.box(".chart .u-over")
	b.drag(point{x + width*0.4, y + height/2}, point{x + width*0.6, y + height/2})
	b.wait(`/range=\d+-\d+$/.test(location.hash)`)
	zoomed := `document.querySelector(".zoomed:not([hidden])").innerText`
	b.wait(zoomed + `.includes("Back to live")`)
	seconds := eval[float64](b, `(() => { const [, from, to] = /range=(\d+)-(\d+)$/.exec(location.hash); return to - from; })()`)
	if want := 0.2 * 6 * 3600; seconds < 0.9*want || seconds > 1.1*want {
		t.Errorf("a fifth of 6 h was dragged over, and %v s are shown", seconds)
	}

	// The link of an endpoint keeps the range. Opened elsewhere, it shows the same.
	eval[any](b, `location.hash = document.querySelector(".rail a[data-view=endpoints]").hash`)
	b.wait(`/^#\/endpoints\?range=\d+-\d+$/.test(location.hash)`)
	b.click(".rows a", payEndpoint)
	b.ready(theView("endpoint"))
	charts := `[...document.querySelectorAll(".plot")].map((e) => e.ariaLabel).join("\n")`
	shows := zoomed + ` + document.querySelector("h1").innerText + ` + charts
	b.wait(charts + `.includes("highest")`)
	other := newTab(t, b)
	other.visit(eval[string](b, "location.href"))
	other.ready(theView("endpoint"))
	other.wait(charts + `.includes("highest")`)
	if mine, others := eval[string](b, shows), eval[string](other, shows); mine != others {
		t.Errorf("the link shows\n%s\nwant\n%s", others, mine)
	}
	b.do(keys("\x1b"))
	b.wait(`!location.hash.includes("range") && document.querySelector(".zoomed").hidden`)
	b.clean()
	other.clean()
}

// Keys find things, go to places, and list themselves.
func TestKeys(t *testing.T) {
	s := serveSite(t, busyShop(t), httpapi.DefaultPrefix)
	b := newTab(t)
	b.visit(s.link())
	b.ready(theView("overview"))
	b.do(keys("ga"))
	b.ready(theView("alerts"))
	b.do(keys("?"))
	b.wait(`document.querySelector("dialog.help[open]").innerText.includes("find a metric")`)
	b.do(keys("\x1b"))
	b.wait(`!document.querySelector("dialog")`)
	b.do(keys("/"))
	b.wait(`document.activeElement.matches("dialog.search input")`)
	b.do(keys("post pay"))
	b.wait(`document.querySelectorAll(".search [role=option]").length === 1`)
	b.do(keys("\r"))
	b.ready(theView("endpoint"))
	b.do(keys("/queue\r"))
	b.wait(`location.hash === "#/overview" && document.activeElement.ariaLabel?.startsWith("Chart of Queue size")`)
	b.clean()
}

// The theme is the system's until one switches it, and then stays.
func TestTheme(t *testing.T) {
	s := serveSite(t, busyShop(t), httpapi.DefaultPrefix)
	b := newTab(t)
	is := func(theme string) {
		t.Helper()
		b.wait(fmt.Sprintf(`document.documentElement.dataset.theme === %q && getComputedStyle(document.body).backgroundColor === %q`, theme,
			map[string]string{"dark": "rgb(11, 14, 18)", "light": "rgb(246, 247, 249)"}[theme]))
	}
	b.theme("dark")
	b.visit(s.link())
	b.ready(theView("overview"))
	is("dark")
	b.theme("light")
	is("light")
	b.click("button", "Dark theme")
	is("dark")
	b.do(chromedp.Reload())
	b.ready(theView("overview"))
	is("dark")
	b.click("button", "Light theme")
	is("light")
	b.theme("dark") // what was chosen is what the system wished for, so it is followed again
	is("dark")
	b.clean()
}
