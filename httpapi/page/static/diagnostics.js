// Why there is, or is not, a figure or an alert; and the settings with where they come from.
import { get, send } from "./api.js";
import { fill, h } from "./dom.js";
import { length, measure, number, plural } from "./format.js";
import { label } from "./metrics.js";
import { link } from "./route.js";
import { badge, card, hint, on, problem, scopeOf, scroller, skeleton, shape, time, toast } from "./ui.js";

/** diagnostics is the view of the monitor itself. */
export function diagnostics(data) {
  const body = h("div", { class: "stack" });
  const el = h("div", { class: "view" }, h("div", { class: "view-head" }, h("h1", {}, "Diagnostics")), body);
  fill(body, skeleton(8));
  let reading = null;
  const load = async () => {
    reading?.abort();
    reading = new AbortController();
    try {
      const [d, config] = await Promise.all([get("diagnostics/", {}, reading.signal), get("config/", {}, reading.signal)]);
      const opened = new Set([...body.querySelectorAll("details[open]")].map((e) => e.dataset.name));
      fill(body, rules(d), notifiers(d, data, load), metrics(d, data), analyses(d), h("div", { class: "pair" }, monitor(d, data), settings(config)), host(d));
      for (const e of body.querySelectorAll("details")) if (opened.has(e.dataset.name)) e.open = true;
    } catch (error) {
      if (error.name !== "AbortError") fill(body, problem(error, load));
    }
  };
  const off = on(data, { figures: load });
  load();
  return { el, title: "Diagnostics", destroy: () => { off(); reading?.abort(); } };
}

function table(heads, rows) {
  return scroller(`Table of ${typeof heads[0] === "string" ? heads[0] : heads[0][0]}`, h("table", { class: "figures" },
    h("thead", {}, h("tr", {}, heads.map((t) => h("th", { scope: "col", class: typeof t === "string" ? null : "number" }, typeof t === "string" ? t : t[0])))),
    h("tbody", {}, rows)));
}

// rules answers "why is there no alert?".
function rules(d) {
  const rank = (t) => (t.state === "clear" ? t.violations_in_a_row > 0 ? 1 : 2 : 0);
  const list = d.thresholds.slice().sort((a, b) => rank(a) - rank(b));
  if (list.length === 0) return card("Why is there no alert?", hint("There is no threshold, so nothing alerts. ", h("a", { href: link("thresholds") }, "Add one"), "."));
  const row = (t) => h("tr", {},
    h("th", { scope: "row" }, label(t.metric_name), h("small", {}, ` of ${named(t) || t.scope === "service" ? scopeOf(t) : t.applies_to ? `${t.scope}s ${t.applies_to}` : `each ${t.scope}`}`)),
    h("td", {}, t.state === "clear" ? h("span", { class: "badge past" }, t.violations_in_a_row > 0 ? `${t.violations_in_a_row} of ${t.needed}` : "clear") : h("a", { href: link("alerts", t.alert_id) }, badge("warning", t.state))),
    h("td", {}, t.why, t.cooldown_until && h("small", {}, " Cooldown until ", time(t.cooldown_until), ".")));
  const rest = list.slice(12);
  return card("Why is there no alert?", table(["Threshold", "State", "Why"], list.slice(0, 12).map(row)),
    rest.length > 0 && h("details", { "data-name": "rules" }, h("summary", {}, `${plural(rest.length, "more threshold")}`), table(["Threshold", "State", "Why"], rest.map(row))));
}

const named = (t) => t.endpoint || t.organization_id;

