"""Kinds of picture that are built: crystals, lamps, rain on glass, circuits, sound, windows, tiles and their like."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

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
    step,
    unit,
    wave,
)

FOCUS = 1.25  # of the eye that looks into the lattice


def scattered(rng: np.random.Generator, count: int, *, reach: float = 1.2) -> np.ndarray:
    """Sites spread over [-reach, reach]^2, shape (count, 2), evenly: each is the loneliest of four tries."""
    sites = rng.uniform(-reach, reach, (1, 2))
    while len(sites) < count:
        tries = rng.uniform(-reach, reach, (4, 2))
        lonely = ((tries[:, None] - sites[None]) ** 2).sum(-1).min(1).argmax()
        sites = np.concatenate([sites, tries[lonely : lonely + 1]])
    return sites


def box(c: Canvas, xs: tuple[float, ...], ys: tuple[float, ...], margin: float) -> tuple[slice, slice]:
    """The pixels around some points of the view."""
    ends = np.array([[min(ys) - margin, max(ys) + margin], [min(xs) - margin, max(xs) + margin]])
    rows, columns = np.clip((ends / c.zoom + 1) * SIZE / 2 + [-1, 2], 0, SIZE).astype(int)
    return slice(*rows), slice(*columns)


def finished(tone: np.ndarray, light: np.ndarray) -> Scene:
    """A scene whose fields are of the right type and range."""
    return Scene(np.clip(tone, 0, 1).astype(np.float32), np.clip(light, 0, 2).astype(np.float32))


@dataclass(frozen=True)
class Prism:
    """A six-sided crystal with a pointed tip, as it lies in the picture."""

    x: float  # of the foot
    y: float
    angle: float
    length: float
    width: float  # half of it
    near: float  # 0 lost in the haze, 1 in front


def prisms(c: Canvas) -> list[Prism]:
    """Far ones first: a cluster on rock, a burst round the middle, or a cave grown from below and above."""
    style, found = int(c.rng.integers(3)), []
    total = c.count(26, 38)
    size = c.between(0.95, 1.25) * np.sqrt(c.zoom)
    for near in np.linspace(0, 1, total) ** 0.8:
        side = c.rng.normal(0, 0.5)
        if style == 0:
            x, y, angle = 0.6 * side, 0.62 + 0.25 * near, -TAU / 4 + 0.9 * side + c.rng.normal(0, 0.12)
            length = (1.5 - 0.95 * near) * np.exp(-0.7 * abs(side)) * c.between(0.65, 1.1)
        elif style == 1:
            angle = c.between(0, TAU)
            x, y, length = 0.03 * np.cos(angle), 0.03 * np.sin(angle), (1.2 - 0.95 * near) * c.between(0.65, 1.1)
        else:
            x, above = c.between(-1.1, 1.1) * c.zoom, c.chance(0.35)
            y, angle = (-1.08 if above else 1.08) * c.zoom, (1 if above else -1) * TAU / 4 + c.rng.normal(0, 0.35)
            length = c.between(0.7, 1.3) * (1.3 - 0.7 * near) * (0.55 + 0.45 * abs(x) / c.zoom)
        width = length * c.between(0.08, 0.15) + 0.03
        found.append(Prism(x, y, angle, length * size, width * size, near))
    return found


def crystal(c: Canvas) -> Scene:
    """Clusters of pointed crystals that grow out of glowing rock."""
    x, y = c.grid()
    grown = prisms(c)
    veil, flaw = c.clouds(slope=1.6, finest=60, coarsest=3), c.clouds(slope=1.0, finest=200, coarsest=20)
    fx, fy = np.mean([[p.x, p.y] for p in grown], 0).astype(np.float32)
    glow = np.exp(-((x - fx) ** 2 + 1.6 * (y - fy) ** 2) / np.float32(0.45))
    light = 0.10 + 0.55 * glow + 0.03 * veil + 0.5 * c.stars(count=90)
    tone = 0.10 + 0.35 * glow + 0.02 * veil
    shade, key = c.between(0.35, 0.6), c.between(0, TAU)
    for prism in grown:
        grow(c, prism, (x, y), (veil, flaw), (tone, light), shade=shade + c.rng.normal(0, 0.10), key=key)
    return finished(tone, light)


def grow(c: Canvas, p: Prism, at: tuple, inside: tuple, fields: tuple, *, shade: float, key: float) -> None:
    """Lay one crystal over the picture: three facets, three more at the tip, bright edges, light from the foot."""
    cos, sin = direction(p.angle)
    spot = box(c, (p.x, p.x + cos * p.length), (p.y, p.y + sin * p.length), p.width)
    if not at[0][spot].size:
        return
    dx, dy = at[0][spot] - np.float32(p.x), at[1][spot] - np.float32(p.y)
    along, across = cos * dx + sin * dy, cos * dy - sin * dx
    pixel = np.float32(2 * c.zoom / SIZE)
    corners = np.array([-1, c.between(-0.5, -0.15), c.between(0.2, 0.6), 1]) * p.width
    caps = p.length - p.width * np.array([c.between(1.6, 2.8), c.between(1.1, 1.6), c.between(1.1, 1.6), 2.2])
    apex = c.between(-0.2, 0.3) * p.width
    shoulder = along - np.interp(across, corners, caps).astype(np.float32)
    tip = shoulder > 0
    sides = []
    for corner, cap in zip(corners, caps):
        rise, run = np.float32(p.length - cap), np.float32(apex - corner)
        slant = ((across - apex) * rise - (along - p.length) * run) / np.hypot(rise, run)
        sides.append(np.where(tip, slant, across - np.float32(corner)))
    rim = np.minimum(sides[0], -sides[3])
    cover = step(rim, -0.3 * pixel, 1.2 * pixel) * step(along, 0, 0.06 * p.length)
    facet = (sides[1] > 0).astype(np.int32) + (sides[2] > 0) + 3 * tip
    turn = np.arange(3) * TAU / 6 - TAU / 6 + key - p.angle
    lit = np.concatenate([0.5 + 0.5 * np.cos(turn), 0.55 + 0.5 * np.cos(turn + 0.9)]) ** 1.7 * 0.9
    lit = (lit + c.rng.uniform(0.02, 0.22, 6)).astype(np.float32)[facet]
    crease = np.minimum(np.minimum(np.abs(sides[1]), np.abs(sides[2])), np.minimum(np.abs(shoulder), rim))
    edge = np.exp(-((crease / (1.1 * pixel)) ** 2)) + 0.25 * np.exp(-np.maximum(crease, 0) / (0.10 * p.width))
    ghost = np.exp(-((np.abs(across + 0.3 * p.width + 0.15 * (along - p.length)) / (1.5 * pixel)) ** 2))
    streak = wave(across / p.width * c.between(1, 2.2) + facet * np.float32(0.37) + 0.8 * along / p.length)
    foot = np.exp(-along / (0.35 * p.length))
    depth = np.float32(0.5 + 0.5 * p.near)
    body = (0.08 + lit * (0.55 + 0.45 * streak)) * (1 + 0.22 * inside[0][spot]) + 0.5 * foot + 0.12 * ghost
    body = body + 0.05 * inside[1][spot] * (0.3 + lit) + 0.55 * edge
    for field, value in zip(fields, (shade - 0.32 + 0.55 * lit + 0.15 * streak + 0.2 * foot + 0.3 * edge, body)):
        value = over(field[spot], value, depth)
        field[spot] = over(field[spot], value, cover)


def lamp(c: Canvas, at: tuple, fields: tuple, place: tuple, *, radius: float, shade: float, power: float, sides: int):
    """A lamp out of focus: a crisp disc or polygon, brighter at its rim, with a halo."""
    spot = box(c, place[:1], place[1:], 2.4 * radius)
    if not at[0][spot].size:
        return
    r, angle = polar(at[0][spot] - np.float32(place[0]), at[1][spot] - np.float32(place[1]))
    halo = np.exp(-((r / radius) ** 2) / 1.5) * step(r, 2.4 * radius, radius)
    if sides:
        part = TAU / sides
        r = r * np.cos(np.abs((angle + shade) % part - part / 2)) / np.float32(np.cos(part / 2) ** 0.5)
    edge, place_in = 1.5 * c.zoom / SIZE, np.clip(r / radius, 0, 1)
    rings = 0.04 * np.cos(TAU * 5 * place_in**2)
    disc = step(r, radius + edge, radius - edge) * (0.50 + rings + 0.30 * place_in**3 + 0.25 * place_in**24)
    share = np.clip(power * (disc + 0.22 * halo), 0, 1)
    tone, light = fields
    tone[spot] = over(tone[spot], np.float32(shade), np.clip(1.4 * share, 0, 1))
    light[spot] = 1 - (1 - np.minimum(light[spot], 1)) * (1 - 0.95 * share) + 0.45 * share * light[spot]


def rain(c: Canvas) -> Scene:
    """Drops and runs on a window pane, each with the blurred lamps behind it upside down."""
    x, y = c.grid()
    tone, light = street(c, (x, y))
    lens = [x.copy(), y.copy(), np.zeros_like(x), np.zeros_like(x), np.zeros_like(x)]
    fog = np.ones_like(x)
    for drop in drops(c, (x, y), fog):
        lay_drop(c, (x, y), lens, *drop)
    seen_x, seen_y, cover, radius, up = lens
    pane = [gaussian_filter(field, 5, truncate=3) for field in (tone, light)]
    mist = c.clouds(slope=0.8, finest=230, coarsest=20)
    fog = fog * (0.10 + 0.012 * mist)
    pane[1] = pane[1] * (1 + 0.02 * mist) + fog
    place = [np.clip((field / c.zoom + 1) * SIZE / 2, 0, SIZE - 1) for field in (seen_y, seen_x)]
    drop_tone, drop_light = (map_coordinates(field, place, order=1) for field in (tone, light))
    bend = 1 - 0.85 * radius**5
    glint = np.exp(-((radius - 0.80) ** 2) / 0.006) * step(up, 0.35, 0.85)
    drop_light = (1.5 * drop_light + 0.08 - 0.22 * up) * bend + 0.95 * glint
    return finished(over(pane[0], drop_tone + 0.3 * glint, cover), over(pane[1], drop_light, cover))


def street(c: Canvas, at: tuple) -> tuple[np.ndarray, np.ndarray]:
    """Tone and light of an evening out of focus."""
    haze = unit(c.clouds(slope=2.6, finest=5))
    tone, light = 0.10 + 0.25 * haze, 0.05 + 0.16 * haze + 0.12 * step(at[1] / c.zoom, 0.6, -0.8)
    for _ in range(c.count(16, 26)):
        place = c.between(-1.1, 1.1) * c.zoom, c.rng.normal(0.1, 0.4) * c.zoom
        radius, power = c.between(0.07, 0.22) * c.zoom, c.between(0.4, 1)
        lamp(c, at, (tone, light), place, radius=radius, shade=c.between(0.35, 1), power=power, sides=0)
    return tone, light


def drops(c: Canvas, at: tuple, fog: np.ndarray) -> list[tuple]:
    """x, y, radius and height of drops, small ones first; runs wipe the fog where they came down."""
    found = []
    for low, high, number in ((0.008, 0.022, c.count(230, 330)), (0.022, 0.055, c.count(60, 110))):
        places = c.rng.uniform(-1.05, 1.05, (number, 2)) * c.zoom
        found += [(*place, low + (high - low) * c.rng.power(0.6), c.between(0.9, 1.25)) for place in places]
    for _ in range(c.count(5, 9)):
        head, foot, radius = c.between(-1, 1) * c.zoom, c.between(-0.4, 1.0) * c.zoom, c.between(0.05, 0.11)
        sway, phase = c.between(0.005, 0.03), c.between(0, TAU)
        top = foot - c.between(0.5, 2.0)
        path = head + sway * (np.sin(5 * at[1] + phase) - np.sin(5 * foot + phase))
        wiped = step(np.abs(at[0] - path), radius, 0.75 * radius) * step(at[1], top, top + 0.1) * (at[1] < foot)
        fog *= 1 - 0.9 * wiped
        found = [d for d in found if abs(d[0] - head) > radius + sway or not top < d[1] < foot]
        for y in np.arange(top, foot - 2 * radius, c.between(0.06, 0.12)) + c.rng.uniform(0, 0.05):
            x = head + sway * (np.sin(5 * y + phase) - np.sin(5 * foot + phase))
            found.append((x, y, radius * c.between(0.12, 0.4), c.between(1, 1.7)))
        found.append((head, foot, radius, c.between(1.2, 1.6)))
    return found


def lay_drop(c: Canvas, at: tuple, lens: list, cx: float, cy: float, radius: float, tall: float) -> None:
    """One drop on the pane: where each of its pixels looks, how far out it is, and its slope upwards."""
    spot = box(c, (cx,), (cy,), radius * tall * 1.25)
    u, v = (at[0][spot] - np.float32(cx)) / np.float32(radius), (at[1][spot] - np.float32(cy)) / np.float32(radius)
    v = v / np.float32(tall)
    u = u * (1 - np.float32(0.22 * (tall - 0.9)) * v) + c.between(-0.12, 0.12) * v * v
    v = v + c.between(-0.12, 0.12) * u * u
    r = np.sqrt(u * u + v * v)
    cover = step(r, 1 + 1.2 * c.zoom / SIZE / radius, 1 - 1.8 * c.zoom / SIZE / radius)
    inside = cover > 0
    wide = (0.35 + 0.65 * r * r) * np.float32(0.85 * c.zoom)
    values = 0.55 * np.float32(cx) - u * wide, 0.55 * np.float32(cy) - v * wide, cover, np.minimum(r, 1), -v
    for field, value in zip(lens, values):
        field[spot] = np.where(inside, value, field[spot])


@dataclass(frozen=True, eq=False)
class Board:
    """A circuit board seen from above or at a slant."""

    x: np.ndarray  # (H, W), place on the board
    y: np.ndarray
    pixel: np.ndarray  # (H, W), how much of the board a pixel spans
    slant: float
    turn: float
    zoom: float

    def around(self, points: np.ndarray, margin: float) -> tuple[slice, slice]:
        """The pixels that see some places (n, 2) of the board."""
        x, y = rotated(*points.T, -self.turn)
        y = y / (1 - self.slant * np.minimum(y, 0.9 / self.slant))
        near = (1 + self.slant * y).clip(0.1)
        rows, columns = np.array([y.min(), y.max()]), np.array([(x * near).min(), (x * near).max()])
        reach = margin * max(1.0, near.max()) ** 2
        ends = (np.stack([rows, columns]) + np.array([-reach, reach])) / self.zoom
        (top, bottom), (left, right) = np.clip((ends + 1) * SIZE / 2 + [-1, 2], 0, SIZE).astype(int)
        return slice(top, bottom), slice(left, right)


def board(c: Canvas) -> Board:
    """Flat in a third of the pictures, else tilted back."""
    x, y = c.grid()
    slant = 0.01 if c.chance(0.35) else c.between(0.25, 0.5) / c.zoom
    turn = c.rng.choice([0, TAU / 8, TAU / 16]) if slant < 0.1 else c.between(0, TAU)
    shrink = 1 / (1 + slant * y)
    return Board(*rotated(x * shrink, y * shrink, turn), 2 * c.zoom / SIZE * shrink**1.5, slant, turn, c.zoom)


def bundle(start: np.ndarray, heading: int, lengths: tuple, turns: tuple, number: int, pitch: float) -> list:
    """Parallel polylines (n, 2) that bend by eighths of a turn together."""
    headings = heading + np.concatenate([[0], np.cumsum(turns)])
    ways = np.stack([np.cos(headings * TAU / 8), np.sin(headings * TAU / 8)], -1)
    middle = start + np.concatenate([np.zeros((1, 2)), np.cumsum(ways * np.array(lengths)[:, None], 0)])
    normals = np.stack([-ways[:, 1], ways[:, 0]], -1)
    mitre = np.concatenate([normals[:1], normals[:-1] + normals[1:], normals[-1:]])
    mitre = mitre / (mitre**2).sum(-1, keepdims=True)
    mitre[[0, -1]] = normals[[0, -1]]
    return [middle + mitre * (index - (number - 1) / 2) * pitch for index in range(number)]


def kept(line: np.ndarray, taken: set, pitch: float) -> tuple[np.ndarray, set]:
    """A trace up to where it would meet another, and the cells of the board it goes through."""
    points, cells_used = [line[0]], set()
    for begin, end in pairwise(line):
        steps = max(1, int(np.hypot(*(end - begin)) / (0.5 * pitch)))
        way = begin + (end - begin) * (np.arange(1, steps + 1) / steps)[:, None]
        for index, cell in enumerate(map(tuple, np.floor(way / (0.9 * pitch)).astype(int).tolist())):
            if cell in taken:
                return np.array([*points, way[max(0, index - 2)]]), cells_used
            cells_used.add(cell)
        points.append(end)
    return np.array(points), cells_used


def routed(c: Canvas, chips: np.ndarray, pitch: float) -> list[np.ndarray]:
    """Traces out of the sides of chips (n, 4: x, y and half sizes), then through what room is left."""
    taken, lines = set(), []
    for x, y, wide, tall in chips:
        across, down = (np.arange(-r - pitch, r + pitch, 0.4 * pitch) for r in (wide, tall))
        spots = np.stack(np.meshgrid(x + across, y + down), -1).reshape(-1, 2)
        taken |= set(map(tuple, np.floor(spots / (0.9 * pitch)).astype(int).tolist()))
    plans = []
    for x, y, wide, tall in chips:
        for heading, (dx, dy) in enumerate([(1, 0), (0, 1), (-1, 0), (0, -1)]):
            side, reach = (tall, wide) if dx else (wide, tall)
            number = int(side / pitch)
            for half in (-0.5, 0.5):
                start = np.array([x, y]) + np.array([dx, dy]) * (reach + 1.5 * pitch) + half * side * np.array([dy, dx])
                plans.append((start, 2 * heading, number))
    for start in c.rng.uniform(-1.6, 1.6, (c.count(70, 95), 2)) * c.zoom:
        plans += [(start, int(c.rng.integers(8)), int(c.rng.integers(1, 7)))]
    for start, heading, number in plans:
        bend = int(c.rng.choice([-1, 1]))
        lengths, turns = c.rng.uniform(0.15, 0.7, 4), (bend, -bend, int(c.rng.choice([-1, 1])))
        used = set()
        for line in bundle(start, heading, lengths, turns, number, pitch):
            line, through = kept(line, taken, pitch)
            if len(through) > 5:
                lines.append(line)
                used |= through
        taken |= used
    return lines


def circuit(c: Canvas) -> Scene:
    """A board of copper traces with bends of 45 degrees, pads and chips; pulses of light run along the traces."""
    b = board(c)
    pitch = c.between(0.045, 0.065) / c.density**0.3
    size = c.between(0.2, 0.36)
    chips = np.array([[0, 0, size, size]])
    for place in scattered(c.rng, c.count(4, 7), reach=1.3 * max(1, c.zoom)):
        half = c.rng.uniform(0.08, 0.2, 2)
        if (np.abs(place - chips[:, :2]) > chips[:, 2:] + half + 0.2).any(1).all():
            chips = np.concatenate([chips, [[*place, *half]]])
    copper, pulse, hole = (np.zeros_like(b.x) for _ in range(3))
    for line in routed(c, chips, pitch):
        lay_trace(c, b, line, copper, pulse, width=0.17 * pitch)
        lay_pad(b, line[-1], copper, hole, radius=0.5 * pitch)
    weave = c.clouds(slope=1.0, finest=200, coarsest=10)
    r2 = b.x * b.x + b.y * b.y
    lit = 0.55 + 0.75 * np.exp(-r2 / 0.9)
    metal = lit * (0.62 + 0.5 * (relief(gaussian_filter(copper, 0.7), 0.8, strength=3) - 1))
    tone = over(0.16 + 0.02 * weave, np.float32(0.58), copper)
    light = over(0.30 * lit + 0.02 * weave, metal, copper) * (1 - 0.8 * hole)
    for chip in chips:
        lay_chip(c, b, chip, (tone, light), lit)
    glow = 3 * gaussian_filter(pulse, 3) + 5 * gaussian_filter(pulse, 12, truncate=3)
    tone = over(tone, np.float32(0.95), np.clip(pulse + 0.5 * glow, 0, 0.9))
    far = step(b.pixel / (2 * c.zoom / SIZE), 1.2, 3.2)
    return finished(tone, (light + 1.2 * pulse + 0.4 * glow) * (1 - 0.75 * far))


def lay_trace(c: Canvas, b: Board, line: np.ndarray, copper: np.ndarray, pulse: np.ndarray, *, width: float) -> None:
    """A trace of copper; on some a pulse of light runs with a tail behind it."""
    length = np.hypot(*np.diff(line, axis=0).T).sum()
    head, tail = (c.between(0.2, 1.1) * length, c.between(0.1, 0.4)) if c.chance(0.33) else (None, 0)
    gone = 0.0
    for begin, end in pairwise(line):
        spot = b.around(np.stack([begin, end]), 2 * width)
        whole = np.hypot(*(end - begin))
        if b.x[spot].size and whole > 1e-6:
            (cos, sin), (x0, y0) = ((end - begin) / whole).astype(np.float32), begin.astype(np.float32)
            dx, dy = b.x[spot] - x0, b.y[spot] - y0
            along = cos * dx + sin * dy
            off = np.hypot(cos * dy - sin * dx, along - np.clip(along, 0, np.float32(whole)))
            edge = 0.8 * b.pixel[spot]
            cover = 1 - np.clip((off - np.float32(width)) / edge + 0.5, 0, 1)
            copper[spot] = np.maximum(copper[spot], cover)
            if head is not None:
                behind = (head - gone - along) / tail
                run = np.exp(-np.maximum(behind, 0)) * (behind > -0.02)
                pulse[spot] = np.maximum(pulse[spot], run * cover)
        gone += whole


def lay_pad(b: Board, place: np.ndarray, copper: np.ndarray, hole: np.ndarray, *, radius: float) -> None:
    """A ring of copper round a drilled hole."""
    spot = b.around(place[None], 1.5 * radius)
    if not b.x[spot].size:
        return
    r, edge = np.hypot(b.x[spot] - np.float32(place[0]), b.y[spot] - np.float32(place[1])), b.pixel[spot]
    copper[spot] = np.maximum(copper[spot], np.clip((radius - r) / edge + 0.5, 0, 1))
    hole[spot] = np.maximum(hole[spot], np.clip((0.45 * radius - r) / edge + 0.5, 0, 1))


def lay_chip(c: Canvas, b: Board, chip: np.ndarray, fields: tuple, lit: np.ndarray) -> None:
    """A dark package with a bevel and a shadow; the largest has a glowing die."""
    x, y, wide, tall = chip.astype(np.float32)
    corners = np.array([[x + i * wide, y + j * tall] for i in (-1.2, 1.2) for j in (-1.2, 1.2)])
    spot = b.around(corners, 0.06)
    if not b.x[spot].size:
        return
    u, v, edge, shine = np.abs(b.x[spot] - x) - wide, np.abs(b.y[spot] - y) - tall, b.pixel[spot], lit[spot]
    off = np.hypot(np.maximum(u, 0), np.maximum(v, 0)) + np.minimum(np.maximum(u, v), 0)
    cover = np.clip(-off / edge + 0.5, 0, 1)
    bevel = np.exp(-(((off + 0.015) / 0.008) ** 2))
    inner = off + 0.42 * min(wide, tall)
    die = np.clip(-inner / edge + 0.5, 0, 1)
    etched = np.exp(-((inner / (1.2 * edge)) ** 2)) * (inner < 0.05)
    ripple = wave((b.x[spot] - x) / wide * 9) * wave((b.y[spot] - y) / tall * 9)
    power = np.float32(1 if wide == tall else 0.15)
    tone, light = fields
    glow = power * die * (0.35 + 0.65 * ripple) + power * 0.5 * np.exp(-np.abs(inner) / 0.03)
    body = shine * (0.13 + 0.35 * bevel + 0.3 * etched) + 0.9 * glow
    light[spot] = over(light[spot] * (1 - 0.7 * np.exp(-np.maximum(off, 0) / 0.025)), body, cover)
    tone[spot] = over(tone[spot], np.clip(0.22 + 0.4 * bevel + 0.3 * etched + 0.65 * glow, 0, 1), cover)


def waveform(c: Canvas) -> Scene:
    """A sound made visible: stacked lines like ridges, bars of a spectrum, or strands of a glowing curve."""
    return c.rng.choice([sound_ridges, sound_bars, sound_ring, sound_strands])(c)


def sound_ridges(c: Canvas) -> Scene:
    """Lines of a sound behind one another; nearer ones hide those behind."""
    rows, columns = np.arange(SIZE, dtype=np.float32), np.linspace(-c.zoom, c.zoom, SIZE, dtype=np.float32)
    number = min(90, c.count(34, 52))
    light, tone = np.full((SIZE, SIZE), 0.05, np.float32), np.full((SIZE, SIZE), 0.08, np.float32)
    deep, middle, spread = c.between(0, 0.9), c.between(-0.2, 0.2), c.between(0.35, 0.75)
    loud, sound = c.between(0.13, 0.24) * SIZE, np.abs(c.clouds(slope=1.45, finest=60))
    swell = unit(c.clouds(slope=2.2, finest=6), contrast=1.3)
    for index, share in enumerate(np.linspace(0, 1, number, dtype=np.float32)):
        base = SIZE * (0.24 + 0.68 * over(share, share**1.8, deep))
        scale = np.float32(over(1, 0.35 + 0.85 * share, deep))
        row = int(index * (SIZE - 1) / number)
        hill = np.exp(-(((columns - middle) / (spread * scale)) ** 2)) + 0.05
        rise = loud * scale * hill * (0.25 + 0.75 * swell[row]) * (0.15 + 0.6 * sound[row])
        line = base - gaussian_filter(rise, 1.2)
        top, bottom = max(0, int(line.min()) - 4), min(SIZE, int(base) + 4)
        below = rows[top:bottom, None] - line[None]
        steep = np.sqrt(1 + np.gradient(line) ** 2)[None]
        thick = 0.55 + 0.55 * scale
        stroke = np.clip(thick + 0.5 - np.abs(below) / steep, 0, 1)
        face = np.clip(below + 0.5, 0, 1)
        bright, high = 0.45 + 0.65 * share * deep + 0.4 * (1 - deep), np.clip((base - line) / loud, 0, 1)[None]
        veil = 0.5 * high * np.exp(-np.maximum(below, 0) / (0.12 * loud))
        spot = slice(top, bottom)
        light[spot] = over(over(light[spot], 0.03 + veil * bright, face), bright * (0.6 + 0.7 * high), stroke)
        tone[spot] = over(over(tone[spot], 0.15 + 0.6 * high, face), 0.35 + 0.65 * high, stroke)
    return finished(tone, light + 0.8 * gaussian_filter(light, 7, truncate=3))


def spectrum(c: Canvas, number: int) -> np.ndarray:
    """Heights of bars, 0.06 to 1, with a few peaks."""
    place = np.linspace(0, 1, number)
    heights = c.rng.uniform(0.1, 0.4, number)
    for _ in range(4):
        heights += c.between(0.2, 0.7) * np.exp(-(((place - c.between(0, 1)) / c.between(0.03, 0.12)) ** 2))
    heights = heights * c.rng.uniform(0.6, 1, number)
    return (0.06 + 0.94 * heights / heights.max()).astype(np.float32)


def bars(across: np.ndarray, up: np.ndarray, pixel: np.ndarray, *, number: int, blocks: int) -> tuple:
    """Cover of bars on 0 <= across < 1 (up 0..1, cut into blocks if any), and how far up its bar each place is."""
    inside = np.abs(across % (1 / number) * number - 0.5)
    edge = pixel * number
    cover = np.clip((0.36 - inside) / edge + 0.5, 0, 1)
    if blocks:
        level = np.abs(up * blocks % 1 - 0.5)
        cover = cover * np.clip((0.36 - level) / (2 / SIZE * blocks) + 0.5, 0, 1)
    return cover, inside


def sound_bars(c: Canvas) -> Scene:
    """A row of bars of light and its reflection in a wet floor."""
    x, y = c.grid()
    floor, number = c.between(0.25, 0.5), max(12, c.count(28, 56))
    blocks, tall = (int(c.rng.integers(16, 28)) if c.chance(0.5) else 0), c.between(0.8, 1.2)
    heights = spectrum(c, number)
    if c.chance(0.5):
        heights = np.concatenate([heights[::-1][: number // 2], heights[: number - number // 2]])
    across = x / (1.8 * max(1, c.zoom)) + 0.5
    column = np.clip(across * number, 0, number - 1).astype(np.int32)
    mirrored_y = np.where(y < floor, floor - y, (y - floor) * 1.4)
    up = mirrored_y / tall
    cover, inside = bars(across, up, np.float32(c.zoom / SIZE / 0.9), number=number, blocks=blocks)
    top = heights[column]
    if blocks:
        top = np.ceil(top * blocks) / blocks
    cover = cover * np.clip((top - up) * tall * SIZE / 2 + 0.5, 0, 1) * (np.abs(across - 0.5) < 0.5)
    ripple = c.clouds(slope=1.2, finest=120, coarsest=4, stretch=(1, 6))
    below = step(y, floor, floor + 0.012)
    fade = over(np.float32(1), 0.5 * np.exp(-(y - floor) / 0.35) * (1 + 0.35 * ripple), below)
    shine = cover * (0.65 + 0.5 * up / top) * (1.25 - inside)
    haze = gaussian_filter(cover, 14, truncate=3)
    light = 0.05 + (1.05 * shine + 0.45 * haze) * fade + 0.10 * np.exp(-(((y - floor) / 0.02) ** 2))
    return finished(0.10 + 0.15 * haze + cover * (0.10 + 0.75 * np.clip(up, 0, 1)), light)


def sound_ring(c: Canvas) -> Scene:
    """Bars of a spectrum that stand round a glowing circle, the same on the left and the right."""
    r, angle = polar(*c.grid())
    number, core = 2 * max(24, c.count(40, 70)), c.between(0.3, 0.45)
    heights = spectrum(c, number // 2)
    heights = np.concatenate([heights, heights[::-1]])
    across = (angle / TAU + 0.25) % 1
    column = np.clip(across * number, 0, number - 1).astype(np.int32)
    up = (r - core - 0.03) / c.between(0.4, 0.6)
    pixel = np.float32(2 * c.zoom / SIZE) / (TAU * r)
    cover, _ = bars(across, up, pixel, number=number, blocks=0)
    sharp = SIZE / 2 / c.zoom
    out = cover * np.clip((heights[column] - up) * sharp * 0.5 + 0.5, 0, 1) * np.clip((r - core - 0.03) * sharp, 0, 1)
    inner = cover * np.clip((0.45 * heights[column] - (core - 0.03 - r) / 0.5) * sharp * 0.5 + 0.5, 0, 1)
    inner = 0.45 * inner * np.clip((core - 0.03 - r) * sharp, 0, 1)
    ring = np.exp(-(((r - core) / 0.008) ** 2))
    haze = gaussian_filter(out + ring, 12, truncate=3)
    light = 0.05 + out * (0.6 + 0.5 * up) + inner + 1.3 * ring + 0.6 * haze + 0.25 * np.exp(-((r / core) ** 2) * 3)
    tone = 0.10 + 0.25 * haze + out * (0.2 + 0.65 * np.clip(up, 0, 1)) + 0.5 * inner + 0.7 * ring
    return finished(tone, light)


def sound_strands(c: Canvas) -> Scene:
    """Fine strands of one wave, pinched at both ends, with a glow."""
    x, y = c.grid()
    line, rows = x[0], y[:, :1]
    light, tone = np.full_like(x, 0.05), np.full_like(x, 0.10)
    number, lobes = c.count(9, 18), c.between(2.5, 7)
    pinch = np.clip(1 - (line / max(1, c.zoom)) ** 2, 0, 1) ** 1.5
    beat = 0.45 + 0.55 * np.cos(TAU * c.between(0.3, 0.9) * line + c.between(0, TAU))
    drift, shade = c.between(0.08, 0.25), c.between(0.35, 0.6)
    fine = c.between(0, 0.25)
    for share in np.linspace(-1, 1, number, dtype=np.float32):
        swing = np.sin(lobes * np.float32(np.pi) * line + drift * 6 * share) * (1 - 0.55 * abs(share))
        buzz = fine * np.sin(lobes * 7 * np.pi * line + 9 * share)
        path = 0.75 * pinch * beat * (swing + buzz) + 0.06 * share * pinch
        high, slope = np.abs(rows - path) * np.float32(SIZE / 2 / c.zoom), np.gradient(path, line[1] - line[0]) ** 2
        off, away = high / np.sqrt(1 + slope), high / np.sqrt(1 + np.minimum(slope, 1))
        main = abs(share) < 1 / number
        stroke = np.clip(1.6 - off, 0, 1) if main else 0.6 * np.clip(1.1 - off, 0, 1)
        glow = stroke + (0.5 if main else 0.12) * np.exp(-away / (14 if main else 6))
        light += glow * (0.95 if main else 0.55)
        tone = np.maximum(tone, (shade + 0.4 * (1 - abs(share))) * np.minimum(1.2 * glow, 1))
    floor = np.exp(-(rows**2) / 0.15) * 0.10
    return finished(tone, light + floor * pinch)


def lamplit(height: np.ndarray, x: np.ndarray, y: np.ndarray, *, strength: float) -> np.ndarray:
    """Light on a relief from a lamp in the middle, as symmetric as the relief: about 1 where it is flat."""
    dy, dx = np.gradient(height)
    slope = np.float32(-strength) * (dx * x + dy * y) / (np.sqrt(x * x + y * y) + np.float32(0.02))
    return 1 + np.float32(0.75) * slope / np.sqrt(1 + slope * slope)


def wedge(angle: np.ndarray, r: np.ndarray, fold: int, *, turn: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Place in one of `fold` equal wedges, measured from its middle line: outwards, and across (never below 0)."""
    part = TAU / fold
    folded = np.abs((angle + np.float32(turn)) % part - part / 2)
    return r * np.cos(folded), r * np.sin(folded)


