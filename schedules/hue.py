"""The brightness of the sound turns a wheel of colours: dark sounds are violet, bright ones gold and white."""

import audioviz as av


def schedule(song, *, subject: str = "mandala", seconds: float = 0.8, punch: float = 0.3, seed: int = 51) -> av.Schedule:
    """subject: what is painted in all the colours; seconds: how smoothly the wheel turns; punch: what a kick adds."""
    kick = av.curves.at(song.kicks, 1.0).decay(0.15)
    colours = ("violet", "deep blue", "emerald", "rose", "fire", "gold", "ice")
    return av.Schedule(
        seed=av.seeds.change_at(song.kicks, base=seed),
        denoise=0.3 + 0.08 * song.rms.smooth(0.5) + punch * kick,
        noise=0.02 + 0.04 * kick,
        interp=0.75 + 0.25 * kick,
        anchor=0.35,
        prompts=[f"{colour} {subject}" for colour in colours],
        travel=song.brightness.smooth(seconds).normalize(),
    )
