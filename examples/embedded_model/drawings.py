"""A seed, a pattern, a palette and at most one modifier become a picture."""

import numpy as np
from scipy.ndimage import gaussian_filter

from . import built, flow, growth, land, sky
from .canvas import SIZE, Canvas, Scene

PATTERNS = {
    "nebula": sky.nebula,
    "stars": sky.stars,
    "galaxy": sky.galaxy,
    "planet": sky.planet,
    "aurora": sky.aurora,
    "lightning": sky.lightning,
    "clouds": sky.clouds,
    "mountains": land.mountains,
    "waves": land.waves,
    "dunes": land.dunes,
    "horizon": land.horizon,
    "city": land.city,
    "forest": land.forest,
    "cathedral": land.cathedral,
    "tunnel": land.tunnel,
    "flames": flow.flames,
    "ink": flow.ink,
    "marble": flow.marble,
    "plasma": flow.plasma,
    "silk": flow.silk,
    "caustics": flow.caustics,
    "ripples": flow.ripples,
    "coral": flow.coral,
    "moire": flow.moire,
    "spiral": flow.spiral,
    "fractal": growth.fractal,
    "ether": growth.ether,
    "leaves": growth.leaves,
    "feathers": growth.feathers,
    "flowers": growth.flowers,
    "bubbles": growth.bubbles,
    "mandala": built.mandala,
    "kaleidoscope": built.kaleidoscope,
    "glass": built.glass,
    "crystal": built.crystal,
    "tiles": built.tiles,
    "lattice": built.lattice,
    "lights": built.lights,
}

# Colours from tone 0 to tone 1, equally spaced, RGB 0..255.
PALETTES = {
    "fire": ((18, 2, 2), (120, 8, 4), (215, 40, 6), (250, 120, 10), (255, 200, 50), (255, 245, 190)),
    "ocean": ((3, 8, 42), (6, 32, 98), (8, 78, 152), (14, 138, 186), (80, 205, 215), (225, 250, 250)),
    "moss": ((16, 18, 6), (40, 52, 14), (62, 92, 22), (104, 132, 38), (164, 164, 72), (222, 208, 150)),
    "neon": ((12, 0, 38), (88, 0, 190), (255, 0, 170), (255, 60, 110), (0, 225, 255), (190, 255, 250)),
    "sunset": ((36, 12, 74), (98, 22, 110), (190, 44, 100), (242, 100, 72), (255, 166, 92), (255, 226, 172)),
    "ice": ((48, 66, 88), (92, 120, 150), (136, 172, 200), (178, 210, 228), (214, 236, 246), (250, 254, 255)),
    "gold": ((26, 16, 2), (84, 54, 8), (148, 102, 16), (206, 156, 30), (240, 204, 84), (255, 244, 196)),
    "violet": ((14, 4, 40), (48, 16, 104), (92, 40, 172), (134, 78, 220), (182, 138, 246), (232, 216, 255)),
    "mono": ((6, 6, 6), (52, 52, 52), (104, 104, 104), (156, 156, 156), (208, 208, 208), (252, 252, 252)),
    "rose": ((52, 6, 30), (128, 18, 66), (204, 46, 108), (236, 104, 150), (248, 164, 190), (255, 226, 234)),
    "emerald": ((0, 22, 18), (0, 66, 50), (0, 116, 82), (12, 166, 112), (84, 214, 156), (206, 252, 226)),
    "candy": ((120, 60, 160), (255, 120, 180), (150, 205, 255), (255, 190, 215), (170, 245, 210), (255, 240, 165)),
    "rainbow": ((225, 20, 40), (255, 130, 0), (250, 225, 20), (30, 190, 70), (30, 110, 235), (160, 40, 215)),
    "crimson": ((8, 4, 6), (52, 4, 14), (126, 4, 24), (196, 14, 34), (222, 86, 84), (250, 226, 220)),
    "acid": ((4, 10, 2), (18, 44, 4), (60, 110, 0), (132, 204, 0), (204, 252, 40), (248, 255, 190)),
    "sand": ((44, 30, 24), (96, 70, 52), (150, 116, 84), (196, 164, 122), (226, 204, 166), (248, 238, 216)),
    "copper": ((4, 30, 38), (10, 78, 88), (50, 120, 122), (206, 112, 48), (244, 164, 92), (255, 228, 190)),
    "midnight": ((3, 4, 14), (10, 14, 44), (24, 34, 84), (62, 78, 136), (140, 156, 198), (232, 238, 252)),
    "lagoon": ((0, 40, 52), (0, 92, 104), (0, 152, 156), (64, 206, 194), (164, 236, 214), (250, 250, 226)),
    "cosmic": ((6, 4, 26), (42, 14, 84), (20, 70, 160), (176, 40, 150), (255, 140, 96), (255, 236, 200)),
}

