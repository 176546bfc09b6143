// What a hand plays into a lane while the song runs: samples, thinned to the keys that matter.
const FINE = 0.01; // of the range: what lies nearer to the line between two keys is left out
const STILL = 0.2; // seconds after which a hand that does not move holds a value

/** The points of a line that matter (Ramer, Douglas and Peucker); [[seconds, value], ...] in order. */
export function thinned(points, tolerance) {
  const kept = new Uint8Array(points.length);
  kept[0] = kept[points.length - 1] = 1;
  const open = [[0, points.length - 1]];
  while (open.length) {
    const [from, to] = open.pop();
    const [start, first] = points[from];
    const slope = (points[to][1] - first) / (points[to][0] - start || 1);
    let farthest = from;
    let most = tolerance;
    for (let i = from + 1; i < to; i++) {
      const apart = Math.abs(points[i][1] - first - slope * (points[i][0] - start));
      if (apart > most) [farthest, most] = [i, apart];
    }
    if (farthest === from) continue;
    kept[farthest] = 1;
    open.push([from, farthest], [farthest, to]);
  }
  return points.filter((_, i) => kept[i]);
}

/** Runs of samples in the order of time: a loop that begins anew begins another. */
function passes(points) {
  const runs = [];
  for (const point of points) {
    if (!runs.length || point[0] < runs.at(-1).at(-1)[0]) runs.push([]);
    if (runs.at(-1).at(-1)?.[0] !== point[0]) runs.at(-1).push(point);
  }
  return runs;
}

/** Where the hand moved: of samples that stand still, the first, and the last too where that is long after it. */
function moves(points) {
  return points.filter(([seconds, value], i) => {
    const next = points[i + 1];
    if (i === 0 || !next || value !== points[i - 1][1]) return true;
    if (value === next[1]) return false;
    let first = i;
    while (first > 0 && points[first - 1][1] === value) first -= 1;
    return seconds - points[first][0] > STILL;
  });
}

/** The keys of a lane with what was played: each pass takes the place of what lay in its time. */
export function recorded(keys, points, { low, high, secondsOf }) {
  const range = Number.isFinite(high - low) ? high - low : 1;
  let result = Object.entries(keys ?? {}).map(([time, value]) => [time, value, secondsOf(time)]);
  for (const run of passes(points)) {
    const [from, to] = [run[0][0], run.at(-1)[0]];
    const played = thinned(moves(run), FINE * range).map(([seconds, value]) => [
      `${Number(seconds.toFixed(3))}s`,
      Number(value.toPrecision(4)),
      seconds,
    ]);
    result = [...result.filter(([, , seconds]) => seconds === null || seconds < from || seconds > to), ...played];
  }
  return Object.fromEntries(result.sort((a, b) => a[2] - b[2]).map(([time, value]) => [time, value]));
}
