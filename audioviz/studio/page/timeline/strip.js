// The strip of pictures that are there, each at its frame.
import { fps, pictures, plan } from "../state.js";
import { lastBefore } from "../times.js";
import { computed } from "../ui.js";
import { css } from "./colours.js";
import { xOf } from "./view.js";

const MOST = 400; // pictures that are kept decoded
const loaded = new Map(); // url -> Image, or null while it comes
let redraw = () => {};
let shown = 0; // pictures that were decoded

/** Another number whenever there is another picture to show. */
export const shownPictures = () => shown;

export const onPicture = (listener) => (redraw = listener);

const frames = computed(() => [...pictures.value.keys()].sort((a, b) => a - b));

function imageOf(url) {
  if (!loaded.has(url)) {
    loaded.set(url, null);
    if (loaded.size > MOST) loaded.delete(loaded.keys().next().value);
    const image = new Image();
    image.src = url;
    image.decode().then(
      () => (loaded.set(url, image), (shown += 1), redraw()),
      () => loaded.delete(url),
    );
  }
  return loaded.get(url);
}

export function drawStrip({ g, from, to, perSecond }, top, height) {
  g.fillStyle = css("ground");
  const rate = fps.value;
  const tall = height - 6;
  const first = imageOf(pictures.value.get(frames.value[0])?.url ?? "data:,");
  const wide = first ? (tall * first.naturalWidth) / first.naturalHeight : tall;
  const perSlot = Math.max(1, Math.round((wide * rate) / perSecond)); // frames, so that slots stand still while panning
  for (let k = Math.floor((from * rate) / perSlot) * perSlot; k < to * rate; k += perSlot) {
    const found = frames.value[lastBefore(frames.value, k + perSlot - 1)];
    if (!(found >= k)) continue; // none in this slot
    const { url, estimate } = pictures.value.get(found);
    const image = imageOf(url);
    const x = xOf(k / rate);
    if (!image) continue; // it comes
    g.drawImage(image, x + 1, top + 3, wide - 1, tall);
    if (!estimate) continue;
    g.fillStyle = css("accent");
    g.fillRect(x + 1, top + height - 5, wide - 1, 2); // said to be near, not exact
  }
  g.fillStyle = css("faint", 0.7);
  for (const cut of plan.value?.cuts ?? []) {
    const x = xOf(cut / rate);
    if (x > 0.5) g.fillRect(Math.round(x), top + 1, 1, 4);
  }
}
