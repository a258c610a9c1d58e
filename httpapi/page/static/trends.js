// What changed, in sentences; baselines, and how the service is beside them.
import { get, send } from "./api.js";
import { fill, h, text } from "./dom.js";
import { length, measure, number, plural, when } from "./format.js";
import { Grid } from "./grid.js";
import { inSentence, label } from "./metrics.js";
import { keep, link } from "./route.js";
import { columns } from "./series.js";
import { card, hint, on, problem, scroller, skeleton, time, toast } from "./ui.js";

const longest = 24; // hours of a window that is compared
const fewest = 10; // points

/** trends is the view of what changed. */
export function trends(data) {
  const sentences = h("div"), note = h("p", { class: "note" });
  const regressions = h("div"), current = h("div"), earlier = h("div"), setting = h("div"), odd = h("div");
  const grid = new Grid({ zoom: (from, to) => keep({ range: `${from}-${to}` }, true) });
  const el = h("div", { class: "view" },
    h("div", { class: "view-head" }, h("h1", {}, "Trends")),
    card("What changed", note, sentences), grid.el,
    card("Worse than the baseline", regressions),
    h("div", { class: "pair" }, card("Baseline", setting, current), card("Earlier baselines", earlier)),
    card("Anomalies", odd));
  let reading = null;
  drawSetting(setting, data, () => load());
  fill(sentences, skeleton(4));

  const load = async () => {
    reading?.abort();
    reading = new AbortController();
    const hours = window(data);
    try {
      const [found, base] = await Promise.all([
        get("trends/", { hours: String(+hours.toFixed(6)), points: 300 }, reading.signal),
        get("baseline/", {}, reading.signal),
      ]);
      text(note, `The last ${length(hours * 3600)} beside as much time before.`);
      drawSentences(sentences, found.trends, data);
      drawCharts(grid, found, data);
      drawRegressions(regressions, base, data);
      drawBaseline(current, base.current, data);
      drawEarlier(earlier, base, data);
      drawAnomalies(odd, data);
    } catch (error) {
      if (error.name !== "AbortError") fill(sentences, problem(error, load));
    }
  };
  const off = on(data, { figures: load });
  load();
  return { el, title: "Trends", destroy: () => { off(); reading?.abort(); grid.destroy(); } };
}

// window is how many hours are compared with as many before: those of the range, fewer where not even that is held.
function window(data) {
  const wanted = Math.min(data.range().seconds / 3600, data.heldHours / 2, longest);
  const held = (data.now() / 1000 - (data.frame.times[0] ?? 0)) / 3600;
  const young = !data.frame.fixed && held < 0.9 * (data.range().seconds / 3600) && held > (2 * fewest * data.interval) / 3600;
  return young ? Math.min(wanted, held / 2) : wanted;
}

const moves = (t) => t.direction !== "stable";

function drawSentences(el, list, data) {
  const judged = list.filter((t) => !t.missing);
  const moved = judged.filter(moves).sort((a, b) => b.confidence - a.confidence);
  const missing = list.filter((t) => t.missing);
  const parts = [];
  if (moved.length > 0) parts.push(h("ul", { class: "sentences" }, moved.map((t) => sentence(t, data))));
  else if (judged.length > 0) parts.push(hint("Nothing changed that chance does not explain."));
  const steady = judged.filter((t) => !moves(t));
  if (moved.length > 0 && steady.length > 0) parts.push(h("p", { class: "note" }, `${plural(steady.length, "other metric")} ${steady.length === 1 ? "is" : "are"} stable.`));
  if (missing.length > 0) {
    const why = missing[0].missing;
    parts.push(judged.length === 0 ? hint(list.length ? `There are too few points yet: ${why}.` : "There are no points yet.")
      : h("p", { class: "note" }, `${plural(missing.length, "metric")} cannot be compared: ${missing.map((t) => inSentence(t.metric_name)).slice(0, 4).join(", ")}${missing.length > 4 ? " and more" : ""}.`));
  }
  if (list.length === 0) parts.push(hint("No trends: trend analysis may be switched off. See the settings in ", h("a", { href: link("diagnostics") }, "Diagnostics"), "."));
  fill(el, parts);
}

