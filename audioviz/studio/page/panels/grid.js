// The grid by hand: tempo, beats, bars, and the beats that were moved.
import { command } from "../keys.js";
import { change, playhead, playing, problems, project, song } from "../state.js";
import { heardNow } from "../sound.js";
import { clock, key } from "../times.js";
import { effect, html, signal } from "../ui.js";
import { Button, Choice, Fault, newGesture, Part, Segments, Text } from "./fields.js";
import { behind, FEWEST, tempoOf, withTap } from "./tapping.js";

const UNNOTICED = 0.025; // seconds that taps may lie from the beats as they do from any beat
const place = (name) => ["song", "grid", name];
const put = (name, value, title, gesture) => change([[place(name), value]], title, gesture).catch(() => null);
const bpm = (tempo) => Number(tempo).toFixed(1).replace(/\.0$/, "");

const taps = signal([]);
let awaited = null; // taps whose offset is measured when their tempo has been heard
let rest = 0;

/** A tap of the beat: on the song's time while it plays, else on the page's. */
export function tap() {
  if (!project.peek()) return;
  taps.value = withTap(taps.peek(), playing.peek() ? (heardNow() ?? playhead.peek()) : performance.now() / 1000);
  clearTimeout(rest);
  if (taps.peek().length >= FEWEST) rest = setTimeout(take, 1200);
}

function take() {
  const tempo = tempoOf(taps.peek());
  if (!tempo || tempo < 30 || tempo > 300) return;
  const gesture = newGesture("tap");
  if (playing.peek()) awaited = { taps: taps.peek(), gesture, heard: song.peek() };
  put("tempo", Number(tempo.toFixed(1)), `tap ${bpm(tempo)}`, gesture);
}

effect(() => {
  const heard = song.value;
  if (!awaited || !heard || heard === awaited.heard) return;
  const { taps: tapped, gesture } = awaited;
  awaited = null;
  const late = behind(tapped, heard.events.beats.seconds);
  if (Math.abs(late) < UNNOTICED) return;
  put("beat_offset", Math.round((project.peek().song.grid.beat_offset ?? 0) + 1000 * late), "tap", gesture);
});

command("T", "Tap the tempo", "Grid", tap);
command("Alt+ArrowLeft", "All beats 1 ms sooner", "Grid", () => nudge(-1));
command("Alt+ArrowRight", "All beats 1 ms later", "Grid", () => nudge(1));

function nudge(by) {
  if (project.peek())
    put("beat_offset", Math.round(10 * (project.peek().song.grid.beat_offset + by)) / 10, "nudge the beats", "nudge");
}

function Tempo() {
  const { tempo: heard, tempo_confidence: sure, other_tempi: others } = song.value;
  const { tempo, beats } = project.value.song.grid;
  const asHeard = () => put("tempo", undefined, "tempo as heard");
  const look = (near) => put("tempo", Number(near), `tempo ${near}`);
  const number = taps.value.length >= FEWEST ? bpm(tempoOf(taps.value)) : `${taps.value.length}`;
  return html`<${Part} title="Tempo">
    <div class="line tempo">
      <strong>${heard ? bpm(heard) : "–"}</strong><span class="unit">beats a minute</span>
      <span class="space"></span>
      <${Button} onClick=${tap} label="Tap the beat while the song plays (T)">
        Tap${taps.value.length ? ` ${number}` : ""}</${Button}>
    </div>
    ${
      sure !== null &&
      sure !== undefined &&
      html`
        <div class="line">
          <meter
            min="0"
            max="1"
            low="0.4"
            high="0.7"
            optimum="1"
            value=${sure}
            aria-label="How sure the tempo is"
          ></meter>
          <span class="about">${Math.round(100 * sure)}% sure</span>
        </div>
      `
    }
    ${
      (others?.length > 0 || tempo != null) &&
      html`
        <div class="line wrap">
          <span class="about">Or</span>
          ${tempo != null && html`<${Button} small onClick=${asHeard}>as heard</${Button}>`}
          ${others
            .map(bpm)
            .map((other) => html`<${Button} small onClick=${() => look(other)}>${other}</${Button}>`)}
        </div>
      `
    }
    <${Text} label="Look near" inline value=${Array.isArray(tempo) ? tempo.join("-") : tempo}
      placeholder="120 or 90-130"
      onChange=${(text) => put("tempo", text || undefined, "tempo")}
      onReset=${tempo == null ? undefined : asHeard} />
    <${Segments} label="Beats" value=${beats ?? ""} choices=${[
      ["half", "Half"],
      ["", "As heard"],
      ["double", "Double"],
    ]}
      onChange=${(value) => put("beats", value || undefined, value ? `${value} the beats` : "beats as heard")} />
  </${Part}>`;
}

