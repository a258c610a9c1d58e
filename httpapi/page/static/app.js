// The page: its frame, what it shows by its address, and how fresh that is.
import { address } from "./api.js";
import { alerts } from "./alerts.js";
import { Data } from "./data.js";
import { diagnostics } from "./diagnostics.js";
import { fill, h, icon, text } from "./dom.js";
import { endpoint, endpoints } from "./endpoints.js";
import { clock, length, utc, when } from "./format.js";
import { label } from "./metrics.js";
import { headline, overview } from "./overview.js";
import { dark, toggle } from "./palette.js";
import { picker, showPicker } from "./replicas.js";
import { instance, keep, link, ranges, read } from "./route.js";
import { help, listen, search } from "./search.js";
import { signIn, signOut } from "./signin.js";
import { thresholds } from "./thresholds.js";
import { trends } from "./trends.js";
import { on, problem, skeleton, toast } from "./ui.js";

const views = [
  ["overview", "Overview", (data) => overview(data)],
  ["endpoints", "Endpoints", (data, id) => (id ? endpoint(data, id) : endpoints(data))],
  ["alerts", "Alerts", (data, id) => alerts(data, id)],
  ["thresholds", "Thresholds", (data) => thresholds(data)],
  ["trends", "Trends", (data) => trends(data)],
  ["diagnostics", "Diagnostics", (data) => diagnostics(data)],
];

const ranged = new Set(["overview", "endpoints", "trends"]); // views that have a range

const app = document.getElementById("app");
start();

async function start() {
  const session = await signIn(app);
  const data = new Data(session);
  const frame = new Frame(data);
  fill(app, frame.el);
  addEventListener("perfmon-signed-out", () => location.reload(), { once: true });
  const begin = async () => {
    fill(frame.main, skeleton(10));
    try {
      await data.start();
      if (data.error && !data.dashboard) throw data.error;
      frame.begin();
    } catch (error) {
      fill(frame.main, problem(error, begin));
    }
  };
  begin();
}

