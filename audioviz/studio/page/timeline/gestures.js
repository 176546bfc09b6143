// The pointer on the canvas: what a press, a drag, a double click and the wheel mean where they happen.
import { loop, selectedPrompt, selection } from "../state.js";
import { seek } from "../sound.js";
import { clock } from "../times.js";
import { COLOUR, hexOf } from "./colours.js";
import { banding, draggingBeat, draggingPrompt, drawing, looping, movingKeys, panning, scalingKeys } from "./drags.js";
import { addKey, canEdit, valueNow } from "./edits.js";
import { menu, pen, short, shows } from "./hand.js";
import { isWritten, select, selectedKeys } from "./keyframes.js";
import { boxOf, handlesOf, keyAt, valueAt } from "./lanes.js";
import { mapDrag } from "./map.js";
import { beats, unpin } from "./pins.js";
import { promptAt } from "./prompts.js";
import { fold, HEADER, MAP, rowAt } from "./rows.js";
import { snapped } from "./snap.js";
import { beatAt } from "./sounds.js";
import { panBy, perSecond, secondsAt, xOf, zoomAbout } from "./view.js";

const STILL = 3; // pixels that a click may move

/** Listen to a canvas; rows are scrolled by `scroller`. Returns what stops it. */
export function listen(canvas, scroller) {
  let drag = null; // that is under way
  let press = null; // {x, y, absolute, begin}: a press that has not moved yet

  const pointOf = (event) => {
    const box = canvas.getBoundingClientRect();
    const [x, absolute] = [event.clientX - box.left, event.clientY - box.top];
    const found = rowAt(absolute, scroller.scrollTop);
    return { x, y: absolute, absolute, found };
  };
  const inRow = (point, row) => {
    const top = HEADER + row.top - scroller.scrollTop;
    return { ...point, y: point.absolute - top };
  };

  /** The drag that a press here begins when it moves. */
  function beginning(point, event) {
    const { x, absolute, found } = point;
    if (event.button === 1) return () => panning(point, scroller);
    if (absolute < MAP) return null; // the map moves at once
    if (absolute < HEADER) return () => looping(point);
    const { row, inside } = found ?? {};
    if (row?.kind === "beats") {
      const i = beatAt(x);
      if (i >= 0) return () => draggingBeat(i, beats.peek().beats[i]);
    }
    if (row?.kind === "prompts") {
      const prompt = promptAt(x);
      if (prompt?.block.source !== null && prompt?.isEdge) return () => draggingPrompt(prompt.block, point);
    }
    if (row?.kind === "lane" && !row.isFolded) {
      const own = inLane(row, inRow(point, row), inside, event);
      if (own) return own;
    }
    return () => panning(point, scroller);
  }

  function inLane(row, point, inside, event) {
    const { column } = row;
    const top = HEADER + row.top - scroller.scrollTop;
    const wrap = (drag) => ({
      ...drag,
      move: (at, moved) => drag.move(inRow(at, row), moved),
      end: (...all) => drag.end(...all),
      cancel: () => drag.cancel(),
    });
    if (pen.peek() && !isWritten(column)) return () => wrap(drawing(row, top, point));
    const box = boxOf(row);
    const side =
      box && Object.entries(handlesOf(box)).find(([, [x, y]]) => Math.hypot(x - point.x, y - inside) < 8)?.[0];
    if (side) return () => wrap(scalingKeys(row, side, point));
    const key = keyAt(row, point.x, inside);
    if (key && !canEdit(column)) return null;
    if (key) {
      pick(column, key, event);
      if (event.altKey && boxOf(row)) return () => wrap(scalingKeys(row, null, point));
      if (selection.peek().keys.has(key.time)) return () => wrap(movingKeys(row, key, point));
      return null;
    }
    return event.shiftKey ? () => wrap(banding(row, top, point)) : null;
  }

  /** Select a key: alone, or with Shift among others. */
  function pick(column, key, event) {
    const { lane, keys } = selection.peek();
    const has = lane === column && keys.has(key.time);
    if (event.shiftKey) {
      const rest = lane === column ? [...keys] : [];
      select(column, has ? rest.filter((time) => time !== key.time) : [...rest, key.time]);
    } else if (!has) {
      select(column, [key.time]);
    }
  }

  function down(event) {
    if (event.button === 2) return;
    menu.value = null;
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    const point = pointOf(event);
    if (point.absolute < MAP && event.button === 0) {
      const move = mapDrag(point.x);
      drag = { cursor: "grabbing", move: ({ x }) => move(x), end() {} };
      return;
    }
    press = { ...point, begin: beginning(point, event) };
  }

  function move(event) {
    const point = pointOf(event);
    if (press && !drag && Math.hypot(point.x - press.x, point.absolute - press.absolute) > STILL) {
      drag = press.begin?.() ?? null;
      if (!drag) press = null;
    }
    if (!drag) return hover(point);
    canvas.style.cursor = drag.cursor;
    drag.move(point, event);
    shows({ x: null });
  }

  function up(event) {
    const point = pointOf(event);
    if (drag) drag.end(point, event);
    else if (press) click(point);
    drag = press = null;
    hover(point);
  }

  function cancel() {
    drag?.cancel?.();
    drag = press = null;
  }

  function click(point) {
    const { x, absolute, found } = point;
    const { row, inside } = found ?? {};
    if (row?.kind === "prompts") {
      const source = promptAt(x)?.block.source ?? null;
      selectedPrompt.value = source;
      if (source !== null) return;
    }
    if (row?.kind === "lane") {
      if (keyAt(row, x, inside)) return;
      select(row.column);
    }
    if (absolute >= MAP) seek(snapped(secondsAt(x)));
  }

  function double(event) {
    const point = pointOf(event);
    const { x, absolute, found } = point;
    if (absolute < HEADER && absolute >= MAP) return (loop.value = null);
    const { row, inside } = found ?? {};
    if (row?.kind === "beats" && beatAt(x) >= 0) return unpin(beats.peek().beats[beatAt(x)]);
    if (row?.kind !== "lane" || pen.peek()) return;
    if (row.isFolded) return fold(row.id);
    if (keyAt(row, x, inside)) return;
    const seconds = snapped(secondsAt(x), event.ctrlKey || event.metaKey);
    const isAsItIs = event.altKey || row.column === COLOUR;
    const value = isAsItIs ? valueNow(row.column, seconds) : valueAt(row.column, inside, row.height);
    addKey(row.column, seconds, value);
  }

  function hover({ x, absolute, found }) {
    const { row, inside } = found ?? {};
    let cursor = "default";
    let label = null;
    if (absolute < MAP) cursor = "grab";
    else if (absolute < HEADER) cursor = loop.peek()?.some((end) => Math.abs(xOf(end) - x) < 6) ? "ew-resize" : "text";
    else if (row?.kind === "beats" && beatAt(x) >= 0) cursor = "ew-resize";
    else if (row?.kind === "prompts" && promptAt(x)?.isEdge) cursor = "ew-resize";
    else if (row?.kind === "lane" && !row.isFolded) {
      const key = keyAt(row, x, inside);
      if (key) {
        cursor = "move";
        const value = row.column === COLOUR ? hexOf(key.value) : short(key.value);
        label = { x, y: absolute, text: `${clock(key.seconds, 2)}   ${value}   ${key.ease}` };
      } else if (pen.peek()) cursor = "crosshair";
    }
    canvas.style.cursor = cursor;
    shows({ x, label });
  }

  function wheel(event) {
    const unit = event.deltaMode === 1 ? 16 : 1;
    const [dx, dy] = [event.deltaX * unit, event.deltaY * unit];
    event.preventDefault();
    if (event.altKey) scroller.scrollTop += dy;
    else if (event.shiftKey || Math.abs(dx) > Math.abs(dy)) panBy((dx || dy) / perSecond.peek());
    else zoomAbout(secondsAt(pointOf(event).x), Math.exp(-dy * (event.ctrlKey ? 0.01 : 0.0022)));
  }

  function context(event) {
    event.preventDefault();
    const point = pointOf(event);
    const { row, inside } = point.found ?? {};
    const key = row?.kind === "lane" && keyAt(row, point.x, inside);
    if (!key || !canEdit(row.column)) return;
    if (!selectedKeys().includes(key)) select(row.column, [key.time]);
    menu.value = { x: point.x, y: point.absolute };
  }

  const leave = () => drag || shows({ x: null, label: null });
  const escape = (event) => event.key === "Escape" && drag && (cancel(), event.stopImmediatePropagation());
  const all = [
    ["pointerdown", down],
    ["pointermove", move],
    ["pointerup", up],
    ["pointercancel", cancel],
    ["pointerleave", leave],
    ["dblclick", double],
    ["contextmenu", context],
  ];
  for (const [name, listener] of all) canvas.addEventListener(name, listener);
  canvas.addEventListener("wheel", wheel, { passive: false });
  window.addEventListener("keydown", escape, true);
  return () => {
    for (const [name, listener] of all) canvas.removeEventListener(name, listener);
    canvas.removeEventListener("wheel", wheel);
    window.removeEventListener("keydown", escape, true);
  };
}
