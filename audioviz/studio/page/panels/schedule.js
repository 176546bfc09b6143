// The schedule: which one, and its options.
import { ask, Refused } from "../link.js";
import { about, catalog, change, changeLive, plan, problems, project, report, say } from "../state.js";
import { html, useEffect, useRef } from "../ui.js";
import { Button, Choice, Fault, Part, Slider, Switch, Text } from "./fields.js";
import { dialog } from "./places.js";

const SHOTS = [
  ["section", "at each section"],
  ["cuts", "where `cuts` would"],
  ["bar:1", "at every bar"],
  ["bar:2", "at every 2nd bar"],
  ["bar:4", "at every 4th bar"],
  ["bar:8", "at every 8th bar"],
];

const isScript = (source) => /\.py$/i.test(source ?? "");

/** The schedule in use as the catalog has it; none where it is the user's own. */
export const chosen = () => catalog.value?.schedules.find(({ name }) => name === project.value.schedule.source);

export function choose(source) {
  const edits = [
    [["schedule", "source"], source],
    [["schedule", "settings"], {}],
    [["schedule", "numbers"], null],
  ];
  return change(edits, `schedule ${source.split(/[\\/]/).pop()}`).catch(() => null);
}

async function copyToEdit() {
  try {
    const { path } = await ask("copy_schedule");
    say(`Copied to ${path}: edit it there, and the page follows`);
  } catch (error) {
    if (error instanceof Refused) report(error);
    else throw error;
  }
}

function Option({ name, kind, default: otherwise, choices, low, high, step, about: meaning }) {
  const settings = project.value.schedule.settings;
  const place = ["schedule", "settings", name];
  const value = settings[name] ?? otherwise;
  const title = name.replaceAll("_", " ");
  const take = (next) => change([[place, next]], title).catch(() => null);
  const onReset = name in settings ? () => take(undefined) : undefined;
  const common = { label: title, about: meaning, value, onReset };
  const control =
    kind === "bool"
      ? html`
          <${Switch} ...${common} onChange=${take} />
        `
      : kind === "choice"
        ? html`
            <${Choice} ...${common} choices=${choices} onChange=${take} inline />
          `
        : kind === "int" || kind === "float"
          ? html`
              <${Slider}
                ...${common}
                low=${low ?? 0}
                high=${high ?? 1}
                step=${step ?? (kind === "int" ? 1 : 0.01)}
                whole=${kind === "int"}
                onLive=${(next, gesture) => changeLive([[place, next]], title, gesture)}
              />
            `
          : html`
              <${Text} ...${common} value=${Array.isArray(value) ? value.join(", ") : value} onChange=${take} />
            `;
  return html`
    <div class="option">
      ${control}${
        meaning &&
        html`
          <p class="about">${meaning}</p>
        `
      }
    </div>
  `;
}

function Problem() {
  const all = problems.value;
  const line = about.value.script?.allowed === false ? null : all.schedule; // that it may not run is said above
  const box = useRef(null);
  useEffect(() => box.current?.scrollIntoView({ block: "nearest" }), [line]);
  if (!line) return null;
  return html`
    <div class="fault" role="alert" ref=${box}>
      <p>${line}</p>
      <p class="about">The last schedule that worked stays.</p>
    </div>
  `;
}

export function Schedule() {
  const { source, numbers } = project.value.schedule;
  const ready = chosen();
  const own = plan.value?.source === source ? plan.value : null; // that of another script stays until this one runs
  const options = own?.options ?? ready?.options ?? [];
  const changed = Object.keys(project.value.schedule.settings).length > 0;
  const resetAll = () => change([[["schedule", "settings"], {}]], "options as they were").catch(() => null);
  return html`<aside class="left" aria-label="Schedule">
    <${Part}>
      <button type="button" class="chosen" onClick=${() => (dialog.value = { name: "schedule" })}
        aria-label=${`Schedule ${source}: choose another`}>
        ${
          ready?.picture &&
          html`
            <img src=${ready.picture} alt="" onError=${(event) => event.target.remove()} />
          `
        }
        <span class="line"><strong>${numbers ? "numbers" : source.split(/[\\/]/).pop()}</strong><small>
          change</small></span>
      </button>
      ${
        ready &&
        html`
          <p class="about">${ready.about}</p>
        `
      }
      ${
        isScript(source) &&
        html`
          <p class="about path">${about.value.script?.path ?? source}</p>
        `
      }
      ${
        about.value.script?.allowed === false &&
        html`
          <p class="fault" role="alert">
            This script may not run yet: answer in the terminal that started the studio, or start it anew with
            --schedule ${source.split(/[\\/]/).pop()}
          </p>
        `
      }
      <${Problem} />
    </${Part}>
    <${Part} title="Options" aside=${changed && html`<${Button} small onClick=${resetAll}>Reset all</${Button}>`}>
      ${options.map(
        (option) => html`
          <${Option} key=${`${source}:${option.name}`} ...${option} />
        `,
      )}
      ${
        !options.length &&
        html`
          <p class="about">
            ${own ? "It has none." : problems.value.schedule ? "They are known once it runs." : "computing ..."}
          </p>
        `
      }
    </${Part}>
    <${Part} title="Pictures">
      <${Choice} label="New ones begin" value=${project.value.shots} none="as the schedule says"
        choices=${
          SHOTS.some(([name]) => name === project.value.shots) || !project.value.shots
            ? SHOTS
            : [...SHOTS, project.value.shots]
        }
        onChange=${(shots) => change([[["shots"], shots]], "shots").catch(() => null)} />
      ${
        !isScript(source) &&
        ready &&
        html`<${Button} icon="copy" onClick=${copyToEdit}
        label="Copies the script beside the project, where you can edit it">Copy to edit</${Button}>`
      }
      ${(own?.notes ?? []).map(
        (note) => html`
          <p class="about note">${note}</p>
        `,
      )}
    </${Part}>
  </aside>`;
}
