"""The strongest note turns a wheel of colours: the same chord always has the same colour."""

import numpy as np

import audioviz as av

COLOURS = ("fire", "gold", "emerald", "ice", "deep blue", "violet", "rose")  # once around


def schedule(song, *, subject: str = "glass", seconds: float = 0.5, punch: float = 0.3, seed: int = 51) -> av.Schedule:
    """subject: what is painted in all the colours; seconds: how smoothly the wheel turns; punch: what a kick adds."""
    kick = av.curves.at(song.kicks, 1.0).decay(0.15)
    east, north = ((wave(2 * np.pi * song.hue)).smooth(seconds) for wave in (np.cos, np.sin))
    turn = np.arctan2(north, east) / (2 * np.pi)
    away = [abs((turn - i / len(COLOURS) + 0.5) % 1 - 0.5) for i in range(len(COLOURS))]
    return av.Schedule(
        seed=av.seeds.change_at(song.kicks, base=seed),
        denoise=0.3 + 0.08 * song.rms.smooth(0.5) + punch * kick,
        noise=0.02 + 0.04 * kick,
        interp=0.75 + 0.25 * kick,
        anchor=0.35,
        prompts=[subject],
        mix={f"{colour} {subject}": (1 - len(COLOURS) * distance).clip(0, 1) for colour, distance in zip(COLOURS, away)},
    )
