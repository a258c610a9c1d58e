// Series as charts need them: seconds and numbers, gaps as nulls.

/** columns turns the API's series into seconds and arrays of numbers, with a null where points are missing. */
export function columns(series, spacing) {
  const times = series.times.map((t) => Date.parse(t) / 1000);
  const names = Object.keys(series.metrics);
  const breaks = [];
  for (let i = 1; i < times.length; i++) if (times[i] - times[i - 1] > 1.8 * spacing) breaks.push(i);
  const out = { times: spread(times, breaks, (i) => times[i - 1] + spacing), metrics: {} };
  for (const name of names) {
    const m = series.metrics[name];
    out.metrics[name] = { unit: m.unit, worse: m.worse_when, values: spread(m.values, breaks, () => null) };
  }
  return out;
}

// spread inserts a value before each of some positions.
function spread(values, breaks, make) {
  if (breaks.length === 0) return values;
  const out = [];
  let next = 0;
  for (let i = 0; i < values.length; i++) {
    if (i === breaks[next]) {
      out.push(make(i));
      next++;
    }
    out.push(values[i]);
  }
  return out;
}

/** spacing is how far apart the points of a window are: an interval, or more where they stand for several. */
export function spacing(times, interval) {
  if (times.length < 2) return interval;
  const steps = [];
  for (let i = 1; i < times.length; i++) steps.push((Date.parse(times[i]) - Date.parse(times[i - 1])) / 1000);
  steps.sort((a, b) => a - b);
  return Math.max(interval, steps[Math.floor(steps.length / 2)]);
}

/** shifted returns the values that an earlier series had the same time before, for each of some times. */
export function shifted(times, earlier, name, by, within) {
  const values = earlier?.metrics[name]?.values;
  if (!values) return times.map(() => null);
  let at = 0;
  return times.map((t) => {
    while (at + 1 < earlier.times.length && Math.abs(earlier.times[at + 1] + by - t) <= Math.abs(earlier.times[at] + by - t)) at++;
    return Math.abs(earlier.times[at] + by - t) <= within ? values[at] : null;
  });
}

/** last is the newest value that is not absent. */
export function last(values) {
  for (let i = values.length - 1; i >= 0; i--) if (values[i] !== null) return values[i];
  return null;
}

/** mean is that of the values that are not absent, null without any. */
export function mean(values) {
  let sum = 0, n = 0;
  for (const v of values) if (v !== null) { sum += v; n++; }
  return n ? sum / n : null;
}

/** worst is the place of the value that stands out most: the lowest where lower is worse, else the highest. */
export function worst(values, worse) {
  let at = -1;
  for (let i = 0; i < values.length; i++) {
    if (values[i] === null) continue;
    if (at < 0 || (worse === "lower" ? values[i] < values[at] : values[i] > values[at])) at = i;
  }
  return at;
}
