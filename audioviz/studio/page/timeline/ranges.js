// The range of values that a lane shows, and the bounds of what its column may have.
import { catalog } from "../state.js";
import { curves } from "./computed.js";
import { keysOf } from "./keyframes.js";
import { pyramidOf } from "./pyramid.js";

const WIDE = 1e6; // bounds beyond it are none that a lane could show

const columnOf = (name) => catalog.value?.columns.find((column) => column.name === name);

/** Lowest and highest value that a column may have. */
export function boundsOf(column) {
  const { low, high } = columnOf(column) ?? {};
  return [low ?? -Infinity, high ?? Infinity];
}

/** What a column that is not given stands for. */
export const neutralOf = (column) => columnOf(column)?.neutral ?? null;

let held = null; // {column, range} during a drag, so that the lane does not slip away under the pointer

export function holdRange(column) {
  held = column && { column, range: rangeOf(column) };
}

/** Lowest and highest value that the lane of a column shows: the column's own, else those of its values with room. */
export function rangeOf(column) {
  if (held?.column === column) return held.range;
  const of = [catalog.value, curves.value.get(`final:${column}`), curves.value.get(`script:${column}`), keysOf(column)];
  const had = found.get(column);
  if (had?.of.every((part, i) => part === of[i])) return had.range;
  const range = measured(column, of);
  found.set(column, { of, range });
  return range;
}

const found = new Map(); // column -> {of, range}: what the range was measured of

function measured(column, [, final, script, keys]) {
  const [least, most] = boundsOf(column);
  if (Math.abs(least) < WIDE && Math.abs(most) < WIDE) return [least, most];
  let low = Infinity;
  let high = -Infinity;
  const take = (value) => {
    if (value < low) low = value;
    if (value > high) high = value;
  };
  for (const values of [final, script]) {
    if (!values?.length) continue;
    const top = pyramidOf(values).at(-1);
    for (let i = 0; i < top.values.length; i += 1) take(top.values[i]);
  }
  for (const { value } of keys) if (typeof value === "number") take(value);
  const neutral = neutralOf(column);
  if (neutral !== null) take(neutral);
  if (low > high) [low, high] = [0, 1];
  const room = 0.15 * (high - low) || Math.max(0.1, 0.25 * Math.abs(high));
  return [nice(Math.max(least, low === least ? low : low - room), -1), nice(Math.min(most, high + room), 1)];
}

/** Rounded outwards to two digits. */
function nice(value, way) {
  if (value === 0) return 0;
  const unit = 10 ** (Math.floor(Math.log10(Math.abs(value))) - 1);
  return Number(((way > 0 ? Math.ceil(value / unit - 1e-9) : Math.floor(value / unit + 1e-9)) * unit).toPrecision(4));
}
