// The first view: is it bad, what is bad, since when, and where.
import { fill, h, list, text } from "./dom.js";
import { change, length, measure, parts, plural, when } from "./format.js";
import { Grid } from "./grid.js";
import { charts, inSentence, label } from "./metrics.js";
import { replicas } from "./replicas.js";
import { keep, link } from "./route.js";
import { mean } from "./series.js";
import { redraw, spark } from "./spark.js";
import { timeline } from "./timeline.js";
import { alertTitle, card, endpointLink, hint, on, scopeOf, scroller, shape, time } from "./ui.js";

/** overview is the view of the service as a whole. */
export function overview(data) {
  const verdict = h("section", { class: "verdict" });
  const spoken = h("p", { class: "visually-hidden", role: "status" });
  const tiles = h("div", { class: "tiles" });
  const grid = new Grid({ zoom: (from, to) => keep({ range: `${from}-${to}` }, true) });
  const more = new Grid({ zoom: (from, to) => keep({ range: `${from}-${to}` }, true) });
  const itself = new Grid({ zoom: (from, to) => keep({ range: `${from}-${to}` }, true) });
  const itselfPart = h("details", { class: "itself" }, h("summary", {}, "The monitor itself"), itself.el);
  const worst = h("tbody");
  const targets = h("ul", { class: "targets" });
  const band = h("div");
  const fleet = replicas();
  const begin = h("div"), legend = h("p", { class: "legend" });
  const moreTitle = h("h2", { class: "part" }, "Everything else");
  const el = h("div", { class: "view" }, verdict, spoken, begin, tiles, fleet.el, legend, grid.el,
    h("div", { class: "pair" },
      card("Worst endpoints",
        scroller("Worst endpoints", h("table", { class: "figures" },
          h("thead", {}, h("tr", {}, ["Endpoint", "p95", "Errors", "Requests"].map((t, i) => h("th", { scope: "col", class: i ? "number" : null }, t)))), worst)),
        h("p", { class: "more" }, h("a", { href: link("endpoints") }, "All endpoints"))),
      card("Targets", targets)),
    card("Alerts and deploys", band),
    moreTitle, more.el, itselfPart);

  const live = () => {
    drawTiles(tiles, data);
    drawVerdict(verdict, spoken, data);
    const frame = data.chartFrame();
    grid.show(charts(present(data)).first, frame);
  };
  // Charts are drawn where one can see them: a closed part has no width.
  const drawItself = () => {
    const specs = charts(present(data)).itself;
    itselfPart.hidden = specs.length === 0;
    itself.show(itselfPart.open ? specs : [], data.chartFrame());
  };
  itselfPart.addEventListener("toggle", drawItself);
  const figures = () => {
    live();
    const specs = charts(present(data));
    more.show([...specs.own, ...specs.rest], data.chartFrame());
    drawItself();
    moreTitle.hidden = specs.own.length + specs.rest.length === 0;
    fleet.draw(data);
    drawWorst(worst, data);
    drawTargets(targets, data);
    timeline(band, data);
    drawBeginning(begin, data);
    drawLegend(legend, data.chartFrame());
  };
  const off = on(data, { figures, sample: live });
  if (data.dashboard) figures();
  return { el, title: "Overview", destroy: () => { off(); grid.destroy(); more.destroy(); itself.destroy(); } };
}

// present are the metrics that have values in the range or now.
function present(data) {
  const names = new Set(Object.keys(data.frame.metrics).filter((n) => data.frame.metrics[n].values.some((v) => v !== null)));
  for (const [name, v] of Object.entries(data.sample ?? {})) if (v !== null && data.catalog.has(name)) names.add(name);
  return names;
}

/** headline is the alert to tell first: of the worst one of the service before those of its parts, the newest first. */
export function headline(alerts) {
  const active = alerts.filter((a) => a.state === "open" || a.state === "acknowledged");
  const worst = active.filter((a) => a.severity === "critical" || !active.some((b) => b.severity === "critical"));
  return { active, head: worst.find((a) => !a.endpoint && !a.organization_id) ?? worst[0] };
}

