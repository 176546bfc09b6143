// The keyboard: every command of the page has a name, a group and keys; the list under `?` shows them all.
export const commands = []; // {keys, name, group, act}

/** Give a command its keys, such as "Space", "Ctrl+Z", "Shift+ArrowLeft" or "?". */
export function command(keys, name, group, act) {
  commands.push({ keys, name, group, act });
}

function keysOf(event) {
  const key = event.key === " " ? "Space" : event.key.length === 1 ? event.key.toUpperCase() : event.key;
  const shift = event.shiftKey && (event.key.length > 1 || /[A-Z]/.test(key)) ? "Shift+" : "";
  return `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${event.altKey ? "Alt+" : ""}${shift}${key}`;
}

const isTyping = (target) => target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);

window.addEventListener("keydown", (event) => {
  if (isTyping(event.target) && !(event.ctrlKey || event.metaKey || event.key === "Escape")) return;
  const found = commands.find(({ keys }) => keys === keysOf(event));
  if (!found) return;
  event.preventDefault();
  found.act(event);
});
