// The keyboard of the timeline: all that the pointer can do.
import { command } from "../keys.js";
import { duration, fps, loop, playhead, selectedPrompt, selection, snapping, song, view, say } from "../state.js";
import { seek } from "../sound.js";
import * as edits from "./edits.js";
import { QUICK } from "./eases.js";
import { menu, newGesture, pen } from "./hand.js";
import { keysOf, select, selectedKeys } from "./keyframes.js";
import { keyPoint } from "./lanes.js";
import { pinsWith, unpin, writePins } from "./pins.js";
import { removePrompt } from "./prompts.js";
import { rangeOf } from "./ranges.js";
import { columns, fold, HEADER, moveLane, rows } from "./rows.js";
import { measure } from "./ruler.js";
import { KINDS, nearest, step } from "./snap.js";
import { reveal, showAll, zoomAbout } from "./view.js";

let run = null; // the gesture of nudges that follow each other: one step of undo
let rest = 0;

/** Nudges in a row have one gesture, until the keys rest. */
function nudging() {
  clearTimeout(rest);
  rest = setTimeout(() => (run = null), 800);
  run ??= newGesture("nudge");
  return run;
}

function go(seconds) {
  seek(seconds);
  reveal(playhead.peek());
}

const byFrames = (frames) => Math.round(playhead.peek() * fps.peek() + frames) / fps.peek();
const hasKeys = () => selectedKeys().length > 0;

function sideways(way, isFar) {
  if (!song.peek()) return;
  if (!hasKeys()) return go(isFar ? step(playhead.peek(), way, "beats") : byFrames(way));
  const first = selectedKeys()[0].seconds;
  const to = isFar ? step(first, way) : first + way / fps.peek();
  edits.nudge(to - first, 0, nudging());
}

function upwards(way, part) {
  const { lane } = selection.peek();
  if (hasKeys()) {
    const [low, high] = rangeOf(lane);
    return edits.nudge(0, way * part * (high - low), nudging());
  }
  const all = columns.peek();
  const next = all[Math.max(0, Math.min(all.length - 1, lane ? all.indexOf(lane) - way : 0))];
  if (next) select(next);
}

/** Scale the selected keys in time about the first, or in value about their middle. */
function scale(wide, tall) {
  const { lane } = selection.peek();
  const chosen = selectedKeys();
  if (chosen.length < 2) return;
  const values = chosen.map(({ value }) => value);
  const about = { seconds: chosen[0].seconds, value: (Math.min(...values) + Math.max(...values)) / 2 };
  edits.scaleSelected(lane, about, wide, tall, nudging());
}

function zoom(factor) {
  const { from, to } = view.peek();
  const at = playhead.peek();
  zoomAbout(at >= from && at <= to ? at : (from + to) / 2, factor);
}

/** The loop of before, else the bar at the playhead; none where there is one. */
let lastLoop = null;
function toggleLoop() {
  if (loop.peek()) {
    lastLoop = loop.peek();
    loop.value = null;
  } else if (song.peek()) {
    const start = nearestBefore(song.peek().events.downbeats.seconds);
    loop.value = lastLoop ?? [start, step(start + 0.01, 1, "bars")];
  }
}

const nearestBefore = (times) => times.findLast((seconds) => seconds <= playhead.peek() + 1e-3) ?? 0;

function loopEnd(which) {
  const range = [...(loop.peek() ?? [0, duration.peek()])];
  range[which] = playhead.peek();
  if (range[1] - range[0] < 0.02) range[1 - which] = which ? 0 : duration.peek();
  loop.value = range;
}

/** Pin the beat that is nearest to the playhead there. */
function pinHere(alone) {
  const all = song.peek()?.events.beats.seconds ?? [];
  const beat = nearest(all, playhead.peek());
  if (beat !== null) writePins(pinsWith(all.indexOf(beat), playhead.peek(), alone), "pin a beat");
}

function unpinHere() {
  const beat = nearest(song.peek()?.events.beats.seconds ?? [], playhead.peek());
  if (beat !== null && !unpin(beat)) say("the beat at the playhead is not pinned");
}

function remove() {
  if (hasKeys()) edits.removeSelected();
  else if (selectedPrompt.peek() !== null) removePrompt(selectedPrompt.peek());
}

function openMenu() {
  const { lane } = selection.peek();
  const row = rows.peek().find(({ column }) => column === lane);
  const [key] = selectedKeys();
  if (!row || !key) return;
  const [x, y] = keyPoint(lane, key, row.height);
  menu.value = { x, y: HEADER + row.top + y, isBelow: true };
}

function addHere() {
  const { lane } = selection.peek();
  if (lane) edits.addKey(lane, playhead.peek(), edits.valueNow(lane, playhead.peek()));
}

function other(way) {
  const key = edits.selectNext(way);
  if (key) reveal(key.seconds);
}

