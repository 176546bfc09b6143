// Look and finish: the model and what it is told, and what is made of its pictures.
import { at, catalog, change, project } from "../state.js";
import { html } from "../ui.js";
import { Choice, Part, Switch, Text } from "./fields.js";

const put = (place, value, name) => change([[place, value]], name).catch(() => null);

/** Properties that a field of a place of the project takes. */
function held(place, label, isDefault = (value) => value === null || value === undefined) {
  const value = at(project.value, place);
  const name = label.toLowerCase();
  return {
    label,
    value: Array.isArray(value) ? value.join("x") : value,
    onChange: (next) => put(place, next === "" || next === null ? undefined : next, name),
    onReset: isDefault(value) ? undefined : () => put(place, undefined, `${name} as it was`),
  };
}

const number = (field) => ({
  ...field,
  onChange: (text) => field.onChange(text === "" || !Number.isFinite(Number(text)) ? text : Number(text)),
});

function Look() {
  return html`<${Part} title="Look">
    <${Text} ...${held(["look", "model"], "Model", (value) => value === "embedded")} inline />
    <${Text} ...${number(held(["fps"], "Frames a second", (value) => value === 12))} inline />
    <${Text} ...${held(["look", "size"], "Size")} placeholder="512x288" inline />
    <${Text} ...${number(held(["look", "steps"], "Steps"))} placeholder="the model's" inline />
    <${Text} ...${number(held(["look", "cfg"], "Guidance (cfg)"))} placeholder="the model's" inline />
    <${Choice} ...${held(["look", "sampler"], "Sampler")} none="the model's" choices=${catalog.value?.samplers ?? []}
      inline />
    <${Choice} ...${held(["look", "scheduler"], "Scheduler")} none="the model's"
      choices=${catalog.value?.schedulers ?? []} inline />
  </${Part}>`;
}

function Guides() {
  return html`<${Part} title="Picture conditions" about="Drop a picture or a video on the page, or write its path.">
    ${[
      ["init", "Begin from"],
      ["mask", "Draw inside"],
      ["control", "Follow shapes"],
      ["style", "In the style of"],
    ].map(
      ([name, label]) => html`
        <${Text} ...${held(["guides", name], label)} placeholder="none" inline />
      `,
    )}
  </${Part}>`;
}

function Finish() {
  const finish = project.value.finish;
  const shapes = ["square", "wide", "vertical"];
  return html`<${Part} title="Finish">
    <${Choice} ...${held(["finish", "frame"], "Shape")} none="as sampled" inline
      choices=${finish.frame && !shapes.includes(finish.frame) ? [...shapes, finish.frame] : shapes} />
    <${Text} ...${held(["finish", "upscale"], "Upscale")} placeholder="2x, 1920x1080" inline />
    <${Text} ...${held(["finish", "smooth"], "Smooth to")} placeholder="2x, or 24" inline />
    <${Choice} ...${held(["finish", "smooth_by"], "Smooth by", (value) => value === "arc")} inline
      choices=${catalog.value?.tweens ?? ["arc", "blend", "flow"]} />
    <${Switch} label="Hold flashes to what is safe" value=${finish.safe}
      onChange=${(is) => put(["finish", "safe"], is, "safe flashes")} />
  </${Part}>
  <${Part} title="Words">
    <${Text} ...${held(["finish", "title"], "Title", (value) => !value)} placeholder="Song | Band" inline />
    <${Text} ...${held(["finish", "lyrics"], "Lyrics")} placeholder="drop .lrc or .srt" inline />
    <${Choice} ...${held(["finish", "words_place"], "Place", (value) => value === "bottom")}
      choices=${["bottom", "middle", "top"]} inline />
    <${Text} ...${held(["finish", "words_colour"], "Colour", (value) => value === "white")} inline />
  </${Part}>`;
}

export function LookAndFinish() {
  return html`
    <${Look} />
    <${Finish} />
    <${Guides} />
  `;
}
