// Thresholds, each beside the values it watches: edited in place.
import { get, send } from "./api.js";
import { Chart } from "./chart.js";
import { fill, h, icon, list, text } from "./dom.js";
import { length, plural, when } from "./format.js";
import { label } from "./metrics.js";
import { columns } from "./series.js";
import { badge, hint, on, problem, scopeOf, skeleton, toast } from "./ui.js";

const triedAfter = 350; // milliseconds after the last key
const dayHours = 24;
const number = (text) => (text.trim() === "" ? null : Number(text));
const idOf = (t) => `${t.metric_name}|${t.scope}|${t.applies_to ?? ""}`;

/** thresholds is the view of all rules. */
export function thresholds(data) {
  const note = h("div"), rows = h("div", { class: "rules" });
  const adding = h("div");
  const may = data.session.super_admin;
  const el = h("div", { class: "view" },
    h("div", { class: "view-head" }, h("h1", {}, "Thresholds"), may && h("button", { type: "button", onclick: () => add() }, "Add a threshold")),
    !may && hint("You can read thresholds. Super admins change them."), adding, note, rows);
  let series = null, states = null, reading = null;

  const load = async () => {
    reading?.abort();
    reading = new AbortController();
    try {
      const [day, why] = await Promise.all([
        get("series/", { hours: String(Math.min(dayHours, data.retention)), points: 300 }, reading.signal),
        get("diagnostics/", {}, reading.signal),
      ]);
      series = { ...columns(day.series, data.interval, 300), to: Date.parse(day.generated_at) / 1000, seconds: 0 };
      // No more than there is, so that a young service's values fill the chart.
      const whole = Math.min(dayHours, data.retention) * 3600;
      const held = Math.max(series.to - (series.times[0] ?? series.to), 15 * data.interval);
      series.seconds = held > 0.9 * whole ? whole : held;
      states = why.thresholds;
      fill(note);
      draw();
    } catch (error) {
      if (error.name !== "AbortError") fill(note, problem(error, load));
    }
  };
  const draw = () => {
    if (!series) return;
    list(rows, data.thresholds, idOf, (t) => rule(t, data, may), (el, t) => el.show(t, series, states.filter((s) => s.metric_name === t.metric_name && s.scope === t.scope && (s.applies_to ?? "") === (t.applies_to ?? ""))));
    if (data.thresholds.length === 0) fill(note, hint("There is no threshold, so nothing alerts. ", may && "Add one."));
  };
  const add = () => {
    fill(adding, form(data, () => fill(adding), async () => { fill(adding); await data.refresh(); }));
    adding.querySelector("select").focus();
  };
  fill(note, skeleton(6));
  const off = on(data, { figures: load });
  load();
  return { el, title: "Thresholds", destroy: () => { off(); reading?.abort(); for (const r of rows.children) r.close(); } };
}

