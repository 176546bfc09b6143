// The timeline: one canvas for the sound, its beats and sections, lanes and prompts.
import {
  loop,
  pictures,
  plan,
  playhead,
  playing,
  problems,
  project,
  selectedPrompt,
  selection,
  song,
  view,
} from "../state.js";
import { barAt, clock, lastBefore } from "../times.js";
import { effect, html, useEffect, useRef, useSignal } from "../ui.js";
import { colours } from "./colours.js";
import { told } from "./commands.js";
import { EaseMenu } from "./easemenu.js";
import { listen } from "./gestures.js";
import { onHand, played } from "./hand.js";
import { Heads } from "./heads.js";
import { draft } from "./keyframes.js";
import { overlayIn, showOverlay } from "./overlay.js";
import { paintGround } from "./paint.js";
import { beats } from "./pins.js";
import { blocks } from "./prompts.js";
import { HEADER, rows, showColumn, total } from "./rows.js";
import { measure } from "./ruler.js";
import { onPicture } from "./strip.js";
import { reveal, width } from "./view.js";

export { showColumn as addLane };

const HEADS = 116; // pixels, of the column of heads

/** Paint the two layers whenever what they show has changed, once a frame. */
function keepPainted(ground, over, moving, scroller) {
  const parts = overlayIn(moving);
  const layers = [ground, over].map((canvas) =>
    canvas.getContext("2d", { alpha: canvas !== ground, willReadFrequently: true }),
  );
  const font = `11px ${getComputedStyle(ground).fontFamily}`;
  const size = { width: 0, height: 0, ratio: 1, scroll: 0, font, isCleared: true };
  let stale = 0; // 1 the hand, 2 all
  let asked = 0;
  const ask = (what) => {
    stale = Math.max(stale, what);
    asked ||= requestAnimationFrame(paint);
  };
  function paint() {
    asked = 0;
    size.scroll = scroller.scrollTop;
    if (stale === 2) paintGround(layers[0], size);
    size.isCleared = false;
    showOverlay(parts, layers[1], size);
    stale = 0;
  }
  const measured = () => {
    size.ratio = window.devicePixelRatio || 1;
    size.width = Math.max(0, scroller.clientWidth - HEADS);
    size.height = scroller.clientHeight;
    for (const canvas of [ground, over]) {
      canvas.width = Math.round(size.width * size.ratio);
      canvas.height = Math.round(size.height * size.ratio);
      canvas.style.width = `${size.width}px`;
      canvas.style.height = `${size.height}px`;
    }
    Object.assign(moving.style, { width: `${size.width}px`, height: `${size.height}px` });
    size.isCleared = true; // a canvas whose size is set is blank
    width.value = size.width;
    ask(2);
  };
  const observer = new ResizeObserver(measured);
  observer.observe(scroller);
  const scrolled = () => ask(2);
  scroller.addEventListener("scroll", scrolled, { passive: true });
  onHand(() => ask(1));
  onPicture(() => ask(2));
  const ends = [
    effect(() => {
      for (const each of [view, width, song, plan, project, pictures, problems, selection, selectedPrompt, loop])
        each.value;
      for (const each of [draft, beats, blocks, colours, rows, measure, played]) each.value;
      ask(2);
    }),
    effect(() => {
      const seconds = playhead.value;
      if (playing.peek()) reveal(seconds);
      ask(1);
    }),
  ];
  return () => {
    observer.disconnect();
    scroller.removeEventListener("scroll", scrolled);
    for (const end of ends) end();
  };
}

/** What a screen reader is told: where the playhead rests, and what is selected. */
function Told() {
  const text = useSignal("");
  useEffect(() => {
    let rest = 0;
    return effect(() => {
      const [seconds, selected, isPlaying] = [playhead.value, told(), playing.value];
      clearTimeout(rest);
      if (isPlaying) return;
      rest = setTimeout(() => {
        const bar = barAt(song.peek(), seconds);
        const all = song.peek()?.events.beats.seconds ?? [];
        const beat = bar ? 1 + lastBefore(all, seconds + 1e-3) - lastBefore(all, bar.start + 1e-3) : 0;
        text.value = [clock(seconds), bar?.number > 0 && `bar ${bar.number}, beat ${beat}`, selected]
          .filter(Boolean)
          .join("; ");
      }, 250);
    });
  }, []);
  return html`<p id="tl-told" class="visually-hidden" aria-live="polite">${text.value}</p>`;
}

const turnMeasure = () => (measure.value = measure.peek() === "time" ? "bars" : "time");

export function Timeline() {
  const [scroller, ground, over, moving] = [useRef(null), useRef(null), useRef(null), useRef(null)];
  useEffect(() => {
    const ends = [
      keepPainted(ground.current, over.current, moving.current, scroller.current),
      listen(over.current, scroller.current),
    ];
    return () => ends.forEach((end) => end());
  }, []);
  return html`<div class="tl">
    <div class="tl-scroll" ref=${scroller} tabindex="-1">
      <div class="tl-stick">
        <div class="tl-corner" style=${{ width: `${HEADS}px`, height: `${HEADER}px` }}>
          <button type="button" onClick=${turnMeasure} title="Ruler in time or bars (M)"
            aria-label=${`Ruler in ${measure.value}`}>
            ${measure.value === "time" ? "min:sec" : "bars"}</button>
        </div>
        <canvas ref=${ground} class="tl-layer" aria-hidden="true" style=${{ left: `${HEADS}px` }}></canvas>
        <canvas ref=${over} class="tl-layer" role="application" tabindex="0" aria-label="Timeline"
          aria-describedby="tl-told"
          style=${{ left: `${HEADS}px` }}></canvas>
        <div ref=${moving} class="tl-moving" aria-hidden="true" style=${{ left: `${HEADS}px` }}></div>
        <div class="tl-over" style=${{ left: `${HEADS}px` }}><${EaseMenu} scroller=${scroller} left=${HEADS} /></div>
      </div>
      <div class="tl-inner" style=${{ height: `${HEADER + total.value}px`, width: `${HEADS}px` }}><${Heads} /></div>
    </div>
    <${Told} />
  </div>`;
}
