"""Kinds of picture that flow: flames, ink, marble, plasma, silk, caustics, ripples, coral, moire, spiral."""

import numpy as np
from scipy import fft
from scipy.ndimage import gaussian_filter

from .canvas import SIZE, TAU, Canvas, Scene, over, polar, relief, ridges, sample, splat, step, unit, wave


def flames(c: Canvas) -> Scene:
    """Tongues that rise from the foot of the picture, with sparks."""
    x, y = c.grid()
    up = np.clip((1 - y / c.zoom) / 2, 0, 1)  # 0 at the foot
    sway = c.clouds(slope=2.2, finest=8, stretch=(1, 1.3))
    wx = x + (0.06 + 0.32 * up) * sway
    tongue = sample(c.clouds(slope=1.6, finest=36, stretch=(0.8, 3.0)), wx, y * 0.8)
    fine = sample(c.clouds(slope=1.3, finest=60, stretch=(0.8, 2.6)), wx + 0.05 * tongue, y)
    reach = c.between(0.75, 1.25) * (0.85 + 0.25 * c.clouds(slope=2, finest=6)[:1])
    heat = reach * 1.25 - 2.0 * up + 0.42 * tongue + 0.14 * fine
    body = step(heat, 0.0, 1.3)
    edge = np.exp(-np.abs(heat - 0.25) / 0.12)
    sparks = c.stars(count=60, brightest=1.6) * step(up, 0.2, 0.6) * (heat < 0.2)
    tone = 0.10 + 0.85 * body**1.2 + 0.15 * edge + 0.5 * (sparks > 0.3)
    return Scene(np.clip(tone, 0, 1), 0.07 + 1.25 * body**0.8 + 0.35 * edge * body + 0.12 * np.exp(-up * 2) + sparks)


def ink(c: Canvas) -> Scene:
    """Plumes of ink that curl and thin out in water."""
    x, y = c.grid(turn=True)
    px, py = x, y
    for finest, amount in ((4, 0.22), (8, 0.11), (18, 0.05)):  # coarse to fine, each along the curl of its noise
        swirl = c.clouds(slope=2.6, finest=finest)
        dy, dx = np.gradient(swirl)
        size = np.float32(amount / np.hypot(dx, dy).std())
        px, py = px + size * sample(dy, px, py), py - size * sample(dx, px, py)
    drops = np.zeros_like(x)
    for _ in range(c.count(2, 5)):
        cx, cy = c.between(-0.6, 0.6), c.between(-0.6, 0.6)
        drops = np.maximum(
            drops, c.between(0.7, 1) * np.exp(-((px - cx) ** 2 + (py - cy) ** 2) / c.between(0.08, 0.25))
        )
    grain = sample(c.clouds(slope=1.7, finest=50), px, py)
    body = np.clip(drops * 1.25 + 0.10 * grain - 0.12, 0, 1)
    sheet = ridges(body - 0.45, width=0.06) * 0.6 + ridges(body - 0.2, width=0.05) * 0.4
    shade = relief(gaussian_filter(body, 1), c.between(0, TAU), strength=7)
    if c.chance(0.4):  # dark ink in lit water
        light = 0.95 - 0.75 * body + 0.3 * sheet * shade - 0.15 * (x * x + y * y) / c.zoom**2
        return Scene(np.clip(0.82 - 0.65 * body + 0.25 * sheet, 0, 1), np.clip(light, 0.05, 1.4))
    light = 0.08 + (0.30 + 0.75 * body) * shade * step(body, 0, 0.35) + 0.5 * sheet
    return Scene(np.clip(0.10 + 0.62 * body + 0.35 * sheet + 0.06 * grain * body, 0, 1), light)


