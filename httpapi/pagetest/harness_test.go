package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/httpapi"
)

// patience is how long a condition may take before a test gives up; nothing waits for it
// otherwise.
const patience = 30 * time.Second

// chromium is the one browser of all tests; each tab has a profile of its own.
var chromium context.Context

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	path, err := exec.LookPath("chromium")
	if err != nil {
		fmt.Fprintln(os.Stderr, "pagetest: chromium is missing: install the package chromium:", err)
		return 1
	}
	profile, err := os.MkdirTemp("", "perfmon-pagetest")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(profile) }()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(filepath.Join(profile, "chromium")),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-extensions", true), chromedp.Flag("enable-precise-memory-info", true),
	)
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	defer stop()
	ctx, end := chromedp.NewContext(ctx)
	defer end()
	if err := chromedp.Do(ctx); err != nil { // starts it
		fmt.Fprintln(os.Stderr, "pagetest: chromium:", err)
		return 1
	}
	chromium = ctx
	defer func() {
		for _, f := range closeShops {
			f()
		}
	}()
	return m.Run()
}

// open starts a shop that ends with the test.
func open(t testing.TB, s shop, options ...perfmon.Option) *perfmon.Monitor {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	m, err := s.open(ctx, options...)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = m.Close()
	})
	return m
}

// sharedShop is a shop that all tests share which change nothing.
func sharedShop(s shop) func(t testing.TB) *perfmon.Monitor {
	once := sync.OnceValues(func() (*perfmon.Monitor, error) {
		ctx, cancel := context.WithCancel(context.Background())
		m, err := s.open(ctx)
		closeShops = append(closeShops, func() {
			cancel()
			if err == nil {
				_ = m.Close()
			}
		})
		return m, err
	})
	return func(t testing.TB) *perfmon.Monitor {
		t.Helper()
		m, err := once()
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
}

var (
	// busyShop has more than a day behind it, so that there is a yesterday.
	busyShop = sharedShop(shop{endpoints: 12, custom: 3, past: 26 * time.Hour})
	// fullShop has all that there is room for: 48 h of 100 endpoints.
	fullShop = sharedShop(shop{endpoints: 100, custom: 3, past: 48 * time.Hour})

	closeShops []func()
)

// site is a server with the API and its page.
type site struct {
	*httptest.Server
	*gate
	mount string // the address of the page, with the slash at its end
}

// serveSite serves the API of a monitor below a prefix. Without options it takes a token.
func serveSite(t testing.TB, m *perfmon.Monitor, prefix string, options ...httpapi.Option) *site {
	t.Helper()
	if len(options) == 0 {
		options = []httpapi.Option{httpapi.WithBearerToken(token)}
	}
	api, err := httpapi.New(m, append(options, httpapi.WithPrefix(prefix))...)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{next: api, changed: make(chan struct{})}
	server := httptest.NewServer(g)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		_ = api.Close()
	})
	return &site{server, g, server.URL + strings.TrimSuffix(prefix, "/") + "/"}
}

// link signs in.
func (s *site) link() string { return s.mount + "#token=" + token }

// gate stands before the API. It counts the live streams, and refuses them when it is told to.
type gate struct {
	next http.Handler

	mu      sync.Mutex
	refuse  bool          // mu
	streams int           // that are open; mu
	refused int           // mu
	changed chan struct{} // closed and made anew with each change; mu
}

func (g *gate) change(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f()
	close(g.changed)
	g.changed = make(chan struct{})
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.HasSuffix(r.URL.Path, "/realtime/") {
		g.next.ServeHTTP(w, r)
		return
	}
	refuse := false
	g.change(func() {
		if refuse = g.refuse; refuse {
			g.refused++
		} else {
			g.streams++
		}
	})
	if refuse {
		http.Error(w, "not now", http.StatusServiceUnavailable)
		return
	}
	defer g.change(func() { g.streams-- })
	g.next.ServeHTTP(w, r)
}

// wait waits until the gate is as a test wants it.
func (g *gate) wait(t testing.TB, what string, is func() bool) {
	t.Helper()
	deadline := time.After(patience)
	for {
		g.mu.Lock()
		ok, changed := is(), g.changed
		g.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("%s: it never came to that; %d streams are open, %d were refused", what, g.streams, g.refused)
		}
	}
}

// tab is a tab of the browser. It notes what the console says and what is requested.
type tab struct {
	testing.TB
	ctx context.Context

	mu         sync.Mutex
	complaints []string // mu
	requests   []string // method and URL; mu
	finished   []network.RequestID
	messages   []string // of event streams; mu
}

