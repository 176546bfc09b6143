"""Scenes to pictures: tones looked up in a palette and lit, as film sees them; in torch, on any device."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

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

LOOKS = ("soft", "sharp", "dark", "bright", "glowing", "symmetrical")
GAIN = {"dark": (0.62, 1.3), "bright": (1.3, 0.72), "glowing": (0.85, 1.15)}  # of light, and exponent of tone
SHADES = 1024  # entries of a palette's table


@dataclass(frozen=True)
class Finish:
    """How a scene becomes a picture."""

    palette: str
    look: str = ""  # one of LOOKS, or ""
    gain: float = 1.0  # of the light
    exponent: float = 1.0  # of the tone
    glow: float = 0.3  # light that bright places throw around them


def finish_by_chance(palette: str, look: str, rng: np.random.Generator) -> Finish:
    """A palette and a look with the small differences that pictures of one kind have."""
    gain, exponent = GAIN.get(look, (1.0, 1.0))
    glow = 2.2 if look == "glowing" else rng.uniform(0.15, 0.4)
    return Finish(palette, look, gain * rng.uniform(0.93, 1.07), exponent * rng.uniform(0.88, 1.12), glow)


@torch.no_grad()
def paint(tone: torch.Tensor, light: torch.Tensor, finishes: list[Finish]) -> torch.Tensor:
    """Pictures of scenes.

    Parameters
    ----------
    tone : float, shape (B, H, W)
        Place in the palette, 0..1.
    light : float, shape (B, H, W)
        0 black, 1 the palette's own colour, 2 white.
    finishes : one a scene

    Returns
    -------
    float32, shape (B, 3, H, W), 0..1
    """

    device, count = tone.device, len(finishes)
    numbers = torch.tensor([(finish.gain, finish.glow, *shadow_of(finish.palette)) for finish in finishes])
    gain, glow, shadow = numbers.float().to(device)[..., None, None].split((1, 1, 3), 1)
    tone, light = (field[:, None].float() for field in (tone, light))
    mirrored = [index for index, finish in enumerate(finishes) if finish.look == "symmetrical"]
    for field in (tone, light) if mirrored else ():
        half = field.shape[-1] // 2
        field[mirrored, ..., half:] = field[mirrored, ..., :half].flip(-1)
    table = torch.from_numpy(np.stack([shades(finish) for finish in finishes])).to(device)
    place = (tone * (SHADES - 1)).long().clamp_(0, SHADES - 1).flatten(2).expand(count, 3, -1)
    colour = table.gather(2, place).unflatten(2, tone.shape[2:])
    light = light.clamp(0, 2) * gain
    picture = shadow + (colour - shadow) * light.clamp(max=1)
    picture = picture + (1 - picture) * 0.7 * (light - 1).clamp(0, 1)
    picture = picture + (1 - picture) * (glow * spill(picture)).clamp(0, 0.9)
    for look, deviation, keep in (("soft", 5.0, 0.0), ("sharp", 1.6, 2.1)):
        if chosen := [index for index, finish in enumerate(finishes) if finish.look == look]:
            picture[chosen] = torch.lerp(blurred(picture[chosen], deviation), picture[chosen], keep)
    return picture.clamp_(0, 1)


def shades(finish: Finish) -> np.ndarray:
    """The palette's colours from tone 0 to tone 1: float32, shape (3, SHADES)."""
    colours = np.asarray(PALETTES[finish.palette]) / 255
    places = np.linspace(0, 1, SHADES) ** finish.exponent * (len(colours) - 1)
    return np.stack([np.interp(places, np.arange(len(colours)), channel) for channel in colours.T]).astype(np.float32)


def shadow_of(palette: str) -> list[float]:
    """The colour without light."""
    return [value / 255 for value in SHADOWS.get(palette, tuple(0.3 * value for value in PALETTES[palette][0]))]


def spill(picture: torch.Tensor, *, factor: int = 8, spread: float = 5.0) -> torch.Tensor:
    """Light that bright places throw on what is around them, (B, 3, H, W)."""
    small = F.avg_pool2d(picture, factor)
    small = small * (small.amax(1, keepdim=True) - 0.35).clamp(0, 1) ** 1.5 * 1.6
    wide = 0.6 * blurred(small, spread / 2) + 0.4 * blurred(small, 3 * spread)
    return F.interpolate(wide, scale_factor=factor, mode="bilinear")


def blurred(picture: torch.Tensor, deviation: float) -> torch.Tensor:
    """A Gaussian blur of (B, C, H, W), mirrored at its borders."""
    reach = min(round(3 * deviation), min(picture.shape[2:]) - 1)
    weights = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, device=picture.device) / deviation) ** 2)
    weights = (weights / weights.sum()).to(picture.dtype)
    rows = picture.flatten(0, 1)[:, None]
    rows = F.conv2d(F.pad(rows, (reach, reach, 0, 0), mode="reflect"), weights.view(1, 1, 1, -1))
    rows = F.conv2d(F.pad(rows, (0, 0, reach, reach), mode="reflect"), weights.view(1, 1, -1, 1))
    return rows.view(picture.shape)


def to_bytes(picture: torch.Tensor) -> torch.Tensor:
    """Pictures in 0..1, (B, 3, H, W), as uint8 (B, H, W, 3)."""
    return picture.mul(255).round_().to(torch.uint8).permute(0, 2, 3, 1).contiguous()
