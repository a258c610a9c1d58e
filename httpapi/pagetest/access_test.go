package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/httpapi"
)

// The organizations of this test. The admin of one must hear nothing of the other.
const mine, others = "acme-corp", "globex-inc"

// twoOrganizations is a shop with traffic and alerts of both.
func twoOrganizations(t *testing.T) (m *perfmon.Monitor, own, other perfmon.Alert) {
	t.Helper()
	m = open(t, shop{endpoints: 10}, quick, perfmon.WithThreshold(perfmon.Threshold{
		Metric: perfmon.ErrorRate, Scope: perfmon.ScopeOrganization, Warning: perfmon.ValueOf(1), MinRequests: 1, ConsecutiveViolations: 1,
	}))
	rec := m.NewRecorder()
	for _, org := range []string{mine, others} {
		for range 500 {
			rec.Record(5e6, &perfmon.Response{Method: "GET", Pattern: "/tenants", Status: 500, Organization: org, User: "someone-of-" + org})
		}
	}
	own = raise(t, m, perfmon.HostAlert{Metric: "quota", Severity: perfmon.Warning, Message: "The quota of " + mine + " is used up", Scope: perfmon.Scope{Organization: mine}})
	other = raise(t, m, perfmon.HostAlert{Metric: "quota", Severity: perfmon.Critical, Message: "The quota of " + others + " is used up", Scope: perfmon.Scope{Organization: others}})
	raise(t, m, perfmon.HostAlert{Metric: "stock", Severity: perfmon.Warning, Message: "The stock is low"})
	return m, own, other
}

// principal is a site's authorizer that takes everybody for one person.
func principal(p httpapi.Principal) httpapi.Option {
	return httpapi.WithAuthorizer(func(*http.Request) (httpapi.Principal, error) { return p, nil })
}

// heard is everything that the network has answered, streams included.
func (b *tab) heard() string {
	b.Helper()
	b.mu.Lock()
	finished := b.finished
	all := strings.Join(b.messages, "\n")
	b.mu.Unlock()
	for _, id := range finished {
		all += "\n" + string(call(b, network.GetResponseBody, network.GetResponseBodyParams{RequestID: id}).Body)
	}
	return all
}

// everyView goes to each view, and to the alerts that are given.
func (b *tab) everyView(alerts ...perfmon.Alert) {
	b.Helper()
	for _, v := range views {
		v.there = `document.querySelector("main h1")`
		switch v.name {
		case "alert":
			continue
		case "endpoint":
			v.hash, v.title = "#/endpoints/GET%20%2Ftenants", "GET /tenants"
		}
		b.show(v)
	}
	for _, a := range alerts {
		eval[any](b, fmt.Sprintf(`location.hash = "#/alerts/" + %q`, a.ID))
		b.wait(fmt.Sprintf(`performance.getEntriesByType("resource").some((r) => r.name.includes("alerts/?")) && document.querySelectorAll("main .alert").length >= 2 && location.hash.endsWith(%q)`, a.ID))
	}
}

// The admin of an organization gets no answer that names another one: not in any view, not
// by the stream, and not by a link to an alert of the other. The same search finds the
// other in what a super admin gets.
func TestOrganizationAdminSeesItsOwn(t *testing.T) {
	m, own, other := twoOrganizations(t)
	for name, test := range map[string]struct {
		who  httpapi.Principal
		sees bool
	}{
		"organization admin": {httpapi.Principal{Name: "ann", Organization: mine}, false},
		"super admin":        {httpapi.Principal{Name: "root", SuperAdmin: true}, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := serveSite(t, m, httpapi.DefaultPrefix, principal(test.who))
			b := newTab(t)
			b.visit(s.mount)
			b.wait(live)
			b.everyView(own, other)
			raise(t, m, perfmon.HostAlert{Metric: "late_" + strings.ReplaceAll(name, " ", "_"), Severity: perfmon.Warning, Message: "One more of " + others, Scope: perfmon.Scope{Organization: others}})
			raise(t, m, perfmon.HostAlert{Metric: "last_" + strings.ReplaceAll(name, " ", "_"), Severity: perfmon.Warning, Message: "The last one", Scope: perfmon.Scope{Organization: mine}})
			b.wait(`document.querySelector("main").innerText.includes("last_")`)
			// That nothing is known of an alert says no more than what was asked.
			heard := strings.ReplaceAll(b.heard(), `nothing is known of \"`+other.ID+`\"`, "")
			if !strings.Contains(heard, mine) || !strings.Contains(heard, own.ID) || !strings.Contains(heard, "The last one") {
				t.Errorf("nothing was heard of the organization itself in %d bytes", len(heard))
			}
			for _, secret := range []string{others, other.ID, "someone-of-"} {
				if at := strings.Index(heard, secret); at >= 0 && !test.sees {
					t.Errorf("heard of %q: …%s…", secret, heard[max(0, at-200):min(len(heard), at+100)])
				} else if at < 0 && test.sees && secret != "someone-of-" {
					t.Errorf("a super admin heard nothing of %q", secret)
				}
			}
			shown := eval[string](b, `document.documentElement.outerHTML`)
			if strings.Contains(shown, others) != test.sees {
				t.Errorf("the page names the other organization: %v, want %v", !test.sees, test.sees)
			}
			b.clean("status of 404") // of the alert that is not to be found, a browser notes by itself
		})
	}
}

// Nobody is offered what one may not do.
func TestReadOnlyFace(t *testing.T) {
	m, _, _ := twoOrganizations(t)
	count := func(b *tab, selector string) int {
		return eval[int](b, fmt.Sprintf(`document.querySelectorAll(%q).length`, selector))
	}
	for name, test := range map[string]struct {
		who httpapi.Principal
		may bool
	}{
		"organization admin": {httpapi.Principal{Name: "ann", Organization: mine}, false},
		"super admin":        {httpapi.Principal{Name: "root", SuperAdmin: true}, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := serveSite(t, m, httpapi.DefaultPrefix, principal(test.who))
			b := newTab(t)
			b.visit(s.mount)
			b.wait(live)
			at := func(view, there string) {
				v := theView(view)
				v.there = there
				b.show(v)
			}
			at("thresholds", `document.querySelector(".rule")`)
			if got := count(b, `.view-head button`) + count(b, `.rule button[aria-label^="Remove"]`); (got > 0) != test.may {
				t.Errorf("%d buttons to add and remove thresholds, may: %v", got, test.may)
			}
			if got := count(b, `.rule input:enabled`); (got > 0) != test.may {
				t.Errorf("%d fields of thresholds can be edited, may: %v", got, test.may)
			}
			at("trends", `document.querySelector("main .card form, main .card .hint")`)
			if got := count(b, `main form`); (got > 0) != test.may {
				t.Errorf("%d forms to set a baseline, may: %v", got, test.may)
			}
			at("alerts", `document.querySelectorAll(".alert").length >= 2`)
			for _, a := range eval[[]struct {
				Text    string
				Buttons int
			}](b, `[...document.querySelectorAll(".alert.open")].map((e) => ({Text: e.innerText, Buttons: e.querySelectorAll(".alert-actions button").length}))`) {
				if may := test.may || strings.Contains(a.Text, mine); (a.Buttons > 0) != may {
					t.Errorf("%d buttons, may: %v: %s", a.Buttons, may, a.Text)
				}
			}
			if b.wait(`document.querySelector("[aria-label^='Signed in']")`); count(b, `[aria-label^='Signed in'] ~ .sheet button`) > 0 {
				t.Error("the page offers to sign out of a session that it did not begin")
			}
			b.clean()
		})
	}
}