// sentence says one change: how much, between what, how sure, since when.
function sentence(t, data) {
  const unit = data.unit(t.metric_name);
  const up = (t.change_percent ?? t.slope_per_hour) > 0;
  const amount = t.change_percent === null ? (up ? "rising" : "falling")
    : `${number(Math.round(Math.abs(t.change_percent)))} % ${up ? "higher" : "lower"} than before`;
  const between = t.change_low === null || t.change_high === null ? ""
    : ` (95 % between ${signed(t.change_low)} and ${signed(t.change_high)} %)`;
  // The change point that explains most of it, of those that go the same way.
  const point = t.change_points.filter((c) => c.after > c.before === up).sort((a, b) => Math.abs(b.after - b.before) - Math.abs(a.after - a.before))[0];
  return h("li", { class: t.direction },
    h("span", { class: "direction" }, h("span", { "aria-hidden": "true" }, t.direction === "degrading" ? (up ? "▲" : "▼") : up ? "△" : "▽"), ` ${t.direction}`),
    h("span", {}, h("b", {}, label(t.metric_name)), `: ${amount}${between}`, point && [`, since `, time(point.time), ` from ${measure(point.before, unit)} to ${measure(point.after, unit)}`], "."),
    h("small", { title: `confidence ${number(t.confidence)}` }, `${t.confidence_level} confidence`));
}

const signed = (v) => (Math.abs(v) < 0.05 ? "0" : (v > 0 ? "+" : "−") + number(Number(Math.abs(v).toPrecision(2))));

function drawCharts(grid, found, data) {
  const changed = found.trends.filter(moves).sort((a, b) => b.confidence - a.confidence).slice(0, 6);
  if (changed.length === 0) {
    grid.show([], null);
    return;
  }
  const to = Date.parse(found.generated_at) / 1000;
  const whole = data.chartFrame();
  grid.show(changed.map((t) => ({ title: label(t.metric_name), metrics: [t.metric_name] })), {
    ...whole, ...columns(found.series, data.interval, 300), from: to - 2 * found.hours * 3600, to, fixed: true, tail: [], yesterday: null, sample: null,
    changes: found.trends.flatMap((t) => t.change_points.map((c) => ({ name: t.metric_name, at: Date.parse(c.time) / 1000, before: c.before, after: c.after }))),
  });
}

function drawRegressions(el, base, data) {
  if (!base.current) {
    fill(el, hint("There is no baseline to compare with. Set one while the service is as it should be."));
    return;
  }
  if (base.regressions.length === 0) {
    fill(el, hint("No metric is worse than in the baseline by more than its sensitivity and more than chance explains."));
    return;
  }
  fill(el, h("ul", { class: "sentences" }, base.regressions.map((r) => h("li", { class: "degrading" },
    h("span", { class: "direction" }, h("span", { "aria-hidden": "true" }, r.change_percent > 0 ? "▲" : "▼"), " regression"),
    h("span", {}, h("b", {}, label(r.metric_name)), ` is ${measure(r.current, data.unit(r.metric_name))}, ${signed(r.change_percent)} % from ${measure(r.baseline, data.unit(r.metric_name))} in the baseline; it counts from ${measure(r.limit, data.unit(r.metric_name))} on.`)))));
}

// drawSetting lets a super admin set a baseline.
function drawSetting(el, data, done) {
  if (!data.session.super_admin) {
    fill(el, hint("You can read baselines. Super admins set them."));
    return;
  }
  const minutes = h("input", { type: "text", inputmode: "numeric", value: "60", size: 4, id: "baseline-minutes" });
  const wrong = h("div");
  const button = h("button", { type: "submit", class: "primary" }, "Set the baseline");
  fill(el, h("form", {
    class: "inline", novalidate: true,
    onsubmit: async (e) => {
      e.preventDefault();
      button.disabled = true;
      try {
        await send("POST", "baseline/", { duration_minutes: minutes.value.trim() === "" || Number.isNaN(Number(minutes.value)) ? minutes.value : Number(minutes.value) });
        fill(wrong);
        toast("The baseline is set.");
        await data.refresh();
        done();
      } catch (error) {
        fill(wrong, problem(error));
      } finally {
        button.disabled = false;
      }
    },
  }, h("label", { for: "baseline-minutes" }, "from the last"), minutes, h("span", {}, "minutes"), button), wrong);
}