// rule is one threshold with its chart, its limits and what it does at present.
function rule(t, data, may) {
  const unit = data.unit(t.metric_name);
  const chart = new Chart({ title: label(t.metric_name), metrics: [t.metric_name], allLimits: true }, { compact: true, height: 92 });
  const state = h("p", { class: "rule-state" });
  const tried = h("p", { class: "rule-tried", role: "status" });
  const wrong = h("p", { class: "rule-wrong", role: "alert" });
  const inputs = {};
  const field = (name, words, attributes = {}) => {
    inputs[name] = h("input", { type: "text", inputmode: "decimal", disabled: !may, size: 7, "aria-label": `${words} of ${label(t.metric_name)}`, oninput: () => edited(), ...attributes });
    return h("label", { class: `field ${name}` }, h("span", {}, words), inputs[name]);
  };
  const save = h("button", { type: "submit", class: "primary" }, "Save");
  const cancel = h("button", { type: "button", onclick: () => { dirty = false; el.show(rule, day, live); fill(wrong); } }, "Cancel");
  const enabled = h("input", { type: "checkbox", role: "switch", disabled: !may, "aria-label": `${label(t.metric_name)} alerts`, onchange: () => switched() });
  const remove = may && h("button", { type: "button", class: "plain", "aria-label": `Remove the threshold of ${label(t.metric_name)}`, title: "Remove", onclick: () => removed() }, icon("bin"));
  const buttons = h("p", { class: "rule-buttons", hidden: true }, cancel, save);
  const where = t.scope === "service" ? "the service" : t.applies_to ? `${t.scope}s ${t.applies_to}` : `each ${t.scope}`;
  const el = h("form", { class: "rule card", novalidate: true, onsubmit: (e) => { e.preventDefault(); put(); } },
    h("div", { class: "rule-name" }, h("h2", {}, label(t.metric_name)), h("p", {}, `of ${where}`), state),
    h("div", { class: "rule-chart" }, chart.el, tried),
    h("div", { class: "rule-fields" },
      field("warning_threshold", unit ? `Warning, ${unit}` : "Warning"), field("critical_threshold", unit ? `Critical, ${unit}` : "Critical"),
      field("consecutive_violations", "In a row", { size: 3, inputmode: "numeric" }), field("cooldown_minutes", "Cooldown, min", { size: 4 }),
      "min_requests" in t ? field("min_requests", "Min. requests", { size: 5, inputmode: "numeric" }) : null,
      field("runbook", "Runbook, a link", { inputmode: "url", size: 20 }),
      h("span", { class: "switch" }, h("label", {}, enabled, " on"), remove), buttons),
    wrong);
  let rule = t, day = null, live = [], dirty = false, closed = false, timer = 0, firings = [];

  const values = () => ({
    warning_threshold: number(inputs.warning_threshold.value), critical_threshold: number(inputs.critical_threshold.value),
    consecutive_violations: number(inputs.consecutive_violations.value), cooldown_minutes: number(inputs.cooldown_minutes.value),
    ...(inputs.min_requests ? { min_requests: number(inputs.min_requests.value) } : {}),
  });
  const link = () => (inputs.runbook.value.trim() === (rule.runbook ?? "") ? {} : { runbook: inputs.runbook.value.trim() });
  const updates = () => ({ ...Object.fromEntries(Object.entries(values()).filter(([k, v]) => v !== (rule[k] ?? null))), ...link() });
  const address = () => ({ metric_name: rule.metric_name, scope: rule.scope, ...(rule.applies_to ? { applies_to: rule.applies_to } : {}) });
  const limits = () => {
    const v = values();
    return { warning_threshold: finite(v.warning_threshold), critical_threshold: finite(v.critical_threshold), comparison: rule.comparison };
  };
  const draw = () => {
    if (!day) return;
    const own = rule.scope === "service";
    chart.show({
      from: day.to - day.seconds, to: day.to, fixed: true, spacing: day.spacing, unit: (name) => data.unit(name), times: own ? day.times : [], metrics: own ? day.metrics : {},
      limits, alerts: (own ? firings : []).map((f) => ({ name: rule.metric_name, severity: f.severity, state: "open", from: Date.parse(f.from) / 1000, to: f.to ? Date.parse(f.to) / 1000 : day.to })),
      emptyText: own ? "No values in the last day." : `Judged for each ${rule.scope} on its own.`,
    });
  };
  const edited = () => {
    dirty = Object.keys(updates()).length > 0;
    buttons.hidden = !dirty;
    fill(wrong);
    draw();
    clearTimeout(timer);
    timer = setTimeout(tryOut, triedAfter);
  };
  // tryOut asks when the rule would have fired.
  const tryOut = async () => {
    if (!day) return;
    try {
      const answer = await inTurn(() => (closed ? null : send("POST", "thresholds/backtest/", { ...address(), hours: day.seconds / 3600, updates: { ...strip(values()), comparison: rule.comparison } })));
      if (closed) return;
      firings = answer.firings;
      text(tried, firings.length === 0 ? `Would not have fired in the last ${length(day.seconds)}.`
        : `Would have fired ${plural(firings.length, "time")} in the last ${length(day.seconds)}, last at ${when(firings.at(-1).from)}${firings.at(-1).to ? ` for ${length((Date.parse(firings.at(-1).to) - Date.parse(firings.at(-1).from)) / 1000)}` : ", and would still be open"}.`);
      fill(wrong);
      draw();
    } catch (error) {
      if (closed) return;
      if (error.status === 429) timer = setTimeout(tryOut, 1000 * Math.max(error.retryAfter, 1));
      else if (dirty) text(wrong, error.message);
    }
  };
  const put = async () => {
    save.disabled = true;
    try {
      await send("PUT", "thresholds/", { ...address(), updates: updates() });
      dirty = false;
      toast(`${label(rule.metric_name)}: saved.`);
      await data.refresh();
    } catch (error) {
      text(wrong, error.message);
    } finally {
      save.disabled = false;
    }
  };
  const switched = async () => {
    try {
      await send("PUT", "thresholds/", { ...address(), updates: { enabled: enabled.checked } });
      await data.refresh();
    } catch (error) {
      enabled.checked = rule.enabled;
      text(wrong, error.message);
    }
  };
  const removed = () => {
    el.hidden = true;
    const timer = setTimeout(async () => {
      const query = new URLSearchParams({ metric_name: rule.metric_name, scope: rule.scope, ...(rule.applies_to ? { applies_to: rule.applies_to } : {}) });
      try {
        await send("DELETE", `thresholds/?${query}`);
        await data.refresh();
      } catch (error) {
        el.hidden = false;
        text(wrong, error.message);
      }
    }, 5000);
    toast(`Removed the threshold of ${label(rule.metric_name)}.`, { action: "Undo", onaction: () => { clearTimeout(timer); el.hidden = false; } });
  };
  dragLimits(chart, () => may, (severity, value) => {
    inputs[`${severity}_threshold`].value = String(+value.toPrecision(3));
    edited();
  });
  el.show = (next, series, status) => {
    const other = JSON.stringify(next) !== JSON.stringify(rule);
    rule = next;
    day = series;
    live = status;
    el.classList.toggle("off", !rule.enabled);
    enabled.checked = rule.enabled;
    if (!dirty) {
      for (const [name, input] of Object.entries(inputs)) input.value = rule[name] ?? "";
      for (const [name, input] of Object.entries(inputs)) input.title = rule.inherited?.includes(name) ? "from the settings" : "";
      buttons.hidden = true;
      if (other || firings.length === 0) tryOut();
    }
    fill(state, doing(rule, status, data));
    draw();
  };
  el.close = () => {
    closed = true;
    clearTimeout(timer);
    chart.destroy();
  };
  return el;
}

