// A chart of up to four metrics of one unit over time, drawn by uPlot.
import { h, fill, text } from "./dom.js";
import { clock, measure, utc, when } from "./format.js";
import { alertBars, band, deployLines, limitLines, noteAt, points } from "./marks.js";
import { css } from "./palette.js";
import { last, shifted, worst } from "./series.js";

/* global uPlot */

const day = 86_400;
const sync = "perfmon";

const first = 2; // of the columns of data: after the times and the day before
const paper = 320; // px: half of what margins leave of A4
const gutter = 52; // at the right, for the values of limits

/**
 * Chart shows one of the charts of metrics.js. Give it a frame with show, and destroy it
 * when it is not needed any more. zoom is called with the seconds that somebody drags over.
 */
export class Chart {
  constructor(spec, { height = 168, zoom = null, heading = "h3", compact = false } = {}) {
    this.spec = spec;
    this.height = height;
    this.zoom = zoom;
    this.compact = compact;
    this.keys = spec.metrics.map((name, i) => {
      const value = h("b", {}, "–");
      const swatch = h("i", { class: `swatch line-${spec.colours?.[i] ?? i + 1}` });
      return { name, value, el: h("span", { class: "key" }, spec.metrics.length > 1 && swatch, spec.labels?.[i], " ", value) };
    });
    this.note = h("p", { class: "chart-note", "aria-hidden": "true" });
    this.time = h("p", { class: "chart-time", "aria-hidden": "true" });
    this.plot = h("div", { class: "plot", tabindex: compact ? null : "0", role: "img", "aria-label": `Chart of ${spec.title}.` });
    this.spoken = h("p", { class: "visually-hidden", "aria-live": "polite" });
    this.empty = h("p", { class: "chart-empty" });
    this.body = h("div", { class: "chart-body" }, this.plot, this.note, this.time, this.empty);
    this.el = h("figure", { class: compact ? "chart compact" : "chart" },
      !compact && h("figcaption", {}, h(heading, { title: spec.help }, spec.title), h("span", { class: "keys" }, this.keys.map((k) => k.el))),
      this.body, this.spoken);
    this.plot.style.height = `${height}px`;
    this.plot.addEventListener("keydown", (e) => this.#key(e));
    this.resized = new ResizeObserver(() => this.#resize());
    this.resized.observe(this.plot);
    this.themed = () => this.u?.redraw(false); // the same again, in other colours
    addEventListener("perfmon-theme", this.themed);
  }

  /** show draws a frame. Of its columns the chart takes those of its metrics. */
  show(frame) {
    this.frame = frame;
    this.data = this.#data(frame);
    this.unit = frame.metrics[this.spec.metrics[0]]?.unit ?? frame.unit?.(this.spec.metrics[0]) ?? "";
    if (this.u) {
      this.u.setData(this.data, false);
      this.u.setScale("x", { min: frame.from, max: frame.to });
    } else {
      this.#make();
    }
    this.#describe();
    if (!this.u || this.u.cursor.idx === null || this.u.cursor.idx === undefined) this.#values(null);
  }

  /** print draws a frame as wide as half a sheet of paper, also where the chart was out of sight. */
  print(frame) {
    this.show(frame);
    this.u?.setSize({ width: paper, height: this.height });
    addEventListener("afterprint", () => this.#resize(), { once: true });
  }

  destroy() {
    this.resized.disconnect();
    removeEventListener("perfmon-theme", this.themed);
    this.u?.destroy();
    this.u = null;
  }

  #data(frame) {
    const times = frame.times.slice();
    const columns = this.spec.metrics.map((name) => (frame.metrics[name]?.values ?? frame.times.map(() => null)).slice());
    // What happened since the newest point: a dot for the latest sample, which is no point;
    // in the first interval, when there are no points, all samples.
    const newest = times.at(-1) ?? 0;
    let tail = (frame.tail ?? []).filter(([t]) => t > newest);
    if (times.length > 0 && tail.length > 0) tail = [[(newest + tail.at(-1)[0]) / 2, {}], tail.at(-1)];
    for (const [t, sample] of tail) {
      times.push(t);
      this.spec.metrics.forEach((name, i) => columns[i].push(sample[name] ?? null));
    }
    const main = this.spec.metrics[this.spec.main ?? 0];
    const before = frame.yesterday ? shifted(times, frame.yesterday, main, day, Math.max(frame.spacing, 60) * 1.2) : times.map(() => null);
    return [times, before, ...columns];
  }

  #make() {
    const frame = this.frame;
    const width = this.plot.clientWidth;
    if (width === 0) return; // it is made when it has a place
    const font = `12px ${css("--font")}`;
    const axis = {
      stroke: () => css("--muted"), font, ticks: { show: false },
      grid: { stroke: () => css("--hairline"), width: 1 },
    };
    const colour = (i) => () => css(`--line-${this.spec.colours?.[i] ?? i + 1}`);
    const line = (i) => ({
      stroke: colour(i), width: 1.5, spanGaps: false, points: { size: 5, fill: colour(i), show: () => false, filter: lone },
      fill: this.spec.metrics.length === 1 ? () => css("--line-fill") : undefined,
    });
    this.u = new uPlot({
      width, height: this.height, pxAlign: 1, legend: { show: false },
      padding: [this.compact ? 8 : 10, gutter, this.compact ? 6 : 0, this.compact ? 4 : 0],
      cursor: {
        y: false, points: { size: 6, width: 1.5 },
        sync: this.compact ? undefined : { key: sync, setSeries: false, filters: { pub: (type) => type === "mousemove" || type === "mouseleave" } },
        drag: { x: Boolean(this.zoom), y: false, setScale: false, dist: 5 },
      },
      scales: {
        x: { time: true, range: (u, lo, hi) => [lo ?? frame.from, hi ?? frame.to] },
        y: { range: (u, lo, hi) => this.#height(lo, hi) },
      },
      axes: [
        { ...axis, show: !this.compact, size: 28, gap: 8, space: 64, values: (u, ticks) => ticks.map((t, i) => tick(t, ticks, i)) },
        { ...axis, show: !this.compact, size: 62, gap: 6, space: 32, values: (u, ticks) => ticks.map((v) => measure(v, this.unit)) },
      ],
      series: [
        {},
        { stroke: () => css("--ghost"), width: 1.5, spanGaps: false, points: { show: false } }, // the day before, behind the others
        ...this.spec.metrics.map((name, i) => line(i)),
      ],
      hooks: {
        drawClear: [(u) => band(u, this)],
        draw: [(u) => { limitLines(u, this); deployLines(u, this); points(u, this); alertBars(u, this); }],
        setCursor: [(u) => this.#cursor(u)],
        setSelect: [(u) => this.#select(u)],
      },
    }, this.data, this.plot);
    this.u.setScale("x", { min: frame.from, max: frame.to });
  }

  // #height chooses the axis: from zero, as high as the values and the limits near them.
  #height(lo, hi) {
    let low = Math.min(lo ?? 0, 0), high = Math.max(hi ?? 0, 0);
    for (const m of this.spec.metrics) {
      const b = this.frame.baseline?.[m];
      if (b) high = Math.max(high, Math.min(b.mean + 2 * b.deviation, high * 2));
    }
    for (const { value } of this.limits()) if (this.spec.allLimits || value <= high * 2.5) high = Math.max(high, value * 1.04);
    if (this.unit === "%" && high > 60) return [low, 100];
    if (high === 0) high = 1;
    return [low * 1.05, high * 1.08];
  }

  /** limits are the lines to draw, with their severity. */
  limits() {
    const found = [];
    for (const name of this.spec.metrics) {
      const t = this.frame.limits?.(name);
      if (!t) continue;
      for (const severity of ["warning", "critical"]) {
        const value = t[severity + "_threshold"];
        if (value !== null && value !== undefined) found.push({ name, severity, value, comparison: t.comparison });
      }
    }
    return found;
  }

  #cursor(u) {
    const i = u.cursor.idx;
    if (i === null || i === undefined || u.cursor.left < 0) {
      this.#values(null);
      text(this.note, "");
      text(this.time, "");
      return;
    }
    this.#values(i);
    text(this.time, when(this.data[0][i] * 1000, this.frame.to * 1000));
    const x = u.cursor.left + u.bbox.left / devicePixelRatio;
    this.time.style.left = `${x}px`;
    this.time.title = utc(this.data[0][i] * 1000);
    text(this.note, noteAt(u, this, u.cursor.left));
    this.note.style.left = `${Math.min(x, this.plot.clientWidth - 40)}px`;
    this.note.classList.toggle("left", x > this.plot.clientWidth / 2);
  }

  // #values shows the figures at a point, null: the latest.
  #values(i) {
    this.keys.forEach((key, n) => {
      const column = this.data[n + first];
      const v = i === null ? (this.frame.sample?.[key.name] ?? last(column)) : column[i];
      text(key.value, measure(v, this.unit));
    });
  }

  #select(u) {
    const { left, width } = u.select;
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    if (width < 5 || !this.zoom) return;
    this.zoom(Math.floor(u.posToVal(left, "x")), Math.ceil(u.posToVal(left + width, "x")));
  }

