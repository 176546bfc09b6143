// All of the canvas that stands still while the song plays.
import { loop, pictures, plan, project, selectedPrompt, song, view } from "../state.js";
import { colours, css } from "./colours.js";
import { played, taps } from "./hand.js";
import { drawLane, laneContent } from "./lanes.js";
import { drawMap } from "./map.js";
import { beats } from "./pins.js";
import { blocks, drawPrompts } from "./prompts.js";
import { HEADER, rows } from "./rows.js";
import { drawGrid, drawLoopShade, drawRuler, drawSections, measure } from "./ruler.js";
import { drawBeats, drawHits, drawTaps, drawWave } from "./sounds.js";
import { drawStrip, shownPictures } from "./strip.js";
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

/** What a row shows beside what all rows share; as long as it is the same, its pixels stay. */
function contentOf({ kind, column }) {
  if (kind === "taps") return [taps.value, project.value?.song.events];
  if (kind === "prompts") return [blocks.value, selectedPrompt.value];
  if (kind === "strip") return [pictures.value, plan.value, shownPictures()];
  if (kind !== "lane") return [];
  return [...laneContent(column), played.value.column === column ? played.value : null];
}

const drawn = new Map(); // id of a row -> all that its pixels on the canvas were drawn of

export function paintGround(g, { width, height, ratio, scroll, font, isCleared }) {
  const { from, to } = view.value;
  const topOf = (row) => Math.round(HEADER + row.top - scroll);
  const scene = { g, width, height, ratio, from, to, perSecond: perSecond.value, topOf };
  const shared = [song.value, from, to, width, height, ratio, colours.value, beats.value, loop.value];
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.font = font;
  if (isCleared) drawn.clear();
  if (!song.value || !(width > 0)) {
    drawn.clear();
    return fill(g, 0, 0, width, height);
  }
  let end = HEADER;
  for (const row of rows.value) {
    const top = topOf(row);
    end = top + row.height;
    if (end <= HEADER || top >= height) drawn.delete(row.id);
    else if (isNew(row.id, [...shared, top, row.height, ...contentOf(row)])) paintRow(scene, row, top);
  }
  for (const id of drawn.keys()) if (id !== "header" && !rows.value.some((row) => row.id === id)) drawn.delete(id);
  if (end < height) fill(g, 0, end, width, height - end);
  if (isNew("header", [...shared, scroll, measure.value])) {
    drawRuler(scene);
    drawMap(scene);
  }
}

function isNew(id, content) {
  const before = drawn.get(id);
  if (before?.length === content.length && content.every((part, i) => part === before[i])) return false;
  drawn.set(id, content);
  return true;
}

function fill(g, x, y, width, height) {
  g.fillStyle = css("panel");
  g.fillRect(x, y, width, height);
}

function paintRow(scene, row, top) {
  const { g, width } = scene;
  const [begin, end] = [Math.max(HEADER, top), top + row.height];
  g.save();
  g.beginPath();
  g.rect(0, begin, width, end - begin);
  g.clip();
  fill(g, 0, top, width, row.height);
  drawGrid(scene);
  DRAW[row.kind](scene, top, row);
  g.fillStyle = css("line");
  g.fillRect(0, end - 1, width, 1);
  drawLoopShade(scene);
  g.restore();
}
