"""Every kick redraws the picture; between kicks it settles, and flows on from beat to beat."""

import audioviz as av


def schedule(song, *, calm: float = 0.28, punch: float = 0.42, seconds: float = 0.18, seed: int = 7) -> av.Schedule:
    """calm: denoise between kicks; punch: what a kick adds; seconds: how long it rings on."""
    kicks = song.kicks or song.beats  # which a song without drums has
    hit = av.curves.at(kicks, kicks.strength).decay(seconds)
    return av.Schedule(
        **av.seeds.travel(song.beats, seed),
        denoise=calm + punch * hit,
        noise=0.02 + 0.06 * hit,
        interp=0.75 + 0.25 * hit,
        anchor=0.3,
    )
