// The start: drop a song, or pick one.
import { about, connected } from "../state.js";
import { html } from "../ui.js";
import { FileList, Picker, sending } from "./files.js";
import { Restore } from "./notices.js";

export function Start() {
  return html`<main class="start">
    <section class="well">
      <div class="bars" aria-hidden="true">${Array.from(
        { length: 24 },
        (_, i) => html`
          <i style=${{ "--i": i }}></i>
        `,
      )}</div>
      <h2>Drop a song</h2>
      <p>It is heard once; then you shape how the picture follows it.</p>
      <${Picker} primary accept="audio/*,.avz">Choose a file</${Picker}>
      ${
        sending.value &&
        html`
          <${Sending} />
        `
      }
    </section>
    <section class="recent">
      <h3>Here</h3>
      ${
        connected.value
          ? html`
              <${FileList} />
            `
          : html`
              <p class="about">waiting for the server ...</p>
            `
      }
      ${
        about.value.autosaved &&
        html`
          <${Restore} />
        `
      }
    </section>
  </main>`;
}

export function Sending() {
  const { name, part } = sending.value;
  return html`
    <div class="sending" role="status">
      <span>${name}</span>
      <progress value=${part} max="1" aria-label=${`Sending ${name}`}></progress>
    </div>
  `;
}
