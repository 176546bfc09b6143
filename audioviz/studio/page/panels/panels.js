// The layout: what stands above, beside and below the timeline.
import { command } from "../keys.js";
import { project } from "../state.js";
import { html } from "../ui.js";
import { Dialogs } from "./dialogs.js";
import { Frames } from "./frames.js";
import { GridPanel } from "./grid.js";
import { Header } from "./header.js";
import { Lanes } from "./lanes.js";
import { LookAndFinish } from "./look.js";
import { Banners, Notices } from "./notices.js";
import { Perform } from "./perform.js";
import { tab, timelineHeight } from "./places.js";
import { Prompts } from "./prompts.js";
import { Renders } from "./render.js";
import { Schedule } from "./schedule.js";
import { Start } from "./start.js";
import { Toolbar } from "./toolbar.js";

const TABS = {
  prompts: ["Prompts", Prompts],
  lanes: ["Lanes", Lanes],
  grid: ["Grid", GridPanel],
  look: ["Look", LookAndFinish],
  render: ["Render", Renders],
  perform: ["Perform", Perform],
};
const names = Object.keys(TABS);

for (const [i, name] of names.entries()) {
  command(`Shift+F${i + 1}`, TABS[name][0], "Panels", () => (tab.value = name));
}

function Tabs() {
  const [, Panel] = TABS[tab.value] ?? TABS.prompts;
  const onKeyDown = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    tab.value = names[(names.indexOf(tab.value) + step + names.length) % names.length];
    event.preventDefault();
    event.stopPropagation();
    event.currentTarget.querySelector(`[data-tab=${tab.value}]`).focus();
  };
  return html`
    <aside class="right">
      <div class="tabs" role="tablist" aria-label="Panels" onKeyDown=${onKeyDown}>
        ${names.map(
          (name) => html`
            <button
              type="button"
              role="tab"
              id=${`tab-${name}`}
              data-tab=${name}
              aria-controls="panel"
              aria-selected=${String(name === tab.value)}
              tabindex=${name === tab.value ? 0 : -1}
              onClick=${() => (tab.value = name)}
            >
              ${TABS[name][0]}
            </button>
          `,
        )}
      </div>
      <div class="panel" id="panel" role="tabpanel" aria-labelledby=${`tab-${tab.value}`} key=${tab.value}>
        <${Panel} />
      </div>
    </aside>
  `;
}

/** The edge between the timeline and what is above it. */
function Edge() {
  const put = (part) => (timelineHeight.value = Math.max(0.2, Math.min(0.75, part)));
  const drag = (event) => {
    if (event.buttons) put(1 - event.clientY / window.innerHeight);
  };
  const onKeyDown = (event) => {
    const step = { ArrowUp: 0.02, ArrowDown: -0.02 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    put(timelineHeight.value + step);
  };
  return html`
    <div
      class="edge"
      role="separator"
      aria-orientation="horizontal"
      aria-label="Height of the timeline"
      tabindex="0"
      aria-valuenow=${Math.round(100 * timelineHeight.value)}
      onKeyDown=${onKeyDown}
      onPointerMove=${drag}
      onPointerDown=${(event) => event.currentTarget.setPointerCapture(event.pointerId)}
    ></div>
  `;
}

export function Panels({ children }) {
  const open = Boolean(project.value);
  return html`
    <div class=${open ? "page" : "page empty"} style=${{ "--timeline": `${100 * timelineHeight.value}vh` }}>
      <${Header} />
      <${Banners} />
      ${
        open
          ? html`
              <main class="desk">
                <${Schedule} />
                <${Frames} />
                <${Tabs} />
              </main>
              <${Edge} />
              <section class="below" aria-label="Timeline">
                <${Toolbar} />
                <div class="timeline">${children}</div>
              </section>
            `
          : html`
              <${Start} />
            `
      }
      <${Dialogs} />
      <${Notices} />
    </div>
  `;
}
