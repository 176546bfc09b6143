// The timeline: one canvas for the sound, its beats and sections, lanes and prompts.
import { plan } from "../state.js";
import { html } from "../ui.js";

export function Timeline() {
  return html`<canvas aria-label="timeline"></canvas><p>${plan.value ? plan.value.frames : 0} frames</p>`;
}
