"""The strongest note turns a wheel of colours: the same chord always has the same colour."""

import audioviz as av

COLOURS = ("fire", "gold", "emerald", "ice", "deep blue", "violet", "rose")  # once around


def schedule(song, *, subject: str = "glass", seconds: float = 0.4, punch: float = 0.3, seed: int = 51) -> av.Schedule:
    """subject: what is painted in all the colours; seconds: how softly they follow each other; punch: of a kick."""
    kicks = song.kicks or song.beats  # which a song without drums has
    kick = av.curves.at(kicks, kicks.strength).decay(0.15)
    around = len(COLOURS)
    near = [
        (1 - around * abs((song.hue - i / around + 0.5) % 1 - 0.5)).clip(0, 1).smooth(seconds) for i in range(around)
    ]
    return av.Schedule(
        seed=av.seeds.change_at(kicks, base=seed),
        denoise=0.3 + 0.08 * song.rms.smooth(0.5) + punch * kick,
        noise=0.02 + 0.04 * kick,
        interp=0.75 + 0.25 * kick,
        anchor=0.35,
        prompts=[subject],
        mix={f"{colour} {subject}": share for colour, share in zip(COLOURS, near)},
    )
