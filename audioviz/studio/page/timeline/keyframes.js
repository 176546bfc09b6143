// The keys of lanes: read from the project, changed as a whole lane, drawn at once while the server computes.
import { change, changeLive, duration, plan, project, selection, song } from "../state.js";
import { key as timeOf, toSeconds } from "../times.js";
import { computed, signal } from "../ui.js";
import { curves } from "./computed.js";
import { shapeOf } from "./eases.js";
import { boundsOf } from "./ranges.js";

export const draft = signal(null); // {column, keys} while it is changed by hand: shown before the server has it

/** Keys of all lanes: column -> [{time, seconds, value, ease}, ...] in the order of their seconds. */
const written = computed(() => {
  const lanes = project.value?.lanes ?? {};
  return Object.fromEntries(Object.keys(lanes).map((column) => [column, read(column, lanes[column])]));
});

function read(column, lane) {
  const ofPlan = new Map((plan.value?.lanes?.[column] ?? []).map(([time, seconds]) => [time, seconds]));
  const found = [];
  for (const [time, value] of pairs(lane.keys)) {
    const seconds = ofPlan.get(time) ?? toSeconds(time, song.value);
    if (seconds === null) continue; // the label of a section that the song does not have
    found.push({
      time,
      seconds,
      value,
      ease: typeof lane.ease === "string" ? lane.ease : (lane.ease?.[time] ?? "linear"),
    });
  }
  found.sort((a, b) => a.seconds - b.seconds);
  if (!isSame(before.get(column) ?? [], found)) before.set(column, found);
  return before.get(column) ?? [];
}

const before = new Map(); // column -> keys: the same array as long as they are the same, so that nothing is redrawn

function isSame(keys, others) {
  const isKey = (key, other) => Object.keys(key).every((part) => key[part] === other[part]);
  return keys.length === others.length && keys.every((key, i) => isKey(key, others[i]));
}

/** Times and values, those of the text of Deforum too: `0:(0.95), 24:(0.3)`. */
function pairs(keys) {
  if (typeof keys !== "string") return Object.entries(keys ?? {});
  return [...keys.matchAll(/(\d+)\s*:\s*\(([^)]*)\)/g)].map(([, frame, value]) => [`${frame}f`, Number(value)]);
}

export function keysOf(column) {
  if (draft.value?.column === column) return draft.value.keys;
  return written.value[column] ?? [];
}

export const isWritten = (column) => Boolean(project.value?.lanes[column]?.expression);
export const modeOf = (column) => project.value?.lanes[column]?.mode ?? "replace";

/** Whether the values of keys are numbers that can be dragged, as colours by name are not. */
export const isNumber = ({ value }) => typeof value === "number";

export function selectedKeys() {
  const { lane, keys } = selection.value;
  return lane ? keysOf(lane).filter(({ time }) => keys.has(time)) : [];
}

export function select(lane, times = []) {
  selection.value = { lane, keys: new Set(times) };
}

/** A key at other seconds, with another value, inside of the song and of the column's range. */
export function moved(column, { ease, ...key }, seconds, value) {
  const [low, high] = boundsOf(column);
  const at = Math.max(0, Math.min(duration.peek(), seconds));
  const held = typeof value === "number" ? Number(Math.max(low, Math.min(high, value)).toPrecision(5)) : value;
  const stays = key.time !== undefined && Math.abs(at - key.seconds) < 5e-4; // a written `4bar` remains one
  const time = stays ? key.time : timeOf(at);
  return { time, seconds: stays ? key.seconds : parseFloat(time), value: held, ease: ease ?? "linear" };
}

function laneOf(column, keys) {
  const eases = new Set(keys.map(({ ease }) => ease));
  return {
    keys: Object.fromEntries(keys.map(({ time, value }) => [time, value])),
    ease: eases.size === 1 ? keys[0].ease : Object.fromEntries(keys.map(({ time, ease }) => [time, ease])),
    mode: modeOf(column),
  };
}