def marble(c: Canvas) -> Scene:
    """Polished stone: bent bands, veins of two widths, a soft gloss."""
    x, y = c.grid(turn=True)
    noise = c.clouds(slope=c.between(1.9, 2.3), finest=30)
    fine = c.clouds(slope=1.6, finest=50)
    phase = c.between(0.5, 1.4) * c.density * x + c.between(0.35, 0.7) * noise + c.between(0, 1)
    band = wave(phase + 0.03 * fine)
    vein = ridges(np.sin(TAU / 2 * (phase * 1.5 + 0.25 * np.roll(noise, 50, 0))), width=0.07)
    hair = ridges(np.roll(noise, 90, 1) + 0.2 * fine, width=0.04) * unit(np.roll(noise, 30, 0))
    gold = c.chance(0.5)  # veins brighter than the stone, or darker
    tone = 0.12 + 0.68 * band + 0.05 * fine + (0.5 if gold else -0.1) * vein
    gloss = 0.85 + 0.25 * np.exp(-((x - 0.4) ** 2 + (y + 0.5) ** 2) / 0.8)
    light = (0.5 + 0.5 * band + 0.04 * fine) * gloss
    light = light + 0.6 * vein + 0.3 * hair if gold else light * (1 - 0.75 * vein) * (1 - 0.5 * hair)
    return Scene(np.clip(tone, 0, 1), light)


def plasma(c: Canvas) -> Scene:
    """Molten blobs with a glossy skin."""
    x, y = c.grid(shift=0.5)
    warp = 0.08 * c.clouds(slope=2.4, finest=6)
    field = np.zeros_like(x)
    for _ in range(c.count(6, 13)):
        cx, cy, size = c.between(-1.1, 1.1) * c.zoom, c.between(-1.1, 1.1) * c.zoom, c.between(0.14, 0.38)
        field = field + size**2 / ((x + warp - cx) ** 2 + (y + np.roll(warp, 99, 0) - cy) ** 2 + 0.02)
    skin = np.tanh(0.55 * field)
    body = step(field, 0.85, 1.1)
    swell = gaussian_filter(np.clip(field, 0, 2.6) ** 0.5, 2)
    side = c.between(0, TAU)
    lit = relief(swell, side, strength=22)
    gloss = np.clip(relief(swell, side + 0.4, strength=40) - 1.45, 0, 1) * 3
    rim = np.exp(-np.abs(field - 1) / 0.16)
    inner = 0.30 + 0.45 * wave(0.55 * np.log(field + 0.1) + 0.4) + 0.15 * (lit - 1)
    tone = over(0.10 + 0.25 * skin, inner, body) + 0.25 * rim
    light = over(0.12 + 0.5 * skin**2, 0.30 + 0.55 * lit + gloss, body) + 0.4 * rim
    return Scene(np.clip(tone, 0, 1), light)


def silk(c: Canvas) -> Scene:
    """Thousands of thin lines that follow one current."""
    current = c.clouds(slope=2.8, finest=c.between(3, 7))
    dy, dx = np.gradient(current)
    if c.chance(0.4):  # around the hills instead of down from them
        dx, dy = dy, -dx
    pull = np.hypot(dx, dy)
    dx, dy = dx / (pull + pull.mean() * 0.3), dy / (pull + pull.mean() * 0.3)
    count, steps = c.count(2500, 4500), 90
    px, py = c.rng.uniform(-1.2, 1.2, (2, count)).astype(np.float32)
    shade = sample(c.clouds(slope=2.4, finest=8), px, py)
    trail = np.empty((2, steps, count), np.float32)
    stacked = np.stack([dx, dy])
    for index in range(steps):
        column, row = (((v + 1) * (SIZE / 2)).astype(np.int32) % SIZE for v in (px, py))
        flow = stacked[:, row, column]
        px, py = px + 0.012 * flow[0], py + 0.012 * flow[1]
        trail[0, index], trail[1, index] = px, py
    fade = np.sin(np.linspace(0, np.pi, steps, dtype=np.float32))[:, None] * np.ones(count, np.float32)
    ink_ = splat(trail[0].ravel(), trail[1].ravel(), fade.ravel())
    dye = splat(trail[0].ravel(), trail[1].ravel(), (fade * unit(shade)).ravel())
    soft, dyed = gaussian_filter(ink_, 0.6), gaussian_filter(dye, 1.2)
    wide = gaussian_filter(ink_, 6)
    amount = 1 - np.exp(-soft / (2.2 * soft.mean()))
    tone = dyed / (gaussian_filter(ink_, 1.2) + 1e-3)
    tone = np.clip(0.15 + 0.75 * (tone - 0.5) * 1.2 + 0.35 * amount, 0, 1)
    return Scene(tone, 0.06 + 1.15 * amount**1.2 + 0.22 * np.minimum(wide / wide.mean(), 2.5) * amount)


