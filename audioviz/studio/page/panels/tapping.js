// Taps against the sound: their tempo, and how far the grid lies from them.
import { lastBefore } from "../times.js";

const PAUSE = 2.5; // seconds after which taps begin anew
export const FEWEST = 4;

/** Taps with one more; those before a pause are forgotten. */
export const withTap = (taps, at) =>
  taps.length && (at - taps.at(-1) > PAUSE || at <= taps.at(-1)) ? [at] : [...taps, at];

/** Beats a minute of taps, by the straight line through them; null while there are too few. */
export function tempoOf(taps) {
  if (taps.length < FEWEST) return null;
  const middle = (taps.length - 1) / 2;
  const mean = taps.reduce((sum, at) => sum + at, 0) / taps.length;
  const over = taps.reduce((sum, at, i) => sum + (i - middle) * (at - mean), 0);
  const under = taps.reduce((sum, _, i) => sum + (i - middle) ** 2, 0);
  return (60 * under) / over;
}

/** Seconds by which taps lie behind the nearest beats: the median. */
export function behind(taps, beats) {
  if (!beats.length) return 0;
  const apart = taps.map((at) => {
    const i = lastBefore(beats, at);
    const near = [beats[i], beats[i + 1]].filter((beat) => beat !== undefined);
    return near.map((beat) => at - beat).sort((a, b) => Math.abs(a) - Math.abs(b))[0];
  });
  return apart.sort((a, b) => a - b)[apart.length >> 1];
}
