"""A seed, a pattern and a palette become a picture."""
import numpy as np

from . import geometric, organic
from .canvas import Scene

MOODS = {"dark": (0.72, 1.25), "": (1.0, 1.0), "bright": (1.18, 0.75)}  # gain of light, exponent of tone

PATTERNS = {
    "nebula": organic.nebula, "marble": organic.marble, "plasma": organic.plasma, "ripples": organic.ripples,
    "waves": organic.waves, "aurora": organic.aurora, "mountains": organic.mountains, "fractal": organic.fractal,
    "glass": geometric.glass, "crystal": geometric.crystal, "tiles": geometric.tiles, "mandala": geometric.mandala,
    "spiral": geometric.spiral, "tunnel": geometric.tunnel, "lights": geometric.lights,
    "bubbles": geometric.bubbles, "flowers": geometric.flowers,
}

# Colours from tone 0 to tone 1, equally spaced, RGB 0..255.
PALETTES = {
    "fire": ((18, 2, 2), (120, 8, 4), (215, 40, 6), (250, 120, 10), (255, 200, 50), (255, 245, 190)),
    "ocean": ((3, 8, 42), (6, 32, 98), (8, 78, 152), (14, 138, 186), (80, 205, 215), (225, 250, 250)),
    "forest": ((16, 18, 6), (40, 52, 14), (62, 92, 22), (104, 132, 38), (164, 164, 72), (222, 208, 150)),
    "neon": ((12, 0, 38), (88, 0, 190), (255, 0, 170), (255, 60, 110), (0, 225, 255), (190, 255, 250)),
    "sunset": ((36, 12, 74), (98, 22, 110), (190, 44, 100), (242, 100, 72), (255, 166, 92), (255, 226, 172)),
    "ice": ((48, 66, 88), (92, 120, 150), (136, 172, 200), (178, 210, 228), (214, 236, 246), (250, 254, 255)),
    "gold": ((26, 16, 2), (84, 54, 8), (148, 102, 16), (206, 156, 30), (240, 204, 84), (255, 244, 196)),
    "violet": ((14, 4, 40), (48, 16, 104), (92, 40, 172), (134, 78, 220), (182, 138, 246), (232, 216, 255)),
    "mono": ((6, 6, 6), (52, 52, 52), (104, 104, 104), (156, 156, 156), (208, 208, 208), (252, 252, 252)),
    "rose": ((52, 6, 30), (128, 18, 66), (204, 46, 108), (236, 104, 150), (248, 164, 190), (255, 226, 234)),
    "emerald": ((0, 22, 18), (0, 66, 50), (0, 116, 82), (12, 166, 112), (84, 214, 156), (206, 252, 226)),
    "candy": ((255, 120, 180), (150, 205, 255), (255, 190, 215), (170, 245, 210), (255, 240, 165), (250, 240, 255)),
    "rainbow": ((225, 20, 40), (255, 130, 0), (250, 225, 20), (30, 190, 70), (30, 110, 235), (160, 40, 215)),
}

# What a palette's shadows fade to, where its first colour is no shadow.
SHADOWS = {"candy": (92, 30, 118), "rainbow": (24, 8, 48), "ice": (14, 26, 44)}


def draw(pattern: str, palette: str, rng: np.random.Generator, *, mood: str = "") -> np.ndarray:
    """One picture.

    Parameters
    ----------
    pattern, palette, mood : str
        Keys of PATTERNS, PALETTES and MOODS.
    rng : numpy Generator
        The only source of chance.

    Returns
    -------
    uint8, shape (H, W, 3), RGB.
    """
    scene = PATTERNS[pattern](rng)
    gain, exponent = MOODS[mood]
    return paint(scene, palette, gain=gain * rng.uniform(0.92, 1.08), exponent=exponent * rng.uniform(0.85, 1.15))


def paint(scene: Scene, palette: str, *, gain: float = 1.0, exponent: float = 1.0) -> np.ndarray:
    """Tones looked up in a palette and lit; light above 1 moves towards white. uint8, shape (H, W, 3)."""
    colours = np.asarray(PALETTES[palette], np.float32)
    places = np.linspace(0, 1, 1024) ** exponent * (len(colours) - 1)
    table = np.stack([np.interp(places, np.arange(len(colours)), channel) for channel in colours.T], -1).astype(np.float32)
    colour = table[(np.clip(scene.tone, 0, 1) * 1023).astype(np.int32)]  # (H, W, 3)
    light = (np.clip(scene.light, 0, 1.7) * np.float32(gain))[..., None]
    shadow = np.asarray(SHADOWS.get(palette, 0.3 * colours[0]), np.float32)
    shaded = shadow + (colour - shadow) * np.minimum(light, 1)
    return np.clip(shaded + (255 - shaded) * 0.75 * np.clip(light - 1, 0, 1), 0, 255).astype(np.uint8)
