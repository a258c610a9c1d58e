// Alerts: what is active, what was, and what people do about it.
import { get, send } from "./api.js";
import { Chart } from "./chart.js";
import { fill, h, list, text } from "./dom.js";
import { length, measure } from "./format.js";
import { label } from "./metrics.js";
import { keep, link, read } from "./route.js";
import { columns } from "./series.js";
import { maySilence, silence, silences } from "./silences.js";
import { alertFacts, alertTitle, badge, counted, hint, lasted, on, plural, problem, scopeOf, skeleton, time, toast } from "./ui.js";

const undoSeconds = 5;
const words = { acknowledge: ["Acknowledge", "Acknowledged"], escalate: ["Make critical", "Made critical"], dismiss: ["Dismiss", "Dismissed"] };
const becomes = { acknowledge: { state: "acknowledged" }, escalate: { severity: "critical" }, dismiss: { state: "dismissed" } };

// What people chose in the last seconds: it is sent when it can no longer be undone.
const chosen = new Map(); // by alert ID: {action, timer, send}

addEventListener("pagehide", () => { for (const c of chosen.values()) c.send(true); });

/** alerts is the view of all alerts; id opens one of them. */
export function alerts(data, id) {
  const pick = (name, options, title) => h("select", { "aria-label": title, onchange: (e) => keep({ [name]: e.target.value }) },
    options.map(([value, words]) => h("option", { value, selected: (read().params.get(name) ?? "") === value }, words)));
  const filter = h("input", { type: "search", placeholder: "Filter by metric or endpoint", "aria-label": "Filter by metric or endpoint", value: read().params.get("q") ?? "", oninput: () => keep({ q: filter.value }) });
  const summary = h("p", { class: "count", role: "status" });
  const note = h("div");
  const active = h("div", { class: "alert-list" }), past = h("div", { class: "alert-list" });
  const more = h("p", { class: "more" });
  const held = silences();
  const pastTitle = h("h2", { class: "part" }, "Past");
  const el = h("div", { class: "view" },
    h("div", { class: "view-head" }, h("h1", {}, "Alerts"),
      pick("severity", [["", "All severities"], ["critical", "Critical"], ["warning", "Warning"]], "Severity"),
      pick("state", [["", "All states"], ["open", "Open"], ["acknowledged", "Acknowledged"], ["dismissed", "Dismissed"], ["resolved", "Resolved"]], "State"),
      filter, summary),
    note, active, held.el, pastTitle, past, more);
  let silenced = {};
  let all = null, cursor = null, reading = null, single = null;
  let opened = id;

  const load = async (next = null) => {
    if (!next) reading?.abort();
    reading = new AbortController();
    try {
      const params = { hours: String(data.alertHours), limit: 100, cursor: next, severity: read().params.get("severity") || null };
      const answer = await get("alerts/", params, reading.signal);
      all = next ? [...all, ...answer.alerts] : answer.alerts;
      cursor = answer.next_cursor;
      silenced = next ? { ...silenced, ...answer.silenced } : answer.silenced;
      if (!next) held.refresh();
      if (id && !all.some((a) => a.alert_id === id) && !single) single = (await get(`alerts/${encodeURIComponent(id)}/`, {}, reading.signal).catch(() => null))?.alert;
      draw();
    } catch (error) {
      if (error.name !== "AbortError") fill(note, problem(error, () => load()));
    }
  };
  const draw = () => {
    if (!all) return;
    const { params } = read();
    const wanted = (params.get("q") ?? "").toLowerCase();
    const state = params.get("state") ?? "";
    const severity = params.get("severity") ?? "";
    const known = single ? [single, ...all] : all;
    const now = known.map((a) => ({ ...a, silenced: silenced[a.alert_id] ?? null })).map((a) => (chosen.has(a.alert_id) ? { ...a, ...becomes[chosen.get(a.alert_id).action] } : a));
    const rows = now.filter((a) => (!state || a.state === state) && (!severity || a.severity === severity) &&
      (!wanted || `${alertTitle(a)} ${a.metric_name} ${scopeOf(a)}`.toLowerCase().includes(wanted)));
    const isActive = (a) => a.state === "open" || a.state === "acknowledged";
    const order = (a, b) => (b.state === "open") - (a.state === "open") || (b.severity === "critical") - (a.severity === "critical") || Date.parse(b.timestamp) - Date.parse(a.timestamp);
    const top = rows.filter(isActive).sort(order);
    const below = rows.filter((a) => !isActive(a));
    const make = (a) => row(a, data, () => opened === a.alert_id, (open) => { opened = open ? a.alert_id : ""; });
    const update = (el, a) => el.show(a);
    list(active, top, (a) => a.alert_id, make, update);
    list(past, below, (a) => a.alert_id, make, update);
    pastTitle.hidden = below.length === 0;
    const counts = {};
    for (const a of now) counts[a.state] = (counts[a.state] ?? 0) + 1;
    const quiet = now.filter((a) => a.quiet).length;
    text(summary, counted({ open: counts.open, acknowledged: counts.acknowledged, dismissed: counts.dismissed, resolved: counts.resolved, "told to nobody": quiet }));
    fill(more, cursor && h("button", { type: "button", onclick: () => load(cursor) }, "Show older alerts"));
    if (now.length === 0) fill(note, hint(`No alert in the last ${length(data.alertHours * 3600)}. `, h("a", { href: link("diagnostics") }, "Diagnostics"), " says for each threshold what holds it back, and ", h("a", { href: link("thresholds") }, "Thresholds"), " when it would have fired."));
    else if (rows.length === 0) fill(note, hint("No alert fits these filters."));
    else if (top.length === 0 && !state) fill(note, hint("No alert is active."));
    else fill(note);
  };
  fill(note, skeleton(4));
  const off = on(data, { figures: () => load() });
  const offRoute = on(window, { hashchange: draw });
  const offChosen = on(document, { "perfmon-chosen": draw, "perfmon-silenced": () => load() });
  load();
  return {
    el, title: "Alerts",
    destroy: () => {
      off(); offRoute(); offChosen(); reading?.abort(); held.destroy();
      for (const r of [...active.children, ...past.children]) r.close?.();
    },
  };
}

