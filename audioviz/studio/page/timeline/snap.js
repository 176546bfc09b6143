// Where dragged things come to rest: frames, beats, bars, hits.
import { fps, snapping, song } from "../state.js";
import { lastBefore } from "../times.js";
import { perSecond } from "./view.js";

const REACH = 9; // pixels

export const KINDS = ["off", "frames", "beats", "bars", "hits"];

/** The sorted times that a kind of snapping knows; null for frames, which are everywhere. */
export function placesOf(kind) {
  const { beats, downbeats, kicks, snares } = song.value?.events ?? {};
  if (kind === "beats") return beats?.seconds ?? [];
  if (kind === "bars") return downbeats?.seconds ?? [];
  if (kind === "hits") return hitsOf(kicks, snares);
  return kind === "frames" ? null : [];
}

const hits = new WeakMap(); // kicks -> times of kicks and snares

function hitsOf(kicks, snares) {
  if (!kicks) return [];
  if (!hits.has(kicks))
    hits.set(
      kicks,
      [...kicks.seconds, ...snares.seconds].sort((a, b) => a - b),
    );
  return hits.get(kicks);
}

/** The nearest of sorted times; null if there is none. */
export function nearest(times, seconds) {
  const i = lastBefore(times, seconds);
  const [before, after] = [times[i], times[i + 1]];
  if (before === undefined) return after ?? null;
  return after === undefined || seconds - before <= after - seconds ? before : after;
}

/** A moment, drawn to the nearest place where snapping has one within reach; with Ctrl it stays free. */
export function snapped(seconds, free = false, kind = snapping.value) {
  if (free || kind === "off") return seconds;
  if (kind === "frames") return Math.round(seconds * fps.value) / fps.value;
  const place = nearest(placesOf(kind), seconds);
  return place !== null && Math.abs(place - seconds) * perSecond.value <= REACH ? place : seconds;
}

/** The next place of the grid that is snapped to, after (1) or before (-1) a moment. */
export function step(seconds, way, kind = snapping.value) {
  const times = kind === "off" ? null : placesOf(kind);
  if (!times?.length) return (Math.round(seconds * fps.value) + way) / fps.value;
  const i = way > 0 ? lastBefore(times, seconds + 1e-3) + 1 : lastBefore(times, seconds - 1e-3);
  return times[i] ?? (way > 0 ? song.value.duration : 0);
}
