"""Kinds of picture that grow or repeat within themselves: fractal, ether, leaves, feathers, flowers, bubbles."""

import numpy as np
from scipy.ndimage import gaussian_filter

from .canvas import TAU, Canvas, Scene, direction, over, polar, relief, rotated, splat, step, unit

# Points near the border of the Mandelbrot set, whose Julia sets are rich.
JULIA = (
    -0.8 + 0.156j,
    -0.4 + 0.6j,
    0.285 + 0.01j,
    -0.70176 - 0.3842j,
    -0.835 - 0.2321j,
    -0.7269 + 0.1889j,
    -0.1 + 0.651j,
    0.355 + 0.355j,
    -0.54 + 0.54j,
    0.37 - 0.1j,
    -1.25 + 0.05j,
    -0.16 + 1.03j,
)


def fractal(c: Canvas) -> Scene:
    """A Julia set, coloured by how soon a point leaves, lit like a relief."""
    x, y = c.grid(shift=0.3, turn=True)
    at = JULIA[c.rng.integers(len(JULIA))] + 0.01 * (c.rng.standard_normal() + 1j * c.rng.standard_normal())
    scale = c.between(0.45, 1.15)
    zx, zy, cx, cy = scale * x, scale * y, np.float32(at.real), np.float32(at.imag)
    stay, trap, stem = np.zeros_like(x), np.full_like(x, 4), np.full_like(x, 4)
    for _ in range(64):
        xx, yy = zx * zx, zy * zy
        size = xx + yy
        stay += np.exp(-size)  # a smooth count of the steps spent near the origin
        np.minimum(trap, size, out=trap)
        np.minimum(stem, np.minimum(np.abs(zx), np.abs(zy)), out=stem)
        zx, zy = np.clip(xx - yy + cx, -1e3, 1e3), np.clip(2 * zx * zy + cy, -1e3, 1e3)
    inside = step(zx * zx + zy * zy, 8, 2)
    outer = np.log1p(stay - stay.min()) / np.log(24)
    lit = relief(gaussian_filter(np.log1p(stay), 0.8), c.between(0, TAU), strength=2.5)
    glow = np.exp(-stem / 0.03) * 0.5
    inner = np.sqrt(np.clip(trap, 0, 1))
    tone = over(0.05 + 0.9 * outer + 0.15 * glow, 0.25 + 0.7 * inner + 0.3 * glow, inside)
    light = over((0.12 + 1.05 * outer) * lit + 0.5 * glow * outer, 0.15 + 0.85 * inner + glow, inside)
    return Scene(np.clip(tone, 0, 1), light)


def ether(c: Canvas) -> Scene:
    """A fractal flame: veils of light drawn by millions of bouncing points.

    Source
    ------
    Draves & Reckase, The Fractal Flame Algorithm, 2003.
    """
    for _ in range(6):  # some systems fall into a point: try again
        light, shade = bounce(c)
        if (light > 0.15 * light.max()).mean() > 0.12:
            break
    wide = gaussian_filter(light, 5)
    tone = np.clip(0.18 + 0.6 * (shade - 0.3) + 0.45 * light, 0, 1)
    return Scene(tone, 0.04 + 1.35 * light + 0.55 * wide)


