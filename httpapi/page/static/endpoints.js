// All endpoints in one table, and the page of a single one.
import { get, Problem } from "./api.js";
import { fill, h, list, text } from "./dom.js";
import { measure, when } from "./format.js";
import { Grid } from "./grid.js";
import { percentiles } from "./metrics.js";
import { keep, link, read } from "./route.js";
import { columns } from "./series.js";
import { redraw, spark } from "./spark.js";
import { alertFacts, alertTitle, badge, card, endpointLink, hint, lasted, on, problem, shape, skeleton, sortable, time } from "./ui.js";

const fields = [
  { key: "name", label: "Endpoint" },
  { key: "share", label: "Share of time", class: "number", title: "Of all time that requests took" },
  { key: "throughput_rps", label: "Requests", class: "number", title: "Per second" },
  { key: "error_rate", label: "Errors", class: "number" },
  { key: "response_time_p50", label: "p50", class: "number" },
  { key: "response_time_p95", label: "p95", class: "number" },
  { key: "response_time_p99", label: "p99", class: "number" },
  { label: "p95 over the range", class: "line" },
];
const sparkPoints = 40;

/** endpoints is the table, of endpoints or of organizations. */
export function endpoints(data) {
  const filter = h("input", { type: "search", placeholder: "Filter", "aria-label": "Filter by name", value: read().params.get("q") ?? "", oninput: () => keep({ q: filter.value }) });
  const head = h("thead"), body = h("tbody"), note = h("div"), others = h("div");
  const counted = h("p", { class: "count", role: "status" });
  const el = h("div", { class: "view" },
    h("div", { class: "view-head" }, h("h1", {}, "Endpoints"), filter, counted),
    note, h("div", { class: "scroll card" }, h("table", { class: "figures rows" }, head, body)), others);
  let answer = null;
  let reading = null;

  const draw = () => {
    if (!answer) return;
    const { params } = read();
    const [sorted, down] = sorting(params.get("sort"));
    const wanted = (params.get("q") ?? "").toLowerCase();
    fill(head, sortable(fields, sorted, down, (key) => keep({ sort: key === sorted && down ? key : key === "name" && sorted !== "name" ? key : `${key}-` })));
    const rows = answer.endpoints.filter((e) => e.endpoint.toLowerCase().includes(wanted));
    const value = (e) => (sorted === "name" ? e.endpoint : e[sorted] ?? -1);
    rows.sort((a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0) * (down ? -1 : 1));
    list(body, rows, (e) => e.endpoint, makeRow, updateRow);
    text(counted, rows.length === answer.endpoints.length ? `${rows.length}` : `${rows.length} of ${answer.endpoints.length}`);
    if (answer.endpoints.length === 0) fill(note, hint("No request in this range. Endpoints appear with their first one."));
    else if (rows.length === 0) fill(note, hint(`No endpoint has “${params.get("q")}” in its name.`));
    else fill(note);
  };
  const load = async () => {
    drawOrganizations(others, data.dashboard.organizations);
    reading?.abort();
    reading = new AbortController();
    const want = data.range();
    const now = data.now() / 1000;
    const seconds = want.until === null ? want.seconds : Math.min(now - want.until + want.seconds, data.retention * 3600);
    try {
      answer = await get("endpoints/", { hours: String(+(seconds / 3600).toFixed(6)), points: sparkPoints }, reading.signal);
      draw();
      if (want.until !== null && answer.endpoints.length) fill(note, hint(`Figures of requests since ${when((want.until - want.seconds) * 1000)}.`));
    } catch (error) {
      if (error.name !== "AbortError") fill(note, problem(error, load));
    }
  };
  if (!answer) fill(note, skeleton(8));
  const off = on(data, { figures: load });
  const offRoute = on(window, { hashchange: draw });
  load();
  return { el, title: "Endpoints", destroy: () => { off(); offRoute(); reading?.abort(); } };
}

// drawOrganizations lists the organizations that one may see, the busiest first.
function drawOrganizations(el, organizations) {
  fill(el, organizations.length > 0 && card("Organizations", h("div", { class: "scroll" }, h("table", { class: "figures" },
    h("thead", {}, h("tr", {}, ["Organization", "Requests", "Errors", "p50", "p95", "p99"].map((t, i) => h("th", { scope: "col", class: i ? "number" : null }, t)))),
    h("tbody", {}, organizations.map((o) => h("tr", {}, h("th", { scope: "row" }, o.organization_id),
      [measure(o.throughput_rps, "1/s"), measure(o.error_rate, "%"), measure(o.response_time_p50, "s"), measure(o.response_time_p95, "s"), measure(o.response_time_p99, "s")]
        .map((v) => h("td", { class: "number" }, v)))))))));
}

function sorting(param) {
  const key = (param ?? "share-").replace(/-$/, "");
  const known = fields.some((f) => f.key === key);
  return known ? [key, (param ?? "share-").endsWith("-")] : ["share", true];
}

