// What measures time: the ruler with the loop on it, sections, and the lines of bars and beats through all rows.
import { duration, loop, song } from "../state.js";
import { clock, lastBefore } from "../times.js";
import { signal } from "../ui.js";
import { css } from "./colours.js";
import { beats } from "./pins.js";
import { HEADER, MAP, RULER } from "./rows.js";
import { xOf } from "./view.js";

export const measure = signal("time"); // or bars

const STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800];
const ROOM = 64; // pixels for a label

/** Every how many of evenly spaced things have room. */
function strideFor(spacing, room) {
  let stride = 1;
  while (stride * spacing < room) stride *= 2;
  return stride;
}

/** Those of sorted times that are in the window: [index of the first, index after the last]. */
export function visible(times, from, to) {
  return [Math.max(0, lastBefore(times, from)), lastBefore(times, to) + 1];
}

export function drawRuler({ g, width, from, to, perSecond }) {
  g.fillStyle = css("panel");
  g.fillRect(0, MAP, width, RULER);
  drawLoop(g, MAP, RULER);
  g.textBaseline = "middle";
  g.textAlign = "left";
  if (measure.value === "bars" && beats.value.downbeats.length > 1) drawBars(g, width, from, to);
  else drawTimes(g, from, to, perSecond);
  g.fillStyle = css("line");
  g.fillRect(0, HEADER - 1, width, 1);
}

function mark(g, x, text, isStrong) {
  g.fillStyle = css(isStrong ? "faint" : "line");
  g.fillRect(Math.round(x), HEADER - (isStrong ? 9 : 5), 1, isStrong ? 8 : 4);
  if (!text) return;
  g.fillStyle = css("faint");
  g.fillText(text, Math.round(x) + 4, MAP + RULER / 2 - 1);
}

function drawTimes(g, from, to, perSecond) {
  const step = STEPS.find((each) => each * perSecond >= ROOM) ?? STEPS.at(-1);
  const digits = step >= 1 ? 0 : step >= 0.1 ? 1 : 2;
  const parts = step === 15 ? 3 : 5;
  for (let k = Math.floor((from / step) * parts); k * (step / parts) <= Math.min(to, duration.value); k += 1) {
    const isStrong = k % parts === 0;
    mark(g, xOf((k * step) / parts), isStrong ? clock((k * step) / parts, digits) : "", isStrong);
  }
}

function drawBars(g, width, from, to) {
  const { downbeats, beats: all } = beats.value;
  const [first, last] = visible(downbeats, from, to);
  const spacing = width / Math.max(1e-3, last - first);
  const stride = strideFor(spacing, 34);
  if (spacing > 40) {
    const [begin, end] = visible(all, from, to);
    for (let i = begin; i < end; i += 1) mark(g, xOf(all[i]), "", false);
  }
  for (let i = first - (first % stride); i < last; i += stride) mark(g, xOf(downbeats[i]), String(i + 1), true);
}

function drawLoop(g, top, height) {
  if (!loop.value) return;
  const [from, to] = loop.value.map(xOf);
  g.fillStyle = css("accent", 0.22);
  g.fillRect(from, top, to - from, height);
  g.fillStyle = css("accent");
  g.fillRect(from, top, to - from, 3);
  g.fillRect(Math.round(from) - 1, top, 2, height);
  g.fillRect(Math.round(to) - 1, top, 2, height);
}

/** The loop through all rows: what is outside of it is dimmed. */
export function drawLoopShade({ g, width, height }) {
  if (!loop.value) return;
  const [from, to] = loop.value.map((seconds) => Math.max(0, Math.min(width, xOf(seconds))));
  g.fillStyle = css("panel", 0.4);
  g.fillRect(0, HEADER, from, height - HEADER);
  g.fillRect(to, HEADER, width - to, height - HEADER);
}

/** Lines of bars, and of beats where they have room. */
export function drawGrid({ g, from, to, perSecond, height }) {
  const { beats: all, downbeats } = beats.value;
  lines(g, all, from, to, perSecond, height, css("beat", 0.45), 14);
  lines(g, downbeats, from, to, perSecond, height, css("beat", 0.9), 8);
}

function lines(g, times, from, to, perSecond, height, colour, room) {
  const [first, last] = visible(times, from, to);
  if (last - first < 1) return;
  const spacing = ((times[last - 1] - times[first]) * perSecond) / Math.max(1, last - 1 - first) || room;
  const stride = strideFor(spacing, room);
  if (stride > 1 && room > 8) return; // beats without room are left out, bars are thinned
  g.fillStyle = colour;
  for (let i = first - (first % stride); i < last; i += stride)
    g.fillRect(Math.round(xOf(times[i])), HEADER, 1, height - HEADER);
}

/** One hue for each label of a section. */
export const tintOf = (label) =>
  (47 + 67 * [...label.replace(/\d+$/, "")].reduce((sum, letter) => sum + letter.charCodeAt(0), 0)) % 360;

export function drawSections({ g, from, to }, top, height) {
  g.textBaseline = "middle";
  g.textAlign = "left";
  for (const { start, end, label } of song.value.sections) {
    if (end < from || start > to) continue;
    const [x0, x1] = [Math.max(-2, xOf(start)), xOf(end)];
    g.fillStyle = `hsl(${tintOf(label)} 45% 50% / 0.28)`;
    g.fillRect(x0 + 1, top + 2, x1 - x0 - 2, height - 4);
    if (x1 - x0 < 14) continue;
    g.fillStyle = css("ink");
    g.fillText(label, Math.max(4, x0 + 6), top + height / 2 + 0.5);
  }
}
