// What the page knows of the service: read, kept up to date, and handed to the views.
import { get } from "./api.js";
import { instance, keep, range } from "./route.js";
import { columns } from "./series.js";
import { Stream } from "./stream.js";

const day = 86_400;
const points = 300, hourPoints = 360;
const maxSamples = 400; // live ones that are kept between two points
const slowestRefresh = 60, fastestRefresh = 5; // seconds
const slowestAlone = 10; // seconds, while the live stream is lost

/**
 * Data owns everything that came from the server. It sends "figures" when there are new
 * points or changes of alerts, "sample" with each live sample, and "state" when the stream
 * or the last read failed or works again.
 */
export class Data extends EventTarget {
  session = null;
  catalog = new Map(); // metrics by name
  dashboard = null;
  thresholds = [];
  frame = null; // the series of the range, as charts need them
  hour = null; // the series of the last hour
  hourBefore = null; // the same hour of the day before
  sample = null; // the latest, live
  samples = []; // live ones since the newest point, as [seconds, sample]
  error = null; // of the last read
  up = undefined; // seconds that were watched, or are held from before, when the page was opened
  skew = 0; // the server's clock less this one, in milliseconds
  stream = new Stream();

  #kept = new Map(); // series of the day before, by what they are for
  #timer = 0;
  #waiting = false; // for the page to be seen again
  #reading = null;