// newTab opens a tab, in a profile of its own unless it is opened beside another one.
func newTab(t testing.TB, beside ...*tab) *tab {
	t.Helper()
	option := chromedp.WithNewBrowserContext()
	if len(beside) > 0 {
		option = chromedp.WithExistingBrowserContext(chromedp.FromContext(beside[0].ctx).BrowserContextID)
	}
	ctx, cancel := chromedp.NewContext(chromium, option)
	t.Cleanup(cancel)
	b := &tab{TB: t, ctx: ctx}
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, network.Enable, network.EnableParams{})
		return err
	}))
	b.size(1440, 900)
	return b
}

// close closes the tab, as a person does.
func (b *tab) close() {
	b.Helper()
	if err := chromedp.Cancel(b.ctx); err != nil {
		b.Fatal(err)
	}
}

// hear is called by the goroutine that reads from the browser.
func (b *tab) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if x := e.ExceptionDetails.Exception; x != nil {
			text += " " + x.Description
		}
		b.complaints = append(b.complaints, "exception: "+text)
	case *runtime.EventConsoleAPICalled:
		if kind := string(e.Type); kind == "error" || kind == "warning" || kind == "assert" {
			words := []string{kind}
			for _, a := range e.Args {
				words = append(words, string(a.Value)+a.Description)
			}
			b.complaints = append(b.complaints, strings.Join(words, " "))
		}
	case *log.EventEntryAdded:
		if level := string(e.Entry.Level); level == "error" || level == "warning" {
			b.complaints = append(b.complaints, fmt.Sprintf("%s: %s: %s", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		}
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.Method+" "+e.Request.URL)
	case *network.EventLoadingFinished:
		b.finished = append(b.finished, e.RequestID)
	case *network.EventEventSourceMessageReceived:
		b.messages = append(b.messages, e.EventName+" "+e.Data)
	}
}

// clean fails the test where the console complained; one who knows of a complaint names a
// part of it.
func (b *tab) clean(known ...string) {
	b.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
complaints:
	for _, c := range b.complaints {
		for _, k := range known {
			if strings.Contains(c, k) {
				continue complaints
			}
		}
		b.Errorf("the console says: %s", c)
	}
	b.complaints = nil
}

// asked are the requests since the beginning, or since they were last taken.
func (b *tab) asked() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	asked := b.requests
	b.requests = nil
	return asked
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.Fatal(err)
	}
}

// before runs a script in each page that the tab loads from now on, before those of the page.
func (b *tab) before(script string) {
	b.Helper()
	call(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
}

// visit loads an address, also one that differs from the present one in its fragment alone.
func (b *tab) visit(address string) {
	b.Helper()
	b.do(chromedp.Navigate("about:blank"), chromedp.Navigate(address))
}

// show changes to another view, as a click on a link does.
func (b *tab) show(v view) {
	b.Helper()
	eval[any](b, fmt.Sprintf("location.hash = %q", v.hash))
	b.ready(v)
}

// ready waits until a view is there with its data.
func (b *tab) ready(v view) {
	b.Helper()
	b.wait(fmt.Sprintf(`document.title.includes(%q)`, v.title))
	b.wait(`document.querySelector("main > .view") && !document.querySelector("main .skeleton, main > .problem")`)
	b.wait(v.there)
}

// wait waits until an expression of JavaScript is true.
func (b *tab) wait(condition string) {
	b.Helper()
	js := fmt.Sprintf(`new Promise((yes) => {
		const again = window.realTimeout ?? setTimeout;
		const look = () => {
			let is = false;
			try { is = Boolean(%s); } catch { /* not there yet */ }
			if (is) yes(true); else again(look, 20);
		};
		look();
	})`, condition)
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	for {
		_, err := chromedp.Run(ctx, chromedp.Evaluate[bool](js, chromedp.EvalAwaitPromise))
		var wrong *chromedp.ExceptionError
		switch {
		case err == nil:
			return
		case errors.As(err, &wrong):
			b.Fatalf("%s: %v", condition, err)
		case ctx.Err() != nil:
			b.mu.Lock()
			complaints := strings.Join(b.complaints, "\n")
			b.mu.Unlock()
			text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`location.hash + "\nfields: " + JSON.stringify([...document.querySelectorAll("input")].map((e) => e.value)) + "\n" + document.body.innerText.slice(0, 1500)`))
			b.Fatalf("it never came to be: %s\nconsole: %s\npage: %s", condition, complaints, text)
		}
		// The page went elsewhere while it was asked: ask the next one.
	}
}

