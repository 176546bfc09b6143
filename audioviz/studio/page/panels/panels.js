// The layout: what stands above, beside and below the timeline.
import { about, project, song } from "../state.js";
import { html } from "../ui.js";

export function Panels({ children }) {
  return html`<header>audioviz studio ${about.value.path ?? ""}</header>
    <main>${project.value ? (song.value ? song.value.title : "listening ...") : "drop a song here"}</main>
    ${children}`;
}