// inTurn runs one call after the other: the server tries one rule at a time.
let turn = Promise.resolve();
function inTurn(f) {
  const result = turn.then(f);
  turn = result.catch(() => {});
  return result;
}

const finite = (v) => (Number.isFinite(v) ? v : null);

// strip leaves out what a rule may not be told: numbers that are none stay, so that the server says what is wrong.
function strip(values) {
  return Object.fromEntries(Object.entries(values).map(([k, v]) => [k, Number.isNaN(v) ? "not a number" : v]));
}

// doing says what the rule does at present.
function doing(rule, status, data) {
  const severity = (s) => data.dashboard.alerts.find((a) => a.alert_id === s.alert_id)?.severity ?? "warning";
  if (!rule.enabled) return "off";
  const firing = status.filter((s) => s.state === "open" || s.state === "acknowledged");
  if (firing.length > 0) return firing.slice(0, 2).map((s) => h("span", { class: "rule-firing" }, badge(severity(s)), ` ${rule.scope === "service" ? s.why : scopeOf(s)}`));
  const named = status.filter((s) => s.endpoint || s.organization_id);
  if (rule.scope !== "service" && named.length > 0) return `${plural(named.length, rule.scope)} near a limit or in cooldown, none firing`;
  return status[0]?.why ?? "";
}