  #key(e) {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -1e9, End: 1e9 }[e.key];
    if (!step || !this.u || this.data[0].length === 0) return;
    e.preventDefault();
    const end = this.data[0].length - 1;
    const i = Math.min(Math.max((this.u.cursor.idx ?? end) + step, 0), end);
    this.u.setCursor({ left: this.u.valToPos(this.data[0][i], "x"), top: 10 });
    text(this.spoken, `${clock(this.data[0][i] * 1000)}: ${this.keys.map((k, n) => `${this.spec.labels?.[n] ?? ""} ${measure(this.data[n + first][i], this.unit)}`).join(", ")}. ${this.note.textContent}`);
  }

  #resize() {
    const width = this.plot.clientWidth;
    if (width === 0) return;
    if (!this.u && this.frame) this.#make();
    else if (this.u && this.u.width !== width) this.u.setSize({ width, height: this.height });
  }

  // #describe says in words what the lines show.
  #describe() {
    const parts = this.spec.metrics.map((name, i) => {
      const values = this.data[i + first];
      const at = worst(values, this.frame.metrics[name]?.worse);
      if (at < 0) return "";
      const word = this.frame.metrics[name]?.worse === "lower" ? "lowest" : "highest";
      return `${this.spec.labels?.[i] ?? ""} latest ${measure(last(values), this.unit)}, ${word} ${measure(values[at], this.unit)} at ${when(this.data[0][at] * 1000)}`;
    }).filter(Boolean);
    const nothing = parts.length === 0;
    this.plot.setAttribute("aria-label", `Chart of ${this.spec.title}. ${nothing ? "No values in this range." : parts.join("; ") + "."}`);
    fill(this.empty, nothing && (this.frame.emptyText ?? "No values in this range."));
  }
}

// lone picks the points with gaps on both sides, which a line would not show.
function lone(u, series) {
  const values = u.data[series];
  const found = [];
  for (let i = 0; i < values.length; i++) {
    if (values[i] !== null && (values[i - 1] ?? null) === null && (values[i + 1] ?? null) === null) found.push(i);
  }
  return found.length > 0 ? found : null;
}

// tick writes a time of the x axis: the day where it begins, else the clock.
function tick(t, ticks, i) {
  const d = new Date(t * 1000);
  const apart = ticks.length > 1 ? ticks[1] - ticks[0] : 60;
  if (apart >= day || (d.getHours() === 0 && d.getMinutes() === 0 && (i > 0 || apart >= 3600))) {
    return d.toLocaleDateString(undefined, { day: "numeric", month: "short" });
  }
  return clock(d, apart < 60);
}
