"""Kinds of picture seen overhead: nebula, stars, galaxy, planet, aurora, lightning, clouds, eclipse, fireworks."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.signal import lfilter

from .canvas import (
    SIZE,
    TAU,
    Canvas,
    Scene,
    direction,
    over,
    polar,
    relief,
    ridge_line,
    ridges,
    rotated,
    sample,
    splat,
    step,
    unit,
)

PI = TAU / 2


def flares(x: np.ndarray, y: np.ndarray, power: np.ndarray, *, reach: int = 90) -> np.ndarray:
    """Light of large stars at x, y in [-1, 1], each with a halo and the four spikes of a telescope's mirror."""
    light = np.zeros((SIZE + 2 * reach, SIZE + 2 * reach), np.float32)
    line = np.arange(-reach, reach + 1, dtype=np.float32)
    for px, py, bright in zip(
        (x + 1) * (SIZE / 2) - 0.5, (y + 1) * (SIZE / 2) - 0.5, power.astype(np.float32), strict=True
    ):
        column, row = int(px), int(py)
        dx, dy = line[None] - np.float32(px - column), line[:, None] - np.float32(py - row)
        r = np.sqrt(dx * dx + dy * dy)
        spikes = sum(np.exp(-np.abs(a) / (5 + 16 * bright) - (b / 0.8) ** 2) for a, b in ((dx, dy), (dy, dx)))
        star = 1.6 * np.exp(-((r / (0.9 + 1.6 * bright)) ** 2)) + 0.3 * np.exp(-r / (2 + 5 * bright)) + 0.8 * spikes
        light[row : row + 2 * reach + 1, column : column + 2 * reach + 1] += (0.35 + 0.65 * bright) * star
    return light[reach:-reach, reach:-reach]


def large_stars(c: Canvas, low: int, high: int) -> np.ndarray:
    """Light of a few stars with spikes anywhere in the picture."""
    count = c.count(low, high)
    return flares(*c.rng.uniform(-0.99, 0.99, (2, count)), c.rng.uniform(0, 1, count) ** 2)


def drawn_along(c: Canvas, count: int, *, slope: float, periods: int) -> np.ndarray:
    """A random line of `count` points and amplitude about 1."""
    line = ridge_line(c.rng, slope=slope, periods=periods)
    return np.interp(np.linspace(0, SIZE - 1, count), np.arange(SIZE), line).astype(np.float32)