function Nudge({ by }) {
  const label = by < 0 ? `All beats ${-by} ms sooner` : `All beats ${by} ms later`;
  return html`<${Button} small aria-label=${label} onClick=${() => nudge(by)}>${by > 0 ? "+" : ""}${by}</${Button}>`;
}

function Place() {
  const { beat_offset: offset, first_downbeat: first, beats_per_bar: count } = project.value.song.grid;
  return html`<${Part} title="Beats and bars">
    <div class="field inline"><span class="name">Offset</span>
      <span class="nudge" role="group" aria-label="Nudge all beats">
        ${[-10, -1].map((by) => html`<${Nudge} by=${by} />`)}
        <output>${offset} ms</output>
        ${[1, 10].map((by) => html`<${Nudge} by=${by} />`)}
      </span></div>
    <${Choice} label="Beats a bar" inline value=${count === null || count === undefined ? "" : String(count)}
      none=${`as heard: ${song.value.beats_per_bar}`} choices=${["2", "3", "4", "5", "6", "7", "8", "9", "12"]}
      onChange=${(value) => put("beats_per_bar", value ? Number(value) : undefined, "beats a bar")} />
    <${Text} label="First downbeat" inline value=${first} placeholder="as heard"
      onChange=${(text) => put("first_downbeat", text || undefined, "first downbeat")}
      onReset=${first == null ? undefined : () => put("first_downbeat", undefined, "first downbeat as heard")} />
    <${Button} onClick=${() => put("first_downbeat", key(playhead.value), "first downbeat here")}>
      First downbeat at the playhead</${Button}>
  </${Part}>`;
}

function Pins() {
  const pins = Object.entries(project.value.song.grid.pins ?? {});
  const remove = (beat) => {
    const rest = Object.fromEntries(pins.filter(([each]) => each !== beat));
    put("pins", pins.length > 1 ? rest : undefined, "remove a pin");
  };
  return html`<${Part} title="Moved by hand" aside=${html`
    <span class="about">${pins.length || ""}</span>
  `}>
    ${
      !pins.length &&
      html`
        <p class="about">
          Drag a beat in the timeline: it is pinned there, and all beats go with the first pin, or those between two.
          With Alt it moves alone.
        </p>
      `
    }
    <ul class="pins">${pins.map(([beat, to]) => {
      const moved = 1000 * (to - parseFloat(beat));
      return html`
        <li>
          <button type="button" class="link" title="Go there" onClick=${() => (playhead.value = to)}>
            ${clock(to)}
          </button>
          <span class="about">${moved > 0 ? "+" : ""}${moved.toFixed(0)} ms</span>
          <${Button} icon="close" small label=${`Remove the pin at ${clock(to)}`} onClick=${() => remove(beat)} />
        </li>
      `;
    })}</ul>
  </${Part}>`;
}

export function GridPanel() {
  if (!song.value)
    return html`<${Part}><${Fault} line=${problems.value.song} /><p class="about">listening ...</p></${Part}>`;
  const asHeard = () => change([[["song", "grid"], {}]], "grid as heard").catch(() => null);
  return html`<${Fault} line=${problems.value.song} /><${Tempo} /><${Place} /><${Pins} />
    <${Part}><${Button} icon="reset" onClick=${asHeard}>All as heard</${Button}></${Part}>`;
}
