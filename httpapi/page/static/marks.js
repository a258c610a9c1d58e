// What charts draw besides their lines: limits, alerts, deploys, the baseline, what stands out.
import { css } from "./palette.js";
import { clock, measure, when } from "./format.js";
import { inSentence } from "./metrics.js";

const near = 6; // pixels from which on a mark is what the cursor points at

// area is where the plot is, in pixels of the canvas.
function area(u) {
  const { left, top, width, height } = u.bbox;
  return { left, top, right: left + width, bottom: top + height, px: devicePixelRatio };
}

function inside(u, draw) {
  const { left, top, right, bottom } = area(u);
  u.ctx.save();
  u.ctx.beginPath();
  u.ctx.rect(left, top, right - left, bottom - top);
  u.ctx.clip();
  draw(u.ctx);
  u.ctx.restore();
}

/** band shades where the baseline says that the values usually are: two deviations around the mean. */
export function band(u, chart) {
  const name = chart.spec.metrics[chart.spec.main ?? 0];
  const b = chart.frame.baseline?.[name];
  if (!b) return;
  const a = area(u);
  const top = u.valToPos(b.mean + 2 * b.deviation, "y", true);
  const bottom = u.valToPos(Math.max(b.mean - 2 * b.deviation, 0), "y", true);
  inside(u, (c) => {
    c.fillStyle = css("--band");
    c.fillRect(a.left, top, a.right - a.left, Math.max(bottom - top, 2 * a.px));
  });
}

/** limitLines draws the limits with their values at the right edge, where one that lies above what is shown has an arrow. */
export function limitLines(u, chart) {
  const a = area(u);
  const c = u.ctx;
  const line = 13 * a.px;
  const labels = [];
  c.save();
  c.lineWidth = a.px;
  c.setLineDash([5 * a.px, 4 * a.px]);
  for (const { severity, value } of chart.limits()) {
    const y = u.valToPos(value, "y", true);
    const above = y < a.top;
    labels.push({ value, colour: css(`--${severity}`), text: measure(value, chart.unit) + (above ? " ↑" : ""), y: above ? a.top + 4 * a.px : y, above });
    if (above) continue;
    c.strokeStyle = css(`--${severity}`);
    c.beginPath();
    c.moveTo(a.left, y);
    c.lineTo(a.right, y);
    c.stroke();
  }
  c.restore();
  c.save();
  c.font = `${12 * a.px}px ${css("--font")}`;
  c.textBaseline = "middle";
  c.textAlign = "left";
  labels.sort((x, y) => x.y - y.y || y.above - x.above || y.value - x.value);
  for (let i = 1; i < labels.length; i++) labels[i].y = Math.max(labels[i].y, labels[i - 1].y + line); // one under the other where they are close
  for (let i = labels.length - 1, low = c.canvas.height - line / 2; i >= 0; i--, low -= line) labels[i].y = Math.min(labels[i].y, low);
  for (const l of labels) {
    c.fillStyle = l.colour;
    c.fillText(l.text, a.right + 6 * a.px, l.y);
  }
  c.restore();
}

/** alertBars draws the alerts of the chart's metrics as bars under the plot. */
export function alertBars(u, chart) {
  const a = area(u);
  const c = u.ctx;
  for (const alert of chart.frame.alerts ?? []) {
    if (!chart.spec.metrics.includes(alert.name)) continue;
    const from = Math.max(u.valToPos(alert.from, "x", true), a.left);
    const to = Math.min(u.valToPos(Math.min(alert.to, chart.frame.to), "x", true), a.right);
    if (to < a.left || from > a.right) continue;
    c.save();
    c.fillStyle = css(alert.severity === "critical" ? "--critical" : "--warning");
    c.globalAlpha = alert.state === "acknowledged" || alert.state === "dismissed" ? 0.45 : 1;
    c.fillRect(from, a.bottom, Math.max(to - from, 3 * a.px), 4 * a.px);
    c.restore();
  }
}

/** deployLines draws deploys and notes as thin verticals with their names. */
export function deployLines(u, chart) {
  const a = area(u);
  inside(u, (c) => {
    c.font = `${12 * a.px}px ${css("--font")}`;
    c.textAlign = "left";
    let free = -Infinity;
    for (const d of chart.frame.deploys ?? []) {
      const x = u.valToPos(d.at, "x", true);
      if (x < a.left || x > a.right) continue;
      c.strokeStyle = css("--deploy");
      c.lineWidth = a.px;
      c.beginPath();
      c.moveTo(x, a.top);
      c.lineTo(x, a.bottom);
      c.stroke();
      const width = c.measureText(d.label).width;
      if (chart.compact) continue;
      const at = x + 4 * a.px + width > a.right ? x - 4 * a.px - width : x + 4 * a.px;
      if (at < free) continue;
      c.fillStyle = css("--surface"); // so that no line strikes it through
      c.fillRect(at - 2 * a.px, a.top, width + 4 * a.px, 15 * a.px);
      c.fillStyle = css("--muted");
      c.fillText(d.label, at, a.top + 11 * a.px);
      free = at + width + 8 * a.px;
    }
  });
}

/** points marks anomalies by diamonds and change points by triangles on the axis. */
export function points(u, chart) {
  const a = area(u);
  inside(u, (c) => {
    c.lineWidth = 1.5 * a.px;
    for (const p of chart.frame.anomalies ?? []) {
      if (!chart.spec.metrics.includes(p.name)) continue;
      const x = u.valToPos(p.at, "x", true), y = u.valToPos(p.value, "y", true), r = 4.5 * a.px;
      c.strokeStyle = css("--text");
      c.beginPath();
      c.moveTo(x, y - r);
      c.lineTo(x + r, y);
      c.lineTo(x, y + r);
      c.lineTo(x - r, y);
      c.closePath();
      c.stroke();
    }
    for (const p of chart.frame.changes ?? []) {
      if (!chart.spec.metrics.includes(p.name)) continue;
      const x = u.valToPos(p.at, "x", true), r = 4 * a.px;
      c.fillStyle = css("--muted");
      c.beginPath();
      c.moveTo(x - r, a.bottom);
      c.lineTo(x + r, a.bottom);
      c.lineTo(x, a.bottom - 1.6 * r);
      c.closePath();
      c.fill();
    }
  });
}

/** noteAt says what is marked where the cursor is. */
export function noteAt(u, chart, left) {
  const { frame, spec } = chart;
  const at = u.posToVal(left, "x");
  const close = (t) => Math.abs(u.valToPos(t, "x") - left) <= near;
  const mine = (p) => spec.metrics.includes(p.name);
  const nearest = (list) => list.filter((p) => close(p.at)).sort((a, b) => Math.abs(a.at - at) - Math.abs(b.at - at))[0];
  const found = [];
  const d = nearest(frame.deploys ?? []);
  if (d) found.push(`${d.kind} ${d.label}, ${clock(d.at * 1000)}`);
  const odd = nearest((frame.anomalies ?? []).filter(mine));
  if (odd) found.push(`anomaly: ${measure(odd.value, chart.unit)}, expected about ${measure(odd.expected, chart.unit)}`);
  const c = nearest((frame.changes ?? []).filter(mine));
  if (c) found.push(`${inSentence(c.name)} changed from ${measure(c.before, chart.unit)} to ${measure(c.after, chart.unit)}`);
  for (const x of frame.alerts ?? []) {
    if (mine(x) && at >= x.from - 1 && at <= x.to + 1) found.push(`${x.severity} alert since ${when(x.from * 1000)}`);
  }
  return found.join(" · ");
}
