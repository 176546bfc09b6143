// Lanes as they are drawn: the curve, the script's faint behind it, keys, and the box about those that are selected.
import { fps, plan, problems, selection } from "../state.js";
import { COLOUR, colours, css, hexOf } from "./colours.js";
import { curves } from "./computed.js";
import { played } from "./hand.js";
import { curveOf, isNumber, isWritten, keysOf, selectedKeys } from "./keyframes.js";
import { columnsOf, pyramidOf } from "./pyramid.js";
import { neutralOf, rangeOf } from "./ranges.js";
import { paintCurve, Raster } from "./raster.js";
import { room } from "./sounds.js";
import { xOf } from "./view.js";

const EDGE = 6; // pixels above the highest value and below the lowest
const rasters = new Map(); // column -> Raster

/** The height of a value inside of a lane, and back. */
export function yOf(column, value, height) {
  const [low, high] = rangeOf(column);
  return height - EDGE - ((value - low) / (high - low)) * (height - 2 * EDGE);
}

export function valueAt(column, y, height) {
  const [low, high] = rangeOf(column);
  return low + ((height - EDGE - y) / (height - 2 * EDGE)) * (high - low);
}

export function drawLane(scene, row) {
  const { g, width, ratio, from, perSecond } = scene;
  const { column, isFolded } = row;
  const top = scene.topOf(row);
  const frames = plan.value?.frames ?? 0;
  const curve = frames ? curveOf(column, frames, fps.value) : null;
  const script = curves.value.get(`script:${column}`);
  const [low, high] = rangeOf(column);
  const raster = rasters.get(column) ?? new Raster();
  rasters.set(column, raster);
  const [w, h] = [Math.round(width * ratio), Math.round(row.height * ratio)];
  const isColour = column === COLOUR;
  const key = [curve, script, colours.value, from, perSecond, w, h, low, high, fps.value];
  if (!raster.key?.every((part, i) => part === key[i])) {
    raster.key = key;
    raster.cleared(w, h);
    if (!isColour) paintLane(raster, { curve, script, column, low, high, ratio, edge: isFolded ? 3 : EDGE }, scene);
    raster.done();
  }
  if (isColour && curve) drawColours(scene, curve, top, row.height);
  g.drawImage(raster.canvas, 0, top, width, row.height);
  if (!isFolded) drawKeys(scene, row, top);
  if (played.value.column === column) drawPlayed(scene, row, top);
}

/** The stroke that a hand plays just now; a loop that begins anew begins another line. */
function drawPlayed({ g, from, to }, { column, height }, top) {
  g.beginPath();
  let before = Infinity;
  for (const [seconds, value] of played.value.points) {
    if (seconds < from - 1 || seconds > to + 1) continue;
    const [x, y] = [xOf(seconds), top + yOf(column, value, height)];
    if (seconds < before) g.moveTo(x, y);
    else g.lineTo(x, y);
    before = seconds;
  }
  g.strokeStyle = css("accent");
  g.lineWidth = 2;
  g.stroke();
  g.lineWidth = 1;
}

/** All that a lane shows of its column. */
export function laneContent(column) {
  const curve = plan.value?.frames ? curveOf(column, plan.value.frames, fps.value) : null;
  const chosen = selection.value.lane === column ? selection.value : null;
  const line = problems.value[`lane:${column}`];
  return [curve, curves.value.get(`script:${column}`), keysOf(column), chosen, line, ...rangeOf(column)];
}

function paintLane(raster, { curve, script, column, low, high, ratio, edge }, { from, perSecond }) {
  const { width, height } = raster.image;
  const rate = fps.value;
  const perUnit = (height - 2 * edge * ratio) / (high - low);
  const y0 = height - edge * ratio + low * perUnit;
  const neutral = neutralOf(column);
  const base = neutral !== null && neutral >= low && neutral <= high ? neutral : low;
  const columns = room(width);
  const through = (values, style) => {
    columnsOf(pyramidOf(values), from * rate, rate / (perSecond * ratio), width, columns);
    paintCurve(raster, columns, { y0, perUnit, ...style });
  };
  if (script && script !== curve) through(script, { colour: colours.value.script.rgb, thick: 1.2 * ratio });
  if (!curve) return;
  through(curve, { colour: colours.value.curve.rgb, thick: 1.6 * ratio, base, tint: 0.13 });
}

