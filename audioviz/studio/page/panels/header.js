// The header: what is open, whether it is saved, undo and redo by name, theme and help.
import { command } from "../keys.js";
import { ask, Refused } from "../link.js";
import { about, connected, project, redo, report, say, undo } from "../state.js";
import { effect, html } from "../ui.js";
import { Button } from "./fields.js";
import { dialog, theme } from "./places.js";

const NEXT = { auto: "light", light: "dark", dark: "auto" };
const SAID = { auto: "as the system has it", light: "light", dark: "dark" };

/** Save; where a file is in the way that this session did not open, the dialog asks. */
export async function save(path, over = false) {
  try {
    const saved = await ask("save", { ...(path && { path }), over });
    say(`Saved ${saved.path}`);
    dialog.value = null;
  } catch (error) {
    if (error instanceof Refused && !over) dialog.value = { name: "save", path, fault: error.message };
    else report(error);
  }
}

const saveAs = () => (dialog.value = { name: "save" });
const whenOpen = (act) => () => project.value && act();

command(
  "Ctrl+S",
  "Save",
  "Project",
  whenOpen(() => save()),
);
command("Ctrl+Shift+S", "Save as", "Project", whenOpen(saveAs));
command("Ctrl+Z", "Undo", "Project", () => undo());
command("Ctrl+Shift+Z", "Redo", "Project", () => redo());
command("Ctrl+Y", "Redo", "Project", () => redo());
command("Ctrl+O", "Open a song or a project", "Project", () => (dialog.value = { name: "open" }));
command("?", "List of keys", "Help", () => (dialog.value = { name: "keys" }));

const nameOf = (path) => path?.split(/[\\/]/).pop();

function Title() {
  const { path, saved } = about.value;
  const name = nameOf(path) ?? nameOf(project.value?.song.path) ?? "";
  const state = !path ? "not saved yet" : saved === false ? "edited" : "saved";
  return html`
    <div class="title">
      <button
        type="button"
        class="name"
        title=${path ?? project.value?.song.path}
        onClick=${() => (dialog.value = { name: "open" })}
      >
        ${name}
      </button>
      <span class=${state === "saved" ? "state" : "state unsaved"}>${state}</span>
    </div>
  `;
}

effect(() => {
  const name = nameOf(about.value.path) ?? nameOf(project.value?.song.path);
  document.title = name ? `${name} · audioviz studio` : "audioviz studio";
});

export function Header() {
  const open = Boolean(project.value);
  const { undo: undone, redo: redone } = about.value;
  return html`
    <header>
      <span class="mark" aria-hidden="true">
        <i></i>
        <i></i>
        <i></i>
        <i></i>
      </span>
      <h1>audioviz</h1>
      ${
        open &&
        html`
          <${Title} />
        `
      }
      <span class="space"></span>
      ${
        !connected.value &&
        html`
          <span class="state unsaved" role="status">not connected</span>
        `
      }
      ${
        open &&
        html`<div class="group" role="group" aria-label="History">
        <${Button} icon="undo" label=${undone ? `Undo ${undone} (Ctrl+Z)` : "Nothing to undo"} disabled=${!undone}
          onClick=${undo}>${undone ?? ""}</${Button}>
        <${Button} icon="redo" label=${redone ? `Redo ${redone} (Ctrl+Shift+Z)` : "Nothing to redo"} disabled=${!redone}
          onClick=${redo}>${redone ?? ""}</${Button}>
      </div>
      <div class="group" role="group" aria-label="File">
        <${Button} icon="save" label="Save (Ctrl+S)" onClick=${() => save()}>Save</${Button}>
        <${Button} icon="down" label="Save as (Ctrl+Shift+S)" onClick=${saveAs} />
      </div>`
      }
      <${Button}
        icon=${{ auto: "auto", light: "sun", dark: "moon" }[theme.value]}
        label=${`Theme: ${SAID[theme.value]}`}
        onClick=${() => (theme.value = NEXT[theme.value])}
      />
      <${Button} icon="help" label="List of keys (?)" onClick=${() => (dialog.value = { name: "keys" })} />
    </header>
  `;
}
