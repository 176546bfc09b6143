// How a film follows the music: figures, and the kicks that are seen in it or not.
import { seek } from "../sound.js";
import { clock } from "../times.js";
import { html } from "../ui.js";

const MOST = 60; // kicks that are listed

export function Reaction({ hits, correlation, kicks = [] }) {
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
        missed.length > 0 &&
        html`
          <details>
            <summary>${missed.length} kicks not seen</summary>
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