/** Keys in order, of which those that are named take the place of others at their time. */
export function merged(keys, others) {
  const taken = new Set(keys.map(({ time }) => time));
  return [...others.filter(({ time }) => !taken.has(time)), ...keys].sort((a, b) => a.seconds - b.seconds);
}

const edit = (column, keys) => [[["lanes", column], keys.length ? laneOf(column, keys) : undefined]];

/** Write the keys of a lane; none take the lane away. */
export function write(column, keys, name, gesture = null) {
  return change(edit(column, keys), name, gesture).catch(() => null); // what is refused was said
}

const PAUSE = 250; // milliseconds between two changes of a drag, as each one computes a schedule
let sent = Promise.resolve();
let send = null; // what is to be sent at the end of the pause
let pause = 0;

/** Write them while they are dragged: they are seen at once, and one step of undo in the end. */
export function writeLive(column, keys, name, gesture) {
  draft.value = { column, keys };
  send = () => (sent = Promise.all([sent, changeLive(edit(column, keys), name, gesture)]));
  if (!pause) flush(); // the first at once: it stops what is drawn of the values before
}

function flush() {
  clearTimeout(pause);
  pause = send ? setTimeout(flush, PAUSE) : 0;
  send?.();
  send = null;
}

/** The drag is over: what the server has is shown as soon as it has all. */
export function settle() {
  flush();
  const last = draft.peek();
  sent.then(() => {
    if (draft.peek() === last) draft.value = null;
  });
}

const drawn = new WeakMap(); // keys -> {script, mode, values}

/** Values of a lane as its keys give them, one a frame, before the server has computed them. */
export function drawnCurve(column, keys, frames, fps) {
  const script = curves.value.get(`script:${column}`);
  const mode = modeOf(column);
  const before = drawn.get(keys);
  if (before && before.script === script && before.mode === mode) return before.values;
  const values = new Float32Array(frames).fill(keys[0].value);
  keys.forEach((key, i) => fillSpan(values, key, keys[i + 1] ?? { ...key, seconds: Infinity }, fps));
  const [low, high] = boundsOf(column);
  for (let k = 0; k < frames; k += 1) {
    const value =
      mode === "multiply"
        ? values[k] * (script?.[k] ?? 1)
        : mode === "add"
          ? values[k] + (script?.[k] ?? 0)
          : values[k];
    values[k] = Math.max(low, Math.min(high, value));
  }
  drawn.set(keys, { script, mode, values });
  return values;
}

/** The values from a key to the next, eased; level where they are at one moment, or none follows. */
function fillSpan(values, left, right, fps) {
  const shape = shapeOf(left.ease);
  const [span, change] = [right.seconds - left.seconds, right.value - left.value];
  const end = Math.min(values.length, Math.round(right.seconds * fps));
  for (let k = Math.max(0, Math.round(left.seconds * fps)); k < end; k += 1) {
    const progress = Math.max(0, Math.min(1, (k / fps - left.seconds) / span));
    values[k] = left.value + shape(progress) * change;
  }
}

/** The curve of a column to draw: as computed, or by its keys where those are newer. */
export function curveOf(column, frames, fps) {
  const final = curves.value.get(`final:${column}`);
  const keys = keysOf(column);
  if (!keys.length || !keys.every(isNumber)) return final ?? null;
  return final && isComputed(column, keys) ? final : drawnCurve(column, keys, frames, fps);
}

const compared = new WeakMap(); // keys -> the plan that they were compared with, and whether it has them

/** Whether the plan was computed with these very keys. */
function isComputed(column, keys) {
  const before = compared.get(keys);
  if (before?.of === plan.value) return before.is;
  const is = isOfPlan(column, keys);
  compared.set(keys, { of: plan.value, is });
  return is;
}

function isOfPlan(column, keys) {
  const had = plan.value.lanes?.[column];
  if (!had) return draft.value?.column !== column;
  if (had.length !== keys.length) return false;
  return keys.every(({ time, value, ease }, i) => had[i][0] === time && had[i][2] === value && had[i][3] === ease);
}
