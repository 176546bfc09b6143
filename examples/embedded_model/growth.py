"""Kinds of picture that grow: fractal, ether, leaves, feathers, flowers, bubbles, particles, ribbons, iris."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from .canvas import SIZE, TAU, Canvas, Scene, direction, over, polar, relief, ridges, rotated, sample, splat, step, unit

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
GOLDEN = np.float32(np.pi * (3 - np.sqrt(5)))


def around(c: Canvas, cx: float, cy: float, reach: float) -> tuple[slice, slice] | None:
    """The rows and columns within `reach` of a point, or None where they lie outside the picture."""
    spots = []
    for middle in (cy, cx):
        low, high = ((middle + side * reach) / c.zoom * SIZE / 2 + SIZE / 2 for side in (-1, 1))
        spots.append(slice(max(0, int(low)), min(SIZE, int(high) + 1)))
    return None if any(spot.start >= spot.stop for spot in spots) else tuple(spots)


def pixel(c: Canvas) -> np.float32:
    """The width of a pixel in units of x and y."""
    return np.float32(2 * c.zoom / SIZE)


def bokeh(c: Canvas, count: int, *, largest: float = 0.16) -> np.ndarray:
    """Lights far out of focus: pale discs with a brighter rim."""
    x, y = c.grid()
    light = np.zeros((SIZE, SIZE), np.float32)
    for _ in range(count):
        cx, cy, radius = c.between(-1.1, 1.1) * c.zoom, c.between(-1.1, 1.1) * c.zoom, c.between(0.25, 1) * largest
        power = c.between(0.1, 0.6) ** 1.5
        if spot := around(c, cx, cy, 1.1 * radius):
            r = np.hypot(x[spot] - cx, y[spot] - cy) / radius
            light[spot] += power * step(r, 1.03, 0.95) * (0.7 + 0.5 * r**4)
    return light


def fractal(c: Canvas) -> Scene:
    """A Julia set, coloured by how soon a point leaves, with a bright border and the threads of its orbits."""
    x, y = c.grid(shift=0.3, turn=True)
    at = JULIA[c.rng.integers(len(JULIA))] + 0.01 * (c.rng.standard_normal() + 1j * c.rng.standard_normal())
    scale = c.between(0.45, 1.15)
    stay, trap, stem, distance, end = (field.reshape(SIZE, SIZE) for field in orbits(scale * x, scale * y, at))
    gap = distance / (scale * pixel(c))  # to the border, in pixels
    inside = step(end, 8, 2)
    outer = np.log1p(np.clip(stay - stay.min(), 0, None)) / np.float32(np.log(24))
    lit = relief(gaussian_filter(np.log1p(stay), 0.7), c.between(0, TAU), strength=3)
    thread = np.exp(-stem / np.float32(0.02)) * step(gap, 0.5, 3)
    border = np.exp(-gap / 2) * (1 - inside)
    inner = np.sqrt(np.clip(trap, 0, 1))
    tone = over(0.04 + 0.85 * outer + 0.2 * thread + 0.15 * border, 0.2 + 0.7 * inner + 0.3 * thread, inside)
    outside = (0.08 + 0.95 * outer) * lit + 0.6 * thread * outer + 0.2 * border
    return Scene(np.clip(tone, 0, 1), over(outside, 0.12 + 0.85 * inner + thread, inside))


def orbits(x: np.ndarray, y: np.ndarray, at: complex, *, steps: int = 72) -> np.ndarray:
    """Of each point under z*z + at: a smooth count of its steps, how near it came to 0 and to the
    axes, how far the border is, and the square of where it ends.
    """
    cx, cy = np.float32(at.real), np.float32(at.imag)
    found = np.zeros((5, x.size), np.float32)
    zx, zy, live = x.ravel().copy(), y.ravel().copy(), np.arange(x.size)
    stay, trap, stem, slope = np.zeros_like(zx), np.full_like(zx, 4), np.full_like(zx, 4), np.ones_like(zx)
    for index in range(steps):
        xx, yy = zx * zx, zy * zy
        size = xx + yy
        if index % 2:
            gone = size > 100
            if index == steps - 1:
                gone[:] = True
            reach = np.sqrt(size[gone])
            distance = reach * np.log(np.maximum(reach, 1)) / np.sqrt(slope[gone])
            found[:, live[gone]] = stay[gone], trap[gone], stem[gone], distance, size[gone]
            kept = ~gone
            zx, zy, xx, yy, size, live, stay, trap, stem, slope = (
                field[kept] for field in (zx, zy, xx, yy, size, live, stay, trap, stem, slope)
            )
        stay += np.exp(-size)
        np.minimum(trap, size, out=trap)
        np.minimum(stem, np.minimum(np.abs(zx), np.abs(zy)) + np.float32(0.003) * size, out=stem)
        slope = np.minimum(slope, np.float32(1e24)) * 4 * size
        zx, zy = xx - yy + cx, 2 * zx * zy + cy
    return found


@dataclass(frozen=True, eq=False)
class Flame:
    """A system of maps; each moves points, bends the plane and tints them."""

    affine: np.ndarray  # (maps, 2, 3)
    bends: np.ndarray  # (maps,), see bend
    fold: int  # rotational symmetry


def ether(c: Canvas) -> Scene:
    """A fractal flame: veils of light drawn by a million bouncing points.

    Source
    ------
    Draves & Reckase, The Fractal Flame Algorithm, 2003.
    """
    flame = max((some_flame(c) for _ in range(7)), key=lambda flame: richness(c, flame))
    x, y, tint = bounce(c, flame, points=26000, steps=34)
    spread = np.percentile(np.abs(np.stack([x[::9], y[::9]])), 97) * 1.05 * c.zoom + 1e-3
    hits, tints = fallen(x / spread, y / spread, tint)
    sharp, soft, wide = (gaussian_filter(hits, size) for size in (0.6, 1.8, 6))
    top = np.float32(np.log1p(np.percentile(sharp, 99.6)))
    crowd = step(soft, 0.5, 4.0)  # few points make grain: there the light is spread
    light = np.clip(np.log1p(over(soft, sharp, crowd)) / top, 0, 1.3)
    shade = gaussian_filter(tints, 1.5) / (gaussian_filter(hits, 1.5) + np.float32(1e-3))
    tone = np.clip(0.12 + 0.75 * (shade - 0.3) + 0.5 * light, 0, 1)
    return Scene(tone, 0.03 + 1.35 * light**1.15 + 0.3 * np.log1p(wide) / top)


def fallen(x: np.ndarray, y: np.ndarray, tint: np.ndarray) -> np.ndarray:
    """How many points fell on each pixel, and the sum of their tints: (2, H, W)."""
    column, row = (((place + 1) * np.float32(SIZE / 2)).clip(-1, SIZE).astype(np.int32) for place in (x, y))
    inside = (x > -1) & (column < SIZE) & (y > -1) & (row < SIZE)
    at = (row * SIZE + column)[inside]
    counts = [np.bincount(at, weights, SIZE * SIZE).reshape(SIZE, SIZE) for weights in (None, tint[inside])]
    return np.stack(counts).astype(np.float32)


def some_flame(c: Canvas) -> Flame:
    """A random system."""
    maps = int(c.rng.integers(2, 5))
    affine = c.rng.uniform(-1, 1, (maps, 2, 3)).astype(np.float32) * np.array([0.85, 0.85, 0.6], np.float32)
    return Flame(affine, c.rng.integers(0, 6, maps), int(c.rng.choice([1, 1, 2, 3, 5])))


def richness(c: Canvas, flame: Flame) -> float:
    """How evenly a flame fills the picture, over many tones: not a point, not a line, not a block."""
    x, y, _ = bounce(c, flame, points=1500, steps=9)
    spread = np.percentile(np.abs(np.stack([x, y])), 97) * 1.05 + 1e-3
    hits = splat(x / spread, y / spread, size=48)
    share = hits[hits > 0] / (hits.sum() + 1e-6)
    entropy = -(share * np.log(share + 1e-9)).sum() / np.log(hits.size)
    return -abs(float(entropy) - 0.86)


def bounce(c: Canvas, flame: Flame, *, points: int, steps: int) -> np.ndarray:
    """Where bouncing points fall, and their tint: (3, many)."""
    maps = len(flame.bends)
    colour = np.linspace(0, 1, maps, dtype=np.float32)
    x, y = c.rng.uniform(-1, 1, (2, points)).astype(np.float32)
    tint = np.full(points, 0.5, np.float32)
    drawn = []
    part = points // maps
    for index in range(steps):
        order = c.rng.permutation(points)
        x, y, tint = x[order], y[order], tint[order]
        for number in range(maps):
            mine = slice(number * part, points if number == maps - 1 else (number + 1) * part)
            (a, b, e), (d, f, g) = flame.affine[number]
            u, v = a * x[mine] + b * y[mine] + e, d * x[mine] + f * y[mine] + g
            x[mine], y[mine] = bend(flame.bends[number], u, v)
            tint[mine] = (tint[mine] + colour[number]) / 2
        if flame.fold > 1:
            turns = direction_table(flame.fold)[:, c.rng.integers(0, flame.fold, points)]
            x, y = turns[0] * x - turns[1] * y, turns[1] * x + turns[0] * y
        if index > 4:
            drawn.append(np.stack([x, y, tint]))
    return np.concatenate(drawn, 1)


def direction_table(count: int) -> np.ndarray:
    """Cosines and sines of `count` equal turns, (2, count)."""
    angle = np.arange(count, dtype=np.float32) * (TAU / count)
    return np.stack([np.cos(angle), np.sin(angle)])


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


@dataclass(frozen=True, eq=False)
class Blade:
    """Where a leaf or a feather grows."""

    x: float  # of its foot
    y: float
    angle: float  # 0 upwards, turning to the left
    length: float
    near: float  # 0 far, 1 near

    def frame(self, c: Canvas, x: np.ndarray, y: np.ndarray, *, bow: float, girth: float) -> tuple | None:
        """The pixels it may cover, and there: along (0 foot, 1 tip) and across, in lengths; None if out of view."""
        sin, cos, reach = np.sin(self.angle), np.cos(self.angle), 0.65 * self.length
        box = around(c, self.x - 0.5 * self.length * sin, self.y - 0.5 * self.length * cos, 1.1 * reach)
        if box is None:
            return None
        u, v = rotated(x[box] - np.float32(self.x), y[box] - np.float32(self.y), self.angle)
        along, across = -v / np.float32(self.length), u / np.float32(self.length)
        across = across - np.float32(bow) * along * (along - np.float32(0.4))
        rows, columns = np.nonzero((np.abs(across) < girth + 0.05) & (along > -0.25) & (along < 1.05))
        spot = rows + box[0].start, columns + box[1].start
        return spot, along[rows, columns], across[rows, columns]


def leaves(c: Canvas) -> Scene:
    """Leaves lit from behind, their veins shining, darker where one lies behind another."""
    x, y = c.grid()
    haze = unit(c.clouds(slope=2.6, finest=5))
    discs = bokeh(c, c.count(10, 26))
    tone, light = 0.10 + 0.25 * haze + 0.5 * discs, 0.10 + 0.40 * haze**2 + 0.8 * discs
    mesh = c.clouds(slope=0.6, finest=75, coarsest=20)
    sun = np.clip(0.6 + 0.5 * light, 0, 1)  # what of it comes through the leaves drawn so far
    habit = c.between(0.7, 1.25), c.between(0.5, 0.95), c.between(0.17, 0.30), int(c.rng.integers(9, 15))
    shade, side, toothed = c.between(0.25, 0.45), c.between(-1, 1), c.chance(0.4)
    blades = sorted(grown(c), key=lambda blade: blade.near)
    focus = 0.35 if len(blades) > 4 else -1.0
    for index, blade in enumerate(blades):
        if blade.near > focus:
            focus = 2.0
            if index:
                tone, light = gaussian_filter(tone, 3.5), gaussian_filter(light, 3.5)
        framed = blade.frame(c, x, y, bow=c.between(-0.35, 0.35), girth=habit[2])
        if framed:
            spot, along, across = framed
            leaf = leaf_of(along, across, mesh, habit, pixel(c) / blade.length, toothed)
            strength = (0.45 + 0.55 * blade.near) * c.between(0.75, 1.1)
            glow = leaf.glow * (1 + 0.3 * side * leaf.half) * strength * sun[spot]
            veins = leaf.veins * strength * (0.4 + 0.6 * sun[spot])
            tone[spot] = over(tone[spot], np.clip(shade + 0.6 * (glow - 0.35) + 0.35 * veins, 0, 1), leaf.cover)
            light[spot] = over(light[spot] * (1 - 0.5 * leaf.shadow), 1.5 * glow + 0.5 * veins, leaf.cover)
            sun[spot] *= 1 - 0.4 * leaf.cover
    return Scene(np.clip(tone, 0, 1), light)


def grown(c: Canvas) -> list[Blade]:
    """A spray along a twig, a heap, or one leaf that fills the picture."""
    manner, zoom = c.rng.uniform(), float(c.zoom)
    if manner < 0.15:
        turn = c.between(-0.8, 0.8)
        return [Blade(0.95 * np.sin(turn), 0.95 * np.cos(turn) + 0.1, turn, 2.1, 1.0)]
    if manner < 0.55:
        return [
            Blade(
                c.between(-1.2, 1.2) * zoom, c.between(-1.0, 1.2) * zoom, c.between(0, TAU), c.between(0.6, 1.2), near
            )
            for near in np.linspace(0, 1, c.count(12, 20))
        ]
    blades = []
    for near in (0.2, 0.7, 1.0)[-c.count(1, 3) :]:
        x, y, turn = c.between(-0.9, 0.9) * zoom, 1.2 * zoom, c.between(-0.5, 0.5)
        length, curl = c.between(0.5, 0.8) * (0.6 + 0.5 * near), c.between(-0.15, 0.15)
        for index in range(int(2.4 * zoom / (0.3 * length))):
            side = 1 if index % 2 else -1
            blades.append(Blade(x, y, turn + side * c.between(0.7, 1.1), length * c.between(0.8, 1.1), near))
            x, y = x - 0.3 * length * np.sin(turn), y - 0.3 * length * np.cos(turn)
            turn += curl
        blades.append(Blade(x, y, turn, length, near))
    return blades


@dataclass(frozen=True, eq=False)
class Leaf:
    """What is seen of a leaf."""

    cover: np.ndarray  # its opacity
    shadow: np.ndarray  # what it keeps from what is below
    glow: np.ndarray  # light through its flesh
    veins: np.ndarray  # light through midrib, veins and mesh
    half: np.ndarray  # -1 left, 1 right of the midrib


def leaf_of(
    along: np.ndarray, across: np.ndarray, mesh: np.ndarray, habit: tuple, fine: np.float32, toothed: bool
) -> Leaf:
    """A leaf whose pixels are `fine` lengths wide."""
    skew, roundness, girth, pairs = habit
    inside, apart = np.clip(along, 1e-3, 1), np.abs(across)
    phase = pairs * (along - 0.75 * apart + 0.8 * apart**2) + 0.5 * (across > 0)
    width = girth * np.sin(np.float32(np.pi) * inside**skew).clip(0, 1) ** roundness
    if toothed:
        width = width * (1 - 0.10 * ((3 * phase) % 1) ** 2)
    margin = np.where((along > 0) & (along < 1), width, -0.02) - apart
    spacing = np.abs((phase + 0.5) % 1 - 0.5) / pairs
    lines = np.exp(-spacing / (0.0025 + 0.4 * fine)) * step(margin, 0, 0.05)
    stalk = 0.003 + 0.006 * (1 - inside) + 0.4 * fine
    rib = np.exp(-((apart / stalk) ** 2)) * step(along, -0.16, -0.15) * step(along, 1.0, 0.97)
    net = ridges(sample(mesh, 1.6 * along, 1.6 * across), width=0.25)
    puff = np.sin(np.float32(np.pi) * (phase % 1))
    rim = np.exp(-np.abs(margin) / (0.004 + fine))
    glow = 0.32 + 0.42 * puff**1.5 + 0.25 * step(apart, 0.0, 0.16) - 0.05 * net + 0.25 * rim
    cover = np.maximum(step(margin, -0.7 * fine, 0.9 * fine), step(rib, 0.35, 0.75))
    return Leaf(
        cover,
        step(margin, -0.06, 0.02),
        glow,
        rib + 0.7 * lines + 0.30 * net * step(margin, 0, 0.02),
        np.tanh(across / 0.012),
    )


def feathers(c: Canvas) -> Scene:
    """Overlapping feathers with barbs, down at the foot and often an eye, as on a peacock."""
    x, y = c.grid()
    haze = unit(c.clouds(slope=2.6, finest=5))
    tone, light = 0.06 + 0.15 * haze, 0.05 + 0.16 * haze
    eyed, shade, lean = c.chance(0.4), c.between(0.25, 0.5), c.between(-1, 1)
    girth, strands = c.between(0.17, 0.26), c.rng.uniform(0, 1, 128).astype(np.float32)
    for blade in plumage(c):
        framed = blade.frame(c, x, y, bow=c.between(-0.2, 0.2) + 0.3 * lean, girth=girth)
        if framed:
            spot, along, across = framed
            fine = pixel(c) / blade.length
            apart, inside = np.abs(across), np.clip(along, 1e-3, 1)
            count = min(110.0, 0.27 / fine)
            phase = count * (along - 0.9 * apart + 0.8 * apart**2)
            split = sample_line(
                step(c.rng.uniform(0, 1, 128).astype(np.float32), 0.8, 1.0), 0.3 * phase + 64 * (across > 0)
            )
            width = girth * inside**0.35 * (1 - inside**3) ** 0.6 * 1.05 * (1 - 0.3 * split)
            margin = np.where((along > 0.02) & (along < 1), width, -0.02) - apart
            down = step(along, 0.22, 0.08)
            cover = step(margin, -0.8 * fine - 0.03 * down, 1.2 * fine) * (1 - 0.6 * down)
            barb = (0.5 + 0.5 * np.cos(TAU * phase)) * (0.55 + 0.45 * sample_line(strands, phase))
            quill = np.exp(-((apart / (0.003 + 0.006 * (1 - inside) + 0.4 * fine)) ** 2)) * step(along, 0.97, 0.85)
            quill = quill * step(along, -0.2, -0.18)
            tilt = across / (width + 0.02)
            sheen = np.exp(-(((tilt - 0.5 * lean) / 0.45) ** 2))
            glow = (0.22 + 0.5 * inside + 0.55 * sheen) * (0.6 + 0.55 * barb) * (0.5 + 0.5 * blade.near)
            colour = shade + 0.40 * inside - 0.2 + 0.25 * sheen + 0.10 * barb
            if eyed:
                r = np.sqrt((across / (0.62 * girth)) ** 2 + ((along - 0.74) / (0.85 * girth)) ** 2)
                ring, heart, spark = np.exp(-(((r - 0.85) / 0.2) ** 2)), step(r, 0.72, 0.5), step(r, 0.42, 0.22)
                colour = over(colour + 0.35 * ring, 0.10 + 0.45 * spark, heart)
                glow = (glow + 0.3 * ring) * (1 - 0.5 * heart) + 0.55 * spark * (0.5 + 0.5 * barb)
            dark = step(margin, -0.10, 0.02) * (along > -0.05)
            cover = np.maximum(cover, quill)
            tone[spot] = over(tone[spot], np.clip(colour + 0.35 * quill, 0, 1), cover)
            light[spot] = over(light[spot] * (1 - 0.6 * dark), glow + 0.5 * quill, cover)
    return Scene(np.clip(tone, 0, 1), light)


def sample_line(line: np.ndarray, place: np.ndarray) -> np.ndarray:
    """A periodic line read at a place, linear between its entries."""
    low = np.floor(place)
    first = low.astype(np.int32) % len(line)
    return over(line[first], line[(first + 1) % len(line)], place - low)


def plumage(c: Canvas) -> list[Blade]:
    """A wing's rows, a fan, or a few feathers adrift; the far ones first."""
    manner, zoom, blades = c.rng.uniform(), float(c.zoom), []
    if manner < 0.4:
        rows, turn = c.count(3, 5), c.between(0, TAU)
        length = 3.4 * zoom / (rows + 1)
        for near, place in zip(np.linspace(0.3, 1, rows + 2), np.linspace(-1.6, 1.5, rows + 2), strict=True):
            for column in np.arange(-1.5 * zoom, 1.5 * zoom, 0.27 * length):
                u, v = column + c.between(-0.04, 0.04), place * zoom - 0.35 * length + 0.12 * column**2
                fx, fy = rotated(u, v, -turn)
                blades.append(
                    Blade(
                        fx,
                        fy,
                        turn + np.pi + c.between(-0.12, 0.12) - 0.25 * column,
                        length * c.between(0.9, 1.1),
                        near,
                    )
                )
        return blades[::-1]
    if manner < 0.75:
        fx, fy, count = c.between(-0.25, 0.25) * zoom, 1.05 * zoom, 9
        for ring in range(3):
            for turn in np.linspace(-1.5, 1.5, count - ring) + c.between(-0.05, 0.05):
                length = (1.9 - 0.48 * ring) * zoom * c.between(0.95, 1.05)
                blades.append(Blade(fx, fy, turn, length, 0.45 + 0.27 * ring))
        return blades
    for near in np.linspace(0.3, 1, c.count(3, 8)):
        x, y = c.between(-0.8, 0.8) * zoom, c.between(-0.7, 1.1) * zoom
        blades.append(Blade(x, y, c.between(-1.6, 1.6), c.between(0.9, 1.7) * (0.5 + 0.5 * near), near))
    return blades