function drawColours({ g, width, from, perSecond }, curve, top, height) {
  for (let x = 0; x < width; x += 2) {
    const k = Math.floor((from + x / perSecond) * fps.value);
    if (!(k < curve.length)) break;
    g.fillStyle = hexOf(curve[k]);
    g.fillRect(x, top + height / 2 - 5, 2, 10);
  }
}

/** Where a key stands in a lane that is so high. */
export function keyPoint(column, key, height) {
  return [xOf(key.seconds), isNumber(key) && column !== COLOUR ? yOf(column, key.value, height) : height / 2];
}

function drawKeys({ g, width }, row, top) {
  const { column, height } = row;
  const keys = keysOf(column);
  if (!keys.length) return;
  const chosen = selection.value.lane === column ? selection.value.keys : null;
  const isWrong = Boolean(problems.value[`lane:${column}`]);
  let before = -10;
  for (const key of keys) {
    const [x, y] = keyPoint(column, key, height);
    if (x < -8 || x > width + 8) continue;
    const isChosen = chosen?.has(key.time);
    if (x - before < 2.5 && !isChosen) continue; // too dense to be told apart
    before = x;
    const fill = column === COLOUR ? hexOf(key.value) : css(isChosen ? "ink" : "panel");
    diamond(g, x, top + y, isChosen ? 6 : 4.5, css(isWrong ? "error" : "curve"), fill);
  }
  const box = boxOf(row);
  if (!box) return;
  g.strokeStyle = css("accent", 0.8);
  g.setLineDash([3, 3]);
  g.strokeRect(
    Math.round(box.left) + 0.5,
    Math.round(top + box.top) + 0.5,
    Math.round(box.right - box.left),
    Math.round(box.bottom - box.top),
  );
  g.setLineDash([]);
  g.fillStyle = css("accent");
  for (const [x, y] of Object.values(handlesOf(box))) g.fillRect(Math.round(x) - 3, Math.round(top + y) - 3, 6, 6);
}

function diamond(g, x, y, size, colour, fill) {
  g.beginPath();
  g.moveTo(x, y - size);
  g.lineTo(x + size, y);
  g.lineTo(x, y + size);
  g.lineTo(x - size, y);
  g.closePath();
  g.fillStyle = fill;
  g.fill();
  g.strokeStyle = colour;
  g.lineWidth = 1.6;
  g.stroke();
  g.lineWidth = 1;
}

/** The box about several selected keys, in pixels of their lane; null where it would be none. */
export function boxOf({ column, height }) {
  const keys = selection.value.lane === column ? selectedKeys() : [];
  if (keys.length < 2 || column === COLOUR || !keys.every(isNumber) || isWritten(column)) return null;
  const points = keys.map((key) => keyPoint(column, key, height));
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  return {
    left: Math.min(...xs) - 9,
    right: Math.max(...xs) + 9,
    top: Math.min(...ys) - 9,
    bottom: Math.max(...ys) + 9,
  };
}

/** The handles of a box: they scale in time, or in value. */
export function handlesOf({ left, right, top, bottom }) {
  const [x, y] = [(left + right) / 2, (top + bottom) / 2];
  return { left: [left, y], right: [right, y], top: [x, top], bottom: [x, bottom] };
}

/** The key under a pointer; of several the nearest. */
export function keyAt({ column, height, isFolded }, x, inside) {
  if (isFolded) return null;
  let best = null;
  let least = 9; // pixels
  for (const key of keysOf(column)) {
    const [kx, ky] = keyPoint(column, key, height);
    const apart = Math.hypot(kx - x, ky - inside);
    if (apart < least) [best, least] = [key, apart];
  }
  return best;
}
