// Curves and waveforms as pixels: faster than paths where each column of pixels has values of its own.

/** A picture of pixels to draw on, which is made anew only where its size changes. */
export class Raster {
  constructor() {
    this.canvas = new OffscreenCanvas(1, 1);
    this.image = null;
    this.key = null; // what it shows, so that it is drawn once
  }

  /** Blank, of a size in device pixels. */
  cleared(width, height) {
    if (!this.image || this.image.width !== width || this.image.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
      this.context = this.canvas.getContext("2d", { willReadFrequently: true });
      this.image = this.context.createImageData(width, height);
      this.pixels = new Uint32Array(this.image.data.buffer);
    } else {
      this.pixels.fill(0);
    }
    return this;
  }

  done() {
    this.context.putImageData(this.image, 0, 0);
  }
}

const packed = ([red, green, blue]) => (blue << 16) | (green << 8) | red;

/**
 * A line through the columns [low, high, ...], as thick as said, and a tint from it to a value.
 * `y0` and `perUnit`: the pixel row of a value is y0 - value * perUnit.
 */
export function paintCurve(raster, columns, { y0, perUnit, colour, alpha = 1, thick, base = null, tint = 0 }) {
  const { pixels } = raster;
  const { width, height } = raster.image;
  const rgb = packed(colour);
  const tinted = (Math.round(255 * tint) << 24) | rgb;
  const half = thick / 2;
  const ground = base === null ? 0 : Math.max(0, Math.min(height, Math.round(y0 - base * perUnit)));
  for (let x = 0; x < width; x += 1) {
    const high = columns[2 * x + 1];
    if (high !== high) continue; // outside of the curve
    const top = Math.max(-1, Math.min(height, y0 - high * perUnit - half));
    const bottom = Math.max(0, Math.min(height + 1, y0 - columns[2 * x] * perUnit + half));
    if (tint) {
      const middle = Math.round((top + bottom) / 2);
      const to = Math.max(ground, middle);
      for (let at = Math.min(ground, middle) * width + x; at < to * width; at += width) pixels[at] = tinted;
    }
    const last = Math.min(height - 1, Math.ceil(bottom) - 1);
    for (let y = Math.max(0, Math.floor(top)); y <= last; y += 1) {
      const cover = Math.min(bottom, y + 1) - Math.max(top, y);
      const value = Math.round(255 * alpha * cover);
      if (value > pixels[y * width + x] >>> 24) pixels[y * width + x] = (value << 24) | rgb;
    }
  }
}

/** Bars from low to high about a middle row, as a waveform has them. */
export function paintWave(raster, columns, { middle, perUnit, colour }) {
  const { pixels } = raster;
  const { width, height } = raster.image;
  const rgb = packed(colour);
  for (let x = 0; x < width; x += 1) {
    if (columns[2 * x] !== columns[2 * x]) continue;
    const top = Math.max(0, middle - columns[2 * x + 1] * perUnit - 0.5);
    const bottom = Math.min(height, middle - columns[2 * x] * perUnit + 0.5);
    for (let y = Math.floor(top); y < bottom; y += 1) {
      const cover = Math.min(bottom, y + 1) - Math.max(top, y);
      pixels[y * width + x] = (Math.round(255 * cover) << 24) | rgb;
    }
  }
}