def caustics(c: Canvas) -> Scene:
    """Sunlight through moving water: a net of light, deeper below, with shafts from above."""
    x, y = c.grid()
    surface = c.clouds(slope=2.8, finest=9 * c.density, coarsest=2.5 * c.density)
    dy, dx = np.gradient(surface, np.float32(2 / SIZE))
    size = c.between(0.03, 0.06) / np.float32(np.hypot(dx, dy).std()) * 1.7
    line = np.linspace(-1.3, 1.3, 640, dtype=np.float32)
    gx, gy = np.broadcast_to(line[None], (640, 640)), np.broadcast_to(line[:, None], (640, 640))
    bx, by = gx + size * sample(dx, gx, gy), gy + size * sample(dy, gx, gy)
    net = splat(bx.ravel(), by.ravel())
    net = gaussian_filter(net / net.mean(), 0.9)
    net = np.clip(net / 3.2, 0, 1.6) ** 1.1
    if c.chance(0.5):  # the open sea, light from above
        deep = step(y / c.zoom, -1, 1.1)
        origin = c.between(-0.7, 0.7)
        shaft = unit(c.clouds(slope=1.3, finest=16)[0][((x - origin) / (y + 1.9) * 90 + 128).astype(np.int32) % SIZE])
        light = 1.05 - 0.85 * deep + 0.45 * shaft * (1 - deep) + 0.75 * net * (1 - 0.8 * deep)
        tone = 0.85 - 0.75 * deep + 0.2 * shaft * (1 - deep) + 0.25 * net * (1 - deep)
        return Scene(np.clip(tone, 0, 1), np.clip(light, 0.05, 1.8))
    ground = c.clouds(slope=1.7, finest=50)
    shade = 0.85 - 0.35 * step(np.hypot(x, y) / c.zoom, 0.3, 1.4)
    return Scene(np.clip(0.22 + 0.6 * net + 0.06 * ground, 0, 1), (0.32 + 0.06 * ground + 1.0 * net) * shade)


def ripples(c: Canvas) -> Scene:
    """Rings from drops on still water that mirrors a sky."""
    x, y = c.grid()
    slant = c.between(1.0, 2.2)
    height, reach = np.zeros_like(x), np.zeros_like(x)
    for _ in range(c.count(1, 4)):
        cx, cy = c.between(-0.8, 0.8), c.between(-0.6, 0.8)
        r, _ = polar(x - cx, slant * (y - cy))
        front = c.between(0.5, 1.6)
        fade = np.exp(-r * c.between(0.5, 1.2)) * step(r, front + 0.25, front - 0.1)
        height = height + fade * np.sin(c.between(20, 38) * r - c.between(0, TAU))
        reach = np.maximum(reach, fade)
    height = height + 0.05 * c.clouds(slope=1.6, finest=30)
    dy, dx = np.gradient(height, np.float32(2 / SIZE))
    sky = unit(c.clouds(slope=2.4, finest=6))
    mirror = sample(sky, x + 0.012 * dx, y + 0.018 * dy)
    face = -0.05 * dy + 0.03 * dx
    shine = np.clip(face - 0.4, 0, 1) * 1.2
    tone = 0.15 + 0.55 * mirror + 0.22 * face + 0.25 * shine
    return Scene(np.clip(tone, 0, 1), np.clip(0.30 + 0.55 * mirror + 0.22 * face + shine + 0.15 * reach, 0.05, 1.7))


