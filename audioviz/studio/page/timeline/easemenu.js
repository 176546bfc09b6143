// The small menu of easings at a key.
import { catalog } from "../state.js";
import { html, useEffect, useRef } from "../ui.js";
import { easeSelected } from "./edits.js";
import { QUICK, shapeOf } from "./eases.js";
import { menu } from "./hand.js";
import { selectedKeys } from "./keyframes.js";

function Shape({ ease }) {
  const shape = shapeOf(ease);
  const points = Array.from(
    { length: 25 },
    (_, i) => `${(i / 24) * 22 + 1},${13 - 11 * (i === 24 ? 1 : shape(i / 24))}`,
  );
  return html`<svg viewBox="0 -2 24 18" width="24" height="16" aria-hidden="true"><polyline points=${points.join(" ")} /></svg>`;
}

export function EaseMenu({ scroller, left }) {
  const box = useRef(null);
  const place = menu.value;
  useEffect(() => {
    if (place) (box.current.querySelector("[aria-checked=true]") ?? box.current.querySelector("button")).focus();
  }, [place]);
  if (!place) return null;
  const chosen = selectedKeys()[0]?.ease;
  const take = (ease) => {
    easeSelected(ease);
    menu.value = null;
  };
  const onKeyDown = (event) => {
    const items = [...box.current.querySelectorAll("button, select")];
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") menu.value = null;
    else if (by && event.target.tagName === "BUTTON") {
      items[(items.indexOf(event.target) + by + items.length) % items.length].focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const scroll = scroller.current?.scrollTop ?? 0;
  const room = (scroller.current?.clientHeight ?? 0) - 250;
  const top = Math.max(4, Math.min(room, place.isBelow ? place.y - scroll : place.y));
  return html`<div class="tl-menu" role="menu" aria-label="Easing to the next key" ref=${box} onKeyDown=${onKeyDown}
      style=${{ left: `${Math.min(place.x, (scroller.current?.clientWidth ?? 400) - left - 170) + 12}px`, top: `${top}px` }}>
    ${QUICK.map(
      (
        ease,
        i,
      ) => html`<button type="button" role="menuitemradio" aria-checked=${String(ease === chosen)} onClick=${() => take(ease)}>
        <${Shape} ease=${ease} /><span>${ease}</span><kbd>${i + 1}</kbd></button>`,
    )}
    <select aria-label="Other easings" onChange=${(event) => take(event.target.value)}>
      <option value="">other …</option>
      ${(catalog.value?.eases ?? [])
        .filter((ease) => !QUICK.includes(ease))
        .map((ease) => html`<option selected=${ease === chosen}>${ease}</option>`)}
    </select>
  </div>`;
}
