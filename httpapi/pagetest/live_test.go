package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/httpapi"
)

const (
	live      = `document.querySelector(".fresh.live")`
	lost      = `document.querySelector(".fresh.lost")`
	freshness = `document.querySelector(".fresh").innerText`
)

// quick is an interval at which the page reads anew every few seconds.
var quick = perfmon.WithInterval(5 * time.Second)

// Figures change while one looks, and nobody reads anything anew for that.
func TestFiguresAreLive(t *testing.T) {
	t.Parallel() // it waits more than it works
	s := serveSite(t, open(t, shop{endpoints: 10}), httpapi.DefaultPrefix)
	b := newTab(t)
	b.visit(s.link())
	b.wait(live)
	b.wait(`document.querySelector(".tile .value b").innerText !== "–"`)
	for i := range 5 {
		if i == 2 { // what is read when the stream begins is read by now
			b.asked()
		}
		now := eval[string](b, `document.querySelector(".tiles").innerText`)
		asOf := eval[string](b, freshness)
		b.wait(fmt.Sprintf(`document.querySelector(".tiles").innerText !== %q && %s !== %q`, now, freshness, asOf))
	}
	for _, r := range b.asked() {
		t.Errorf("requested while figures changed: %s", r)
	}
	b.clean()
}

// raise raises an alert as the host does.
func raise(t *testing.T, m *perfmon.Monitor, a perfmon.HostAlert) perfmon.Alert {
	t.Helper()
	raised, err := m.Alerts().Raise(a)
	if err != nil {
		t.Fatal(err)
	}
	return raised
}

// A stream that the server cuts is seen to be lost, with the age of what one sees. It comes
// back by itself, and so does what happened meanwhile.
func TestStreamIsLostAndComesBack(t *testing.T) {
	t.Parallel() // it waits more than it works
	m := open(t, shop{endpoints: 10})
	s := serveSite(t, m, httpapi.DefaultPrefix)
	b := newTab(t)
	b.visit(s.link())
	b.wait(live)
	s.change(func() { s.refuse = true })
	s.CloseClientConnections()
	b.wait(lost + ` && / old$/.test(` + freshness + `)`)
	s.wait(t, "a browser tries again", func() bool { return s.refused > 0 })
	raise(t, m, perfmon.HostAlert{Metric: "stock", Severity: perfmon.Critical, Message: "The warehouse is on fire"})
	s.change(func() { s.refuse = false })
	b.wait(live)
	b.wait(`document.querySelector(".verdict.critical h1").innerText.includes("on fire")`)
	b.wait(`document.querySelector(".count-badge.critical").innerText === "1" && document.title.startsWith("✖")`)
	// It goes on from there: the next alert comes by the stream.
	raise(t, m, perfmon.HostAlert{Metric: "doors", Severity: perfmon.Warning, Message: "The doors are locked"})
	b.wait(`document.querySelector(".count-badge").innerText === "2"`)
	b.clean("realtime/") // that its stream was refused, a browser notes by itself
}

// A page that is closed, or left for another one, gives its stream back at once: a
// principal has only a few.
func TestLeavingFreesTheStream(t *testing.T) {
	t.Parallel() // it waits more than it works
	s := serveSite(t, open(t, shop{endpoints: 3}), httpapi.DefaultPrefix)
	open := func(n int) func() bool { return func() bool { return s.streams == n } }
	b := newTab(t)
	b.visit(s.link())
	s.wait(t, "the page opens a stream", open(1))
	for range 6 { // more often than there are streams
		b.do(chromedp.Navigate("about:blank"))
		s.wait(t, "the page is left", open(0))
		eval[any](b, `void setTimeout(() => history.back())`) // later: what asks for it must have its answer before the page goes
		s.wait(t, "one comes back", open(1))
		b.wait(live)
	}
	b.clean()
	b.close()
	s.wait(t, "the tab is closed", open(0))
}

// The fifth tab of one person gets no stream. It says so, and reads anew nevertheless.
func TestFifthTab(t *testing.T) {
	t.Parallel() // it waits more than it works
	s := serveSite(t, open(t, shop{endpoints: 3}, quick), httpapi.DefaultPrefix)
	first := newTab(t)
	first.visit(s.link())
	first.wait(live)
	tabs := []*tab{first}
	for range 3 {
		b := newTab(t, first)
		b.visit(s.mount)
		b.wait(live)
		tabs = append(tabs, b)
	}
	fifth := newTab(t, first)
	fifth.visit(s.mount)
	fifth.wait(lost)
	age := eval[string](fifth, `document.querySelector(".fresh span").title`) // of the latest sample
	fifth.wait(fmt.Sprintf(`document.querySelector(".fresh span").title > %q`, age))
	fifth.wait(lost)
	// A place that is given back is taken.
	tabs[1].close()
	fifth.wait(live)
}
