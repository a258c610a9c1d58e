// Series as charts need them: seconds and numbers, gaps as nulls.

/**
 * columns turns the API's series into seconds and arrays of numbers, with a null where
 * points are missing. interval is that of the monitor in seconds, asked how many points the
 * answer may have at most. spacing is how far apart neighbours are at most.
 */
export function columns(series, interval, asked = Infinity) {
  const times = series.times.map((t) => Date.parse(t) / 1000);
  const spacing = apart(times, interval, asked);
  const breaks = [];
  for (let i = 1; i < times.length; i++) if (times[i] - times[i - 1] > spacing + 0.8 * interval) breaks.push(i);
  const out = { times: spread(times, breaks, (i) => times[i - 1] + spacing), metrics: {}, spacing };
  for (const [name, m] of Object.entries(series.metrics)) {
    out.metrics[name] = { unit: m.unit, worse: m.worse_when, values: spread(m.values, breaks, () => null) };
  }
  return out;
}

// apart is an interval; where each point stands for several, some for one more than others.
function apart(times, interval, asked) {
  if (times.length < 2 || times.length < asked) return interval;
  const steps = [];
  for (let i = 1; i < times.length; i++) steps.push(times[i] - times[i - 1]);
  steps.sort((a, b) => a - b);
  return steps[Math.floor(steps.length / 2)] + interval;
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
