// The row of prompts: a block from each to the next, whose beginning can be dragged.
import { changeLive, duration, plan, project, selectedPrompt, song } from "../state.js";
import { entry, parts, withTimes } from "../panels/written.js";
import { key } from "../times.js";
import { computed, signal } from "../ui.js";
import { css } from "./colours.js";
import { xOf } from "./view.js";

const GRIP = 6; // pixels beside the beginning of a block
const moving = signal(null); // {source, seconds} of the block that is dragged

/**
 * The blocks to show: {seconds, from, end, text, negative, source}; source is the place in the project, or null. The
 * first holds before its time too.
 */
export const blocks = computed(() => {
  const found = (plan.value?.prompts ?? []).map((each) => {
    const isMoved = moving.value && each.source === moving.value.source;
    return { ...each, seconds: isMoved ? moving.value.seconds : each.seconds, source: each.source ?? null };
  });
  found.sort((a, b) => a.seconds - b.seconds);
  return found.map((each, i) => {
    return { ...each, from: i ? each.seconds : 0, end: found[i + 1]?.seconds ?? duration.value };
  });
});

export function drawPrompts({ g, from, to, width }, top, height) {
  g.textBaseline = "middle";
  g.textAlign = "left";
  for (const { from: begin, end, text, source, ease } of blocks.value) {
    if (end < from || begin > to) continue;
    const [x0, x1] = [Math.max(-4, xOf(begin)), Math.min(width + 4, xOf(end))];
    const isChosen = source !== null && source === selectedPrompt.value;
    g.beginPath();
    g.roundRect(x0 + 1, top + 2, Math.max(2, x1 - x0 - 2), height - 4, 4);
    g.fillStyle = isChosen ? css("accent", 0.3) : css("accent", source === null ? 0.07 : 0.14);
    g.fill();
    g.strokeStyle = isChosen ? css("accent") : css("accent", 0.45);
    if (source === null) g.setLineDash([3, 3]); // the schedule's own
    g.stroke();
    g.setLineDash([]);
    g.fillStyle = css("accent");
    if (ease === "hold") g.fillRect(x0 + 1, top + 3, 3, height - 6); // it begins at once, without a transition
    if (x1 - x0 < 24) continue;
    g.save();
    g.beginPath();
    g.rect(x0 + 2, top, x1 - x0 - 8, height);
    g.clip();
    g.fillStyle = css("ink");
    g.fillText(text, Math.max(6, x0 + 8), top + height / 2 + 0.5);
    g.restore();
  }
}

/** What of the row is under a pointer: {block, isEdge}; the edge is the block's beginning. */
export function promptAt(x) {
  const edge = blocks.value.find(
    ({ seconds, source }) => source !== null && seconds > 0 && Math.abs(xOf(seconds) - x) <= GRIP,
  );
  if (edge) return { block: edge, isEdge: true };
  const block = blocks.value.find(({ from, end }) => xOf(from) <= x && xOf(end) > x);
  return block ? { block, isEdge: false } : null;
}

let sent = Promise.resolve();

/** Let a prompt of the project begin at another moment. */
export function movePrompt(source, seconds, gesture) {
  const at = Number(Math.max(0, Math.min(duration.peek(), seconds)).toFixed(3));
  const entries = withTimes(project.peek().prompts, song.peek(), plan.peek()?.prompts);
  const old = entries[source];
  const isRecord = typeof old !== "string";
  const moved = isRecord ? { ...old, seconds: at } : entry({ ...parts(old, song.peek()), time: key(at) });
  moving.value = { source, seconds: at };
  sent = Promise.all([sent, changeLive([[["prompts"], entries.with(source, moved)]], "move a prompt", gesture)]);
}

/** The drag is over: the plan's blocks are shown again when it has them. */
export function settlePrompt() {
  const last = moving.peek();
  sent.then(() => setTimeout(() => moving.peek() === last && (moving.value = null), 150));
}

export function removePrompt(source) {
  const entries = withTimes(project.peek().prompts, song.peek(), plan.peek()?.prompts);
  selectedPrompt.value = null;
  changeLive([[["prompts"], entries.toSpliced(source, 1)]], "remove a prompt");
}