def bounce(c: Canvas) -> tuple[np.ndarray, np.ndarray]:
    """Light (0..1, by the logarithm of how many points fell on a pixel) and the mean colour of those points."""
    maps = int(c.rng.integers(2, 5))
    affine = c.rng.uniform(-1, 1, (maps, 2, 3)).astype(np.float32) * np.array([0.85, 0.85, 0.6], np.float32)
    kind, colour = c.rng.integers(0, 6, maps), np.linspace(0, 1, maps, dtype=np.float32)
    fold = int(c.rng.choice([1, 1, 2, 3, 5]))  # rotational symmetry
    points = 18000
    x, y = c.rng.uniform(-1, 1, (2, points)).astype(np.float32)
    tint = np.full(points, 0.5, np.float32)
    drawn = []
    part = points // maps
    for index in range(26):
        order = c.rng.permutation(points)
        x, y, tint = x[order], y[order], tint[order]
        for number in range(maps):
            mine = slice(number * part, points if number == maps - 1 else (number + 1) * part)
            (a, b, e), (d, f, g) = affine[number]
            u, v = a * x[mine] + b * y[mine] + e, d * x[mine] + f * y[mine] + g
            x[mine], y[mine] = bend(kind[number], u, v)
            tint[mine] = (tint[mine] + colour[number]) / 2
        if fold > 1:
            turn = c.rng.integers(0, fold, points) * (TAU / fold)
            cos, sin = np.cos(turn), np.sin(turn)
            x, y = cos * x - sin * y, sin * x + cos * y
        if index > 4:
            drawn.append(np.stack([x, y, tint]))
    x, y, tint = np.concatenate(drawn, 1)
    spread = np.percentile(np.abs(np.stack([x, y])), 97) * 1.05 * c.zoom + 1e-3
    hits, tints = splat(x / spread, y / spread), splat(x / spread, y / spread, tint)
    soft = gaussian_filter(hits, 0.7)
    fine = np.log1p(soft) / np.log1p(np.percentile(soft, 99.7))
    return np.clip(fine, 0, 1.2), gaussian_filter(tints, 1.5) / (gaussian_filter(hits, 1.5) + 1e-3)