// row is one alert: its facts, what can be done, and under it its timeline when it is open.
function row(alert, data, isOpen, remember) {
  const badgeAt = h("span"), title = h("span", { class: "alert-title" }), facts = h("span", { class: "alert-facts" }), since = h("span", { class: "alert-since" });
  const actions = h("span", { class: "alert-actions" });
  const toggle = h("button", { type: "button", class: "alert-open", "aria-expanded": "false", onclick: () => open(!el.open) }, badgeAt, title, facts, since);
  const detail = h("div", { class: "alert-detail" });
  const el = h("article", { class: "alert" }, h("div", { class: "alert-row" }, toggle, actions), detail);
  let shown = alert, chart = null;

  const open = (yes) => {
    el.open = yes;
    toggle.setAttribute("aria-expanded", String(yes));
    remember(yes);
    chart?.destroy();
    chart = null;
    if (yes) chart = openDetail(detail, shown, data);
    else fill(detail);
  };
  el.show = (a) => {
    const changed = shown.updated_at !== a.updated_at || shown.changes.length !== a.changes.length || shown.state !== a.state || shown.severity !== a.severity;
    shown = a;
    el.className = `alert ${a.severity} ${a.state}`;
    fill(badgeAt, badge(a.severity, a.state));
    fill(title, h("b", {}, alertTitle(a)), ` of ${scopeOf(a)}`, a.quiet && h("small", {}, "told to nobody"), a.silenced && h("small", { class: "silenced" }, "silenced until ", time(a.silenced.until)), a.reopened > 0 && h("small", {}, `came back ${plural(a.reopened, "time")}`));
    text(facts, alertFacts(a));
    fill(since, time(a.timestamp), ` · ${lasted(a, data.now())}`);
    drawActions(actions, a, data);
    if (changed && el.open) open(true);
  };
  el.close = () => chart?.destroy();
  el.show(alert);
  if (isOpen()) {
    open(true);
    requestAnimationFrame(() => el.scrollIntoView({ block: "center" }));
  }
  return el;
}

/** mayAct reports whether the person may act on an alert. */
function mayAct(data, a) {
  const s = data.session;
  return s.super_admin || Boolean(a.organization_id) && a.organization_id === s.organization_id;
}

function drawActions(el, a, data) {
  const possible = chosen.has(a.alert_id) || !mayAct(data, a) ? []
    : { open: ["acknowledge", a.severity === "warning" && "escalate", "dismiss"], acknowledged: [a.severity === "warning" && "escalate", "dismiss"] }[a.state] ?? [];
  const quiet = !chosen.has(a.alert_id) && (a.state === "open" || a.state === "acknowledged") && !a.silenced && maySilence(data.session, a);
  const key = `${a.alert_id} ${possible.join()} ${quiet}`;
  if (el.key === key) return;
  el.key = key;
  fill(el, possible.filter(Boolean).map((action) => h("button", { type: "button", "aria-label": `${words[action][0]}: ${alertTitle(a)} of ${scopeOf(a)}`, onclick: () => choose(a, action, data) }, words[action][0])),
    quiet && h("button", { type: "button", "aria-label": `Silence: ${alertTitle(a)} of ${scopeOf(a)}`, onclick: () => silence(a, data) }, "Silence"));
}