/** Frame is what stands around every view. */
class Frame {
  constructor(data) {
    this.data = data;
    this.service = h("p", { class: "service" });
    this.ranges = h("select", { class: "range", "aria-label": "Range", onchange: () => keep({ range: this.ranges.value }, true) });
    this.replica = picker();
    this.zoomed = h("span", { class: "zoomed", hidden: true });
    this.freshness = h("b", { role: "status" });
    this.asOf = h("span", { "aria-hidden": "true" });
    this.fresh = h("p", { class: "fresh" }, h("i", { class: "pulse", "aria-hidden": "true" }), this.freshness, this.asOf);
    this.theme = h("button", { type: "button", class: "plain", onclick: toggle });
    this.links = views.map(([name, words]) => h("a", { href: link(name), "data-view": name }, icon(name), h("span", {}, words), name === "alerts" && (this.count = h("b", { class: "count-badge", hidden: true }))));
    this.main = h("main", { id: "main", tabindex: "-1" });
    this.el = h("div", { class: "frame" },
      h("a", { class: "skip", href: "#main", onclick: (e) => { e.preventDefault(); this.main.focus(); } }, "Skip to content"),
      h("nav", { class: "rail", "aria-label": "Views" }, this.links),
      h("header", { class: "top" }, this.service, h("div", { class: "tools" }, this.fresh, this.zoomed, this.replica, this.ranges,
        h("button", { type: "button", class: "plain", "aria-label": "Find (/)", title: "Find (/)", onclick: () => this.#find() }, icon("search")),
        this.#reports(), this.theme,
        h("button", { type: "button", class: "plain keys-button", "aria-label": "Keys (?)", title: "Keys (?)", onclick: help }, icon("help")),
        this.#person())),
      this.main);
    this.#theme();
  }

  begin() {
    const { data } = this;
    this.#show();
    this.#update();
    on(data, { figures: () => this.#update(), state: () => this.#freshness(), sample: () => this.#freshness() });
    addEventListener("hashchange", () => this.#moved());
    addEventListener("perfmon-theme", () => this.#theme());
    listen({ find: () => this.#find(), escape: () => { if (data.range().until !== null) keep({ range: null }, true); } });
    setInterval(() => this.#freshness(), 1000);
  }

  // #moved shows another view, or another range of the same.
  #moved() {
    const { view, id } = read();
    if (instance() !== this.of) return this.#other();
    const want = JSON.stringify(this.data.range());
    if (view !== this.shown.view || id !== this.shown.id) this.#show();
    if (want !== this.want) this.data.refresh();
    this.want = want;
    this.#place();
  }

  // #other shows the figures of another replica.
  async #other() {
    this.of = instance();
    this.view?.destroy();
    this.view = null;
    fill(this.main, skeleton(10));
    this.data.forget();
    this.want = undefined;
    const { of } = this;
    await this.data.refresh();
    if (of !== this.of || of !== instance()) return; // somebody was faster
    this.#show();
    this.#update();
  }

  #show() {
    const { view, id } = read();
    this.of = instance();
    this.view?.destroy();
    const [, , make] = views.find(([name]) => name === view);
    this.shown = { view, id };
    this.want ??= JSON.stringify(this.data.range());
    this.view = make(this.data, id);
    fill(this.main, this.view.el);
    scrollTo(0, 0);
    this.#place();
    this.#title();
    if (this.wanted && view === "overview") this.#metric(this.wanted);
    this.wanted = null;
  }

  // #place marks where one is, and keeps the range in the links.
  #place() {
    const { view } = read();
    for (const a of this.links) {
      a.href = link(a.dataset.view);
      if (a.dataset.view === view) a.setAttribute("aria-current", "page");
      else a.removeAttribute("aria-current");
    }
    const want = this.data.range();
    const names = ranges(this.data.retention);
    fill(this.ranges, names.map((n) => h("option", { value: n, selected: n === want.name }, `Last ${words[n]}`)),
      want.name === "" && h("option", { value: "", selected: true }, want.until === null ? `Last ${length(want.seconds)}` : "Zoomed"));
    this.ranges.hidden = !ranged.has(view);
    this.zoomed.hidden = want.until === null || !ranged.has(view);
    if (want.until !== null) {
      const from = (want.until - want.seconds) * 1000, to = want.until * 1000;
      fill(this.zoomed, h("span", { title: `${utc(from)} to ${utc(to)}` }, `${when(from)} – ${clock(to)}`), h("button", { type: "button", onclick: () => keep({ range: null }, true) }, "Back to live"));
    }
  }

  #update() {
    const { service } = this.data.dashboard;
    fill(this.service, h("b", {}, service.name || "perfmon"), ["environment", "version", "instance"].filter((k) => service[k]).map((k) => h("span", { class: k, title: k }, service[k])));
    const { active } = headline(this.data.dashboard.alerts);
    const open = active.filter((a) => a.state === "open").length;
    this.count.hidden = open === 0;
    text(this.count, String(open));
    this.count.className = `count-badge ${active.some((a) => a.severity === "critical") ? "critical" : "warning"}`;
    showPicker(this.replica, this.data.dashboard.fleet);
    this.#title();
    this.#place();
    this.#freshness();
  }

  #title() {
    const { dashboard } = this.data;
    if (!dashboard) return;
    const mark = { critical: "✖ ", warning: "▲ " }[dashboard.health.status] ?? "";
    document.title = `${mark}${this.view?.title ?? ""} · ${dashboard.service.name || "perfmon"}`;
  }

  // #freshness says how old what one sees is, and why where it does not go on.
  #freshness() {
    const { data } = this;
    const age = data.age();
    const { state } = data.stream;
    const late = age !== null && age > 3 * Math.max(data.step, 1) + 2;
    let kind = "live", words = "Live";
    if (data.error && (state !== "live" || late)) [kind, words] = ["lost", data.error.message];
    else if (state === "lost" || state === "connecting") [kind, words] = late || state === "lost" ? ["lost", "Not live, trying again"] : ["wait", "Connecting"];
    else if (late) [kind, words] = ["late", "No new sample"];
    const asOf = data.sample ? `as of ${clock(data.sample.timestamp)}` : "no sample yet";
    this.fresh.className = `fresh ${kind}`;
    text(this.freshness, words);
    text(this.asOf, kind === "live" || age === null ? asOf : `${length(age)} old`);
    this.asOf.title = data.sample ? utc(data.sample.timestamp) : "";
  }

  #find() { search(this.data, (name) => this.#metric(name)); }

  // #metric shows the chart of a metric on the overview.
  #metric(name) {
    if (read().view !== "overview") {
      this.wanted = name; // shown when the view is
      location.hash = link("overview");
      return;
    }
    const el = [...this.main.querySelectorAll(".chart")].find((c) => c.chart?.spec.metrics.includes(name));
    if (!el) {
      toast(`${label(name)} has no values in this range. Diagnostics says what would feed it.`);
      return;
    }
    el.scrollIntoView({ block: "center" });
    el.querySelector(".plot").focus({ preventScroll: true });
  }

  // #reports offers a file about the range.
  #reports() {
    const type = h("select", { "aria-label": "Report" }, h("option", { value: "summary" }, "Summary"), h("option", { value: "detailed" }, "Detailed"));
    const file = (format, words) => h("button", { type: "button", onclick: () => {
      const { data } = this;
      const hours = Math.min(data.range().seconds / 3600, data.retention);
      location.assign(address("reports/", { type: type.value, format, hours: String(+hours.toFixed(6)) }));
    } }, words);
    return h("details", { class: "menu" }, h("summary", { "aria-label": "Download a report", title: "Download a report" }, icon("download")),
      h("div", { class: "sheet" }, h("h2", {}, "Report of the range"), type, h("p", { class: "row" }, file("html", "Page to print"), file("csv", "CSV"), file("json", "JSON"))));
  }

  #person() {
    const s = this.data.session;
    const role = s.super_admin ? "super admin" : `admin of ${s.organization_id}`;
    return h("details", { class: "menu" }, h("summary", { "aria-label": `Signed in: ${role}`, title: `${s.name || role}` }, icon("user")),
      h("div", { class: "sheet" }, h("p", {}, h("b", {}, s.name || "Signed in"), h("br"), role), s.expires_at && h("p", { class: "note" }, `until ${when(s.expires_at)}`),
        s.signs_in && h("button", { type: "button", onclick: signOut }, "Sign out")));
  }

  #theme() {
    const words = dark() ? "Light theme" : "Dark theme";
    fill(this.theme, icon(dark() ? "sun" : "moon"));
    this.theme.setAttribute("aria-label", words);
    this.theme.title = words;
  }
}

const words = { "15m": "15 min", "1h": "hour", "6h": "6 hours", "24h": "24 hours", "2d": "2 days", "7d": "7 days", "30d": "30 days", "1y": "year" };

// A click elsewhere and Escape close a menu.
addEventListener("click", (e) => {
  for (const m of document.querySelectorAll("details.menu[open]")) if (!m.contains(e.target)) m.open = false;
});
addEventListener("keydown", (e) => {
  if (e.key !== "Escape") return;
  for (const m of document.querySelectorAll("details.menu[open]")) {
    m.open = false;
    m.querySelector("summary").focus();
  }
});
