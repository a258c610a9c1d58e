// Numbers, units and times as people read them.

const gap = "\u00a0"; // keeps a number and its unit on one line
const none = "–";

/** number writes three significant digits: 0.0123, 1.23, 12.3, 1234. */
export function number(v) {
  if (v === 0) return "0";
  const size = Math.abs(v);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : Math.min(2 - Math.floor(Math.log10(size)), 8);
  const s = v.toFixed(digits);
  return s.includes(".") ? s.replace(/0+$/, "").replace(/\.$/, "") : s;
}

// Steps of each unit: from which size on a name is used, and what it stands for.
const scales = {
  s: [[3600, "h"], [60, "min"], [1, "s"], [1e-3, "ms"], [1e-6, "µs"], [1e-9, "ns"]],
  MiB: [[1024, "GiB"], [1, "MiB"], [1 / 1024, "KiB"]],
  "MiB/s": [[1024, "GiB/s"], [1, "MiB/s"], [1 / 1024, "KiB/s"]],
};
const thousands = [[1e9, "G"], [1e6, "M"], [1e3, "k"]];

/** measure writes a value with its unit: "38 ms", "1.2 k/s", "27.4 MiB", "0.4 %". An absent value is a dash. */
export function measure(v, unit) {
  if (v === null || v === undefined || Number.isNaN(v)) return none;
  if (unit === "%" && v > 0 && v < 0.01) return `<${gap}0.01${gap}%`;
  const [n, name] = parts(v, unit);
  if (name === "") return n;
  return n + (name.startsWith("/") ? "" : gap) + name;
}

/** parts is measure as a number and the name of its unit. */
export function parts(v, unit) {
  if (v === null || v === undefined || Number.isNaN(v)) return [none, ""];
  const scale = scales[unit];
  const size = Math.abs(v);
  if (scale) {
    if (size === 0) return ["0", unit];
    // 999.6 ms is a second: rounding must not leave the range of the name.
    const [factor, name] = scale.find(([from]) => size >= from * 0.9995) ?? scale[scale.length - 1];
    return [number(v / factor), name];
  }
  const [factor, prefix] = unit === "%" ? [1, ""] : thousands.find(([from]) => size >= from * 0.9995) ?? [1, ""];
  const name = unit === "1/s" ? "/s" : unit === "count" ? "" : unit;
  if (prefix === "") return [number(v), name];
  return [number(v / factor) + gap + prefix, name];
}

/** change writes a relative change in words: "12 % above". */
export function change(now, before) {
  if (!(before > 0) || now === null || now === undefined) return "";
  const percent = (now / before - 1) * 100;
  if (Math.abs(percent) < 1) return "as";
  if (percent >= 900) return `${number(now / before)} times`;
  return `${number(Math.round(Math.abs(percent)))}${gap}% ${percent > 0 ? "above" : "below"}`;
}

const two = (n) => String(n).padStart(2, "0");

/** clock writes a local time: 18:30:07. */
export function clock(at, seconds = true) {
  const d = new Date(at);
  return `${two(d.getHours())}:${two(d.getMinutes())}${seconds ? ":" + two(d.getSeconds()) : ""}`;
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** when writes a local time, with its day where that is not today. */
export function when(at, now = Date.now()) {
  const d = new Date(at), today = new Date(now);
  const day = d.toDateString() === today.toDateString() ? "" : `${d.getDate()} ${months[d.getMonth()]} `;
  return day + clock(d);
}

/** utc writes a time for the tooltip. */
export function utc(at) { return new Date(at).toISOString().replace("T", " ").replace(/\.\d+Z$/, "") + " UTC"; }

/** length writes a number of seconds: "42 s", "3 min", "2 h 5 min", "3 days". */
export function length(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s}${gap}s`;
  if (s < 3600) return `${Math.floor(s / 60)}${gap}min` + (s < 600 && s % 60 ? ` ${s % 60}${gap}s` : "");
  if (s < 2 * 86400) return `${Math.floor(s / 3600)}${gap}h` + (s % 3600 >= 60 ? ` ${Math.floor((s % 3600) / 60)}${gap}min` : "");
  const days = Math.floor(s / 86400);
  const hours = Math.floor((s % 86400) / 3600);
  return `${days}${gap}${days === 1 ? "day" : "days"}` + (days < 3 && hours ? ` ${hours}${gap}h` : "");
}

/** plural writes a number of things: "1 alert", "2 alerts". */
export function plural(n, thing) { return `${n}${gap}${thing}${n === 1 ? "" : "s"}`; }
