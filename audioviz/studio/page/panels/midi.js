// MIDI: knobs by their number, learned once.
import { say } from "../state.js";
import { signal } from "../ui.js";

export const knob = signal(null); // {channel, controller} that was learned
export const learning = signal(false);
export const inputs = signal(null); // names of the devices; null before the browser was asked
let listener = null;

/** Ask the browser for MIDI; `turned(part)` is told where the learned knob stands, 0 to 1; `struck()` at each pad. */
export async function listen(turned, struck) {
  listener = { turned, struck };
  if (inputs.peek()) return;
  if (!navigator.requestMIDIAccess) return say("This browser has no Web MIDI; Chrome and Edge have", "error");
  try {
    const access = await navigator.requestMIDIAccess();
    const open = () => {
      inputs.value = [...access.inputs.values()].map(({ name }) => name);
      for (const input of access.inputs.values()) input.onmidimessage = ({ data }) => heard(data);
    };
    access.onstatechange = open;
    open();
  } catch {
    say("The browser does not let this page use MIDI", "error");
  }
}

/** One message: a knob is a control change, a pad a note that begins. */
export function heard([status, number, value]) {
  const channel = status & 15;
  if ((status & 240) === 144 && value > 0) return listener?.struck();
  if ((status & 240) !== 176) return;
  if (learning.value) {
    knob.value = { channel, controller: number };
    learning.value = false;
  }
  const { channel: wanted, controller } = knob.value ?? {};
  if (channel === wanted && number === controller) listener?.turned(value / 127);
}
