// The window of time that is shown: seconds to pixels and back, zoom and pan.
import { duration, fps, playhead, song, view } from "../state.js";
import { batch, computed, effect, signal } from "../ui.js";

const FIRST = 45; // seconds that are shown of a long song at first
const FEWEST = 6; // frames

export const width = signal(0); // of the canvas, in CSS pixels
export const perSecond = computed(() => width.value / Math.max(1e-6, view.value.to - view.value.from));

export const xOf = (seconds) => (seconds - view.value.from) * perSecond.value;
export const secondsAt = (x) => view.value.from + x / perSecond.value;

/** Show a range, as far as the song has it. */
export function show(from, to) {
  const all = Math.max(duration.peek(), FEWEST / fps.peek());
  const span = Math.min(all, Math.max(FEWEST / fps.peek(), to - from));
  const begin = Math.max(0, Math.min(all - span, from));
  view.value = { from: begin, to: begin + span };
}

/** Zoom in (above 1) or out, and leave a moment where it stands. */
export function zoomAbout(seconds, factor) {
  const { from, to } = view.peek();
  const all = Math.max(duration.peek(), FEWEST / fps.peek());
  const span = Math.min(all, Math.max(FEWEST / fps.peek(), (to - from) / factor));
  const begin = seconds - ((seconds - from) / (to - from)) * span;
  show(begin, begin + span);
}

export function panBy(seconds) {
  const { from, to } = view.peek();
  show(from + seconds, to + seconds);
}

export const showAll = () => show(0, duration.peek());

/** Bring a moment into view; while the song plays, by whole windows. */
export function reveal(seconds) {
  const { from, to } = view.peek();
  if (seconds >= from && seconds < to) return;
  const begin = seconds - 0.08 * (to - from);
  show(begin, begin + to - from);
}

let shown = null; // the song whose first seconds were shown
effect(() => {
  const { sha256, duration: all } = song.value ?? {};
  if (!sha256 || sha256 === shown) return;
  shown = sha256;
  batch(() => {
    playhead.value = 0;
    show(0, all > 2 * FIRST ? FIRST : all);
  });
});
