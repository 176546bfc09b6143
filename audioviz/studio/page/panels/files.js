// Files: those of the opened folders to pick from, and those that are dropped on the page.
import { ask, Refused } from "../link.js";
import { change, connected, project, report, say } from "../state.js";
import { html, signal, useEffect, useSignal } from "../ui.js";
import { Icon } from "./icons.js";
import { dialog } from "./places.js";

export const sending = signal(null); // {name, part} of the file that is being sent
const ICONS = { song: "song", project: "project" };
const PLACES = { image: ["guides", "init"], video: ["guides", "init"], lyrics: ["finish", "lyrics"] };
const SAID = { image: "init image", video: "init video", lyrics: "lyrics" };
const KINDS = [
  ["project", /\.avz$/i],
  ["image", /\.(png|jpe?g|webp|gif|bmp|tiff?)$/i],
  ["video", /\.(mp4|mov|mkv|webm|avi|m4v)$/i],
  ["lyrics", /\.(lrc|srt|vtt|ass)$/i],
  ["schedule", /\.(json|csv|py)$/i],
];

const nameOf = (path) => path.split(/[\\/]/).pop();

export const kindOf = (name) => KINDS.find(([, ending]) => ending.test(name))?.[0] ?? "song";

export async function open(path) {
  try {
    await ask("open", { path });
    dialog.value = null;
  } catch (error) {
    report(error);
  }
}

/** Take a file into what is open: a song or a project opens, the rest has its place in the project. */
export async function take(path, kind = kindOf(path)) {
  if (!project.value || kind === "project") return open(path);
  if (kind === "song") {
    dialog.value = null;
    const said = `${nameOf(path)} is the song of this project now; Undo takes it back, Ctrl+O opens a song of its own`;
    return change([[["song", "path"], path]], "another song").then(
      () => say(said),
      () => null,
    );
  }
  if (kind === "schedule") {
    return change(
      [
        [["schedule", "source"], path],
        [["schedule", "settings"], {}],
      ],
      "schedule",
    ).catch(() => null);
  }
  if (!PLACES[kind])
    return say(`${path}: expected a song, a project, a picture, a video, lyrics or a schedule`, "error");
  await change([[PLACES[kind], path]], SAID[kind]).catch(() => null);
  say(`${nameOf(path)} is the ${SAID[kind]} now`);
}

/** Send a file to the server; its path there. */
export function send(file) {
  const request = new XMLHttpRequest();
  sending.value = { name: file.name, part: 0 };
  return new Promise((resolve, reject) => {
    request.upload.onprogress = ({ loaded, total }) => (sending.value = { name: file.name, part: loaded / total });
    request.onerror = () => reject(new Refused(`${file.name}: the connection to the server was lost; drop it again`));
    request.onload = () => {
      const reply = request.getResponseHeader("content-type")?.includes("json") ? JSON.parse(request.responseText) : {};
      if (request.status === 200 && reply.path) resolve(reply.path);
      else reject(new Refused(reply.error ?? (request.responseText.slice(0, 300) || `${file.name}: was refused`)));
    };
    request.open("PUT", `upload?name=${encodeURIComponent(file.name)}`);
    request.send(file);
  }).finally(() => (sending.value = null));
}

/** Send files, and use each: by default it is taken into what is open. */
export async function drop(files, use = take) {
  for (const file of files) {
    try {
      await use(await send(file), kindOf(file.name));
    } catch (error) {
      report(error);
    }
  }
}

const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
export const dropping = signal(false);
let inside = 0; // elements that a drag has entered and not left

window.addEventListener("dragenter", (event) => carriesFiles(event) && (dropping.value = ++inside > 0));
window.addEventListener("dragleave", (event) => carriesFiles(event) && (dropping.value = --inside > 0));
window.addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
window.addEventListener("drop", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  inside = 0;
  dropping.value = false;
  drop([...event.dataTransfer.files]);
});

/** A button that opens the browser's own picker of files. */
export function Picker({ accept, children, primary, use = take }) {
  return html`
    <label class=${primary ? "button primary" : "button"}>
      ${children}
      <input type="file" class="hidden" accept=${accept} onChange=${(event) => drop([...event.target.files], use)} />
    </label>
  `;
}

/** Songs and projects to open; or, where the song is `instead` of one that is missing, songs to take. */
export function FileList({ instead }) {
  const listing = useSignal(null);
  const look = (folder) =>
    ask("files", folder ? { folder } : {})
      .then((found) => (listing.value = found))
      .catch(
        (error) => connected.peek() && (listing.value = { folder: "", folders: [], files: [], fault: error.message }),
      );
  useEffect(() => {
    if (connected.value) look();
  }, [connected.value]);
  const { folder, folders, files, fault } = listing.value ?? { folder: "", folders: [], files: [] };
  const openable = files.filter(({ kind }) => ICONS[kind]);
  return html`
    <div class="files">
      <p class="about" title=${folder}><bdi>${folder}</bdi></p>
      <ul>
        ${folders.map((path) => {
          return html`
            <li>
              <button type="button" onClick=${() => look(path)}>
                <${Icon} name="folder" />
                <span>${folder.startsWith(path) && folder !== path ? ".." : nameOf(path)}</span>
              </button>
            </li>
          `;
        })}
        ${openable.map(
          ({ name, path, kind }) => html`
            <li>
              <button type="button" onClick=${() => (instead ? take(path, kind) : open(path))}>
                <${Icon} name=${ICONS[kind]} />
                <span>${name}</span>
                <small>${kind}</small>
              </button>
            </li>
          `,
        )}
        ${
          listing.value &&
          !openable.length &&
          !folders.length &&
          html`
            <li class="about">${fault ?? "no songs or projects here"}</li>
          `
        }
      </ul>
      ${
        project.value &&
        html`<${Picker} accept="audio/*,.avz" use=${instead ? take : open}>Choose a file elsewhere</${Picker}>`
      }
    </div>
  `;
}
