// The player; a stand-in until the sound is served.
import { signal } from "./ui.js";
import { duration, playhead, playing } from "./state.js";

export const play = () => (playing.value = duration.value > 0);
export const stop = () => (playing.value = false);
export const seek = (seconds) => (playhead.value = Math.max(0, Math.min(duration.value, seconds)));
export const toggle = () => (playing.value ? stop() : play());
export const heardNow = () => playhead.peek();
export const clicks = signal(false);
export const volume = signal(0.9);
