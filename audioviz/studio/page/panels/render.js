// Renders: begin one, and the queue.
import { command } from "../keys.js";
import { ask } from "../link.js";
import { about, duration, jobs, loop, report, say } from "../state.js";
import { clock } from "../times.js";
import { html, useSignal } from "../ui.js";
import { Button, Part, Segments } from "./fields.js";
import { tab } from "./places.js";
import { Reaction } from "./reaction.js";

function begin(start, length, draft) {
  const name = length === null ? "all" : `${clock(start)} to ${clock(start + length)}`;
  tab.value = "render";
  return ask("render", { start, duration: length, draft, name: draft ? `${name}, draft` : name }).catch(report);
}

command("Ctrl+Shift+R", "Render all", "Render", () => duration.value && begin(0, null, false));

const SAID = { waiting: "waits", running: "running", done: "done", stopped: "stopped", failed: "failed" };
const left = (seconds) => (seconds === null || seconds === undefined ? "" : `${clock(seconds, 0)} left`);

function Job({ id, name, status, frames, done, fps, left_seconds, picture, film, error, log = [], reaction, start, duration: length }) {
  const doing = (what) => () => ask(what, { job: id }).catch(report);
  const facts = [
    `${done} of ${frames} frames`,
    fps ? `${fps.toFixed(fps < 10 ? 1 : 0)} a second` : "",
    status === "running" ? left(left_seconds) : "",
  ];
  return html`
    <li class=${`job ${status}`}>
      <div class="line">
        <strong>${name}</strong>
        <span class="state">${SAID[status] ?? status}</span>
        <span class="space"></span>
        ${["running", "waiting"].includes(status) && html`
        <${Button} small onClick=${doing("cancel")}>Cancel</${Button}>`}
        ${["stopped", "failed"].includes(status) && html`
        <${Button} small primary onClick=${doing("resume")}>Resume</${Button}>`}
        ${
          status !== "running" &&
          html`
            <${Button} icon="close" small label=${`Forget ${name}`} onClick=${doing("forget")} />
          `
        }
      </div>
      ${
        status !== "done" &&
        html`
          <progress value=${done} max=${frames || 1} aria-label=${`Frames of ${name} that are done`}></progress>
        `
      }
      <p class="about">${facts.filter(Boolean).join(" · ")}</p>
      ${
        error &&
        html`
          <p class="fault" role="alert">${error}</p>
        `
      }
      ${
        film
          ? html`
              <video src=${film} controls preload="metadata" aria-label=${`The film ${name}`}></video>
              <a class="link" href=${film} download>Download</a>
            `
          : picture &&
            html`
              <img src=${picture} alt=${`Newest frame of ${name}`} />
            `
      }
      ${
        reaction &&
        html`
          <${Reaction} ...${reaction} start=${start} length=${length ?? duration.value - start} />
        `
      }
      ${
        log.length > 0 &&
        html`
          <details>
            <summary>Log</summary>
            <pre>${log.join("\n")}</pre>
          </details>
        `
      }
    </li>
  `;
}

function Command() {
  const copy = () =>
    navigator.clipboard.writeText(about.value.command).then(
      () => say("Copied"),
      () => say("The browser does not let it be copied: select it", "error"),
    );
  return html`<${Part} title="By the command" about="What is saved renders to the same bytes."
    aside=${html`<${Button} icon="copy" small onClick=${copy}>Copy</${Button}>`}>
    <pre class="command">${about.value.command}</pre>
  </${Part}>`;
}

export function Renders() {
  const draft = useSignal(false);
  const range = loop.value;
  return html`<${Part}>
      <${Segments} label="Quality" value=${draft.value ? "draft" : "final"} choices=${[
        ["draft", "Draft"],
        ["final", "Final"],
      ]}
        onChange=${(value) => (draft.value = value === "draft")} />
      <div class="two">
        <${Button} primary icon="film" disabled=${!duration.value} onClick=${() => begin(0, null, draft.value)}>
          Render all</${Button}>
        <${Button} icon="loop" disabled=${!range} onClick=${() => begin(range[0], range[1] - range[0], draft.value)}
          label="Drag on the ruler to set the range">
            ${range ? `${clock(range[0], 1)} – ${clock(range[1], 1)}` : "Render the loop"}</${Button}>
      </div>
    </${Part}>
    <${Part} title="Queue">
      ${
        !jobs.value.length &&
        html`
          <p class="about">Nothing is being made.</p>
        `
      }
      <ol class="jobs">${jobs.value.toReversed().map(
        (job) => html`
          <${Job} key=${job.id} ...${job} />
        `,
      )}</ol>
    </${Part}>
    ${
      about.value.command &&
      html`
        <${Command} />
      `
    }`;
}
