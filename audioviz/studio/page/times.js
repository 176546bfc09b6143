// Times as users write and read them, and the grid of the song.
const CLOCK = /^(?:(\d+):)?(\d+):(\d\d(?:\.\d*)?)$/;
const COUNTED = /^([-+]?(?:\d+(?:\.\d*)?|\.\d+))\s*(s|f|b|bar)?$/;

/** Seconds as `1:04.25`. */
export function clock(seconds, digits = 2) {
  const whole = Math.max(0, Number(seconds.toFixed(digits)));
  const minutes = Math.floor(whole / 60);
  return `${minutes}:${(whole - 60 * minutes).toFixed(digits).padStart(digits ? 3 + digits : 2, "0")}`;
}

/** Seconds as keys of the project have them: `12.345s`. */
export const key = (seconds) => `${Number(Math.max(0, seconds).toFixed(3))}s`;

/** Seconds of a time such as `90`, `1:30`, `96f`, `16b`, `4bar` or the label of a section; null if it is none. */
export function toSeconds(text, song) {
  const time = String(text).trim();
  const part = song?.sections.find(({ label }) => label === time);
  if (part) return part.start;
  const minutes = CLOCK.exec(time);
  if (minutes) return 3600 * (minutes[1] ?? 0) + 60 * minutes[2] + Number(minutes[3]);
  const counted = COUNTED.exec(time);
  if (!counted) return null;
  const number = Number(counted[1]);
  if (counted[2] === "f") return song ? number / song.fps : null;
  if (counted[2] === "b") return along(song?.events.beats.seconds, number);
  if (counted[2] === "bar") return along(song?.events.downbeats.seconds, number);
  return number;
}

/** The time of an event counted with fractions; beyond the ends their step goes on. */
function along(events, number) {
  if (!events || events.length < 2) return null;
  const i = Math.max(0, Math.min(events.length - 2, Math.floor(number)));
  return events[i] + (number - i) * (events[i + 1] - events[i]);
}

/** The last of sorted times that is not after a moment; -1 if there is none. */
export function lastBefore(times, seconds) {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] <= seconds) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The bar about a moment: {number, start, end}; null where the song has none. */
export function barAt(song, seconds) {
  const bars = song?.events.downbeats.seconds ?? [];
  const i = lastBefore(bars, seconds + 1e-4);
  if (!bars.length) return null;
  return { number: i + 1, start: i < 0 ? 0 : bars[i], end: bars[i + 1] ?? song.duration };
}
