// The picture at the playhead, large; a bar of film; and two versions beside each other.
import { ask } from "../link.js";
import { command } from "../keys.js";
import {
  about,
  connected,
  fps,
  jobs,
  pictures,
  plan,
  playhead,
  playing,
  problems,
  project,
  report,
  song,
} from "../state.js";
import { stop } from "../sound.js";
import { barAt, clock } from "../times.js";
import { draft } from "../timeline/keyframes.js";
import { effect, html, signal } from "../ui.js";
import { Compared, pin, pinned } from "./compare.js";
import { Button, Fault, Segments } from "./fields.js";
import { size } from "./places.js";

const REST = 150; // milliseconds that the playhead and all values rest before a picture is asked for
const NEAR = 2; // seconds about the playhead in which a picture stands for it while the song plays

export const film = signal(null); // {job, name} of the bar that is shown in place of pictures
const asking = signal(false);
const fault = signal(null); // why there is no picture
const shown = signal(null); // the picture that is seen: what was made last stays until there is another

const frameAt = (seconds) =>
  Math.max(0, Math.min((song.value?.frames ?? 1) - 1, Math.floor(seconds * fps.value + 1e-6)));

/** The picture of a frame; while the song plays, that of the nearest before it, or after it. */
function pictureAt(frame, reach) {
  for (let apart = 0; apart <= reach; apart++) {
    const found = pictures.value.get(frame - apart) ?? pictures.value.get(frame + apart);
    if (found) return found;
  }
  return null;
}

effect(() => {
  const found = pictureAt(frameAt(playhead.value), playing.value ? Math.round(NEAR * fps.value) : 0);
  if (found) shown.value = found;
});

let heard = null; // the song of what is seen
effect(() => {
  const { sha256 } = song.value ?? {};
  if (!sha256 || sha256 === heard) return;
  heard = sha256;
  shown.value = film.value = null;
});

let rest = 0;
effect(() => {
  const frame = frameAt(playhead.value);
  const wanted = size.value;
  for (const each of [about, project, draft]) each.value; // asked anew after each change, not while a hand makes it
  clearTimeout(rest);
  if (playing.value || !plan.value || !connected.value || film.value) return;
  rest = setTimeout(async () => {
    asking.value = true;
    fault.value = await ask("frame", { frame, size: wanted }).then(
      () => null,
      (error) => error.message,
    );
    asking.value = false;
  }, REST);
});

/** Render the bar at the playhead, which then plays in a loop. */
export async function renderBar() {
  const bar = barAt(song.peek(), playhead.peek());
  if (!bar) return;
  const { start, end, number } = bar;
  const draft = size.peek() === "draft";
  try {
    const { job } = await ask("render", { start, duration: end - start, draft, name: `bar ${number}` });
    stop();
    film.value = { job, name: `bar ${number}` };
  } catch (error) {
    report(error);
  }
}

command("B", "Render the bar at the playhead", "Frames", () => project.value && renderBar());
command("A", "Keep the picture as A to compare with", "Frames", () => pinCurrent());

const filmOf = () => jobs.value.find(({ id }) => id === film.value?.job);

effect(() => {
  const job = filmOf();
  const elsewhere = job && Math.abs(playhead.value - job.start - job.duration / 2) > job.duration / 2 + 0.01;
  if (job?.film && (playing.value || elsewhere)) film.value = null; // two sounds at once, or a picture of another place
});

function pinCurrent() {
  if (pinned.value) return (pinned.value = null);
  const job = filmOf();
  if (job?.film) return pin("film", job.film);
  if (!film.value && shown.value) return pin("picture", shown.value.url);
}

function Film() {
  const job = filmOf();
  if (job?.film) {
    return pinned.value?.kind === "film"
      ? html`
          <${Compared} url=${job.film} />
        `
      : html`
          <video class="picture" key=${job.film} src=${job.film} autoplay loop controls playsinline></video>
        `;
  }
  const { done = 0, frames = 0, picture, error, status = "waiting" } = job ?? {};
  const seen = picture ?? shown.value?.url; // the preview, until the film has a frame
  const state = status !== "running" ? status : frames ? `frame ${done} of ${frames}` : "getting ready";
  return html`
    <div class="making">
      ${
        seen &&
        html`
          <img class="picture" src=${seen} alt=${`Newest frame of ${film.value.name}`} />
        `
      }
      <div class="over" role="status">
        <span>${error ?? `${film.value.name}: ${state}`}</span>
        <progress value=${done} max=${frames || 1} aria-label="Frames done"></progress>
      </div>
    </div>
  `;
}

/** Why there is no picture, unless the schedule's own panel or a banner says it. */
function line() {
  const said = problems.value.frame ?? fault.value;
  return [problems.value.schedule, problems.value.song].includes(said) ? null : said;
}

function Picture() {
  const picture = shown.value;
  if (!picture) {
    const said = song.value ? "drawing ..." : "listening ...";
    return html`
      <p class="none">
        ${line() ? "" : said}
      </p>
    `;
  }
  if (pinned.value?.kind === "picture")
    return html`
      <${Compared} url=${picture.url} />
    `;
  return html`
    <img class="picture" src=${picture.url} alt=${`Frame ${picture.frame}${picture.estimate ? ", an estimate" : ""}`} />
  `;
}

export function Frames() {
  const frame = frameAt(playhead.value);
  const picture = shown.value;
  const old = !film.value && picture && !playing.value && pictures.value.get(frame)?.url !== picture.url;
  const bar = barAt(song.value, playhead.value);
  const close = () => (film.value = null);
  return html`<section class="frames" aria-label="Picture">
    <div class=${old ? "stage old" : "stage"}>
      ${
        film.value
          ? html`
              <${Film} />
            `
          : html`
              <${Picture} />
            `
      }
      <div class="marks">
        ${
          !film.value &&
          picture?.estimate &&
          html`
            <span class="mark-of" title="Drawn from a few frames before it; the film's own may differ">estimate</span>
          `
        }
        ${
          (asking.value || old) &&
          !film.value &&
          html`
            <span class="mark-of busy" role="status">drawing</span>
          `
        }
      </div>
      <${Fault} line=${line()} />
    </div>
    <div class="line under">
      <span class="where"><b>${clock(playhead.value)}</b> <span class="frame-number">frame ${frame}</span>${
        bar?.number
          ? html`
              <span class="wide-only">bar ${bar.number}</span>
            `
          : ""
      }</span>
      <span class="space"></span>
      ${film.value && html`<${Button} icon="close" onClick=${close}>Close ${film.value.name}</${Button}>`}
      <${Button} icon="compare" pressed=${Boolean(pinned.value)} onClick=${pinCurrent}
        disabled=${!shown.value && !filmOf()?.film}
        label="Keep this picture or film as A, and compare what comes after with it (A)">
          ${pinned.value ? "Drop A" : "Keep as A"}</${Button}>
      <${Segments} label="Size of pictures" value=${size.value} choices=${[
        ["draft", "Draft"],
        ["final", "Final"],
      ]}
        onChange=${(value) => (size.value = value)} />
      <${Button} primary icon="film" disabled=${!bar} onClick=${renderBar} label="Render the bar at the playhead (B)">
        Render bar</${Button}>
    </div>
  </section>`;
}