def coral(c: Canvas) -> Scene:
    """Reaction and diffusion: labyrinths, spots or branches in soft relief.

    Source
    ------
    Turing, Phil. Trans. R. Soc. B 237 (1952), as repeated band-pass and saturation (Swift-Hohenberg).
    """
    fy, fx = fft.fftfreq(SIZE, 1 / SIZE)[:, None], fft.rfftfreq(SIZE, 1 / SIZE)[None]
    frequency = np.sqrt(fx * fx + fy * fy)
    wanted = c.between(10, 20) * c.density * c.zoom
    band = np.exp(-(((frequency - wanted) / (0.22 * wanted)) ** 2)).astype(np.float32)
    bias = c.between(-0.35, 0.35)
    field = c.clouds(slope=1.0, finest=60)
    region = 0.25 * c.clouds(slope=2.6, finest=4)
    for _ in range(22):
        field = fft.irfft2(band * fft.rfft2(np.tanh(2.2 * field + bias + region)), s=(SIZE, SIZE)) * 1.6
    high = np.tanh(1.7 * (field + 0.6 * (bias + region)))
    lit = relief(gaussian_filter(high, 1.5), c.between(0, TAU), strength=5)
    mood = unit(c.clouds(slope=2.6, finest=4))
    top = 0.5 + 0.5 * high
    rim = np.exp(-np.abs(high) / 0.3)
    tone = 0.12 + 0.55 * top + 0.3 * (mood - 0.5) + 0.12 * rim
    return Scene(np.clip(tone, 0, 1), (0.16 + 0.75 * top) * lit + 0.10 * rim)


def moire(c: Canvas) -> Scene:
    """Two or three fine gratings laid over each other."""
    x, y = c.grid()
    lines = c.between(9, 15) * c.density
    total = np.zeros_like(x)
    count = int(c.rng.integers(2, 4))
    rings = c.chance(0.6)
    turn = c.between(0, TAU)
    for index in range(count):
        cx, cy = c.between(-0.35, 0.35), c.between(-0.35, 0.35)
        if rings:
            r, _ = polar(x - cx, y - cy)
            phase = lines * r * (1 + 0.06 * index)
        else:
            angle = turn + index * c.between(0.12, 0.35)
            phase = lines * (np.cos(angle) * (x - cx) + np.sin(angle) * (y - cy)) * (1 + 0.1 * index)
            phase = phase + 0.9 * np.sin(2.2 * (x * np.sin(turn) - y * np.cos(turn)) + index)
        total = total + np.cos(TAU * phase)
    beat = gaussian_filter((total / count) ** 2, 7)
    line = 0.5 + 0.5 * np.tanh(1.3 * total)
    beat = (beat - beat.min()) / np.ptp(beat)
    return Scene(np.clip(0.12 + 0.35 * line + 0.55 * beat, 0, 1), 0.10 + (0.25 + 0.9 * line) * (0.35 + 0.75 * beat))


def spiral(c: Canvas) -> Scene:
    """Ribbons that wind into a bright middle, each rounded by light."""
    x, y = c.grid(shift=0.25)
    r, angle = polar(x, y)
    arms, sense = int(c.rng.integers(1, 6)), c.rng.choice([-1, 1])
    turns = c.between(0.9, 2.2) * c.density * (np.log(r) if c.chance(0.65) else 2.2 * r)
    phase = arms * angle / TAU + sense * turns + 0.025 * c.clouds(slope=2.2, finest=12)
    saw = phase - np.floor(phase)
    which = np.floor(phase).astype(np.int32) % arms
    shade = c.rng.uniform(0, 0.35, arms).astype(np.float32)[which]
    round_ = np.sqrt(np.clip(1 - (2 * saw - 1) ** 2, 0, 1))
    lit = round_ * (0.65 + 0.6 * saw)
    heart = np.exp(-r / c.between(0.10, 0.22))
    threads = 0.08 * np.sin(TAU * 5 * saw)
    tone = 0.10 + 0.50 * lit + shade * round_ + 0.5 * heart + threads * round_
    return Scene(np.clip(tone, 0, 1), (0.08 + 0.9 * lit + threads) * step(r, 2.0, 0.4) + 1.3 * heart)
