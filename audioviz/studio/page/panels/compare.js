// Two versions in one place: A was kept, B is what there is now, and a slider wipes between them.
import { report } from "../state.js";
import { html, signal, useEffect, useRef, useSignal } from "../ui.js";

export const pinned = signal(null); // {kind: "picture" or "film", url}: a copy, as the server's may go

export async function pin(kind, url) {
  try {
    const reply = await fetch(url);
    if (!reply.ok) throw new Error(`${url}: is there no more; show it anew`);
    if (pinned.peek()) URL.revokeObjectURL(pinned.peek().url);
    pinned.value = { kind, url: URL.createObjectURL(await reply.blob()) };
  } catch (error) {
    report(error);
  }
}

export function Compared({ url }) {
  const part = useSignal(50);
  const a = useRef(null);
  const b = useRef(null);
  const isFilm = pinned.value.kind === "film";
  useEffect(() => {
    if (!isFilm) return;
    const follow = () => {
      if (!a.current || !b.current) return; // it was closed
      if (Math.abs(a.current.currentTime - b.current.currentTime) > 0.04) a.current.currentTime = b.current.currentTime;
    };
    const timer = setInterval(follow, 100);
    return () => clearInterval(timer);
  }, [url]);
  const style = { "--part": `${part.value}%` };
  return html`
    <div class="compared" style=${style}>
      ${
        isFilm
          ? html`
              <video ref=${b} class="picture" src=${url} autoplay loop playsinline></video>
              <video ref=${a} class="picture kept" src=${pinned.value.url} autoplay loop muted playsinline></video>
            `
          : html`
              <img class="picture" src=${url} alt="B, as it is now" />
              <img class="picture kept" src=${pinned.value.url} alt="A, as it was kept" />
            `
      }
      <span class="side a" aria-hidden="true">A</span>
      <span class="side b" aria-hidden="true">B</span>
      <input
        type="range"
        min="0"
        max="100"
        value=${part.value}
        aria-label="Wipe between A and B"
        onInput=${(event) => (part.value = Number(event.target.value))}
      />
    </div>
  `;
}
