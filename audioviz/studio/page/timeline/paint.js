// All of the canvas that stands still while the song plays.
import { song, view } from "../state.js";
import { css } from "./colours.js";
import { drawLane } from "./lanes.js";
import { drawMap } from "./map.js";
import { drawPrompts } from "./prompts.js";
import { HEADER, rows } from "./rows.js";
import { drawGrid, drawLoopShade, drawRuler, drawSections } from "./ruler.js";
import { drawBeats, drawHits, drawTaps, drawWave } from "./sounds.js";
import { drawStrip } from "./strip.js";
import { perSecond } from "./view.js";

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
