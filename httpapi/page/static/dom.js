// Making and updating elements. Text is always set as text, never parsed as HTML.

const svgNames = new Set(["svg", "path", "line", "rect", "circle", "polyline", "polygon", "g", "title"]);

/**
 * h makes an element: h("button", {class: "primary", onclick: f}, "Save").
 * Attributes that are null, undefined or false are left out; true sets an empty one.
 */
export function h(name, attributes, ...children) {
  const el = svgNames.has(name) && name !== "title"
    ? document.createElementNS("http://www.w3.org/2000/svg", name)
    : document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) el.addEventListener(key.slice(2), value);
    else if (key === "value") el.value = value;
    else if (key === "checked") el.checked = value;
    else el.setAttribute(key, value === true ? "" : value);
  }
  el.append(...flat(children));
  return el;
}

function flat(children) {
  return children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false);
}

/** fill replaces what an element holds. */
export function fill(el, ...children) {
  el.replaceChildren(...flat(children));
  return el;
}

/** text sets the text of an element where it differs, so that nothing is drawn anew for nothing. */
export function text(el, value) {
  if (el.textContent !== value) el.textContent = value;
  return el;
}

/**
 * list keeps one child for each item, by key, so that focus and scrolling stay where they
 * are when the items change. make returns an element; update gets it with each new item.
 */
export function list(parent, items, key, make, update) {
  const old = parent.byKey ?? new Map();
  const now = new Map();
  let previous = null;
  for (const item of items) {
    const k = key(item);
    if (now.has(k)) continue;
    const el = old.get(k) ?? make(item);
    update?.(el, item);
    now.set(k, el);
    const place = previous ? previous.nextSibling : parent.firstChild;
    if (el !== place) parent.insertBefore(el, place);
    previous = el;
  }
  for (const el of [...parent.children]) if (![...now.values()].includes(el)) el.remove();
  parent.byKey = now;
}

/** icon draws one of the page's pictograms. It is decoration: words say the same. */
export function icon(name) {
  return h("svg", { class: "icon", viewBox: "0 0 16 16", "aria-hidden": "true", focusable: "false" },
    icons[name].map((d) => h("path", { d })));
}

const icons = {
  overview: ["M1.5 8.5h3l2-5 3 9 2-5 1 1h2"],
  endpoints: ["M2 4h12", "M2 8h8", "M2 12h5"],
  alerts: ["M8 2a4 4 0 0 0-4 4v3l-1.5 2.5h11L12 9V6a4 4 0 0 0-4-4z", "M6.5 13.5a1.6 1.6 0 0 0 3 0"],
  thresholds: ["M2 5h6", "M11 5h3", "M8 3v4h3V3z", "M2 11h2", "M7 11h7", "M4 9v4h3V9z"],
  trends: ["M2 12l4-4 3 2 5-6", "M10.5 4H14v3.5"],
  diagnostics: ["M3 13V9", "M8 13V3", "M13 13V6"],
  search: ["M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9z", "M10.5 10.5L14 14"],
  sun: ["M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6z", "M8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M3 13l1-1M12 4l1-1"],
  moon: ["M13.5 9.5A5.5 5.5 0 0 1 6.5 2.5a5.5 5.5 0 1 0 7 7z"],
  download: ["M8 2v8", "M4.5 7L8 10.5 11.5 7", "M2.5 13.5h11"],
  help: ["M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13z", "M6 6.2a2 2 0 1 1 2.8 1.9c-.6.3-.8.6-.8 1.2", "M8 11.6v.1"],
  user: ["M8 2.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z", "M3 14c0-3 2.2-4.5 5-4.5s5 1.5 5 4.5"],
  bin: ["M2.5 4.5h11", "M6 4.5V2.5h4v2", "M4 4.5l.7 9h6.6l.7-9"],
  close: ["M4 4l8 8", "M12 4l-8 8"],
  back: ["M10 3L5 8l5 5"],
  plus: ["M8 3v10", "M3 8h10"],
};
