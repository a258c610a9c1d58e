// A grid of charts, which are made when they come into sight.
import { Chart } from "./chart.js";
import { h, list } from "./dom.js";

/** Grid shows one chart for each spec, and draws those that can be seen. */
export class Grid {
  constructor(options = {}) {
    this.options = options;
    this.el = h("div", { class: "charts" });
    this.charts = new Map(); // by title
    this.seen = new Set(); // the elements in sight
    this.frame = null;
    this.watch = new IntersectionObserver((entries) => {
      for (const e of entries) {
        if (e.isIntersecting) {
          this.seen.add(e.target);
          this.#draw(e.target);
        } else {
          this.seen.delete(e.target);
        }
      }
    }, { rootMargin: "200px" });
    this.print = () => { for (const c of this.charts.values()) if (this.frame) c.print(this.frame); };
    addEventListener("beforeprint", this.print);
  }

  /** show draws a frame in the charts of some specs. */
  show(specs, frame) {
    this.frame = frame;
    const wanted = new Set(specs.map((s) => s.title));
    for (const [title, chart] of this.charts) {
      if (wanted.has(title)) continue;
      this.watch.unobserve(chart.el);
      this.seen.delete(chart.el);
      chart.destroy();
      this.charts.delete(title);
    }
    list(this.el, specs, (s) => s.title, (s) => this.#make(s), (el, s) => { this.charts.get(s.title).spec = s; });
    for (const el of this.seen) this.#draw(el);
  }

  destroy() {
    removeEventListener("beforeprint", this.print);
    this.watch.disconnect();
    for (const c of this.charts.values()) c.destroy();
    this.charts.clear();
  }

  #make(spec) {
    const chart = new Chart(spec, this.options);
    chart.el.chart = chart;
    this.charts.set(spec.title, chart);
    this.watch.observe(chart.el);
    return chart.el;
  }

  #draw(el) {
    if (this.frame) el.chart.show(this.frame);
  }
}
