// Perform: play a lane with a slider, keys or a knob while the song runs; and tap events.
import { command } from "../keys.js";
import { catalog, change, playhead, playing, project, selection, song } from "../state.js";
import { heardNow, play, toggle } from "../sound.js";
import { played, taps } from "../timeline/hand.js";
import { rangeOf } from "../timeline/ranges.js";
import { clock, toSeconds } from "../times.js";
import { effect, html, signal } from "../ui.js";
import { Button, Choice, Part, Switch, Text } from "./fields.js";
import { inputs, knob, learning, listen } from "./midi.js";
import { tab } from "./places.js";
import { recorded } from "./recording.js";

const column = signal("denoise");
const part = signal(0.5); // of the lane's range
const armed = signal(false);
const overdub = signal(true);
const tapName = signal("taps");

function valueOf() {
  const [low, high] = rangeOf(column.peek());
  return low + part.peek() * (high - low);
}

const now = () => (playing.peek() ? heardNow() : null) ?? playhead.peek(); // what is heard, seconds

/** A sample of the hand, at the moment that is heard. */
function note() {
  if (!armed.peek() || !playing.peek()) return;
  const { points } = played.peek();
  points.push([now(), valueOf()]);
  played.value = { column: column.peek(), points };
}

function keep() {
  const { points } = played.peek();
  played.value = { column: null, points: [] };
  if (points.length < 2) return;
  const name = column.peek();
  const lane = project.peek().lanes[name];
  const before = overdub.peek() && !lane?.expression ? lane?.keys : {};
  const [low, high] = rangeOf(name);
  const secondsOf = (time) => toSeconds(time, song.peek());
  const keys = recorded(typeof before === "string" ? {} : before, points, { low, high, secondsOf });
  const ease =
    typeof lane?.ease === "object"
      ? Object.fromEntries(Object.entries(lane.ease).filter(([time]) => time in keys))
      : lane?.ease;
  change([[["lanes", name], { keys, ease: ease ?? "linear", mode: lane?.mode ?? "replace" }]], `perform ${name}`).catch(
    () => null,
  );
  selection.value = { lane: name, keys: new Set() };
}

effect(() => {
  playhead.value;
  note();
});
let was = false;
effect(() => {
  const plays = playing.value;
  if (was && !plays) {
    keep();
    keepTaps();
  }
  was = plays;
});

/** An event of the user's own at the moment that is heard. */
function tapEvent() {
  const seconds = [...taps.peek().seconds, Number(now().toFixed(3))];
  if (project.peek() && song.peek()) taps.value = { name: tapName.peek(), seconds };
  if (!playing.peek()) keepTaps();
}

function keepTaps() {
  const { name, seconds } = taps.peek();
  if (!seconds.length) return;
  const all = [...(project.peek().song.events?.[name] ?? []), ...seconds];
  taps.value = { name, seconds: [] };
  const events = [...new Set(all)].sort((a, b) => a - b);
  change([[["song", "events", name], events]], `tap ${name}`).catch(() => null);
}

command("E", "Tap an event", "Perform", tapEvent);
command("R", "Arm the lane, and play", "Perform", () => project.value && arm());
for (let digit = 1; digit <= 9; digit++) {
  command(`Alt+${digit}`, "Play the value at so many ninths", "Perform", () => turn((digit - 1) / 8));
}
window.addEventListener(
  "keydown",
  (event) => {
    if (tab.value !== "perform" || event.ctrlKey || event.altKey || event.metaKey || !/^[1-9]$/.test(event.key)) return;
    if (
      /^(TEXTAREA|SELECT)$/.test(event.target.tagName) ||
      (event.target.tagName === "INPUT" && event.target.type !== "range")
    )
      return;
    event.preventDefault(); // with the panel open the plain digits play too
    turn((Number(event.key) - 1) / 8);
  },
  true,
);

function turn(to) {
  part.value = to;
  note();
}

