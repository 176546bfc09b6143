// How a film follows the music: figures, and the kicks that are seen in it or not.
import { seek } from "../sound.js";
import { clock } from "../times.js";
import { html } from "../ui.js";

const MOST = 60; // kicks that are listed

/** The kicks over the length of the film: those that are seen, and lower those that are missed. */
function Marks({ kicks, start, length }) {
  const seen = kicks.filter((kick) => kick.seen).length;
  return html`
    <svg
      class="kick-marks"
      viewBox="0 0 1000 16"
      preserveAspectRatio="none"
      role="img"
      aria-label=${`Kicks in the film: ${seen} seen, ${kicks.length - seen} missed`}
    >
      ${kicks.map(
        (kick) => html`
          <rect
            class=${kick.seen ? "seen" : "missed"}
            x=${(1000 * (kick.seconds - start)) / length - 3}
            y=${kick.seen ? 0 : 8}
            width="6"
            height="8"
          >
            <title>${`${clock(kick.seconds)}: ${kick.seen ? "seen" : "missed"}`}</title>
          </rect>
        `,
      )}
    </svg>
  `;
}

export function Reaction({ hits, correlation, kicks = [], start, length }) {
  const missed = kicks.filter(({ seen }) => !seen);
  return html`
    <div class="reaction">
      <dl>
        ${
          hits !== null &&
          hits !== undefined &&
          html`
            <div>
              <dt>hits seen</dt>
              <dd>${Math.round(100 * hits)}%</dd>
            </div>
          `
        }
        ${
          correlation !== null &&
          correlation !== undefined &&
          html`
            <div>
              <dt>follows loudness</dt>
              <dd>${correlation.toFixed(2)}</dd>
            </div>
          `
        }
        ${
          kicks.length > 0 &&
          html`
            <div>
              <dt>kicks</dt>
              <dd>${kicks.length - missed.length} of ${kicks.length}</dd>
            </div>
          `
        }
      </dl>
      ${
        kicks.length > 0 &&
        html`
          <${Marks} kicks=${kicks} start=${start} length=${length} />
        `
      }
      ${
        missed.length > 0 &&
        html`
          <details>
            <summary>${missed.length} ${missed.length === 1 ? "kick" : "kicks"} not seen</summary>
            <p class="moments">
              ${missed.slice(0, MOST).map(
                ({ seconds }) => html`
                  <button type="button" class="link" onClick=${() => seek(seconds)}>${clock(seconds)}</button>
                `,
              )}
              ${
                missed.length > MOST &&
                html`
                  <span class="about">and ${missed.length - MOST} more</span>
                `
              }
            </p>
          </details>
        `
      }
    </div>
  `;
}
