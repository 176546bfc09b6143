// All that the page knows: what the server said, and where the user looks. Panels read signals and call functions.
import { ask, on } from "./link.js";
import { batch, computed, signal } from "./ui.js";

export const connected = signal(false);
export const catalog = signal(null); // schedules, columns, easings ...: what can be chosen
export const project = signal(null); // the whole record, with what is default; null before a song is opened
export const about = signal({}); // of the project: path, saved, undo, redo, revision, folder
export const song = signal(null); // what was heard, with typed arrays; null while it is being heard
export const plan = signal(null); // the computed schedule, with typed arrays
export const problems = signal({}); // place ("song", "schedule", "lane:zoom" ...) -> one line
export const jobs = signal([]); // renders, the newest last
export const pictures = signal(new Map()); // frame -> {url, estimate}

export const view = signal({ from: 0, to: 30 }); // seconds that the timeline shows
export const playhead = signal(0); // seconds
export const playing = signal(false);
export const loop = signal(null); // [from, to] seconds, or null
export const snapping = signal("beats"); // off, frames, beats, bars, hits
export const selection = signal({ lane: null, keys: new Set() }); // keys as the project writes them
export const selectedPrompt = signal(null); // its place in project.prompts, or null
export const notice = signal(null); // {text, kind}: said once, at the foot of the page

export const fps = computed(() => song.value?.fps ?? 12);
export const duration = computed(() => song.value?.duration ?? 0);

on("connected", (is) => (connected.value = is));
on("notice", ({ text, kind }) => say(text, kind));
on("catalog", (message) => (catalog.value = message));
on("song", (message) => (song.value = message.none ? null : message));
let curves = new Map(); // digest -> values, of the plan that is shown: those that stay are not sent again
on("plan", (message) => {
  curves = new Map(Object.values(message.curves).map((digest) => [digest, message[digest] ?? curves.get(digest)]));
  for (const [name, digest] of Object.entries(message.curves)) message[name] = curves.get(digest);
  plan.value = message;
});
on("jobs", (message) => (jobs.value = message.jobs));
on("problem", ({ where, message }) => (problems.value = { ...problems.value, [where]: message }));
on("picture", (message) => {
  const next = new Map(pictures.value);
  if (message.gone) next.delete(message.frame);
  else next.set(message.frame, message);
  pictures.value = next;
});

let pending = 0; // changes that the server has not answered
let newest = null; // its state, which is shown when it has
on("state", (message) => {
  newest = message;
  if (pending === 0) settle();
});

function settle() {
  batch(() => {
    project.value = newest.project;
    about.value = newest;
  });
}

/** The value at a place of a document, such as ["lanes", "zoom", "keys"]. */
export function at(document, place) {
  return place.reduce((value, key) => value?.[key], document);
}

/** The document with another value at a place; undefined takes it away. */
function withValue(document, [key, ...rest], value) {
  const copy = Array.isArray(document) ? [...document] : { ...document };
  if (rest.length) copy[key] = withValue(copy[key] ?? {}, rest, value);
  else if (value === undefined) delete copy[key];
  else copy[key] = value;
  return copy;
}

/**
 * Change the project: [[place, value], ...] under one name, which undo shows. It is seen at once, and taken back if the
 * server refuses it. Changes of one `gesture` (any text) are one step of undo.
 */
export async function change(edits, name, gesture = null) {
  pending += 1;
  show(edits);
  try {
    await ask("change", {
      edits: edits.map(([place, value]) => (value === undefined ? { place } : { place, value })),
      name,
      gesture,
    });
  } catch (error) {
    say(error.message, "error");
    throw error;
  } finally {
    pending -= 1;
    if (pending === 0 && newest) settle();
  }
}

function show(edits) {
  project.value = edits.reduce((document, [place, value]) => withValue(document, place, value), project.value);
}

const drags = new Map(); // gesture -> what it asked for last and the server has not been told
let telling = false;

/** A change of a drag: seen at once; one is under way at a time, and of what came meanwhile the newest follows. */
export async function changeLive(edits, name, gesture) {
  show(edits);
  drags.set(gesture, [edits, name]);
  if (telling) return;
  telling = true;
  pending += 1;
  for (let [next] = drags; next; [next] = drags) {
    const [of, [latest, called]] = next;
    drags.delete(of);
    await change(latest, called, of).catch(() => null); // it was said
  }
  telling = false;
  pending -= 1;
  if (pending === 0 && newest) settle();
}

export const undo = () => ask("undo").catch(report);
export const redo = () => ask("redo").catch(report);

export function say(text, kind = "note") {
  notice.value = { text, kind, at: Date.now() };
}

export const report = (error) => say(error.message, "error");
