// Notices: what is said once, what stands in the way, and what is lost without the server.
import { ask } from "../link.js";
import { about, connected, notice, problems, project, report } from "../state.js";
import { html, useEffect } from "../ui.js";
import { Button } from "./fields.js";
import { dropping, sending } from "./files.js";
import { dialog } from "./places.js";
import { Sending } from "./start.js";

const BRIEF = 4000; // milliseconds that a note stays; an error waits until it is closed
const OF_THE_PAGE = ["song", "autosave", "worker", "files", "prompts"]; // other problems stand in their panel

function Notice() {
  useEffect(() => {
    const said = notice.value;
    if (!said || said.kind === "error") return;
    const timer = setTimeout(() => notice.peek() === said && (notice.value = null), BRIEF);
    return () => clearTimeout(timer);
  }, [notice.value]);
  if (!notice.value) return null;
  return html`
    <div class=${`toast ${notice.value.kind}`}>
      <span>${notice.value.text}</span>
      <${Button} icon="close" small label="Close this notice" onClick=${() => (notice.value = null)} />
    </div>
  `;
}

export function Restore() {
  const go = (what) => ask(what).catch(report);
  return html`<div class="banner" role="status"><span>There are later edits that were kept but not saved.</span>
    <${Button} primary onClick=${() => go("restore")}>Restore them</${Button}>
    <${Button} onClick=${() => go("discard")}>Discard them</${Button}></div>`;
}

function Missing({ files }) {
  return html`<div class="banner warn" role="alert"><span>
    ${files.join(", ")}: not there. Pick it anew, or drop it on the page.</span>
    <${Button} onClick=${() => (dialog.value = { name: "open", instead: files[0] === project.value.song.path })}>
      Pick</${Button}></div>`;
}

export function Banners() {
  const lines = OF_THE_PAGE.map((where) => problems.value[where]).filter(Boolean);
  return html`
    <div class="banners">
      ${
        !connected.value &&
        project.value &&
        html`
          <div class="banner warn" role="alert">
            <span>The server does not answer; trying again. What you see stays; edits wait until it is back.</span>
          </div>
        `
      }
      ${lines.map(
        (line) => html`
          <div class="banner warn" role="alert"><span>${line}</span></div>
        `,
      )}
      ${
        project.value &&
        about.value.missing?.length > 0 &&
        html`
          <${Missing} files=${about.value.missing} />
        `
      }
      ${
        project.value &&
        about.value.autosaved &&
        html`
          <${Restore} />
        `
      }
    </div>
  `;
}

export function Notices() {
  return html`
    <div class="toasts" aria-live="polite">
      <${Notice} />
      ${
        project.value &&
        sending.value &&
        html`
          <div class="toast"><${Sending} /></div>
        `
      }
    </div>
    ${
      dropping.value &&
      html`
        <div class="dropping"><p>Drop it: a song, a project, a picture, a video or lyrics</p></div>
      `
    }
  `;
}
