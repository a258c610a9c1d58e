package main

import (
	"context"
	"strings"
	"testing"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/httpapi"
)

// openReplicas starts a fleet that ends with the test.
func openReplicas(t *testing.T, n int) []*perfmon.Monitor {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	all, err := openFleet(ctx, n, shop{endpoints: 4})
	t.Cleanup(func() {
		cancel()
		for _, m := range all {
			_ = m.Close()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// In a fleet the page shows all replicas side by side with the worst marked, and the figures
// of one where it is chosen; the choice is in the address.
func TestReplicas(t *testing.T) {
	all := openReplicas(t, 3)
	s := serveSite(t, all[0], httpapi.DefaultPrefix)
	b := newTab(t)
	b.visit(s.link())
	b.wait(live)
	b.wait(`document.querySelectorAll(".replicas tbody tr").length === 3 && document.querySelector(".instance:not([hidden])")?.options.length === 4`)
	b.wait(`[...document.querySelectorAll(".replicas tbody tr")].some((r) => r.innerText.includes("shop-3") && r.querySelector(".worst")?.innerText.includes("worst"))`)
	b.wait(`document.querySelector(".replicas").innerText.includes("leads")`)
	for _, theme := range []string{"light", "dark"} {
		b.theme(theme)
		b.shoot("replicas-"+theme, 1440, 900)
		b.accessible("replicas, " + theme)
	}
	b.fits("replicas")
	b.size(1440, 900)

	b.asked()
	b.choose("select.instance", "shop-3")
	b.wait(`location.hash.includes("instance=shop-3") && document.querySelector(".service .instance")?.innerText === "shop-3"`)
	b.wait(`!document.querySelector(".replicas")?.checkVisibility()`)
	instances := 0
	for _, r := range b.asked() {
		if strings.Contains(r, "instance=shop-3") {
			instances++
		} else if strings.Contains(r, "dashboard/") || strings.Contains(r, "series/") {
			t.Errorf("asked %s, want the figures of shop-3", r)
		}
	}
	if instances == 0 {
		t.Error("nothing was asked of shop-3")
	}
	eval[any](b, `document.querySelector("a[data-view=trends]").click()`)
	b.wait(`location.hash.startsWith("#/trends?") && location.hash.includes("instance=shop-3")`)
	eval[any](b, `document.querySelector("a[data-view=overview]").click()`)
	b.wait(live)
	b.shoot("replica-shop-3", 1440, 900)
	b.choose("select.instance", "")
	b.wait(`!location.hash.includes("instance") && document.querySelectorAll(".replicas tbody tr").length === 3`)

	// A replica that is not there any more is not asked for again.
	eval[any](b, `location.hash = "#/overview?instance=shop-9"`)
	b.wait(`!location.hash.includes("instance") && document.querySelectorAll(".replicas tbody tr").length === 3`)
	b.clean("400")
}

// One process has neither the choice nor the table.
func TestNoReplicasWithoutAFleet(t *testing.T) {
	s := serveSite(t, busyShop(t), httpapi.DefaultPrefix)
	b := newTab(t)
	b.visit(s.link())
	b.wait(live)
	b.wait(`document.querySelector(".tiles article") && document.querySelector("select.instance")?.hidden && !document.querySelector(".replicas")?.checkVisibility()`)
	b.clean()
}
