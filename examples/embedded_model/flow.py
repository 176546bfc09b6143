"""Kinds of picture that flow: flames, ink, marble, plasma, silk, caustics, ripples, coral, moire, spiral, chrome."""

import numpy as np
from scipy import fft
from scipy.ndimage import gaussian_filter

from .canvas import (
    SIZE,
    TAU,
    Canvas,
    Scene,
    direction,
    over,
    polar,
    relief,
    ridges,
    rotated,
    sample,
    splat,
    step,
    unit,
    wave,
)

PIXEL = np.float32(2 / SIZE)


def slopes(height: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How steeply a height rises along x and y, in units of the picture."""
    dy, dx = np.gradient(height, PIXEL)
    return dx, dy


def footprint(field: np.ndarray) -> np.ndarray:
    """How much a field changes from one pixel to the next."""
    dy, dx = np.gradient(field)
    return np.hypot(dx, dy) + np.float32(1e-6)


def edge(field: np.ndarray, at: float | np.ndarray, blur: np.ndarray) -> np.ndarray:
    """0 below `at`, 1 above, as sharp as a pixel of this footprint can show."""
    return step(field, at - 0.75 * blur, at + 0.75 * blur)


def strip(field: np.ndarray, low: float, high: float, blur: np.ndarray) -> np.ndarray:
    """1 between low and high, with edges as sharp as `edge`."""
    return edge(field, low, blur) * (1 - edge(field, high, blur))


def flames(c: Canvas) -> Scene:
    """Tongues of folded sheets of fire, some behind others, with flying sparks."""
    x, y = c.grid()
    up = np.clip((1 - y / c.zoom) / 2, 0, 1)  # 0 at the foot
    sway = c.clouds(slope=2.4, finest=7, stretch=(1, 1.3))
    curl = c.clouds(slope=2.0, finest=24, stretch=(1, 1.5))
    bend = (0.04 + 0.26 * up) * sway + (0.01 + 0.05 * up) * curl
    reach = c.between(0.95, 1.35)
    tone, light = 0.06 + 0.10 * np.exp(-2 * up), 0.05 + 0.16 * np.exp(-2 * up)
    for near in (0.5, 1.0):
        wx, wy = x + bend * c.between(0.8, 1.2) + c.between(0, 2), y * 0.8 + 0.05 * curl + c.between(0, 2)
        tongue = sample(c.clouds(slope=1.9, finest=50, coarsest=1.5, stretch=(0.8, 3.0)), wx, wy)
        fibre = sample(c.clouds(slope=1.5, finest=130, coarsest=4, stretch=(0.8, 3.0)), wx + 0.02 * tongue, wy)
        crowd = 0.95 + 0.22 * c.clouds(slope=2, finest=5)[:1]
        heat = reach * (1.4 - 0.3 * near) * crowd - (2.5 - 0.4 * near) * up + 0.44 * tongue + 0.10 * fibre
        body = step(heat, 0.0, 1.2)
        fold = ridges(tongue + 0.15 * fibre, width=0.18) * step(heat, 0.05, 0.5)
        rim = np.exp(-((heat - 0.13) ** 2) / 0.006)
        fire = near * np.clip(body * (0.66 + 0.08 * fibre) + 0.40 * fold * (0.35 + 0.65 * body) + 0.22 * rim, 0, 1.3)
        cover = step(heat, 0.0, 0.25)
        tone = over(tone, 0.12 + 0.80 * fire, cover)
        light = over(light, 0.10 + 1.20 * fire, cover)
    spark = sparks(c, sway) * (1 - 0.7 * cover)
    return Scene(np.clip(tone + 0.6 * np.minimum(spark, 1), 0, 1), light + 1.6 * spark)


def sparks(c: Canvas, sway: np.ndarray) -> np.ndarray:
    """Embers that fly up in short bent trails, light 0 to about 1."""
    count, steps = c.count(50, 130), 40
    px, py = c.rng.uniform(-1, 1, (2, count)).astype(np.float32)
    size = np.minimum(c.rng.pareto(1.8, count) + 0.25, 2.5).astype(np.float32)
    age = np.linspace(0, 1, steps, dtype=np.float32)[:, None]
    length = size * c.between(0.02, 0.06)
    bend = sample(sway, px, py) * length * 0.35
    trails = splat((px + bend * age**2).ravel(), (py - length * age).ravel(), (0.4 * size * age**2 + 0 * px).ravel())
    return np.minimum(gaussian_filter(trails, 0.7, truncate=3) + 2.5 * gaussian_filter(trails, 4, truncate=3), 1.2)


def ink(c: Canvas) -> Scene:
    """Plumes of ink that curl, fold into thin sheets and fray in water."""
    x, y = c.grid(turn=True)
    px, py = x, y
    for finest, amount in ((4, 0.20), (8, 0.11), (16, 0.055), (34, 0.014)):  # each along the curl of its noise
        dx, dy = slopes(c.clouds(slope=2.6, finest=finest))
        size = np.float32(amount / np.hypot(dx, dy).std())
        px, py = px + size * sample(dy, px, py), py - size * sample(dx, px, py)
    drops = np.zeros_like(x)
    for _ in range(c.count(2, 5)):
        cx, cy = c.between(-0.55, 0.55), c.between(-0.55, 0.55)
        drop = c.between(0.75, 1) * np.exp(-((px - cx) ** 2 + (py - cy) ** 2) / c.between(0.08, 0.25))
        drops = np.maximum(drops, drop)
    grain = sample(c.clouds(slope=1.5, finest=110, coarsest=3), px, py)
    body = np.clip(drops * 1.25 + 0.07 * grain - 0.12, 0, 1)
    lamina = wave(c.between(3, 6) * drops + 0.10 * grain) ** 4 * step(body, 0.02, 0.25)
    sheet = ridges(body - 0.12, width=0.03) * 0.7 + 0.55 * lamina
    shade = relief(gaussian_filter(body, 1.0), c.between(0, TAU), strength=16)
    bulk = step(body, 0.0, 0.85)
    if c.chance(0.4):  # dark ink in lit water
        glass = 1.02 - 0.28 * (x * x + y * y) / c.zoom**2
        light = over(glass, 0.10 + 0.28 * shade * (1 - 0.6 * bulk) + 0.35 * sheet * shade, step(body, 0.02, 0.4))
        return Scene(np.clip(0.88 - 0.74 * bulk + 0.34 * sheet - 0.10 * (1 - glass), 0, 1), np.clip(light, 0.04, 1.5))
    light = 0.07 + (0.22 + 0.72 * bulk) * shade * step(body, 0, 0.35) + 0.55 * sheet * shade
    return Scene(np.clip(0.08 + 0.58 * bulk + 0.38 * sheet + 0.05 * grain * bulk, 0, 1), light)


def marble(c: Canvas) -> Scene:
    """Polished stone: layers as thin as in agate, veins of metal, hairs, and the gloss of a window."""
    x, y = c.grid(turn=True)
    fold = c.clouds(slope=2.7, finest=12)
    fray = c.clouds(slope=1.7, finest=90)
    wx, wy = x + 0.10 * fold, y + 0.10 * np.roll(fold, 133, 1)
    bent = sample(c.clouds(slope=2.5, finest=30, stretch=(1.0, 1.6)), wx, wy)
    phase = c.between(0.5, 1.3) * c.density * wx + c.between(0.45, 0.8) * bent + 0.012 * fray + c.between(0, 1)
    layers = phase * c.between(2.5, 4.5)
    blur = footprint(layers)
    saw = layers - np.floor(layers)
    shades = c.rng.uniform(0.0, 0.62, 64).astype(np.float32)
    index = np.floor(layers).astype(np.int32)
    stone = over(shades[(index - 1) % 64], shades[index % 64], step(saw, 0, np.maximum(0.10, 1.5 * blur)))
    growth = (wave(4 * layers) - 0.5) * step(blur * 4, 0.5, 0.12) * (shades[(index + 7) % 64] > 0.3)
    cloud = unit(c.clouds(slope=2.0, finest=40))
    vein = np.abs(np.sin(TAU / 2 * (phase * 1.1 + 0.20 * np.roll(bent, 131, 0) + 0.03 * fray)))
    metal = step(vein - 0.05 * cloud, 0.055, 0.03) * step(np.roll(fold, 250, 1) + 0.2 * fray, -0.5, -0.3)
    hair = ridges(np.roll(bent, 201, 1) + 0.16 * fray, width=0.025) * unit(np.roll(fold, 80, 0))
    glint = np.clip(1 + 0.8 * c.rng.standard_normal(x.shape, dtype=np.float32), 0.3, 2.4)
    shine = relief(gaussian_filter(metal + 0.1 * cloud, 1.2), c.between(0, TAU), strength=5)
    gx, gy = rotated(x, y, c.between(0, TAU))
    window = np.exp(-(((gx - 0.3) / 0.5) ** 2)) * (0.75 + 0.25 * step(np.abs(gy), 0.9, 0.5))
    tone = 0.06 + stone + 0.22 * cloud + 0.07 * growth + 0.012 * fray
    light = (0.22 + 0.85 * stone + 0.38 * cloud + 0.16 * growth) * (0.82 + 0.34 * window) * (1 - 0.55 * hair)
    tone = over(tone, 0.80 + 0.12 * (glint - 1), metal)
    return Scene(np.clip(tone, 0, 1), over(light, 0.70 * shine + 0.25 * glint, metal) + 0.25 * window * metal)


def plasma(c: Canvas) -> Scene:
    """Molten blobs of glowing glass that merge, with a lamp and a rim of light on their skin."""
    x, y = c.grid()
    warp = 0.05 * c.clouds(slope=2.6, finest=5)
    x, y = x + warp, y + np.roll(warp, 199, 0)
    inner = c.clouds(slope=1.9, finest=60)
    field, sizes = np.full_like(x, 1e-3), np.full_like(x, 1e-4)
    gx, gy = np.zeros_like(x), np.zeros_like(x)
    for _ in range(c.count(9, 18)):
        size = np.float32(0.07 + 0.30 * c.rng.uniform() ** 2.2)
        dx, dy = x - c.between(-1, 1) * c.zoom, y - c.between(-1, 1) * c.zoom
        pull = size**2 / (dx * dx + dy * dy + 1e-4)
        steep = pull * pull / size**2
        field, sizes = field + pull**2, sizes + pull**2 * size
        gx, gy = gx + steep * pull * dx, gy + steep * pull * dy
    sizes = sizes / field
    nx, ny = (sizes * g / field**1.5 for g in (gx, gy))
    tilt = np.hypot(nx, ny)
    limit = np.minimum(1, 0.999 / (tilt + 1e-6))
    nx, ny = nx * limit, ny * limit
    nz = np.sqrt(1 - nx * nx - ny * ny)
    ball = np.log(field)
    body = edge(ball, 0.0, footprint(ball))
    side = direction(c.between(0, TAU))
    facing = nx * side[0] + ny * side[1]
    depth = 0.25 * (1 - nz)
    swirl = unit(sample(inner, x - depth * nx * 2, y - depth * ny * 2), contrast=1.2)
    rim = (1 - nz) ** 3
    lamp = step(np.hypot(nx - 0.50 * side[0], ny - 0.50 * side[1]), 0.20, 0.15)
    low = step(np.abs(facing + 0.78), 0.10, 0.06) * step(nz, 0.15, 0.4)
    glow = np.clip(-facing * 0.5 + 0.5, 0, 1)
    tone_in = 0.22 + 0.42 * swirl * (0.5 + 0.5 * nz) + 0.30 * glow**2 + 0.30 * rim
    light_in = 0.22 + 0.45 * nz + 0.38 * glow * swirl + 0.55 * rim + 1.1 * lamp + 0.40 * low
    halo = np.minimum(field, 1) ** 0.5
    back = 0.10 + 0.10 * unit(np.roll(inner, 99, 1)) + 0.30 * halo**2
    return Scene(np.clip(over(back, tone_in + 0.3 * lamp, body), 0, 1), over(0.06 + 0.45 * halo**2, light_in, body))


def silk(c: Canvas) -> Scene:
    """Ribbons of fine threads that wave, twist and fold before each other."""
    back = c.clouds(slope=2.8, finest=4)
    tone, light = 0.10 + 0.08 * unit(back), 0.05 + 0.06 * unit(back)
    count, strands, steps = min(c.count(5, 8), 9), 110, 850
    turn = c.between(0, TAU)
    across = np.linspace(0, 1, strands, dtype=np.float32)
    along = np.linspace(0, 1, steps, dtype=np.float32)[:, None]
    for index in range(count):
        near = (index + 1) / count
        u = (2.9 * along - 1.45) * np.ones_like(across)
        v = (1.5 * (index * 0.618 % 1) - 0.75 + c.between(-0.2, 0.2)) * np.ones_like(u)
        for k, high in ((1, 0.45), (2, 0.20), (3.3, 0.10)):
            phase = c.between(0, 1) + c.between(0.15, 0.5) * c.rng.choice([-1, 1]) * across
            v = v + c.between(0.4, 1) * high * np.sin(TAU * (phase + k * along * c.between(0.4, 0.8)))
            u = u + 0.2 * high * np.sin(TAU * (phase + k * along * 0.7))
        thread = (0.35 + 0.65 * c.rng.uniform(0, 1, strands) ** 2).astype(np.float32)
        sheen = 0.35 + 0.65 * wave(along * c.between(1, 2.2) + 0.6 * across + c.between(0, 1))
        px, py = rotated(u / c.zoom, v / c.zoom, turn + c.between(-0.25, 0.25))
        dots = splat(px.ravel(), py.ravel(), (thread * sheen).ravel())
        line = gaussian_filter(dots, 0.5, truncate=3)
        cloth = gaussian_filter(dots, 4.0, truncate=2.5)
        cover = 1 - np.exp(-1.4 * cloth - 0.5 * line)
        bright = 1 - np.exp(-0.5 * cloth - 0.9 * line)
        shade = c.between(0.0, 0.4)
        tone = over(tone, shade + 0.10 + 0.60 * bright, cover * 0.9)
        light = over(light, (0.05 + 1.45 * bright) * (0.4 + 0.6 * near), cover * 0.9)
    return Scene(np.clip(tone, 0, 1), light)


def caustics(c: Canvas) -> Scene:
    """Sunlight through moving water: a net of light on the ground, seen from above or far along the sea floor."""
    x, y = c.grid()
    x, y = x / c.zoom, y / c.zoom
    net = light_net(c)
    sand = c.clouds(slope=1.6, finest=160)
    if c.chance(0.6):
        return sea_floor(c, x, y, net, sand)
    fine = relief(sand, c.between(0, TAU), strength=2.5)
    shade = 1.05 - 0.55 * step(np.hypot(x - c.between(-0.5, 0.5), y - c.between(-0.5, 0.5)), 0.1, 1.5)
    depth = unit(c.clouds(slope=2.8, finest=4))
    tone = 0.10 + 0.28 * depth + 0.62 * np.minimum(net, 1) + 0.03 * sand
    return Scene(np.clip(tone, 0, 1), (0.18 + 0.22 * depth + 0.10 * (fine - 1) + 1.05 * net) * shade)


def light_net(c: Canvas) -> np.ndarray:
    """Where light falls below a wavy surface: 0.2 between the lines, above 1 in them; periodic."""
    surface = c.clouds(slope=2.9, finest=10 * c.density, coarsest=2.6 * c.density)
    dx, dy = slopes(surface)
    size = c.between(0.034, 0.055) / np.float32(np.hypot(dx, dy).std())
    line = np.linspace(-1, 1, SIZE, endpoint=False, dtype=np.float32)
    net = np.zeros_like(surface)
    for shift in ((0, 0), (0, 1), (1, 0), (1, 1)):  # a ray every half pixel
        middle = [(f + np.roll(f, shift, (0, 1))) * (0.5 * size) for f in (dx, dy)]
        bx, by = middle[0] + line - shift[1] * PIXEL / 2, middle[1] + line[:, None] - shift[0] * PIXEL / 2
        net += splat(((bx + 1) % 2 - 1).ravel(), ((by + 1) % 2 - 1).ravel())
    net = gaussian_filter(net, 0.8, mode="wrap", truncate=3) / 4
    return np.clip(net / 3.6, 0, 1.7) ** 1.05


def sea_floor(c: Canvas, x: np.ndarray, y: np.ndarray, net: np.ndarray, sand: np.ndarray) -> Scene:
    """The net on sand that recedes into blue haze, with shafts of light from the surface."""
    horizon = c.between(-0.15, 0.3)
    z = 0.75 / np.maximum(y - horizon, 0.02)
    near = step(z, 7.0, 0.9)
    fx, fz = x * z * 0.8, z * 0.8 + c.between(0, 2)
    ground, grain = sample(net, fx, fz) * near, sample(sand, fx, fz) * near**2
    dune = 0.05 * c.clouds(slope=2.5, finest=6)[:1]
    floor = step(y, horizon - 0.02, horizon + 0.10 + dune)
    origin = c.between(-0.6, 0.6)
    fan = (x - origin) / (y + 2.2)
    rays = c.clouds(slope=1.2, finest=40)[0]
    shaft = unit(np.interp(fan * SIZE * 0.35 + 256, np.arange(SIZE), rays).astype(np.float32), contrast=1.4)
    sun = np.exp(-((x - origin) ** 2 + (y + 1.25) ** 2) / 0.5)
    high = step(y, 0.75, -1.1)
    beam = shaft * high * np.exp(-((fan * 1.6) ** 2))
    roof = step(y, -0.35, -1.0) * sample(net, x / (0.2 + 0.55 * (1.05 + y)), 0.9 / (0.2 + 0.55 * (1.05 + y)))
    water_light = 0.16 + 0.50 * high + 0.55 * beam + 0.9 * sun + 0.35 * roof
    water_tone = 0.16 + 0.42 * high + 0.25 * beam + 0.35 * sun + 0.15 * roof
    haze = 1 - near
    tone = over(0.12 + 0.70 * np.minimum(ground, 1) + 0.04 * grain, water_tone, haze)
    light = over(0.14 + 1.15 * ground + 0.05 * grain, water_light, haze) + 0.20 * beam
    return Scene(np.clip(over(water_tone, tone, floor), 0, 1), np.clip(over(water_light, light, floor), 0.04, 1.8))


def ripples(c: Canvas) -> Scene:
    """Rings from drops on still water that mirrors a bright sky, a dark shore and the sun."""
    x, y = c.grid()
    x, y = x / c.zoom, y / c.zoom
    far = np.float32(2.3) / (y + c.between(2.0, 2.8))  # nearer at the foot of the picture
    wx, wy = x * far * c.zoom, -3.4 * far * c.zoom
    middle = np.float32(wy[SIZE // 2].mean())
    height = np.zeros_like(x)
    for _ in range(min(c.count(1, 4), 6)):
        r, _ = polar(wx - c.between(-0.8, 0.8), wy - middle - c.between(-1.0, 1.3))
        front, pitch = c.between(0.5, 1.5), c.between(18, 34)
        packet = np.exp(-r * c.between(0.4, 1.0)) * step(r, front + 0.2, front - 0.15)
        height = height + packet * np.sin(pitch * r * (1 + 0.25 * r) - c.between(0, TAU)) / pitch
    height = height + 0.0012 * c.clouds(slope=1.7, finest=40, stretch=(1, 0.5))
    dx, dy = slopes(height)
    up = 0.34 + 0.16 * y + c.between(0.20, 0.30) * dy  # how high the mirrored ray points: 0 the horizon, 1 overhead
    aside = x + 0.6 * dx
    sky = unit(sample(c.clouds(slope=2.3, finest=24, stretch=(0.7, 1.6)), 0.6 * aside, 0.8 * up))
    sun = np.hypot(aside - c.between(-0.6, 0.6), 1.3 * (up - c.between(0.05, 0.3)))
    disc = edge(-sun, -0.07, np.minimum(footprint(sun), 0.3))
    glow, open_ = step(up, 0.75, 0.02), step(up, -0.16, 0.02)
    mirror = 0.10 + 0.55 * glow + 0.22 * sky + 0.45 * np.exp(-sun / 0.22)
    depth = 0.06 + 0.10 * step(y, -1, 1)
    light = over(depth, mirror + 1.0 * disc, open_)
    return Scene(np.clip(over(depth, 0.06 + 0.85 * mirror + 0.2 * disc, open_), 0, 1), light)


def coral(c: Canvas) -> Scene:
    """Reaction and diffusion as a reef grows it: labyrinths or knobs with fine ribs across, on mounds lit from aside.

    Source
    ------
    Turing, Phil. Trans. R. Soc. B 237 (1952), as repeated band-pass and saturation (Swift-Hohenberg).
    """
    fy, fx = fft.fftfreq(SIZE, 1 / SIZE)[:, None], fft.rfftfreq(SIZE, 1 / SIZE)[None]
    frequency = np.sqrt(fx * fx + fy * fy)
    wanted = c.between(6.5, 14) * c.density * c.zoom
    band = (1.6 * np.exp(-(((frequency - wanted) / (0.22 * wanted)) ** 2))).astype(np.float32)
    bias = c.between(-0.45, 0.35) + 0.25 * c.clouds(slope=2.6, finest=4)
    field = c.clouds(slope=1.0, finest=60)
    for _ in range(15):
        field = fft.irfft2(band * fft.rfft2(np.tanh(2.2 * field + bias)), s=(SIZE, SIZE))
    mound = c.clouds(slope=3.2, finest=4)
    x, y = c.grid()
    x, y = x / c.zoom + 0.10 * mound, y / c.zoom + 0.10 * np.roll(mound, 170, 1)  # ridges lean with the mounds
    field, tilt = sample(field, x, y), sample(bias, x, y)
    high = np.tanh(1.8 * (field + 0.6 * tilt))
    side = c.between(0, TAU)
    ribs = ribbed(c, field) * (1 - high**6)
    lit = relief(gaussian_filter(high, 1.0) * 7 / wanted + 0.03 * ribs, side, strength=7)
    big = relief(mound, side, strength=70)
    top = 0.5 + 0.5 * high
    shadow = 0.30 + 0.70 * step(gaussian_filter(top, SIZE / wanted / 8) + 0.5 * top, 0.05, 1.0)
    glaze = np.clip(lit - 1.35, 0, 1) * step(top, 0.3, 0.9)
    tone = 0.16 + 0.42 * top + 0.20 * (big - 1) + 0.16 * (lit - 1) + 0.03 * ribs + 0.4 * glaze
    light = (0.38 + 0.48 * top) * (0.25 + 0.75 * lit) * (0.45 + 0.55 * big) * shadow + 0.9 * glaze
    return Scene(np.clip(tone, 0, 1), light)


def ribbed(c: Canvas, field: np.ndarray) -> np.ndarray:
    """Noise drawn out along the slope of a field, deviation about 1: ribs that run down both sides of every ridge."""
    dy, dx = np.gradient(field)
    steep = np.hypot(dx, dy)
    dx, dy = dx / (steep + 0.01), dy / (steep + 0.01)
    noise = c.clouds(slope=0.3, finest=120, coarsest=30)
    line = np.linspace(-1, 1, SIZE, endpoint=False, dtype=np.float32)
    drawn = sum(sample(noise, line + k * PIXEL * dx, line[:, None] + k * PIXEL * dy) for k in (-7, -2, 2, 7))
    return drawn / (drawn.std() + 1e-6)


def moire(c: Canvas) -> Scene:
    """Two fine gratings of crisp lines laid over each other; their beats swell like light on a curved sheet."""
    x, y = c.grid()
    lines = min(c.between(9, 15) * c.density, 26 / c.zoom)
    count, rings, turn = 2, c.chance(0.6), c.between(0, TAU)
    far = c.between(0.08, 0.30)
    beat, ink_ = np.zeros_like(x), np.zeros_like(x)
    for index in range(count):
        place = direction(turn + TAU * index / count)
        if rings:
            r, _ = polar(x - far * place[0], y - far * place[1])
            phase = lines * r * (1 + 0.04 * index)
        else:
            u, v = rotated(x, y, turn + index * c.between(0.06, 0.2))
            phase = lines * u * (1 + 0.07 * index) + c.between(0.3, 0.8) * np.sin(2.4 * v + 1.5 * u + index)
        mark = edge(np.abs(phase - np.round(phase)), 0.25, footprint(phase))
        ink_ = ink_ + mark - 2 * ink_ * mark  # one or the other
        beat = beat + np.cos(TAU * phase)
    swell = gaussian_filter(beat * beat, 0.7 * SIZE / (2 * lines / c.zoom))
    swell = step(swell, swell.min(), swell.max())
    fall = step(np.hypot(x, y) / c.zoom, 1.6, 0.2)
    tone = 0.05 + ink_ * (0.30 + 0.60 * swell) + (1 - ink_) * 0.16 * swell
    return Scene(np.clip(tone, 0, 1), (0.06 + 0.12 * swell + ink_ * (0.50 + 0.95 * swell)) * (0.50 + 0.50 * fall))


def spiral(c: Canvas) -> Scene:
    """Arms that wind into a bright middle: smooth ribbons, ribbed shells or rows of pearls, the same on every arm."""
    x, y = c.grid(turn=True)
    r, angle = polar(x, y)
    arms, sense = int(c.rng.integers(1, 7)), float(c.rng.choice([-1, 1]))
    depth = np.log(r)
    phase = (
        arms * angle / TAU
        + sense * c.between(0.35, 0.6) * np.float32(np.sqrt(arms)) * np.float32(1.6 * c.density) * depth
    )
    saw = phase - np.floor(phase)
    pixels = PIXEL * c.zoom / r  # a pixel in units of log r
    style = c.rng.integers(3)
    ribs = arms * round(c.between(14, 26) / np.sqrt(arms))
    cross = ribs * angle / TAU - sense * c.between(0.5, 1.0) * ribs / TAU * depth
    rib = cross - np.floor(cross)
    fine = step(pixels * ribs, 0.9, 0.25)
    dome = np.sqrt(np.clip(1 - (2 * saw - 1) ** 2, 0, 1))
    lit = dome * (0.45 + 0.75 * saw)
    if style == 0:  # ribbons with drawn threads
        detail = 0.5 + (wave(6 * saw) - 0.5) * step(pixels * 20, 0.9, 0.25)
        lit = lit * (0.62 + 0.55 * detail)
    elif style == 1:  # shell
        detail = over(np.full_like(rib, 0.6), rib**0.7 * step(rib, 1.0, 0.93), fine)
        lit = lit * (0.40 + 0.85 * detail)
    else:  # pearls
        round_ = np.clip(1 - (2 * saw - 1) ** 2 - (2 * rib - 1) ** 2, 0, 1)
        pearl = np.sqrt(round_) * (0.55 + 0.5 * saw) + 0.8 * step(np.hypot(saw - 0.66, rib - 0.6), 0.13, 0.05)
        detail = over(np.full_like(rib, 0.6), pearl, fine)
        lit = over(0.22 * lit, 0.1 + detail, step(round_, 0.0, 0.12) * fine)
    heart = np.exp(-((r / c.between(0.16, 0.30)) ** 1.3))
    fall = step(r / c.zoom, 1.7, 0.15)
    tone = 0.08 + 0.62 * lit + 0.16 * np.cos(TAU * 0.45 * depth) * dome + 0.45 * heart
    return Scene(np.clip(tone, 0, 1), (0.05 + 1.05 * lit) * (0.30 + 0.85 * fall) + 1.1 * heart)


def chrome(c: Canvas) -> Scene:
    """Liquid metal: a smooth flowing surface that mirrors softboxes and a dark studio in sharp bands."""
    x, y = c.grid(turn=True)
    fold = c.between(0.10, 0.22) * c.clouds(slope=3.2, finest=5)
    wave_ = c.clouds(slope=3.4, finest=c.between(6, 10), stretch=(1, c.between(1, 2.2)))
    height = np.pad(sample(wave_, x + fold, y + np.roll(fold, 171, 1)), 8, mode="reflect", reflect_type="odd")
    height = gaussian_filter(height, 2.0)[8:-8, 8:-8]
    dx, dy = slopes(height)
    size = c.between(0.55, 0.95) / np.float32(np.hypot(dx, dy).std())
    dx, dy = size * dx, size * dy
    nz = 1 / np.sqrt(1 + dx * dx + dy * dy)
    high, aside = rotated(2 * dx * nz * nz, 2 * dy * nz * nz, c.between(0, TAU))  # where the mirrored ray goes
    up, wide = footprint(high), footprint(aside)
    horizon = edge(high, c.between(-0.25, 0.1), up)
    box = strip(high, 0.22, 0.62, up) * strip(aside, -0.75, 0.35, wide)
    tubes = strip(high, 0.72, 0.80, up) + strip(high, -0.30, -0.25, up) + strip(high, -0.62, -0.50, up)
    tubes = tubes * strip(aside, -0.6, 0.8, wide) + strip(aside, 0.86, 0.93, wide)
    wall = 0.10 + 0.50 * step(high, -0.1, 0.9) + 0.18 * step(aside, -1, 1)
    floor = 0.34 * step(high, -1.0, 0.0) ** 2 + 0.10 * step(aside, 0.8, -0.8)
    tone = over(0.08 + floor, 0.18 + wall, horizon)
    light = over(0.04 + 0.8 * floor, 0.10 + wall, horizon)
    shine = np.clip(box * (0.75 + 0.25 * step(high, 0.2, 0.6)) + 0.9 * tubes, 0, 1)
    rim = (1 - nz) ** 2
    return Scene(np.clip(over(tone, 0.95, shine) + 0.1 * rim, 0, 1), over(light, 1.45, shine) + 0.2 * rim)
