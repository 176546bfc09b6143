"""Every kick redraws the picture; between kicks it settles, and flows on from beat to beat."""

import audioviz as av


def schedule(song, *, calm: float = 0.28, punch: float = 0.42, seconds: float = 0.18, seed: int = 7) -> av.Schedule:
    """calm: denoise between kicks; punch: what a kick adds; seconds: how long it rings on."""
    hit = av.curves.at(song.kicks, 1.0).decay(seconds)
    return av.Schedule(
        **av.seeds.travel(song.beats, seed),
        denoise=calm + punch * hit,
        noise=0.02 + 0.06 * hit,
        interp=0.75 + 0.25 * hit,
        anchor=0.3,
    )