def glass(c: Canvas) -> Scene:
    """Leaded glass with the light of day behind it: a rose window, or panes of all shapes."""
    return rose_window(c) if c.chance(0.5) else leaded(c)


def tracery(c: Canvas, r: np.ndarray, angle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How deep inside an opening of a stone window each place is, and which ring of openings it belongs to."""
    fold = int(c.rng.choice([8, 10, 12, 12, 16]))
    middle, petals, roundels, outer = 0.17, c.between(0.52, 0.60), c.between(0.74, 0.78), 1.04
    deep, ring = middle - r, np.zeros(r.shape, np.int32)

    def open_up(depth: np.ndarray, number: int) -> None:
        closer = depth > deep
        deep[closer], ring[closer] = depth[closer], number

    u, v = wedge(angle, r, fold)
    half = np.float32(np.tan(np.pi / fold))
    sides = (u - 0.01) * half - v - 0.014
    tip = petals - 0.7 * half * petals - u
    open_up(np.minimum(np.minimum(sides, u - middle - 0.06), np.where(tip > 0, 1, half * petals - np.hypot(tip, v))), 1)
    u, v = wedge(angle, r, fold, turn=np.pi / fold)
    size = np.float32(min(half * roundels * 0.82, 0.15))
    open_up(size - np.hypot(u - roundels, v), 2)
    u, v = wedge(angle, r, 2 * fold)
    open_up(np.minimum(np.minimum(np.tan(np.pi / fold / 2) * u - v - 0.012, u - roundels - size - 0.03), outer - r), 3)
    u, v = wedge(angle, r, 4, turn=np.pi / 4)
    open_up(0.16 - np.hypot(u - 1.27, v), 4)
    return deep, ring


def rose_window(c: Canvas) -> Scene:
    """Rings of openings in dark stone, each filled with small pieces of glass."""
    x, y = c.grid()
    r, angle = polar(x, y)
    deep, ring = tracery(c, r, angle)
    pixel = np.float32(2 * c.zoom / SIZE)
    courses = c.between(9, 15)
    spokes = 4 * int(c.rng.integers(8, 17))
    across, out = angle / TAU * spokes, r * courses
    course, spoke = np.abs(out % 1 - 0.5) / courses, np.abs(across % 1 - 0.5) * (TAU * r / spokes)
    lead = np.where(ring == 0, course, np.minimum(course, spoke))
    piece = (np.floor(out + 0.5) * 3 + ring * 5 + np.round(np.abs(wave(across / 4)) * 2)).astype(np.int32) % 32
    shades = np.add.outer(c.rng.uniform(0.35, 0.95, 5), c.rng.uniform(-0.2, 0.2, 32)).astype(np.float32)
    hammered = c.clouds(slope=1.3, finest=150, coarsest=8)
    day = 0.75 + 0.45 * unit(c.clouds(slope=2.6, finest=4), contrast=1.4)
    brightness = c.rng.uniform(0.8, 1.25, 32).astype(np.float32)[piece]
    tone = shades[ring, piece] + 0.03 * hammered
    shine = day * brightness * (0.65 + 0.5 * np.clip(deep / 0.06, 0, 1)) * (1 + 0.09 * hammered)
    bars = step(lead, 0.8 * pixel, 2.4 * pixel)
    frame = np.exp(-np.abs(deep - 0.006) / 0.003)
    window = step(deep, -0.5 * pixel, 1.2 * pixel)
    bulge = np.sqrt(np.clip(-deep, 0, 0.03))
    stone = (0.10 + 0.012 * hammered) * lamplit(bulge, x, y, strength=25) + 0.16 * np.exp(np.minimum(deep, 0) / 0.015)
    light = over(stone, over(np.float32(0.06), shine * 1.15 + 0.2 * frame, bars), window)
    tone = over(np.float32(0.25), tone, window)
    return finished(tone, light * step(r, 2.1, 0.9) + 0.10 * np.exp(-((r / 0.5) ** 2)))


def leaded(c: Canvas) -> Scene:
    """Panes of all shapes, streaked and hammered, in rounded lead."""
    x, y = c.grid(turn=True)
    sites = scattered(c.rng, c.count(22, 44), reach=1.2 * max(1, c.zoom))
    bend = c.clouds(slope=3, finest=4)
    pane = cells(x + 0.06 * bend, y + 0.06 * np.roll(bend, SIZE // 3, 0), sites)
    shades = c.rng.uniform(0.12, 1, len(sites)).astype(np.float32)[pane.owner]
    way = c.rng.uniform(0, TAU, len(sites)).astype(np.float32)[pane.owner]
    cos, sin = np.cos(way), np.sin(way)
    streak = sample(c.clouds(slope=1.5, finest=170, coarsest=2, stretch=(6, 1)), cos * x - sin * y, sin * x + cos * y)
    hammered = c.clouds(slope=1.2, finest=200, coarsest=14)
    day = 0.6 + 0.6 * unit(c.clouds(slope=2.6, finest=4), contrast=1.5)
    pixel = 2 * c.zoom / SIZE
    wide = 0.022
    lead = step(pane.border, wide, wide + 2 * pixel)
    tone = shades + 0.07 * streak + 0.02 * hammered - 0.12 * np.exp(-pane.border / 0.08)
    shine = day * (0.6 + 0.55 * step(pane.border, 0, 0.25)) * (1 + 0.10 * streak + 0.06 * hammered)
    came = np.sqrt(np.clip(1 - (pane.border / wide) ** 2, 0, 1))
    metal = 0.03 + 0.22 * np.clip(relief(gaussian_filter(came, 0.7), 0.9, strength=3) - 1, 0, 1)
    return finished(tone, over(metal, shine * 1.2, lead))


def tiles(c: Canvas) -> Scene:
    """Painted and glazed tiles with grout, in a square or hexagonal order round the middle."""
    x, y = rotated(*c.grid(), c.rng.choice([0, TAU / 8]))
    scale = c.between(1.2, 2.4) * c.density**0.5
    pixel = np.float32(4 * c.zoom / SIZE * scale)
    a, b, edge, ring, odd, fold = (hexagons if c.chance(0.3) else squares)(c, scale * x, scale * y)
    tone, height = np.zeros_like(x), np.zeros_like(x)
    motifs = [motif(c, a, b, edge, fold, pixel) for _ in range(2 if c.chance(0.6) else 1)]
    for index, (painted, carved) in enumerate(motifs):
        here = (odd == index) | (len(motifs) == 1)
        tone, height = np.where(here, painted, tone), np.where(here, carved, height)
    glaze, crackle = c.clouds(slope=1.8, finest=30), c.clouds(slope=1.0, finest=230, coarsest=12)
    drift = c.rng.uniform(-0.12, 0.12, 32).astype(np.float32)[ring % 32]
    body = step(edge, 1 + pixel, 1 - pixel)
    dome = 1 - np.clip(edge, 0, 1.1) ** 14
    lit = lamplit(gaussian_filter(2 * np.clip(dome, 0, 1) + height, 0.8), x, y, strength=2.2)
    r = np.hypot(x, y) / c.zoom
    lamp_light = 0.5 + 0.65 * np.exp(-((r / 0.75) ** 2))
    gloss = 0.30 * np.exp(-((np.sqrt(a * a + b * b) - 0.62) ** 2) / 0.02) * np.clip(lit - 1, 0, 1)
    tone = tone + drift + 0.02 * glaze
    light = (0.42 + 0.6 * np.clip(tone, 0, 1)) * lit * (1 + 0.03 * glaze + 0.02 * crackle) + gloss
    grout = 0.10 + 0.025 * crackle
    return finished(over(np.float32(0.15), tone, body), over(grout, light, body) * lamp_light)


def squares(c: Canvas, u: np.ndarray, v: np.ndarray) -> tuple:
    """Place in a square tile, -1..1; 1 at its edge; how far out the tile is; which of two sorts; its symmetry."""
    if c.chance(0.5):
        u, v = u + 0.5, v + 0.5
    column, row = np.floor(u + 0.5), np.floor(v + 0.5)
    a, b = 2 * (u - column), 2 * (v - row)
    centre = np.float32(u[SIZE // 2, SIZE // 2]) > 0.25
    ring = np.maximum(np.abs(2 * column - centre), np.abs(2 * row - centre)).astype(np.int32)
    edge = ((np.abs(a) ** 10 + np.abs(b) ** 10) ** np.float32(0.1)) / np.float32(0.975)
    return a, b, edge, ring, ((column + row) % 2).astype(np.int32), 4


def hexagons(c: Canvas, u: np.ndarray, v: np.ndarray) -> tuple:
    """The same for hexagons: the nearer of two shifted grids of centres."""
    tall = np.float32(3**0.5)
    options = []
    for shift in (0.0, 0.5):
        p, q = np.round(u - shift) + shift, np.round(v / tall - shift) + shift
        options.append((u - p, v - q * tall, p, q))
    first = options[0][0] ** 2 + options[0][1] ** 2 < options[1][0] ** 2 + options[1][1] ** 2
    a, b, p, q = (np.where(first, one, two) for one, two in zip(*options))
    edge = 2 * np.maximum(np.abs(a), np.abs(a) / 2 + np.abs(b) * tall / 2) / np.float32(0.975)
    out = np.maximum(np.abs(p) + np.abs(q), 2 * np.abs(q))
    ring = np.round(out).astype(np.int32)
    return 2 * a, 2 * b, edge, ring, ring % 2, 6


def motif(c: Canvas, a: np.ndarray, b: np.ndarray, edge: np.ndarray, fold: int, pixel: np.float32) -> tuple:
    """What is painted on a tile, outlined and raised: a frame, corners that meet their neighbours', stars, petals."""
    r, angle = polar(a, b)
    shades = c.rng.permutation(np.linspace(0.18, 0.95, 6) + c.rng.uniform(-0.06, 0.06, 6)).astype(np.float32)
    tone, height = np.full_like(r, shades[0]), np.zeros_like(r)

    def lay(depth: np.ndarray, shade: np.float32) -> None:
        nonlocal tone, height
        line = np.exp(-((depth / (1.3 * pixel)) ** 2))
        tone = over(over(tone, shade, step(depth, -pixel, pixel)), shades[5], 0.85 * line)
        height = height + 0.5 * step(depth, -2 * pixel, 2 * pixel) + 0.3 * line

    if c.chance(0.6):
        lay(np.abs(edge - 0.86) * -1 + 0.05, shades[1])
    corner = np.hypot(np.abs(a) - 1, np.abs(b) - 1) if fold == 4 else 1.16 - r
    for radius in np.sort(c.rng.uniform(0.2, 0.75, int(c.rng.integers(1, 4))))[::-1]:
        lay(np.float32(radius) - corner, shades[int(c.rng.integers(1, 5))])
    points = fold * int(c.rng.choice([1, 2, 2, 3]))
    for size in np.linspace(c.between(0.6, 0.85), 0.15, int(c.rng.integers(3, 6))).astype(np.float32):
        lobe = np.abs(np.cos(points / 2 * angle + TAU / 4 * c.rng.integers(2)))
        style = int(c.rng.integers(4))
        if style == 0:
            outline = 0.55 + 0.45 * np.sqrt(lobe)
        elif style == 1:
            outline = 0.5 + 0.5 * (1 - np.arccos(lobe) * np.float32(2 / np.pi))
        else:
            outline = np.float32(1) if style == 2 else 1 - 0.3 * lobe**4
        lay(size * outline - r, shades[int(c.rng.integers(1, 5))])
    return tone, height


def kaleidoscope(c: Canvas) -> Scene:
    """Gems, shards and beads between mirrors: one rosette, or stars repeated without end."""
    x, y = c.grid()
    r, angle = polar(x, y)
    fold = int(c.rng.choice([6, 8, 10, 12]))
    if c.chance(0.35):
        fold, far = 6, c.between(0.42, 0.7)
        u, v = wedge(angle, r, 6)
        for _ in range(4):
            u = far - np.abs(u - far)
            inner, turn = polar(u, v)
            u, v = wedge(turn + TAU / 12, inner, 6)
        u, v = u * c.between(2.2, 3) - 0.8, v * c.between(3, 4.5) - 0.4
    else:
        u, v = wedge(angle, r, fold, turn=c.between(0, TAU))
        u, v = u * c.between(1.7, 2.3) - 1.1, v * c.between(2.2, 2.8) - 0.5
    pixel = np.float32(5.0 * c.zoom / SIZE)
    sites = scattered(c.rng, c.count(26, 44), reach=1.5)
    gem = cells(u, v, sites)
    facet = cells(u + 0.3 * c.between(-1, 1), v, scattered(c.rng, c.count(50, 70), reach=1.7))
    shade = c.rng.uniform(0.03, 1, len(sites)).astype(np.float32)[gem.owner]
    lit = c.rng.uniform(0.25, 1.15, len(sites)).astype(np.float32)[gem.owner]
    flash = c.rng.uniform(-1, 1, 999).astype(np.float32)[facet.owner]
    tilt = np.cos(shade * 40) * u + np.sin(shade * 40) * v
    stripe = np.where(shade > 0.72, step(np.cos(TAU * 6 * tilt), -0.25, 0.25), 0)
    grain = sample(c.clouds(slope=1.3, finest=180, coarsest=3), u, v)
    bead = step(gem.near, 0.115 + pixel, 0.115 - pixel) * (shade < 0.4)
    pearl = np.sqrt(np.clip(1 - (gem.near / 0.115) ** 2, 0, 1))
    edge = np.exp(-((gem.border / pixel) ** 2)) + 0.25 * np.exp(-gem.border / 0.06)
    cut = np.exp(-((facet.border / (0.7 * pixel)) ** 2))
    light = lit * (0.55 + 0.5 * wave(tilt * 0.8 + shade * 7)) * (1 + 0.30 * flash + 0.10 * grain) + 0.30 * stripe * lit
    light = light * (0.5 + 0.5 * step(gem.border, 0, 0.2)) + 0.22 * cut * lit + 0.55 * edge
    light = over(light, 0.25 + 0.85 * pearl**2, bead)
    tone = shade + 0.12 * flash + 0.04 * grain + 0.18 * stripe + 0.12 * edge
    tone = over(tone, 0.55 + 0.4 * pearl, bead)
    far_out = r / c.zoom
    return finished(tone, light * (0.25 + 0.85 * step(far_out, 1.45, 0.35)) + 0.6 * np.exp(-far_out / 0.10))


def lattice(c: Canvas) -> Scene:
    """Rods and knots of a space frame that recedes into shining fog, looked along one of its axes."""
    x, y = c.grid()
    root = np.sqrt(0.5)
    looks = {
        "square": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        "turned": [[root, -root, 0], [root, root, 0], [0, 0, 1]],
        "edge": [[root, 0, -root], [0, 1, 0], [root, 0, root]],
        "corner": [[root, -root, 0], [6**-0.5, 6**-0.5, -2 * 6**-0.5], [3**-0.5] * 3],
    }
    look = c.rng.choice(["square", "square", "turned", "edge", "corner"])
    spin = np.array(looks[look])
    gap, thick = c.between(0.75, 1.0) / c.density**0.4, c.between(0.035, 0.07)
    line = np.arange(-7, 7) + 0.5
    nodes = np.stack(np.meshgrid(line, line, line, indexing="ij"), -1).reshape(-1, 3)
    glow = np.exp(-(x * x + y * y) / (np.float32(0.30) * c.zoom**2))
    tone, light = 0.12 + 0.55 * glow, 0.10 + 0.65 * glow
    lamps = c.chance(0.5)
    thick, fog = thick * (0.65 if lamps else 1), c.between(2.6, 3.6) * gap / 0.85
    back = c.between(0, 0.45) if look in ("square", "turned") else 0.0
    things = []
    for way in np.eye(3):
        ends = np.stack([nodes, nodes + way], 1) @ spin.T * gap + [0, 0, back * gap]
        things += [(pair[:, 2].mean(), pair) for pair in ends[reachable(ends.mean(1), 2.5 * fog, 1.1 * gap)]]
    places = nodes @ spin.T * gap + [0, 0, back * gap]
    things += [
        (place[2] - (0.55 * gap if lamps else 0.01), place) for place in places[reachable(places, 2.5 * fog, 0.3)]
    ]
    shade = c.between(0.3, 0.6)
    for _, thing in sorted(things, key=lambda pair: -pair[0]):
        if thing.ndim == 2:
            lay_rod(c, (x, y), thing, (tone, light), thick * gap, fog, shade)
        else:
            lay_knot(c, (x, y), thing, (tone, light), (3.2 if lamps else 2.2) * thick * gap, fog, lamps)
    half = SIZE // 2
    tone, light = (np.concatenate([field[:, :half], field[:, half - 1 :: -1]], 1) for field in (tone, light))
    return finished(tone, light + 0.25 * gaussian_filter(np.maximum(light - 0.5, 0), 8, truncate=3))


def reachable(places: np.ndarray, far: float, margin: float) -> np.ndarray:
    """Which places (n, 3) before the eye are in the left half of the picture or near it."""
    x, y, z = places.T
    reach = np.maximum(z, 0) / FOCUS * 1.9 + margin
    return (z > 0.12) & (z < far) & (np.abs(y) < reach) & (x > -reach) & (x < margin)


def lay_rod(c: Canvas, at: tuple, ends: np.ndarray, fields: tuple, radius: float, fog: float, shade: float) -> None:
    """A round rod between two places (2, 3) before the eye, lit from the middle of the picture."""
    ends = ends[ends[:, 2].argsort()]
    if ends[1, 2] < 0.3:
        return
    if ends[0, 2] < 0.25:
        ends = np.stack([ends[0] + (ends[1] - ends[0]) * (0.25 - ends[0, 2]) / (ends[1, 2] - ends[0, 2]), ends[1]])
    near = 1 / ends[:, 2]
    (x0, y0), (x1, y1) = FOCUS * ends[:, :2] * near[:, None]
    length = np.hypot(x1 - x0, y1 - y0)
    wide = radius * FOCUS * near[0]
    rows, columns = box(c, (x0, x1), (y0, y1), wide)
    spot = rows, slice(columns.start, min(columns.stop, SIZE // 2))
    if length < 1e-4 or not at[0][spot].size:
        return
    cos, sin = np.float32((x1 - x0) / length), np.float32((y1 - y0) / length)
    dx, dy = at[0][spot] - np.float32(x0), at[1][spot] - np.float32(y0)
    part = np.clip((cos * dx + sin * dy) / np.float32(length), 0, 1)
    nearness = np.float32(near[0]) + np.float32(near[1] - near[0]) * part
    half = np.float32(radius * FOCUS) * nearness
    off = np.hypot(dx - part * np.float32(x1 - x0), dy - part * np.float32(y1 - y0))
    across = (cos * dy - sin * dx) / half
    cover = np.clip((half - off) * np.float32(SIZE / 2 / c.zoom) + 0.5, 0, 1)
    round_ = np.sqrt(np.clip(1 - across * across, 0, 1))
    towards = np.float32(np.sign(sin * x0 - cos * y0)) * across
    lit = 0.10 + 0.30 * round_ + 0.55 * np.clip(towards, 0, 1) ** 1.5 + 0.5 * np.exp(-((towards - 0.45) ** 2) / 0.02)
    clear = np.exp(-1 / (nearness * np.float32(fog)))
    for field, value in zip(fields, (shade + 0.5 * (lit - 0.4), 0.95 * lit)):
        field[spot] = over(field[spot], over(field[spot], value, clear), cover)


def lay_knot(c: Canvas, at: tuple, place: np.ndarray, fields: tuple, radius: float, fog: float, lamp_on: bool) -> None:
    """A ball where rods meet, or a lamp with a halo."""
    x0, y0 = FOCUS * place[:2] / place[2]
    wide = radius * FOCUS / place[2]
    rows, columns = box(c, (x0,), (y0,), wide * (3 if lamp_on else 1.1))
    spot = rows, slice(columns.start, min(columns.stop, SIZE // 2))
    if not at[0][spot].size:
        return
    dx, dy = (at[0][spot] - np.float32(x0)) / wide, (at[1][spot] - np.float32(y0)) / wide
    r = np.hypot(dx, dy)
    cover = np.clip((1 - r) * wide * SIZE / 2 / c.zoom + 0.5, 0, 1)
    out = np.hypot(x0, y0) + 1e-3
    ball = np.sqrt(np.clip(1 - r * r, 0, 1))
    aside = min(1, 4 * out)
    towards = -(dx * x0 + dy * y0) / out * aside
    glint = np.hypot(dx + 0.4 * x0 / out * aside, dy + 0.4 * y0 / out * aside)
    lit = 0.12 + 0.4 * ball + 0.45 * np.clip(towards, 0, 1) + 0.9 * np.exp(-(glint**2) / 0.05)
    clear = np.float32(np.exp(-place[2] / fog))
    tone, light = fields
    if lamp_on:
        lit = 0.9 + 0.7 * ball
        halo = 0.7 * clear * np.exp(-((r / 1.3) ** 2)) * step(r, 3, 1)
        light[spot] += halo
        tone[spot] = over(tone[spot], np.float32(0.9), np.clip(halo, 0, 1))
    tone[spot] = over(tone[spot], over(tone[spot], 0.35 + 0.5 * lit, clear), cover)
    light[spot] = over(light[spot], over(light[spot], lit, clear), cover)


def lights(c: Canvas) -> Scene:
    """Lamps out of focus at several distances; in half of the pictures over a wet street that mirrors them."""
    x, y = c.grid()
    haze = unit(c.clouds(slope=2.6, finest=5))
    tone, light = 0.10 + 0.25 * haze, 0.05 + 0.20 * haze * step(y, -1.2, 1)
    wet, sides = c.chance(0.5), int(c.rng.choice([0, 6, 8]))
    street_y, base = c.between(0.2, 0.4) * c.zoom, c.between(0.08, 0.15)
    for size in np.sort(c.rng.uniform(0.15, 1.9, c.count(34, 60))):
        place = c.between(-1.1, 1.1) * c.zoom, c.rng.normal(0, 0.55) * c.zoom
        if wet:
            place = place[0], street_y - abs(c.rng.normal(0, 0.45)) * c.zoom - base * size
        power = c.between(0.5, 1.2) * min(1, 0.5 / size + 0.4)
        lamp(c, (x, y), (tone, light), place, radius=base * size, shade=c.between(0.3, 1), power=power, sides=sides)
    if wet:
        tone, light = mirrored_below(c, tone, light, street_y)
    grain = c.rng.standard_normal((SIZE, SIZE), dtype=np.float32)
    return finished(tone, light * (1 + 0.02 * grain) + 0.5 * c.stars(count=40) * (y < street_y))


def mirrored_below(c: Canvas, tone: np.ndarray, light: np.ndarray, edge: float) -> tuple[np.ndarray, np.ndarray]:
    """The picture below a line becomes a rippled reflection of what is above it."""
    rows, columns = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    line = (edge / c.zoom + 1) * SIZE / 2
    depth = np.clip((rows - line) / (SIZE - line), 0, 1)
    ripple = c.clouds(slope=1.4, finest=90, coarsest=3, stretch=(1, 5))
    up = line - (rows - line) * 1.3 + (2 + 12 * depth) * ripple
    place = [np.clip(up, 0, line - 1), columns + 3 * ripple]
    below = step(rows, line - 1, line + 1)
    blurred = [gaussian_filter(field, (7, 1.5)) for field in (tone, light)]
    smeared = [map_coordinates(field, place, order=1, mode="nearest") for field in blurred]
    shine = smeared[1] * (0.85 + 0.18 * ripple) + 0.02
    return over(tone, smeared[0], below), over(light, shine, below)


def mandala(c: Canvas) -> Scene:
    """Rings of petals, beads and lace round the middle, embossed, one fold of symmetry."""
    x, y = c.grid()
    r, angle = polar(x, y)
    fold = int(c.rng.choice([6, 8, 8, 10, 12]))
    tone, light = np.full_like(r, c.between(0.05, 0.2)), 0.10 + 0.22 * step(r, 1.5, 0.2)
    rays = np.cos(fold * angle) * 0.05
    light = light + rays * step(r, 0.2, 0.6)
    height = np.zeros_like(r)
    layers = max(4, min(12, c.count(6, 9)))
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
        inside = step(depth, -0.003, 0.003)
        rim, inner = np.exp(-np.abs(depth - 0.010) / 0.006), np.exp(-np.abs(depth - 0.07 * radius - 0.02) / 0.005)
        bead_phase = petals * angle / TAU
        bead_at = radius * 0.80
        bead = np.hypot((bead_phase - np.round(bead_phase)) * TAU / petals * bead_at, r - bead_at) / (
            0.05 * radius + 0.008
        )
        beads = step(bead, 1.0, 0.85) * (c.chance(0.6))
        lace = 0.5 + 0.5 * np.sin(TAU * depth / (0.032 * radius + 0.010)) * np.cos(phase * 4)
        shade = c.between(0.15, 0.9)
        fill = 0.35 + 0.45 * np.exp(-np.maximum(depth, 0) / (0.16 * radius + 0.02)) + 0.12 * lace + 0.18 * lobe
        tone = over(tone, np.clip(shade + 0.25 * (lobe - 0.5) + 0.15 * lace, 0, 1), inside)
        light = over(light * (1 - 0.45 * step(depth, -0.07, 0.0) * (1 - inside)), fill * c.between(0.75, 1.1), inside)
        tone = over(tone, np.float32(0.95), 0.7 * np.maximum(rim, beads))
        light = light + 0.4 * rim + 0.25 * inner * inside + 0.5 * beads * (1 - bead * 0.5).clip(0)
        height = over(height, height + 0.2 * (1 - np.exp(-np.maximum(depth, 0) / 0.02)), inside)
    lit = lamplit(gaussian_filter(height, 0.7), x, y, strength=4)
    return finished(tone, light * (0.3 + 0.7 * lit))
