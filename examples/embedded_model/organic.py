"""Patterns that flow: nebula, marble, plasma, ripples, waves, aurora, mountains, fractal."""
import numpy as np

from .canvas import TAU, Scene, clouds, glow, grid, polar, relief, ridge_line, sample, step, unit, wave

# Points near the border of the Mandelbrot set, whose Julia sets are rich.
JULIA = (-0.8 + 0.156j, -0.4 + 0.6j, 0.285 + 0.01j, -0.70176 - 0.3842j, -0.835 - 0.2321j, -0.7269 + 0.1889j,
         -0.1 + 0.651j, 0.355 + 0.355j, -0.54 + 0.54j, 0.37 - 0.1j)


def nebula(rng: np.random.Generator) -> Scene:
    """Warped dust, lit from within, among stars."""
    x, y = grid(rng)
    amount = rng.uniform(0.12, 0.35)
    warp = clouds(rng, slope=2.4, finest=12)
    dust = sample(clouds(rng, slope=rng.uniform(1.7, 2.2), finest=32), x + amount * warp, y + amount * np.roll(warp, 77, 1))
    body = step(clouds(rng, slope=2.6, finest=8), -1.2, 1.3)
    density = unit(dust, contrast=1.1) * (0.35 + 0.65 * body)
    stars = np.maximum(glow(rng, count=int(rng.integers(40, 110)), spread=0.8), glow(rng, count=7, spread=2.0))
    tone = np.clip(1.2 * density + 0.10 + 0.12 * warp * body, 0, 1)
    return Scene(tone, np.clip(0.22 + 1.35 * density ** 1.2 + 0.9 * stars, 0, 2))


def marble(rng: np.random.Generator) -> Scene:
    """Bands bent by noise, with thin dark veins."""
    x, _ = grid(rng, turn=True)
    noise = clouds(rng, slope=rng.uniform(2.0, 2.4), finest=20)
    phase = rng.uniform(0.6, 1.8) * x + rng.uniform(0.35, 0.7) * noise + rng.uniform()
    band = wave(phase)
    vein = np.exp(-np.abs(np.sin(TAU / 2 * (phase * 1.5 + 0.25 * np.roll(noise, 50, 0)))) * 9)
    tone = np.clip(0.12 + 0.72 * band + 0.08 * clouds(rng, slope=1.6, finest=24), 0, 1)
    return Scene(tone, (0.72 + 0.34 * band) * (1 - 0.65 * vein))


def plasma(rng: np.random.Generator) -> Scene:
    """Contours of a few sines, in relief."""
    x, y = grid(rng, shift=0.8, turn=True)
    f = rng.uniform(1.2, 3.6, 4).astype(np.float32)
    p = rng.uniform(0, TAU, 4).astype(np.float32)
    r, _ = polar(x + 0.4 * np.sin(p[0]), y)
    total = np.sin(f[0] * 2 * x + p[0]) + np.sin(f[1] * 2 * y + p[1]) + np.sin(f[2] * 2.5 * r + p[2])
    total = total + np.sin(f[3] * (x + y) + 1.5 * np.sin(f[1] * y + p[3]))
    phase = 0.22 * rng.uniform(0.8, 1.8) * total + rng.uniform()
    tone = wave(phase)
    return Scene(tone, np.clip(relief(tone, rng, strength=14) * (0.55 + 0.5 * tone), 0.1, 1.5))


def ripples(rng: np.random.Generator) -> Scene:
    """Rings from one to three drops, lit from the side."""
    x, y = grid(rng)
    height, envelope = np.zeros_like(x), np.zeros_like(x)
    for _ in range(int(rng.integers(1, 4))):
        cx, cy = rng.uniform(-0.8, 0.8, 2)
        r, _ = polar(x - np.float32(cx), y - np.float32(cy))
        fade = np.exp(-r * rng.uniform(0.5, 1.4))
        height = height + fade * np.sin(rng.uniform(14, 30) * r - rng.uniform(0, TAU))
        envelope = envelope + fade
    light = relief(height, rng, strength=rng.uniform(7, 12))
    tone = np.clip(0.18 + 0.38 * envelope / envelope.max() + 0.3 * height * 0.7, 0, 1)
    return Scene(tone, np.clip(light, 0.1, 1.7) * (0.45 + 0.6 * envelope / envelope.max()))