function drawVerdict(el, spoken, data) {
  const { health, alerts } = data.dashboard;
  const { active, head } = headline(alerts);
  const status = health.status;
  const facts = [];
  let title;
  if (status === "unknown") {
    title = `Unknown: ${health.reason}`;
  } else if (!head) {
    title = "All is well.";
    facts.push(calm(data));
  } else {
    title = `${status === "critical" ? "Critical" : "Warning"}: ${what(head)}`;
    facts.push(h("span", {}, "since ", time(head.timestamp), ` (${length((data.now() - Date.parse(head.timestamp)) / 1000)})`));
    if (head.cause === "threshold" && head.threshold_value !== null) facts.push(`limit ${measure(head.threshold_value, head.unit)}`);
    const bad = head.metadata?.worst_endpoints;
    if (bad?.length) facts.push(h("span", {}, "worst: ", h("b", {}, bad.join(", "))));
    if (head.state === "acknowledged") facts.push(`acknowledged by ${head.changes.findLast((c) => c.change === "acknowledged")?.by ?? "somebody"}`);
    if (active.length > 1) facts.push(h("a", { href: link("alerts") }, plural(active.length - 1, "more alert")));
  }
  if (health.store) facts.push(health.store);
  if (health.fleet) facts.push(health.fleet);
  // A screen reader hears what is wrong, and not how the figures move.
  text(spoken, head ? `${status}: ${alertTitle(head)} of ${scopeOf(head)}` : title);
  const key = JSON.stringify([status, title, facts.map((f) => f.textContent ?? f)]);
  if (el.key === key) return;
  el.key = key;
  el.className = `verdict ${status}`;
  fill(el, shape(status), h("div", {},
    h("h1", {}, head ? h("a", { href: link("alerts", head.alert_id) }, title) : title),
    h("p", {}, facts.map((f, i) => [i > 0 && h("span", { class: "dot", "aria-hidden": "true" }, " · "), f]))));
}

function what(a) {
  if (a.cause === "threshold" && a.current_value !== null) {
    return `${inSentence(a.metric_name)} of ${scopeOf(a)} is ${measure(a.current_value, a.unit)}`;
  }
  if (["absence", "regression", "anomaly"].includes(a.cause)) return `${inSentence(alertTitle(a))} of ${scopeOf(a)}`;
  return a.message;
}

// calm is what there is to say when nothing is wrong.
function calm(data) {
  const s = data.sample ?? {};
  const p95 = s.response_time_p95, rps = s.throughput_rps;
  const now = rps === null || rps === undefined || rps === 0 ? "No requests at present" : `p95 ${measure(p95, "s")}, ${measure(rps, "count")} requests a second`;
  const latest = data.dashboard.alerts[0];
  const quiet = latest
    ? `last alert ${length((data.now() - Date.parse(latest.updated_at)) / 1000)} ago`
    : `no alert in the last ${length(data.dashboard.hours * 3600)}`;
  return `${now}; ${quiet}`;
}

const shown = [
  ["response_time_p95", "Response time p95"], ["throughput_rps", "Throughput"], ["error_rate", "Error rate"],
  ["cpu_usage_percent", "CPU usage"], ["memory_usage_percent", "Memory usage"], ["requests_in_flight", "Requests in flight"],
];

function drawTiles(el, data) {
  list(el, shown, ([name]) => name, makeTile, (tile, [name]) => {
    const unit = data.unit(name);
    const [n, u] = parts(data.sample?.[name], unit);
    text(tile.number, n);
    text(tile.unit, u && (u.startsWith("/") ? u : "\u00a0" + u));
    tile.title = n === "–" ? absentReason(name) : "";
    const hour = data.hour?.metrics[name];
    redraw(tile.line, hour?.values ?? [], { top: unit === "%" ? 10 : 0 });
    text(tile.before, compared(data, name));
    const t = data.limits(name);
    tile.className = `tile ${beyond(data.sample?.[name], t)}`;
  });
}

function makeTile([name, title]) {
  const tile = h("article", { class: "tile" });
  tile.number = h("b", {}, "–");
  tile.unit = h("span", { class: "unit" });
  tile.line = spark([]);
  tile.before = h("p", { class: "before" });
  tile.append(h("h2", {}, title), h("p", { class: "value" }, tile.number, tile.unit), tile.line, tile.before);
  return tile;
}

function absentReason(name) {
  return name.startsWith("response_time") || name === "error_rate" ? "No request in the last step." : "Nobody feeds this metric. See Diagnostics.";
}

