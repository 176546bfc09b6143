// Prompts as projects have them: texts such as `4bar: gold mandala --neg grey`, or records with seconds and an easing.
import { key, toSeconds } from "../times.js";

const TIME =
  new RegExp(
    [
      String.raw`^\s*((?:\d+:)?\d+:\d\d(?:\.\d*)?(?=\s*:(?!\d))`, // 1:30
      String.raw`[-+]?(?:\d+(?:\.\d*)?|\.\d+)\s*(?:s|f|b|bar)(?=\s*:)`, // 8s, 96f, 16b, 4bar
      String.raw`\d+(?:\.\d*)?(?=:(?:\s|$)))\s*:`, // 8
    ].join("|"),
  );
export const NEGATIVE = "--neg";
export const EASE = "late"; // of a prompt that says none
export const WAY = "slerp";

/** The parts of an entry: {time, text, negative, ease, way}; time is null where it has none. */
export function parts(entry, song) {
  if (typeof entry !== "string") {
    const { seconds, text, negative = "", ease = EASE, way = WAY } = entry;
    return { time: typeof seconds === "number" ? key(seconds) : seconds, text, negative, ease, way };
  }
  const label = /^\s*([A-Z]\d*)\s*:/.exec(entry);
  const found = TIME.exec(entry) ?? (label && song?.sections.some((part) => part.label === label[1]) ? label : null);
  const rest = found ? entry.slice(found[0].length) : entry;
  const [text, ...negative] = rest.split(NEGATIVE);
  return {
    time: found ? found[1].trim() : null,
    text: text.trim(),
    negative: negative.join(NEGATIVE).trim(),
    ease: EASE,
    way: WAY,
  };
}

/** The parts that the text of a prompt says as it is typed: what stands behind `--neg` is its negative. */
export function typed(text) {
  const [own, ...negative] = text.split(NEGATIVE);
  return negative.length ? { text: own.trim(), negative: negative.join(NEGATIVE).trim() } : { text };
}

/** The entry of parts: a text where that says it all, else a record, whose seconds are found by the song's grid. */
export function entry({ time, text, negative, ease, way }, { seconds = 0, song, record = false } = {}) {
  const plain = ease === EASE && way === WAY && text.trim() !== "" && !text.includes(NEGATIVE);
  if (plain && !record)
    return `${time === null ? "" : `${time}: `}${text}${negative ? ` ${NEGATIVE} ${negative}` : ""}`;
  const at = time === null ? seconds : (toSeconds(time, song) ?? seconds);
  return { seconds: Number(at.toFixed(3)), text, negative, ease, way };
}

/** Seconds of an entry: as computed, by its time, or spread evenly as those without a time are. */
export function secondsOf(entries, i, song, computed) {
  const found = computed?.find(({ source }) => source === i);
  if (found) return found.seconds;
  const { time } = parts(entries[i], song);
  return time === null ? ((song?.duration ?? 0) * i) / entries.length : toSeconds(time, song);
}

/** All entries with a time each, which an added one needs. */
export function withTimes(entries, song, computed) {
  return entries.map((each, i) => {
    const found = parts(each, song);
    return found.time === null ? entry({ ...found, time: key(secondsOf(entries, i, song, computed) ?? 0) }) : each;
  });
}

/** A text with the weight of what is selected changed by a step: `(gold:1.1) mandala`; and the new selection. */
export function weighted(text, from, to, step) {
  if (from === to) {
    while (from > 0 && /[^\s,()]/.test(text[from - 1])) from -= 1;
    while (to < text.length && /[^\s,():]/.test(text[to])) to += 1;
  }
  if (from === to) return null;
  const open = text[from - 1] === "(" ? /^:([\d.]+)\)/.exec(text.slice(to)) : null;
  const whole = /^\((.*):([\d.]+)\)$/s.exec(text.slice(from, to));
  const words = whole ? whole[1] : text.slice(from, to);
  const weight = Math.round(10 * Math.max(0, Number(open?.[1] ?? whole?.[2] ?? 1) + step)) / 10;
  const begin = open ? from - 1 : from;
  const end = open ? to + open[0].length : to;
  const put = weight === 1 ? words : `(${words}:${weight})`;
  const at = begin + (weight === 1 ? 0 : 1);
  return { text: text.slice(0, begin) + put + text.slice(end), from: at, to: at + words.length };
}
