// Icons: drawn by strokes in a box of 16 by 16; words that stand beside them, or a label, say what they mean.
import { html } from "../ui.js";

const PATHS = {
  undo: "M3 6h6.5a3.5 3.5 0 0 1 0 7H6M6 3 3 6l3 3",
  redo: "M13 6H6.5a3.5 3.5 0 0 0 0 7H10M10 3l3 3-3 3",
  play: "M5 3v10l8-5z",
  pause: "M5 3v10M11 3v10",
  loop: "M3 8V7a3 3 0 0 1 3-3h7M10.5 1.5 13 4l-2.5 2.5M13 8v1a3 3 0 0 1-3 3H3M5.5 14.5 3 12l2.5-2.5",
  click: "M5 14h6L9 2H7zM8 10l4-6",
  pen: "M3 13l1-3.5L11 2.5l2.5 2.5L6.5 12zM9.5 4 12 6.5",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  close: "M4 4l8 8M12 4l-8 8",
  check: "M3 8.5 6.5 12 13 4.5",
  reset: "M3.5 8a4.5 4.5 0 1 0 1.5-3.4M3.5 2.5V5H6",
  sun: "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6M8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1",
  moon: "M13 9.5A5.5 5.5 0 1 1 6.5 3a4.5 4.5 0 0 0 6.5 6.5z",
  auto: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 2v12M8 5l4-.5M8 8h6M8 11l4 .5",
  help: "M6 6a2 2 0 1 1 2.8 1.8C8 8.3 8 8.8 8 9.5M8 12v.1",
  save: "M3 3h8l2 2v8H3zM5.5 3v3.5h4V3M5 13V9.5h6V13",
  song: "M6 12.5v-9l7-1.5v9M6 12.5a2 2 0 1 1-4 0 2 2 0 0 1 4 0M13 11a2 2 0 1 1-4 0 2 2 0 0 1 4 0",
  project: "M2.5 4h4l1.5 2h5.5v7h-11z",
  folder: "M2 4h4l1.5 1.5H14V13H2z",
  file: "M4 2h5l3 3v9H4zM9 2v3h3",
  copy: "M6 5h7v9H6zM10 5V2H3v9h3",
  compare: "M8 2v12M3 4h3M3 12h3M3 4v8M10 4h3v8h-3",
  film: "M2.5 3.5h11v9h-11zM5 3.5v9M11 3.5v9M2.5 8h11",
  left: "M10 3 5 8l5 5",
  right: "M6 3l5 5-5 5",
  down: "M3 6l5 5 5-5",
  search: "M7 3a4 4 0 1 0 0 8 4 4 0 0 0 0-8M10 10l3.5 3.5",
  record: "M8 4.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7",
  snap: "M4 3v5a4 4 0 0 0 8 0V3M4 5.5h2.5M9.5 5.5H12",
};

export function Icon({ name }) {
  return html`
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d=${PATHS[name]} /></svg>
  `;
}