// choose shows at once what will be, and does it when the time to undo it is over.
function choose(a, action, data) {
  const undo = () => {
    clearTimeout(chosen.get(a.alert_id)?.timer);
    chosen.delete(a.alert_id);
    document.dispatchEvent(new Event("perfmon-chosen"));
  };
  const act = async (leaving = false) => {
    try {
      const { results } = await send("POST", "alerts/", { action, alert_ids: [a.alert_id] }, { keepalive: leaving });
      const [r] = results;
      if (["not_active", "not_found", "forbidden", "failed"].includes(r.result)) toast(r.detail ?? `${alertTitle(a)}: ${r.result.replaceAll("_", " ")}.`, { bad: true, seconds: 8 });
      await data.refresh();
    } catch (error) {
      toast(error.message, { bad: true, seconds: 10, action: "Try again", onaction: () => choose(a, action, data) });
    } finally {
      undo();
    }
  };
  chosen.set(a.alert_id, { action, timer: setTimeout(act, undoSeconds * 1000), send: act });
  document.dispatchEvent(new Event("perfmon-chosen"));
  toast(`${words[action][1]}: ${alertTitle(a)} of ${scopeOf(a)}.`, { action: "Undo", onaction: undo, seconds: undoSeconds });
}

// openDetail shows what happened to an alert, and the metric around it.
function openDetail(el, a, data) {
  const holder = h("div", { class: "alert-chart" }, skeleton(2));
  const runbook = data.thresholds.find((t) => t.runbook && t.metric_name === a.metric_name && t.scope === (a.organization_id ? "organization" : a.endpoint ? "endpoint" : "service") && !t.applies_to)?.runbook;
  fill(el, h("p", { class: "message" }, a.message, runbook && [" ", h("a", { href: runbook, rel: "noopener noreferrer", target: "_blank" }, "What to do about it")]), holder,
    h("ol", { class: "steps" }, a.changes.map((c) => h("li", {}, time(c.at),
      h("span", {}, h("b", {}, c.change), ` by ${c.by}`, c.value !== null && c.value !== undefined && `, at ${measure(c.value, a.unit)}`,
        c.threshold !== null && c.threshold !== undefined && `, limit ${measure(c.threshold, a.unit)}`, c.note && `. ${c.note}`)))),
    facts(a));
  if (!data.catalog.has(a.metric_name)) {
    fill(holder);
    return null;
  }
  const chart = new Chart({ title: label(a.metric_name), metrics: [a.metric_name], allLimits: true }, { heading: "h3", height: 150 });
  const from = Date.parse(a.timestamp) / 1000;
  const drawn = data.drawn(a);
  const around = Math.max((drawn.to - from) / 2, 10 * data.interval, 300);
  const end = Math.min(drawn.to + around, data.now() / 1000);
  const begin = Math.max(from - around, data.now() / 1000 - data.retention * 3600 + 1);
  const scope = a.endpoint ? { endpoint: a.endpoint } : a.organization_id ? { organization: a.organization_id } : {};
  if (end > begin) {
    get("series/", { ...scope, metric: a.metric_name, hours: String(+((end - begin) / 3600).toFixed(6)), until: new Date(end * 1000).toISOString(), points: 300 })
      .then(({ series }) => {
        fill(holder, chart.el);
        chart.show({
          from: begin, to: end, fixed: true, ...columns(series, data.interval, 300), alerts: [drawn], deploys: data.deploys(),
          limits: () => (a.threshold_value === null ? null : { [`${a.severity}_threshold`]: a.threshold_value, comparison: a.metadata?.comparison }),
        });
      })
      .catch((error) => fill(holder, error.status === 404 ? hint("The values around this alert are no longer held.") : problem(error)));
  } else {
    fill(holder, hint("The values around this alert are older than the retention."));
  }
  return chart;
}

// facts lists what the host or the judge gave with the alert.
function facts(a) {
  const skip = new Set(["cause", "comparison"]);
  const entries = Object.entries(a.metadata ?? {}).filter(([k]) => !skip.has(k));
  if (a.user_id) entries.unshift(["user", a.user_id]);
  if (entries.length === 0) return null;
  return h("dl", { class: "pairs" }, entries.map(([k, v]) => [h("dt", {}, k.replaceAll("_", " ")), h("dd", {}, typeof v === "string" ? v : Array.isArray(v) ? v.join(", ") : typeof v === "number" ? String(+v.toPrecision(6)) : JSON.stringify(v))]));
}
