"""A hard cut to a new picture every few beats, which rings on for a moment; where the song is quiet it only flows."""

import audioviz as av


def schedule(
    song, *, every: int = 1, calm: float = 0.2, ring: float = 0.12, quiet: float = 0.15, seed: int = 3
) -> av.Schedule:
    """every: beats from cut to cut; calm: denoise between them; ring: seconds; quiet: loudness below which none is."""
    beats = song.beats[::every]
    cuts = beats[song.rms.peak(0.1)[beats] >= quiet]
    return av.Schedule(
        **av.seeds.travel(beats, seed),
        denoise=calm + (0.9 - calm) * av.curves.at(cuts, 1.0).decay(ring),
        anchor=0.3,
        prompts=["mono marble"],
    )
