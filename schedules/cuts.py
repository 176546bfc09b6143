"""A hard cut to a new picture at every bar that sounds; between the cuts the kicks shake it."""

import audioviz as av

PICTURES = ("crimson flames", "emerald caustics", "mono marble", "gold cathedral")  # one after the other


def schedule(
    song, *, bars: int = 1, hit: float = 0.75, calm: float = 0.12, quiet: float = 0.15, seed: int = 5
) -> av.Schedule:
    """bars: from cut to cut; hit: what a kick adds to the denoise; quiet: loudness below which nothing cuts."""
    starts = song.downbeats[::bars]
    cuts = starts[song.rms.peak(0.1)[starts] >= quiet]
    kicks = song.kicks or song.beats  # which a song without drums has
    kick = av.curves.at(kicks, kicks.strength).decay(0.1)
    return av.Schedule(
        **av.seeds.travel(song.beats, seed),
        denoise=av.curves.where(av.curves.at(cuts, 1.0), 1.0, calm + hit * kick),
        noise=0.02 + 0.05 * kick,
        anchor=0.3,
        prompts=[av.Prompt(at, PICTURES[i % len(PICTURES)], ease="hold") for i, at in enumerate(cuts.seconds)],
    )