// dragLimits lets a pointer drag a limit up and down.
function dragLimits(chart, may, moved) {
  const nearest = (e) => {
    if (!chart.u || !may()) return null;
    const box = chart.u.over.getBoundingClientRect();
    const y = e.clientY - box.top;
    return chart.limits().map((l) => ({ ...l, off: Math.abs(chart.u.valToPos(l.value, "y") - y), y }))
      .filter((l) => l.off < 6).sort((a, b) => a.off - b.off)[0] ?? null;
  };
  let held = null;
  chart.plot.addEventListener("pointerdown", (e) => {
    held = nearest(e);
    if (!held) return;
    chart.plot.setPointerCapture(e.pointerId);
    e.preventDefault();
  });
  chart.plot.addEventListener("pointermove", (e) => {
    if (!held) {
      chart.plot.classList.toggle("grab", nearest(e) !== null);
      return;
    }
    const y = e.clientY - chart.u.over.getBoundingClientRect().top;
    moved(held.severity, Math.max(chart.u.posToVal(y, "y"), 0));
  });
  for (const end of ["pointerup", "pointercancel"]) chart.plot.addEventListener(end, () => { held = null; });
}

// form asks for a new threshold.
function form(data, cancel, done) {
  const metric = h("select", { id: "new-metric" }, [...data.catalog.keys()].map((name) => h("option", { value: name }, `${label(name)}${data.unit(name) ? `, ${data.unit(name)}` : ""}`)));
  const scope = h("select", { id: "new-scope" }, [["service", "the service"], ["endpoint", "each endpoint"], ["organization", "each organization"]].map(([v, words]) => h("option", { value: v }, words)));
  const pattern = h("input", { type: "text", id: "new-pattern", placeholder: "all, or a pattern such as GET /reports/*" });
  const comparison = h("select", { id: "new-comparison" }, [["greater", "above"], ["less", "below"], ["equal", "equal to"]].map(([v, words]) => h("option", { value: v }, words)));
  const warning = h("input", { type: "text", inputmode: "decimal", id: "new-warning", size: 8 });
  const critical = h("input", { type: "text", inputmode: "decimal", id: "new-critical", size: 8 });
  const runbook = h("input", { type: "url", id: "new-runbook", size: 24, placeholder: "https://… what to do" });
  const wrong = h("p", { class: "rule-wrong", role: "alert" });
  const named = (words, input) => h("label", { for: input.id, class: "field" }, h("span", {}, words), input);
  const lower = () => { comparison.value = data.catalog.get(metric.value)?.worse === "lower" ? "less" : "greater"; };
  metric.addEventListener("change", lower);
  lower();
  return h("form", {
    class: "card new-rule", novalidate: true,
    onsubmit: async (e) => {
      e.preventDefault();
      const updates = { comparison: comparison.value, ...strip({ warning_threshold: number(warning.value), critical_threshold: number(critical.value) }), ...(runbook.value.trim() ? { runbook: runbook.value.trim() } : {}) };
      const body = { metric_name: metric.value, scope: scope.value, ...(scope.value !== "service" && pattern.value.trim() ? { applies_to: pattern.value.trim() } : {}), updates };
      try {
        await send("PUT", "thresholds/", body);
        toast(`${label(metric.value)}: added.`);
        await done();
      } catch (error) {
        text(wrong, error.message);
      }
    },
  }, h("h2", {}, "New threshold"),
  h("div", { class: "rule-fields" }, named("Metric", metric), named("Of", scope), named("Names", pattern), named("Alert when", comparison), named("Warning", warning), named("Critical", critical), named("Runbook", runbook)),
  wrong, h("p", { class: "rule-buttons" }, h("button", { type: "button", onclick: cancel }, "Cancel"), h("button", { type: "submit", class: "primary" }, "Add")));
}