# What a palette's shadows fade to, where its first colour is no shadow.
SHADOWS = {"candy": (70, 24, 100), "rainbow": (24, 8, 48), "ice": (14, 26, 44), "sand": (20, 12, 10)}

MODIFIERS = ("soft", "sharp", "dark", "bright", "dense", "sparse", "glowing", "symmetrical", "close", "far")
ZOOM = {"close": 0.55, "far": 1.7}
DENSITY = {"sparse": 0.5, "dense": 1.8}
GAIN = {"dark": (0.62, 1.3), "bright": (1.3, 0.72), "glowing": (0.85, 1.15)}  # of light, and exponent of tone


def draw(pattern: str, palette: str, rng: np.random.Generator, *, modifier: str = "") -> np.ndarray:
    """One picture.

    Parameters
    ----------
    pattern, palette : str
        Keys of PATTERNS and PALETTES.
    rng : numpy Generator
        The only source of chance.
    modifier : str
        One of MODIFIERS, or "".

    Returns
    -------
    uint8, shape (SIZE, SIZE, 3), RGB.
    """
    zoom, density = rng.uniform(0.9, 1.1, 2).tolist()
    canvas = Canvas(rng, zoom=ZOOM.get(modifier, zoom), density=DENSITY.get(modifier, density))
    scene = PATTERNS[pattern](canvas)
    if modifier == "symmetrical":
        scene = mirrored(scene)
    gain, exponent = GAIN.get(modifier, (1.0, 1.0))
    picture = paint(
        scene,
        palette,
        gain=gain * rng.uniform(0.93, 1.07),
        exponent=exponent * rng.uniform(0.88, 1.12),
        glow=2.2 if modifier == "glowing" else rng.uniform(0.15, 0.4),
    )
    if modifier == "soft":
        picture = gaussian_filter(picture, (3.0, 3.0, 0))
    elif modifier == "sharp":
        picture = picture + 1.1 * (picture - gaussian_filter(picture, (1.6, 1.6, 0)))
    return (np.clip(picture, 0, 1) * 255).round().astype(np.uint8)


def mirrored(scene: Scene) -> Scene:
    """The left half on both sides."""
    half = SIZE // 2
    return Scene(
        *(np.concatenate([field[:, :half], field[:, half - 1 :: -1]], 1) for field in (scene.tone, scene.light))
    )


def paint(scene: Scene, palette: str, *, gain: float = 1.0, exponent: float = 1.0, glow: float = 0.3) -> np.ndarray:
    """Tones looked up in a palette and lit, as film sees them: light above 1 goes to white and spills over.

    Returns
    -------
    float32, shape (H, W, 3), about 0..1.
    """
    colours = np.asarray(PALETTES[palette], np.float32) / 255
    places = np.linspace(0, 1, 1024) ** exponent * (len(colours) - 1)
    table = np.stack([np.interp(places, np.arange(len(colours)), channel) for channel in colours.T], -1).astype(
        np.float32
    )
    colour = table[(np.clip(scene.tone, 0, 1) * 1023).astype(np.int32)]
    light = (np.clip(scene.light, 0, 2) * np.float32(gain))[..., None]
    shadow = np.asarray(SHADOWS[palette], np.float32) / 255 if palette in SHADOWS else 0.3 * colours[0]
    shaded = shadow + (colour - shadow) * np.minimum(light, 1)
    shaded = shaded + (1 - shaded) * 0.7 * np.clip(light - 1, 0, 1)
    return shaded + (1 - shaded) * np.clip(np.float32(glow) * spill(shaded), 0, 0.9)


def spill(picture: np.ndarray, *, factor: int = 4, spread: float = 5.0) -> np.ndarray:
    """Light that bright places throw on what is around them, float32 (H, W, 3)."""
    small = picture.reshape(SIZE // factor, factor, SIZE // factor, factor, 3).mean((1, 3))
    small = small * np.clip(small.max(-1, keepdims=True) - 0.35, 0, 1) ** 1.5 * 1.6
    near, far = (gaussian_filter(small, (size, size, 0)) for size in (spread / 2, 3 * spread))
    wide = 0.6 * near + 0.4 * far
    for axis in (0, 1):  # enlarged linearly, between the middles of blocks
        place = (np.arange(SIZE, dtype=np.float32) + 0.5) / factor - 0.5
        low = np.clip(np.floor(place), 0, SIZE // factor - 1).astype(int)
        share = np.clip(place - low, 0, 1).reshape([-1 if a == axis else 1 for a in range(3)])
        wide = wide.take(low, axis) * (1 - share) + wide.take(np.minimum(low + 1, SIZE // factor - 1), axis) * share
    return wide
