// The colours of the style sheet for what is drawn on a canvas, and the choice of theme.

const known = new Map();

/** css is the value of a custom property of the style sheet, such as "--line-1". */
export function css(name) {
  let value = known.get(name);
  if (value === undefined) {
    value = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    known.set(name, value);
  }
  return value;
}

const system = matchMedia("(prefers-color-scheme: dark)");
const store = "perfmon-theme";

/** dark reports whether the dark theme is shown. theme.js has set it. */
export function dark() { return document.documentElement.dataset.theme === "dark"; }

/** toggle changes to the other theme. Where that is the system's own, it is followed again. */
export function toggle() {
  const next = dark() ? "light" : "dark";
  show(next);
  try {
    if ((next === "dark") === system.matches) localStorage.removeItem(store);
    else localStorage.setItem(store, next);
  } catch { /* storage is switched off: the choice lasts as long as the page */ }
}

function show(theme) {
  document.documentElement.dataset.theme = theme;
  known.clear();
  dispatchEvent(new Event("perfmon-theme"));
}

// Paper is light.
let before = "";
addEventListener("beforeprint", () => {
  before = document.documentElement.dataset.theme;
  show("light");
});
addEventListener("afterprint", () => show(before));

system.addEventListener("change", () => {
  let chosen = null;
  try { chosen = localStorage.getItem(store); } catch { /* none then */ }
  if (!chosen) show(system.matches ? "dark" : "light");
});
