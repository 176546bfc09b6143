// What moves over the canvas: playhead, the pointer's line and label, a rubber band; only a drawn line needs pixels.
import { playhead } from "../state.js";
import { css } from "./colours.js";
import { hand } from "./hand.js";
import { mapX } from "./map.js";
import { HEADER } from "./rows.js";
import { width, xOf } from "./view.js";

const PARTS = ["playhead", "mapplay", "hover", "band", "label"];
let hadStroke = false;

/** The elements of the overlay, in a box that lies over the canvas. */
export function overlayIn(box) {
  const parts = Object.fromEntries(PARTS.map((name) => [name, document.createElement("div")]));
  for (const [name, part] of Object.entries(parts)) part.className = `tl-${name}`;
  box.replaceChildren(...Object.values(parts));
  return parts;
}

function put(part, isThere, x, y = 0) {
  if (part.hidden !== !isThere) part.hidden = !isThere;
  if (isThere) part.style.transform = `translate(${x}px, ${y}px)`;
}

/** Put all of it where it belongs now. */
export function showOverlay(parts, g, { height, ratio }) {
  const wide = width.peek();
  const x = Math.round(xOf(playhead.peek()));
  put(parts.playhead, x >= -1 && x <= wide + 1, x);
  put(parts.mapplay, true, Math.round(mapX(playhead.peek())));
  put(parts.hover, hand.x !== null, Math.round(hand.x ?? 0));
  const { band, label, stroke } = hand;
  put(parts.band, Boolean(band), band?.left, band?.top);
  if (band)
    Object.assign(parts.band.style, { width: `${band.right - band.left}px`, height: `${band.bottom - band.top}px` });
  put(parts.label, Boolean(label), label?.x, Math.max(HEADER + 2, (label?.y ?? 0) - 28));
  if (label) {
    if (parts.label.textContent !== label.text) parts.label.textContent = label.text;
    parts.label.classList.toggle("left", label.x > wide - 190);
  }
  if (stroke || hadStroke) drawStroke(g, stroke, wide, height, ratio);
  hadStroke = Boolean(stroke);
}

function drawStroke(g, points, wide, height, ratio) {
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.clearRect(0, 0, wide, height);
  g.beginPath();
  for (const [x, y] of points ?? []) g.lineTo(x, y);
  g.strokeStyle = css("accent");
  g.lineWidth = 2;
  g.lineJoin = "round";
  g.stroke();
}
