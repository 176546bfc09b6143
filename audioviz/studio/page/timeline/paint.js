// The two layers of the canvas: all that stands still, and over it the playhead, the pointer's line and what is drawn.
import { playhead, song, view } from "../state.js";
import { css } from "./colours.js";
import { drawLane } from "./lanes.js";
import { drawMap, drawMapPlayhead } from "./map.js";
import { drawPrompts } from "./prompts.js";
import { HEADER, MAP, rows } from "./rows.js";
import { drawGrid, drawLoopShade, drawRuler, drawSections } from "./ruler.js";
import { drawBeats, drawHits, drawTaps, drawWave } from "./sounds.js";
import { drawStrip } from "./strip.js";
import { perSecond, xOf } from "./view.js";

const DRAW = {
  sections: (scene, top, { height }) => drawSections(scene, top, height),
  wave: (scene, top, { height }) => drawWave(scene, top, height),
  beats: (scene, top, { height }) => drawBeats(scene, top, height),
  hits: (scene, top, { height }) => drawHits(scene, top, height),
  taps: (scene, top, { height, title }) => drawTaps(scene, title, top, height),
  prompts: (scene, top, { height }) => drawPrompts(scene, top, height),
  strip: (scene, top, { height }) => drawStrip(scene, top, height),
  lane: (scene, _, row) => drawLane(scene, row),
};

/** All that stands still while the song plays. */
export function paintGround(g, { width, height, ratio, scroll, font }) {
  const { from, to } = view.value;
  const topOf = (row) => Math.round(HEADER + row.top - scroll);
  const scene = { g, width, height, ratio, from, to, perSecond: perSecond.value, topOf };
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.font = font;
  g.fillStyle = css("panel");
  g.fillRect(0, 0, width, height);
  if (!song.value || !(width > 0)) return;
  drawGrid(scene);
  for (const row of rows.value) {
    const top = topOf(row);
    if (top + row.height <= HEADER || top >= height) continue;
    g.save();
    g.beginPath();
    g.rect(0, top, width, row.height);
    g.clip();
    DRAW[row.kind](scene, top, row);
    g.restore();
    g.fillStyle = css("line");
    g.fillRect(0, top + row.height - 1, width, 1);
  }
  drawLoopShade(scene);
  drawRuler(scene);
  drawMap(scene);
}

/** What moves: `hand` is what the pointer does: {x, band, stroke, label}. */
export function paintHand(g, { width, height, ratio, font }, hand) {
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.clearRect(0, 0, width, height);
  if (!song.value) return;
  g.font = font;
  if (hand.x !== null) {
    g.fillStyle = css("faint", 0.45);
    g.fillRect(Math.round(hand.x), MAP, 1, height - MAP);
  }
  if (hand.band) band(g, hand.band);
  if (hand.stroke) stroke(g, hand.stroke);
  const x = Math.round(xOf(playhead.value));
  if (x >= -6 && x <= width + 6) {
    g.fillStyle = css("accent");
    g.fillRect(x - 0.5, MAP, 1.5, height - MAP);
    g.beginPath();
    g.moveTo(x - 6, MAP + 1);
    g.lineTo(x + 6.5, MAP + 1);
    g.lineTo(x + 6.5, MAP + 6);
    g.lineTo(x + 0.25, MAP + 13);
    g.lineTo(x - 6, MAP + 6);
    g.fill();
  }
  drawMapPlayhead(g);
  if (hand.label) label(g, hand.label, width);
}

function band(g, { left, top, right, bottom }) {
  g.fillStyle = css("accent", 0.12);
  g.fillRect(left, top, right - left, bottom - top);
  g.strokeStyle = css("accent");
  g.strokeRect(left + 0.5, top + 0.5, right - left, bottom - top);
}

function stroke(g, points) {
  g.beginPath();
  for (const [x, y] of points) g.lineTo(x, y);
  g.strokeStyle = css("accent");
  g.lineWidth = 2;
  g.lineJoin = "round";
  g.stroke();
  g.lineWidth = 1;
}

function label(g, { x, y, text }, width) {
  const wide = g.measureText(text).width + 12;
  const left = x + 14 + wide > width ? x - 14 - wide : x + 14;
  const top = Math.max(HEADER + 2, y - 26);
  g.fillStyle = css("ink");
  g.beginPath();
  g.roundRect(left, top, wide, 20, 4);
  g.fill();
  g.fillStyle = css("ground");
  g.textAlign = "left";
  g.textBaseline = "middle";
  g.fillText(text, left + 6, top + 10.5);
}
