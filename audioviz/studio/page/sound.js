// The player: the song's samples piece by piece, back to back by the clock of the sound device, and clicks on beats.
import { loop, playhead, playing, report, song } from "./state.js";
import { command } from "./keys.js";
import { effect, signal } from "./ui.js";

export const PIECE = 2; // seconds
const AHEAD = 4; // seconds that are handed to the device before they are heard
const LEAD = 0.06; // seconds between a wish and the first sample of its answer
const CLICK = 0.03; // seconds

export const volume = signal(0.9);
export const clicks = signal(false); // ticks on beats and downbeats

let context = null; // an AudioContext at the rate of the song
let gain = null;
let tickGain = null;
let tones = null; // [on beats, on downbeats], AudioBuffers
let laid = []; // pieces that were handed over: {at, first, count, sources}; `at` in samples of the context
let next = null; // {at, first}: what follows them
let timer = 0;
let turn = 0; // of play, seek and stop: what was asked before the last of them is dropped
let heard = null; // the song that the context is for
const fetched = new Map(); // number of a piece -> promise of its AudioBuffer, a few of them

/** The stretches of samples from `first` on, at most `count` long: up to the loop's end, then from its start. */
export function stretch(first, count, total, range) {
  const end = range && first < range[1] ? range[1] : total;
  const here = Math.min(count, end - first);
  return { first, count: here, next: first + here < end ? first + here : range && end === range[1] ? range[0] : null };
}

/** Two short tones, a higher one for downbeats, at the rate of a context. */
export function clickTones(context) {
  return [1000, 1568].map((hz) => {
    const tone = context.createBuffer(1, Math.round(CLICK * context.sampleRate), context.sampleRate);
    const samples = tone.getChannelData(0);
    for (let i = 0; i < samples.length; i += 1) {
      const seconds = i / context.sampleRate;
      samples[i] = 0.7 * Math.cos(2 * Math.PI * hz * seconds) * Math.exp(-seconds / 0.006);
    }
    return tone;
  });
}

/** Start part of a buffer at a sample of the context. */
export function start(context, out, buffer, at, offset, count) {
  const source = new AudioBufferSourceNode(context, { buffer });
  source.connect(out);
  const rate = context.sampleRate;
  if (count === undefined) source.start(at / rate);
  else source.start(at / rate, offset / rate, count / rate);
  return source;
}

/** The clicks of a stretch: [sample of the song, whether it is a downbeat]. */
export function clicksOf(events, rate, first, count) {
  const bars = new Set(events.downbeats.seconds.map((seconds) => Math.round(seconds * rate)));
  return events.beats.seconds
    .map((seconds) => Math.round(seconds * rate))
    .filter((sample) => sample >= first && sample < first + count)
    .map((sample) => [sample, bars.has(sample)]);
}

async function pieceOf(number) {
  const { rate, channels = 1 } = heard;
  const count = Math.round(PIECE * rate);
  const answer = await fetch(`sound?from=${number * count}&count=${count}`);
  if (!answer.ok) throw new Error(`the sound cannot be had: the server answered ${answer.status}`);
  const samples = new Int16Array(await answer.arrayBuffer());
  const buffer = new AudioBuffer({ length: count, numberOfChannels: channels, sampleRate: rate });
  for (let channel = 0; channel < channels; channel += 1) {
    const out = buffer.getChannelData(channel);
    for (let i = channel, k = 0; i < samples.length; i += channels, k += 1) out[k] = samples[i] / 32768;
  }
  return buffer;
}

function piece(number) {
  if (!fetched.has(number)) {
    fetched.set(number, pieceOf(number));
    fetched.get(number).catch(() => fetched.delete(number));
    for (const old of fetched.keys()) {
      if (fetched.size <= 8) break;
      if (old !== number) fetched.delete(old);
    }
  }
  return fetched.get(number);
}

const totalOf = ({ duration, rate }) => Math.round(duration * rate);

function loopSamples() {
  if (!loop.peek()) return null;
  const [from, to] = loop.peek().map((seconds) => Math.round(seconds * heard.rate));
  return to - from >= heard.rate / 50 ? [from, Math.min(to, totalOf(heard))] : null; // shorter ones are no loop
}

/** The context of the sound, at the rate of the song. */
export function ready() {
  if (context) return context;
  context = new AudioContext({ sampleRate: heard.rate, latencyHint: "interactive" });
  gain = new GainNode(context);
  tickGain = new GainNode(context);
  gain.connect(context.destination);
  tickGain.connect(context.destination);
  tones = clickTones(context);
  return context;
}

/** Where the song, without the clicks, leaves: for those who record or look at it. */
export const outlet = () => gain;

/** Hand pieces to the device until enough of the time to come is filled. */
async function fill(mine) {
  while (next && mine === turn && next.at < (context.currentTime + AHEAD) * context.sampleRate) {
    const size = Math.round(PIECE * heard.rate);
    const number = Math.floor(next.first / size);
    const buffer = await piece(number);
    if (mine !== turn) return;
    next.at = Math.max(next.at, Math.ceil((context.currentTime + 0.01) * context.sampleRate)); // it came too late
    const {
      first,
      count,
      next: then,
    } = stretch(next.first, (number + 1) * size - next.first, totalOf(heard), loopSamples());
    if (count <= 0) break;
    const sources = [start(context, gain, buffer, next.at, first - number * size, count)];
    for (const [sample, isBar] of clicksOf(heard.events, heard.rate, first, count)) {
      sources.push(start(context, tickGain, tones[Number(isBar)], next.at + sample - first));
    }
    laid.push({ at: next.at, first, count, sources });
    next = then === null ? null : { at: next.at + count, first: then };
    if (next) piece(Math.floor(next.first / size)).catch(() => null); // one more, on its way
  }
}