const turn = (values, value) => values[(values.indexOf(value) + 1) % values.length];
const T = "Timeline";
command("ArrowLeft", "A frame back; selected keys too", T, () => sideways(-1, false));
command("ArrowRight", "A frame on; selected keys too", T, () => sideways(1, false));
command("Shift+ArrowLeft", "A beat back; selected keys by a step of the snap", T, () => sideways(-1, true));
command("Shift+ArrowRight", "A beat on; selected keys by a step of the snap", T, () => sideways(1, true));
command("[", "To the beat before", T, () => song.peek() && go(step(playhead.peek(), -1, "beats")));
command("]", "To the next beat", T, () => song.peek() && go(step(playhead.peek(), 1, "beats")));
command("{", "To the bar before", T, () => song.peek() && go(step(playhead.peek(), -1, "bars")));
command("}", "To the next bar", T, () => song.peek() && go(step(playhead.peek(), 1, "bars")));
command("Home", "To the beginning", T, () => go(0));
command("End", "To the end", T, () => go(duration.peek()));
command("+", "Zoom in", T, () => zoom(1.5));
command("=", "Zoom in", T, () => zoom(1.5));
command("-", "Zoom out", T, () => zoom(1 / 1.5));
command("0", "Show all of the song", T, showAll);
command("L", "Loop the bar, or no loop", T, toggleLoop);
command("I", "The loop begins here", T, () => song.peek() && loopEnd(0));
command("O", "The loop ends here", T, () => song.peek() && loopEnd(1));
command("S", "Snap to: the next kind", T, () => (snapping.value = turn(KINDS, snapping.peek())));
command("M", "Ruler in time or bars", T, () => (measure.value = turn(["time", "bars"], measure.peek())));

const K = "Keys of a lane";
command("ArrowUp", "Selected keys up, else the lane above", K, () => upwards(1, 0.01));
command("ArrowDown", "Selected keys down, else the lane below", K, () => upwards(-1, 0.01));
command("Shift+ArrowUp", "Selected keys far up", K, () => upwards(1, 0.1));
command("Shift+ArrowDown", "Selected keys far down", K, () => upwards(-1, 0.1));
command("Enter", "Add a key at the playhead", K, addHere);
command(",", "Select the key before", K, () => other(-1));
command(".", "Select the next key", K, () => other(1));
command("Ctrl+A", "Select all keys", K, edits.selectAll);
command("Ctrl+C", "Copy keys", K, edits.copySelected);
command("Ctrl+X", "Cut keys", K, () => edits.copySelected() && edits.removeSelected());
command("Ctrl+V", "Paste keys at the playhead", K, edits.paste);
command("Delete", "Remove keys, or the selected prompt", K, remove);
command("Backspace", "Remove keys, or the selected prompt", K, remove);
command("Ctrl+ArrowLeft", "Selected keys closer together", K, () => scale(1 / 1.1, 1));
command("Ctrl+ArrowRight", "Selected keys farther apart", K, () => scale(1.1, 1));
command("Ctrl+ArrowUp", "Selected keys: more contrast", K, () => scale(1, 1.1));
command("Ctrl+ArrowDown", "Selected keys: less contrast", K, () => scale(1, 1 / 1.1));
command("P", "Draw by hand, or no more", K, () => (pen.value = !pen.peek()));
command("N", "Menu of easings of the selected keys", K, openMenu);
QUICK.forEach((ease, i) => command(String(i + 1), `Ease: ${ease}`, K, () => edits.easeSelected(ease)));
command("F", "Fold the lane, or unfold it", K, () => selection.peek().lane && fold(`lane:${selection.peek().lane}`));
command("Alt+ArrowUp", "The lane up", K, () => moveLane(selection.peek().lane, -1));
command("Alt+ArrowDown", "The lane down", K, () => moveLane(selection.peek().lane, 1));
command("Escape", "Select nothing", K, () => {
  menu.value = null;
  pen.value = false;
  if (selection.peek().keys.size) select(selection.peek().lane);
});

command("G", "Pin the nearest beat at the playhead", "Grid", () => pinHere(false));
command("Shift+G", "Pin it, and its neighbours where they are", "Grid", () => pinHere(true));
command("Alt+G", "Remove the pin of the nearest beat", "Grid", unpinHere);

/** What is read out: where the playhead stands, and what is selected. */
export function told() {
  const { lane } = selection.value;
  const chosen = selectedKeys();
  if (!lane) return "";
  if (!chosen.length) return `lane ${lane}, ${keysOf(lane).length} keys`;
  if (chosen.length > 1) return `lane ${lane}, ${chosen.length} keys selected`;
  const [{ seconds, value, ease }] = chosen;
  const place = `${keysOf(lane).indexOf(chosen[0]) + 1} of ${keysOf(lane).length}`;
  return `lane ${lane}, key ${place}: ${value} at ${seconds.toFixed(2)} seconds, ${ease}`;
}