function makeRow(e) {
  const row = h("tr", { onclick: (event) => { if (!event.target.closest("a, button") && !getSelection().toString()) location.hash = link("endpoints", e.endpoint); } },
    h("th", { scope: "row" }, endpointLink(e.endpoint)));
  row.share = h("i", { class: "share" });
  row.figures = fields.slice(1, -1).map((f) => h("td", { class: "number", "data-label": f.label }));
  row.line = spark([]);
  row.append(...row.figures, h("td", { class: "line" }, row.line));
  return row;
}

function updateRow(row, e) {
  const values = [measure(e.share, "%"), measure(e.throughput_rps, "1/s"), measure(e.error_rate, "%"),
    measure(e.response_time_p50, "s"), measure(e.response_time_p95, "s"), measure(e.response_time_p99, "s")];
  values.forEach((v, i) => {
    const cell = row.figures[i];
    if (cell.shown === v) return;
    cell.shown = v;
    fill(cell, i === 0 && row.share, i === 2 && e.error_rate > 1 && shape("warning"), v);
  });
  row.share.style.width = `${Math.max(e.share ?? 0, 0.5) * 0.6}px`;
  redraw(row.line, e.series.response_time_p95);
}

const requestCharts = [
  percentiles("Response time", "response_time"),
  { title: "Throughput", metrics: ["throughput_rps"] },
  { title: "Error rate", metrics: ["error_rate"] },
  { title: "Mean response time", metrics: ["response_time_avg"] },
];

/** endpoint is the page of one endpoint. */
export function endpoint(data, name) {
  const figures = h("dl", { class: "facts" });
  const grid = new Grid({ zoom: (from, to) => keep({ range: `${from}-${to}` }, true), heading: "h2" });
  const alerts = h("div"), note = h("div");
  const el = h("div", { class: "view" },
    h("p", { class: "crumb" }, h("a", { href: link("endpoints") }, "Endpoints")),
    h("div", { class: "view-head" }, h("h1", { class: "code" }, name)),
    note, figures, grid.el, card("Alerts", alerts));
  let reading = null;

  const load = async () => {
    reading?.abort();
    reading = new AbortController();
    const { signal } = reading;
    const want = data.range();
    const hours = String(+(want.seconds / 3600).toFixed(6));
    try {
      const [series, all, found] = await Promise.all([
        get("series/", { endpoint: name, hours, points: 300, until: want.until === null ? null : new Date(want.until * 1000).toISOString() }, signal),
        get("endpoints/", { hours, points: 1 }, signal),
        get("alerts/", { endpoint: name, hours: String(data.alertHours), limit: 50 }, signal),
      ]);
      fill(note);
      drawFacts(figures, all.endpoints.find((e) => e.endpoint === name));
      const to = want.until ?? Date.parse(series.generated_at) / 1000;
      grid.show(requestCharts, {
        from: to - want.seconds, to, fixed: want.until !== null, ...columns(series.series, data.interval, 300),
        limits: (metric) => ruleFor(data, metric, name),
        alerts: found.alerts.map((a) => data.drawn(a)), deploys: data.deploys(),
      });
      drawAlerts(alerts, found.alerts, data);
    } catch (error) {
      if (error.name === "AbortError") return;
      if (error instanceof Problem && error.status === 404) fill(note, hint(`No requests of ${name} are held. It may have been idle for longer than the retention.`));
      else fill(note, problem(error, load));
    }
  };
  const off = on(data, { figures: load });
  load();
  return { el, title: name, destroy: () => { off(); reading?.abort(); grid.destroy(); } };
}

function drawFacts(el, e) {
  if (!e) {
    fill(el);
    return;
  }
  const facts = [
    ["Share of time", measure(e.share, "%")], ["Requests", measure(e.requests, "count")], ["Per second", measure(e.throughput_rps, "1/s")],
    ["Errors", measure(e.error_rate, "%")], ["p50", measure(e.response_time_p50, "s")], ["p95", measure(e.response_time_p95, "s")], ["p99", measure(e.response_time_p99, "s")],
  ];
  fill(el, facts.map(([k, v]) => h("div", {}, h("dt", {}, k), h("dd", {}, v))));
}

function drawAlerts(el, alerts, data) {
  if (alerts.length === 0) {
    fill(el, hint("No alert of this endpoint is held."));
    return;
  }
  fill(el, h("ul", { class: "plain-list" }, alerts.map((a) => h("li", {}, badge(a.severity, a.state),
    h("a", { href: link("alerts", a.alert_id) }, `${alertTitle(a)}: ${alertFacts(a)}`),
    h("small", {}, time(a.timestamp), ` for ${lasted(a, data.now())}`)))));
}

/** ruleFor is the threshold that counts for an endpoint: the one with the most specific pattern. */
function ruleFor(data, metric, name) {
  const fits = data.thresholds.filter((t) => t.metric_name === metric && t.scope === "endpoint" && t.enabled && matches(t.applies_to, name));
  return fits.sort((a, b) => (b.applies_to ?? "").length - (a.applies_to ?? "").length)[0];
}

// matches: a star in a pattern stands for anything.
function matches(pattern, name) {
  if (!pattern) return true;
  const parts = pattern.split("*").map((p) => p.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`).test(name);
}

