"""Kinds of picture that are places: mountains, waves, dunes, horizon, city, flight, forest, cathedral, tunnel."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.ndimage import gaussian_filter, gaussian_filter1d, map_coordinates

from .canvas import (
    SIZE,
    TAU,
    Canvas,
    Scene,
    View,
    look_over,
    over,
    polar,
    ridge_line,
    sample,
    splat,
    step,
    unit,
    wave,
)

PIXEL = np.float32(2 / SIZE)


def frame() -> tuple[np.ndarray, np.ndarray]:
    """x and y of the picture, whatever the zoom."""
    line = np.linspace(-1, 1, SIZE, dtype=np.float32)
    return np.broadcast_to(line[None], (SIZE, SIZE)), np.broadcast_to(line[:, None], (SIZE, SIZE))


def box(place: np.ndarray, width: float, blur: np.ndarray) -> np.ndarray:
    """1 in the middle `width` of each unit of place, with edges softened by `blur` units."""
    inset = np.abs(place - np.floor(place) - np.float32(0.5))
    return step(inset, width / 2 + blur, width / 2 - blur)


def slopes(height: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How fast a map rises along x and along z, in height for each unit of the map."""
    along_z, along_x = np.gradient(height, PIXEL)
    return along_x, along_z


def sky_of(c: Canvas, *, horizon: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Tone and light of a sky with a sun or a moon and thin clouds, and where the sun stands (x)."""
    x, y = frame()
    sun_x, sun_y, size = c.between(-0.6, 0.6), horizon - c.between(0.05, 0.6), c.between(0.06, 0.19)
    r = np.sqrt((x - sun_x) ** 2 + (y - sun_y) ** 2)
    sun, halo = step(r, size + 0.004, size - 0.004), np.exp(-np.maximum(r - size, 0) / c.between(0.2, 0.5))
    low = np.exp(-np.maximum(horizon - y, 0) / 0.5)
    streak = unit(c.clouds(slope=1.7, finest=110, stretch=(3.0, 0.6)), contrast=1.3)
    tone = 0.24 + 0.30 * low + 0.35 * halo + 0.2 * (streak - 0.5)
    light = 0.34 + 0.35 * low + 0.35 * halo + 0.4 * streak * (0.3 + halo)
    veil = sun * (1 - 0.35 * step(streak, 0.45, 0.95))
    return over(tone, np.float32(1), veil), over(light, np.float32(1.6), veil), float(sun_x)


def in_water(c: Canvas, scene: Scene, shore: float, *, rough: float = 0.05) -> Scene:
    """What is above `shore` mirrored in the water below it, drawn out by ripples."""
    first = int((shore + 1) / PIXEL)
    x, y = (field[first:] for field in frame())
    down = y - np.float32(shore)
    noise = c.clouds(slope=1.1, finest=160, coarsest=3, stretch=(2.5, 0.8))
    ripple = sample(noise, 0.5 * x / (down + 0.35), 0.35 / (down + 0.12)) * np.minimum(1, 6 * down)
    row = first - (down + np.float32(rough) * ripple * (0.25 + down)) / PIXEL
    column = (x + 1) / PIXEL + 2 * ripple
    tone, light = (
        map_coordinates(field, [np.clip(row, 0, first), column], order=1, mode="nearest")
        for field in (scene.tone, scene.light)
    )
    edge = np.exp(-down / 0.012)
    light = (0.74 - 0.25 * down) * light * (1 + 0.16 * ripple) + 0.12 * edge
    return Scene(
        np.concatenate([scene.tone[:first], 0.92 * tone]).astype(np.float32),
        np.concatenate([scene.light[:first], light]).astype(np.float32),
    )


def mountains(c: Canvas) -> Scene:
    """Ridged mountains behind each other in haze, under a sun, at times above a lake."""
    lake = c.chance(0.35)
    horizon = c.between(0.0, 0.2) if lake else c.between(-0.25, 0.1)
    rough = c.clouds(slope=2.0, finest=80, coarsest=1.5)
    base = c.clouds(slope=2.6, finest=6)
    height = (0.75 * (1 - np.abs(rough) * 0.7) + 0.45 * base) * np.float32(0.75 * c.density**0.3)
    view = look_over(height, eye=c.between(0.5, 0.75), horizon=horizon, near=0.3, far=7 * c.zoom, ramp=3.2)
    sky_tone, sky_light, sun_x = sky_of(c, horizon=horizon - 0.1)
    tone, light = rock(c, view, height, side=np.sign(sun_x))
    scene = Scene(np.clip(view.lay(tone, sky_tone), 0, 1), view.lay(light, sky_light))
    return in_water(c, scene, horizon + c.between(0.12, 0.25), rough=0.03) if lake else scene


def rock(c: Canvas, view: View, height: np.ndarray, *, side: float) -> tuple[np.ndarray, np.ndarray]:
    """Tone and light of slopes of rock and snow, lit from one side, that fade into haze."""
    rise_x, rise_z = slopes(height)
    grown = np.minimum(1, view.z / 3.2) ** 1.5
    grain = sample(c.clouds(slope=0.9, finest=180, coarsest=8), 2.5 * view.x, 2.5 * view.z) * np.exp(-view.z / 1.5)
    facing = sample(-0.65 * side * rise_x - 0.15 * rise_z, view.x, view.z) * grown + 0.13 * grain
    steep = sample(np.hypot(rise_x, rise_z), view.x, view.z) * grown
    lit = np.clip((facing + 0.5) / np.sqrt(1 + steep * steep), 0, 1.2)
    high = sample(height, view.x, view.z)
    snow = step(high + 0.08 * grain, 0.35, 0.5) * step(steep + grain, 4.0, 1.5)
    haze = 1 - np.exp(-np.maximum(view.z - 0.5, 0) / (1.9 * c.zoom))
    haze = np.maximum(haze, 0.85 * step(high, 0.55, -0.1) * step(view.z, 0.9, 2.6))
    tone = over(0.06 + 0.46 * lit + 0.3 * snow, np.float32(0.60), haze)
    return tone, over(0.06 + 0.80 * lit + 0.38 * snow * (0.3 + lit), np.float32(0.85), haze)


def waves(c: Canvas) -> Scene:
    """Open water under a low sun: swell, foam on the crests, a path of glitter."""
    horizon = c.between(-0.6, -0.15)
    swell = c.clouds(slope=1.6, finest=40, coarsest=5, stretch=(1.7, 0.8))
    chop = c.clouds(slope=1.1, finest=150, coarsest=14, stretch=(1.4, 0.8))
    rough = c.between(0.025, 0.05) * np.float32(c.density)
    height = rough * (1 - np.sqrt(swell * swell + 0.01) * 1.1) + np.float32(0.004) * chop
    view = look_over(height, eye=c.between(0.3, 0.5), horizon=horizon, near=0.12, far=14 * c.zoom)
    sky_tone, sky_light, sun_x = sky_of(c, horizon=horizon)
    rise = sample(slopes(height)[1], view.x, view.z)
    small = sample(chop, 3 * view.x, 3 * view.z)
    crest = sample(height, view.x, view.z) / rough
    slope = rise + 0.11 * small * np.exp(-view.z / 2)
    mirror = (1 - np.clip(0.25 + 0.9 * slope / np.sqrt(1 + slope**2), 0, 1)) ** 2  # faces away from us show the sky
    aside = view.x / (np.float32(0.8) * view.z) - sun_x
    glitter = np.exp(-((aside / (0.12 + 0.1 / (view.z + 0.3))) ** 2)) * step(rise + 0.35 * small, -0.1, -0.75)
    foam = step(crest + 0.16 * small, 0.8, 1.2)
    through = step(crest, 0.2, 0.9) * (1 - foam)  # light that shines through thin crests
    haze = 1 - np.exp(-view.z / (7 * c.zoom))
    tone = 0.12 + 0.40 * mirror + 0.16 * through + 0.36 * foam + 0.45 * glitter
    light = 0.14 + 0.58 * mirror + 0.24 * through + 0.60 * foam + 1.1 * glitter
    tone, light = over(tone, 0.52 + 0.25 * glitter, haze), over(light, 0.70 + 0.6 * glitter, haze)
    return Scene(np.clip(view.lay(tone, sky_tone), 0, 1), view.lay(light, sky_light))


def dunes(c: Canvas) -> Scene:
    """Sand in long ridges with sharp crests and rippled flanks."""
    horizon = c.between(-0.55, -0.1)
    bend = c.clouds(slope=2.5, finest=5)
    line = np.linspace(0, 1, SIZE, endpoint=False, dtype=np.float32)
    phase = (round(2 * c.density) + 1) * line[:, None] + c.rng.integers(-2, 3) * line[None] + 0.22 * bend
    saw = phase % 1
    crest = gaussian_filter(np.where(saw < 0.72, saw / 0.72, (1 - saw) / 0.28) ** 1.2, 1.2, mode="wrap")
    height = np.float32(0.20) * crest + np.float32(0.04) * bend
    view = look_over(height, eye=c.between(0.5, 0.75), horizon=horizon, near=0.08, far=8 * c.zoom, steps=420)
    sky_tone, sky_light, sun_x = sky_of(c, horizon=horizon - 0.05)
    side = np.float32(1 if sun_x > 0 else -1)
    rise_x, rise_z = slopes(height)
    shade = np.clip(0.5 - 1.1 * side * rise_x + 0.75 * rise_z, 0.03, 1.2) / np.sqrt(1 + 0.3 * (rise_x**2 + rise_z**2))
    lit = sample(shade, view.x, view.z)
    winding = sample(bend, view.x, view.z)
    ripple = np.sin(TAU * (14 * view.x + 22 * view.z + 2.2 * winding)) * np.exp(-view.z / 0.7)
    grain = sample(c.clouds(slope=0.2, finest=230, coarsest=30), 3 * view.x, 3 * view.z) * np.exp(-view.z / 0.8)
    edge = step(sample(crest, view.x, view.z), 0.86, 0.99) * lit
    haze = 1 - np.exp(-view.z / (4 * c.zoom))
    fine = (0.09 * ripple + 0.035 * grain) * (0.25 + lit)
    tone = over(0.10 + 0.62 * lit + fine + 0.15 * edge, np.float32(0.62), haze)
    light = over(0.07 + 0.88 * lit + 1.2 * fine + 0.3 * edge, np.float32(0.85), haze)
    return Scene(np.clip(view.lay(tone, sky_tone), 0, 1), view.lay(light, sky_light))


def horizon(c: Canvas) -> Scene:
    """A glowing grid that runs to a striped sun."""
    x, y = frame()
    level = c.between(-0.1, 0.25)
    sun_x, size = c.between(-0.25, 0.25), c.between(0.3, 0.55)
    tone, light = striped_sun(c, sun_x, level - c.between(0.15, 0.45), size)
    if c.chance(0.6):  # hills before the sun
        for height, dim in ((0.26, 0.5), (0.15, 1.0)):
            line = level - height * np.abs(ridge_line(c.rng, slope=0.9, periods=40))[None] * step(
                np.abs(x - sun_x), 0.1, 0.7
            )
            hill, rim = step(y - line, -PIXEL, PIXEL), dim * np.exp(-np.abs(y - line) / 0.007)
            tone, light = over(tone, 0.1 + 0.6 * rim, hill), over(light, 0.25 - 0.18 * dim + 1.0 * rim, hill)
    below = step(y - level, -PIXEL, PIXEL)
    floor_tone, floor_light = glowing_grid(c, level, sun_x, size)
    return Scene(np.clip(over(tone, floor_tone, below), 0, 1), over(light, floor_light, below))


def striped_sun(c: Canvas, sun_x: float, sun_y: float, size: float) -> tuple[np.ndarray, np.ndarray]:
    """Tone and light of a night sky with a sun cut by ever broader stripes."""
    x, y = frame()
    r = np.sqrt((x - sun_x) ** 2 + (y - sun_y) ** 2)
    place = (y - sun_y) / size
    down, many = np.clip(place + 0.6, 0, 1.4), c.between(4, 7)
    soft = PIXEL / size * many
    gap = 0.05 + 0.18 * down
    stripes = step(np.abs((place * many) % 1 - 0.5), gap - soft, gap + soft)
    disc = step(r, size + PIXEL, size - PIXEL) * np.where(place > -0.1, stripes, 1)
    halo = np.exp(-np.maximum(r - size, 0) / 0.3)
    mist = unit(c.clouds(slope=1.9, finest=120))
    tone = over(0.16 + 0.3 * halo + 0.14 * mist, np.clip(0.75 - 0.28 * place, 0, 1), disc)
    light = over(0.10 + 0.42 * halo + 0.16 * mist, 1.08 - 0.18 * place, disc)
    return tone, light + c.stars(count=160, brightest=1.2) * (1 - disc) * (1 - halo)


def glowing_grid(c: Canvas, level: float, sun_x: float, size: float) -> tuple[np.ndarray, np.ndarray]:
    """Tone and light of a floor of lines of light that runs to `level` and mirrors the sun."""
    x, y = frame()
    depth = 1 / np.maximum(y - level, np.float32(0.004))
    gap = 3 * c.between(0.22, 0.4) / np.float32(c.density) * np.float32(c.zoom**-0.5)
    across, along = x * depth / gap, depth / gap + c.between(0, 1)
    pixel_x, pixel_z = PIXEL * depth / gap, PIXEL * depth * depth / gap
    lines = [
        (np.exp(-np.abs((place + 0.5) % 1 - 0.5) / (0.012 + pixel)), step(pixel, 0.3, 0.1), np.minimum(2 * pixel, 1))
        for place, pixel in ((across, pixel_x), (along, pixel_z))
    ]
    core = np.maximum(*(line * sharp + 0.35 * (1 - sharp) * mean for line, sharp, mean in lines))
    glow = np.maximum(*(np.exp(-np.abs((place + 0.5) % 1 - 0.5) / 0.09) for place in (across, along)))
    near = np.exp(-depth / 30)
    shine = np.exp(-(((x - sun_x) / size) ** 2) * 1.6) * np.exp(-(y - level) / 0.5)
    tone = 0.10 + (0.62 * core + 0.18 * glow) * near + 0.38 * (1 - near) + 0.28 * shine
    return tone, 0.05 + (1.25 * core + 0.22 * glow) * near + 0.6 * (1 - near) + 0.38 * shine


def city(c: Canvas) -> Scene:
    """A skyline at night: towers with lit windows, row behind row in haze, at times mirrored in water."""
    x, y = frame()
    water = c.chance(0.55)
    shore = c.between(0.35, 0.62) if water else np.float32(1.05)
    glow = np.exp(-np.maximum(shore - y, 0) / c.between(0.6, 1.0))
    clouds = unit(c.clouds(slope=1.8, finest=110, stretch=(1.8, 0.8)))
    tone, light = 0.14 + 0.44 * glow + 0.16 * clouds, 0.12 + 0.85 * glow + 0.30 * clouds * (0.25 + glow)
    if c.chance(0.5):
        moon_x, moon_y, size = c.between(-0.7, 0.7), c.between(-0.75, -0.3), c.between(0.07, 0.2)
        r = np.hypot(x - moon_x, y - moon_y)
        moon, halo = step(r, size + PIXEL, size - PIXEL), np.exp(-np.maximum(r - size, 0) / 0.18)
        tone, light = over(tone + 0.2 * halo, np.float32(0.95), moon), over(light + 0.3 * halo, np.float32(1.4), moon)
    else:
        light = light + c.stars(count=200, brightest=1.1) * step(glow, 0.35, 0.05)
    rows = 5
    for row in range(rows):
        tone, light = towers(c, tone, light, near=row / (rows - 1), foot=float(shore))
    scene = Scene(np.clip(tone, 0, 1).astype(np.float32), light.astype(np.float32))
    return in_water(c, street_lamps(c, scene, shore), shore, rough=0.06) if water else scene


def street_lamps(c: Canvas, scene: Scene, shore: float) -> Scene:
    """A string of lamps along the water."""
    at = np.arange(-1, 1, c.between(0.05, 0.09)) + c.between(0, 0.05)
    lamps = splat(at, np.full(at.shape, shore - 0.014), c.rng.uniform(0.4, 1, at.size))
    shine = np.minimum(gaussian_filter(lamps, 0.9, truncate=3) * 7 + gaussian_filter(lamps, 5, truncate=3) * 40, 1.5)
    return Scene(over(scene.tone, np.float32(0.92), np.minimum(shine, 1)), scene.light + shine)


def towers(c: Canvas, tone: np.ndarray, light: np.ndarray, *, near: float, foot: float):
    """One row of towers laid over a picture's tone and light; `near` goes from 0 (far, in haze) to 1."""
    _, y = frame()
    widths = c.rng.uniform(0.6, 1.5, 300).astype(np.float32) * np.float32((0.10 + 0.13 * near) / c.zoom)
    edges = np.cumsum(widths) - c.between(1.2, 1.6)
    fine = np.linspace(-1, 1, 4 * SIZE, dtype=np.float32)
    owner = np.searchsorted(edges, fine)
    half, right = widths[owner] / 2, edges[owner]
    inset = (fine - right + half) / half  # -1..1 over a tower
    tall = c.rng.uniform(0, 1, 300).astype(np.float32) ** 1.7 * np.float32(1.0 - 0.30 * near) / np.float32(c.zoom**0.4)
    top = foot - 0.26 + 0.16 * near - tall[owner] + roof(c, owner, inset, half, tall)
    cover = sum(step(y - line[None], -PIXEL, PIXEL) for line in top.reshape(SIZE, 4).T) / 4
    owner, inset, half = owner[::4], inset[1::4], half[::4]

    pitch = np.float32((0.011 + 0.014 * near) / c.zoom**0.5)
    column = (inset + 1) * np.maximum(np.round(half / pitch), 1) * 2 / 2
    row = (y[:, :1] - np.float32(foot)) / (pitch * np.float32(1.25))
    panes = box(column, 0.6, 0.7 * PIXEL / pitch / 2)[None] * box(row, 0.62, 0.7 * PIXEL / pitch / 1.25)
    lamp = window_lamps(c, np.floor(row[:, 0]).astype(np.int32), np.floor(column).astype(np.int32), owner)
    lit = panes * lamp * (np.abs(inset) < 0.9)[None]
    hue = c.rng.uniform(0.55, 1, 300).astype(np.float32)[owner][None]

    side = np.sign(c.rng.uniform(-1, 1))
    face = step(side * inset, 0.2, 0.2 + 0.02)[None]  # the other wall lies in shade
    street = np.exp(-np.maximum(foot - y, 0) / (0.10 + 0.25 * (1 - near)))
    fog = np.float32(0.72) * (1 - near) ** 1.3
    wall = over(0.06 + 0.15 * face + 0.16 * street, 0.38 + 0.26 * street, fog)
    wall_light = over(0.03 + 0.16 * face + 0.25 * street, 0.42 + 0.60 * street, fog)
    shown = lit * (1 - 0.75 * fog)
    tone, light = over(tone, over(wall, hue, shown), cover), over(light, wall_light + (0.5 + 0.8 * near) * shown, cover)
    return tone, light


def roof(c: Canvas, owner: np.ndarray, inset: np.ndarray, half: np.ndarray, tall: np.ndarray) -> np.ndarray:
    """How far a row's roofs lie below its towers' heights, in steps, slants, points and masts; gaps lie deepest."""
    kind = c.rng.integers(0, 5, tall.size)[owner]
    aside = np.abs(inset)
    steps = 0.5 * half * ((aside > 0.45) + 1.2 * (aside > 0.7))
    shapes = np.select([kind == k for k in (1, 2, 3, 4)], [steps, steps * 2, 0.5 * half * inset, half * aside])
    mast = np.where((kind == 2) & (aside < 0.0035 / half), 0.9 * half + 0.06, 0)
    return np.where(aside > 0.93, tall[owner] + 0.02, shapes - mast).astype(np.float32)


def window_lamps(c: Canvas, row: np.ndarray, column: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """How brightly the window of each pixel is lit: some at random, and whole floors of some towers."""
    share = c.rng.uniform(0.08, 0.6, 300).astype(np.float32)[owner][None]
    chance = c.rng.uniform(size=(256, 256)).astype(np.float32)
    cell = chance[row[:, None] % 256, (column + 17 * owner)[None] % 256]
    floor = chance[row[:, None] % 256, (31 * owner)[None] % 256] < 0.13
    return np.where(cell < share, 0.35 + 0.65 * cell / share, np.where(floor, np.float32(0.8), np.float32(0)))


def flight(c: Canvas) -> Scene:
    """A flight through a street of neon signs at night: towers on both sides, wet ground, fog, trails of light."""
    x, y = frame()
    x, y = x - c.between(-0.2, 0.2), y - c.between(-0.2, 0.25)
    eye, clear = c.between(0.25, 1.3), 7 * np.float32(c.zoom)
    glow = np.exp(-np.hypot(x, 0.8 * y) / c.between(0.25, 0.45))
    haze = unit(c.clouds(slope=1.8, finest=100))
    tone, light = 0.14 + 0.5 * glow + 0.1 * haze, 0.08 + 1.0 * glow + 0.14 * haze
    street = Street(x, y, eye, clear, tone, light, np.where(y > 0, np.float32(1), np.float32(0)))
    for side in (-1, 1):
        ends = np.cumsum(c.rng.uniform(0.8, 2.2, 16)) + c.between(0.3, 1.0)
        for start, end in reversed(list(pairwise(ends))):
            street.tower(c, side, start, end)
    for away in sorted(np.exp(c.rng.uniform(0.1, 2.6, c.count(12, 20))), reverse=True):
        street.sign(c, float(away))
    return street.scene(c)


@dataclass(frozen=True, eq=False)
class Street:
    """A street seen along its length; x and y are 0 where it vanishes, towers stand from 1 outwards at both sides."""

    x: np.ndarray
    y: np.ndarray
    eye: float  # height above the ground
    clear: float  # how far one sees in the fog
    tone: np.ndarray
    light: np.ndarray
    wet: np.ndarray  # 1 where the ground is seen, with what it mirrors

    def tower(self, c: Canvas, side: int, start: float, end: float) -> None:
        """A tower with lit windows and neon edges, and its mirror image below the ground."""
        wall, tall = c.between(1.0, 1.35), c.between(1.2, 5.5) * np.float32(c.density**0.3)
        aside, reach = side * self.x[0], (tall + self.eye) / start
        columns = np.flatnonzero((aside > wall / end) & (aside < (wall + 2.5) / start))
        rows = np.flatnonzero(np.abs(self.y[:, 0]) < reach)
        if not columns.size or not rows.size:
            return
        part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        aside, z = aside[None, part[1]], np.maximum(wall / aside[None, part[1]], np.float32(start))
        signed = self.eye - self.y[part[0], :1] * z
        high, along = np.abs(signed), z - np.maximum(aside * start - wall, 0)  # the front's width continues the side's
        pixel = PIXEL * z
        cover = step(tall - high, -0.75 * pixel, 0.75 * pixel)
        front = aside * start > wall
        stretch = PIXEL * np.where(front, np.float32(start), z * z / wall)

        pitch_x, pitch_y = c.between(0.10, 0.2), c.between(0.13, 0.22)
        column, row = along / pitch_x, high / pitch_y
        panes = box(column, 0.62, 0.7 * stretch / pitch_x) * box(row, 0.55, 0.7 * pixel / pitch_y)
        chance = c.rng.uniform(size=(64, 64)).astype(np.float32)
        share, hue = c.between(0.12, 0.5), c.between(0.55, 0.95)
        lamp = chance[np.floor(row).astype(np.int32) % 64, np.floor(column).astype(np.int32) % 64]
        shown = panes * np.where(lamp < share, 0.3 + 0.7 * lamp / share, np.float32(0.03))
        edge = np.exp(-np.abs(aside * start - wall) / (0.008 + pixel)) if c.chance(0.4) else np.zeros_like(z)
        rim = np.exp(-np.abs(tall - high) / (0.012 + pixel)) if c.chance(0.5) else np.zeros_like(high)
        tube = np.maximum(edge, rim)

        street = np.exp(-high / 0.9) * np.where(front, 0.5, np.float32(1)) + 0.6 * np.exp(-high / (0.02 + pixel))
        wall_tone, wall_light = 0.10 + 0.28 * street, 0.04 + 0.42 * street + np.where(front, 0.0, np.float32(0.05))
        fog = (1 - np.exp(-((z / self.clear) ** 1.5))) * np.exp(-high / 9)
        tone = over(over(wall_tone, hue, shown), 1.5 - hue, tube)
        light = wall_light + 1.15 * shown + 1.3 * tube
        self.paint(part, over(tone, 0.44 + 0.25 * street, fog), over(light, 0.34 + 0.4 * street, fog), cover)
        self.wet[part] = over(self.wet[part], (signed < 0).astype(np.float32), cover)

    def sign(self, c: Canvas, away: float) -> None:
        """A sign of strange letters that juts out over the street, and its mirror image."""
        side, wide = np.float32(1 if c.chance(0.5) else -1), c.between(0.16, 0.3)
        letters, low = int(c.rng.integers(2, 6)), c.between(0.5, 2.2)
        tall, inner = wide * letters + 0.06, c.between(0.68, 0.85)
        columns = np.flatnonzero(np.abs(side * self.x[0] * away - inner - wide / 2) < wide / 2 + 0.05)
        rows = np.flatnonzero(np.abs(np.abs(self.eye - self.y[:, 0] * away) - low - tall / 2) < tall / 2 + 0.05)
        if columns.size < 3 or not rows.size:
            return
        part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        u = (self.x[part] * away - side * (inner + wide / 2)) / wide
        high = np.abs(self.eye - self.y[part] * away)
        v = (low + tall / 2 - high) / wide
        pixel = PIXEL * away / wide
        outside = np.maximum(np.abs(u) - 0.5, np.abs(v) - tall / wide / 2)
        cover, frame_line = step(outside, pixel, -pixel), np.exp(-np.abs(outside + 0.05) / (0.025 + pixel))
        glyphs = np.pad((c.rng.uniform(size=(letters, 5, 4)) < 0.55).astype(np.float32), ((0, 0), (1, 1), (1, 1)))
        bitmap = glyphs.reshape(letters * 7, 6)
        place = [(v / tall * wide + 0.5) * bitmap.shape[0] - 0.5, (u + 0.5) * 6 - 0.5]
        ink = step(map_coordinates(bitmap, place, order=1, mode="constant"), 0.35, 0.65)
        hue, fog = c.between(0.45, 1), 1 - np.exp(-((away / self.clear) ** 1.5))
        shine = np.maximum(ink, frame_line)
        tone, light = over(np.float32(0.12) + 0.3 * hue, hue, shine), 0.22 + 1.25 * shine
        self.paint(part, over(tone, 0.8 * hue, 0.7 * fog), over(light, np.float32(0.7), 0.7 * fog), cover)

    def paint(self, part: tuple[slice, slice], tone: np.ndarray, light: np.ndarray, cover: np.ndarray) -> None:
        """Lay a thing over what is behind it."""
        self.tone[part] = over(self.tone[part], tone, cover)
        self.light[part] = over(self.light[part], light, cover)

    def scene(self, c: Canvas) -> Scene:
        """The street with its wet ground, trails of light and glow."""
        away = self.eye / np.maximum(self.y, np.float32(0.02))
        puddle = sample(c.clouds(slope=1.4, finest=120), 0.35 * self.x * away, 0.35 * away)
        smooth = step(puddle, -0.6, 0.9) * 0.7 + 0.15
        tone, light = (
            over(gaussian_filter1d(field, 11, axis=0, truncate=2.5), field, smooth) for field in (self.tone, self.light)
        )
        trails = self.trails(c, away)
        light = light * (0.40 + 0.25 * smooth)
        tone, light = over(self.tone, tone, self.wet), over(self.light, light, self.wet)
        tone = over(tone, np.float32(0.9), np.minimum(trails, 1) * 0.8)
        bloom = gaussian_filter(light[::4, ::4] ** 2, 5, truncate=2.5).repeat(4, 0).repeat(4, 1)
        return Scene(np.clip(tone, 0, 1).astype(np.float32), (light + 1.2 * trails + 0.1 * bloom).astype(np.float32))

    def trails(self, c: Canvas, away: np.ndarray) -> np.ndarray:
        """Lamps of cars drawn out along the lanes, and a few that fly."""
        across, total = self.x * away, np.zeros_like(self.x)
        for lane in c.rng.uniform(-0.62, 0.62, c.count(4, 8)).astype(np.float32):
            start, length = c.between(0.3, 6), c.between(1.5, 6)
            on = step(away, start, start + 0.2 * length) * step(away, start + 1.5 * length, start + 0.5 * length)
            pixel = PIXEL * away
            total += np.exp(-np.abs(across - lane) / (0.010 + 0.6 * pixel)) * on * np.minimum(1, 0.03 / pixel)
        total *= self.y > 0
        for _ in range(c.count(3, 7)):
            over_street, high = c.between(-0.7, 0.7), self.eye - c.between(0.4, 2.2)
            z = np.geomspace(1, c.between(1.2, 2), 500) * c.between(1, 5)
            shift_x, shift_y = self.x[0, 0] + 1, self.y[0, 0] + 1
            line = splat(over_street / z - shift_x, high / z - shift_y, np.linspace(1, 0, 500))
            total += np.minimum(gaussian_filter(line, 1.0, truncate=3) * 1.2, 1.3)
        return total


def forest(c: Canvas) -> Scene:
    """Firs or bare trees, one row behind another in mist, with rays of light between them, at times by a lake."""
    x, y = frame()
    sun_x, sun_y = c.between(-0.5, 0.5), c.between(-0.7, 0.0)
    r, angle = polar(x - sun_x, y - sun_y)
    glow = np.exp(-r / c.between(0.4, 0.8))
    disc = step(r, 0.075, 0.07) if c.chance(0.5) else np.zeros_like(r)
    around = np.linspace(-np.pi, np.pi, 1024)
    beams = sum(np.cos(k * around + c.between(0, TAU)) * c.between(0.2, 1) for k in range(3, 60, 4)) / 4
    rays = np.interp(angle, around, np.clip(beams, 0, 1)).astype(np.float32) * np.exp(-r / 0.7)
    mist = unit(c.clouds(slope=1.8, finest=90, stretch=(2.5, 1)))
    tone, light = 0.40 + 0.48 * glow + 0.1 * mist, 0.42 + 0.6 * glow + 0.15 * mist
    tone, light = over(tone, np.float32(1), disc), over(light, np.float32(1.6), disc)
    needles = c.clouds(slope=0.7, finest=240, coarsest=14)
    firs, lake, rows = c.chance(0.55), c.chance(0.25), 6
    for row in range(rows):
        near = (row + 0.5) / rows
        foot = np.float32(0.30 + (0.25 if lake else 0.75) * near)
        ground = foot + 0.05 * ridge_line(c.rng, slope=1.2)[None] + 0.012 * near * needles
        cover = step(y - ground, -PIXEL, PIXEL)
        for _ in range(c.count(13 - 2 * row, 17 - 2 * row)):
            (fir if firs else bare_tree)(c, cover, needles, near, float(foot))
        shift = round(1 + 4 * near)
        rim = cover * (1 - np.roll(cover, shift if sun_x < 0 else -shift, 1)) * (0.3 + glow)
        bank = np.exp(-(((y - foot) / 0.16) ** 2))
        fog = np.clip(0.90 * (1 - near) ** 1.2 + 0.45 * bank * mist * (1 - 0.6 * near), 0, 1)
        body = 0.06 + 0.05 * (1 + needles) * near
        tone = over(tone, over(body + 0.4 * rim, 0.40 + 0.45 * glow, fog), cover)
        light = over(light, over(1.1 * body + 0.7 * rim, 0.42 + 0.6 * glow, fog), cover)
        light = light + 0.20 * rays * (1 - near)
    scene = Scene(np.clip(tone, 0, 1).astype(np.float32), light.astype(np.float32))
    return in_water(c, scene, c.between(0.5, 0.62), rough=0.04) if lake else scene


def fir(c: Canvas, cover: np.ndarray, needles: np.ndarray, near: float, foot: float) -> None:
    """A fir drawn into a row's cover: tiers of hanging branches with ragged edges."""
    x, y = frame()
    tall, at = c.between(0.55, 1.25) * (0.45 + 0.9 * near) / c.zoom**0.5, c.between(-1.15, 1.15)
    wide, tiers = tall * c.between(0.16, 0.24), int(c.rng.integers(9, 17))
    first, last = (int(np.clip((at + reach + 1) / PIXEL, 0, SIZE)) for reach in (-1.3 * wide, 1.3 * wide))
    above = int(np.clip((foot - tall + 1) / PIXEL - 8, 0, SIZE))
    part = np.s_[above:, first:last]
    aside, down = np.abs(x[part] - at), (y[part] - foot + tall) / tall
    place = (down - 0.05 * aside / wide) * tiers
    spread = 0.5 + 0.5 * (place - np.floor(place))
    width = wide * np.clip(down, 0, 1.1) ** 0.85 * spread * (1 + 0.30 * needles[part]) + 0.6 * PIXEL * (down > 0)
    cover[part] = np.maximum(cover[part], step(width - aside, -PIXEL, PIXEL))


def bare_tree(c: Canvas, cover: np.ndarray, needles: np.ndarray, near: float, foot: float) -> None:
    """A trunk with a few branches that fork, drawn into a row's cover."""
    at, lean = c.between(-1.1, 1.1), c.between(-0.08, 0.08)
    thick = (0.008 + 0.05 * near**1.6) * c.between(0.6, 1.3) / c.zoom**0.5
    top = -1.1
    limb(cover, needles, (at, foot + 0.05), (at + lean, top), thick, 0.55 * thick)
    for _ in range(int(c.rng.integers(3, 7))):
        high = c.between(0.15, 0.85)
        start = at + lean * high, foot + (top - foot) * high
        side, reach = (1 if c.chance(0.5) else -1), c.between(0.12, 0.3) * (0.5 + near)
        end = start[0] + side * reach, start[1] - reach * c.between(0.5, 1.3)
        limb(cover, needles, start, end, 0.36 * thick, PIXEL / 2)
        middle = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
        tip = middle[0] + side * 0.2 * reach, middle[1] - 0.7 * reach
        limb(cover, needles, middle, tip, 0.18 * thick, PIXEL / 3)


def limb(cover: np.ndarray, needles: np.ndarray, start, end, thick: float, thin: float) -> None:
    """A tapering limb from one point to another with knotty edges."""
    (x0, y0), (x1, y1) = start, end
    bounds = [
        int(np.clip((place + 1) / PIXEL, 0, SIZE))
        for low, high in ((y0, y1), (x0, x1))
        for place in (min(low, high) - 1.3 * thick, max(low, high) + 1.3 * thick + PIXEL)
    ]
    part = np.s_[bounds[0] : bounds[1], bounds[2] : bounds[3]]
    x, y = (field[part] for field in frame())
    dx, dy = np.float32(x1 - x0), np.float32(y1 - y0)
    along = np.clip(((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy), 0, 1)
    away = np.hypot(x - x0 - along * dx, y - y0 - along * dy)
    width = np.float32(thick) + along * np.float32(thin - thick)
    cover[part] = np.maximum(cover[part], step(width * (1 + 0.12 * needles[part]) - away, -PIXEL, PIXEL))


def cathedral(c: Canvas) -> Scene:
    """A nave of pointed arches that leads to a glowing window, mirrored in a polished floor."""
    x, y = c.grid(shift=0.06)
    x, y = x * c.between(0.9, 1.3), y - np.float32(0.05)
    r, angle = polar(x, y + 0.12)
    tone, light = stained_glass(c, r, angle)
    stone = c.clouds(slope=1.1, finest=200)
    bays = max(4, c.count(5, 8))
    pointed, far_end = c.between(0.2, 0.8), c.between(0.24, 0.42)
    for bay in range(bays):
        scale = far_end * np.float32((1 + 0.42 * bay) ** 1.35)
        near = bay / (bays - 1)
        u, v = np.abs(x) / scale, y / scale
        arch = np.where(v < -0.2, np.hypot(u + pointed, (v + 0.2) * 0.9) - pointed, u)  # two arcs that meet in a point
        soft = PIXEL / scale
        hole = step(arch, 0.75 + soft, 0.75 - soft)
        fold = np.clip((arch - 0.75) / 0.25, 0, 1) * 3
        shaft = np.sqrt(np.abs(np.sin(np.pi * fold)))  # round mouldings with dark grooves between
        rim = np.exp(-np.clip(arch - 0.75, 0, None) / 0.025)
        joint = 1 - 0.3 * box(np.where(v < -0.2, np.arctan2(v + 0.2, u + 0.1) * 4, v * 3), 0.05, 0.02 + soft)
        lit = (0.78 - 0.64 * near) * (0.2 + 0.5 * shaft + 0.8 * rim) * joint * (1 + 0.14 * stone)
        tone = over(0.12 + 0.46 * lit, tone, hole)
        light = over(np.clip(lit, 0.02, 1.3), light * 0.96 + 0.02, hole)
    beams = np.clip(sum(np.cos(k * angle + c.between(0, TAU)) for k in range(5, 40, 6)) / 3, 0, 1)
    light = light + (0.30 + 0.35 * beams) * np.exp(-r / 0.45)
    return polished(c, Scene(tone, light), x, y, far_end)


def stained_glass(c: Canvas, r: np.ndarray, angle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tone and light of a rose of coloured panes between leads."""
    petals, rings = int(c.rng.choice([6, 8, 12])), c.between(9, 16)
    spoke, ring = angle / TAU * petals + 0.5, r * rings
    spoke = spoke + 0.5 * (np.floor(ring) % 2)
    hue = c.rng.uniform(0.35, 1, 64).astype(np.float32)[np.floor(ring).astype(np.int32) % 64]
    petal = np.abs(spoke - np.floor(spoke) - 0.5)
    hue = np.clip(hue + 0.25 * step(petal, 0.27, 0.25) - 0.1, 0, 1)
    lead = box(spoke, 0.92, PIXEL * petals / r / TAU) * box(ring, 0.88, PIXEL * rings)
    lead = lead * step(np.abs(petal - 0.26), 0.01, 0.02 + PIXEL * petals / r / TAU)
    glass = 1 + 0.10 * c.clouds(slope=0.8, finest=200)
    return np.clip(hue, 0, 1), (0.10 + 1.15 * lead * glass * np.exp(-r * r * 0.6)).astype(np.float32)


def polished(c: Canvas, scene: Scene, x: np.ndarray, y: np.ndarray, level: float) -> Scene:
    """A nave with its tiled floor, which mirrors what stands beyond."""
    soft = PIXEL * np.float32(c.zoom)
    floor = step(y - level, -soft, soft) * step(np.abs(x) - 0.76 * y, soft, -soft)
    away = 1 / np.maximum(y, np.float32(level))
    tile_x, tile_z, pixel = 2.6 * x * away, 1.9 * away, soft * 3 * away
    seams = box(tile_x, 0.94, pixel) * box(tile_z, 0.94, pixel * away)
    check = np.where((np.floor(tile_x) + np.floor(tile_z)) % 2 > 0, np.float32(1), np.float32(0.72))
    row = (2 * level - y - y[0, 0]) / (y[1, 0] - y[0, 0])
    column = np.broadcast_to(np.arange(SIZE, dtype=np.float32)[None], row.shape)
    tone, light = (
        map_coordinates(gaussian_filter1d(field, 6, axis=0), [np.clip(row, 0, SIZE - 1), column], order=1)
        for field in (scene.tone, scene.light)
    )
    light = (0.08 + 0.72 * light) * check * (0.5 + 0.5 * seams)
    return Scene(
        np.clip(over(scene.tone, 0.1 + 0.85 * tone, floor), 0, 1).astype(np.float32),
        over(scene.light, light, floor).astype(np.float32),
    )


def tunnel(c: Canvas) -> Scene:
    """A tube seen from inside, the same all round: plates, rings of light or ribbons, run into fog or light."""
    x, y = c.grid(shift=0.05)
    r, angle = polar(x, y)
    sectors = int(c.rng.choice([6, 8, 12, 16]))
    corners = int(c.rng.choice([0, 0, 4, 6, 8]))
    radius, turn = r, c.between(0, TAU)
    if corners:
        sectors = 2 * corners
        turn = np.float32(np.pi / 2)
        fold = (angle + turn) % (TAU / corners) - TAU / (2 * corners)
        radius = r * np.cos(fold)
    scale = c.between(0.9, 1.6) * np.float32(c.density**0.5)
    depth = scale / (radius + np.float32(0.02))
    pixel = PIXEL * np.float32(c.zoom) * depth * depth / scale
    twist = 0 if corners else int(c.rng.integers(-2, 3))
    around = sectors * ((angle + turn) / TAU) + twist * depth / 2
    style = (plates, rings, ribbons)[int(c.rng.integers(3))]
    blur = PIXEL * np.float32(c.zoom) * sectors / (TAU * r) + 0.5 * abs(twist) * pixel
    tone, light = style(c, depth + c.between(0, 1), around, pixel, blur, sectors)
    fog = step(radius, 0.03, 0.85)
    end = np.exp(-radius / c.between(0.06, 0.16)) if c.chance(0.8) else np.zeros_like(r)
    return Scene(
        np.clip(tone * (0.4 + 0.6 * fog) + 0.12 + end, 0, 1).astype(np.float32),
        (light * (0.06 + 0.94 * fog) + 1.7 * end).astype(np.float32),
    )


def mirrored_share(around: np.ndarray) -> np.ndarray:
    """How far a place is from the middle of its sector, 0..1."""
    return np.abs(around - np.floor(around) - 0.5) * 2


def plates(c: Canvas, depth, around, pixel, blur, sectors: int) -> tuple[np.ndarray, np.ndarray]:
    """Bevelled plates of metal with rivets and light in some seams."""
    row, column = np.floor(depth).astype(np.int32), np.floor(around).astype(np.int32)
    shade = c.rng.uniform(0.15, 0.85, (64, 2)).astype(np.float32)[row % 64, column % 2]
    a, b = np.abs(depth - row - 0.5) * 2, mirrored_share(around)
    seam = step(np.maximum(a - 2 * pixel, b - 2 * blur), 0.96, 0.92)
    bevel = step(np.maximum(a, b), 0.84, 0.80) * 0.35 + 0.65
    toward = 1 + 0.35 * (depth - row - 0.5) * 2 * step(a, 0.8, 0.9)  # the far bevel faces the light at the end
    rivet = step(np.hypot((a - 0.7) / (1 + 4 * pixel), (b - 0.7) / (1 + 4 * blur)), 0.07, 0.04)
    lamp = np.exp(-np.maximum(1 - a, 0) / 0.05) * (row % 3 == 0) * step(pixel, 0.2, 0.05)
    grain = 1 + 0.12 * sample(c.clouds(slope=1.0, finest=200), around / sectors * 4, depth / 2)
    tone = 0.12 + 0.6 * shade * seam + 0.2 * rivet + 0.6 * lamp
    return tone, (0.05 + 0.85 * shade * bevel * toward * seam + 0.4 * rivet) * grain + 1.2 * lamp


def rings(c: Canvas, depth, around, pixel, blur, sectors: int) -> tuple[np.ndarray, np.ndarray]:
    """Rings of light between dark ribs, and rails along the wall."""
    a, b = np.abs((depth + 0.5) % 1 - 0.5), (1 - mirrored_share(around)) / 2
    ring = np.exp(-a / (0.012 + pixel)) * step(pixel, 0.45, 0.15)
    rail = np.exp(-b / (0.010 + blur)) * np.minimum(1, 0.1 / (0.02 + blur))
    glow = np.exp(-a / 0.14) + 0.3 * np.exp(-b / 0.12)
    ribs = 0.55 + 0.45 * box(4 * depth, 0.7, 4 * pixel) * box(2 * around, 0.85, 2 * blur)
    grain = 1 + 0.15 * sample(c.clouds(slope=1.0, finest=200), around / sectors * 4, depth / 2)
    tone = 0.10 + 0.30 * glow * ribs + 0.6 * np.maximum(ring, rail)
    return tone, (0.04 + 0.50 * glow * ribs) * grain + 1.3 * ring + 0.9 * rail


def ribbons(c: Canvas, depth, around, pixel, blur, sectors: int) -> tuple[np.ndarray, np.ndarray]:
    """Bands of two shades that swing along the wall, each with a bright edge and fine threads."""
    swing = c.between(0.15, 0.45) * np.sin(TAU * depth / 2)
    place = around / 2 + swing
    soft = blur / 2 + 2 * pixel
    edge = np.abs((place + 0.25) % 0.5 - 0.25)
    inner = box(place, 0.5, np.minimum(soft, 0.25))
    bright = np.exp(-edge / (0.008 + soft)) * np.minimum(1, 0.1 / (0.02 + soft))
    threads = 0.7 + 0.3 * wave(8 * place) * step(soft, 0.06, 0.02) + 0.12 * wave(depth)
    silk = 1 + 0.10 * sample(c.clouds(slope=1.0, finest=200), around / sectors * 4, depth / 2)
    tone = 0.14 + 0.48 * inner * threads + 0.12 * wave(depth) + 0.35 * bright
    return tone, (0.10 + 0.62 * inner + 0.10 * (1 - inner)) * threads * silk + 0.9 * bright
