"""The way of KSampler Sequence v2: seed and denoise swing on sines, here with the loudness of the song."""

import audioviz as av


def schedule(
    song,
    *,
    low: float = 0.5,
    high: float = 0.9,
    follow: float = 0.75,
    divisor: int = 4,
    noise: float = 0.1,
    cfg: float = 8.0,
    seed: int = 0,
) -> av.Schedule:
    """low, high: denoise; follow: how far it falls in quiet, 0 is the original; divisor: of the seed keying."""
    swing = av.curves.oscillate("sine", seconds=float(song.clock.duration), phase=0.25, low=low, high=high)
    level = 1 - follow * (1 - song.rms.decay(0.2))
    return av.Schedule(
        seed=av.seeds.sine(seed, divisor=divisor),
        denoise=swing * level,
        noise=noise * level,
        cfg=cfg,
    )