function metrics(d, data) {
  const unfed = d.metrics.filter((m) => !m.fed);
  const fed = d.metrics.filter((m) => m.fed);
  return card("Metrics",
    unfed.length > 0 && table(["Not fed", "What would feed it"], unfed.map((m) => h("tr", {}, h("th", { scope: "row" }, label(m.metric_name), h("small", {}, ` ${m.metric_name}`)), h("td", {}, m.by || "the service")))),
    h("details", { "data-name": "metrics", open: unfed.length === 0 }, h("summary", {}, `${plural(fed.length, "metric")} fed`),
      table(["Metric", "Fed by", ["Latest"], ["Age"]], fed.map((m) => h("tr", {}, h("th", { scope: "row", title: data.catalog.get(m.metric_name)?.help }, label(m.metric_name), h("small", {}, ` ${m.metric_name}`)),
        h("td", {}, m.by), h("td", { class: "number" }, measure(m.value, data.unit(m.metric_name))), h("td", { class: "number" }, m.age_seconds === null || m.age_seconds === undefined ? "–" : length(m.age_seconds)))))));
}

// notifiers says whether people are told; super admins see it.
function notifiers(d, data, load) {
  if (!data.session.super_admin) return null;
  if (d.notifiers.length === 0) return card("Notifiers", hint("Nobody is told of alerts: the service has no notifier. perfmon.WithNotifier adds one."));
  const act = async (e, path, body, done) => {
    const button = e.currentTarget;
    button.disabled = true;
    try {
      const answer = await send("POST", path, body);
      if (answer.error) toast(`${body.notifier}: ${answer.error}`, { bad: true, seconds: 10 });
      else toast(done);
    } catch (error) {
      toast(error.message, { bad: true, seconds: 10 });
    }
    button.disabled = false;
    await load();
  };
  const letters = d.notifiers.flatMap((n) => n.dead_letters.map((l) => ({ ...l, notifier: n.notifier })));
  return card("Notifiers",
    table(["Notifier", "State", ["Waiting"], ["Delivered"], ["Failed"], ["Dead"], "Last delivered", "Try"], d.notifiers.map((n) => h("tr", {}, h("th", { scope: "row" }, n.notifier),
      h("td", { class: "wrap" }, failing(n) ? [shape("warning"), ` ${n.last_error}`, n.next_try && h("small", {}, " again ", time(n.next_try))] : [shape("healthy"), " works"]),
      [n.waiting + n.queued, n.delivered, n.failed, n.dead].map((x) => h("td", { class: "number" }, String(x))),
      h("td", {}, n.last_success ? time(n.last_success) : "–"),
      h("td", {}, h("button", { type: "button", "aria-label": `Send a test through ${n.notifier}`, onclick: (e) => act(e, "notifiers/test/", { notifier: n.notifier }, `${n.notifier} has taken the test message.`) }, "Send a test"))))),
    letters.length > 0 && h("details", { "data-name": "letters" }, h("summary", {}, `${plural(letters.length, "message")} not delivered`),
      table(["Message", "Notifier", "Given up", ["Tries"], "Error", "Try"], letters.map((l) => h("tr", {}, h("th", { scope: "row", class: "wrap" }, l.title), h("td", {}, l.notifier), h("td", {}, time(l.at)), h("td", { class: "number" }, String(l.tries)), h("td", { class: "wrap" }, l.error),
        h("td", {}, h("button", { type: "button", "aria-label": `Send again: ${l.title}`, onclick: (e) => act(e, "notifiers/resend/", { notifier: l.notifier, id: l.id }, "It is tried again.") }, "Send again")))))));
}

const failing = (n) => n.last_failure && (!n.last_success || Date.parse(n.last_failure) > Date.parse(n.last_success));

function analyses(d) {
  return card("Analyses", table(["Analysis", "State", "Needs", "Has"], d.analyses.map((a) => h("tr", {}, h("th", { scope: "row" }, a.analysis),
    h("td", {}, shape(a.ready ? "healthy" : "unknown"), a.ready ? " ready" : " not yet"), h("td", {}, a.needs), h("td", {}, a.has)))));
}

function pairs(entries) {
  return h("dl", { class: "pairs" }, entries.filter(Boolean).map(([k, v]) => [h("dt", {}, k), h("dd", {}, v)]));
}

