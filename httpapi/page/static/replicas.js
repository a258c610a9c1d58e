// The replicas of a fleet: which one is shown, and all of them side by side.
import { fill, h, text } from "./dom.js";
import { measure, when } from "./format.js";
import { label } from "./metrics.js";
import { instance, keep, link, read } from "./route.js";
import { card, scroller } from "./ui.js";

/** picker chooses whose figures are shown: those of all replicas or of one. It is there in a fleet alone. */
export function picker() {
  const el = h("select", { class: "instance", "aria-label": "Replica", hidden: true, onchange: () => keep({ instance: el.value || null }, true) });
  return el;
}

/** showPicker brings the picker up to date. */
export function showPicker(el, fleet) {
  el.hidden = !fleet;
  if (!fleet) return;
  const names = [...new Set([...fleet.replicas.map((r) => r.instance), instance()])].filter(Boolean);
  const key = JSON.stringify([names, instance(), fleet.replicas.map((r) => r.gone)]);
  if (el.key === key) return; // an open list stays open
  el.key = key;
  const gone = (name) => fleet.replicas.filter((r) => r.instance === name).every((r) => r.gone);
  fill(el, h("option", { value: "" }, "All replicas"), names.map((n) => h("option", { value: n }, gone(n) ? `${n} (gone)` : n)));
  el.value = instance();
}

const shown = ["throughput_rps", "response_time_p95", "error_rate", "cpu_usage_percent", "process_cpu_percent", "memory_usage_percent", "memory_usage_mb", "goroutines", "requests_in_flight"];

/** replicas is the table of all replicas, with the worst of each metric marked. */
export function replicas() {
  const head = h("tr"), body = h("tbody"), note = h("p", { class: "note" });
  const el = card("Replicas", [scroller("Replicas", h("table", { class: "figures replicas" }, h("thead", {}, head), body)), note]);
  el.hidden = true;
  const draw = (data) => {
    const { fleet } = data.dashboard;
    el.hidden = !fleet || instance() !== "";
    if (el.hidden) return;
    const has = (name) => fleet.replicas.some((r) => (r.metrics[name] ?? null) !== null);
    const names = shown.filter(has);
    fill(head, h("th", { scope: "col" }, "Replica"), names.map((n) => h("th", { scope: "col", class: "number" }, label(n))));
    const focused = body.contains(document.activeElement) ? document.activeElement.textContent : null;
    fill(body, fleet.replicas.map((r) => row(data, r, names)));
    if (focused) [...body.querySelectorAll("a")].find((a) => a.textContent === focused)?.focus();
    text(note, fleet.replicas.length === 0 ? "No step of the fleet has been counted yet." : fleet.mode === "alone" ? "As of the latest step that the fleet has counted: it is out of reach." : "");
    note.hidden = note.textContent === "";
  };
  return { el, draw };
}

function row(data, r, names) {
  const about = [r.version, r.leads && "leads", r.gone && `gone since ${when(r.last_seen)}`, r.note].filter(Boolean).join(", ");
  const worst = new Set(r.worst_in ?? []);
  return h("tr", { class: r.gone ? "gone" : null },
    h("th", { scope: "row" }, h("a", { href: link(read().view, "", { instance: r.instance }) }, r.instance || "(without a name)"), about && h("small", {}, " ", about)),
    names.map((n) => h("td", { class: worst.has(n) ? "number worst" : "number" },
      worst.has(n) && h("small", {}, "worst "), measure(r.gone ? null : r.metrics[n], data.unit(n)))));
}
