// A field for an expression: names complete while it is written, and its fault stands below.
import { ask } from "../link.js";
import { catalog } from "../state.js";
import { html, useEffect, useRef, useSignal } from "../ui.js";
import { newGesture } from "./fields.js";

const REST = 120; // milliseconds after the last key
const MOST = 8;

/** What the word before the caret can become. */
function completions(text, caret) {
  const word = /[A-Za-z_]\w*$/.exec(text.slice(0, caret))?.[0] ?? "";
  if (!word) return { word, found: [] };
  const { names = [], functions = [] } = catalog.peek() ?? {};
  const known = [...names.map((each) => [nameOf(each), ""]), ...functions.map((each) => [nameOf(each), "("])];
  const begins = known.filter(([name]) => name.startsWith(word) && name !== word);
  const holds = known.filter(([name]) => name.includes(word) && !name.startsWith(word));
  return { word, found: [...begins, ...holds].slice(0, MOST) };
}

const nameOf = (each) => (typeof each === "string" ? each : each.name);

export function Expression({ column, value, onLive }) {
  const text = useSignal(value);
  const fault = useSignal(null);
  const offered = useSignal({ word: "", found: [] });
  const at = useSignal(0);
  const field = useRef(null);
  const gesture = useRef("");
  const typed = useRef(false);
  if (document.activeElement !== field.current && !fault.peek() && text.peek() !== value) text.value = value;

  useEffect(() => {
    const written = text.value.trim();
    if (!written || written === value) fault.value = null;
    if (!typed.current || !written || written === value) return;
    const timer = setTimeout(async () => {
      const reply = await ask("expression", { column, text: written }).catch((error) => ({ fault: error.message }));
      if (text.peek().trim() !== written) return;
      fault.value = reply.fault ?? null;
      if (!reply.fault) onLive(written, gesture.current);
    }, REST);
    return () => clearTimeout(timer);
  }, [text.value]);

  const offer = () => {
    offered.value = completions(text.value, field.current.selectionStart);
    at.value = 0;
  };
  const take = (i) => {
    const [name, after] = offered.value.found[i];
    const caret = field.current.selectionStart;
    const begin = caret - offered.value.word.length;
    text.value = text.value.slice(0, begin) + name + after + text.value.slice(caret);
    field.current.value = text.value;
    field.current.setSelectionRange(begin + name.length + after.length, begin + name.length + after.length);
    field.current.focus();
    offered.value = { word: "", found: [] };
  };
  const onKeyDown = (event) => {
    const { length } = offered.value.found;
    if (!length) return;
    if (event.key === "ArrowDown") at.value = (at.value + 1) % length;
    else if (event.key === "ArrowUp") at.value = (at.value + length - 1) % length;
    else if (event.key === "Enter" || event.key === "Tab") take(at.value);
    else if (event.key === "Escape") offered.value = { word: "", found: [] };
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const open = offered.value.found.length > 0;
  return html`
    <div class="expression">
      <label class="field">
        <span class="name">Expression</span>
        <textarea
          ref=${field}
          rows="2"
          spellcheck=${false}
          autocapitalize="off"
          value=${text.value}
          placeholder="0.3 + 0.5 * kick"
          role="combobox"
          aria-expanded=${String(open)}
          aria-controls="completions"
          aria-autocomplete="list"
          aria-invalid=${String(Boolean(fault.value))}
          aria-describedby="expression-fault"
          aria-activedescendant=${open ? `completion-${at.value}` : undefined}
          onFocus=${() => (gesture.current = newGesture("expression"))}
          onKeyDown=${onKeyDown}
          onInput=${(event) => ((typed.current = true), (text.value = event.target.value), offer())}
          onBlur=${() => (offered.value = { word: "", found: [] })}
        ></textarea>
      </label>
      ${
        open &&
        html`
          <ul id="completions" role="listbox">
            ${offered.value.found.map(
              ([name, after], i) => html`
                <li
                  id=${`completion-${i}`}
                  role="option"
                  aria-selected=${String(i === at.value)}
                  onMouseDown=${(event) => (event.preventDefault(), take(i))}
                >
                  ${name}
                  <small>${after && "( )"}</small>
                </li>
              `,
            )}
          </ul>
        `
      }
      <p id="expression-fault" class="fault" role="status" hidden=${!fault.value}>${fault.value}</p>
    </div>
  `;
}