function monitor(d, data) {
  const s = data.dashboard.service;
  return card("This monitor", pairs([
    ["Started", d.started_at ? [time(d.started_at), `, ${length(s.uptime)} ago`] : "not yet"],
    ["Step", length(d.step_seconds)], ["Interval", length(d.interval_seconds)], ["Retention", length(d.retention_hours * 3600)],
    ["Points held", String(d.points_held)],
    ["Alerts held", `${d.alerts.held}, ${d.alerts.active} active`],
    ...d.tables.map((t) => [`Table of ${t.table}`, `${t.used} of ${t.limit}${t.folded ? `; ${t.folded} responses counted as (other)` : ""}`]),
    ["Store", [d.store.kind, d.store.failure && h("span", { class: "bad" }, `: ${d.store.failure}`), d.store.pending_records > 0 && `, ${plural(d.store.pending_records, "record")} waiting`]],
    ["Steps that failed", String(d.step_panics)], ["Steps dropped", String(d.steps_dropped)], ["Log lines dropped", String(d.log_dropped)],
    ...d.limits.filter((l) => l.hit > 0).map((l) => [`Limit of ${l.limit.replaceAll("_", " ")}`, `${l.most}, hit ${plural(l.hit, "time")}`]),
  ]));
}

const names = {
  enabled: "Enabled", alert_cooldown_minutes: "Alert cooldown, min", consecutive_violations: "Violations in a row", regression_sensitivity: "Regression sensitivity",
  sensitivities: "Sensitivity by metric", retention_hours: "Retention, h", collect_timeout_seconds: "Collect timeout, s", max_endpoints: "Endpoints at most",
  max_organizations: "Organizations at most", trend_analysis: "Trend analysis",
  anomaly_alerts: "Alerts of anomalies", baseline_renewal_hours: "Baseline renewed after, h",
};

function settings({ settings: values, origins }) {
  const show = (v) => (typeof v === "object" && v !== null ? Object.entries(v).map(([k, x]) => `${k} ${number(x)}`).join(", ") || "none" : typeof v === "boolean" ? (v ? "on" : "off") : String(v));
  const from = (o) => (o ? [o.source, o.variable && ` ${o.variable}`, o.by && ` by ${o.by}`, o.at && [", ", time(o.at)]] : "");
  return card("Settings", table(["Setting", ["Value"], "From"], Object.entries(values).map(([k, v]) => h("tr", {}, h("th", { scope: "row" }, names[k] ?? k.replaceAll("_", " ")), h("td", { class: "number" }, show(v)), h("td", {}, from(origins[k]))))));
}

// host is what the code of the host does with the monitor; super admins see it.
function host(d) {
  const parts = [];
  if (d.collectors.length > 0) {
    parts.push(card("Collectors", table(["Collector", ["Runs"], ["Failures"], ["Timeouts"], ["Panics"], ["Last took"], "Last error"], d.collectors.map((c) => h("tr", {}, h("th", { scope: "row" }, c.name),
      [c.runs, c.failures, c.timeouts, c.panics].map((n) => h("td", { class: "number" }, String(n))), h("td", { class: "number" }, measure(c.last_seconds, "s")), h("td", { class: "wrap" }, c.last_error || "–"))))));
  }
  if (d.subscribers.length > 0) {
    parts.push(card("Callbacks", table(["Callback", "Gets", ["Waiting"], ["Delivered"], ["Merged"], ["Dropped"], ["Panics"]], d.subscribers.map((s) => h("tr", {}, h("th", { scope: "row", class: "code" }, s.callback), h("td", {}, s.to),
      [s.queued, s.delivered, s.merged, s.dropped, s.panics].map((n) => h("td", { class: "number" }, String(n ?? 0))))))));
  }
  const hooks = d.hooks?.filter((x) => x.timed || x.panics) ?? [];
  if (hooks.length > 0) {
    parts.push(card("Hooks on the request path", table(["Hook", ["Mean"], ["Slowest"], ["Panics"]], hooks.map((x) => h("tr", {}, h("th", { scope: "row" }, x.hook),
      h("td", { class: "number" }, x.timed ? measure(x.total_ns / x.timed / 1e9, "s") : "–"), h("td", { class: "number" }, x.timed ? measure(x.slowest_ns / 1e9, "s") : "–"), h("td", { class: "number" }, String(x.panics)))))));
  }
  return parts;
}
