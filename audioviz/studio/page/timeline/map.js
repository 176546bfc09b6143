// The map of the whole song above the ruler, with the window that is shown.
import { duration, loop, song, view } from "../state.js";
import { colours, css } from "./colours.js";
import { Raster } from "./raster.js";
import { MAP } from "./rows.js";
import { tintOf } from "./ruler.js";
import { paintSound } from "./sounds.js";
import { show, width } from "./view.js";

const raster = new Raster();
const GRIP = 7; // pixels beside an end of the window

export const mapX = (seconds) => (seconds / Math.max(1e-6, duration.value)) * width.value;
export const mapSeconds = (x) => (x / width.value) * duration.value;

export function drawMap({ g, width: wide, ratio }) {
  const [w, h] = [Math.round(wide * ratio), Math.round((MAP - 6) * ratio)];
  const key = [song.value, colours.value, w, h];
  if (!raster.key?.every((part, i) => part === key[i])) {
    raster.key = key;
    paintSound(raster, 0, duration.value / w, w, h, colours.value.wave.rgb);
  }
  g.fillStyle = css("ground");
  g.fillRect(0, 0, wide, MAP);
  for (const { start, end, label } of song.value.sections) {
    g.fillStyle = `hsl(${tintOf(label)} 45% 50% / 0.22)`;
    g.fillRect(mapX(start), 0, mapX(end) - mapX(start) - 1, MAP);
  }
  g.drawImage(raster.canvas, 0, 3, wide, MAP - 6);
  const [from, to] = [mapX(view.value.from), mapX(view.value.to)];
  g.fillStyle = css("ground", 0.62);
  g.fillRect(0, 0, from, MAP);
  g.fillRect(to, 0, wide - to, MAP);
  if (loop.value) {
    g.fillStyle = css("accent");
    g.fillRect(mapX(loop.value[0]), MAP - 3, mapX(loop.value[1]) - mapX(loop.value[0]), 2);
  }
  g.strokeStyle = css("accent");
  g.lineWidth = 1.5;
  g.beginPath();
  g.roundRect(from + 0.75, 0.75, Math.max(3, to - from - 1.5), MAP - 1.5, 3);
  g.stroke();
  g.lineWidth = 1;
  g.fillStyle = css("line");
  g.fillRect(0, MAP - 0.5, wide, 0.5);
}

/** What a press on the map moves: an end of the window, or the window, which comes to the pointer first. */
export function mapDrag(x) {
  const { from, to } = view.peek();
  const [left, right] = [mapX(from), mapX(to)];
  if (right - left > 4 * GRIP && Math.abs(x - left) < GRIP) return (at) => show(Math.min(mapSeconds(at), to - 0.1), to);
  if (right - left > 4 * GRIP && Math.abs(x - right) < GRIP)
    return (at) => show(from, Math.max(mapSeconds(at), from + 0.1));
  const span = to - from;
  const offset = x >= left && x <= right ? mapSeconds(x) - from : span / 2;
  const move = (at) => show(mapSeconds(at) - offset, mapSeconds(at) - offset + span);
  move(x);
  return move;
}
