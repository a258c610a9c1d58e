package main

import (
	"bytes"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/httpapi"
)

var shotsFolder = flag.String("shots", "shots", "write screenshots to this `folder`")

// theme makes the system wish for a theme, and for no motion, so that nothing is seen half way.
func (b *tab) theme(name string) {
	b.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
	b.wait(fmt.Sprintf(`location.href === "about:blank" || document.documentElement.dataset.theme === %q`, name))
}

// shoot writes a picture of the whole page, however long it is, and checks that something is on it.
func (b *tab) shoot(name string, width, height int64) {
	b.Helper()
	b.size(width, height)
	whole := min(eval[int64](b, `document.documentElement.scrollHeight`), 6000)
	b.size(width, max(whole, height))
	eval[any](b, `new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))`)
	b.wait(`[...document.querySelectorAll(".chart")].every((c) => c.querySelector("canvas") || c.getBoundingClientRect().top > innerHeight)`) // those that were out of sight, too
	data, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.Fatal(err)
	}
	if err := os.MkdirAll(*shotsFolder, 0o755); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*shotsFolder, name+".png"), data, 0o644); err != nil {
		b.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		b.Fatal(err)
	}
	if blank(img) {
		b.Errorf("%s is blank", name)
	}
}

// blank reports whether nearly all of a picture has one colour.
func blank(img image.Image) bool {
	seen := map[color.Color]int{}
	all, most := 0, 0
	for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y += 3 {
		for x := img.Bounds().Min.X; x < img.Bounds().Max.X; x += 3 {
			c := img.At(x, y)
			seen[c]++
			all++
			most = max(most, seen[c])
		}
	}
	return len(seen) < 20 || float64(most) > 0.995*float64(all)
}

// Something that is blank is seen to be.
func TestBlank(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 300, 300))
	if !blank(img) {
		t.Error("an empty picture is not blank")
	}
}

// fits checks that nothing is wider than the screen, from phones to walls.
func (b *tab) fits(name string) {
	b.Helper()
	for _, width := range []int64{360, 390, 1440, 2560} {
		b.size(width, 900)
		wide := eval[[]string](b, `new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))).then(() => {
			const root = document.documentElement;
			if (root.scrollWidth <= root.clientWidth) return [];
			const out = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > root.clientWidth + 0.5 && !e.closest(".scroll, .visually-hidden"));
			return [root.scrollWidth + " pixels", ...out.slice(0, 4).map((e) => e.outerHTML.slice(0, 120))];
		})`)
		if len(wide) > 0 {
			b.Errorf("%s at %d pixels is too wide: %q", name, width, wide)
		}
	}
}

// Pictures of every view, to look at: dark, light, and as wide as a phone.
func TestShots(t *testing.T) {
	s := serveSite(t, busyShop(t), httpapi.DefaultPrefix)
	b := newTab(t)
	b.theme("dark")
	b.visit(s.mount)
	b.wait(`document.querySelector("#token")`)
	b.shoot("sign-in-dark", 1440, 900)
	b.theme("light")
	b.shoot("sign-in-light", 1440, 900)
	b.shoot("sign-in-390", 390, 844)
	b.fits("sign-in")
	b.visit(s.link())
	for _, v := range views {
		b.size(1440, 900)
		b.show(v)
		b.theme("dark")
		b.shoot(v.name+"-dark", 1440, 900)
		b.theme("light")
		b.shoot(v.name+"-light", 1440, 900)
		b.shoot(v.name+"-390", 390, 844)
		b.fits(v.name)
	}
	b.clean(unauthorized)
}

// Pictures of what is rare: many metrics, long names, no traffic, nothing but errors, and
// the first minute.
func TestShotsOfExtremes(t *testing.T) {
	any := `document.querySelector("main > .view")`
	for name, extreme := range map[string]shop{
		"many-metrics": {endpoints: 10, custom: 40, past: 2 * time.Hour},
		"long-names":   {endpoints: 10, past: 2 * time.Hour, longNames: true},
		"no-traffic":   {endpoints: 10, past: 2 * time.Hour, quiet: true},
		"failing":      {endpoints: 10, custom: 1, past: 2 * time.Hour, failing: true},
		"first-minute": {endpoints: 10},
	} {
		t.Run(name, func(t *testing.T) {
			options := []perfmon.Option{perfmon.WithConsecutiveViolations(1)}
			m := open(t, extreme, options...)
			s := serveSite(t, m, httpapi.DefaultPrefix)
			b := newTab(t)
			b.theme("light")
			b.visit(s.link())
			b.wait(live)
			if extreme.failing {
				b.wait(`document.querySelector(".verdict.critical")`)
			}
			for _, v := range views {
				if v.name == "alert" {
					continue
				}
				if v.name == "endpoint" {
					v.hash, v.title = "#/endpoints", ""
					if link := eval[string](b, `document.querySelector("tbody a.name")?.hash ?? ""`); link != "" {
						v.hash = link
					}
				}
				v.there = any
				b.size(1440, 900)
				b.show(v)
				if v.name == "overview" || v.name == "endpoints" || v.name == "endpoint" || v.name == "alerts" || v.name == "thresholds" {
					b.shoot(name+"-"+v.name, 1440, 900)
					b.shoot(name+"-"+v.name+"-390", 390, 844)
				}
				b.fits(name + " " + v.name)
			}
			b.clean()
		})
	}
}