function drawBaseline(el, b, data) {
  if (!b) {
    fill(el, hint("None is set. A baseline is what is normal: the means of a stretch of time in which the service did well."));
    return;
  }
  const all = Object.entries(b.metrics).filter(([name]) => data.catalog.has(name)).sort((x, y) => order(data, x[0]) - order(data, y[0]));
  const table = (rows) => scroller("Baseline", h("table", { class: "figures" },
    h("thead", {}, h("tr", {}, ["Metric", "Baseline", "± usual", "Last hour"].map((t, i) => h("th", { scope: "col", class: i ? "number" : null }, t)))),
    h("tbody", {}, rows.map(([name, m]) => {
      const now = mean(data.hour?.metrics[name]?.values);
      return h("tr", {}, h("th", { scope: "row" }, label(name)), h("td", { class: "number" }, measure(m.mean, data.unit(name))),
        h("td", { class: "number" }, measure(m.std_dev, data.unit(name))),
        h("td", { class: "number" }, measure(now, data.unit(name)), now !== null && m.mean > 0 && h("small", {}, ` ${signed((now / m.mean - 1) * 100)} %`)));
    }))));
  const open = el.querySelector("details")?.open;
  fill(el,
    h("p", { class: "note" }, "Set ", time(b.established_at), ` by ${b.established_by} from ${length(b.duration_minutes * 60)}.`),
    table(all.slice(0, 8)),
    all.length > 8 && h("details", { open }, h("summary", {}, plural(all.length - 8, "more metric")), table(all.slice(8))));
}

const order = (data, name) => [...data.catalog.keys()].indexOf(name);

function mean(values) {
  const there = (values ?? []).filter((v) => v !== null);
  return there.length ? there.reduce((a, b) => a + b, 0) / there.length : null;
}

const evolving = ["response_time_p95", "throughput_rps", "error_rate", "cpu_usage_percent", "memory_usage_percent"];

// drawEarlier shows how the baselines of the last days differ.
function drawEarlier(el, base, data) {
  const all = [base.current, ...base.history].filter(Boolean);
  if (all.length < 2) {
    fill(el, hint("Earlier baselines are listed here for 7 days, so that you see how what is normal moves."));
    return;
  }
  const names = evolving.filter((n) => all.some((b) => b.metrics[n]));
  fill(el, scroller("Earlier baselines", h("table", { class: "figures" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Set"), names.map((n) => h("th", { scope: "col", class: "number" }, label(n))))),
    h("tbody", {}, all.map((b, i) => h("tr", {}, h("th", { scope: "row" }, time(b.established_at, false), i === 0 && h("small", {}, " in force")),
      names.map((n) => {
        const m = b.metrics[n], before = all[i + 1]?.metrics[n];
        return h("td", { class: "number" }, measure(m?.mean, data.unit(n)), m && before?.mean > 0 && h("small", {}, ` ${signed((m.mean / before.mean - 1) * 100)} %`));
      })))))));
}

function drawAnomalies(el, data) {
  const list = data.dashboard.anomalies;
  if (list.length === 0) {
    fill(el, hint(`No point of the last ${length(data.dashboard.hours * 3600)} stands out from what its metric was like before.`));
    return;
  }
  fill(el, h("ul", { class: "plain-list" }, list.slice(0, 30).map((a) => h("li", {}, time(a.at), " ", h("b", {}, label(a.metric_name)),
    ` was ${measure(a.value, data.unit(a.metric_name))}, expected about ${measure(a.expected, data.unit(a.metric_name))}`))),
  list.length > 30 && h("p", { class: "note" }, `and ${list.length - 30} earlier ones, since ${when(list.at(-1).at)}`));
}