const soon = () => Math.ceil((context.currentTime + LEAD) * context.sampleRate);

/** Begin at the sample of the song that is wished for a sample of the context; what was to follow falls silent then. */
async function begin(wished) {
  const mine = (turn += 1);
  await Promise.all([piece(Math.floor(wished(soon()) / Math.round(PIECE * heard.rate))), context.resume()]);
  if (mine !== turn) return;
  const at = soon();
  const first = wished(at);
  silence(at);
  next = { at, first };
  await fill(mine);
}

function silence(at) {
  for (const { at: began, sources } of laid) {
    for (const source of sources) source.stop(Math.max(0, at / context.sampleRate));
    if (began >= at) for (const source of sources) source.disconnect();
  }
  laid = laid.filter((each) => each.at < at).map((each) => ({ ...each, count: Math.min(each.count, at - each.at) }));
}

/** The second of the song that leaves the loudspeaker now; null before the first does. */
export function heardNow() {
  if (!context || !laid.length) return null;
  const { contextTime, performanceTime } = context.getOutputTimestamp();
  const known = performanceTime > 0 && contextTime > 0;
  const guess = known
    ? contextTime + (performance.now() - performanceTime) / 1000
    : context.currentTime - (context.outputLatency || context.baseLatency || 0);
  const now = Math.min(guess, context.currentTime) * context.sampleRate;
  const sample = sampleAt(now);
  return sample === null ? null : sample / heard.rate;
}

/** The sample of the song that was handed over for a sample of the context. */
function sampleAt(now) {
  const part = laid.findLast(({ at }) => at <= now);
  return part ? part.first + Math.min(part.count, now - part.at) : null;
}

function tend() {
  if (!playing.peek()) return;
  const now = context.currentTime * context.sampleRate;
  const margin = context.sampleRate; // of what the loudspeaker is behind
  if (laid.length > 1) laid = laid.filter(({ at, count }) => at + count > now - margin);
  const last = laid.at(-1);
  if (!next && last && now > last.at + last.count) return stop(0);
  fill(turn).catch(failed);
}

function failed(error) {
  stop();
  report(error);
}

function tick() {
  if (!playing.peek()) return;
  const seconds = heardNow();
  if (seconds !== null) playhead.value = seconds;
  requestAnimationFrame(tick);
}

/** Play from the playhead, or in the loop if it stands outside of it. */
export async function play() {
  if (!song.peek() || playing.peek()) return;
  heard = song.peek();
  ready();
  playing.value = true;
  clearInterval(timer);
  timer = setInterval(tend, 200);
  requestAnimationFrame(tick);
  try {
    const first = startOf(playhead.peek() * heard.rate);
    await begin(() => first);
  } catch (error) {
    failed(error);
  }
}

/** A sample that can be begun at: inside of the loop, and not at the very end. */
function startOf(sample) {
  const range = loopSamples();
  const first = Math.round(sample);
  if (range && (first < range[0] || first >= range[1])) return range[0];
  return first >= totalOf(heard) - 1 ? 0 : Math.max(0, first);
}

/** Fall silent; the playhead stays where it was heard, or goes to a moment. */
export function stop(seconds = null) {
  if (!playing.peek()) return;
  turn += 1;
  clearInterval(timer);
  playhead.value = seconds ?? heardNow() ?? playhead.peek();
  playing.value = false;
  next = null;
  silence(0);
  laid = [];
  context.suspend();
}

export const toggle = () => (playing.peek() ? stop() : play());

/** Put the playhead to a moment, playing or not. */
export function seek(seconds) {
  const most = song.peek()?.duration ?? 0;
  playhead.value = Math.max(0, Math.min(most, seconds));
  if (!playing.peek()) return;
  const first = startOf(playhead.peek() * heard.rate);
  begin(() => first).catch(failed);
}

/** Go on without a gap with other pieces to follow, as when the loop or the beats have changed. */
function renew() {
  if (!playing.peek()) return;
  const otherwise = playhead.peek() * heard.rate;
  begin((at) => startOf(sampleAt(at) ?? otherwise)).catch(failed);
}

effect(() => {
  if (!song.value || song.value.sha256 === heard?.sha256) {
    if (song.value && heard) heard = song.value;
    return renew();
  }
  stop(0);
  fetched.clear();
  context?.close();
  context = null;
  heard = song.value;
});
effect(() => (loop.value, renew()));
effect(() => {
  const level = playing.value ? volume.value : 0;
  const ticks = playing.value && clicks.value ? volume.value : 0;
  if (!context) return;
  gain.gain.value = level;
  tickGain.gain.value = ticks;
});

command("Space", "Play or stop", "Play", toggle);
command("K", "Click on beats and downbeats", "Play", () => (clicks.value = !clicks.peek()));
