// The heads of the rows at the left: names, fold, height, order, and how a lane changes its script's values.
import { problems, project, selection } from "../state.js";
import { html } from "../ui.js";
import { short } from "./hand.js";
import { isWritten, modeOf, select } from "./keyframes.js";
import { rangeOf } from "./ranges.js";
import { aboutColumn, added, fold, HEADER, hideColumn, moveLane, resize, rows } from "./rows.js";

const MODES = { replace: "=", multiply: "×", add: "+" };

/** Drag with the pointer from an element; `take` is told by how many pixels. */
function dragged(event, take) {
  event.preventDefault();
  event.stopPropagation();
  const { target, clientY } = event;
  target.setPointerCapture(event.pointerId);
  const move = (moved) => take(moved.clientY - clientY);
  const end = () => target.removeEventListener("pointermove", move);
  target.addEventListener("pointermove", move);
  target.addEventListener("lostpointercapture", end, { once: true });
}

function Height({ row }) {
  const begin = (event) => dragged(event, (by) => resize(row, row.height + by));
  return html`<div class="tl-height" onPointerDown=${begin} title="Drag: height" aria-hidden="true"></div>`;
}

function LaneHead({ row }) {
  const { column } = row;
  const inProject = Boolean(project.value?.lanes[column]);
  const line = problems.value[`lane:${column}`];
  const isChosen = selection.value.lane === column;
  const order = (event) => {
    let done = 0;
    dragged(event, (by) => {
      const places = Math.trunc(by / row.height);
      if (places !== done) moveLane(column, places - done);
      done = places;
    });
  };
  return html`<button type="button" class="tl-name" aria-pressed=${String(isChosen)} title=${line ?? aboutColumn(column)}
      onClick=${() => select(column)} onPointerDown=${(event) => isChosen && event.button === 0 && order(event)}>${column}</button>
    ${line && html`<span class="tl-wrong" title=${line}>!</span>`}
    ${
      inProject &&
      html`<span class="tl-mode" title=${isWritten(column) ? "an expression" : `${modeOf(column)} the script's`}>
      ${isWritten(column) ? "ƒ" : MODES[modeOf(column)]}</span>`
    }
    ${
      !inProject &&
      added.value.includes(column) &&
      html`<button type="button" class="tl-fold" aria-label=${`Hide the lane ${column}`} onClick=${() => hideColumn(column)}>×</button>`
    }`;
}

export function Heads() {
  return html`<ul class="tl-heads" aria-label="Rows" style=${{ top: `${HEADER}px` }}>${rows.value.map(
    (
      row,
    ) => html`<li key=${row.id} class=${`tl-head ${row.kind}${selection.value.lane === row.column && row.column ? " chosen" : ""}`}
        style=${{ height: `${row.height}px` }}>
      ${
        row.canFold
          ? html`<button type="button" class="tl-fold" aria-expanded=${String(!row.isFolded)} aria-label=${`Fold ${row.title}`}
            onClick=${() => fold(row.id)}>${row.isFolded ? "▸" : "▾"}</button>`
          : html`<span class="tl-fold"></span>`
      }
      ${row.kind === "lane" ? html`<${LaneHead} row=${row} />` : html`<span class="tl-name">${row.title}</span>`}
      ${row.kind === "hits" && html`<span class="tl-legend"><i class="hat">hat</i><i class="snare">snare</i><i class="kick">kick</i></span>`}
      ${
        row.kind === "lane" &&
        row.height >= 44 &&
        html`<span class="tl-range">${rangeOf(row.column).map((value) => html`<i>${short(value)}</i>`)}</span>`
      }
      ${row.canResize && html`<${Height} row=${row} />`}
    </li>`,
  )}</ul>`;
}
