// Drags: each begins with a press, is moved, and ends; {move(point, event), end(point, event), cancel()}.
import { loop, selection } from "../state.js";
import { clock } from "../times.js";
import { scaled, shifted, takeStroke } from "./edits.js";
import { hand, newGesture, short, shows } from "./hand.js";
import { keysOf, select, selectedKeys, settle, writeLive } from "./keyframes.js";
import { boxOf, keyPoint, valueAt, yOf } from "./lanes.js";
import { pinning, pinsWith, writePins } from "./pins.js";
import { movePrompt, settlePrompt } from "./prompts.js";
import { holdRange } from "./ranges.js";
import { snapped } from "./snap.js";
import { panBy, perSecond, secondsAt, xOf } from "./view.js";

const TOLERANCE = 2; // pixels that a drawn line may be off

const isFree = (event) => event.ctrlKey || event.metaKey;
const times = (keys) => keys.map(({ time }) => time);

/** Pan by what the pointer moves, and scroll the rows. */
export function panning({ x, y }, scroller) {
  let [lastX, lastY] = [x, y];
  return {
    cursor: "grabbing",
    move(point) {
      panBy((lastX - point.x) / perSecond.peek());
      scroller.scrollTop += lastY - point.y;
      [lastX, lastY] = [point.x, point.y];
    },
    end() {},
  };
}

/** A range on the ruler to loop, or another end for the one that is there. */
export function looping({ x }) {
  const ends = loop.peek()?.map(xOf);
  const old = loop.peek();
  const near = ends?.findIndex((end) => Math.abs(end - x) < 6) ?? -1;
  const fixed = near >= 0 ? old[1 - near] : snapped(secondsAt(x));
  return {
    cursor: "ew-resize",
    move(point, event) {
      const at = Math.max(0, snapped(secondsAt(point.x), isFree(event)));
      const range = [Math.min(fixed, at), Math.max(fixed, at)];
      if (range[1] - range[0] > 0.02) loop.value = range;
      shows({ label: { ...point, text: `${clock(range[0])} – ${clock(range[1])}` } });
    },
    end: () => shows({ label: null }),
    cancel: () => (loop.value = old),
  };
}

/** What a drag of keys writes and takes back; `change` gives keys and those that were changed for a pointer. */
function editing(column, name, change, tell) {
  const before = keysOf(column);
  const chosen = times(selectedKeys());
  const gesture = newGesture(name);
  let wrote = false;
  holdRange(column);
  return {
    cursor: "move",
    move(point, event) {
      const { keys, changed } = change(point, event);
      wrote = true;
      writeLive(column, keys, `${name} keys of ${column}`, gesture);
      select(column, times(changed));
      shows({ label: { ...point, text: tell(changed) } });
    },
    end() {
      holdRange(null);
      shows({ label: null });
      settle();
    },
    cancel() {
      if (wrote) writeLive(column, before, `${name} keys of ${column}`, gesture);
      select(column, chosen);
      this.end();
    },
  };
}

const said = (keys) => {
  const [key] = keys;
  return keys.length > 1 ? `${keys.length} keys` : `${clock(key.seconds, 3)}   ${short(key.value)}`;
};

/** Move the selected keys with the one under the pointer, which snaps. */
export function movingKeys(row, key, point) {
  const { column, height } = row;
  const [before, chosen] = [keysOf(column), selectedKeys()];
  const grabbed = key.seconds - secondsAt(point.x); // of a press beside its middle
  const change = ({ x, y }, event) => {
    const seconds = snapped(secondsAt(x) + grabbed, isFree(event)) - key.seconds;
    return shifted(column, before, chosen, seconds, valueAt(column, y, height) - valueAt(column, point.y, height));
  };
  return editing(column, "move", change, said);
}

