package main

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/backend-prs/perfmon/httpapi"
)

// What the other tests rest on: a tab hears of everything that a page may do wrong.
func TestTabHearsComplaints(t *testing.T) {
	elsewhere := httptest.NewServer(http.NotFoundHandler())
	defer elsewhere.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "script-src 'self'; style-src 'self'")
		w.Header().Set("Content-Type", "text/html")
		switch r.URL.Path {
		case "/missing":
			http.NotFound(w, r)
			return
		case "/wrong.js":
			w.Header().Set("Content-Type", "text/javascript")
			_, _ = w.Write([]byte(`console.error("an error"); console.warn("a warning"); Promise.reject(new Error("a rejection")); setTimeout(() => { throw new Error("a throw"); }); fetch("missing").then((r) => r.text()).then(() => { window.done = true; });`))
			return
		}
		_, _ = w.Write([]byte(`<!doctype html><p style="color: red">x</p><img src="` + elsewhere.URL + `/x.png"><script src="wrong.js"></script>`))
	}))
	defer server.Close()
	b := newTab(t)
	b.visit(server.URL)
	b.wait(`window.done && document.readyState === "complete"`)
	b.mu.Lock()
	defer b.mu.Unlock()
	said := strings.Join(b.complaints, "\n")
	for _, want := range []string{"an error", "a warning", "a rejection", "a throw", "style", "404"} {
		if !strings.Contains(said, want) {
			t.Errorf("the tab did not hear of %q: %s", want, said)
		}
	}
	if !slices.ContainsFunc(b.requests, func(r string) bool { return strings.Contains(r, elsewhere.URL) }) {
		t.Errorf("the tab did not hear of a request to another origin: %v", b.requests)
	}
}

// sameOrigin fails the test where something was requested from elsewhere, or by an address
// with the token.
func (b *tab) sameOrigin(origin string) {
	b.Helper()
	asked := b.asked()
	if len(asked) == 0 {
		b.Error("nothing was requested")
	}
	for _, r := range asked {
		_, address, _ := strings.Cut(r, " ")
		if !strings.HasPrefix(address, origin+"/") && address != "about:blank" && !strings.HasPrefix(address, "data:") {
			b.Errorf("requested from elsewhere: %s", r)
		}
	}
}

// behindProxy serves a site below /team/shop, which the proxy takes away.
func behindProxy(t *testing.T, s *site) (mount string) {
	t.Helper()
	to, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		p.SetURL(to)
		p.Out.URL.Path = strings.TrimPrefix(p.In.URL.Path, "/team/shop")
		p.Out.URL.RawPath = ""
	}})
	t.Cleanup(func() {
		proxy.CloseClientConnections()
		proxy.Close()
	})
	return proxy.URL + "/team/shop/ops/perf/"
}

// Every view loads, wherever the API is mounted, under its policy: no complaint on the
// console, and nothing from another origin.
func TestViewsLoad(t *testing.T) {
	m := busyShop(t)
	for name, mounted := range map[string]func(t *testing.T) string{
		"the default prefix": func(t *testing.T) string { return serveSite(t, m, httpapi.DefaultPrefix).mount },
		"the root":           func(t *testing.T) string { return serveSite(t, m, "/").mount },
		"another prefix":     func(t *testing.T) string { return serveSite(t, m, "/ops/per f").mount },
		"behind a proxy":     func(t *testing.T) string { return behindProxy(t, serveSite(t, m, "/ops/perf")) },
	} {
		t.Run(name, func(t *testing.T) {
			mount := strings.ReplaceAll(mounted(t), " ", "%20")
			b := newTab(t)
			b.visit(mount + "#token=" + token)
			for _, v := range views {
				b.show(v)
				if !strings.HasPrefix(eval[string](b, "location.href"), mount+"#/") {
					t.Errorf("%s is at %s, want below %s", v.name, eval[string](b, "location.href"), mount)
				}
			}
			b.clean()
			b.sameOrigin(strings.Join(strings.Split(mount, "/")[:3], "/"))
		})
	}
}

