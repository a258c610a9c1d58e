// Alerts and deploys over the range of the charts: a row for each thing that alerted.
import { fill, h } from "./dom.js";
import { clock, when } from "./format.js";
import { link } from "./route.js";
import { alertFacts, alertTitle, hint, scopeOf } from "./ui.js";

const most = 8; // rows

/** timeline draws the band of alerts and deploys. */
export function timeline(el, data) {
  const { from, to } = data.frame;
  const at = (t) => Math.min(Math.max((t - from) / (to - from), 0), 1) * 100;
  const marks = data.deploys().filter((d) => d.at >= from && d.at <= to);
  const rows = group(data.allAlerts().filter((a) => a.to >= from && a.from <= to));
  if (marks.length + rows.length === 0) {
    fill(el, hint("No alert and no deploy in this range."));
    return;
  }
  const shown = rows.slice(0, most);
  fill(el, h("div", { class: "band" },
    marks.length > 0 && [h("span", { class: "band-name" }, "Deploys and notes"), h("div", { class: "lane flags" }, marks.map((d) => flag(d, at)))],
    shown.map((row) => [
      h("span", { class: "band-name", title: row.name }, row.name),
      h("div", { class: "lane" }, row.alerts.map((a) => bar(a, at))),
    ]),
    h("span"), ruler(from, to)),
  rows.length > most && h("p", { class: "more" }, h("a", { href: link("alerts") }, `${rows.length - most} more in Alerts`)));
}

// group puts the alerts of one thing together: what is active first, then the latest.
function group(alerts) {
  const rows = new Map();
  for (const a of alerts) {
    const name = `${alertTitle(a.alert)} of ${scopeOf(a.alert)}`;
    if (!rows.has(name)) rows.set(name, { name, alerts: [], latest: 0 });
    const row = rows.get(name);
    row.alerts.push(a);
    row.latest = Math.max(row.latest, a.to);
  }
  return [...rows.values()].sort((a, b) => b.latest - a.latest);
}

function bar(a, at) {
  const words = `${a.severity}, ${a.state}: ${alertTitle(a.alert)} of ${scopeOf(a.alert)}, ${alertFacts(a.alert)}, since ${when(a.from * 1000)}`;
  const el = h("a", { class: `bar ${a.severity} ${a.state}`, href: link("alerts", a.alert.alert_id), title: words, "aria-label": words });
  el.style.left = `${at(a.from)}%`;
  el.style.width = `${at(a.to) - at(a.from)}%`;
  return el;
}

function flag(d, at) {
  const el = h("span", { class: "flag", title: `${d.kind} ${d.label}, ${when(d.at * 1000)}` }, d.label);
  el.style.left = `${at(d.at)}%`;
  if (at(d.at) > 80) el.classList.add("left");
  return el;
}

const steps = [60, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800];

function ruler(from, to) {
  const step = steps.find((s) => (to - from) / s <= 7) ?? 2592000;
  const offset = new Date(from * 1000).getTimezoneOffset() * 60;
  const ticks = [];
  for (let t = Math.ceil((from - offset) / step) * step + offset; t <= to; t += step) ticks.push(t);
  return h("div", { class: "ruler", "aria-hidden": "true" }, ticks.map((t) => {
    const el = h("span", {}, step >= 86400 ? new Date(t * 1000).toLocaleDateString(undefined, { day: "numeric", month: "short" }) : clock(t * 1000, step < 60));
    el.style.left = `${((t - from) / (to - from)) * 100}%`;
    return el;
  }));
}