/** Scale the selected keys about the far end of their box: `side` of it is pulled, or a key with Alt. */
export function scalingKeys(row, side, point) {
  const { column, height } = row;
  const [before, chosen, box] = [keysOf(column), selectedKeys(), boxOf(row)];
  const points = chosen.map((key) => keyPoint(column, key, height));
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const pulled = side ?? (point.x > (box.left + box.right) / 2 ? "right" : "left");
  const fixedX = pulled === "left" ? Math.max(...xs) : Math.min(...xs);
  const fixedY =
    pulled === "top" ? Math.max(...ys) : pulled === "bottom" ? Math.min(...ys) : yOf(column, chosen[0].value, height);
  const about = { seconds: secondsAt(fixedX), value: valueAt(column, fixedY, height) };
  const inTime = pulled === "left" || pulled === "right";
  const end = pulled === "left" ? chosen[0].seconds : chosen.at(-1).seconds;
  const shift = point.x - xOf(end);
  const farY = pulled === "top" ? Math.min(...ys) : Math.max(...ys);
  const change = ({ x, y }, event) => {
    const to = snapped(secondsAt(x - shift), isFree(event));
    const wide = inTime ? (to - about.seconds) / (end - about.seconds || 1) : 1;
    const tall = !inTime && farY !== fixedY ? (y - (point.y - farY) - fixedY) / (farY - fixedY) : 1;
    return scaled(column, before, chosen, about, Math.max(0.01, wide), tall);
  };
  return editing(column, "scale", change, (keys) => `${keys.length} keys`);
}

/** Select keys of a lane by a rubber band; those that were selected stay so. */
export function banding(row, top, point) {
  const { column, height } = row;
  const { lane, keys } = selection.peek();
  const kept = lane === column ? [...keys] : [];
  return {
    cursor: "crosshair",
    move({ x, absolute }) {
      const band = {
        left: Math.min(point.x, x),
        right: Math.max(point.x, x),
        top: Math.max(top, Math.min(point.absolute, absolute)),
        bottom: Math.min(top + height, Math.max(point.absolute, absolute)),
      };
      const inside = keysOf(column).filter((key) => {
        const [kx, ky] = keyPoint(column, key, height);
        return kx >= band.left && kx <= band.right && top + ky >= band.top && top + ky <= band.bottom;
      });
      select(column, [...kept, ...times(inside)]);
      shows({ band });
    },
    end: () => shows({ band: null }),
    cancel: () => select(column, kept),
  };
}

/** Draw by hand: the line becomes keys when it is let go. */
export function drawing(row, top, point) {
  const { column, height } = row;
  const points = [];
  const add = ({ x, y }) => {
    const held = Math.max(0, Math.min(height, y));
    points.push([x, held, secondsAt(x), valueAt(column, held, height)]);
    hand.stroke.push([x, top + held]);
  };
  shows({ stroke: [] });
  add(point);
  return {
    cursor: "crosshair",
    move(at) {
      add(at);
      shows({});
    },
    end() {
      takeStroke(column, points, TOLERANCE);
      shows({ stroke: null });
    },
    cancel: () => shows({ stroke: null }),
  };
}

/** Drag a beat: it is pinned where it is let go. */
export function draggingBeat(i, original) {
  let pins = null;
  return {
    cursor: "ew-resize",
    move({ x, y }, event) {
      const seconds = snapped(secondsAt(x), true);
      pins = pinsWith(i, seconds, event.altKey);
      pinning.value = pins;
      const off = Math.round(1000 * (seconds - original));
      shows({ label: { x, y, text: `${off > 0 ? "+" : ""}${off} ms` } });
    },
    async end() {
      shows({ label: null });
      if (pins) await writePins(pins, "pin a beat");
      pinning.value = null;
    },
    cancel: () => (pinning.value = null),
  };
}

/** Let a prompt begin elsewhere. */
export function draggingPrompt({ source, seconds }, point) {
  const gesture = newGesture("prompt");
  const grabbed = seconds - secondsAt(point.x);
  return {
    cursor: "ew-resize",
    move({ x, y }, event) {
      const at = snapped(secondsAt(x) + grabbed, isFree(event));
      movePrompt(source, at, gesture);
      shows({ label: { x, y, text: clock(Math.max(0, at)) } });
    },
    end() {
      shows({ label: null });
      settlePrompt();
    },
    cancel() {
      movePrompt(source, seconds, gesture);
      settlePrompt();
    },
  };
}
