// The picker of schedules: a picture of each.
import { catalog, project } from "../state.js";
import { html, useSignal } from "../ui.js";
import { Text } from "./fields.js";
import { dialog } from "./places.js";
import { choose } from "./schedule.js";

export function SchedulePictures() {
  const sought = useSignal("");
  const words = sought.value.toLowerCase();
  const found = (catalog.value?.schedules ?? []).filter(({ name, about }) =>
    `${name} ${about}`.toLowerCase().includes(words),
  );
  const take = (source) => {
    dialog.value = null;
    choose(source);
  };
  return html`
    <input
      type="search"
      class="search"
      placeholder="Search"
      aria-label="Search the schedules"
      value=${sought.value}
      onInput=${(event) => (sought.value = event.target.value)}
    />
    <ul class="cards">
      ${found.map(
        ({ name, about, picture }) => html`
          <li key=${name}>
            <button
              type="button"
              aria-pressed=${String(name === project.value.schedule.source)}
              onClick=${() => take(name)}
            >
              <span class="frame">
                ${
                  picture &&
                  html`
                    <img src=${picture} alt="" loading="lazy" onError=${(event) => event.target.remove()} />
                  `
                }
              </span>
              <strong>${name}</strong>
              <span class="about">${about}</span>
            </button>
          </li>
        `,
      )}
    </ul>
    <${Text}
      label="A script or a schedule file of your own"
      placeholder="my_schedule.py"
      value=""
      about="The terminal asks before a script is run that was not named at the start"
      onChange=${(path) => path && take(path)}
    />
  `;
}
