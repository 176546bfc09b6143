// The colours of the page's style, as a canvas and pixels need them.
import { signal } from "../ui.js";

const NAMES = [
  ...["ground", "panel", "line", "ink", "faint", "accent", "wave", "beat", "downbeat", "kick", "snare", "hat"],
  ...["curve", "script", "error"],
];

export const colours = signal(read()); // name -> {css, rgb}

function read() {
  const probe = document.createElement("span");
  probe.hidden = true;
  document.documentElement.append(probe);
  const pixel = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const found = Object.fromEntries(
    NAMES.map((name) => {
      probe.style.color = `var(--${name})`;
      pixel.fillStyle = getComputedStyle(probe).color;
      pixel.fillRect(0, 0, 1, 1);
      const [red, green, blue] = pixel.getImageData(0, 0, 1, 1).data;
      return [name, { css: `rgb(${red} ${green} ${blue})`, rgb: [red, green, blue] }];
    }),
  );
  probe.remove();
  return found;
}

/** A colour by its name, as much of it as said. */
export function css(name, alpha = 1) {
  const { css: whole, rgb } = colours.value[name];
  return alpha === 1 ? whole : `rgb(${rgb.join(" ")} / ${alpha})`;
}

const anew = () => (colours.value = read());
window.addEventListener("themechange", anew);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", anew);
window.addEventListener("load", anew); // of the style, which may come later than this

export const COLOUR = "flash_colour"; // the column whose values are colours

/** A colour as the project writes it, of a number or a name. */
export function hexOf(value) {
  if (typeof value === "number") return `#${Math.max(0, Math.round(value)).toString(16).padStart(6, "0")}`;
  pen.fillStyle = "#ffffff";
  pen.fillStyle = value; // a name that it does not know changes nothing
  return pen.fillStyle;
}

const pen = new OffscreenCanvas(1, 1).getContext("2d");
