// The rows of what is heard: waveform, beats with their handles, hits, own taps.
import { project, song } from "../state.js";
import { colours, css } from "./colours.js";
import { taps } from "./hand.js";
import { beats, pinnedPlaces } from "./pins.js";
import { columnsOf, pyramidOf } from "./pyramid.js";
import { paintWave, Raster } from "./raster.js";
import { visible } from "./ruler.js";
import { xOf } from "./view.js";

const wave = new Raster();
let pairs = new Float32Array(0); // lowest and highest of each column, used again for each drawing

/** Room for so many columns of pixels. */
export function room(width) {
  if (pairs.length < 2 * width) pairs = new Float32Array(2 * width);
  return pairs;
}

/** The finest level of the sound that a pixel does not reach beyond twice; the rest is halved from it. */
function levelFor(samplesPerPixel) {
  const levels = song.value.peak_levels?.filter(({ name }) => song.value[name]) ?? [];
  return levels.findLast((each) => each.samples_per_point <= samplesPerPixel) ?? levels[0];
}

/** Paint the waveform of a window into a raster, in device pixels. */
export function paintSound(raster, from, secondsPerPixel, width, height, colour) {
  raster.cleared(width, height);
  const level = levelFor(secondsPerPixel * song.value.rate);
  if (level) {
    const perPoint = level.samples_per_point / song.value.rate;
    const columns = room(width);
    columnsOf(pyramidOf(song.value[level.name], true), from / perPoint, secondsPerPixel / perPoint, width, columns);
    paintWave(raster, columns, { middle: height / 2, perUnit: (0.94 * height) / 2 / 127, colour });
  }
  raster.done();
}

export function drawWave({ g, from, perSecond, width, ratio }, top, height) {
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  const key = [song.value, colours.value, from, perSecond, w, h];
  if (!wave.key?.every((part, i) => part === key[i])) {
    wave.key = key;
    paintSound(wave, from, 1 / (perSecond * ratio), w, h, colours.value.wave.rgb);
  }
  g.drawImage(wave.canvas, 0, top, width, height);
}

const HANDLE = 4; // half the width of a beat's handle

export function drawBeats({ g, from, to, perSecond }, top, height) {
  const { beats: all, downbeats } = beats.value;
  const [first, last] = visible(all, from, to);
  const spacing = ((to - from) * perSecond) / Math.max(1, last - first);
  const middle = top + height / 2;
  if (spacing > 5) {
    g.fillStyle = css("beat");
    for (let i = first; i < last; i += 1) g.fillRect(Math.round(xOf(all[i])) - 1, middle - 3, 2, 6);
  }
  const [begin, end] = visible(downbeats, from, to);
  const room = ((to - from) * perSecond) / Math.max(1, end - begin);
  g.textAlign = "left";
  g.textBaseline = "middle";
  let stride = 1;
  while (room * stride < 30) stride *= 2;
  for (let i = begin; i < end; i += 1) {
    const x = Math.round(xOf(downbeats[i]));
    g.fillStyle = css("downbeat");
    g.fillRect(x - 1, top + 3, 2, height - 6);
    if (i % stride || room * stride < 30) continue;
    g.fillStyle = css("faint");
    g.fillText(String(i + 1), x + 5, middle + 0.5);
  }
  g.fillStyle = css("accent");
  for (const place of pinnedPlaces.value) {
    const x = xOf(place);
    g.beginPath();
    g.moveTo(x - HANDLE, top + 1);
    g.lineTo(x + HANDLE, top + 1);
    g.lineTo(x, top + 8);
    g.fill();
  }
}

/** The beat whose handle is under a pointer; -1 for none. */
export function beatAt(x) {
  const all = beats.value.beats;
  let best = -1;
  let least = HANDLE + 2;
  for (let i = 0; i < all.length; i += 1) {
    const apart = Math.abs(xOf(all[i]) - x);
    if (apart < least) [best, least] = [i, apart];
  }
  return best;
}

function ticks(g, { seconds, strength }, from, to, top, height) {
  const [first, last] = visible(seconds, from - 0.1, to);
  let before = -1;
  for (let i = first; i < last; i += 1) {
    const x = Math.round(xOf(seconds[i]));
    if (x === before) continue; // one is enough in a pixel
    before = x;
    const tall = Math.max(2, Math.round((height - 2) * Math.min(1, 0.25 + 0.75 * (strength?.[i] ?? 1))));
    g.fillRect(x - 1, top + height - 1 - tall, 2, tall);
  }
}

export function drawHits({ g, from, to }, top, height) {
  const third = height / 3;
  for (const [i, [name, colour]] of [
    ["hats", "hat"],
    ["snares", "snare"],
    ["kicks", "kick"],
  ].entries()) {
    const events = song.value.events[name];
    g.fillStyle = css(colour);
    if (events) ticks(g, events, from, to, Math.round(top + i * third), Math.round(third));
  }
}

export function drawTaps({ g, from, to }, name, top, height) {
  g.fillStyle = css("accent");
  const tapped = taps.value.name === name ? taps.value.seconds : [];
  const all = [...(project.value?.song.events?.[name] ?? []), ...tapped].sort((a, b) => a - b);
  ticks(g, { seconds: all }, from, to, top + 2, height - 4);
}
