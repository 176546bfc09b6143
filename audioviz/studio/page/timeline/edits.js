// What can be done to the keys of a lane, by a pointer or by the keyboard.
import { fps, playhead, project, say, selection } from "../state.js";
import { thinned } from "../panels/recording.js";
import { COLOUR, hexOf } from "./colours.js";
import { curves } from "./computed.js";
import { isNumber, isWritten, keysOf, merged, moved, select, selectedKeys, write } from "./keyframes.js";
import { neutralOf, rangeOf } from "./ranges.js";
import { showColumn } from "./rows.js";

let copied = null; // [{after, value, ease}, ...]: seconds after the first

/** Whether the keys of a lane can be changed; says why if not. */
export function canEdit(column) {
  if (!project.peek() || !column) return false;
  if (isWritten(column)) say(`${column} is written as an expression: clear it to draw keys`);
  return !isWritten(column);
}

/** Value of a column at a moment, as it is computed; what it stands for where it is not given. */
export function valueNow(column, seconds) {
  const values = curves.peek().get(`final:${column}`);
  const value = values?.length
    ? values[Math.max(0, Math.min(values.length - 1, Math.round(seconds * fps.peek())))]
    : (neutralOf(column) ?? rangeOf(column)[0]);
  return column === COLOUR ? hexOf(value) : value;
}

export function addKey(column, seconds, value) {
  if (!canEdit(column)) return;
  const key = moved(column, { ease: keysOf(column).findLast((each) => each.seconds <= seconds)?.ease }, seconds, value);
  write(column, merged([key], keysOf(column)), `add a key to ${column}`);
  showColumn(column);
  select(column, [key.time]);
}

/** Keys with those that were chosen moved by seconds and by a value; all stay inside of the song. */
export function shifted(column, keys, chosen, seconds, value) {
  const first = chosen[0].seconds;
  const free = Math.max(-first, seconds);
  const others = keys.filter((key) => !chosen.includes(key));
  const changed = chosen.map((key) =>
    moved(column, key, key.seconds + free, isNumber(key) && column !== COLOUR ? key.value + value : key.value),
  );
  return { changed, keys: merged(changed, others) };
}

/** Keys with those that were chosen scaled about a point: in time by `wide`, in value by `tall`. */
export function scaled(column, keys, chosen, about, wide, tall) {
  const others = keys.filter((key) => !chosen.includes(key));
  const changed = chosen.map((key) =>
    moved(
      column,
      key,
      about.seconds + (key.seconds - about.seconds) * wide,
      about.value + (key.value - about.value) * tall,
    ),
  );
  return { changed, keys: merged(changed, others) };
}

/** Move the selected keys by the keyboard. */
export function nudge(seconds, value, gesture) {
  const { lane } = selection.peek();
  const chosen = selectedKeys();
  if (!chosen.length || !canEdit(lane)) return;
  const { changed, keys } = shifted(lane, keysOf(lane), chosen, seconds, value);
  write(lane, keys, `move keys of ${lane}`, gesture);
  select(
    lane,
    changed.map(({ time }) => time),
  );
}

/** Scale the selected keys by the keyboard. */
export function scaleSelected(lane, about, wide, tall, gesture) {
  if (!canEdit(lane) || !selectedKeys().every(isNumber)) return;
  const { changed, keys } = scaled(lane, keysOf(lane), selectedKeys(), about, wide, tall);
  write(lane, keys, `scale keys of ${lane}`, gesture);
  select(
    lane,
    changed.map(({ time }) => time),
  );
}

export function removeSelected() {
  const { lane, keys } = selection.peek();
  if (!lane || !keys.size || !canEdit(lane)) return;
  write(
    lane,
    keysOf(lane).filter(({ time }) => !keys.has(time)),
    `remove keys of ${lane}`,
  );
  select(lane);
}

export function copySelected() {
  const chosen = selectedKeys();
  if (!chosen.length) return false;
  copied = chosen.map(({ seconds, value, ease }) => ({ after: seconds - chosen[0].seconds, value, ease }));
  say(`${chosen.length === 1 ? "1 key" : `${chosen.length} keys`} copied`);
  return true;
}

export function paste() {
  const { lane } = selection.peek();
  if (!copied || !lane || !canEdit(lane)) return;
  const keys = copied.map(({ after, value, ease }) => moved(lane, { ease }, playhead.peek() + after, value));
  write(lane, merged(keys, keysOf(lane)), `paste into ${lane}`);
  select(
    lane,
    keys.map(({ time }) => time),
  );
}

export function selectAll() {
  const { lane } = selection.peek();
  if (lane)
    select(
      lane,
      keysOf(lane).map(({ time }) => time),
    );
}

/** Another easing from each of the selected keys to the next. */
export function easeSelected(ease) {
  const { lane, keys } = selection.peek();
  if (!keys.size || !canEdit(lane)) return;
  write(
    lane,
    keysOf(lane).map((key) => (keys.has(key.time) ? { ...key, ease } : key)),
    `${ease} keys of ${lane}`,
  );
}

/** A hand-drawn line becomes keys in the place of those that lay in its time; points are [x, y, seconds, value]. */
export function takeStroke(column, points, tolerance) {
  if (points.length < 2 || !canEdit(column)) return;
  const line = points.map(([x, y, ...point]) => [x, y, ...point]).sort((a, b) => a[0] - b[0]);
  const byPlace = new Map(line.map((point) => [point[0], point])); // a line that turns back has one value at a place
  const kept = thinned(
    [...byPlace.values()].map(([x, y]) => [x, y]),
    tolerance,
  ).map(([x]) => byPlace.get(x));
  const keys = kept.map(([, , seconds, value]) => moved(column, {}, seconds, value));
  const [from, to] = [keys[0].seconds, keys.at(-1).seconds];
  const others = keysOf(column).filter(({ seconds }) => seconds < from || seconds > to);
  write(column, merged(keys, others), `draw ${column}`);
  showColumn(column);
  select(
    column,
    keys.map(({ time }) => time),
  );
}

/** Select the key before or after the one that is selected, or after the playhead. */
export function selectNext(way) {
  const { lane } = selection.peek();
  const keys = lane ? keysOf(lane) : [];
  if (!keys.length) return null;
  const chosen = selectedKeys();
  const from = chosen.length ? (way > 0 ? chosen.at(-1) : chosen[0]).seconds : playhead.peek();
  const next =
    way > 0 ? keys.find(({ seconds }) => seconds > from + 1e-6) : keys.findLast(({ seconds }) => seconds < from - 1e-6);
  if (next) select(lane, [next.time]);
  return next ?? null;
}

/** Another value for each of the selected keys. */
export function valueSelected(value, gesture) {
  const { lane, keys } = selection.peek();
  if (!keys.size || !canEdit(lane)) return;
  const changed = keysOf(lane).map((key) => (keys.has(key.time) ? { ...key, value } : key));
  write(lane, changed, `value of keys of ${lane}`, gesture);
}
