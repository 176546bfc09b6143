// Beats by hand: a beat that is dragged is pinned where it is let go; the project names it by where it was heard.
import { change, project, song } from "../state.js";
import { key } from "../times.js";
import { computed, signal } from "../ui.js";

export const pinning = signal(null); // pins as they will be, while a beat is dragged

const pinsOf = (record) => Object.entries(record ?? {}).map(([beat, place]) => [parseFloat(beat), place]);
const given = () => pinsOf(project.value?.song.grid.pins);

/** Seconds through pins [[beat, place], ...]: on the line between two, beyond the ends moved as the nearest is. */
export function through(pins, seconds) {
  if (!pins.length) return seconds;
  let i = pins.findIndex(([beat]) => beat > seconds);
  if (i === 0) return seconds + pins[0][1] - pins[0][0];
  if (i < 0) return seconds + pins.at(-1)[1] - pins.at(-1)[0];
  const [[beat, place], [nextBeat, nextPlace]] = [pins[i - 1], pins[i]];
  return place + ((seconds - beat) / (nextBeat - beat)) * (nextPlace - place);
}

/** Where a beat was heard that pins have moved. */
export const back = (pins, seconds) =>
  through(
    pins.map(([beat, place]) => [place, beat]),
    seconds,
  );

/** The beats and downbeats to show: as the song has them, or as they will be. */
export const beats = computed(() => {
  const { beats: all, downbeats } = song.value?.events ?? {};
  if (!all) return { beats: [], downbeats: [] };
  if (!pinning.value) return { beats: all.seconds, downbeats: downbeats.seconds };
  const [before, after] = [given(), pinsOf(pinning.value)];
  const move = (seconds) => through(after, back(before, seconds));
  return { beats: all.seconds.map(move), downbeats: downbeats.seconds.map(move) };
});

/** Places of pins, to mark them. */
export const pinnedPlaces = computed(() =>
  pinsOf(pinning.value ?? project.value?.song.grid.pins).map(([, place]) => place),
);

/** Pins with the i-th beat at a moment between its neighbours; `alone` pins those too, so that they stay. */
export function pinsWith(i, seconds, alone) {
  const all = song.peek().events.beats.seconds;
  const before = pinsOf(project.peek().song.grid.pins);
  const room = 0.02; // seconds
  const place = Math.min((all[i + 1] ?? song.peek().duration) - room, Math.max((all[i - 1] ?? 0) + room, seconds));
  const heard = (k) => back(before, all[k]);
  const set = new Map(before);
  const put = (k, to) => {
    const own = heard(k);
    const there = [...set.keys()].find((beat) => Math.abs(beat - own) < 0.02);
    set.set(there ?? Number(own.toFixed(3)), Number(to.toFixed(3)));
  };
  if (alone) for (const k of [i - 1, i + 1]) if (k in all) put(k, all[k]);
  put(i, place);
  return recordOf(set);
}

const recordOf = (pins) =>
  Object.fromEntries([...pins].sort((a, b) => a[0] - b[0]).map(([beat, at]) => [key(beat), at]));

export function writePins(pins, name) {
  const some = pins && Object.keys(pins).length > 0;
  return change([[["song", "grid", "pins"], some ? pins : undefined]], name).catch(() => null);
}

/** The pin at a beat taken away; whether there was one. */
export function unpin(seconds) {
  const pins = Object.entries(project.peek().song.grid.pins ?? {});
  const rest = pins.filter(([, place]) => Math.abs(place - seconds) > 0.005);
  if (rest.length === pins.length) return false;
  writePins(Object.fromEntries(rest), "remove a pin");
  return true;
}
