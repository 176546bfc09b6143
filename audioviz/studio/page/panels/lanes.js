// Lanes: columns that the user draws or writes over the schedule.
import { catalog, change, changeLive, playhead, problems, project, selection } from "../state.js";
import { COLOUR, hexOf } from "../timeline/colours.js";
import { valueNow, valueSelected } from "../timeline/edits.js";
import { addLane } from "../timeline/timeline.js";
import { key } from "../times.js";
import { html, useRef, useSignal } from "../ui.js";
import { Expression } from "./expression.js";
import { Button, Choice, Fault, Field, newGesture, Part, Segments } from "./fields.js";
import { tab } from "./places.js";

export const MODES = [
  ["replace", "Replace"],
  ["multiply", "Multiply"],
  ["add", "Add"],
];
export const columnOf = (name) => catalog.value?.columns.find((column) => column.name === name);

/** The colour of the keys that are selected. */
function KeyColour({ chosen, keys }) {
  const gesture = useRef("");
  return html`<${Field} label=${chosen.length > 1 ? `Colour of ${chosen.length} keys` : "Colour of the key"} inline>
    <input type="color" value=${hexOf(keys[chosen[0]])} onFocus=${() => (gesture.current = newGesture("colour"))}
      onInput=${(event) => valueSelected(event.target.value, gesture.current)} />
  </${Field}>`;
}

/** Show the lane of a column, and begin it where there is none. */
export function openLane(column) {
  addLane(column);
  selection.value = { lane: column, keys: new Set() };
  tab.value = "lanes";
}

/** All columns to search and to add, in their groups. */
export function LaneMenu({ onDone }) {
  const sought = useSignal("");
  const words = sought.value.toLowerCase();
  const found = (catalog.value?.columns ?? []).filter(({ name, about = "", group = "" }) =>
    `${name} ${about} ${group}`.toLowerCase().includes(words),
  );
  const groups = Object.entries(Object.groupBy(found, ({ group }) => group ?? "columns"));
  const take = (name) => (openLane(name), onDone?.());
  return html`
    <div class="lane-menu">
      <input
        type="search"
        class="search"
        placeholder="Search the columns"
        aria-label="Search the columns"
        value=${sought.value}
        onInput=${(event) => (sought.value = event.target.value)}
        onKeyDown=${(event) => event.key === "Enter" && found[0] && take(found[0].name)}
      />
      <div class="groups">
        ${groups.map(
          ([group, columns]) => html`
            <section>
              <h4>${group}</h4>
              <ul>
                ${columns.map(
                  ({ name, about }) => html`
                    <li>
                      <button
                        type="button"
                        onClick=${() => take(name)}
                        aria-current=${name in project.value.lanes ? "true" : undefined}
                      >
                        <strong>${name}</strong>
                        <span>${about}</span>
                      </button>
                    </li>
                  `,
                )}
              </ul>
            </section>
          `,
        )}
        ${
          !found.length &&
          html`
            <p class="about">${catalog.value ? "No column has that name." : "..."}</p>
          `
        }
      </div>
    </div>
  `;
}

function Selected({ column }) {
  const lane = project.value.lanes[column];
  const { low, high, about } = columnOf(column) ?? {};
  const put = (value, name) => change([[["lanes", column], value]], name).catch(() => null);
  const chosen = [...selection.value.keys];
  const eases = typeof lane?.ease === "string" ? null : lane?.ease;
  const eased = (ease) => {
    if (!chosen.length) return put({ ...lane, ease }, `ease of ${column}`);
    const before = eases ?? Object.fromEntries(Object.keys(lane.keys).map((each) => [each, lane.ease]));
    return put(
      { ...lane, ease: { ...before, ...Object.fromEntries(chosen.map((each) => [each, ease])) } },
      `ease of ${column}`,
    );
  };
  const isWritten = Boolean(lane?.expression);
  const write = (expression, gesture) =>
    changeLive([[["lanes", column], { mode: lane?.mode ?? "replace", expression }]], `formula of ${column}`, gesture);
  const toKeys = () =>
    put(
      { mode: lane?.mode ?? "replace", keys: { [key(playhead.value)]: valueNow(column, playhead.value) } },
      `keys of ${column}`,
    );
  const [from, to] = [low, high].map((end) => end ?? null);
  const range = from === null && to === null ? "" : to === null ? `from ${from}` : `${from ?? "…"} to ${to}`;
  return html`<${Part} title=${column} aside=${html`
    <span class="about">${range}</span>
  `} about=${about}>
    <${Fault} line=${problems.value[`lane:${column}`]} />
    ${
      lane &&
      html`
        <${Segments}
          label="What becomes of the script's values"
          value=${lane.mode ?? "replace"}
          choices=${MODES}
          onChange=${(mode) => put({ ...lane, mode }, `mode of ${column}`)}
        />
      `
    }
    <${Expression} column=${column} value=${lane?.expression ?? ""}
      onLive=${write} />
    ${column === COLOUR && lane?.keys && chosen.length > 0 && html`<${KeyColour} chosen=${chosen} keys=${lane.keys} />`}
    ${
      lane &&
      !isWritten &&
      html`
        <${Choice}
          label=${chosen.length ? `Ease from ${chosen.length} selected` : "Ease"}
          inline
          value=${chosen.length && eases ? eases[chosen[0]] : typeof lane.ease === "string" ? lane.ease : ""}
          none=${eases && !chosen.length ? "each its own" : undefined}
          choices=${catalog.value?.eases ?? ["linear"]}
          onChange=${eased}
        />
      `
    }
    <div class="line wrap">
      ${isWritten && html`<${Button} onClick=${toKeys}>Draw keys instead</${Button}>`}
      ${!lane && html`<${Button} icon="plus" onClick=${toKeys}>Key at the playhead</${Button}>`}
      ${lane && html`<${Button} icon="close" onClick=${() => put(undefined, `clear ${column}`)}>Clear</${Button}>`}
    </div>
  </${Part}>`;
}

export function Lanes() {
  const own = Object.keys(project.value.lanes);
  const column = selection.value.lane;
  const adding = useSignal(false);
  return html`<${Part} title="Drawn or written" aside=${html`<${Button} icon=${adding.value ? "close" : "plus"} small
      onClick=${() => (adding.value = !adding.value)}>${adding.value ? "Close" : "Add"}</${Button}>`}>
      ${
        !own.length &&
        !adding.value &&
        html`
          <p class="about">None yet. Add a column, then draw in the timeline or write an expression.</p>
        `
      }
      ${
        adding.value &&
        html`
          <${LaneMenu} onDone=${() => (adding.value = false)} />
        `
      }
      <div class="line wrap">${own.map(
        (name) =>
          html`<${Button} small pressed=${name === column} onClick=${() => openLane(name)}>${name}
            ${problems.value[`lane:${name}`] ? " !" : ""}</${Button}>`,
      )}</div>
    </${Part}>
    ${
      column &&
      html`
        <${Selected} key=${column} column=${column} />
      `
    }`;
}
