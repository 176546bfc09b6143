// Fields: the few controls that all panels are built with.
import { html, useRef, useSignal } from "../ui.js";
import { Icon } from "./icons.js";

let gestures = 0;
/** A name for all changes of one drag, which undo takes back together. */
export const newGesture = (what) => `${what}#${++gestures}`;

/** A number as people write it. */
export const tidy = (value) => String(Number(Number(value).toPrecision(6)));

export function Button({ icon, children, label, primary, danger, pressed, small, ...rest }) {
  const kind = [primary && "primary", danger && "danger", small && "small", !children && "bare"].filter(Boolean);
  return html`
    <button
      type="button"
      class=${kind.join(" ")}
      title=${label}
      aria-label=${children ? undefined : label}
      aria-pressed=${pressed === undefined ? undefined : String(pressed)}
      ...${rest}
    >
      ${
        icon &&
        html`
          <${Icon} name=${icon} />
        `
      }${
        children &&
        html`
          <span>${children}</span>
        `
      }
    </button>
  `;
}

/** A name, what it means, and its control; `onReset` is given where the value is not the default. */
export function Field({ label, about, onReset, inline, children }) {
  return html`
    <div class=${inline ? "field inline" : "field"}>
      <label>
        <span class="name" title=${about}>${label}</span>
        ${children}
      </label>
      ${
        onReset &&
        html`
          <${Button} icon="reset" small label=${`Reset ${label}`} onClick=${onReset} />
        `
      }
    </div>
  `;
}

/** A number by hand and by slider; `onLive(value, gesture)` at each step of a drag. */
export function Slider({ label, about, value, low, high, step, whole, unit = "", onLive, onReset }) {
  const dragged = useSignal(null); // what the hand says while the server has not answered
  const gesture = useRef("");
  const shown = dragged.value ?? value ?? low;
  const begin = () => (gesture.current = newGesture(label));
  const live = (text) => {
    const number = whole ? Math.round(Number(text)) : Number(text);
    dragged.value = number;
    onLive(number, gesture.current || begin());
  };
  const typed = (event) => {
    const number = Number(event.target.value);
    if (event.target.value.trim() === "" || !Number.isFinite(number)) event.target.value = tidy(shown);
    else onLive(whole ? Math.round(number) : number, newGesture(label));
  };
  const place = `${Math.max(0, Math.min(100, (100 * (shown - low)) / (high - low || 1)))}%`;
  return html`
    <div class="slider" title=${about}>
      <div class="line">
        <span class="name">${label}</span>
        ${
          onReset &&
          html`
            <${Button} icon="reset" small label=${`Reset ${label}`} onClick=${onReset} />
          `
        }
        <input
          class="number"
          inputmode="decimal"
          aria-label=${`${label}, as a number`}
          value=${tidy(shown)}
          onChange=${typed}
        />
        ${
          unit &&
          html`
            <span class="unit">${unit}</span>
          `
        }
      </div>
      <input
        type="range"
        aria-label=${label}
        min=${low}
        max=${high}
        step=${step}
        value=${shown}
        style=${{ "--at": place }}
        onPointerDown=${begin}
        onInput=${(event) => live(event.target.value)}
        onChange=${() => ((dragged.value = null), (gesture.current = ""))}
        onDblClick=${() => onReset?.()}
      />
    </div>
  `;
}

export function Switch({ label, about, value, onChange, onReset }) {
  return html`
    <div class="field inline" title=${about}>
      <label>
        <span class="name">${label}</span>
        <input
          type="checkbox"
          role="switch"
          checked=${Boolean(value)}
          onChange=${(event) => onChange(event.target.checked)}
        />
      </label>
      ${
        onReset &&
        html`
          <${Button} icon="reset" small label=${`Reset ${label}`} onClick=${onReset} />
        `
      }
    </div>
  `;
}

/** One of several; a choice is a text, or [value, words]. */
export function Choice({ label, about, value, choices, none, onChange, onReset, inline }) {
  return html`<${Field} label=${label} about=${about} onReset=${onReset} inline=${inline}>
    <select value=${value ?? ""} onChange=${(event) => onChange(event.target.value || null)}>
      ${
        none !== undefined &&
        html`
          <option value="">${none}</option>
        `
      }
      ${choices.map((choice) => {
        const [name, words] = Array.isArray(choice) ? choice : [choice, choice];
        return html`
          <option value=${name} selected=${name === value}>${words}</option>
        `;
      })}
    </select>
  </${Field}>`;
}

/** A text that is taken when the field is left or Enter is pressed. */
export function Text({ label, about, value, placeholder, onChange, onReset, inline, ...rest }) {
  return html`<${Field} label=${label} about=${about} onReset=${onReset} inline=${inline}>
    <input type="text" value=${value ?? ""} placeholder=${placeholder} spellcheck=${false} ...${rest}
      onKeyDown=${(event) => event.key === "Enter" && event.target.blur()}
      onChange=${(event) => onChange(event.target.value.trim())} />
  </${Field}>`;
}

/** Two or three choices side by side. */
export function Segments({ label, value, choices, onChange }) {
  return html`
    <div class="segments" role="group" aria-label=${label}>
      ${choices.map(
        ([name, words]) => html`
          <button type="button" aria-pressed=${String(name === value)} onClick=${() => onChange(name)}>${words}</button>
        `,
      )}
    </div>
  `;
}

/** The server's one line about a place. */
export function Fault({ line }) {
  return (
    line &&
    html`
      <p class="fault" role="alert">${line}</p>
    `
  );
}

/** A part of a panel under its heading. */
export function Part({ title, about, aside, children }) {
  return html`
    <section class="part">
      ${
        title &&
        html`
          <div class="line">
            <h3>${title}</h3>
            ${aside}
          </div>
        `
      }
      ${
        about &&
        html`
          <p class="about">${about}</p>
        `
      }
      ${children}
    </section>
  `;
}
