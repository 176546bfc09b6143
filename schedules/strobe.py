"""A hard cut to a new picture every few beats, frozen in between; no cuts where the song is quiet."""

import audioviz as av


def schedule(song, *, every: int = 1, calm: float = 0.12, quiet: float = 0.15, seed: int = 3) -> av.Schedule:
    """every: beats between cuts; calm: denoise between them; quiet: loudness below which nothing cuts."""
    beats = song.beats[::every]
    cuts = beats[song.rms.peak(0.1)[beats] >= quiet]
    return av.Schedule(
        seed=av.seeds.change_at(cuts, base=seed),
        denoise=av.curves.at(cuts, 0.9, otherwise=calm),
        interp=1.0,
        anchor=0.1,
    )