def bend(kind: int, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One of the flame's variations."""
    square = u * u + v * v + np.float32(1e-4)
    if kind == 0:
        return np.sin(u), np.sin(v)
    if kind == 1:
        return u / square.clip(0.15), v / square.clip(0.15)
    if kind == 2:
        sin, cos = np.sin(square), np.cos(square)
        return u * sin - v * cos, u * cos + v * sin
    if kind == 3:
        r = np.sqrt(square)
        return (u - v) * (u + v) / r, 2 * u * v / r
    if kind == 4:
        r = np.sqrt(square)
        angle = np.arctan2(u, v)
        return r * np.sin(angle + r), r * np.cos(angle - r)
    return u, v


def frond(c: Canvas, x: np.ndarray, y: np.ndarray, *, length: float, bow: float) -> tuple[np.ndarray, np.ndarray]:
    """Where a pixel lies on a leaf that grows up from the origin: along (0 at the foot, 1 at the tip) and across."""
    along = -y / length
    return along, x / length - bow * along * along


def leaves(c: Canvas) -> Scene:
    """Leaves with veins, the near ones sharp and lit, over dark ground."""
    x, y = c.grid()
    ground = c.clouds(slope=2.0, finest=30)
    tone, light = 0.10 + 0.06 * ground, 0.12 + 0.06 * ground
    total = c.count(10, 20)
    fern = c.chance(0.4)
    side = c.between(0, TAU)
    for index in range(total):
        near = index / total
        length = c.between(0.5, 1.0) * (0.7 + 0.5 * near)
        u, v = rotated(x - c.between(-1.1, 1.1) * c.zoom, y - c.between(-0.9, 1.3) * c.zoom, c.between(0, TAU))
        box = (np.abs(u) < 1.1 * length) & (np.abs(v) < 1.1 * length)
        rows, columns = np.flatnonzero(box.any(1)), np.flatnonzero(box.any(0))
        if not len(rows) or not len(columns):
            continue
        spot = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        along, across = frond(c, u[spot], v[spot], length=length, bow=c.between(-0.25, 0.25))
        inside_along = np.clip(along, 0, 1)
        width = 0.26 * np.sin(np.pi * inside_along**0.75) * c.between(0.7, 1.2)
        slant = along - 0.7 * np.abs(across)
        comb = np.abs((slant * (14 if fern else 11)) % 1 - 0.5) * 2
        if fern:
            width = width * (0.55 + 0.45 * step(comb, 0.95, 0.55)) * 1.25
        edge = step(width - np.abs(across), -0.004, 0.006) * (along > 0) * (along < 1)
        rib = np.exp(-np.abs(across) / 0.008)
        vein = np.exp(-(1 - comb) / 0.10) * 0.5
        tilt = across / (width + 0.02)
        lit = 0.62 + 0.30 * tilt * np.cos(side) + 0.12 * np.sin(side) + 0.10 * comb - 0.2 * np.abs(tilt) ** 3
        shadow = step(width + 0.06 - np.abs(across + 0.03), 0, 0.08) * (along > -0.05) * (along < 1.05)
        depth = 0.35 + 0.65 * near
        light[spot] = light[spot] * (1 - 0.55 * shadow)
        tone[spot] = over(tone[spot], np.clip(0.18 + 0.5 * lit * depth + 0.30 * (rib + 0.4 * vein), 0, 1), edge)
        light[spot] = over(light[spot], depth * lit * 1.15 + 0.35 * rib * depth + 0.12 * vein, edge)
    return Scene(np.clip(tone, 0, 1), light)


def feathers(c: Canvas) -> Scene:
    """Overlapping feathers with barbs and an eye, as on a peacock."""
    x, y = c.grid()
    tone, light = np.full_like(x, 0.10), np.full_like(x, 0.12)
    rows = c.count(4, 6)
    lean = c.between(-0.5, 0.5)
    x, y = rotated(x, y, lean)
    eye_tone = c.between(0.0, 0.3)
    for row in range(rows + 3):
        foot = (-1.5 + 3.3 * row / rows) * c.zoom
        gap = np.float32(2.2 / rows * c.zoom)
        place = x / gap + 0.5 * (row % 2) + 0.06 * np.sin(row * 9)
        number = np.floor(place).astype(np.int32)
        across = (place - number - 0.5) * 2
        wobble = c.rng.uniform(-0.12, 0.12, 64).astype(np.float32)[number % 64]
        along = (y - foot) / (gap * 1.7) + wobble
        shape = np.clip(1 - np.abs(along - 0.1) ** 2.5, 0, 1) ** 0.5 * 1.05
        edge = step(shape - np.abs(across), -0.01, 0.05) * (along > -1.2) * (along < 1.1)
        barb = np.sin(TAU * (13 * (along + 0.55 * np.abs(across)))) * np.clip(np.abs(across) * 3, 0, 1)
        r = np.sqrt((across / 0.55) ** 2 + ((along - 0.45) / 0.36) ** 2)
        eye, ring = step(r, 0.55, 0.45), np.exp(-np.abs(r - 0.75) / 0.13)
        quill = np.exp(-np.abs(across) / 0.035) * (along < 0.45)
        lit = 0.45 + 0.35 * along - 0.25 * across**2 + 0.10 * barb
        dark = step(shape + 0.10 - np.abs(across), 0, 0.18) * (along > -1.2) * (along < 1.2)
        light = light * (1 - 0.6 * dark)
        vane = over(0.40 + 0.25 * along + 0.10 * barb + 0.35 * ring + 0.2 * quill, eye_tone, eye)
        tone = over(tone, np.clip(vane, 0, 1), edge)
        light = over(light, over(lit + 0.45 * ring + 0.35 * quill, 0.65 - 0.3 * r, eye), edge)
    return Scene(np.clip(tone, 0, 1), light)


def flowers(c: Canvas) -> Scene:
    """Blossoms with veined, cupped petals and a stippled heart, the far ones out of focus."""
    x, y = c.grid()
    ground = unit(c.clouds(slope=2.4, finest=12))
    tone, light = 0.10 + 0.15 * ground, 0.12 + 0.22 * ground
    sizes = np.sort(c.rng.uniform(0.3, 0.65, c.count(3, 8)))
    lx, ly = direction(c.between(0, TAU))
    for size in sizes if c.chance(0.75) else [0.95]:
        spread = 0.95 * c.zoom if len(sizes) > 1 and size < 0.9 else 0.1
        cx, cy = c.between(-spread, spread), c.between(-spread, spread)
        u, v = (x - cx) / np.float32(size), (y - cy) / np.float32(size) * c.between(1, 1.35)
        r, angle = polar(u, v)
        petals, turn, shade = int(c.rng.integers(5, 10)), c.between(0, TAU), c.between(0.35, 0.75)
        shadow = step(r, 1.25, 0.5)
        light = light * (1 - 0.6 * shadow)
        for layer, reach in enumerate((1.0, 0.78, 0.52)):
            phase = petals / 2 * angle + turn + layer * TAU / 4
            lobe = np.abs(np.cos(phase))
            depth = reach * (0.32 + 0.68 * lobe**0.5) - r
            inside = step(depth, -0.01, 0.02)
            vein = 0.5 + 0.5 * np.cos(phase * 14)
            along = np.clip(r / reach, 0, 1)
            bowl = (
                0.35 + 0.75 * along**0.8 * (0.35 + 0.65 * lobe) + 0.22 * (u * lx + v * ly) + 0.07 * vein * (1 - along)
            )
            rim = np.exp(-np.abs(depth) / 0.03)
            tone = over(tone, np.clip(shade + 0.28 * along - 0.10 + 0.08 * layer + 0.07 * vein, 0, 1), inside)
            light = over(light * (1 - 0.35 * step(depth, -0.08, 0.0) * (1 - inside)), bowl + 0.2 * rim, inside)
        heart = step(r, 0.21, 0.16)
        stipple = 0.5 + 0.5 * np.sin(r * 95) * np.sin(angle * 13)
        tone = over(tone, 0.85 + 0.15 * stipple, heart)
        light = over(light, 1.15 - 2.2 * r + 0.4 * stipple, heart)
    return Scene(np.clip(tone, 0, 1), light)


def bubbles(c: Canvas) -> Scene:
    """Glossy spheres or soap bubbles, large ones in front, with their shadows and mirrored light."""
    x, y = c.grid()
    haze = unit(c.clouds(slope=2.6, finest=5))
    tone, light = 0.22 + 0.20 * haze - 0.1 * y, 0.30 + 0.18 * haze - 0.12 * y
    lx, ly = direction(c.between(1.2, 1.8) * np.pi)
    soap = c.chance(0.5)
    film = c.clouds(slope=2.2, finest=10)
    sizes = np.sort(c.rng.uniform(0.3, 1.0, c.count(8, 18)) ** 2 * 0.5 + 0.06)
    for radius in sizes.astype(np.float32):
        cx, cy = c.between(-1.05, 1.05) * c.zoom, c.between(-1.05, 1.05) * c.zoom
        u, v = (x - cx) / radius, (y - cy) / radius
        square = u * u + v * v
        inside = step(square, 1.02, 0.96)
        height = np.sqrt(np.clip(1 - square, 0, 1))
        facing = np.clip(u * lx + v * ly, -1, 1)
        spark = np.exp(-((u - 0.45 * lx) ** 2 + (v - 0.45 * ly) ** 2) / 0.02)
        bounce_ = np.exp(-((u + 0.6 * lx) ** 2 + (v + 0.6 * ly) ** 2) / 0.12)
        if soap:
            rim = (1 - height) ** 2
            swirl = unit(np.sin(3.5 * film + 7 * height))
            tone = over(tone, np.clip(0.25 + 0.65 * swirl, 0, 1), inside * (0.15 + 0.8 * rim))
            light = light + inside * (0.75 * rim * (0.5 + 0.5 * swirl) + 1.3 * spark + 0.35 * bounce_ - 0.05)
            continue
        fallen = (x - cx + 0.25 * radius * lx) ** 2 + (y - cy + 0.35 * radius * ly) ** 2 - radius**2
        shadow = np.exp(-np.clip(fallen, 0, None) / 0.02)
        light = light * (1 - 0.5 * shadow * (1 - inside))
        lit = np.clip(0.5 * facing + 0.55 * height + 0.1, 0.03, 1)
        tone = over(tone, np.clip(c.between(0.3, 0.7) + 0.45 * (lit - 0.5) + 0.3 * bounce_, 0, 1), inside)
        light = over(light, 0.08 + 0.9 * lit**1.2 + 1.1 * spark + 0.25 * bounce_, inside)
    return Scene(np.clip(tone, 0, 1), light)