// eval returns the value of an expression of JavaScript, awaited.
func eval[T any](b *tab, js string) T {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
	if err != nil {
		b.Fatalf("%.200s: %v", js, err)
	}
	return v
}

// click clicks the first element that a selector finds and whose text has some words.
func (b *tab) click(selector, words string) {
	b.Helper()
	find := fmt.Sprintf(`[...document.querySelectorAll(%q)].find((e) => e.checkVisibility() && (e.ariaLabel ?? e.textContent).includes(%q))`, selector, words)
	b.wait(find)
	eval[any](b, find+`.scrollIntoView({block: "center"})`)
	at := eval[point](b, fmt.Sprintf(`(() => { const r = %s.getBoundingClientRect(); return {x: r.x + r.width / 2, y: r.y + r.height / 2}; })()`, find))
	b.do(chromedp.MouseClickXY(at.X, at.Y))
}

// write replaces what a field holds.
func (b *tab) write(selector, words string) {
	b.Helper()
	b.wait(fmt.Sprintf(`document.querySelector(%q)`, selector))
	eval[any](b, fmt.Sprintf(`(() => { const e = document.querySelector(%q); e.scrollIntoView({block: "center"}); e.focus(); e.select(); })()`, selector))
	if words == "" {
		b.do(keys("\b"))
		return
	}
	b.do(keys(words))
}

// drag presses the pointer at one place and lets it go at another.
func (b *tab) drag(from, to point) {
	b.Helper()
	middle := point{(from.X + to.X) / 2, (from.Y + to.Y) / 2}
	b.do(
		chromedp.MouseEvent(chromedp.MouseMoved, from.X, from.Y),
		chromedp.MouseEvent(chromedp.MousePressed, from.X, from.Y, chromedp.ButtonLeft, chromedp.ClickCount(1)),
		chromedp.MouseEvent(chromedp.MouseMoved, middle.X, middle.Y, chromedp.ButtonLeft),
		chromedp.MouseEvent(chromedp.MouseMoved, to.X, to.Y, chromedp.ButtonLeft),
		chromedp.MouseEvent(chromedp.MouseReleased, to.X, to.Y, chromedp.ButtonLeft, chromedp.ClickCount(1)),
	)
}

type point struct{ X, Y float64 }

// box is where an element is on the screen.
func (b *tab) box(selector string) (x, y, width, height float64) {
	b.Helper()
	r := eval[[4]float64](b, fmt.Sprintf(`(() => { const e = document.querySelector(%q); e.scrollIntoView({block: "center"}); const r = e.getBoundingClientRect(); return [r.x, r.y, r.width, r.height]; })()`, selector))
	return r[0], r[1], r[2], r[3]
}

func (b *tab) size(width, height int64) {
	b.Helper()
	b.do(chromedp.EmulateViewport(width, height))
}

// view is one of the page's views.
type view struct {
	name  string
	hash  string
	title string // a part of the document's title
	there string // true when its data is
}

const payEndpoint = "POST /orders/{id}/pay"

// views are all of them, as the shop with a past fills them.
var views = []view{
	{"overview", "#/overview", "Overview", `document.querySelectorAll(".chart canvas").length >= 4 && document.querySelector(".tile .value b").textContent !== ""`},
	{"endpoints", "#/endpoints", "Endpoints", `document.querySelectorAll(".rows tbody tr").length >= 10`},
	{"endpoint", "#/endpoints/POST%20%2Forders%2F%7Bid%7D%2Fpay", payEndpoint, `document.querySelectorAll(".chart canvas").length >= 2 && document.querySelector(".facts dd")`},
	{"alerts", "#/alerts", "Alerts", `document.querySelectorAll(".alert").length >= 5`},
	{"alert", "#/alerts/past-4", "Alerts", `document.querySelector(".alert-detail .steps li") && document.querySelector(".alert-detail canvas")`},
	{"thresholds", "#/thresholds", "Thresholds", `document.querySelectorAll(".rule canvas").length >= 8 && document.querySelector(".rule-tried").textContent !== ""`},
	{"trends", "#/trends", "Trends", `document.querySelector("#baseline-minutes") && document.querySelector(".sentences, .hint")`},
	{"diagnostics", "#/diagnostics", "Diagnostics", `document.querySelectorAll("main table").length >= 4`},
}

// theView finds one by its name.
func theView(name string) view {
	for _, v := range views {
		if v.name == name {
			return v
		}
	}
	panic("no view " + name)
}
