// The rows of the timeline from top to bottom, and what the user made of them: height, fold, order.
import { catalog, plan, project, song } from "../state.js";
import { computed, signal } from "../ui.js";
import { taps } from "./hand.js";

export const MAP = 24; // height of the map of the whole song, pixels
export const RULER = 24;
export const HEADER = MAP + RULER;
export const FOLDED = 18;
const HEIGHTS = { sections: 18, wave: 54, beats: 20, hits: 36, taps: 16, prompts: 26, strip: 46, lane: 58 };
const LEAST = { wave: 28, strip: 24, lane: 30 }; // of the rows whose height can be dragged
const TITLES = {
  sections: "Sections",
  wave: "Sound",
  beats: "Beats",
  hits: "Hits",
  prompts: "Prompts",
  strip: "Frames",
};

export const heights = signal({}); // id of a row -> pixels
export const folded = signal(new Set(["lane:seed", "lane:seed_to"]));
export const added = signal([]); // columns that are shown without being in use
export const order = signal([]); // columns, as far as the user has put them in order

/** Columns that have a lane: those of the schedule, of the project, and what was added. */
export const columns = computed(() => {
  const scripted = (plan.value?.columns ?? []).filter((name) => plan.value[`final:${name}`]);
  const drawn = Object.keys(project.value?.lanes ?? {});
  const seeds = scripted.filter((name) => name.startsWith("seed"));
  const all = [
    ...new Set([
      ...order.value,
      ...drawn,
      ...added.value,
      ...scripted.filter((name) => !seeds.includes(name)),
      ...seeds,
    ]),
  ];
  return all.filter((name) => drawn.includes(name) || added.value.includes(name) || scripted.includes(name));
});

export const rows = computed(() => {
  if (!song.value) return [];
  const tapped = taps.value.seconds.length ? [taps.value.name] : [];
  const own = [...new Set([...Object.keys(project.value?.song.events ?? {}), ...tapped])];
  const ofTaps = own.map((name) => ({ id: `taps:${name}`, kind: "taps", title: name }));
  const fixed = ["sections", "wave", "beats", "hits"].map((kind) => ({ id: kind, kind, title: TITLES[kind] }));
  const below = ["prompts", "strip"].map((kind) => ({ id: kind, kind, title: TITLES[kind] }));
  const lanes = columns.value.map((column) => ({ id: `lane:${column}`, kind: "lane", column, title: column }));
  let top = 0;
  return [...fixed, ...ofTaps, ...below, ...lanes].map((row) => {
    const isFolded = folded.value.has(row.id);
    const height = isFolded ? FOLDED : (heights.value[row.id] ?? HEIGHTS[row.kind]);
    top += height;
    return {
      ...row,
      top: top - height,
      height,
      isFolded,
      canFold: row.kind in LEAST,
      canResize: row.kind in LEAST && !isFolded,
    };
  });
});

export const total = computed(() => rows.value.reduce((sum, { height }) => sum + height, 0));

/** The row at a height of the canvas, and how far below its top. */
export function rowAt(y, scroll) {
  const below = y - HEADER + scroll;
  const row = y < HEADER ? null : rows.value.find(({ top, height }) => below >= top && below < top + height);
  return row ? { row, inside: below - row.top } : null;
}

export function fold(id) {
  const next = new Set(folded.peek());
  if (!next.delete(id)) next.add(id);
  folded.value = next;
}

export function resize(row, height) {
  heights.value = { ...heights.peek(), [row.id]: Math.round(Math.max(LEAST[row.kind], Math.min(400, height))) };
}

/** Put a lane some places further down, or up. */
export function moveLane(column, by) {
  const all = [...columns.peek()];
  const from = all.indexOf(column);
  const to = Math.max(0, Math.min(all.length - 1, from + by));
  if (from < 0 || to === from) return;
  all.splice(to, 0, ...all.splice(from, 1));
  order.value = all;
}

export function showColumn(column) {
  if (!added.peek().includes(column)) added.value = [...added.peek(), column];
  if (folded.peek().has(`lane:${column}`)) fold(`lane:${column}`);
}

export function hideColumn(column) {
  added.value = added.peek().filter((name) => name !== column);
}

/** What a column is, as the catalog says it. */
export const aboutColumn = (column) => catalog.value?.columns.find(({ name }) => name === column)?.about ?? "";
