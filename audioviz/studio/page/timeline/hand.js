// What a hand does just now, before the project has it: the pointer, the pen, and what is performed.
import { signal } from "../ui.js";

export const pen = signal(false); // strokes in lanes are drawn, not panned
export const menu = signal(null); // {x, y} of the menu of easings
export const played = signal({ column: null, points: [] }); // [seconds, value], in the order they were played
export const taps = signal({ name: "taps", seconds: [] });
export const hand = { x: null, band: null, stroke: null, label: null };

let redraw = () => {};
export const onHand = (listener) => (redraw = listener);

/** Show something else of the pointer. */
export function shows(parts) {
  Object.assign(hand, parts);
  redraw();
}

/** A number as people read it. */
export const short = (value) =>
  typeof value !== "number"
    ? String(value)
    : Math.abs(value) >= 1000
      ? value.toFixed(0)
      : String(Number(value.toPrecision(3)));

let count = 0;

/** One name for all changes of one drag, so that they are one step of undo. */
export const newGesture = (what) => `${what} ${performance.timeOrigin} ${(count += 1)}`;
