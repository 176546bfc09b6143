"""A slow dream: the picture never jumps, loud passages flow faster."""

import audioviz as av


def schedule(song, *, flow: float = 0.30, swell: float = 0.15, seconds: float = 1.5, seed: int = 11) -> av.Schedule:
    """flow: denoise when it is quiet; swell: what loudness adds; seconds: how smoothly it follows."""
    loud = song.rms.smooth(seconds)
    return av.Schedule(
        seed=av.seeds.step(seed),
        denoise=flow + swell * loud,
        noise=0.02 + 0.04 * song.low.smooth(0.3),
        interp=0.55 + 0.2 * loud,
        anchor=0.2,
    )
