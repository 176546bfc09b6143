"""Techno: black and white, mirrored, driven by the kick; where it is loud, light cuts through the dark."""

import audioviz as av


def schedule(
    song, *, drive: float = 0.35, beam: float = 0.5, zoom: float = 1.5, hats: float = 0.6, seed: int = 97
) -> av.Schedule:
    """drive: denoise of a kick; beam: its light; zoom: its thrust; hats: how far they tear the colours apart."""
    kicks = song.kicks or song.beats  # in a song without drums
    kick = av.curves.at(kicks, kicks.strength).decay(0.12)
    loud = song.rms.smooth(1.0)
    return av.Schedule(
        seed=av.seeds.change_at(song.downbeats[::2], base=seed),
        denoise=0.3 + drive * kick,
        noise=0.02 + 0.02 * kick,
        zoom=zoom ** av.curves.push(kicks, seconds=0.12),
        angle=6 * loud,
        anchor=0.2,
        mirror=2,
        saturation=-1,
        contrast=0.6,
        brightness=-0.3 + beam * kick * loud,
        glow=0.3 + 0.7 * kick * loud,
        chroma=hats * av.curves.at(song.hats, song.hats.strength).decay(0.06),
        scanlines=0.15,
        prompts=["mono tunnel", "silver moire", "mono cathedral"],
    )