def waves(rng: np.random.Generator) -> Scene:
    """Swells one behind the other, each with a bright crest."""
    x, y = grid(rng)
    tone, light = 0.75 - 0.25 * (y + 1) / 2, 0.95 - 0.35 * step(y, 0.2, -1.0)
    layers = int(rng.integers(4, 8))
    top = rng.uniform(-0.7, -0.2)
    for level in np.linspace(top, 0.75, layers):
        near = (level - top) / (0.75 - top)
        swell = 0.05 + 0.10 * near
        at = x * rng.uniform(2.5, 5.5) * (1.6 - near) + rng.uniform(0, TAU)
        crest = level + swell * (np.sin(at + 0.8 * np.sin(at + 0.5)) + 0.4 * np.sin(2.3 * at + rng.uniform(0, TAU)))
        depth = y - crest.astype(np.float32)
        inside = step(depth, -0.008, 0.008)
        foam = np.exp(-np.maximum(depth, 0) / 0.03)
        tone = tone + inside * (np.clip(0.62 - 0.9 * depth - 0.25 * near + 0.35 * foam, 0.05, 1) - tone)
        light = light + inside * (0.50 + 0.35 * np.exp(-np.maximum(depth, 0) / 0.22) + 0.55 * foam - light)
    return Scene(tone, light)


def aurora(rng: np.random.Generator) -> Scene:
    """Curtains of light above dark hills."""
    x, y = grid(rng)
    streaks = unit(clouds(rng, slope=1.0, finest=20)[:1], contrast=1.2)
    tone, light = np.full_like(x, 0.1), 0.22 + 0.12 * (y + 1) / 2 + 0.8 * glow(rng, count=60, spread=0.8)
    for _ in range(int(rng.integers(2, 5))):
        foot = rng.uniform(-0.25, 0.55) + rng.uniform(0.12, 0.3) * ridge_line(rng, slope=1.2, periods=6)[None]
        above = foot - y
        shine = np.exp(-np.maximum(above, 0) / rng.uniform(0.25, 0.6)) * step(above, -0.05, 0.03)
        shine = shine * (0.35 + 0.65 * np.roll(streaks, rng.integers(256), 1)) * rng.uniform(0.7, 1.1)
        tone = np.maximum(tone, shine * (0.45 + 0.6 * np.exp(-np.maximum(above, 0) / 0.25)))
        light = light + 1.1 * shine
    hills = 0.78 + 0.12 * ridge_line(rng, slope=1.6)[None]
    ground = step(y - hills, -0.01, 0.01)
    return Scene(np.clip(tone, 0, 1), np.clip(light, 0, 1.6) * (1 - 0.93 * ground))


def mountains(rng: np.random.Generator) -> Scene:
    """Ridges in mist under a sun."""
    x, y = grid(rng)
    sun_x, sun_y, size = rng.uniform(-0.6, 0.6), rng.uniform(-0.7, -0.2), rng.uniform(0.10, 0.24)
    r, _ = polar(x - np.float32(sun_x), y - np.float32(sun_y))
    sun = step(r, size + 0.012, size - 0.012)
    halo = np.exp(-np.maximum(r - size, 0) / 0.35)
    tone = np.clip(0.55 + 0.2 * y + 0.35 * halo, 0, 1) * (1 - sun) + sun
    light = (0.62 + 0.45 * halo) * (1 - sun) + 1.45 * sun
    layers = int(rng.integers(3, 6))
    for index, level in enumerate(np.linspace(rng.uniform(-0.15, 0.1), 0.72, layers)):
        near = index / (layers - 1)
        line = level - (0.32 - 0.12 * near) * np.abs(ridge_line(rng, slope=1.1))[None] + 0.1
        inside = step(y - line, -0.006, 0.006)
        mist = step(y - line, 0.0, 0.5)
        tone = tone + inside * (0.55 - 0.45 * near + 0.25 * mist * (1 - near) - tone)
        light = light + inside * (0.80 - 0.62 * near + 0.30 * mist * (1 - 0.8 * near) - light)
    return Scene(np.clip(tone, 0, 1), light)


def fractal(rng: np.random.Generator) -> Scene:
    """A Julia set, coloured by how long a point stays."""
    x, y = grid(rng, shift=0.25, turn=True)
    c = JULIA[rng.integers(len(JULIA))] + 0.012 * (rng.standard_normal() + 1j * rng.standard_normal())
    scale = np.float32(rng.uniform(0.55, 1.35))
    zx, zy, cx, cy = scale * x, scale * y, np.float32(c.real), np.float32(c.imag)
    stay, trap = np.zeros_like(x), np.full_like(x, 4)
    for _ in range(32):
        xx, yy = zx * zx, zy * zy
        size = xx + yy
        stay += np.exp(-size)  # a smooth count of the steps spent near the origin
        np.minimum(trap, size, out=trap)
        zx, zy = np.clip(xx - yy + cx, -1e3, 1e3), np.clip(2 * zx * zy + cy, -1e3, 1e3)
    inside = step(zx * zx + zy * zy, 8, 2)
    outer = np.clip((stay - stay.min()) / 14, 0, 1) ** 0.6
    inner = np.sqrt(np.clip(trap, 0, 1))
    tone = outer + inside * (0.25 + 0.75 * inner - outer)
    return Scene(np.clip(tone, 0, 1), 0.22 + 1.1 * outer + inside * (0.25 + inner - (0.22 + 1.1 * outer)))
