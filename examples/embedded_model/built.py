"""Kinds of picture that are built: mandala, kaleidoscope, glass, crystal, tiles, lattice, lights."""

import numpy as np
from scipy.ndimage import gaussian_filter

from .canvas import (
    SIZE,
    TAU,
    Canvas,
    Scene,
    cells,
    direction,
    over,
    polar,
    relief,
    rotated,
    sample,
    splat,
    step,
    unit,
    wave,
)


def scattered(rng: np.random.Generator, count: int, *, reach: float = 1.2) -> np.ndarray:
    """Sites spread over [-reach, reach]^2, shape (count, 2), evenly: each is the loneliest of four tries."""
    sites = rng.uniform(-reach, reach, (1, 2))
    while len(sites) < count:
        tries = rng.uniform(-reach, reach, (4, 2))
        lonely = ((tries[:, None] - sites[None]) ** 2).sum(-1).min(1).argmax()
        sites = np.concatenate([sites, tries[lonely : lonely + 1]])
    return sites


def rose_window(rng: np.random.Generator) -> np.ndarray:
    """Sites on rings round the middle, shape (n, 2)."""
    fold = int(rng.integers(6, 11))
    sites = [np.zeros((1, 2))]
    for index, radius in enumerate(np.linspace(0.36, 1.3, int(rng.integers(3, 5)))):
        angle = TAU * (np.arange(fold * (1 + index // 2)) / (fold * (1 + index // 2)) + 0.5 * (index % 2) / fold)
        sites.append(radius * np.stack([np.cos(angle), np.sin(angle)], -1))
    return np.concatenate(sites)


def glass(c: Canvas) -> Scene:
    """Leaded panes, scattered or as a rose window, with the light of day behind them."""
    x, y = c.grid(turn=True)
    rose = c.chance(0.45)
    sites = rose_window(c.rng) if rose else scattered(c.rng, c.count(16, 34), reach=1.2 * max(1, c.zoom))
    pane = cells(x, y, sites)
    if rose:  # panes of one ring share a colour
        radius = np.hypot(*sites.T).round(2)
        shades = c.rng.permutation(np.linspace(0.2, 0.95, 8))[np.unique(radius, return_inverse=True)[1]]
    else:
        shades = c.rng.uniform(0.15, 1, len(sites))
    lead = step(pane.border, 0.02, 0.05)
    hammered = c.clouds(slope=1.8, finest=28, coarsest=4)
    day = 0.65 + 0.5 * unit(c.clouds(slope=2.6, finest=4), contrast=1.4)
    tone = shades[pane.owner].astype(np.float32) + 0.03 * hammered - 0.10 * np.exp(-pane.border / 0.10)
    shine = day * (0.55 + 0.55 * step(pane.border, 0, 0.3)) * (1 + 0.07 * hammered)
    metal = 0.05 + 0.12 * np.clip(relief(np.minimum(pane.border, 0.06), 1.0, strength=60) - 1, 0, 1)
    return Scene(np.clip(tone, 0, 1), over(metal, shine * 1.15, lead))


def crystal(c: Canvas) -> Scene:
    """Facets that catch, pass and throw back light; needles or gems."""
    x, y = c.grid(turn=True)
    long = c.chance(0.5)
    u, v = (x, y * c.between(0.3, 0.5)) if long else (x, y)
    shape = [1, 0.5] if long else [1, 1]
    sites = scattered(c.rng, c.count(14, 30), reach=1.2 * max(1, c.zoom)) * shape
    coarse = cells(u, v, sites)
    fine = cells(
        u + 0.06 * (coarse.owner % 5), v, scattered(c.rng, c.count(30, 55), reach=1.3 * max(1, c.zoom)) * shape
    )
    tilt = c.rng.standard_normal((len(sites), 2)).astype(np.float32)
    inner = c.rng.standard_normal(len(fine.near) + 99).astype(np.float32)
    offset = sites[coarse.owner].astype(np.float32)
    slope = tilt[coarse.owner, 0] * (u - offset[..., 0]) + tilt[coarse.owner, 1] * (v - offset[..., 1])
    base = c.rng.uniform(0.15, 0.8, len(sites)).astype(np.float32)[coarse.owner]
    edge = np.exp(-coarse.border / 0.012)
    crack = np.exp(-fine.border / 0.010) * 0.35
    flash = np.clip(inner[fine.owner], -1.5, 1.5)
    depth = np.exp(-coarse.border / 0.25)
    light = 0.20 + 0.6 * base + 0.75 * slope + 0.16 * flash + 0.15 * depth
    light = np.clip(light, 0.04, 1.5) + 0.65 * edge + crack * np.clip(light, 0, 1)
    sparkle = c.stars(count=10, brightest=1.2) * (base > 0.4)
    return Scene(np.clip(base + 0.45 * slope + 0.10 * flash + 0.2 * edge, 0, 1), light + sparkle)


def tiles(c: Canvas) -> Scene:
    """Glazed tiles in relief with grout: squares, bricks or hexagons."""
    x, y = rotated(*c.grid(shift=0.5), c.rng.choice([0, TAU / 8, TAU / 16]))
    scale = c.between(1.8, 3.2) * c.density
    u, v = scale * x, scale * y
    style = int(c.rng.integers(3))
    if style == 0:
        u = u + 0.5 * (np.floor(v) % 2)
    if style < 2:
        column, row = np.floor(u).astype(np.int32), np.floor(v).astype(np.int32)
        a, b = 2 * (u - column) - 1, 2 * (v - row) - 1
        edge = (np.abs(a) ** 6 + np.abs(b) ** 6) ** (1 / 6)
    else:  # hexagons: the nearer of two shifted grids of centres
        tall = np.float32(3**0.5)
        options = []
        for shift in (0.0, 0.5):
            p, q = np.round(u - shift), np.round(v / tall - shift)
            options.append((u - shift - p, v - (q + shift) * tall, p, q + shift))
        first = options[0][0] ** 2 + options[0][1] ** 2 < options[1][0] ** 2 + options[1][1] ** 2
        a, b, p, q = (np.where(first, one, two) for one, two in zip(*options))
        column, row = p.astype(np.int32), (2 * q).astype(np.int32)
        edge = 2 * np.maximum(np.abs(a), np.abs(a) / 2 + np.abs(b) * tall / 2)
        a, b = 2 * a, 2 * b
    table = c.rng.uniform(0.12, 0.95, (32, 32)).astype(np.float32)
    if c.chance(0.35):  # a regular order of two tones
        even = np.add.outer(np.arange(32), np.arange(32)) % 2 == 0
        table = np.where(even, c.rng.uniform(0.1, 0.4), c.rng.uniform(0.6, 1))
    shade = table[row % 32, column % 32].astype(np.float32)
    glaze = c.clouds(slope=1.7, finest=40)
    dome = np.clip(1 - np.clip(edge, 0, 1.1) ** 5, 0, 1)
    side = c.between(0, TAU)
    lit = relief(gaussian_filter(dome, 0.8), side, strength=9)
    cos, sin = direction(side)
    gloss = np.exp(-((a - 0.45 * cos) ** 2 + (b - 0.45 * sin) ** 2) / 0.10) * 0.45
    ornament = wave(np.hypot(a, b) * c.between(0.8, 1.8)) * 0.35 if c.chance(0.5) else np.float32(0)
    body = step(edge, 1.0, 0.90)
    lamp = 0.75 + 0.35 * np.exp(-((x - 0.3) ** 2 + (y + 0.3) ** 2) / 0.8)
    tone = over(np.float32(0.12), shade + 0.06 * glaze + ornament * (0.5 - shade), body)
    light = over(0.10 + 0.03 * glaze, (0.30 + 0.55 * shade + ornament) * lit + gloss, body) * lamp
    return Scene(np.clip(tone, 0, 1), light)


def mandala(c: Canvas) -> Scene:
    """Rings of petals, beads and lace round the middle, embossed, one fold of symmetry."""
    x, y = c.grid()
    r, angle = polar(x, y)
    fold = int(c.rng.choice([6, 8, 8, 10, 12]))
    tone, light = np.full_like(r, c.between(0.05, 0.2)), 0.10 + 0.22 * step(r, 1.5, 0.2)
    rays = np.cos(fold * angle) * 0.05
    light = light + rays * step(r, 0.2, 0.6)
    height = np.zeros_like(r)
    layers = max(4, c.count(5, 8))
    for index, radius in enumerate(np.linspace(c.between(0.95, 1.15), 0.16, layers).astype(np.float32)):
        petals = fold * (2 if c.chance(0.3) and radius > 0.6 else 1)
        phase = petals / 2 * angle + TAU / 4 * (index % 2)
        lobe = np.abs(np.cos(phase))
        kind = int(c.rng.integers(3))
        if kind == 0:
            outline = lobe ** c.between(0.5, 1.0)
        else:
            outline = 1 - np.abs(np.sin(phase)) ** 1.5 if kind == 1 else step(lobe, 0, 1)
        reach = radius * (0.70 + 0.30 * outline)
        depth = reach - r
        inside = step(depth, -0.006, 0.008)
        rim, inner = np.exp(-np.abs(depth - 0.012) / 0.010), np.exp(-np.abs(depth - 0.07 * radius - 0.02) / 0.008)
        bead_phase = petals * angle / TAU
        bead_at = radius * 0.80
        bead = np.hypot((bead_phase - np.round(bead_phase)) * TAU / petals * bead_at, r - bead_at) / (
            0.05 * radius + 0.008
        )
        beads = step(bead, 1.0, 0.7) * (c.chance(0.6))
        lace = 0.5 + 0.5 * np.sin(TAU * depth / (0.045 * radius + 0.012)) * np.cos(phase * 4)
        shade = c.between(0.15, 0.9)
        fill = 0.35 + 0.45 * np.exp(-np.maximum(depth, 0) / (0.16 * radius + 0.02)) + 0.12 * lace + 0.18 * lobe
        tone = over(tone, np.clip(shade + 0.25 * (lobe - 0.5) + 0.15 * lace, 0, 1), inside)
        light = over(light * (1 - 0.45 * step(depth, -0.07, 0.0) * (1 - inside)), fill * c.between(0.75, 1.1), inside)
        tone = over(tone, np.float32(0.95), 0.7 * np.maximum(rim, beads))
        light = light + 0.4 * rim + 0.25 * inner * inside + 0.5 * beads * (1 - bead * 0.5).clip(0)
        height = over(height, height + 0.2 * (1 - np.exp(-np.maximum(depth, 0) / 0.02)), inside)
    lit = relief(gaussian_filter(height, 0.8), c.between(0, TAU), strength=3)
    return Scene(np.clip(tone, 0, 1), light * (0.3 + 0.7 * lit))


def kaleidoscope(c: Canvas) -> Scene:
    """A wedge of shards, folded by mirrors."""
    x, y = c.grid()
    r, angle = polar(x, y)
    fold = int(c.rng.choice([6, 8, 10, 12]))
    wedge = TAU / fold
    folded = np.abs((angle + c.between(0, TAU)) % wedge - wedge / 2)
    u, v = r * np.cos(folded) * 2.2 - 1.1, r * np.sin(folded) * 2.6
    noise = c.clouds(slope=2.0, finest=20)
    u, v = u + 0.05 * sample(noise, u, v), v + 0.05 * sample(np.roll(noise, 70, 0), u, v)
    sites = scattered(c.rng, c.count(28, 50), reach=1.5)
    shard = cells(u, v, sites)
    shade = c.rng.uniform(0.05, 1, len(sites)).astype(np.float32)[shard.owner]
    lit = c.rng.uniform(0.3, 1.2, len(sites)).astype(np.float32)[shard.owner]
    grain = sample(c.clouds(slope=1.6, finest=40), u, v)
    stripe = wave(7 * (u * np.cos(shade * 20) + v * np.sin(shade * 20))) * (shade > 0.6)
    edge = np.exp(-shard.border / 0.03)
    mirror = 1 - 0.25 * np.exp(-np.minimum(folded, wedge / 2 - folded) * r / 0.01)
    light = (lit * (0.45 + 0.55 * step(shard.border, 0, 0.3)) + 0.3 * stripe + 0.06 * grain + 0.4 * edge) * mirror
    light = light * step(r / c.zoom, 1.65, 0.5) + 0.7 * np.exp(-r / 0.12)
    return Scene(np.clip(shade + 0.10 * grain + 0.2 * stripe, 0, 1), light)


def lattice(c: Canvas) -> Scene:
    """Rods and knots of a space frame that recedes into fog."""
    turn, tilt = c.between(0.2, 1.3), c.between(-0.5, 0.5)
    cos, sin = direction(turn)
    ct, st = direction(tilt)
    size, gap = 5, np.float32(0.62 / c.density**0.5)
    line = (np.arange(-size, size + 1) * gap).astype(np.float32)
    at = np.stack(np.meshgrid(line, line, line, indexing="ij"), -1).reshape(-1, 3)
    jitter = c.rng.normal(0, 0.08 * gap, at.shape).astype(np.float32) if c.chance(0.4) else 0
    grid3 = (at + jitter).reshape(2 * size + 1, 2 * size + 1, 2 * size + 1, 3)
    spin = np.array([[cos, 0, sin], [st * sin, ct, -st * cos], [-ct * sin, st, ct * cos]], np.float32)
    place = grid3 @ spin.T + np.array([c.between(-0.3, 0.3), c.between(-0.3, 0.3), 2.3 * c.zoom], np.float32)
    along = np.linspace(0, 1, 70, dtype=np.float32)[:, None, None, None, None]
    total, shade = np.zeros((SIZE, SIZE), np.float32), np.zeros((SIZE, SIZE), np.float32)
    for axis in range(3):
        a = np.take(place, range(2 * size), axis)
        b = np.take(place, range(1, 2 * size + 1), axis)
        rod = (a + along * (b - a)).reshape(-1, 3)
        rod = rod[rod[:, 2] > 0.35]
        z = rod[:, 2]
        bright = np.exp(-z / 1.7) / z**0.3
        px, py = 1.3 * rod[:, 0] / z, 1.3 * rod[:, 1] / z
        image = splat(px, py, bright)
        near = splat(px[z < 1.4], py[z < 1.4], bright[z < 1.4])
        image = gaussian_filter(image, 0.6) + 2.5 * gaussian_filter(near, 1.5)
        total, shade = total + image, shade + image * (0.25 + 0.35 * axis)
    knots = place.reshape(-1, 3)
    knots = knots[knots[:, 2] > 0.5]
    kx, ky, kz = knots.T
    glow = gaussian_filter(splat(1.3 * kx / kz, 1.3 * ky / kz, np.exp(-kz / 1.6)), 2.2)
    amount = 1 - np.exp(-1.6 * total / np.percentile(total, 93))
    knot = np.minimum(glow / np.percentile(glow, 99.5), 1.5)
    tone = 0.15 + 0.6 * shade / (total + 1e-3) * amount + 0.4 * knot
    return Scene(np.clip(tone, 0, 1), 0.07 + 0.75 * amount + 0.8 * knot + 0.25 * gaussian_filter(amount, 12))


def lights(c: Canvas) -> Scene:
    """Lamps out of focus at several distances, over wet dark."""
    x, y = c.grid()
    haze = unit(c.clouds(slope=2.6, finest=5))
    tone, light = 0.12 + 0.25 * haze, 0.06 + 0.22 * haze * step(y, -1.2, 1)
    sides = int(c.rng.choice([0, 6, 8]))
    base = c.between(0.07, 0.14)
    for _ in range(c.count(28, 52)):
        cx, cy = c.between(-1.1, 1.1) * c.zoom, c.rng.normal(0, 0.55) * c.zoom
        radius, shade, power = base * c.between(0.35, 1.9), c.between(0.3, 1), c.between(0.25, 0.9)
        edges = (np.array([[cy], [cx]]) / c.zoom + 2.5 * radius / c.zoom * np.array([-1, 1]) + 1) * SIZE / 2
        edges = np.clip(edges, 0, SIZE).astype(int)
        spot = slice(*edges[0]), slice(*edges[1])
        r, angle = polar(x[spot] - cx, y[spot] - np.float32(cy))
        if sides:
            part = TAU / sides
            r = r * np.cos(np.abs(angle % part) - part / 2) / np.float32(np.cos(part / 2) ** 0.5)
        soft = c.between(0.04, 0.3)
        disc = step(r, radius * (1 + soft), radius * (1 - soft)) * (0.55 + 0.45 * np.clip(r / radius, 0, 1) ** 4)
        share = np.clip(
            power * (disc + 0.25 * np.exp(-((r / radius) ** 2) / 1.5) * step(r, 2.4 * radius, radius)), 0, 1
        )
        tone[spot] = over(tone[spot], np.float32(shade), np.clip(1.4 * share, 0, 1))
        light[spot] = 1 - (1 - np.minimum(light[spot], 1)) * (1 - 0.95 * share) + 0.35 * share * light[spot]
    return Scene(np.clip(tone, 0, 1), light)
