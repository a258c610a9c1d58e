package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/httpapi"
)

const axeVersion = "4.14.1"

// axe is axe-core's source, from npm, kept in the user's cache.
var axe = sync.OnceValues(func() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "perfmon-pagetest", "axe-core-"+axeVersion)
	file := filepath.Join(dir, "node_modules", "axe-core", "axe.min.js")
	if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return "", err
		}
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		out, err := exec.CommandContext(ctx, "npm", "install", "--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--prefix", dir, "axe-core@"+axeVersion).CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("npm (Debian's package npm): %w\n%s", err, out)
		}
	}
	source, err := os.ReadFile(file)
	return string(source), err
})

// accessible fails the test for what axe-core finds on the page as it is.
func (b *tab) accessible(name string) {
	b.Helper()
	source, err := axe()
	if err != nil {
		b.Fatal(err)
	}
	if !eval[bool](b, `"axe" in window`) {
		b.do(chromedp.Evaluate[chromedp.Void](source))
	}
	type finding struct {
		ID, Help string
		Nodes    []string
	}
	for _, f := range eval[[]finding](b, `new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))
		.then(() => axe.run(document, {resultTypes: ["violations"]}))
		.then((r) => r.violations.map((v) => ({ID: v.id, Help: v.help, Nodes: v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160) + " " + n.failureSummary)})))`) {
		b.Errorf("%s: %s: %s: %s", name, f.ID, f.Help, strings.Join(f.Nodes, "\n"))
	}
}

// What the others rest on: axe-core finds what is wrong.
func TestAxeFinds(t *testing.T) {
	source, err := axe()
	if err != nil {
		t.Fatal(err)
	}
	b := newTab(t)
	b.visit(`data:text/html,<title>x</title><img src="data:,"><p style="color:%23ccc;background:%23fff">pale</p>`)
	b.do(chromedp.Evaluate[chromedp.Void](source))
	found := eval[[]string](b, `axe.run().then((r) => r.violations.map((v) => v.id))`)
	for _, want := range []string{"image-alt", "color-contrast", "html-has-lang"} {
		if !strings.Contains(strings.Join(found, " "), want) {
			t.Errorf("axe-core finds %v, want %s among them", found, want)
		}
	}
}

// axe-core finds nothing in any view, in either theme, on a screen and on a phone, with
// alerts open and dialogs, too.
func TestAccessible(t *testing.T) {
	m := open(t, shop{endpoints: 10, past: 2 * time.Hour})
	raise(t, m, perfmon.HostAlert{Metric: "stock", Severity: perfmon.Warning, Message: "The stock is low"})
	raise(t, m, perfmon.HostAlert{Metric: "fire", Severity: perfmon.Critical, Message: "The warehouse is on fire"})
	s := serveSite(t, m, httpapi.DefaultPrefix)
	b := newTab(t)
	everywhere := func(name string) {
		b.Helper()
		for _, as := range []struct {
			theme string
			width int64
		}{{"dark", 1440}, {"light", 1440}, {"light", 390}} { // a phone has the colours of a screen
			b.theme(as.theme)
			b.size(as.width, 900)
			b.accessible(fmt.Sprintf("%s, %s, %d pixels", name, as.theme, as.width))
		}
		b.size(1440, 900)
	}
	b.visit(s.mount)
	b.wait(`document.querySelector("#token")`)
	everywhere("sign-in")
	b.visit(s.link())
	b.wait(live)
	for _, v := range views {
		b.show(v)
		everywhere(v.name)
	}
	eval[any](b, `location.hash = "#/thresholds"`)
	b.click("button", "Add a threshold")
	b.accessible("a new threshold")
	eval[any](b, `document.activeElement.blur()`)
	b.do(keys("?"))
	b.wait(`document.querySelector("dialog.help[open]")`)
	b.accessible("the list of keys")
	b.do(keys("\x1b"))
	b.wait(`!document.querySelector("dialog")`)
	b.do(keys("/"))
	b.wait(`document.querySelector("dialog.search[open]")`)
	b.accessible("the search")
	b.do(keys("\x1b"))
	b.wait(`!document.querySelector("dialog")`)
	b.click("summary", "Download a report")
	b.accessible("the menu of reports")
}

// reachable finds what the Tab key must reach, in the order of the document.
const reachable = `[...document.querySelectorAll("a[href], button, input, select, summary, [tabindex='0']")]
	.filter((e) => !e.disabled && e.tabIndex >= 0 && e.checkVisibility({visibilityProperty: true}) && e.getClientRects().length > 0)`

// By the Tab key alone one reaches everything that can be acted on, in the order in which
// it is read, and sees where one is.
func TestKeyboardReachesEverything(t *testing.T) {
	m := open(t, shop{endpoints: 10, past: 2 * time.Hour})
	raise(t, m, perfmon.HostAlert{Metric: "stock", Severity: perfmon.Warning, Message: "The stock is low"})
	s := serveSite(t, m, httpapi.DefaultPrefix)
	b := newTab(t)
	b.visit(s.link())
	b.wait(live)
	for _, v := range views {
		b.show(v)
		// What is reached is numbered, so that a redrawn element is seen to be missed.
		n := eval[int](b, fmt.Sprintf(`(() => {
			window.order = %s;
			window.order.at(-1).focus(); // the next key leads out of the page, the one after that to its first element
			window.unseen = [];
			window.reached = [];
			window.focused?.abort();
			window.focused = new AbortController();
			document.addEventListener("focusin", (e) => {
				const style = getComputedStyle(e.target), box = e.target.getBoundingClientRect();
				window.reached.push(window.order.indexOf(e.target));
				const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 && box.width > 0 && box.bottom > 0 && box.top < innerHeight;
				if (!seen) window.unseen.push(e.target.outerHTML.slice(0, 120) + " " + style.outline + " " + JSON.stringify(box));
			}, {signal: window.focused.signal});
			return window.order.length;
		})()`, reachable))
		if n < 12 { // the frame alone has as many
			t.Errorf("%s: only %d elements can be reached", v.name, n)
		}
		left := `window.order.some((e, i) => e.isConnected && !window.reached.includes(i))`
		for i := 0; i <= n || i < n+20 && eval[bool](b, left); i++ { // more where an update adds elements meanwhile
			b.do(keys("\t"))
		}
		missed := eval[[]string](b, `(window.focused.abort(), window.order.filter((e, i) => e.isConnected && !window.reached.includes(i)).map((e) => e.outerHTML.slice(0, 120)))`)
		if len(missed) > 0 {
			t.Errorf("%s: the Tab key does not reach %d of %d: %q", v.name, len(missed), n, missed[:min(len(missed), 4)])
		}
		if back := eval[[]int](b, `window.reached.filter((at, i, all) => i > 0 && at >= 0 && at < all[i - 1])`); len(back) > 0 {
			t.Errorf("%s: the Tab key jumps back to %d", v.name, back)
		}
		if unseen := eval[[]string](b, `window.unseen`); len(unseen) > 0 {
			t.Errorf("%s: one does not see that one is at %d elements: %q", v.name, len(unseen), unseen[:min(len(unseen), 4)])
		}
	}
	b.clean()
}