def flowers(c: Canvas) -> Scene:
    """Blossoms of overlapping, veined petals round a beaded heart, the far ones out of focus."""
    x, y = c.grid()
    haze = unit(c.clouds(slope=2.4, finest=6))
    discs = bokeh(c, c.count(6, 16))
    tone, light = 0.06 + 0.26 * haze + 0.4 * discs, 0.06 + 0.32 * haze**1.5 + 0.55 * discs
    sizes = np.sort(c.rng.uniform(0.3, 0.68, c.count(5, 9))) if c.chance(0.7) else np.float32([1.0])
    side, species = direction(c.between(0, TAU)), some_species(c)
    for index, size in enumerate(sizes.astype(np.float32)):
        if index and index == len(sizes) // 2:
            tone, light = gaussian_filter(tone, 3.0), gaussian_filter(light, 3.0)
        spread = 0.95 * c.zoom if len(sizes) > 1 else 0.08
        cx, cy = c.between(-spread, spread), c.between(-spread, spread)
        spot = around(c, cx, cy, 1.25 * size)
        u, v = (x[spot] - cx) / size, (y[spot] - cy) / size * c.between(1, 1.25)
        near = 1.0 if len(sizes) == 1 else 0.5 + 0.5 * index / (len(sizes) - 1)
        tone[spot], light[spot] = blossom(c, tone[spot], light[spot], u, v, side, species, pixel(c) / size, near)
    return Scene(np.clip(tone, 0, 1), light)