  constructor(session) {
    super();
    this.session = session;
    this.stream.addEventListener("sample", (e) => this.#take(e.detail));
    this.stream.addEventListener("alert", () => this.#soon());
    // The first one; and in a fleet each, as live samples are of one replica alone.
    this.stream.addEventListener("step", () => { if (this.dashboard?.fleet || this.dashboard?.health.status === "unknown") this.#soon(); });
    this.stream.addEventListener("missed", () => this.#soon());
    document.addEventListener("visibilitychange", () => { if (this.#waiting) this.#due(); });
    this.stream.addEventListener("state", () => {
      this.dispatchEvent(new Event("state"));
      if (this.stream.state === "live" && this.dashboard) this.#soon(); // what was missed
    });
  }

  async start() {
    const { metrics } = await get("metrics/");
    for (const m of metrics) this.catalog.set(m.metric_name, { unit: m.unit, worse: m.worse_when, kind: m.kind, help: m.help, own: !m.builtin });
    const guessed = JSON.stringify(this.range());
    await this.refresh();
    if (JSON.stringify(this.range()) !== guessed) await this.refresh(); // now the retention is known
    this.stream.open();
  }

  end() {
    clearTimeout(this.#timer);
    this.#reading?.abort();
    this.stream.end();
  }

  /** now is the server's time, in milliseconds. */
  now() { return Date.now() + this.skew; }

  /** age is how old the latest sample is, in seconds; null before the first. */
  age() { return this.sample ? Math.max(0, (this.now() - Date.parse(this.sample.timestamp)) / 1000) : null; }

  /** How far back windows may reach: further than the retention where the store keeps more. */
  get retention() { return this.dashboard?.history_hours ?? this.dashboard?.retention_hours ?? 48; }
  /** How long the points of every interval are held, which trends need. */
  get heldHours() { return this.dashboard?.retention_hours ?? 48; }
  /** How far back alerts may be asked for: they are kept for 90 days. */
  get alertHours() { return Math.min(this.retention, 2160); }
  get interval() { return this.dashboard?.interval_seconds ?? 60; }
  get step() { return this.dashboard?.step_seconds ?? 10; }

  /** range is the window that is asked for. */
  range() { return range(this.retention, this.up); }

  /** unit of a metric. */
  unit(name) { return this.catalog.get(name)?.unit ?? ""; }

  /** limits are those of a metric's threshold for the whole service. */
  limits(name) {
    return this.thresholds.find((t) => t.metric_name === name && t.scope === "service" && t.enabled);
  }

  /** forget drops the figures of the replica that was shown. */
  forget() {
    this.#kept.clear();
    this.sample = this.hour = this.hourBefore = null;
    this.samples = [];
    this.up = undefined;
  }

  /** refresh reads everything anew. A later call replaces one that is under way. */
  async refresh() {
    clearTimeout(this.#timer);
    this.#reading?.abort();
    const reading = new AbortController();
    this.#reading = reading;
    try {
      await this.#read(reading.signal);
      this.error = null;
    } catch (error) {
      if (error.name === "AbortError") return;
      if (error.parameter === "instance" && instance()) { // a replica that is not there any more, or no fleet
        keep({ instance: null });
        this.forget();
        return this.refresh();
      }
      this.error = error;
    }
    const slowest = this.stream.state === "live" ? slowestRefresh : slowestAlone;
    this.#timer = setTimeout(() => this.#due(), 1000 * Math.min(Math.max(this.interval, fastestRefresh), slowest));
    this.dispatchEvent(new Event("state"));
  }

  #due() {
    this.#waiting = document.hidden; // nobody looks: read when somebody does
    if (!document.hidden) this.refresh();
  }

  // #soon reads anew in a moment: alerts come in groups.
  #soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#due(), 300);
  }

  async #read(signal) {
    const want = this.range();
    const fixed = want.until !== null;
    const nowSeconds = this.now() / 1000;
    const back = fixed ? Math.min(nowSeconds - want.until + want.seconds, this.retention * 3600) : want.seconds;
    const [dashboard, rules, hour, cut] = await Promise.all([
      get("dashboard/", { hours: hours(back), points: fixed ? 1 : points, alerts: true, trends: true }, signal),
      get("thresholds/", {}, signal),
      get("series/", { hours: hours(Math.min(3600, this.retention * 3600)), points: hourPoints }, signal),
      fixed ? get("series/", { hours: hours(want.seconds), until: iso(want.until), points }, signal) : null,
    ]);
    this.skew = Date.parse(dashboard.generated_at) - Date.now();
    this.dashboard = dashboard;
    this.thresholds = rules.thresholds;
    const now = Date.parse(dashboard.generated_at) / 1000;
    const to = fixed ? want.until : now;
    const series = fixed ? cut.series : dashboard.series;
    this.hour = columns(hour.series, this.interval, hourPoints);
    this.up ??= Math.max(dashboard.service.uptime, now - (this.hour.times[0] ?? now));
    const [yesterday, hourBefore] = await Promise.all([
      want.seconds > day ? null : this.#before("range", want.seconds, to, signal),
      this.#before("hour", 3600, now, signal),
    ]);
    this.hourBefore = hourBefore;
    this.frame = { from: begin(want, to, series), to, fixed, ...columns(series, this.interval, points), yesterday };
    const newest = this.frame.times.at(-1) ?? 0;
    this.samples = this.samples.filter(([t]) => t > newest);
    if (dashboard.current) this.#keep(dashboard.current);
    this.dispatchEvent(new Event("figures"));
  }

  /** chartFrame is what charts of the whole service need. */
  chartFrame() {
    const service = (a) => !a.alert.endpoint && !a.alert.organization_id;
    const { baseline, anomalies, trends } = this.dashboard;
    return {
      ...this.frame,
      tail: this.frame.fixed ? [] : this.samples,
      sample: this.frame.fixed ? null : this.sample,
      to: this.frame.fixed ? this.frame.to : Math.max(this.frame.to, Date.parse(this.sample?.timestamp ?? 0) / 1000),
      unit: (name) => this.unit(name),
      limits: (name) => this.limits(name),
      alerts: this.allAlerts().filter(service),
      deploys: this.deploys(),
      baseline: baseline && Object.fromEntries(Object.entries(baseline.metrics).map(([name, m]) => [name, { mean: m.mean, deviation: m.std_dev }])),
      anomalies: anomalies.map((a) => ({ name: a.metric_name, at: Date.parse(a.at) / 1000, value: a.value, expected: a.expected })),
      changes: (trends ?? []).flatMap((t) => t.change_points.map((c) => ({ name: t.metric_name, at: Date.parse(c.time) / 1000, before: c.before, after: c.after }))),
    };
  }

  /** allAlerts are the alerts of the range, as charts draw them. */
  allAlerts() { return this.dashboard.alerts.map((a) => this.drawn(a)); }

  /** drawn is an alert as charts draw it. */
  drawn(alert) {
    const active = alert.state === "open" || alert.state === "acknowledged";
    return {
      alert, name: alert.metric_name, severity: alert.severity, state: alert.state,
      from: Date.parse(alert.timestamp) / 1000, to: (active ? this.now() : Date.parse(alert.updated_at)) / 1000,
    };
  }

  /** deploys are the markers of the range, the oldest first. */
  deploys() {
    return this.dashboard.events.map((e) => ({ at: Date.parse(e.at) / 1000, kind: e.kind, label: [e.version, e.title].filter(Boolean).join(" ") })).reverse();
  }

  // #before reads a window of the day before. It changes slowly, so it is kept for a while.
  async #before(what, seconds, to, signal) {
    if (seconds + day > this.retention * 3600) return null;
    const old = this.#kept.get(what);
    if (old?.seconds === seconds && to >= old.to && to - old.to < seconds / 12) return old.series;
    // A little more than the window, so that it lasts until it is read again.
    const more = seconds / 10;
    const read = await get("series/", { hours: hours(seconds + more), until: iso(to - day + more), points: hourPoints }, signal);
    const series = columns(read.series, this.interval, hourPoints);
    this.#kept.set(what, { seconds, to, series });
    return series;
  }

  #take(sample) {
    if (this.dashboard?.fleet) return; // it is of the replica that answers
    this.#keep(sample);
    this.dispatchEvent(new Event("sample"));
  }

  #keep(sample) {
    const t = Date.parse(sample.timestamp) / 1000;
    if (this.sample && t <= Date.parse(this.sample.timestamp) / 1000) return;
    this.sample = { ...this.sample, ...sample };
    this.samples.push([t, sample]);
    if (this.samples.length > maxSamples) this.samples.shift();
  }
}

const shortest = 180; // seconds that charts show at least

// begin is where charts begin: with the range, or later where nobody asked for a range and less is held.
function begin(want, to, series) {
  const from = to - want.seconds;
  if (!want.standard || series.times.length === 0) return want.standard ? Math.max(from, to - shortest) : from;
  const held = Date.parse(series.times[0]) / 1000;
  return Math.max(from, Math.min(held - (to - held) / 20, to - shortest));
}

const iso = (seconds) => new Date(seconds * 1000).toISOString();
const hours = (seconds) => String(+(seconds / 3600).toFixed(6));