function arm() {
  if (armed.peek() && playing.peek()) keep();
  armed.value = !armed.peek();
  if (armed.peek() && !playing.peek()) play();
}

function Hand() {
  const [low, high] = rangeOf(column.value);
  const value = low + part.value * (high - low);
  const columns = (catalog.value?.columns ?? []).map(({ name }) => name).filter((name) => name !== "flash_colour");
  return html`<${Part} title="Play a lane">
    <${Choice} label="Lane" inline value=${column.value} choices=${columns.length ? columns : [column.value]}
      onChange=${(name) => (column.value = name)} />
    <div class="hand">
      <output aria-live="off">${value.toFixed(2)}</output>
      <input type="range" min="0" max="1" step="0.002" value=${part.value} aria-label=${`Play ${column.value}`}
        style=${{ "--at": `${100 * part.value}%` }} onInput=${(event) => turn(Number(event.target.value))} />
      <div class="ends"><span>${low.toFixed(2)}</span><span>${high.toFixed(2)}</span></div>
    </div>
    <div class="line">
      <button type="button" class=${armed.value ? "record on" : "record"} aria-pressed=${String(armed.value)}
        onClick=${arm}
        title="Record while the song plays (R)"><i aria-hidden="true"></i><span>
          ${armed.value ? (playing.value ? "Recording" : "Armed") : "Record"}</span></button>
      <${Button} onClick=${toggle} icon=${playing.value ? "pause" : "play"}>
        ${playing.value ? "Stop" : "Play"}</${Button}>
    </div>
    <${Switch} label="Keep what lies outside of the pass" value=${overdub.value}
      onChange=${(is) => (overdub.value = is)} />
    <p class="about">The slider, keys 1 to 9 or a knob. When the song stops, what was played becomes keys to edit.</p>
  </${Part}>`;
}

function Knob() {
  const begin = () => {
    learning.value = true;
    listen(turn, tapEvent);
  };
  const { controller, channel } = knob.value ?? {};
  const said = learning.value
    ? "turn a knob ..."
    : knob.value
      ? `knob ${controller}, channel ${channel + 1}`
      : "none yet";
  return html`<${Part} title="MIDI" aside=${html`
    <span class="about">${said}</span>
  `}>
    <div class="line wrap"><${Button} onClick=${begin}>${knob.value ? "Learn another" : "Learn a knob"}</${Button}>
      ${
        inputs.value &&
        html`
          <span class="about">${inputs.value.join(", ") || "no device is connected"}</span>
        `
      }</div>
  </${Part}>`;
}

function Taps() {
  const count = taps.value.seconds.length;
  const own = Object.entries(project.value.song.events ?? {});
  const remove = (name) => change([[["song", "events", name], undefined]], `remove ${name}`).catch(() => null);
  return html`<${Part} title="Tap events"
    about="Moments of your own, which expressions and schedules know by their name.">
    <div class="line"><${Text} label="Name" inline value=${tapName.value}
      onChange=${(name) => (tapName.value = name || "taps")} /></div>
    <button type="button" class="pad" onPointerDown=${(event) => (event.preventDefault(), tapEvent())}
      onKeyDown=${(event) => /^( |Enter)$/.test(event.key) && (event.preventDefault(), event.repeat || tapEvent())}>
      <strong>Tap</strong><span>${count ? `${count} taps` : "or key E"}</span></button>
    <ul class="pins">${own.map(
      ([name, seconds]) => html`
        <li>
          <span>${name}</span>
          <span class="about">${seconds.length} from ${clock(seconds[0] ?? 0)}</span>
          <${Button} icon="close" small label=${`Remove ${name}`} onClick=${() => remove(name)} />
        </li>
      `,
    )}</ul>
  </${Part}>`;
}

export function Perform() {
  return html`
    <${Hand} />
    <${Knob} />
    <${Taps} />
  `;
}