@dataclass(frozen=True, eq=False)
class Species:
    """How a blossom is built."""

    petals: int  # in a ring
    reaches: np.ndarray  # of the rings, outer first
    pointed: bool
    notch: float  # in the petals' tips
    heart: float  # radius
    shade: float  # tone of the petals


def some_species(c: Canvas) -> Species:
    """A daisy, a dahlia, a wild rose or a water lily."""
    petals, rings, inner, pointed, notch, heart = (
        (int(c.rng.integers(9, 15)), 2, 0.92, c.chance(0.5), 0.0, 0.26),
        (int(c.rng.integers(8, 12)), 7, 0.30, c.chance(0.5), 0.0, 0.10),
        (5, 2, 0.80, False, 0.10, 0.16),
        (int(c.rng.integers(5, 8)), 5, 0.45, True, 0.0, 0.16),
    )[c.rng.integers(4)]
    return Species(petals, np.linspace(1, inner, rings), pointed, notch, heart, c.between(0.30, 0.65))


def blossom(
    c: Canvas,
    tone: np.ndarray,
    light: np.ndarray,
    u: np.ndarray,
    v: np.ndarray,
    side: tuple,
    species: Species,
    fine: np.float32,
    near: float,
) -> tuple[np.ndarray, np.ndarray]:
    """One flower laid over tone and light, ring by ring; its pixels are `fine` radii wide."""
    r, angle = polar(u, v)
    count, turn = species.petals, c.between(0, 1)
    tone, light = tone.copy(), light * (1 - 0.5 * step(r, 1.25, 0.4))
    for ring, reach in enumerate(species.reaches):
        spot = tuple(slice(*np.searchsorted(line, (-1.15 * reach, 1.15 * reach))) for line in (v[:, 0], u[0]))
        far, phase = r[spot], angle[spot] * np.float32(count / TAU) + turn + 0.5 * ring + 0.11 * (ring // 2)
        number = np.floor(phase)
        across = 2 * (phase - number) - 1
        own = c.rng.uniform(0.88, 1.04, count).astype(np.float32)[number.astype(np.int32) % count]
        along = far / (reach * own)
        margin = petal_margin(along, across, far, species, reach)
        cover = step(margin, -0.8 * fine, 0.8 * fine)
        flank = across * (side[1] * u[spot] - side[0] * v[spot]) / far
        square = across * across
        vein = np.cos(TAU * 8 * across * (1 - 0.25 * along)) ** 4 * step(
            far * np.float32(1 / count), 9 * fine, 24 * fine
        )
        bowl = 0.14 + 0.85 * np.minimum(along, 1) ** 1.3 - 0.20 * square + 0.32 * flank
        bowl = bowl - 0.10 * vein * (1.2 - along) - 0.18 * np.exp(-square / 0.008) * (1.1 - along)
        bowl = bowl * (1 - 0.08 * (len(species.reaches) - 1 - ring))
        rim = np.exp(-np.abs(margin) / (0.010 + fine))
        below = light[spot] * (1 - 0.6 * step(margin, -0.09, 0.0) * (1 - cover) * (ring > 0))
        tint = species.shade - 0.20 + 0.52 * along - 0.08 * vein + 0.12 * ring / len(species.reaches)
        tone[spot] = over(tone[spot], np.clip(tint, 0, 1), cover)
        light[spot] = over(below, near * (1.25 * bowl + 0.25 * rim + 0.05), cover)
    return hearted(tone, light, u, v, r, species.heart, fine, near)


def petal_margin(along: np.ndarray, across: np.ndarray, r: np.ndarray, species: Species, reach: float) -> np.ndarray:
    """How far inside its petal a pixel lies, in radii of the flower."""
    square = across * across
    if species.notch:
        along = along * (1 + species.notch * np.exp(-square / 0.03))
    tip = along * along
    if species.pointed:
        excess, flank, end = np.abs(across) + tip, 1.0, 2 * along
    else:
        excess, flank, end = square + tip * tip, 2 * np.abs(across), 4 * tip * along
    slope = np.hypot(flank * np.float32(2 * species.petals / TAU) / r, end / np.float32(reach))
    return (0.98 - excess) / (slope + np.float32(1e-3))


def hearted(
    tone: np.ndarray,
    light: np.ndarray,
    u: np.ndarray,
    v: np.ndarray,
    r: np.ndarray,
    size: float,
    fine: np.float32,
    near: float,
) -> tuple[np.ndarray, np.ndarray]:
    """The heart of a blossom: beads in the spirals of a sunflower."""
    ring = np.arange(1, 120)
    beads = np.zeros_like(r)
    bead = size * 0.085
    for at, turn in zip(size * np.sqrt(ring / len(ring)), ring * GOLDEN, strict=True):
        px, py = at * np.cos(turn), at * np.sin(turn)
        rows, columns = (np.searchsorted(line, (p - bead, p + bead)) for line, p in ((v[:, 0], py), (u[0], px)))
        spot = slice(*rows), slice(*columns)
        apart = np.hypot(u[spot] - px, v[spot] - py)
        beads[spot] = np.maximum(beads[spot], step(apart, bead, bead * 0.2))
    light = light * (1 - 0.5 * step(r, 1.7 * size, 0.9 * size))
    cover = step(r, size * 1.04 + fine, size * 1.04 - fine)
    tone = over(tone, 0.62 + 0.38 * beads, cover)
    return tone, over(light, near * (0.25 + 0.15 * r / size + 0.95 * beads), cover)


def bubbles(c: Canvas) -> Scene:
    """Glass spheres or soap bubbles before lights out of focus: bright rims, mirrored windows, a bent world."""
    x, y = c.grid()
    haze = unit(c.clouds(slope=2.6, finest=4))
    discs = bokeh(c, c.count(14, 34), largest=0.22)
    tone = 0.16 + 0.30 * haze - 0.12 * y / c.zoom + 0.45 * discs
    light = 0.10 + 0.32 * haze - 0.10 * y / c.zoom + 0.75 * discs
    soap, film = c.chance(0.5), c.clouds(slope=2.0, finest=14)
    side = direction(c.between(1.15, 1.85) * np.pi)
    sizes = np.sort(c.rng.uniform(0.25, 1.0, c.count(9, 20)) ** 2.2 * 0.55 + 0.04)
    for index, radius in enumerate(sizes.astype(np.float32)):
        if index in (len(sizes) // 3, 2 * len(sizes) // 3):
            blur = 4.0 if index == len(sizes) // 3 else 1.6
            tone, light = gaussian_filter(tone, blur), gaussian_filter(light, blur)
        cx, cy = c.between(-1.0, 1.0) * c.zoom, c.between(-1.0, 1.0) * c.zoom
        spot = around(c, cx, cy, 1.3 * radius)
        u, v = (x[spot] - cx) / radius, (y[spot] - cy) / radius
        square = u * u + v * v
        cover = step(np.sqrt(square), 1, 1 - 2 * pixel(c) / radius)
        height = np.sqrt(np.clip(1 - square, 0, 1))
        rim = (1 - height) ** 3
        shine = mirrored_window(u, v, height, side)
        swirl = 0.5 + 0.5 * np.sin(4 * sample(film, u * 0.4 + index, v * 0.4) + 9 * height)
        if soap:
            thin = cover * np.clip(0.12 + 0.9 * (1 - height) ** 1.5, 0, 1)
            tone[spot] = over(tone[spot], 0.2 + 0.75 * swirl, thin)
            light[spot] = light[spot] * (1 - 0.25 * cover) + cover * (
                0.9 * rim * (0.4 + 0.6 * swirl) + 0.10 * swirl + shine
            )
            continue
        lens = 0.75 + 0.9 * (1 - height) ** 2  # all that is behind, upside down
        bx, by = (cx - u * lens * 1.2 * radius - 0.1 * u) / c.zoom, (cy - v * lens * 1.2 * radius - 0.1 * v) / c.zoom
        bx, by = np.clip(bx, -0.99, 0.99), np.clip(by, -0.99, 0.99)
        seen_tone, seen_light = sample(tone, bx, by), sample(light, bx, by)
        facing = u * side[0] + v * side[1]
        crescent = step(np.sqrt(square), 0.55, 0.93) * np.clip(-facing, 0, 1) ** 2
        dark = step(height, 0.62, 0.15)
        glass = (
            seen_light * (0.85 - 0.75 * dark) + 0.75 * crescent + 0.9 * step(height, 0.30, 0.05) * (0.25 + 0.75 * swirl)
        )
        light[spot] *= 1 - 0.35 * step(np.sqrt(square), 1.28, 0.95)
        tone[spot] = over(tone[spot], np.clip(seen_tone + 0.35 * crescent + 0.3 * rim + 0.4 * shine, 0, 1), cover)
        light[spot] = over(light[spot], glass + 0.06 + shine, cover)
    return Scene(np.clip(tone, 0, 1), light)


def mirrored_window(u: np.ndarray, v: np.ndarray, height: np.ndarray, side: tuple) -> np.ndarray:
    """A window's bent mirror image on a sphere, towards the light, and its faint twin on the far wall."""
    along, across = u * side[0] + v * side[1], v * side[0] - u * side[1]
    bowed = along + 0.35 * across * across
    pane = step(np.abs(bowed - 0.66), 0.13, 0.09) * step(np.abs(across), 0.36, 0.30)
    bars = 1 - 0.8 * step(np.abs(across), 0.04, 0.015)
    twin = step(np.abs(bowed + 0.72), 0.07, 0.03) * step(np.abs(across), 0.30, 0.15)
    spark = np.exp(-((along - 0.40) ** 2 + (across - 0.3) ** 2) / 0.004)
    return (1.25 * pane * bars + 0.45 * twin + 0.8 * spark) * (height > 0)


def particles(c: Canvas) -> Scene:
    """A swarm of glowing points that form a flowing body in space, sharp in one plane only."""
    count = int(55000 * c.density**0.5)
    form = (vortex, sheet, shell, attractor, knot)[c.rng.integers(5)]
    place, tint = form(c, count)
    tilt, turn = c.between(-0.5, 0.5), c.between(0, TAU)
    if form in (vortex, sheet):
        turn = c.between(-0.4, 0.4) if form is vortex else turn
        tilt = c.between(-0.35, 0.35) if form is vortex else c.between(0.35, 0.75)
    px, pz = rotated(place[0], place[2], turn)
    py, pz = rotated(place[1], pz, tilt)
    depth = np.maximum(pz + 2.6, 0.25)
    sx, sy = 2.2 * px / depth / c.zoom, 2.2 * py / depth / c.zoom
    power = c.rng.pareto(2.5, count).clip(0, 6).astype(np.float32) * 0.5 + 0.4
    power = power * np.minimum((2.6 / depth) ** 2, 6)
    focus = 2.6 + c.between(-0.5, 0.1)
    blur = np.abs(depth - focus) / depth * 9  # pixels
    light, dyed = np.zeros((2, SIZE, SIZE), np.float32)
    for low, high, spread in ((0, 1.1, 0.65), (1.1, 2.6, 1.6), (2.6, 5.0, 3.2), (5.0, np.inf, 6.0)):
        mine = (blur >= low) & (blur < high)
        for field, weight in ((light, power[mine]), (dyed, power[mine] * tint[mine])):
            field += gaussian_filter(splat(sx[mine], sy[mine], weight), spread) * np.float32(1 + 0.4 * spread)
    tone = dyed / (light + np.float32(1e-3))
    crowd = 1 - np.exp(-light / np.float32(0.9 * np.percentile(light[light > 0.02], 80)))
    mist = np.log1p(gaussian_filter(light, 10))
    return Scene(np.clip(0.08 + 0.62 * tone + 0.38 * crowd, 0, 1), 0.03 + 1.55 * crowd + 0.12 * mist)


def vortex(c: Canvas, count: int) -> tuple[np.ndarray, np.ndarray]:
    """A funnel whose wall is drawn in spiral streaks; places (3, n) and tints (n,)."""
    up = c.rng.uniform(0, 1, count).astype(np.float32)
    arms, twist = c.rng.integers(5, 14), c.between(3, 7)
    arm = c.rng.integers(0, arms, count) + c.rng.normal(0, 0.16, count)
    angle = (TAU / arms * arm + twist * up**0.7).astype(np.float32)
    radius = 0.08 + c.between(0.7, 1.1) * up ** c.between(1.2, 2.6)
    radius = radius * (1 + c.rng.normal(0, 0.05 + 0.25 * (c.rng.uniform(size=count) < 0.15), count)).astype(np.float32)
    sway = 0.15 * np.sin(4 * up + c.between(0, TAU))
    return np.stack([radius * np.cos(angle) + sway, 1.0 - 1.8 * up, radius * np.sin(angle)]), 0.9 * (1 - up) + 0.1


def sheet(c: Canvas, count: int) -> tuple[np.ndarray, np.ndarray]:
    """A sea of points in rows that heaves in waves."""
    side = int(np.sqrt(count))
    line = np.linspace(-2.0, 2.0, side, dtype=np.float32)
    u, v = (field.ravel() for field in np.meshgrid(line, line))
    height = np.zeros_like(u)
    for amount in (0.26, 0.15, 0.08):
        kx, ky = c.rng.normal(0, 0.5 / amount, 2).astype(np.float32)
        height += amount * np.sin(kx * u + ky * v + c.between(0, TAU))
    place = np.zeros((3, count), np.float32) + 9
    tint = np.zeros(count, np.float32)
    place[:, : len(u)], tint[: len(u)] = np.stack([u, height, v]), np.clip(0.5 - 1.2 * height, 0, 1)
    return place, tint


def shell(c: Canvas, count: int) -> tuple[np.ndarray, np.ndarray]:
    """A sphere's skin that swells in waves, wrapped in a loose haze of points."""
    index = np.arange(count, dtype=np.float64)
    z = 1 - 2 * (index + 0.5) / count
    angle = (index * GOLDEN) % TAU
    flat = np.sqrt(1 - z * z)
    skin = np.stack([flat * np.cos(angle), z, flat * np.sin(angle)]).astype(np.float32)
    swell = np.zeros(count, np.float32)
    for wanted in (2.0, 4.0, 8.0):
        swell += (
            np.sin((c.rng.normal(0, wanted, 3).astype(np.float32)[:, None] * skin).sum(0) + c.between(0, TAU)) / wanted
        )
    loose = (c.rng.uniform(size=count) < 0.12) * np.abs(c.rng.normal(0, 0.4, count))
    return skin * (0.85 + c.between(0.1, 0.3) * swell + loose).astype(np.float32), np.clip(0.5 + 0.6 * swell, 0, 1)


def attractor(c: Canvas, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The strange attractor of Thomas, Halvorsen or Aizawa, as streams of points."""
    flow, pace = ((thomas, 0.08), (halvorsen, 0.006), (aizawa, 0.02))[c.rng.integers(3)]
    streams = 1100
    p = c.rng.uniform(-0.8, 0.8, (3, streams)).astype(np.float32)
    trail = []
    for index in range(260 + count // streams):
        p = np.clip(p + np.float32(pace) * flow(*p), -30, 30)
        if index >= 260:
            trail.append(np.concatenate([p, np.full((1, streams), index, np.float32)]))
    x, y, z, age = np.concatenate(trail, 1)[:, :count]
    place = np.stack([x, z, y])
    place -= place.mean(1, keepdims=True)
    place /= 2.1 * place.std() + np.float32(1e-6)
    place, age = (np.resize(field.T, (count, *field.shape[:-1])).T for field in (place, age))
    return place, np.clip(0.5 + 0.45 * np.hypot(place[0], place[1]) - 0.25 + 0.2 * np.sin(age / 9), 0, 1)


def thomas(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Thomas' cyclic flow."""
    return np.stack([np.sin(y) - 0.19 * x, np.sin(z) - 0.19 * y, np.sin(x) - 0.19 * z])


def halvorsen(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Halvorsen's flow."""
    return np.stack([-1.89 * a - 4 * b - 4 * d - b * b for a, b, d in ((x, y, z), (y, z, x), (z, x, y))])


def aizawa(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Aizawa's flow: a ball pierced by a tube."""
    square = x * x + y * y
    dz = 0.6 + 0.95 * z - z**3 / 3 - square * (1 + 0.25 * z) + 0.1 * z * x**3
    return np.stack([(z - 0.7) * x - 3.5 * y, 3.5 * x + (z - 0.7) * y, dz])


def knot(c: Canvas, count: int) -> tuple[np.ndarray, np.ndarray]:
    """A stream that runs in a torus knot, its strands twisted."""
    t = c.rng.uniform(0, TAU, count).astype(np.float32)
    p, q = ((2, 3), (3, 2), (3, 4), (1, 3))[c.rng.integers(4)]
    strands, wind = c.rng.integers(4, 10), c.rng.integers(4, 12)
    tube = 0.13 + 0.05 * np.sin(3 * t)
    around_ = (TAU / strands * c.rng.integers(0, strands, count) + wind * t + c.rng.normal(0, 0.25, count)).astype(
        np.float32
    )
    far = (c.rng.uniform(0.6, 1.1, count) + (c.rng.uniform(size=count) < 0.1) * c.rng.exponential(0.8, count)).astype(
        np.float32
    )
    radius = 0.72 + 0.3 * np.cos(q * t) + tube * far * np.cos(around_)
    height = 0.3 * np.sin(q * t) + tube * far * np.sin(around_)
    return np.stack([radius * np.cos(p * t), radius * np.sin(p * t), height]), 0.5 + 0.45 * np.sin(t + around_)


def ribbons(c: Canvas) -> Scene:
    """Bands of satin or of light that twist and cross in space, with folds and bright stripes."""
    x, y = c.grid()
    haze = unit(c.clouds(slope=2.8, finest=4))
    tone, light = 0.06 + 0.18 * haze, 0.04 + 0.14 * haze
    satin, turn = c.chance(0.6), c.between(0, TAU)
    bulge = c.between(-0.9, 0.9)
    total = c.count(4, 7)
    for index in range(total):
        near = index / max(1, total - 1)
        if index and index == total // 3:
            tone, light = gaussian_filter(tone, 3.0), gaussian_filter(light, 3.0)
        u, v = rotated(x, y, turn + c.between(-0.35, 0.35))
        v = v + bulge * (u * u - 0.4) * np.float32(0.5)
        band = some_band(c, u, v, near)
        if satin:
            light = light * (1 - 0.6 * band.shadow)
            tone = over(tone, np.clip(band.tone, 0, 1), band.cover)
            light = over(light, band.light, band.cover)
        else:
            share = band.cover * np.clip(band.light, 0, 1)
            tone = over(tone, np.clip(band.tone, 0, 1), share)
            light = light * (1 - 0.35 * band.cover) + band.cover * band.light * 0.9
    return Scene(np.clip(tone, 0, 1), light)


@dataclass(frozen=True, eq=False)
class Band:
    """What is seen of one ribbon."""

    cover: np.ndarray
    shadow: np.ndarray  # what it keeps from what is below
    tone: np.ndarray
    light: np.ndarray


def some_band(c: Canvas, u: np.ndarray, v: np.ndarray, near: float) -> Band:
    """A ribbon along u: its width seen is the cosine of how far it is twisted."""
    k1, k2, p1, p2 = c.between(0.8, 1.6), c.between(2.0, 3.2), c.between(0, TAU), c.between(0, TAU)
    middle = c.between(-0.75, 0.75) * c.zoom + 0.32 * np.sin(k1 * u + p1) + 0.10 * np.sin(k2 * u + p2)
    slope = 0.32 * k1 * np.cos(k1 * u + p1) + 0.10 * k2 * np.cos(k2 * u + p2)
    twist = c.between(1.0, 2.2) * u + 0.7 * np.sin(k2 * u + p1) + c.between(0, TAU)
    full = c.between(0.14, 0.32) * (0.6 + 0.6 * near)
    seen = full * np.cos(twist)
    width = np.abs(seen) + 0.008
    steep = np.sqrt(1 + slope * slope)
    away = (v - middle) / steep
    margin = width - np.abs(away)
    across = np.clip(away / np.where(seen < 0, -width, width), -1, 1)  # the same thread on both sides of a twist
    curl = twist + c.between(0.5, 1.1) * across + 0.35 * np.sin(3 * across + 2 * k1 * u + p2)
    gloss = np.abs(np.sin(curl + 0.5 * slope))
    back = step(seen, 0.02, -0.02)
    fine = pixel(c)
    threads = c.between(16, 26)
    strand = np.cos(TAU * threads * across + 2 * np.sin(5 * across)) * step(width / threads, 0.8 * fine, 2.5 * fine)
    stripe = gloss**24 + 0.35 * gloss**6
    edge = np.exp(-np.abs(margin) / (0.005 + fine))
    strength = 0.45 + 0.55 * near
    body = (0.16 + 0.5 * gloss**2) * (1 - 0.35 * back)
    light = strength * (body + 0.75 * stripe + 0.06 * strand + 0.3 * edge)
    tone = c.between(0.2, 0.5) + 0.35 * gloss**2 + 0.25 * stripe - 0.15 * back + 0.04 * strand
    return Band(step(margin, -0.8 * fine, 0.8 * fine), step(margin + 0.02, -0.12, 0.03), tone, light)


def iris(c: Canvas) -> Scene:
    """An eye's iris close up: fibres about the pupil, a dark ring at the limb, wet lights."""
    x, y = c.grid(shift=0.03)
    x, y = x / np.float32(c.zoom**0.5), y / np.float32(c.zoom**0.5)
    r, angle = polar(x, y)
    limb, pupil = c.between(0.82, 0.98), c.between(0.20, 0.40)
    out = (r - pupil) / (limb - pupil)  # 0 at the pupil, 1 at the limb
    round_ = angle / np.float32(np.pi)
    wander = 0.02 * sample(c.clouds(slope=2, finest=12), round_, r)
    coarse, fibre = (c.clouds(slope=1.0, finest=top, coarsest=8, stretch=(1, 9)) for top in (60, 180))
    wide = sample(coarse, round_ + wander, r * 0.9)
    thin = sample(fibre, 3 * (round_ + 1.5 * wander), r * 1.1 + 0.3)
    thread = 0.6 * ridges(wide, width=0.35) + 0.5 * ridges(thin, width=0.35) * (0.5 + 0.5 * unit(wide))
    collar = c.between(0.26, 0.42) + 0.05 * sample(c.clouds(slope=1.4, finest=40), round_, np.zeros_like(r))
    lace = np.exp(-np.abs(out - collar) / 0.045)
    pits = step(sample(c.clouds(slope=1.2, finest=26, coarsest=6, stretch=(1, 2.2)), round_, r), 1.25, 1.9)
    pits = pits * step(out, collar, collar + 0.12) * step(out, 0.95, 0.75)
    within = step(out, collar + 0.10, collar - 0.10)
    depth = 0.35 + 0.65 * step(out, -0.05, 0.25)
    shade = c.between(0.25, 0.45)
    tone = shade + 0.38 * thread + (0.30 if c.chance(0.6) else -0.18) * within + 0.2 * lace - 0.15 * pits
    light = (0.18 + 0.72 * thread + 0.25 * lace + 0.15 * within) * depth * (1 - 0.6 * pits)
    light = light * (1 + 0.35 * y / r * step(out, 0, 0.5))  # light gathers opposite to where it enters
    ring = step(out, 0.72, 1.0)
    light, tone = light * (1 - 0.85 * ring), tone * (1 - 0.6 * ring)
    white = step(out, 0.97, 1.10)
    tone, light = over(tone, 0.88, white), over(light, 0.80 - 0.5 * (r - limb), white)
    hole = step(r + 0.006 * wide, pupil + 0.012, pupil - 0.012)
    tone, light = over(tone, 0.05, hole), over(light, 0.015, hole)
    light = light * (1 - 0.55 * step(y + 0.25 * x * x, -0.45, -1.05))  # the lid's shadow
    shine = wet_lights(c, x, y, pupil)
    return Scene(np.clip(tone + 0.5 * shine, 0, 1), light * (1 - 0.3 * shine) + 1.5 * shine)


def wet_lights(c: Canvas, x: np.ndarray, y: np.ndarray, pupil: float) -> np.ndarray:
    """The mirror images of a window or a ring of lamps on the wet eye, and a small one below."""
    u, v = x - c.between(-1.0, 1.0) * pupil, y + c.between(0.7, 1.3) * pupil
    size = c.between(0.09, 0.15)
    if c.chance(0.3):
        main = step(np.abs(np.hypot(u, v) - size), 0.03, 0.02)
    else:
        u, v = rotated(u, v + u * u, c.between(-0.3, 0.3))
        box = step(np.maximum(np.abs(u) / 1.3, np.abs(v)), size, size - 0.03)
        main = box * (1 - 0.75 * step(np.abs(u), 0.018, 0.010)) * (0.75 + 0.25 * step(v, size, -size))
    low = np.exp(-(((x - c.between(-0.3, 0.3)) / 0.12) ** 2 + ((y - 1.6 * pupil) / 0.03) ** 2))
    return main + 0.35 * low
