// Words of a prompt: those that the model does not know are underlined, and the nearest stands one click away.
import { ask } from "../link.js";
import { html, useEffect, useRef, useSignal } from "../ui.js";
import { NEGATIVE, weighted } from "./written.js";

const REST = 250; // milliseconds after the last key

/** The text in pieces, of which some are unknown: they lie behind the field and carry the underline. */
function pieces(text, unknown) {
  const parts = [];
  let at = 0;
  for (const { start, end } of unknown) {
    parts.push(
      text.slice(at, start),
      html`
        <u>${text.slice(start, end)}</u>
      `,
    );
    at = end;
  }
  return [...parts, text.slice(at), "\n"];
}

export function Words({ label, value, placeholder, quiet, onBegin, onLive }) {
  const text = useSignal(value);
  const unknown = useSignal([]);
  const field = useRef(null);
  if (document.activeElement !== field.current && text.peek() !== value) text.value = value;

  useEffect(() => {
    const [asked] = text.value.split(NEGATIVE); // what stands behind it goes to a field of its own
    if (!asked.trim()) return void (unknown.value = []);
    const timer = setTimeout(async () => {
      const reply = await ask("words", { text: asked }).catch(() => ({ unknown: [] })); // a server that is away: none
      if (text.peek().split(NEGATIVE)[0] === asked) unknown.value = reply.unknown ?? [];
    }, REST);
    return () => clearTimeout(timer);
  }, [text.value]);

  const write = (next) => {
    const shift = next.length - text.value.length;
    if (shift) unknown.value = []; // their places are those of the text before
    text.value = next;
    onLive(next);
  };
  const onKeyDown = (event) => {
    const step = { ArrowUp: 0.1, ArrowDown: -0.1 }[event.key];
    if (!(event.ctrlKey || event.metaKey) || !step) return;
    const { selectionStart, selectionEnd } = event.target;
    const next = weighted(text.value, selectionStart, selectionEnd, step);
    if (!next) return;
    event.preventDefault();
    write(next.text);
    event.target.value = next.text;
    event.target.setSelectionRange(next.from, next.to);
  };
  const correct = ({ start, end, nearest }) => {
    onBegin();
    write(text.value.slice(0, start) + nearest + text.value.slice(end));
  };
  return html`
    ${
      quiet &&
      html`
        <span class="about">${label}</span>
      `
    }
    <div class=${quiet ? "words quiet" : "words"}>
      <div class="behind" aria-hidden="true">${pieces(text.value, unknown.value)}</div>
      <textarea
        ref=${field}
        rows="1"
        aria-label=${label}
        placeholder=${placeholder}
        spellcheck=${false}
        value=${text.value}
        onFocus=${onBegin}
        onInput=${(event) => write(event.target.value)}
        onKeyDown=${onKeyDown}
        onBlur=${() => text.value.trim() || (text.value = value)}
      ></textarea>
    </div>
    ${
      unknown.value.length > 0 &&
      html`
        <p class="unknown">
          ${unknown.value.map(
            (each) => html`
              <span>
                <s>${each.word}</s>
                ${
                  each.nearest
                    ? html`
                        <button type="button" class="link" onClick=${() => correct(each)}>${each.nearest}</button>
                      `
                    : "is not known"
                }
              </span>
            `,
          )}
        </p>
      `
    }
  `;
}
