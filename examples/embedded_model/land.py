"""Kinds of picture that are places: mountains, waves, dunes, horizon, city, forest, cathedral, tunnel."""

import numpy as np

from .canvas import SIZE, TAU, Canvas, Scene, halved, look_over, over, polar, ridge_line, sample, step, unit, wave


def slopes(height: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How fast a map rises along x and along z, in height for each unit of the map."""
    along_z, along_x = np.gradient(height, np.float32(2 / SIZE))
    return along_x, along_z


def sky_of(c: Canvas, x: np.ndarray, y: np.ndarray, *, horizon: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Tone and light of a sky with a sun or a moon and thin clouds, and where the sun stands (x)."""
    sun_x, sun_y, size = c.between(-0.6, 0.6), horizon - c.between(0.05, 0.6), c.between(0.07, 0.2)
    r = np.sqrt((x - sun_x) ** 2 + (y - sun_y) ** 2)
    sun, halo = step(r, size + 0.012, size - 0.012), np.exp(-np.maximum(r - size, 0) / c.between(0.2, 0.5))
    low = np.exp(-np.maximum(horizon - y, 0) / 0.5)
    streak = np.repeat(np.repeat(unit(c.clouds(slope=1.7, finest=30, stretch=(3.0, 0.6)), contrast=1.3), 2, 0), 2, 1)
    tone = 0.28 + 0.30 * low + 0.35 * halo + 0.14 * (streak - 0.5)
    light = 0.42 + 0.35 * low + 0.35 * halo + 0.28 * streak * (0.3 + halo)
    return over(tone, np.float32(1), sun), over(light, np.float32(1.5), sun), float(sun_x)


def double() -> tuple[np.ndarray, np.ndarray]:
    """x and y of a picture of twice the size."""
    line = np.linspace(-1, 1, 2 * SIZE, dtype=np.float32)
    return np.broadcast_to(line[None], (2 * SIZE, 2 * SIZE)), np.broadcast_to(line[:, None], (2 * SIZE, 2 * SIZE))


def mountains(c: Canvas) -> Scene:
    """Ridged mountains behind each other in haze, under a sun."""
    x, y = double()
    horizon = c.between(-0.25, 0.1)
    rough = c.clouds(slope=2.0, finest=50, coarsest=1.5)
    base = c.clouds(slope=2.6, finest=6)
    height = (0.75 * (1 - np.abs(rough) * 0.7) + 0.45 * base) * np.float32(0.75 * c.density**0.3)
    view = look_over(height, eye=c.between(0.5, 0.75), horizon=horizon, near=0.3, far=7 * c.zoom, ramp=3.2)
    rise_x, rise_z = (sample(s, view.x, view.z) * np.minimum(1, view.z / 3.2) ** 1.5 for s in slopes(height))
    tone, light, sun_x = sky_of(c, x, y, horizon=horizon - 0.1)
    facing = (np.sign(sun_x) * -0.65 * rise_x - 0.15 * rise_z + 0.5) / np.sqrt(1 + rise_x**2 + rise_z**2)
    lit = np.clip(facing, 0, 1.2)
    snow = step(sample(height, view.x, view.z), 0.35, 0.6) * step(np.hypot(rise_x, rise_z), 4.0, 1.5)
    haze = 1 - np.exp(-np.maximum(view.z - 0.5, 0) / (1.9 * c.zoom))
    near_tone, near_light = 0.08 + 0.45 * lit + 0.3 * snow, 0.10 + 0.75 * lit + 0.35 * snow
    tone = np.where(view.ground, over(near_tone, 0.60 + 0 * near_tone, haze), tone)
    light = np.where(view.ground, over(near_light, 0.85 + 0 * near_light, haze), light)
    return Scene(np.clip(halved(tone), 0, 1), halved(light))


def waves(c: Canvas) -> Scene:
    """Open water under a low sun: swell, glitter, crests."""
    x, y = double()
    horizon = c.between(-0.6, -0.15)
    swell = c.clouds(slope=1.6, finest=26, coarsest=5, stretch=(1.7, 0.8))
    chop = c.clouds(slope=1.3, finest=70, coarsest=14, stretch=(1.4, 0.8))
    rough = c.between(0.025, 0.05) * np.float32(c.density)
    height = rough * (1 - np.abs(swell) * 1.1) + np.float32(0.004) * chop
    view = look_over(height, eye=c.between(0.3, 0.5), horizon=horizon, near=0.12, far=14 * c.zoom)
    rise_x, rise_z = (sample(s, view.x, view.z) for s in slopes(height))
    sky_tone, sky_light, sun_x = sky_of(c, x, y, horizon=horizon)
    bend = 1 / np.sqrt(1 + rise_x**2 + rise_z**2)
    looking = np.clip(0.25 + 0.9 * rise_z * bend, 0, 1)  # faces turned to us show the depth, others the sky
    mirror = (1 - looking) ** 2
    glitter = np.exp(-(((x - sun_x) / (0.12 + 0.25 * np.maximum(y - horizon, 0))) ** 2))
    glitter = glitter * step(rise_z + 0.25 * chop_at(chop, view), -0.05, -0.6)
    crest = step(sample(height, view.x, view.z), 0.75 * rough, 1.15 * rough)
    haze = 1 - np.exp(-view.z / (7 * c.zoom))
    tone = 0.16 + 0.42 * mirror + 0.30 * crest + 0.4 * glitter
    light = 0.22 + 0.55 * mirror + 0.42 * crest + 0.9 * glitter
    tone, light = over(tone, 0.55 + 0.2 * glitter, haze), over(light, 0.75 + 0.4 * glitter, haze)
    tone, light = np.where(view.ground, tone, sky_tone), np.where(view.ground, light, sky_light)
    return Scene(np.clip(halved(tone), 0, 1), halved(light))


def chop_at(chop: np.ndarray, view) -> np.ndarray:
    """Small waves where each pixel looks."""
    return sample(chop, 3 * view.x, 3 * view.z)


def dunes(c: Canvas) -> Scene:
    """Sand in long ridges with sharp crests and rippled flanks."""
    x, y = double()
    horizon = c.between(-0.55, -0.1)
    bend = c.clouds(slope=2.5, finest=5)
    line = np.linspace(0, 1, SIZE, endpoint=False, dtype=np.float32)
    phase = (round(2 * c.density) + 1) * line[:, None] + c.rng.integers(-2, 3) * line[None] + 0.22 * bend
    saw = phase % 1
    height = np.float32(0.20) * np.where(saw < 0.72, saw / 0.72, (1 - saw) / 0.28) ** 1.2 + np.float32(0.04) * bend
    view = look_over(height, eye=c.between(0.5, 0.75), horizon=horizon, near=0.08, far=8 * c.zoom)
    rise_x, rise_z = (sample(s, view.x, view.z) for s in slopes(height))
    tone, light, sun_x = sky_of(c, x, y, horizon=horizon - 0.05)
    side = np.float32(1 if sun_x > 0 else -1)
    lit = np.clip(0.55 + 0.9 * side * -rise_x + 0.55 * rise_z, 0.05, 1.15) / np.sqrt(1 + 0.3 * (rise_x**2 + rise_z**2))
    fine = np.sin(TAU * (9 * view.x + 16 * view.z + 0.8 * sample(bend, view.x, view.z))) * np.exp(-view.z / 0.9)
    haze = 1 - np.exp(-view.z / (4 * c.zoom))
    near_tone, near_light = 0.15 + 0.6 * lit + 0.05 * fine, 0.12 + 0.85 * lit + 0.06 * fine
    tone = np.where(view.ground, over(near_tone, 0.62 + 0 * lit, haze), tone)
    light = np.where(view.ground, over(near_light, 0.85 + 0 * lit, haze), light)
    return Scene(np.clip(halved(tone), 0, 1), halved(light))


def horizon(c: Canvas) -> Scene:
    """A glowing grid that runs to a striped sun."""
    x, y = double()
    level = c.between(-0.1, 0.25)
    depth = 1 / np.maximum(y - level, np.float32(0.004))
    gap = c.between(0.22, 0.4) / c.density * c.zoom**-0.5
    width = 0.012 * depth + 0.03
    across = np.abs((x * depth / 3 / gap + 0.5) % 1 - 0.5)
    along = np.abs((depth / 3 / gap + c.between(0, 1)) % 1 - 0.5)
    line = np.maximum(np.exp(-across / width * gap * 2.2), np.exp(-along / (width * (1 + 0.25 * depth)) * gap * 2.2))
    fade = np.exp(-depth / 24)
    floor_light = 0.10 + 1.25 * line * fade + 0.6 * (1 - fade)
    floor_tone = 0.12 + 0.68 * line * fade + 0.35 * (1 - fade)
    size, sun_x, sun_y = c.between(0.3, 0.55), c.between(-0.25, 0.25), level - c.between(0.15, 0.45)
    r = np.sqrt((x - sun_x) ** 2 + (y - sun_y) ** 2)
    place = (y - sun_y) / size
    down = np.clip(place + 0.6, 0, 1.4)
    stripes = step(np.abs((place * c.between(4, 7)) % 1 - 0.5), 0.06 + 0.17 * down, 0.04 + 0.2 * down)
    disc = step(r, size + 0.008, size - 0.008) * np.where(place > -0.1, stripes, 1)
    halo = np.exp(-np.maximum(r - size, 0) / 0.3)
    sky_tone = over(0.18 + 0.3 * halo, np.clip(0.75 - 0.28 * place, 0, 1), disc)
    sky_light = over(0.18 + 0.45 * halo, 1.05 - 0.15 * place, disc)
    sky_light = sky_light + np.repeat(np.repeat(c.stars(count=80, brightest=1), 2, 0), 2, 1) * (1 - disc) * (1 - halo)
    if c.chance(0.6):  # hills before the sun
        hills = level - 0.22 * np.repeat(np.abs(ridge_line(c.rng, slope=0.9)), 2)[None] * step(
            np.abs(x - sun_x), 0.1, 0.7
        )
        hill = step(y - hills, -0.004, 0.004)
        rim = np.exp(-np.abs(y - hills) / 0.012)
        sky_tone, sky_light = over(sky_tone, 0.1 + 0.6 * rim, hill), over(sky_light, 0.12 + 0.9 * rim, hill)
    below = y > level
    tone, light = np.where(below, floor_tone, sky_tone), np.where(below, floor_light, sky_light)
    return Scene(np.clip(halved(tone), 0, 1), halved(light))


def city(c: Canvas) -> Scene:
    """Towers with lit windows in haze at night, mirrored in water at times."""
    x, y = c.grid()
    water = c.between(0.45, 0.7) if c.chance(0.5) else np.float32(9)
    ripple = 0.025 * c.clouds(slope=1.0, finest=40, stretch=(3, 0.4)) * np.maximum(y - water, 0) ** 0.5 * 3
    py = np.where(y > water, 2 * water - y + ripple, y)
    px = x + np.where(y > water, 0.3 * ripple, 0)
    glow = np.exp(-np.maximum(0.6 - py, 0) / 0.55)
    tone, light = 0.15 + 0.5 * glow, 0.22 + 0.65 * glow + 0.12 * unit(c.clouds(slope=2, finest=20)) * glow
    layers = 4
    for layer in range(layers):
        near = layer / (layers - 1)
        width = np.float32((0.09 + 0.13 * near) / c.zoom)
        place = px / width + c.between(0, 9)
        tower_at = np.floor(place)
        tower = tower_at.astype(np.int32) % 97
        tall, lit_share, hue = (
            c.rng.uniform(low, high, 97).astype(np.float32) for low, high in ((0, 1), (0.1, 0.5), (0.5, 1))
        )
        top = 0.35 - 0.25 * (1 - near) - (0.95 - 0.25 * near) * tall[tower] ** 1.8 + 0.25 * near
        inset = np.abs(place - np.floor(place) - 0.5)
        wall = (py > top) & (inset < 0.40 + 0.1 * (tall[tower] < 0.5))
        rows, columns = np.float32(0.024 + 0.016 * near) / c.zoom, np.float32(6)
        row, column = np.floor(py / rows).astype(np.int32), np.floor(place * columns).astype(np.int32)
        lamp = c.rng.uniform(size=(64, 128)).astype(np.float32)[row % 64, column % 128] < lit_share[tower]
        pane = (np.abs(py / rows - row - 0.5) < 0.3) & (np.abs(place * columns - column - 0.5) < 0.32) & lamp
        fog = (1 - near) * 0.55
        share = np.where(wall, np.float32(1), 0)
        tone = over(tone, np.where(pane, hue[tower], 0.16 + 0.5 * fog), share)
        face = 0.5 + 0.5 * (place - tower_at > 0.3)  # the side wall lies in shade
        wall_light = 0.10 + 0.20 * face * (0.4 + 0.6 * glow) + 0.75 * fog * (0.4 + 0.6 * glow)
        light = over(light, np.where(pane, 0.8 + 0.4 * near, wall_light), share)
    return Scene(np.clip(tone, 0, 1), np.where(y > water, 0.6 * light, light))


def forest(c: Canvas) -> Scene:
    """Bare trunks or firs, one row behind another in fog, light falling between them."""
    x, y = c.grid()
    sun_x, sun_y = c.between(-0.5, 0.5), c.between(-0.7, 0.0)
    r, angle = polar(x - sun_x, y - sun_y)
    glow = np.exp(-r / c.between(0.4, 0.8))
    beams = unit(c.clouds(slope=1.2, finest=25)[0][np.clip(((angle / TAU + 0.5) * 255), 0, 255).astype(np.int32)])
    tone, light = 0.45 + 0.5 * glow, 0.55 + 0.6 * glow
    firs, layers = c.chance(0.5), 5
    bark = c.clouds(slope=1.4, finest=60, stretch=(0.7, 4))
    for layer in range(layers):
        near = (layer + 0.5) / layers
        cover = step(y - (0.9 - 0.55 * (1 - near) + 0.05 * ridge_line(c.rng, slope=1.2)[None]), -0.01, 0.02)
        shade = np.full_like(x, 0.25)
        for _ in range(c.count(7 - layer, 10 - layer)):
            at, lean = c.between(-1.15, 1.15) * c.zoom, c.between(-0.06, 0.06)
            if firs:
                top, foot = c.between(-0.7, -0.05) + 0.35 * (1 - near), 0.9 - 0.5 * (1 - near)
                down = np.clip((y - top) / (foot - top), 0, 2)
                jag = 0.65 + 0.35 * (1 - (down * 9 + 0.3 * bark) % 1)
                wide = 0.20 * (0.4 + 0.9 * near) * down * jag
                trunk = step(wide - np.abs(x - at), -0.006, 0.006) * (y > top) * (y < foot + 0.1)
            else:
                thick = (0.012 + 0.07 * near**1.5) * (1 + 0.12 * y) * c.between(0.6, 1.3)
                across = (x - at - lean * y + 0.01 * bark[:, :1]) / thick
                trunk = step(np.abs(across), 1.1, 0.9)
                shade = over(shade, np.clip(0.35 + 0.4 * across * np.sign(sun_x - at), 0.1, 0.8), trunk)
            cover = np.maximum(cover, trunk)
        mist = 0.85 * (1 - near)
        body = 0.10 + 0.28 * shade + 0.05 * bark * near
        tone = over(tone, over(body, 0.45 + 0.5 * glow, mist), cover)
        light = over(light, over(body * 1.1, 0.5 + 0.6 * glow, mist), cover)
        light = light + 0.16 * beams * glow * (1 - near)
    return Scene(np.clip(tone, 0, 1), light)


def cathedral(c: Canvas) -> Scene:
    """A nave of pointed arches that leads to a glowing window."""
    x, y = c.grid(shift=0.18)
    x, y = x * c.between(0.9, 1.3), y - np.float32(0.05)
    tone, light = np.full_like(x, 0.8), np.full_like(x, 1.2)
    r, angle = polar(x, y + 0.12)
    petals = int(c.rng.choice([6, 8, 12]))
    tracery = np.abs(np.sin(angle * petals / 2)) * np.abs(np.sin(r * c.between(22, 40)))
    light = light * (0.45 + 0.55 * step(tracery, 0.1, 0.3))
    tone = np.clip(0.35 + 0.5 * wave(angle / TAU * petals) * wave(r * 4), 0, 1)
    stone = c.clouds(slope=1.4, finest=60)
    bays = max(4, c.count(5, 8))
    pointed, far_end = c.between(0.2, 0.8), c.between(0.2, 0.42)
    for bay in range(bays):
        scale = far_end * np.float32((1 + 0.42 * bay) ** 1.35)
        near = bay / (bays - 1)
        u, v = np.abs(x) / scale, y / scale
        arch = np.where(v < -0.2, np.hypot(u + pointed, (v + 0.2) * 0.9) - pointed, u)  # two arcs that meet in a point
        hole = step(arch, 0.78, 0.75) * (v < 1.05)
        pillar = np.cos(np.clip((arch - 0.75) / 0.25, 0, 1) * 3 * TAU) * 0.5 + 0.5
        rim = np.exp(-np.clip(arch - 0.75, 0, None) / 0.05)
        floor = step(v, 0.98, 1.05)
        lit = (0.75 - 0.62 * near) * (0.35 + 0.4 * pillar + 0.75 * rim) + 0.05 * stone
        shine = floor * np.exp(-((u / 0.45) ** 2)) * (0.7 - 0.4 * near) * wave(v * 3 + bay * 0.5) ** 0.5
        tone = over(0.18 + 0.35 * lit + 0.45 * shine, tone, hole)
        light = over(np.clip(lit, 0.03, 1.3) + shine, light * 0.96 + 0.02, hole)
    spill = np.exp(-r / 0.5)
    return Scene(np.clip(tone, 0, 1), light + 0.35 * spill)


def tunnel(c: Canvas) -> Scene:
    """A tube seen from inside: plates, ribs or rings of light, that run into fog or into brightness."""
    x, y = c.grid(shift=0.25)
    _, angle = polar(x, y)
    power = c.rng.choice([2.0, 2.0, 4.0, 8.0])  # round to square
    radius = (np.abs(x) ** power + np.abs(y) ** power) ** np.float32(1 / power) + np.float32(0.02)
    depth = c.between(0.45, 0.85) / radius * np.float32(c.density) + c.between(0, 1)
    sectors = int(c.rng.choice([6, 8, 12]))
    twist = c.between(-0.25, 0.25) if c.chance(0.6) else np.float32(0)
    around = sectors * (angle / TAU + twist * depth / 2)
    fog = step(radius, 0.06, 0.9)
    row, column = np.floor(depth).astype(np.int32), np.floor(around).astype(np.int32) % sectors
    a, b = np.abs(depth - np.floor(depth) - 0.5) * 2, np.abs(around - np.floor(around) - 0.5) * 2
    style = int(c.rng.integers(3))
    joint = step(np.maximum(a, b), 0.97, 0.82)
    grain = 1 + 0.10 * sample(c.clouds(slope=1.4, finest=50), around / 2, depth / 2)
    if style == 0:  # plates, each of its own shade
        shade = c.rng.uniform(0.15, 1, (64, 16)).astype(np.float32)[row % 64, column % 16]
        tone, light = shade, (0.25 + 0.85 * shade) * (0.3 + 0.7 * joint) * grain
    elif style == 1:  # rings of light between dark ribs
        ring = wave(depth) ** 6
        rail = wave(around) ** 14
        tone, light = 0.2 + 0.75 * np.maximum(ring, rail), (0.16 + 1.25 * ring + 0.7 * rail) * grain
    else:  # a chequered wall with round light across
        check = step((wave(around / 2) - 0.5) * (wave(depth / 2) - 0.5), -0.02, 0.02)
        tone, light = 0.15 + 0.6 * check, (0.18 + 0.75 * check) * (0.6 + 0.4 * np.sin(angle + 1)) * grain
    end = np.exp(-radius / c.between(0.08, 0.2)) if c.chance(0.6) else np.zeros_like(x)
    return Scene(np.clip(tone * (0.5 + 0.5 * fog) + end, 0, 1), light * (0.08 + 0.92 * fog) + 1.7 * end)
