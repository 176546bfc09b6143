// Dialogs: the list of keys, save as, open, and the choice of a schedule.
import { commands } from "../keys.js";
import { about } from "../state.js";
import { html, useEffect, useRef, useSignal } from "../ui.js";
import { Button, Fault } from "./fields.js";
import { FileList } from "./files.js";
import { save } from "./header.js";
import { dialog } from "./places.js";
import { SchedulePictures } from "./schedule_pictures.js";

function Dialog({ title, wide, children }) {
  const box = useRef(null);
  useEffect(() => {
    box.current.showModal();
    (box.current.querySelector("input") ?? box.current.firstElementChild).focus();
  }, []);
  const close = () => (dialog.value = null);
  return html`
    <dialog
      ref=${box}
      class=${wide ? "wide" : ""}
      aria-label=${title}
      onClose=${close}
      onClick=${(event) => event.target === box.current && close()}
    >
      <div class="box" tabindex="-1">
        <div class="line">
          <h2>${title}</h2>
          <${Button} icon="close" label="Close (Escape)" onClick=${close} />
        </div>
        ${children}
      </div>
    </dialog>
  `;
}

const SAID = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓" };
const shown = (keys) =>
  keys.split(/\+(?=.)/).map(
    (key) => html`
      <kbd>${SAID[key] ?? key}</kbd>
    `,
  );
const ends = (same) => (same.length < 4 ? same : [same[0], null, same.at(-1)]); // of keys in a row, such as digits

function Keys() {
  const groups = Object.entries(Object.groupBy(commands, ({ group }) => group));
  return html`
    <div class="keys">
      ${groups.map(([group, list]) => {
        const names = Object.entries(Object.groupBy(list, ({ name }) => name));
        return html`
          <section>
            <h3>${group}</h3>
            <dl>
              ${names.map(
                ([name, same]) => html`
                  <div>
                    <dt>${name}</dt>
                    <dd>
                      ${ends(same).map(
                        (each) => html`
                          <span>${each === null ? "to" : shown(each.keys)}</span>
                        `,
                      )}
                    </dd>
                  </div>
                `,
              )}
            </dl>
          </section>
        `;
      })}
    </div>
  `;
}

function SaveAs({ path, fault }) {
  const name = useSignal(path ?? about.value.home ?? "");
  const go = (over) => save(name.value.trim(), over);
  return html`
    <form onSubmit=${(event) => (event.preventDefault(), go(false))}>
      <div class="field">
        <label>
          <span class="name">File</span>
          <input
            type="text"
            value=${name.value}
            onInput=${(event) => (name.value = event.target.value)}
            spellcheck=${false}
          />
        </label>
      </div>
      <${Fault} line=${fault} />
      <div class="line end">
        ${fault && html`<${Button} danger onClick=${() => go(true)}>Save over it</${Button}>`}
        <button type="submit" class="primary"><span>Save</span></button>
      </div>
    </form>
  `;
}

export function Dialogs() {
  const { name, ...fields } = dialog.value ?? {};
  if (name === "keys") return html`<${Dialog} title="Keys" wide><${Keys} /></${Dialog}>`;
  if (name === "save") return html`<${Dialog} title="Save as"><${SaveAs} ...${fields} /></${Dialog}>`;
  if (name === "open") return html`<${Dialog} title="Open"><${FileList} ...${fields} /></${Dialog}>`;
  if (name === "schedule") return html`<${Dialog} title="Schedules" wide><${SchedulePictures} /></${Dialog}>`;
  return null;
}
