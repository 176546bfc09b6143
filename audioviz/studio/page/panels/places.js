// Where the user looks: the open panel, the theme, the height of the timeline; kept by the browser.
import { effect, signal } from "../ui.js";

function kept(name, otherwise) {
  let value = otherwise;
  try {
    value = JSON.parse(localStorage.getItem(`audioviz.${name}`)) ?? otherwise;
  } catch {
    // a browser that keeps nothing begins as new
  }
  const place = signal(value);
  effect(() => {
    try {
      localStorage.setItem(`audioviz.${name}`, JSON.stringify(place.value));
    } catch {
      // as above
    }
  });
  return place;
}

export const tab = kept("tab", "prompts");
export const theme = kept("theme", "auto"); // auto, light, dark
export const timelineHeight = kept("timeline", 0.44); // of the window
export const size = kept("size", "draft"); // of the pictures at the playhead
export const dialog = signal(null); // name of the one that is open

effect(() => {
  if (theme.value === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
  window.dispatchEvent(new Event("themechange")); // a canvas reads its colours anew
});
