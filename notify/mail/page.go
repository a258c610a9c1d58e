package mail

import (
	"html"
	"strings"

	"github.com/backend-prs/perfmon"
	"github.com/backend-prs/perfmon/notify"
)

// Colours with a contrast of at least 4.5 to 1 on white (WCAG 2.2, 1.4.3).
var colors = map[notify.Tone]string{notify.ToneCritical: "#b3261e", notify.ToneWarning: "#8a5300", notify.ToneGood: "#1b6e3c", notify.ToneInfo: "#1f5fa8"}

// page writes the HTML of a mail: tables and styles in place, as mail programs want them,
// nothing from elsewhere, and no script. It is dark on white in every theme that leaves it so.
func page(m notify.Message, charts []perfmon.Image) string {
	w := &writer{}
	w.raw(`<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>`)
	w.text(m.Title)
	w.raw(`</title></head><body style="margin:0;padding:16px;background:#fff;color:#1c1b1f;font:15px/1.45 system-ui,-apple-system,Segoe UI,Roboto,sans-serif"><div style="max-width:640px;margin:0 auto">`)
	w.raw(`<h1 style="font-size:20px;line-height:1.3;margin:0 0 12px;padding-left:10px;border-left:5px solid ` + colors[m.Tone] + `">`)
	w.text(m.Title)
	w.raw(`</h1>`)
	for _, lead := range m.Lead {
		w.element("p", lead)
	}
	for i, item := range m.Items {
		w.item(item, i > 0 || item.Title != m.Title)
		if i == 0 { // the charts are those of the first alerts
			w.charts(charts)
		}
	}
	if len(m.Items) == 0 {
		w.charts(charts)
	}
	if m.More != "" {
		w.element("p", m.More)
	}
	w.links(m.Links)
	w.raw(`<p style="color:#5f5d63;font-size:13px;margin:20px 0 0">`)
	w.text(m.Footer)
	w.raw(`</p></div></body></html>`)
	return w.b.String()
}

// writer writes HTML.
type writer struct{ b strings.Builder }

func (w *writer) raw(s string) { w.b.WriteString(s) }

// text writes what is not markup.
func (w *writer) text(s string) { w.b.WriteString(html.EscapeString(s)) }

func (w *writer) element(name, text string) {
	w.raw("<" + name + ` style="margin:0 0 10px;overflow-wrap:anywhere">`)
	w.text(text)
	w.raw("</" + name + ">")
}

func (w *writer) item(item notify.Item, titled bool) {
	if titled {
		w.raw(`<h2 style="font-size:16px;margin:20px 0 8px;overflow-wrap:anywhere;color:` + colors[item.Tone] + `">`)
		w.text(item.Title)
		w.raw(`</h2>`)
	}
	if item.Text != "" {
		w.element("p", item.Text)
	}
	if len(item.Facts) > 0 {
		w.raw(`<table style="border-collapse:collapse;margin:0 0 10px">`)
		for _, f := range item.Facts {
			w.raw(`<tr><th style="text-align:left;vertical-align:top;font-weight:600;padding:2px 16px 2px 0">`)
			w.text(f.Name)
			w.raw(`</th><td style="padding:2px 0;overflow-wrap:anywhere">`)
			w.text(f.Value)
			w.raw(`</td></tr>`)
		}
		w.raw(`</table>`)
	}
	if item.ListName != "" {
		w.raw(`<p style="margin:0 0 4px;font-weight:600">`)
		w.text(item.ListName)
		w.raw(`</p>`)
	}
	if len(item.List) > 0 {
		w.raw(`<ul style="margin:0 0 10px;padding-left:20px">`)
		for _, text := range item.List {
			w.raw(`<li style="overflow-wrap:anywhere">`)
			w.text(text)
			w.raw(`</li>`)
		}
		w.raw(`</ul>`)
	}
	w.links(item.Links)
}

func (w *writer) links(list []notify.Link) {
	if len(list) == 0 {
		return
	}
	w.raw(`<p style="margin:0 0 10px">`)
	for i, l := range list {
		if i > 0 {
			w.raw(" · ")
		}
		w.raw(`<a style="color:#1f5fa8" href="`)
		w.text(l.URL)
		w.raw(`">`)
		w.text(l.Name)
		w.raw(`</a>`)
	}
	w.raw(`</p>`)
}

func (w *writer) charts(list []perfmon.Image) {
	for i, c := range list {
		w.raw(`<p style="margin:0 0 10px"><img style="max-width:100%;height:auto" src="cid:` + contentID(i) + `" alt="`)
		w.text(strings.Join(strings.Fields(c.Alt), " "))
		w.raw(`"></p>`)
	}
}
