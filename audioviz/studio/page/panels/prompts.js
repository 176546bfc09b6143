// Prompts: what is drawn from when on, and the words that the model does not know.
import { command } from "../keys.js";
import { catalog, change, changeLive, plan, playhead, problems, project, selectedPrompt, song } from "../state.js";
import { clock, key, toSeconds } from "../times.js";
import { html, useEffect, useRef, useSignal } from "../ui.js";
import { Button, Choice, Fault, newGesture, Part, Text } from "./fields.js";
import { tab } from "./places.js";
import { Words } from "./words.js";
import { entry, parts, secondsOf, typed, withTimes } from "./written.js";

const WAYS = [
  ["slerp", "along the arc"],
  ["lerp", "straight"],
];
const put = (prompts, name) => change([[["prompts"], prompts]], name).catch(() => null);

/** A new prompt at the playhead, or at another time as people write it. */
export function addPrompt(time = key(playhead.peek())) {
  const entries = withTimes(project.peek().prompts, song.peek(), plan.peek()?.prompts);
  const at = toSeconds(time, song.peek()) ?? 0;
  let place = entries.findIndex((_, i) => secondsOf(entries, i, song.peek()) > at);
  if (place < 0) place = entries.length;
  const text = entries.length ? parts(entries[Math.max(0, place - 1)], song.peek()).text : "neon nebula";
  put(entries.toSpliced(place, 0, `${time}: ${text}`), "add a prompt");
  selectedPrompt.value = place;
  tab.value = "prompts";
}

command("Ctrl+Enter", "Add a prompt at the playhead", "Prompts", () => project.value && addPrompt());

function Block({ i, value }) {
  const box = useRef(null);
  const gesture = useRef("");
  const open = selectedPrompt.value === i;
  const found = parts(value, song.value);
  const at = secondsOf(project.value.prompts, i, song.value, plan.value?.prompts);
  const next = (part) =>
    entry(
      { ...found, ...part },
      { seconds: at ?? 0, song: song.value, record: typeof value !== "string" && !("time" in part) },
    );
  const edits = (part) => [[["prompts", i], next(part)]];
  const take = (part, name) => change(edits(part), name).catch(() => null);
  const remove = () => {
    selectedPrompt.value = null;
    put(project.value.prompts.toSpliced(i, 1), "remove a prompt");
  };
  useEffect(() => {
    if (open) box.current.scrollIntoView({ block: "nearest" });
  }, [open]);
  const select = () => (selectedPrompt.value = i);
  return html`
    <li ref=${box} class=${open ? "block open" : "block"} onFocusIn=${select} onClick=${select}>
      <div class="line">
        <input
          class="time"
          aria-label=${`Time of prompt ${i + 1}`}
          value=${found.time ?? ""}
          placeholder=${at === null ? "" : clock(at)}
          title="Seconds, 1:30, frames 96f, beats 16b, bars 4bar, or a section's letter"
          spellcheck=${false}
          onKeyDown=${(event) => event.key === "Enter" && event.target.blur()}
          onChange=${({ target }) => take({ time: target.value.trim() || null }, "time of a prompt")}
        />
        ${
          at !== null &&
          html`
            <button type="button" class="link" title="Go there" onClick=${() => (playhead.value = at)}>
              ${clock(at)}
            </button>
          `
        }
        <span class="space"></span>
        <${Button} icon="close" small label=${`Remove prompt ${i + 1}`} onClick=${remove} />
      </div>
      <${Words}
        label=${`Prompt ${i + 1}`}
        value=${found.text}
        onBegin=${() => (gesture.current = newGesture("prompt"))}
        onLive=${(text) => typed(text).text.trim() && changeLive(edits(typed(text)), "prompt", gesture.current)}
      />
      ${
        open &&
        html`
          <${Words}
            label="Not"
            value=${found.negative}
            placeholder="what to steer away from"
            quiet
            onBegin=${() => (gesture.current = newGesture("negative"))}
            onLive=${(negative) => changeLive(edits({ negative: negative.trim() }), "negative", gesture.current)}
          />
          <div class="two">
            <${Choice}
              label="To the next"
              value=${found.ease}
              choices=${catalog.value?.eases ?? [found.ease]}
              onChange=${(ease) => take({ ease }, "transition")}
            />
            <${Choice} label="Way" value=${found.way} choices=${WAYS} onChange=${(way) => take({ way }, "way")} />
          </div>
        `
      }
    </li>
  `;
}

function FromTheScript() {
  const given = plan.value?.prompts ?? [];
  const records = given.map(({ seconds, text, negative = "", ease = "late", way = "slerp" }) => ({
    seconds,
    text,
    negative,
    ease,
    way,
  }));
  return html`
    <p class="about">These come from the schedule. Take them over to change them, or add your own in their place.</p>
    <ol class="given">
      ${given.map(
        ({ seconds, text }) => html`
          <li>
            <span>${clock(seconds)}</span>
            ${text}
          </li>
        `,
      )}
    </ol>
    ${
      given.length > 0 &&
      html`<${Button} icon="copy" onClick=${() => put(records, "take the prompts over")}>Take them over</${Button}>`
    }
  `;
}

/** A part of its own, as it is drawn anew in each frame while the song plays. */
function AtPlayhead() {
  const at = clock(playhead.value);
  return html`<${Button} primary icon="plus" label="Ctrl+Enter" onClick=${() => addPrompt()}>At ${at}</${Button}>`;
}

export function Prompts() {
  const prompts = project.value.prompts;
  const elsewhere = useSignal("");
  const clear = () => put([], "the schedule's prompts");
  return html`<${Part}>
      <div class="line">
        <${AtPlayhead} />
        <form class="line"
          onSubmit=${(event) => (event.preventDefault(), elsewhere.value && addPrompt(elsewhere.value))}>
          <input type="text" class="time" aria-label="Time of a new prompt" placeholder="or 4bar"
            value=${elsewhere.value}
            onInput=${(event) => (elsewhere.value = event.target.value.trim())} />
          <button type="submit" aria-label="Add a prompt at that time" disabled=${!elsewhere.value}><span>
            Add</span></button>
        </form>
      </div>
      <${Fault} line=${problems.value.prompts} />
      ${
        prompts.length
          ? html`
              <ol class="blocks">
                ${prompts.map(
                  (value, i) => html`
                    <${Block} key=${i} i=${i} value=${value} />
                  `,
                )}
              </ol>
            `
          : html`
              <${FromTheScript} />
            `
      }
    </${Part}>
    <${Part} title="Everywhere">
      <${Text} label="Negative" value=${project.value.negative} placeholder="for each prompt that has none"
        onChange=${(text) => change([[["negative"], text]], "negative").catch(() => null)} />
      <p class="about">Weights as usual: <code>
        (gold:1.3)</code>; Ctrl+↑ and Ctrl+↓ change that of the selected words.</p>
      ${prompts.length > 0 && html`<${Button} onClick=${clear}>Back to the schedule's own prompts</${Button}>`}
    </${Part}>`;
}
