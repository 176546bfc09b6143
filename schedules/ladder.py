"""Pictures on a ladder: each kick climbs one up, and then down again, so the same few come back."""

import audioviz as av


def schedule(song, *, rungs: int = 4, punch: float = 0.6, calm: float = 0.2, seed: int = 71) -> av.Schedule:
    """rungs: pictures on the ladder; punch: what a kick adds to the denoise; calm: denoise on a rung."""
    kicks = song.kicks or song.beats  # which a song without drums has
    step = av.curves.at(kicks, 1.0)
    height = av.seeds.ladder(kicks, rungs=rungs) / (rungs - 1)
    upward = av.curves.where(av.curves.count(kicks) // (rungs - 1) % 2, -1, 1)
    return av.Schedule(
        seed=av.seeds.ladder(kicks, seed, rungs=rungs),
        denoise=calm + punch * step.decay(0.08),
        cfg=3.0 + 2.0 * height,
        shift_y=0.07 * av.curves.push(kicks, seconds=0.1) * upward,
        anchor=0.2,
        prompts=["emerald caustics", "copper coral"],
    )
