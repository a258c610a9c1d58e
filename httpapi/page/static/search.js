// Finding a metric, an endpoint or a view by typing; and the keys of the page.
import { fill, h } from "./dom.js";
import { label } from "./metrics.js";
import { go } from "./route.js";

const most = 12;

/** search opens a dialog that finds what is typed. */
export function search(data, showMetric) {
  const input = h("input", { type: "text", role: "combobox", "aria-expanded": "true", "aria-controls": "found", "aria-label": "Find a metric or an endpoint", placeholder: "Find a metric or an endpoint", autocomplete: "off", spellcheck: "false" });
  const found = h("ul", { id: "found", role: "listbox", "aria-label": "Found" });
  const dialog = h("dialog", { class: "search", "aria-label": "Find", onclose: () => dialog.remove(), onclick: (e) => { if (e.target === dialog) dialog.close(); } }, input, found);
  const everything = [
    ...["overview", "endpoints", "alerts", "thresholds", "trends", "diagnostics"].map((v) => ({ words: label(v), kind: "view", go: () => go(v) })),
    ...[...data.catalog.keys()].map((name) => ({ words: label(name), also: name, kind: "metric", go: () => showMetric(name) })),
    ...data.dashboard.endpoints.map((e) => ({ words: e.endpoint, kind: "endpoint", go: () => go("endpoints", e.endpoint) })),
  ];
  let hits = [], at = 0;
  const draw = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    hits = everything.filter((x) => words.every((w) => `${x.words} ${x.also ?? ""}`.toLowerCase().includes(w))).slice(0, most);
    at = 0;
    fill(found, hits.map((x, i) => h("li", { role: "option", id: `found-${i}`, "aria-selected": String(i === at), onclick: () => take(i) }, x.words, h("small", {}, x.kind))),
      hits.length === 0 && h("li", { class: "nothing" }, "Nothing has that in its name."));
    mark();
  };
  const mark = () => {
    found.querySelectorAll("[role=option]").forEach((li, i) => li.setAttribute("aria-selected", String(i === at)));
    if (hits.length) input.setAttribute("aria-activedescendant", `found-${at}`);
    else input.removeAttribute("aria-activedescendant");
  };
  const take = (i) => {
    dialog.close();
    hits[i]?.go();
  };
  input.addEventListener("input", draw);
  input.addEventListener("keydown", (e) => {
    if (e.key === "ArrowDown" || e.key === "ArrowUp") {
      e.preventDefault();
      at = (at + (e.key === "ArrowDown" ? 1 : hits.length - 1)) % Math.max(hits.length, 1);
      mark();
    } else if (e.key === "Enter") {
      e.preventDefault();
      take(at);
    }
  });
  document.body.append(dialog);
  draw();
  dialog.showModal();
  input.focus();
}

const keys = [
  ["/", "find a metric or an endpoint"], ["g o", "overview"], ["g e", "endpoints"], ["g a", "alerts"], ["g t", "thresholds"], ["g r", "trends"], ["g d", "diagnostics"],
  ["← →", "move along a chart that has the focus"], ["Esc", "leave a zoomed range"], ["?", "this list"],
];

/** help lists the keys. */
export function help() {
  const dialog = h("dialog", { class: "help", "aria-label": "Keys", onclose: () => dialog.remove(), onclick: (e) => { if (e.target === dialog) dialog.close(); } },
    h("h2", {}, "Keys"), h("dl", { class: "pairs" }, keys.map(([k, what]) => [h("dt", {}, h("kbd", {}, k)), h("dd", {}, what)])),
    h("form", { method: "dialog" }, h("button", { type: "submit" }, "Close")));
  document.body.append(dialog);
  dialog.showModal();
}

const places = { o: "overview", e: "endpoints", a: "alerts", t: "thresholds", r: "trends", d: "diagnostics" };

/** listen lets the keys work; what they do is given. It returns what ends that. */
export function listen({ find, escape }) {
  let g = 0;
  const press = (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || document.querySelector("dialog[open]") || e.target.closest?.("input, select, textarea")) return;
    if (e.key === "/") {
      e.preventDefault();
      find();
    } else if (e.key === "?") {
      help();
    } else if (e.key === "Escape") {
      escape();
    } else if (e.key === "g") {
      g = e.timeStamp;
      return;
    } else if (g && e.timeStamp - g < 1500 && places[e.key]) {
      go(places[e.key]);
    }
    g = 0;
  };
  addEventListener("keydown", press);
  return () => removeEventListener("keydown", press);
}