def nebula(c: Canvas) -> Scene:
    """Warped gas, lit from a cluster within, with folds of dust whose near edges glow, among stars."""
    x, y = c.grid()
    amount = c.between(0.06, 0.15)
    warp = c.clouds(slope=2.2, finest=13)
    scale = np.float32(min(1, 1.2 / c.zoom))  # so that the noise does not repeat in the picture
    wx, wy = scale * x + amount * warp, scale * y + amount * np.roll(warp, SIZE // 3, 1)
    gas = unit(sample(c.clouds(slope=1.65, finest=190), wx, wy), contrast=1.1)
    veil = ridges(sample(c.clouds(slope=1.85, finest=130), wx, wy), width=0.3)
    dust = sample(c.clouds(slope=1.75, finest=150), wy, wx)
    body = step(c.clouds(slope=2.6, finest=5), -2.2, 0.9)
    heart_x, heart_y = c.between(-0.6, 0.6) * c.zoom, c.between(-0.6, 0.6) * c.zoom
    r, _ = polar(x - heart_x, y - heart_y)
    heart = np.exp(-r * r / c.between(0.1, 0.3))
    density = (0.7 * gas + 0.5 * veil * gas) * (0.2 + 0.8 * np.maximum(body, heart))
    density = density * (1 + 0.06 * c.clouds(slope=1.3, finest=200, coarsest=14))
    rise_y, rise_x = np.gradient(gaussian_filter(dust, 0.8))
    facing = np.clip((rise_x * (x - heart_x) + rise_y * (y - heart_y)) / r, 0, 0.12) * 8
    lane, edge = step(dust, 0.3, 1.5), step(dust, -0.1, 0.5) * step(dust, 1.6, 0.7)
    rim = edge * facing * np.maximum(heart, 0.5 * body)
    light = (0.05 + 1.5 * density**1.3 + 0.8 * heart * gas) * (1 - 0.8 * lane) + 0.6 * rim
    light = light + c.stars(count=160) * (1 - 0.5 * body) * (1 - 0.7 * lane) + large_stars(c, 3, 8)
    near = c.rng.normal(0, 0.1, (2, 5)) + np.array([[heart_x], [heart_y]]) / c.zoom
    light = light + flares(*near.clip(-0.98, 0.98), c.rng.uniform(0, 0.6, 5))
    tone = 0.06 + 0.78 * density + 0.17 * warp * body + 0.3 * heart * gas + 0.25 * rim
    return Scene(np.clip(tone, 0, 1), light)


def stars(c: Canvas) -> Scene:
    """A clear night: stars of all sizes and colours, and the band of the galaxy cut by dust."""
    x, y = c.grid(turn=True)
    path = y + 0.14 * c.clouds(slope=2.6, finest=6)
    width = c.between(0.3, 0.55)
    band = np.exp(-((path / width) ** 2)) * c.between(0.85, 1.3)
    dust = c.clouds(slope=1.6, finest=190)
    lane = sample(c.clouds(slope=1.6, finest=190), 0.7 * x, 1.6 * path) + 1.5 * np.exp(-((path / (0.3 * width)) ** 2))
    dark = step(lane, 0.4, 1.9) * np.exp(-((path / (0.75 * width)) ** 2))
    milk = band * (0.3 + 0.7 * unit(dust)) * (1 - 0.88 * dark)
    count = c.count(18000, 30000)
    crowd = splat(*c.rng.uniform(-1, 1, (2, count)), (c.rng.pareto(1.8, count) + 0.3).clip(0, 6))
    points = gaussian_filter(crowd, 0.55) * (0.22 + 0.9 * milk) + c.stars(count=480, brightest=2) + large_stars(c, 4, 9)
    light = 0.07 + 0.9 * milk + points
    hue = unit(gaussian_filter(c.rng.standard_normal((SIZE, SIZE), dtype=np.float32), 3) * 9)
    tone = 0.14 + 0.66 * milk + 0.10 * dust * band
    return Scene(np.clip(over(tone, 0.4 + 0.6 * hue, np.clip(points, 0, 0.9)), 0, 1), light)


def galaxy(c: Canvas) -> Scene:
    """A disc of stars with winding arms, feathered dust and glowing knots, seen at a slant."""
    across, along = rotated(*c.grid(shift=0.15), c.between(0, TAU))
    size, slant = c.between(0.8, 1.2), c.between(0.35, 0.95)
    x, y = across / size, along / (size * slant)
    r, angle = polar(x, y)
    arms, sense = int(c.rng.integers(2, 4)), int(c.rng.choice([-1, 1]))
    winding = np.log(r + np.float32(0.06))
    phase = arms * angle + sense * c.between(4, 6.5) * winding + c.between(0, TAU)
    noise = c.clouds(slope=1.6, finest=170)
    feather = sample(c.clouds(slope=1.5, finest=150, stretch=(1.0, 2.0)), phase / PI, 0.5 * winding + 0.1 * noise)
    bent = phase + 0.3 * noise + 0.45 * feather
    arm = (0.5 + 0.5 * np.cos(bent)) ** c.between(0.9, 1.7)
    disc = np.exp(-((r / 0.8) ** 2)) * step(r, 1.7, 0.6)
    core, _ = polar(across / size, along / (size * max(slant, 0.7)))
    bulge = np.exp(-core / c.between(0.09, 0.15))
    lane = ridges(np.sin(0.5 * (bent + 0.9)), width=0.15) * (0.4 + 0.6 * unit(feather, contrast=1.6)) * disc
    mist = disc * (0.26 + 1.35 * arm * (0.35 + 0.65 * unit(noise + feather)))
    grain = splat(*c.rng.uniform(-1, 1, (2, c.count(22000, 34000))))
    knot = splat(*c.rng.uniform(-1, 1, (2, c.count(500, 900))))
    sparks = gaussian_filter(grain, 0.55) * mist * 0.55
    knots = gaussian_filter(knot, 1.3) * 9 * np.clip(arm - 0.35, 0, 1) * disc * (1 - bulge)
    light = 0.035 + 1.1 * mist * (1 - 0.75 * lane) * (1 - 0.5 * bulge) + 1.6 * bulge + sparks + knots
    light = light + c.stars(count=110, brightest=1.2) + large_stars(c, 1, 4)
    tone = 0.10 + 0.55 * mist - 0.15 * lane + 0.7 * bulge + 0.25 * np.minimum(knots, 1)
    return Scene(np.clip(tone, 0, 1), light)


@dataclass(frozen=True, eq=False)
class Globe:
    """A ball seen from afar, in its own frame: u to its right, v to its south, w towards us."""

    u: np.ndarray
    v: np.ndarray
    w: np.ndarray  # 0 outside
    r: np.ndarray  # 1 on its edge
    inside: np.ndarray  # share of the pixel
    pixel: float  # its size


def globe(x: np.ndarray, y: np.ndarray, *, size: float, tilt: float, zoom: float) -> Globe:
    """A ball of this size around 0."""
    u, v = rotated(x / size, y / size, tilt)
    r, _ = polar(u, v)
    pixel = 2 * zoom / (SIZE * size)
    return Globe(u, v, np.sqrt(np.clip(1 - r * r, 0, 1)), r, step(r, 1 + pixel, 1 - pixel), pixel)


def gas_giant(c: Canvas, g: Globe) -> tuple[np.ndarray, np.ndarray]:
    """Colour of a world of bands that eddies wear away, with oval storms, and its relief."""
    lon = np.arctan2(g.u, g.w + np.float32(1e-3)) / PI
    lat = np.arcsin(np.clip(g.v, -1, 1)) / PI * 2
    for _ in range(c.count(1, 4)):
        spot_x, spot_y, size = c.between(-0.3, 0.3), c.between(-0.5, 0.5), c.between(0.05, 0.16)
        dx, dy = lon - spot_x, lat - spot_y
        near = np.exp(-((dx / size) ** 2) - (dy / (0.75 * size)) ** 2)
        cos, sin = np.cos(4 * near), np.sin(4 * near)
        lon, lat = spot_x + cos * dx - sin * dy, spot_y + sin * dx + cos * dy - 0.25 * size * near
    wind = sample(c.clouds(slope=1.6, finest=150, stretch=(5, 1)), lon, lat)
    eddy = sample(c.clouds(slope=1.7, finest=110, coarsest=5, stretch=(1.8, 1)), lon, lat)
    bands = np.abs(ridge_line(c.rng, slope=0.5, periods=14)) * 2 - 0.7
    place = np.clip((lat + 0.018 * eddy + 0.01 * wind + 1) / 2, 0, 1) * (SIZE - 1)
    band = np.interp(place, np.arange(SIZE), gaussian_filter(bands, 2)).astype(np.float32)
    return np.clip(0.42 + 0.5 * band + 0.11 * wind + 0.05 * eddy, 0, 1), 1 + 0.08 * eddy * step(g.r, 1, 0.8)


def ocean_world(c: Canvas, g: Globe) -> tuple[np.ndarray, np.ndarray]:
    """Colour and relief of continents in a dark sea, under swirled white cloud."""
    bulge = np.arcsin(np.minimum(g.r, 1)) / g.r * np.float32(0.62)
    px, py = g.u * bulge + c.between(-1, 1), g.v * bulge
    land = sample(c.clouds(slope=1.75, finest=150), px, py) - c.between(-0.2, 0.5)
    warp = sample(c.clouds(slope=2.3, finest=14), px, py)
    cloud = sample(
        c.clouds(slope=1.55, finest=170, stretch=(1.6, 1)), px + 0.1 * warp, py + 0.12 * np.roll(warp, 90, 0)
    )
    cover = step(cloud, 0.25, 1.5)
    shore = step(land, -0.03, 0.05)
    ground = over(0.14 + 0.12 * step(land, -0.7, 0), np.clip(0.42 + 0.17 * land, 0, 0.7), shore)
    rough = over(np.float32(1), relief(land, 2.4, strength=3), 0.7 * shore * (1 - cover))
    return over(ground, np.float32(0.95), cover), rough * (0.8 + 0.3 * cover)


def cratered_world(c: Canvas, g: Globe, angle: float) -> tuple[np.ndarray, np.ndarray]:
    """Colour and relief of bare rock with craters of all sizes, lit from an angle."""
    bulge = np.arcsin(np.minimum(g.r, 1)) / g.r * np.float32(0.64)
    px, py = g.u * bulge, g.v * bulge
    rough = c.clouds(slope=1.5, finest=200)
    height = 0.2 * rough
    for size in c.rng.uniform(0.13, 1, c.count(110, 160)) ** 3 * 50:
        reach = int(2.5 * size) + 2
        column, row = c.rng.integers(reach, SIZE - reach, 2)
        line = np.arange(-reach, reach + 1, dtype=np.float32) / np.float32(size)
        place, _ = polar(line[None], line[:, None])
        bowl = np.where(place < 1, 0.9 * place * place - 0.65, 0.25 * np.exp(-(place - 1) / 0.3))
        patch = height[row - reach : row + reach + 1, column - reach : column + reach + 1]
        patch += np.float32(0.07 * size**0.8) * bowl * step(place, 2.5, 1)
    height = sample(height, px, py)
    seas = sample(c.clouds(slope=2.2, finest=20), px, py)
    return np.clip(0.74 - 0.3 * step(seas, -0.2, 0.6) + 0.08 * height, 0, 1), relief(height, angle, strength=5)


def ring_profile(c: Canvas) -> np.ndarray:
    """Opacity of rings from radius 1.2 to 2.4, shape (SIZE,): bands with gaps."""
    line = drawn_along(c, SIZE, slope=0.3, periods=24)
    place = np.linspace(0, 1, SIZE)
    gap = step(np.abs(place - c.between(0.55, 0.75)), 0.015, 0.035)
    edges = step(place, 0.02, 0.1) * step(place, c.between(0.98, 1.0), c.between(0.85, 0.95))
    return gaussian_filter(np.clip(0.6 + 0.5 * line, 0.05, 0.95) * gap * edges, 4).astype(np.float32)


def planet(c: Canvas) -> Scene:
    """A world in half light with an atmosphere, before stars; some have rings that cast shadows, or a moon."""
    x, y = c.grid(shift=0.3)
    ringed = c.chance(0.4)
    size = c.between(0.38, 0.5) if ringed else c.between(0.5, 0.95)
    tilt = c.between(-0.6, 0.6)
    g = globe(x, y, size=size, tilt=tilt, zoom=c.zoom)
    sun = c.between(0, TAU)
    sun_u, sun_v = direction(sun)
    sun_w = c.between(0.05, 0.95)
    sun_u, sun_v, sun_w = (part / np.hypot(1, sun_w) for part in (sun_u, sun_v, sun_w))
    kind = 0 if ringed else int(c.rng.integers(3))
    ground, rough = (gas_giant(c, g), ocean_world(c, g), cratered_world(c, g, sun))[kind]
    air = np.float32((0.7, 1.0, 0.12)[kind])
    facing = g.u * sun_u + g.v * sun_v + g.w * sun_w
    day = 0.5 * (facing + np.sqrt(facing * facing + 0.012))
    sunward = step((g.u * sun_u + g.v * sun_v) / g.r + 0.8 * sun_w, -0.7, 0.7)
    limb = np.exp(-g.w / 0.28) * step(facing, -0.25, 0.4) * g.inside
    halo = np.exp(-np.maximum(g.r - 1, 0) / 0.035) + 0.35 * np.exp(-np.maximum(g.r - 1, 0) / 0.16)
    halo = halo * sunward * (1 - g.inside) * air
    haze = step(c.clouds(slope=1.9, finest=120), -0.8, 3.0)
    night_light = 0.04 + c.stars(count=170) + 0.22 * haze + large_stars(c, 2, 6)
    lit = 0.02 + 1.4 * day**0.85 * rough * (1 - 0.25 * (1 - g.w))
    tone = over(0.08 + 0.45 * haze, np.clip(ground * (0.45 + 0.6 * day), 0, 1), g.inside)
    light = over(night_light, lit, g.inside) + air * (0.55 * limb + 0.85 * halo)
    tone = tone + air * (0.35 * limb + 0.45 * halo)
    if ringed:
        tone, light = ringed_with(c, g, (sun_u, sun_v, sun_w), tone, light)
    if c.chance(0.35):
        tone, light = moon_before(c, (sun_u, sun_v, sun_w), x, y, tone, light)
    return Scene(np.clip(tone, 0, 1), light)


def moon_before(
    c: Canvas, sun: tuple[float, float, float], x: np.ndarray, y: np.ndarray, tone: np.ndarray, light: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """A small cratered moon laid over the picture."""
    away_x, away_y = direction(c.between(0, TAU))
    far = c.between(0.55, 0.95)
    g = globe(x - far * away_x, y - far * away_y, size=c.between(0.07, 0.16), tilt=0.0, zoom=c.zoom)
    angle = np.arctan2(sun[1], sun[0])
    ground, rough = cratered_world(c, g, angle)
    day = np.clip(g.u * sun[0] + g.v * sun[1] + g.w * sun[2], 0, 1)
    return over(tone, ground * (0.4 + 0.6 * day), g.inside), over(light, 0.02 + 1.2 * day * rough, g.inside)


def ringed_with(
    c: Canvas, g: Globe, sun: tuple[float, float, float], tone: np.ndarray, light: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The world with rings: they shade it, and it shades them."""
    cos, sin = direction(c.between(0.12, 0.4))
    profile = ring_profile(c)
    above = cos * sun[1] - sin * sun[2]  # how steeply the sun stands over the plane of the rings
    above = np.copysign(max(abs(above), 0.15), above)
    reach = (sin * g.w - cos * g.v) / above
    hit = np.sqrt(sum((place + reach * toward) ** 2 for place, toward in zip((g.u, g.v, g.w), sun, strict=True)))
    light = light * (1 - 0.85 * ring_at(profile, hit) * (reach > 0) * g.inside)
    far = g.v / sin
    radius = np.sqrt(g.u * g.u + far * far)
    toward = g.u * sun[0] + g.v * sun[1] + far * cos * sun[2]
    shade = step(radius * radius - toward * toward, 1.03, 0.97) * (toward < 0)
    opacity = ring_at(profile, radius)
    share = opacity * (1 - g.inside * (g.v < 0))
    return over(tone, 0.3 + 0.65 * opacity, share), over(light, (0.3 + 0.85 * opacity) * (1 - 0.95 * shade), share)


def ring_at(profile: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Opacity of rings at a radius in the plane of the rings."""
    return np.interp(radius, np.linspace(1.2, 2.4, SIZE), profile, left=0, right=0).astype(np.float32)


def curtain(c: Canvas) -> np.ndarray:
    """Light of one folded curtain: rays that stand on a winding line, brighter where it is seen along its length."""
    count = 9000
    t = np.linspace(-1.7, 1.7, count, dtype=np.float32)
    slow, fold = drawn_along(c, count, slope=2.0, periods=3), drawn_along(c, count, slope=1.3, periods=20)
    turn = drawn_along(c, count, slope=1.3, periods=20)
    x = t + c.between(0.06, 0.16) * fold
    y = c.between(-0.45, 0.15) + c.between(0.1, 0.25) * slow + c.between(0.02, 0.06) * turn + c.between(-0.3, 0.3) * t
    rays = 0.5 + 0.5 * drawn_along(c, count, slope=0.35, periods=150)
    power = (0.3 + 0.7 * rays) * (0.6 + 0.4 * drawn_along(c, count, slope=0.8, periods=9)) ** 2
    foot = gaussian_filter(splat(x / c.zoom, y / c.zoom, power), (5.0, 0.6))[::-1]
    tall, low = c.between(110, 220) / c.zoom, c.between(25, 45) / c.zoom
    long, short = (lfilter([1], [1, -np.exp(-1 / length)], foot, axis=0)[::-1] for length in (tall, low))
    below = lfilter([1], [1, -np.exp(-c.zoom / 16)], foot[::-1], axis=0)
    return (long * np.float32(0.16) + (short + 0.5 * below) * np.float32(0.22)).astype(np.float32)


def spruces(c: Canvas, x: np.ndarray, *, tall: float) -> np.ndarray:
    """Height of a line of spruces over the ground at each x (W,)."""
    height = np.zeros_like(x)
    for _ in range(c.count(40, 90)):
        top = tall * c.between(0.35, 1.0)
        below = np.abs(x - c.between(-1.2, 1.2) * c.zoom) * c.between(4.0, 6.0)
        twigs = 0.16 * tall * (below / (0.16 * tall) % 1)
        height = np.maximum(height, top - below - 0.7 * twigs)
    return height


def aurora(c: Canvas) -> Scene:
    """Folded curtains of light over dark hills and spruces, at times over a lake that mirrors them."""
    x, y = c.grid()
    lake = c.chance(0.65)
    shore = c.between(0.4, 0.6) * c.zoom if lake else np.float32(9)
    shine = np.zeros_like(x)
    for _ in range(c.count(2, 3)):
        shine = shine + c.between(0.4, 1.0) * curtain(c)
    lean = c.between(-0.2, 0.2)
    shine = sample(shine, (x * (1 + 0.22 * (y / c.zoom - 0.3)) + lean * (y - 0.3 * c.zoom)) / c.zoom * 0.93, y / c.zoom)
    shine = 1.25 * np.tanh(c.between(0.5, 0.75) * shine / np.percentile(shine, 95))
    air = gaussian_filter(shine, 30, truncate=2) * step(y, -1.2 * c.zoom, 0.2 * c.zoom)
    low = np.exp(-np.abs(y - 0.5 * c.zoom) / 0.35)
    tone = 0.08 + 0.14 * low + 0.35 * air + 0.75 * shine**1.15
    light = (
        0.10 + 0.16 * low + 1.0 * shine + (c.stars(count=220) + large_stars(c, 1, 4)) * (1 - 0.6 * np.minimum(shine, 1))
    )
    hills = (shore - 0.05 if lake else 0.66 * c.zoom) - c.between(0.1, 0.2) * c.zoom * (
        1 + ridge_line(c.rng, slope=1.2)[None]
    )
    far = step(y - hills, -0.004, 0.004)
    tone, light = over(tone, 0.16 + 0.1 * low, far), over(light, 0.09 + 0.12 * low, far)
    near = (shore if lake else 0.9 * c.zoom) + 0.04 * ridge_line(c.rng, slope=1.5)[None] * (0 if lake else 1)
    near = near - spruces(c, x[0], tall=c.between(0.12, 0.28))[None]
    trees = step(y - near, -0.004, 0.004)
    tone, light = over(tone, np.float32(0.03), trees), over(light, np.float32(0.02), trees)
    if lake:
        depth = np.maximum(y - shore, 0)
        wobble = c.clouds(slope=1.1, finest=90, stretch=(4, 0.6)) * (0.006 + 0.05 * depth)
        mx, my = np.clip((x + 0.3 * wobble) / c.zoom, -1, 0.996), (shore - 1.1 * depth + wobble) / c.zoom
        my = np.minimum(my, (shore - 0.003) / c.zoom)
        water = step(y - shore, -0.003, 0.003)
        bank = np.exp(-depth / 0.012)
        tone = over(tone, 0.92 * sample(tone, mx, my), water)
        light = over(light, 0.03 + 0.72 * sample(light, mx, my) * (1 - 0.8 * bank), water)
    return Scene(np.clip(tone, 0, 1), light)


def bolt(rng: np.random.Generator, start: np.ndarray, end: np.ndarray, *, power: float, forks: int) -> list[np.ndarray]:
    """Points of a lightning bolt and its branches: arrays (n, 3) of x, y, power."""
    path = np.stack([start, end])
    spread = 0.16 * np.linalg.norm(end - start)
    while len(path) < 1024:
        middle = (path[1:] + path[:-1]) / 2
        middle = middle + rng.normal(0, spread, (len(middle), 1)) * np.array([[1.0, 0.25]])
        joined = np.empty((len(path) + len(middle), 2))
        joined[::2], joined[1::2] = path, middle
        path, spread = joined, spread * 0.54
    fade = power * np.linspace(1, 0.55 if power == 1 else 0.15, len(path))
    weight = fade * np.linalg.norm(end - start) / 2  # as much light for short as for long
    made = [np.concatenate([path, weight[:, None]], 1)]
    for _ in range(forks):
        at = path[rng.integers(80, 840)]
        aim = at + np.array([rng.normal(0, 0.4), rng.uniform(0.15, 0.6)]) * power**0.5
        made += bolt(rng, at, aim, power=power * rng.uniform(0.2, 0.45), forks=forks // 2)
    return made


def billows(c: Canvas, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Height of heaped cloud: round lumps on round lumps with creases between, mean about 0."""
    lumps = np.abs(c.clouds(slope=1.9, finest=60, coarsest=1.5))
    fine = np.abs(c.clouds(slope=1.5, finest=150, coarsest=12))
    return sample(1.2 * (lumps - 0.8) + 0.2 * (fine - 0.8) + 0.4 * c.clouds(slope=2.2, finest=60), x, y)


def lightning(c: Canvas) -> Scene:
    """Bolts from the base of a storm cloud that they light, through rain, to dark ground."""
    x, y = c.grid()
    base = c.between(-0.5, -0.15)
    trunks, branches = [], []
    for _ in range(1 + (c.chance(0.5) if c.density <= 1 else 2)):
        top = c.rng.uniform(-0.6, 0.6)
        ends = np.array([top, base - 0.3]), np.array([top + c.rng.normal(0, 0.35), c.rng.uniform(0.7, 0.82)])
        trunk, *others = bolt(c.rng, *ends, power=1.0, forks=int(c.rng.integers(4, 8)))
        trunks.append(trunk)
        branches += others
    thick, thin = (
        splat(*(np.concatenate(points)[:, :2] / c.zoom).T, np.concatenate(points)[:, 2])
        for points in (trunks, branches)
    )
    core = np.minimum(gaussian_filter(thick, 1.15) * 2.2 + gaussian_filter(thin, 0.65) * 1.4, 1.6)
    line = thick + thin
    near, wide = gaussian_filter(line, 5, truncate=3), gaussian_filter(line, 34, truncate=2.5)
    halo = 0.8 * near + 6.5 * wide
    under = np.maximum(0.42 * c.zoom - y, 0.05)  # the cloud's base, seen from below
    heavy = sample(c.clouds(slope=1.8, finest=120), 0.45 * x / under, 0.9 / under + c.between(-1, 1))
    heap = billows(c, 0.6 * x / c.zoom, 0.8 * y / c.zoom)
    ceiling = step(y - 0.10 * heap, base + 0.3, base - 0.2)
    folds = np.clip(relief(gaussian_filter(0.35 * heavy + 0.8 * heap, 0.8), 1.6, strength=4), 0.2, 1.7)
    glow = sum(
        np.exp(-(((x - np.float32(trunk[0, 0])) / 0.7) ** 2) - ((y - base + 0.2) / 0.5) ** 2) * c.between(0.7, 1.1)
        for trunk in trunks
    )
    rain = unit(sample(c.clouds(slope=0.8, finest=150, stretch=(0.5, 14)), x + 0.12 * y, y)) * step(y, base, 0.2)
    veil = 0.10 + 0.25 * step(y, 0.1, 0.8) + np.minimum(halo, 1.0) * (0.35 + 0.5 * rain)
    cloud = (0.24 + 0.6 * glow + 0.4 * np.minimum(halo, 1)) * (0.35 + 0.65 * unit(heavy + 0.6 * heap)) * folds
    light = over(veil, cloud, ceiling)
    tone = over(0.16 + 0.35 * veil, 0.12 + 0.62 * cloud, ceiling) + core
    ground = 0.78 + 0.05 * ridge_line(c.rng, slope=1.2)[None] - spruces(c, x[0], tall=0.07)[None]
    ground = step(y - ground, -0.004, 0.004)
    light = light + core * 1.4
    return Scene(
        np.clip(over(tone, 0.04 + 0.2 * np.minimum(halo, 1), ground), 0, 1),
        over(light, 0.03 + 0.12 * np.minimum(halo, 1), ground),
    )


def clouds(c: Canvas) -> Scene:
    """Heaped clouds in low light, bank before bank, their edges lit by a sun behind them that throws rays."""
    x, y = c.grid()
    sun_x, sun_y = c.between(-0.7, 0.7) * c.zoom, c.between(-0.75, -0.15) * c.zoom
    r, angle = polar(x - sun_x, y - sun_y)
    sun = np.exp(-r * r / 0.12)
    high = unit(c.clouds(slope=1.5, finest=150, stretch=(3.5, 0.7)), contrast=1.4) * step(y, 0.3, -0.5)
    tone = 0.22 + 0.2 * (y / c.zoom + 0.5) + 0.22 * high + 0.45 * sun
    light = 0.42 + 0.25 * y / c.zoom + 0.3 * high * (0.5 + sun) + 1.0 * sun + 0.8 * step(r, 0.09, 0.07)
    shafts = (
        step(sample(c.clouds(slope=1.2, finest=22), angle / PI, np.float32(0) * r), 0.0, 1.4)
        * np.exp(-r / 0.7)
        * step(r, 0.06, 0.3)
    )
    for layer, level in enumerate((-0.2, 0.2, 0.62)):
        size = np.float32(0.75 + 0.3 * layer)
        heap = billows(c, x / c.zoom / size, y / c.zoom / size)
        shape = c.clouds(slope=2.6, finest=4)
        body = 0.65 * heap + 0.7 * shape + 2.6 * (y / c.zoom - level) + 0.5 * (c.density - 1)
        cover = step(body, 0.0, 0.22 + 0.1 * layer)
        rise_y, rise_x = np.gradient(gaussian_filter(heap, 1.2))
        slope = 7 * (rise_x * (x - sun_x) + rise_y * (y - sun_y)) / r
        lit = 0.5 + 0.5 * slope / np.sqrt(1 + slope * slope)
        reach = np.exp(-r / (0.9 * c.zoom))
        rim = np.exp(-np.abs(body - 0.15) / 0.16) * (0.2 + 1.2 * reach)
        depth = np.clip(body, 0, 2.5) / 2.5
        shine = lit * (0.35 + 0.75 * reach) * (1 - 0.45 * depth)
        tone = over(tone, 0.42 - 0.16 * layer + 0.62 * shine + 0.35 * rim, cover)
        light = over(light, 0.42 - 0.13 * layer + 0.72 * shine + 0.55 * rim, cover)
        tone, light = tone + 0.07 * shafts, light + 0.16 * shafts
    return Scene(np.clip(tone, 0, 1), light)


def eclipse(c: Canvas) -> Scene:
    """A dark disc before a sun: streamers of its corona, a thin red edge, at times a diamond ring and thin cloud."""
    x, y = c.grid(shift=0.12)
    size = c.between(0.26, 0.42)
    x, y = x / size, y / size
    r, angle = polar(x, y)
    pixel = 2 * c.zoom / (SIZE * size)
    out = np.maximum(r - 1, 0)
    turn = c.between(0, TAU)
    thread = sample(c.clouds(slope=1.0, finest=120, stretch=(1, 9)), (angle + turn) / PI, 0.3 * r)
    broad = sample(c.clouds(slope=1.5, finest=7, stretch=(1, 30)), (angle + turn) / PI + 0.012 * thread, 0.12 * r)
    length = 0.3 + c.between(0.7, 1.4) * np.float32(c.density**0.3) * unit(broad, contrast=1.5) ** 1.5
    corona = np.exp(-out / length) * (0.55 + 0.45 * unit(thread, contrast=1.3)) + 0.9 * np.exp(-out / 0.10)
    loops = step(sample(c.clouds(slope=1.2, finest=60), (angle + turn) / PI, 0.5 * r), 1.1, 1.8) * np.exp(-out / 0.04)
    edge = np.exp(-out / (2.2 * pixel)) + loops
    sky = 0.05 + 0.10 * step(y * size, -0.5, 1.2) + c.stars(count=200, brightest=1.2) * np.exp(-corona * 3)
    light = sky + 1.15 * corona + 0.6 * edge + large_stars(c, 1, 3)
    tone = 0.06 + 0.78 * corona**0.8 + 0.1 * edge
    if c.chance(0.55):
        wisp = sample(c.clouds(slope=1.6, finest=150, stretch=(2.2, 0.8)), x * size / c.zoom, y * size / c.zoom)
        veil = step(wisp, 0.1, 2.2) * c.between(0.4, 0.85)
        lit = 0.12 + 0.75 * np.exp(-out / 0.9)
        tone, light = over(tone, 0.1 + 0.65 * lit, veil), over(light, lit * (0.6 + 0.6 * unit(wisp)), veil)
    disc = step(r, 1 + pixel, 1 - pixel)
    face = 0.02 + 0.03 * unit(sample(c.clouds(slope=1.5, finest=60), 0.5 * x, 0.5 * y))
    tone, light = over(tone, np.float32(0.02), disc), over(light, face, disc)
    if c.chance(0.5):
        where = c.between(0, TAU)
        bead_x, bead_y = direction(where)
        spark = np.sqrt((x - bead_x) ** 2 + (y - bead_y) ** 2) * size / c.zoom
        ring = np.exp(-np.abs(r - 1) / (2.5 * pixel)) * step(np.cos(angle - where), 0.3, 1.0)
        rays = ridges(sample(c.clouds(slope=0.6, finest=40), np.arctan2(y - bead_y, x - bead_x) / PI, 0 * r), width=0.4)
        flash = 2.2 * np.exp(-((spark / 0.035) ** 2)) + (0.35 + 0.5 * rays) * np.exp(-spark / 0.09) + 1.2 * ring
        tone, light = tone + 0.8 * flash, light + flash
    return Scene(np.clip(tone, 0, 1), light)


def burst(c: Canvas, age: float, size: float) -> np.ndarray:
    """Sparks of one shell around 0 and the trails behind them, shape (n, 3): x, y, light."""
    rng, style = c.rng, int(c.rng.integers(4))
    count = c.count(*((110, 190), (60, 90), (70, 110), (16, 26))[style])
    way = rng.standard_normal((count, 3))
    way = way / np.linalg.norm(way, axis=1, keepdims=True) * rng.normal(1, (0.05, 0.14, 0.02, 0.08)[style], (count, 1))
    if style == 2:  # a ring around a core
        way[:, 2] = 0
        way = way / np.linalg.norm(way, axis=1, keepdims=True)
        way[: count // 3] *= 0.4
        lean = rng.uniform(0.3, 1.2)
        way[:, 1] *= np.cos(lean)
    trail = (0.6, 0.92, 0.35, 0.85)[style]
    fall = (0.16, 0.55, 0.1, 0.3)[style]
    time = np.linspace(max(0.03, age * (1 - trail)), age, 150)
    out = 1 - np.exp(-2.6 * time)
    head = np.linspace(0, 1, 150) ** 1.6
    flicker = rng.uniform(0, 1, (count, 150)) ** (3 if style in (1, 3) else 1) * 1.5
    speed = np.gradient(out)
    light = head[None] * flicker * speed * rng.uniform(0.5, 1.2, (count, 1)) * (2.2 if style == 3 else 1)
    light[:, -1] += (0.01, 0.003, 0.015, 0.01)[style]
    px = size * way[:, :1] * out[None]
    py = size * (way[:, 1:2] * out[None] + fall * time[None] ** 2)
    return np.stack([px, py, size * light * (1.25 - 0.75 * age)], -1).reshape(-1, 3)


def fireworks(c: Canvas) -> Scene:
    """Bursts of different age over a dark skyline, their smoke lit by them, at times mirrored in water."""
    x, y = c.grid()
    water = c.chance(0.5)
    shore = c.between(0.5, 0.66) * c.zoom if water else c.between(0.82, 0.9) * c.zoom
    smoke = unit(c.clouds(slope=1.7, finest=130), contrast=1.4)
    tone, light = 0.05 + 0.06 * smoke, 0.05 + 0.10 * step(y, -0.6, 1.0)
    for _ in range(c.count(4, 7)):
        age, size, hue = c.between(0.3, 1.0), c.between(0.4, 0.95), c.between(0.35, 0.95)
        at_x, at_y = c.between(-0.75, 0.75) * c.zoom, c.between(-0.65, 0.05) * c.zoom
        px, py, power = burst(c, float(age), float(size)).T
        sparks = splat((px + at_x) / c.zoom, (py + at_y) / c.zoom, power)
        fine = np.minimum(gaussian_filter(sparks, 0.75) * 1900, 1.8)
        glow = np.minimum(gaussian_filter(sparks, 5, truncate=3) * 330, 1)
        near = np.exp(-((x - at_x) ** 2 + (y - at_y) ** 2) / (0.5 * size * size)) * (1.1 - 0.5 * age)
        shine = fine + 0.32 * glow + (0.04 + 0.45 * smoke**1.5) * near
        tone = over(tone, hue * (0.7 + 0.3 * np.minimum(fine, 1)), np.clip(1.4 * shine, 0, 1))
        light = light + shine
    town = shore - 0.02 - spruces(c, x[0], tall=0.05)[None] - 0.03 * (1 + ridge_line(c.rng, slope=0.8)[None])
    land = step(y - town, -0.004, 0.004)
    tone, light = over(tone, np.float32(0.05), land), over(light, np.float32(0.025), land)
    if water:
        depth = np.maximum(y - shore, 0)
        wobble = c.clouds(slope=1.0, finest=100, stretch=(4, 0.7)) * (0.01 + 0.12 * depth)
        mx, my = (
            np.clip((x + 0.4 * wobble) / c.zoom, -1, 0.996),
            np.minimum(shore - 1.4 * depth + wobble, shore - 0.003) / c.zoom,
        )
        sea = step(y - shore, -0.003, 0.003)
        tone, light = over(tone, sample(tone, mx, my), sea), over(light, 0.03 + 0.7 * sample(light, mx, my), sea)
    return Scene(np.clip(tone, 0, 1), light)
