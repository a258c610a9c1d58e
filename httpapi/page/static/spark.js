// Small lines without axes.
import { h } from "./dom.js";

const width = 120, height = 28;

/**
 * spark draws values over even steps. Gaps stay gaps. It says nothing to a screen reader:
 * the figures beside it do.
 */
export function spark(values, options = {}) {
  const svg = h("svg", { class: "spark", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  draw(svg, values, options);
  return svg;
}

/** redraw replaces the line of a spark. */
export function redraw(svg, values, options = {}) {
  svg.replaceChildren();
  draw(svg, values, options);
}

function draw(svg, values, { limit, top }) {
  let high = top ?? 0;
  for (const v of values) if (v !== null && v > high) high = v;
  if (!(high > 0)) high = 1;
  const x = (i) => (values.length < 2 ? width : (i / (values.length - 1)) * width);
  const y = (v) => height - 2 - (Math.max(v, 0) / high) * (height - 4);
  if (limit !== undefined && limit !== null && limit <= high) {
    svg.append(h("line", { class: "spark-limit", x1: 0, x2: width, y1: y(limit), y2: y(limit), "vector-effect": "non-scaling-stroke" }));
  }
  let path = "", pen = false;
  values.forEach((v, i) => {
    if (v === null) { pen = false; return; }
    const lone = !pen && (i + 1 >= values.length || values[i + 1] === null);
    path += `${pen ? "L" : "M"}${x(i).toFixed(1)} ${y(v).toFixed(1)}`;
    if (lone) path += "h0.1"; // a point with gaps around it
    pen = true;
  });
  if (path) svg.append(h("path", { class: "spark-line", d: path, "vector-effect": "non-scaling-stroke" }));
}
