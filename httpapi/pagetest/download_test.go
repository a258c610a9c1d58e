package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"

	"github.com/backend-prs/perfmon/httpapi"
)

// A report of the range is a file with a name of its own.
func TestDownloadReport(t *testing.T) {
	s := serveSite(t, busyShop(t), httpapi.DefaultPrefix)
	b := newTab(t)
	b.visit(s.link())
	b.ready(theView("overview"))
	dir := t.TempDir()
	yes := true
	if _, err := chromedp.CallBrowser(b.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, BrowserContextID: chromedp.FromContext(b.ctx).BrowserContextID, DownloadPath: dir, EventsEnabled: &yes,
	}); err != nil {
		t.Fatal(err)
	}
	names, done := make(chan string, 10), make(chan browser.DownloadProgressState, 10)
	if err := chromedp.ListenBrowser(b.ctx, func(event any) {
		switch e := event.(type) {
		case *browser.EventDownloadWillBegin:
			names <- e.SuggestedFilename
		case *browser.EventDownloadProgress:
			if e.State != browser.DownloadProgressStateInProgress {
				done <- e.State
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	for format, begins := range map[string]string{"CSV": "", "JSON": "{", "Page to print": "<!doctype html>"} {
		b.click("summary", "Download a report")
		b.click(".sheet button", format)
		select {
		case state := <-done:
			if state != browser.DownloadProgressStateCompleted {
				t.Fatalf("%s: the download is %s", format, state)
			}
		case <-time.After(patience):
			t.Fatalf("%s: there is no download", format)
		}
		name := <-names
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || len(data) < 500 || !strings.HasPrefix(strings.ToLower(string(data)), begins) || !strings.Contains(name, "shop") {
			t.Errorf("%s: %v, %s has %d bytes: %.80q", format, err, name, len(data), data)
		}
		b.click("summary", "Download a report") // closes the menu
	}
	b.wait(`document.title.includes("Overview")`)
	b.clean()
}
