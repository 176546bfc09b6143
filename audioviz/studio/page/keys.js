// The keyboard: every command of the page has a name, a group and keys; the list under `?` shows them all.
export const commands = []; // {keys, name, group, act}

/** Give a command its keys, such as "Space", "Ctrl+Z", "Shift+ArrowLeft" or "?". */
export function command(keys, name, group, act) {
  commands.push({ keys, name, group, act });
}

/** The keys of an event as commands name them; Command stands for Ctrl on a Mac. */
export function keysOf(event) {
  const key = event.key === " " ? "Space" : event.key.length === 1 ? event.key.toUpperCase() : event.key;
  const shift = event.shiftKey && (event.key.length > 1 || /[A-Z]/.test(key)) ? "Shift+" : "";
  return `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${event.altKey ? "Alt+" : ""}${shift}${key}`;
}

const WHILE_TYPING = new Set(["Ctrl+S", "Ctrl+Shift+S", "Ctrl+Enter", "Escape"]); // the rest belongs to the field
const OF_A_CHOICE = /^(Arrow\w+|Home|End|Page\w+|Enter|Space|.)$/;

/** Whether the focused element needs these keys itself. */
function owns(target, keys) {
  if (target.isContentEditable || target.tagName === "TEXTAREA") return !WHILE_TYPING.has(keys);
  if (target.tagName === "SELECT") return OF_A_CHOICE.test(keys);
  if (target.tagName === "INPUT" && target.type === "range") return /^(Arrow\w+|Home|End|Page\w+)$/.test(keys);
  if (target.tagName === "INPUT" && target.type !== "checkbox") return !WHILE_TYPING.has(keys);
  if (/^(VIDEO|SUMMARY|BUTTON|A|INPUT)$/.test(target.tagName)) {
    return /^(Space|Enter)$/.test(keys) && target.matches(":focus-visible"); // one that was clicked leaves Space to play
  }
  return false;
}

window.addEventListener("keydown", (event) => {
  const keys = keysOf(event);
  if (event.defaultPrevented || document.querySelector("dialog[open]") || owns(event.target, keys)) return;
  const found = commands.find((each) => each.keys === keys);
  if (!found) return;
  event.preventDefault();
  found.act(event);
});
