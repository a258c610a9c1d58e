// The address of what is shown: "#/endpoints/GET%20%2Forders?range=6h&q=pay". A link keeps
// the view, the range, the replica and the selection, and none of it reaches the server.

const views = ["overview", "endpoints", "alerts", "thresholds", "trends", "diagnostics"];

/** read is what the address says. */
export function read() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [view, ...rest] = path.split("/");
  return {
    view: views.includes(view) ? view : "overview",
    id: rest.length ? decode(rest.join("/")) : "",
    params: new URLSearchParams(query ?? ""),
  };
}

function decode(s) {
  try { return decodeURIComponent(s); } catch { return s; }
}

/** instance is the replica whose figures are shown; "" for those of the whole fleet, or of the one process. */
export function instance() { return read().params.get("instance") ?? ""; }

/** link is the address of a view; it keeps the range and the replica, and of the other parameters those that are named. */
export function link(view, id = "", params = {}) {
  const now = read().params;
  const next = new URLSearchParams();
  for (const key of ["range", "instance"]) if (now.has(key)) next.set(key, now.get(key));
  for (const [key, value] of Object.entries(params)) {
    if (value === null || value === "") next.delete(key);
    else next.set(key, value);
  }
  const query = next.toString();
  return `#/${view}${id ? "/" + encodeURIComponent(id) : ""}${query ? "?" + query : ""}`;
}

/** go shows another view, as a click on a link does. */
export function go(view, id, params) { location.hash = link(view, id, params); }

/** keep changes parameters of the view that is shown, without a step in the browser's history unless it is asked for. */
export function keep(params, step = false) {
  const now = read();
  const all = Object.fromEntries(now.params);
  const hash = link(now.view, now.id, { ...all, ...params });
  if (hash === location.hash) return;
  if (step) location.hash = hash;
  else {
    history.replaceState(null, "", hash);
    dispatchEvent(new Event("hashchange"));
  }
}

const minutes = { "15m": 15, "1h": 60, "6h": 360, "24h": 1440, "2d": 2880, "7d": 10080, "30d": 43200, "1y": 525600 };

/** ranges are the names of ranges up to a number of hours. */
export function ranges(retentionHours) {
  return Object.keys(minutes).filter((name) => minutes[name] <= retentionHours * 60 + 1e-6);
}

/**
 * range is the window that the address asks for: seconds, until when (null: now), and its
 * name. Where it asks for none, the standard is an hour, or 15 minutes while there is no more.
 */
export function range(retentionHours, upSeconds = Infinity) {
  const text = read().params.get("range") ?? "";
  const fixed = /^(\d+)-(\d+)$/.exec(text);
  if (fixed && Number(fixed[2]) > Number(fixed[1])) {
    return { name: "", seconds: Number(fixed[2]) - Number(fixed[1]), until: Number(fixed[2]), standard: false };
  }
  const fits = ranges(retentionHours);
  const standard = upSeconds < minutes["15m"] * 60 && fits.includes("15m") ? "15m" : fits.includes("1h") ? "1h" : "";
  const name = fits.includes(text) ? text : standard;
  return { name, seconds: name ? minutes[name] * 60 : retentionHours * 3600, until: null, standard: name !== text };
}