// compared says how the last hour is beside the same hour of the day before.
function compared(data, name) {
  const now = data.hour?.metrics[name] && mean(data.hour.metrics[name].values);
  const before = data.hourBefore?.metrics[name] && mean(data.hourBefore.metrics[name].values);
  if (now === null || now === undefined) return "";
  if (before === null || before === undefined) return `1\u00a0h mean ${measure(now, data.unit(name))}`;
  const words = change(now, before);
  if (words === "") return now === before ? "as yesterday" : `${measure(before, data.unit(name))} yesterday`;
  return words === "as" ? "as yesterday" : `${words} yesterday`;
}

// beyond is the severity of a value past its limit.
function beyond(v, t) {
  if (v === null || v === undefined || !t) return "";
  const past = (limit) => limit !== null && limit !== undefined && (t.comparison === "less" ? v < limit : t.comparison === "greater" && v > limit);
  if (t.metric_name === "throughput_rps") return ""; // only a fall counts there, not a level
  return past(t.critical_threshold) ? "critical" : past(t.warning_threshold) ? "warning" : "";
}

const enough = 20; // requests before an endpoint counts among the worst, as in reports

function drawWorst(el, data) {
  const bad = (e) => Math.max((e.response_time_p95 ?? 0) / 2, (e.error_rate ?? 0) / 1);
  const sorted = data.dashboard.endpoints.slice().sort((a, b) => (b.requests >= enough) - (a.requests >= enough) || bad(b) - bad(a)).slice(0, 5);
  if (sorted.length === 0) {
    el.byKey = null;
    fill(el, h("tr", {}, h("td", { colspan: 4 }, hint("No request yet. Endpoints appear with their first one."))));
    return;
  }
  fill(el, sorted.map((e) => h("tr", {},
    h("th", { scope: "row" }, endpointLink(e.endpoint)),
    h("td", { class: "number" }, measure(e.response_time_p95, "s")),
    h("td", { class: "number" }, e.error_rate > 1 && shape("warning"), measure(e.error_rate, "%")),
    h("td", { class: "number" }, measure(e.throughput_rps, "1/s")))));
}

function drawTargets(el, data) {
  fill(el, data.dashboard.health.targets.map((t) => {
    const unit = data.unit(t.metric_name);
    const met = t.met === null ? "unknown" : t.met ? "healthy" : "warning";
    const word = t.met === null ? "not known" : t.met ? "met" : "missed";
    const hour = data.hour?.metrics[t.metric_name]?.values ?? [];
    return h("li", {},
      shape(met),
      h("span", { class: "target-name" }, label(t.metric_name), h("small", {}, t.over)),
      spark(hour, { limit: t.target }),
      h("span", { class: "target-value" }, h("b", {}, measure(t.value, unit)),
        h("small", {}, `${word}: ${t.comparison === "less" ? "under" : "over"} ${measure(t.target, unit)}`)));
  }));
}

// drawLegend says what the marks in the charts mean, of those that are there.
function drawLegend(el, frame) {
  const within = (list) => list.some((p) => p.at >= frame.from && p.at <= frame.to);
  const item = (mark, words) => h("span", {}, h("i", { class: `mark ${mark}`, "aria-hidden": "true" }), words);
  fill(el,
    frame.yesterday && item("ghost", "same time yesterday"),
    frame.baseline && item("baseline", "baseline"),
    item("limit", "limits"),
    frame.alerts.some((a) => a.to >= frame.from && a.from <= frame.to) && item("alerted", "alerts"),
    within(frame.deploys) && item("deployed", "deploys and notes"),
    within(frame.anomalies) && item("odd", "anomalies"),
    within(frame.changes) && item("changed", "lasting changes"));
}

// drawBeginning explains the first minutes, when charts have nothing to show.
function drawBeginning(el, data) {
  const { service, series } = data.dashboard;
  if (series.times.length >= 3 || data.frame.fixed || service.uptime > 10 * data.interval) {
    fill(el);
    return;
  }
  const next = Math.max(data.interval - (service.uptime % data.interval), 0);
  fill(el, hint(
    `perfmon has watched for ${length(service.uptime)}. The figures below are of the last ${length(data.step)}. `,
    `Charts get a point every ${data.interval === 60 ? "minute" : length(data.interval)}; the next one comes at ${when(data.now() + next * 1000)}.`));
}
