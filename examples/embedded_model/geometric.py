"""Patterns that are built: glass, crystal, tiles, mandala, spiral, tunnel, lights, bubbles, flowers."""
import numpy as np

from .canvas import SIZE, TAU, Scene, cells, clouds, direction, grid, polar, relief, step, unit, wave


def scattered(rng: np.random.Generator, count: int) -> np.ndarray:
    """Sites spread over [-1.2, 1.2]^2, shape (count, 2), more even than chance: each is the loneliest of four tries."""
    sites = rng.uniform(-1.2, 1.2, (1, 2))
    while len(sites) < count:
        tries = rng.uniform(-1.2, 1.2, (4, 2))
        lonely = ((tries[:, None] - sites[None]) ** 2).sum(-1).min(1).argmax()
        sites = np.concatenate([sites, tries[lonely : lonely + 1]])
    return sites


def rings(rng: np.random.Generator) -> np.ndarray:
    """Sites on rings round the middle, as in a rose window, shape (n, 2)."""
    fold = int(rng.integers(5, 9))
    sites = [np.zeros((1, 2))]
    for index, radius in enumerate(np.linspace(0.42, 1.25, int(rng.integers(3, 5)))):
        angle = TAU * (np.arange(fold * (1 + index // 2)) / (fold * (1 + index // 2)) + 0.5 * (index % 2) / fold)
        sites.append(radius * np.stack([np.cos(angle), np.sin(angle)], -1))
    return np.concatenate(sites)


def glass(rng: np.random.Generator) -> Scene:
    """Panes between dark leads, scattered or in the rings of a rose window."""
    x, y = grid(rng, turn=True)
    rose = rng.uniform() < 0.4
    sites = rings(rng) if rose else scattered(rng, int(rng.integers(10, 25)))
    pane = cells(x, y, sites)
    if rose:  # panes of one ring share a colour
        radius = np.hypot(*sites.T).round(2)
        shades = rng.permutation(np.linspace(0.2, 0.95, 8))[np.unique(radius, return_inverse=True)[1]]
    else:
        shades = rng.uniform(0.1, 1, len(sites))
    lead = step(pane.border, 0.03, 0.08)
    shine = 0.65 + 0.6 * np.exp(-pane.near * 3.0) + 0.12 * clouds(rng, slope=2.0, finest=10)
    tone = shades[pane.owner].astype(np.float32) + 0.08 * (0.3 - pane.near)
    return Scene(np.clip(tone, 0, 1), np.clip(shine, 0.2, 1.5) * lead)


def crystal(rng: np.random.Generator) -> Scene:
    """Flat facets, each tilted its own way."""
    x, y = grid(rng, turn=True)
    sites = scattered(rng, int(rng.integers(10, 26)))
    facet = cells(x, y, sites)
    tilt = rng.standard_normal((len(sites), 2)).astype(np.float32)
    offset = sites[facet.owner].astype(np.float32)
    slope = tilt[facet.owner, 0] * (x - offset[..., 0]) + tilt[facet.owner, 1] * (y - offset[..., 1])
    base = rng.uniform(0.2, 0.85, len(sites)).astype(np.float32)[facet.owner]
    edge = np.exp(-facet.border / 0.03)
    light = np.clip(0.35 + 0.75 * base + 0.8 * slope, 0.08, 1.5)
    return Scene(np.clip(base + 0.5 * slope + 0.15 * edge, 0, 1), light + 0.4 * edge)


def tiles(rng: np.random.Generator) -> Scene:
    """Rounded tiles in rows, in relief, some with studs."""
    x, y = grid(rng, shift=0.5)
    cos, sin = direction(rng.choice([0, TAU / 8, TAU / 16]))
    scale = np.float32(rng.uniform(1.2, 2.6))
    u, v = scale * (cos * x - sin * y), scale * (sin * x + cos * y)
    if rng.uniform() < 0.5:  # bricks: every other row is moved by half
        u = u + 0.5 * (np.floor(v) % 2)
    column, row = np.floor(u).astype(np.int32), np.floor(v).astype(np.int32)
    a, b = 2 * (u - column) - 1, 2 * (v - row) - 1
    table = rng.uniform(0.1, 1, (32, 32)).astype(np.float32)
    if rng.uniform() < 0.35:  # a chequerboard of two tones
        table = np.where((np.add.outer(np.arange(32), np.arange(32)) % 2) == 0, rng.uniform(0.1, 0.4), rng.uniform(0.6, 1))
    shade = table[row % 32, column % 32].astype(np.float32)
    power = rng.choice([2.0, 3.0, 8.0])
    edge = (np.abs(a) ** power + np.abs(b) ** power) ** (1 / power)
    dome = np.clip(1 - edge ** 3, 0, 1)
    stud = step(np.hypot(a, b), 0.42, 0.36) * (rng.uniform() < 0.5)
    tone = np.clip(shade * (1 - stud) + stud * (1 - shade), 0, 1)
    light = relief(dome + 0.25 * stud, rng, strength=10) * (0.25 + 0.8 * step(edge, 1.02, 0.88))
    return Scene(tone, light)


def mandala(rng: np.random.Generator) -> Scene:
    """Layers of petals round the middle, large ones first."""
    x, y = grid(rng)
    r, angle = polar(x, y)
    fold = int(rng.integers(5, 11))
    tone, light = np.full_like(r, rng.uniform(0.05, 0.3)), 0.25 + 0.25 * step(r, 1.5, 0.2)
    layers = int(rng.integers(4, 7))
    for index, radius in enumerate(np.linspace(rng.uniform(0.95, 1.2), 0.18, layers)):
        petals = fold * (2 if rng.uniform() < 0.25 and radius > 0.7 else 1)
        lobe = np.abs(np.cos(petals / 2 * (angle + TAU / petals / 2 * (index % 2)))) ** rng.uniform(0.5, 1.6)
        depth = radius * (0.74 + 0.26 * lobe) - r
        inside = step(depth, -0.008, 0.008)
        rim = np.exp(-np.abs(depth) / 0.016)
        tone = tone + inside * (np.clip(rng.uniform(0.15, 0.95) + 0.5 * depth, 0, 1) - tone)
        shine = rng.uniform(0.6, 1.0) * (0.55 + 0.55 * np.exp(-np.maximum(depth, 0) / 0.12)) + 0.25 * lobe
        light = light + inside * (shine - light) + 0.45 * rim
    return Scene(np.clip(tone, 0, 1), np.clip(light, 0, 1.6))


def spiral(rng: np.random.Generator) -> Scene:
    """Arms that wind into a bright middle."""
    x, y = grid(rng, shift=0.3)
    r, angle = polar(x, y)
    arms, sense = int(rng.integers(1, 7)), rng.choice([-1, 1])
    turns = rng.uniform(0.9, 2.2) * (np.log(r) if rng.uniform() < 0.6 else 2.2 * r)
    phase = arms * angle / TAU + sense * turns + 0.03 * clouds(rng, slope=2.2, finest=8)
    arm = wave(phase) ** rng.uniform(0.8, 2.2)
    tone = np.clip(0.72 * arm + 0.30 * np.exp(-1.8 * r) + 0.08, 0, 1)
    return Scene(tone, np.clip(0.12 + 0.85 * arm + 0.9 * np.exp(-4.5 * r), 0, 1.8) * step(r, 1.9, 0.5))


def tunnel(rng: np.random.Generator) -> Scene:
    """A chequered or ribbed tube seen from inside."""
    x, y = grid(rng, shift=0.3)
    _, angle = polar(x, y)
    power = rng.choice([2.0, 2.0, 4.0, 8.0])  # round to square
    radius = (np.abs(x) ** power + np.abs(y) ** power) ** np.float32(1 / power) + np.float32(0.02)
    depth = rng.uniform(0.4, 0.8) / radius + rng.uniform()
    sectors = int(rng.choice([6, 8, 10]))
    twist = rng.uniform(-0.25, 0.25) * depth
    across, along = wave(sectors * (angle / TAU + twist / 2) / 2), wave(depth)
    fog = step(radius, 0.10, 0.75)
    if rng.uniform() < 0.6:  # a chequered wall
        tone = step((across - 0.5) * (along - 0.5), -0.02, 0.02)
        light = fog * (0.4 + 0.7 * tone)
    else:  # frames and rails of light
        tone = np.clip(along ** 6 + 0.8 * across ** 12, 0, 1)
        light = fog * (0.3 + 1.1 * tone)
    end = np.exp(-radius / rng.uniform(0.08, 0.14)) * (rng.uniform() < 0.5)
    return Scene(np.clip(0.12 + 0.6 * tone + 0.25 * fog, 0, 1) * (1 - end) + end, np.clip(light + 1.6 * end, 0, 1.7))


def lights(rng: np.random.Generator) -> Scene:
    """Blurred lamps in the dark."""
    x, y = grid(rng)
    tone = 0.15 + 0.15 * unit(clouds(rng, slope=3, finest=4))
    light = 0.22 + 0.25 * step(y, rng.uniform(1, 2), -1)
    base = rng.uniform(0.08, 0.17)
    for _ in range(int(rng.integers(14, 34))):
        cx, cy = rng.uniform(-1.1, 1.1, 2).astype(np.float32)
        radius, shade, power = base * rng.uniform(0.6, 2.0), rng.uniform(0.3, 1), rng.uniform(0.35, 0.95)
        edges = np.clip((np.array([[cy], [cx]]) + 3 * radius * np.array([-1, 1]) + 1) * SIZE / 2, 0, SIZE).astype(int)
        spot = slice(*edges[0]), slice(*edges[1])
        r, _ = polar(x[spot] - cx, y[spot] - cy)
        disc = step(r, radius * 1.06, radius * 0.90) * (0.65 + 0.35 * np.clip(r / radius, 0, 1) ** 3)
        share = np.clip(power * (disc + 0.20 * np.exp(-((r / radius) ** 2) / 2)), 0, 1)
        tone[spot] += 0.85 * share * (shade - tone[spot])
        light[spot] += share * 0.85
    return Scene(np.clip(tone, 0, 1), np.clip(light, 0, 1.6))


def bubbles(rng: np.random.Generator) -> Scene:
    """Lit spheres, large ones in front."""
    x, y = grid(rng)
    tone, light = 0.30 + 0.25 * y, 0.42 - 0.18 * y
    lx, ly = direction(rng.uniform(0.55, 0.95) * np.pi)
    for radius in np.sort(rng.uniform(0.12, 0.5, int(rng.integers(8, 18)))):
        cx, cy = rng.uniform(-1.05, 1.05, 2).astype(np.float32)
        u, v = (x - cx) / np.float32(radius), (y - cy) / np.float32(radius)
        square = u * u + v * v
        inside = step(square, 1.03, 0.95)
        height = np.sqrt(np.clip(1 - square, 0, 1))
        facing = np.clip(0.55 * (u * lx - v * ly) + 0.8 * height, 0, 1)
        spark = np.exp(-((u - 0.45 * lx) ** 2 + (v + 0.45 * ly) ** 2) / 0.035)
        tone = tone + inside * (np.clip(rng.uniform(0.3, 0.8) + 0.45 * (facing - 0.5), 0, 1) - tone)
        light = light + inside * (0.12 + 0.95 * facing ** 1.3 + 0.9 * spark - light)
    return Scene(np.clip(tone, 0, 1), light)


def flowers(rng: np.random.Generator) -> Scene:
    """Blossoms of two layers of petals over a dark ground."""
    x, y = grid(rng)
    ground = unit(clouds(rng, slope=2.4, finest=10))
    tone, light = 0.10 + 0.15 * ground, 0.20 + 0.25 * ground
    sizes = np.sort(rng.uniform(0.34, 0.7, int(rng.integers(3, 8))))
    for size in sizes if rng.uniform() < 0.75 else [0.95]:
        spread = 0.95 if size < 0.9 else 0.1
        cx, cy = rng.uniform(-spread, spread, 2).astype(np.float32)
        r, angle = polar((x - cx) / np.float32(size), (y - cy) / np.float32(size))
        petals, turn, shade = int(rng.integers(5, 9)), rng.uniform(0, TAU), rng.uniform(0.4, 0.85)
        for layer, reach in enumerate((1.0, 0.68)):
            lobe = np.abs(np.cos(petals / 2 * angle + turn + layer * TAU / 4))
            depth = reach * (0.35 + 0.65 * np.sqrt(lobe)) - r
            inside = step(depth, -0.015, 0.015)
            tone = tone + inside * (np.clip(shade + 0.15 * layer + 0.3 * (r - 0.5), 0, 1) - tone)
            light = light + inside * (0.25 + 0.75 * lobe * np.clip(r / reach, 0, 1) ** 0.6 + 0.12 * layer - light)
        heart = step(r, 0.21, 0.17)
        tone, light = tone + heart * (1 - tone), light + heart * (1.15 - 0.9 * r - light)
    return Scene(np.clip(tone, 0, 1), light)
