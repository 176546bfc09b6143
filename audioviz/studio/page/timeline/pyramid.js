// Lowest and highest of long arrays in every pixel column, read from halved copies so that no column reads many values.
const pyramids = new WeakMap(); // typed array -> its levels

/** Halved and halved again: the values, or pairs (lowest, highest) that are there, and levels of pairs over them. */
export function pyramidOf(values, arePairs = false) {
  if (!pyramids.has(values)) pyramids.set(values, built(values, arePairs));
  return pyramids.get(values);
}

function built(values, arePairs) {
  const levels = [{ values, size: 1, isPlain: !arePairs, count: arePairs ? values.length >> 1 : values.length }];
  while (levels.at(-1).count > 64) levels.push(halved(levels.at(-1)));
  return levels;
}

function halved({ values, size, isPlain, count }) {
  const half = (count + 1) >> 1;
  const out = new values.constructor(2 * half);
  const step = isPlain ? 1 : 2;
  for (let i = 0; i < half; i += 1) {
    const a = 2 * i * step;
    const b = 2 * i + 1 < count ? a + step : a;
    const high = isPlain ? 0 : 1;
    out[2 * i] = Math.min(values[a], values[b]);
    out[2 * i + 1] = Math.max(values[a + high], values[b + high]);
  }
  return { values: out, size: 2 * size, isPlain: false, count: half };
}

/**
 * Lowest and highest of each pixel column, into `out` [low, high, ...]: column x spans `first + x * step` to one step
 * more, in values. Where a column is narrower than a value, the line between values is followed. Columns outside of the
 * values are NaN.
 */
export function columnsOf(levels, first, step, width, out) {
  if (step <= 2) return lineOf(levels[0], first, step, width, out);
  let level = levels[0];
  for (const each of levels) if (each.size <= step / 1.5) level = each; // two or three are read in a column
  const { values, size, isPlain, count } = level;
  const [stride, up] = isPlain ? [1, 0] : [2, 1];
  for (let x = 0; x < width; x += 1) {
    let from = Math.floor((first + x * step) / size);
    const to = Math.min(count, Math.max(from + 1, Math.floor((first + (x + 1) * step) / size)));
    if (from < 0) from = 0;
    let low = Infinity;
    let high = -Infinity;
    for (let i = from; i < to; i += 1) {
      const a = values[stride * i];
      const b = values[stride * i + up];
      if (a < low) low = a;
      if (b > high) high = b;
    }
    out[2 * x] = low <= high ? low : NaN;
    out[2 * x + 1] = low <= high ? high : NaN;
  }
  join(out, width);
  return out;
}

/** Columns touch their neighbours, so that a steep line has no gaps. */
function join(out, width) {
  for (let x = 1; x < width; x += 1) {
    if (out[2 * x] > out[2 * x - 1]) out[2 * x] = out[2 * x - 1];
    else if (out[2 * x + 1] < out[2 * x - 2]) out[2 * x + 1] = out[2 * x - 2];
  }
}

function lineOf({ values, isPlain, count }, first, step, width, out) {
  const [stride, up] = isPlain ? [1, 0] : [2, 1];
  for (let x = 0; x < width; x += 1) {
    const begin = first + x * step;
    const end = begin + step;
    if (end < 0 || begin > count) {
      out[2 * x] = out[2 * x + 1] = NaN;
      continue;
    }
    let low = Infinity;
    let high = -Infinity;
    for (let at = begin, k = Math.floor(begin) + 1; ; k += 1) {
      const i = Math.max(0, Math.min(count - 1, Math.floor(at)));
      const j = Math.min(count - 1, i + 1);
      const part = Math.max(0, Math.min(1, at - i));
      const a = values[stride * i] + part * (values[stride * j] - values[stride * i]);
      const b = values[stride * i + up] + part * (values[stride * j + up] - values[stride * i + up]);
      if (a < low) low = a;
      if (b > high) high = b;
      if (at >= end) break;
      at = Math.min(k, end);
    }
    out[2 * x] = low;
    out[2 * x + 1] = high;
  }
  return out;
}
