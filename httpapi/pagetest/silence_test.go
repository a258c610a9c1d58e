package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/httpapi"
)

// An alert is silenced from its row, says so, and can be told of again.
func TestSilence(t *testing.T) {
	m := open(t, shop{endpoints: 3})
	s := serveSite(t, m, httpapi.DefaultPrefix)
	a := raise(t, m, perfmon.HostAlert{Metric: "stock", Severity: perfmon.Critical, Message: "The stock is low"})
	b := newTab(t)
	b.visit(s.mount + "#token=" + token)
	b.wait(live)
	eval[any](b, `location.hash = "#/alerts"`)
	b.click(".alert-actions button", "Silence: stock")
	b.wait(`document.querySelector("dialog.silence[open]")`)
	b.accessible("a silence to be made")
	b.click("dialog.silence button[type=submit]", "Silence")
	b.wait(`document.querySelector("dialog.silence .rule-wrong").textContent === "Say why, so that others know."`)
	b.choose("#silence-for", "240")
	b.write("#silence-reason", "a delivery comes at noon")
	b.click("dialog.silence button[type=submit]", "Silence")
	b.wait(`!document.querySelector("dialog") && document.querySelector(".alert.critical .silenced")`)
	silence, ok := m.Silences().Of(a.Key(), m.Now())
	if !ok || silence.Reason != "a delivery comes at noon" || silence.By != "token" || silence.Until.Sub(silence.From).Round(time.Minute) != 4*time.Hour || silence.Scope != perfmon.ScopeService {
		t.Errorf("%+v, %v", silence, ok)
	}
	b.wait(`document.querySelector(".alert.silence")?.innerText.includes("a delivery comes at noon")`)
	b.theme("light")
	b.shoot("silenced-light", 1440, 900)
	b.fits("a silence")
	b.size(1440, 900)
	b.accessible("a silence")
	b.click(".alert.silence button", "End now: the silence of stock")
	b.wait(`!document.querySelector(".alert.silence") && !document.querySelector(".silenced")`)
	if _, ok := m.Silences().Of(a.Key(), m.Now()); ok {
		t.Error("the silence still holds")
	}
	b.clean()
}

// A notifier is tried from the page, and what it could not deliver is sent again.
func TestNotifiers(t *testing.T) {
	m := open(t, shop{endpoints: 3}, perfmon.WithNotificationGrouping(0))
	s := serveSite(t, m, httpapi.DefaultPrefix)
	raise(t, m, perfmon.HostAlert{Metric: "stock", Severity: perfmon.Critical, Message: "The stock is low"})
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if letters, _ := m.Notifications().DeadLetters("pager"); len(letters) > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("there is no dead letter")
		}
	}
	b := newTab(t)
	b.visit(s.mount + "#token=" + token)
	b.wait(live)
	eval[any](b, `location.hash = "#/diagnostics"`)
	b.click("button", "Send a test through chat")
	toasted := func(words string) string {
		return fmt.Sprintf(`[...document.querySelectorAll(".toast")].some((e) => e.innerText.includes(%q))`, words)
	}
	b.wait(toasted("chat has taken the test message"))
	b.click("button", "Send a test through pager")
	b.wait(toasted("the key is not known"))
	b.click("summary", "not delivered")
	b.theme("light")
	b.shoot("notifiers-light", 1440, 900)
	b.fits("notifiers")
	b.size(1440, 900)
	b.accessible("notifiers")
	b.asked()
	b.click("button", "Send again: shop (demo): stock of service (critical)")
	b.wait(toasted("It is tried again"))
	if asked := strings.Join(b.asked(), "\n"); !strings.Contains(asked, "notifiers/resend/") {
		t.Errorf("asked: %s", asked)
	}
	b.clean()
}
