// Pieces that several views use.
import { fill, h, icon } from "./dom.js";
import { clock, length, measure, plural, utc, when } from "./format.js";
import { inSentence, label } from "./metrics.js";
import { link } from "./route.js";

/** time shows a local time, with UTC in its tooltip. */
export function time(at, seconds = true) {
  if (!at) return h("span", {}, "–");
  const iso = typeof at === "number" ? new Date(at).toISOString() : at;
  return h("time", { datetime: iso, title: utc(iso) }, seconds ? when(iso) : clock(iso, false));
}

/** badge says how bad something is: by a shape, a word and a colour. */
export function badge(severity, state = "") {
  const quiet = state === "resolved" || state === "dismissed";
  const word = state && state !== "open" ? `${severity}, ${state}` : severity;
  return h("span", { class: `badge ${quiet ? "past" : severity}` }, shape(severity), word);
}

/** shape is the sign of a severity or a status: a circle, a triangle, an octagon, a ring. */
export function shape(kind) {
  const paths = {
    critical: "M5 1h6l4 4v6l-4 4H5l-4-4V5zM8 4.2v4.6M8 11.4v.3",
    warning: "M8 1.6L15.2 14.4H.8zM8 6v4M8 12.2v.3",
    healthy: "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM5 8.3l2.1 2.1L11.2 6",
    unknown: "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM8 11.4v.3M6.2 6a1.9 1.9 0 1 1 2.6 1.8c-.6.3-.8.7-.8 1.4",
  };
  return h("svg", { class: `shape ${kind}`, viewBox: "0 0 16 16", "aria-hidden": "true", focusable: "false" }, h("path", { d: paths[kind] ?? paths.unknown }));
}

/** card is a titled part of a view. */
export function card(title, ...content) {
  return h("section", { class: "card" }, title && h("h2", {}, title), content);
}

/** problem shows what failed where it failed, and offers to try again. */
export function problem(error, retry) {
  return h("div", { class: "problem", role: "alert" },
    h("p", {}, error.message),
    error.missing?.length > 0 && h("ul", {}, error.missing.map((m) => h("li", {}, m))),
    retry && h("button", { type: "button", onclick: retry }, "Try again"));
}

/** hint is what an empty place says: what belongs there and what to do. */
export function hint(...content) { return h("p", { class: "hint" }, content); }

/** skeleton shows the shape of what is being read. */
export function skeleton(rows = 3) {
  return h("div", { class: "skeleton", "aria-label": "Loading", role: "status" }, Array.from({ length: rows }, () => h("i")));
}

/** scopeOf names what an alert or a threshold is about. */
export function scopeOf(thing) {
  if (thing.endpoint) return thing.endpoint;
  if (thing.organization_id) return `organization ${thing.organization_id}`;
  return "the service";
}

/** alertTitle is an alert in a few words. */
export function alertTitle(a) {
  if (a.cause === "host") return a.metric_name;
  const what = { absence: "No value of", regression: "Regression of", anomaly: "Anomaly of" }[a.cause];
  const name = what ? `${what} ${inSentence(a.metric_name)}` : label(a.metric_name);
  return `${name}`;
}

/** alertFacts is what an alert says: the value against its limit. */
export function alertFacts(a) {
  if (a.cause === "threshold" && a.current_value !== null) {
    const limit = a.threshold_value === null ? "" : `, limit ${measure(a.threshold_value, a.unit)}`;
    return `${measure(a.current_value, a.unit)}${limit}`;
  }
  return a.message;
}

/** lasted is how long an alert has been there, or was. */
export function lasted(a, now) {
  const active = a.state === "open" || a.state === "acknowledged";
  const end = active ? now : Date.parse(a.updated_at);
  return length((end - Date.parse(a.timestamp)) / 1000);
}

/** endpointLink leads to the page of an endpoint. */
export function endpointLink(name, attributes = {}) {
  return h("a", { href: link("endpoints", name), class: "name", title: name, ...attributes }, name);
}

/** scroller holds what may be too wide for the screen. Where it is, the keyboard can scroll it, too. */
export function scroller(name, ...content) {
  const el = h("div", { class: "scroll" }, content);
  const wide = { tabindex: "0", role: "region", "aria-label": name };
  const sized = new ResizeObserver(() => {
    for (const [key, value] of Object.entries(wide)) {
      if (el.scrollWidth > el.clientWidth) el.setAttribute(key, value);
      else el.removeAttribute(key);
    }
  });
  for (const e of [el, ...el.children]) sized.observe(e);
  return el;
}

/** sortable makes the head of a table whose columns can be sorted. onsort gets the column's key. */
export function sortable(columns, sorted, descending, onsort) {
  return h("tr", {}, columns.map((c) => {
    const here = c.key === sorted;
    const label = c.key
      ? h("button", { type: "button", class: "sort", title: c.title, onclick: () => onsort(c.key) }, c.label, h("span", { class: "arrow", "aria-hidden": "true" }, here ? (descending ? "↓" : "↑") : ""))
      : h("span", { title: c.title }, c.label);
    return h("th", { scope: "col", class: c.class, "aria-sort": here ? (descending ? "descending" : "ascending") : null }, label);
  }));
}

const toasts = h("div", { class: "toasts", role: "status", "aria-live": "polite" });
document.body.append(toasts);

/** toast says something for a few seconds, with one thing to do about it. */
export function toast(message, { action, onaction, seconds = 5, bad = false } = {}) {
  const el = h("div", { class: bad ? "toast bad" : "toast" }, h("span", {}, message));
  const end = () => el.remove();
  if (action) {
    el.append(h("button", { type: "button", onclick: () => { end(); onaction(); } }, action));
  }
  el.append(h("button", { type: "button", class: "plain", "aria-label": "Close this message", onclick: end }, icon("close")));
  toasts.append(el);
  setTimeout(end, seconds * 1000);
  return end;
}

/** on listens to several events of a target, and returns what ends that. */
export function on(target, events) {
  for (const [name, f] of Object.entries(events)) target.addEventListener(name, f);
  return () => {
    for (const [name, f] of Object.entries(events)) target.removeEventListener(name, f);
  };
}

/** counted is "3 open, 1 acknowledged", leaving out what there is none of. */
export function counted(counts) {
  return Object.entries(counts).filter(([, n]) => n > 0).map(([word, n]) => `${n} ${word}`).join(", ");
}

export { fill, plural };