// A link to a view loads it, without the overview before it.
func TestLinksLoadViews(t *testing.T) {
	s := serveSite(t, busyShop(t), httpapi.DefaultPrefix)
	b := newTab(t)
	b.visit(s.link())
	b.ready(theView("overview"))
	for _, v := range views {
		b.visit(s.mount + v.hash)
		b.ready(v)
	}
	b.clean()
	b.sameOrigin(s.URL)
}

// The link that a service prints signs in. Afterwards the token is nowhere but in the body
// of one request: not in the address, nor in the history, nor in any request's address, nor
// within reach of scripts.
func TestTokenLink(t *testing.T) {
	s := serveSite(t, busyShop(t), httpapi.DefaultPrefix)
	b := newTab(t)
	b.do(chromedp.Navigate(s.link()))
	b.ready(theView("overview"))
	if at := eval[string](b, "location.href"); strings.Contains(at, token) {
		t.Errorf("the address is %s", at)
	}
	history, err := chromedp.Run(b.ctx, chromedp.NavigationEntries())
	if err != nil {
		t.Fatal(err)
	}
	if len(history.Entries) == 0 {
		t.Error("there is no history")
	}
	for _, e := range history.Entries {
		if strings.Contains(e.URL, token) { // what was typed before is the browser's own
			t.Errorf("the history has %s", e.URL)
		}
	}
	for _, r := range b.asked() {
		if strings.Contains(r, token) {
			t.Errorf("requested: %s", r)
		}
	}
	if kept := eval[string](b, `document.cookie + JSON.stringify({...localStorage, ...sessionStorage})`); strings.Contains(kept, token) || strings.Contains(kept, "perfmon_") {
		t.Errorf("scripts can read %s", kept)
	}
	cookies := call(b, network.GetCookies, network.GetCookiesParams{}).Cookies
	if len(cookies) != 1 {
		t.Fatalf("%d cookies, want 1", len(cookies))
	}
	c := cookies[0]
	if !c.HTTPOnly || c.SameSite != network.CookieSameSiteStrict || c.Path+"/" != httpapi.DefaultPrefix || strings.Contains(c.Value, token) {
		t.Errorf("cookie %+v: want HttpOnly, SameSite=Strict, for the mount alone, without the token", c)
	}
	// The cookie signs in from now on.
	b.visit(s.mount)
	b.ready(theView("overview"))
	b.clean()
}

const unauthorized = "status of 401" // which a browser notes by itself

// Without a session the page asks for the token; a wrong one can be corrected; signing out
// leads back.
func TestSignIn(t *testing.T) {
	s := serveSite(t, busyShop(t), httpapi.DefaultPrefix)
	for name, address := range map[string]string{"by the form": s.mount, "by a link with a wrong token": s.mount + "#token=not-the-token-at-all"} {
		t.Run(name, func(t *testing.T) {
			b := newTab(t)
			b.visit(address)
			b.wait(`document.activeElement?.id === "token"`)
			if strings.Contains(address, "#") {
				b.wait(`document.querySelector("[role=alert]").textContent.includes("token")`)
			}
			b.do(keys("this-is-wrong-too\r"))
			b.wait(`document.querySelector("[role=alert]").textContent.includes("not the one")`)
			b.wait(`!document.querySelector("button[type=submit]").disabled`)
			b.write("#token", token+"\r")
			b.ready(theView("overview"))
			b.click("summary", "Signed in")
			b.click("button", "Sign out")
			b.wait(`document.activeElement?.id === "token"`)
			if cookies := call(b, network.GetCookies, network.GetCookiesParams{}).Cookies; len(cookies) != 0 {
				t.Errorf("after signing out there are still %d cookies", len(cookies))
			}
			b.clean(unauthorized)
			b.sameOrigin(s.URL)
		})
	}
}
