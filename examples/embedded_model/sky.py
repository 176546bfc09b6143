"""Kinds of picture that are seen overhead: nebula, stars, galaxy, planet, aurora, lightning, clouds."""

import numpy as np
from scipy.ndimage import gaussian_filter

from .canvas import (
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


def nebula(c: Canvas) -> Scene:
    """Warped gas, lit from within, with dark lanes of dust, among stars."""
    x, y = c.grid()
    amount = c.between(0.12, 0.3)
    warp = c.clouds(slope=2.3, finest=10)
    wx, wy = x + amount * warp, y + amount * np.roll(warp, 77, 1)
    gas = unit(sample(c.clouds(slope=1.8, finest=60), wx, wy), contrast=1.1)
    filament = ridges(sample(c.clouds(slope=2.0, finest=24), wx, wy), width=0.35)
    body = step(c.clouds(slope=2.6, finest=5), -1.0, 1.3)
    heart_x, heart_y = c.between(-0.6, 0.6), c.between(-0.6, 0.6)
    heart = np.exp(-((x - heart_x) ** 2 + (y - heart_y) ** 2) / c.between(0.1, 0.4))
    density = (0.75 * gas + 0.45 * filament * gas) * (0.15 + 0.85 * np.maximum(body, heart))
    lane = step(sample(c.clouds(slope=2.1, finest=30), wy, wx), 0.5, 1.6)
    light = (0.10 + 1.25 * density**1.3 + 0.55 * heart * gas) * (1 - 0.8 * lane)
    light = light + c.stars(count=120) * (1 - 0.5 * body)
    return Scene(np.clip(0.12 + 0.75 * density + 0.16 * warp * body + 0.3 * heart * gas, 0, 1), light)


def stars(c: Canvas) -> Scene:
    """A clear night: stars of all sizes, and the band of the galaxy."""
    _, y = c.grid(turn=True)
    dust = c.clouds(slope=1.9, finest=50)
    band = np.exp(-(((y + 0.12 * c.clouds(slope=2.6, finest=6)) / c.between(0.3, 0.6)) ** 2)) * c.between(0.5, 1.1)
    dark = ridges(y + 0.12 * np.roll(dust, 60, 0), width=0.12) * 0.7
    milk = band * (0.35 + 0.65 * unit(dust)) * (1 - dark)
    crowd = splat(*c.rng.uniform(-1, 1, (2, c.count(6000, 12000))), 0.7)
    light = 0.16 + 1.0 * milk + gaussian_filter(crowd, 0.6) * (0.3 + 1.2 * milk) + c.stars(count=420, brightest=2)
    return Scene(np.clip(0.25 + 0.6 * milk + 0.12 * dust * band + 0.3 * (light > 0.9), 0, 1), light)


def galaxy(c: Canvas) -> Scene:
    """A disc of stars with winding arms, seen at a slant."""
    x, y = rotated(*c.grid(shift=0.2), c.between(0, TAU))
    y = y / c.between(0.4, 0.95)
    r, angle = polar(x, y)
    noise = c.clouds(slope=1.8, finest=50)
    arms, sense = int(c.rng.integers(2, 4)), c.rng.choice([-1, 1])
    phase = arms * angle + sense * c.between(4, 7) * np.log(r + np.float32(0.08)) + 0.35 * noise
    arm = (0.5 + 0.5 * np.cos(phase)) ** c.between(1.2, 2.5)
    disc = np.exp(-((r / c.between(0.6, 0.95)) ** 2))
    bulge = np.exp(-(r / c.between(0.10, 0.18)))
    lane = ridges(np.sin(0.5 * phase + 0.9), width=0.12) * disc * (1 - bulge)
    mist = disc * (0.22 + 1.15 * arm * (0.35 + 0.65 * unit(noise, contrast=1.5)))
    places = c.rng.uniform(-1, 1, (2, c.count(2500, 5000))).astype(np.float32)
    sparks = gaussian_filter(splat(*places), 0.6) * mist * 1.2
    light = 0.07 + 1.0 * mist * (1 - 0.6 * lane) + 1.5 * bulge + sparks + c.stars(count=90, brightest=1.2)
    return Scene(np.clip(0.15 + 0.55 * mist + 0.7 * bulge + 0.05 * noise, 0, 1), light)


def planet(c: Canvas) -> Scene:
    """A world in half light with an atmosphere, before stars; some have rings or a moon."""
    x, y = c.grid(shift=0.35)
    size = c.between(0.42, 0.85)
    u, v = rotated(x / size, y / size, c.between(-0.6, 0.6))
    square = u * u + v * v
    inside = step(square, 1.01, 0.97)
    height = np.sqrt(np.clip(1 - square, 0, 1))
    lon, lat = (
        np.arctan2(u, height + np.float32(1e-3)) / TAU * 2 + c.between(-1, 1),
        np.arcsin(np.clip(v, -1, 1)) / TAU * 4,
    )
    warp = c.clouds(slope=2.2, finest=12)
    if c.chance(0.5):  # bands of a gas giant
        wind = sample(c.clouds(slope=1.9, finest=60, stretch=(4, 1)), lon, lat + 0.03 * sample(warp, lon, lat))
        ground = unit(0.7 * wind + 1.1 * np.sin(lat * c.between(7, 14)))
        rough = np.ones_like(x)
    else:
        land = sample(c.clouds(slope=1.9, finest=60), lon, lat)
        ground = 0.25 + 0.55 * step(land, -0.1, 0.15) + 0.12 * land
        rough = relief(land, c.between(0, TAU), strength=1.2)
    lx, ly = direction(c.between(0, TAU))
    lz = c.between(-0.1, 0.7)
    facing = np.clip((u * lx + v * ly + lz * height) / np.hypot(1, lz) * 1.2 + 0.05, 0, 1)
    r = np.sqrt(square)
    sunward = np.clip(0.5 + (u * lx + v * ly) / (r + 0.1) * 0.6, 0, 1)
    air = np.exp(-np.abs(r - 1) / np.where(r < 1, 0.09, 0.06)) * sunward
    night = 0.08 + c.stars(count=110) + 0.10 * unit(c.clouds(slope=2.2, finest=20), contrast=1.5)
    tone = over(np.full_like(x, 0.3), np.clip(ground, 0, 1), inside)
    light = over(night, (0.05 + 1.15 * facing**0.8) * rough, inside) + 0.8 * air
    if c.chance(0.3):  # rings, in front of the world below its middle
        ring_u, ring_v = u, v / c.between(0.18, 0.35)
        ring, _ = polar(ring_u, ring_v)
        profile = step(ring, 1.25, 1.32) * step(ring, 2.1, 2.0) * (0.45 + 0.4 * np.sin(ring * 38) * np.sin(ring * 17))
        profile = np.clip(profile, 0, 1) * np.where((v > 0) | (square > 1), 1, 0)
        tone, light = over(tone, 0.75 + 0 * tone, profile), over(light, 0.35 + 0.6 * sunward, profile)
    return Scene(np.clip(tone + 0.3 * air, 0, 1), light)


def aurora(c: Canvas) -> Scene:
    """Curtains of light over dark hills, at times over a lake that mirrors them."""
    x, y = c.grid()
    lake = c.chance(0.5)
    shore = c.between(0.45, 0.65) * c.zoom if lake else np.float32(9)
    sky = np.where(y > shore, 2 * shore - y + 0.02 * c.clouds(slope=1.2, finest=40, stretch=(3, 0.4)), y)
    tone, light = np.full_like(x, 0.12), 0.14 + 0.14 * step(sky, -1, 0.8) + c.stars(count=120)
    for _ in range(c.count(2, 4)):
        path = c.between(-0.3, 0.5) + c.between(0.15, 0.3) * ridge_line(c.rng, slope=1.6, periods=6)[None]
        above = path - sky
        rays = unit(
            c.clouds(slope=1.2, finest=36)[:1] + 0.3 * c.clouds(slope=1.6, finest=16, stretch=(1, 4)), contrast=1.0
        )
        high = c.between(0.3, 0.7) * (0.5 + 0.8 * rays)
        shine = (
            np.exp(-np.maximum(above, 0) / high) * step(above, -0.22, 0.08) * (0.2 + 0.8 * rays) * c.between(0.7, 1.1)
        )
        tone = np.maximum(tone, shine * (0.35 + 0.65 * np.exp(-np.maximum(above, 0) / 0.2)) + 0.25 * shine)
        light = light + 0.95 * shine
    hills = (shore - 0.09 if lake else 0.80 * c.zoom) + 0.09 * c.zoom * ridge_line(c.rng, slope=1.4)[None]
    ground = step(sky - hills, -0.008, 0.012)
    light = light * (1 - 0.93 * ground)
    return Scene(np.clip(tone, 0, 1), np.where(y > shore, 0.65 * light, light))


def bolt(rng: np.random.Generator, start: np.ndarray, end: np.ndarray, *, power: float, forks: int) -> list[np.ndarray]:
    """Points of a lightning bolt and its branches: arrays (n, 3) of x, y, power."""
    path = np.stack([start, end])
    spread = 0.16 * np.linalg.norm(end - start)
    while len(path) < 512:
        middle = (path[1:] + path[:-1]) / 2
        middle = middle + rng.normal(0, spread, (len(middle), 1)) * np.array([[1.0, 0.25]])
        joined = np.empty((len(path) + len(middle), 2))
        joined[::2], joined[1::2] = path, middle
        path, spread = joined, spread * 0.54
    weight = power * np.linalg.norm(end - start)  # as many points for short as for long
    made = [np.concatenate([path, np.full((len(path), 1), weight)], 1)]
    for _ in range(forks):
        at = path[rng.integers(40, 420)]
        aim = at + np.array([rng.normal(0, 0.4), rng.uniform(0.15, 0.6)]) * power**0.5
        made += bolt(rng, at, aim, power=power * rng.uniform(0.2, 0.45), forks=forks // 2)
    return made


def lightning(c: Canvas) -> Scene:
    """Bolts from a lit storm cloud to dark ground."""
    _, y = c.grid()
    heavy = c.clouds(slope=1.9, finest=40)
    points = []
    for _ in range(1 + (c.chance(0.5) if c.density <= 1 else 2)):
        top = c.rng.uniform(-0.6, 0.6)
        ends = np.array([top, -0.75]), np.array([top + c.rng.normal(0, 0.35), c.rng.uniform(0.6, 0.8)])
        points += bolt(c.rng, *ends, power=1.0, forks=int(c.rng.integers(2, 6)))
    px, py, power = (np.concatenate(points) / [c.zoom, c.zoom, 1]).T
    line = splat(px, py, power)
    core = np.minimum(gaussian_filter(line, 0.7, truncate=3) * 0.55, 1.5)
    halo = gaussian_filter(line, 4, truncate=3) * 0.8 + 5 * gaussian_filter(line, 26, truncate=2.5)
    ceiling = step(y, 0.2, -0.7) * (0.4 + 0.6 * unit(heavy, contrast=1.2))
    billows = 0.5 + 0.5 * relief(heavy, 1.6, strength=2)
    lit = 0.12 + 0.25 * ceiling + np.minimum(halo, 1.1) * (0.25 + 0.75 * ceiling) * billows
    ground = step(y - 0.78 - 0.06 * ridge_line(c.rng, slope=1.2)[None], -0.006, 0.006)
    tone = np.clip(0.15 + 0.35 * ceiling * unit(heavy) + 0.45 * np.minimum(halo, 1) + core, 0, 1)
    return Scene(tone, lit * (1 - 0.85 * ground) + core * (1 - ground) * 1.5)


def clouds(c: Canvas) -> Scene:
    """Heaped clouds in low light under a clear sky."""
    x, y = c.grid()
    lx, ly = direction(c.between(1.1, 2.0) * np.pi)
    tone, light = 0.35 + 0.25 * y, 0.75 + 0.2 * y
    sun = np.exp(-((x - 0.7 * lx) ** 2 + (y - 0.5 * ly) ** 2) / 0.15)
    light = light + 0.6 * sun
    for layer, level in enumerate((-0.35, 0.1, 0.55)):
        heap = c.clouds(slope=1.75, finest=60, stretch=(1.0, 1.3))
        body = heap + 2.2 * (y - level * c.zoom) + 0.5 * (c.density - 1)
        cover = step(body, 0.0, 0.5)
        soft = gaussian_filter(heap, 2.5)
        lit = relief(soft, np.arctan2(ly, lx) + np.pi, strength=5) * (0.9 - 0.25 * np.clip(body - 0.5, 0, 2))
        lit = np.clip(lit, 0.15, 1.6)
        rim = np.exp(-np.abs(body - 0.25) / 0.3) * (0.25 + sun)
        near = 0.25 + 0.12 * layer
        tone = over(tone, np.clip(0.25 + 0.5 * lit - near * 0.3 + 0.3 * rim, 0, 1), cover)
        light = over(light, 0.2 + 0.7 * lit - 0.5 * near + 0.35 * rim, cover)
    return Scene(np.clip(tone + 0.3 * sun, 0, 1), light)
