// The toolbar over the timeline: play, loop, snap, and lanes by name.
import { commands } from "../keys.js";
import { duration, loop, playhead, playing, snapping, song } from "../state.js";
import { clicks, toggle, volume } from "../sound.js";
import { pen } from "../timeline/hand.js";
import { clock } from "../times.js";
import { html, useEffect, useRef, useSignal } from "../ui.js";
import { Button } from "./fields.js";
import { LaneMenu } from "./lanes.js";

const SNAPS = [
  ["off", "No snap"],
  ["frames", "Frames"],
  ["beats", "Beats"],
  ["bars", "Bars"],
  ["hits", "Hits"],
];

function AddLane() {
  const open = useSignal(false);
  const box = useRef(null);
  useEffect(() => {
    if (!open.value) return;
    box.current.querySelector("input").focus();
    const away = (event) => box.current.contains(event.target) || (open.value = false);
    window.addEventListener("pointerdown", away);
    return () => window.removeEventListener("pointerdown", away);
  }, [open.value]);
  const onKeyDown = (event) => event.key === "Escape" && (open.value = false);
  return html`<div class="menu" ref=${box} onKeyDown=${onKeyDown}>
    <${Button} icon="plus" aria-expanded=${String(open.value)} onClick=${() => (open.value = !open.value)}>
      Lane</${Button}>
    ${
      open.value &&
      html`
        <div class="popover up"><${LaneMenu} onDone=${() => (open.value = false)} /></div>
      `
    }
  </div>`;
}

/** A button for a command of the timeline, where that has one of these keys. */
function ByKey({ keys, icon, children, pressed }) {
  const found = commands.find((each) => each.keys === keys);
  return (
    found &&
    html`<${Button} icon=${icon} pressed=${pressed} label=${`${found.name} (${keys})`} onClick=${found.act}>
      ${children}</${Button}>`
  );
}

/** A part of its own, as it is drawn anew in each frame while the song plays. */
function Time() {
  return html`
    <span class="time" aria-label="Time">
      <b>${clock(playhead.value)}</b>
      <span>/ ${clock(duration.value, 0)}</span>
    </span>
  `;
}

export function Toolbar() {
  return html`<div class="toolbar" role="toolbar" aria-label="Timeline">
    <${Button} icon=${playing.value ? "pause" : "play"} primary
      label=${playing.value ? "Stop (Space)" : "Play (Space)"} onClick=${toggle} />
    <${Time} />
    <${ByKey} keys="L" icon="loop" pressed=${Boolean(loop.value)} />
    <${Button} icon="click" pressed=${clicks.value} label="Click on beats and downbeats (K)"
      onClick=${() => (clicks.value = !clicks.value)} />
    <input type="range" class="volume" min="0" max="1" step="0.01" value=${volume.value} aria-label="Volume"
      title="Volume"
      style=${{ "--at": `${100 * volume.value}%` }} onInput=${(event) => (volume.value = Number(event.target.value))} />
    <span class="rule"></span>
    <label class="line" title="What keys and edges snap to"><span class="visually-hidden">Snap to</span>
      <select value=${snapping.value} onChange=${(event) => (snapping.value = event.target.value)}>
        ${SNAPS.map(
          ([name, words]) => html`
            <option value=${name} selected=${name === snapping.value}>${words}</option>
          `,
        )}
      </select></label>
    <${ByKey} keys="P" icon="pen" pressed=${pen.value}>Draw</${ByKey}>
    <${AddLane} />
    <span class="space"></span>
    <span class="about wide-only">
      ${song.value ? `${song.value.tempo ? `${song.value.tempo.toFixed(1)} bpm · ` : ""}${song.value.title}` : ""}
      </span>
    <${ByKey} keys="-" icon="minus" />
    <${ByKey} keys="+" icon="plus" />
  </div>`;
}
